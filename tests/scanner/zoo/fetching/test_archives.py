"""Archives that nobody vouches for: the honest are unpacked, the others refused in one sentence."""

import io
import random
import tarfile
import zipfile
from contextlib import suppress
from pathlib import Path

import pytest

from scanner.zoo.fetching import archives
from scanner.zoo.fetching.archives import ArchiveError, read_members, unpack


def make_tar(path: Path, members: list[tarfile.TarInfo], mode: str = "w:gz") -> Path:
    with tarfile.open(path, mode) as tar:
        for member in members:
            tar.addfile(member, io.BytesIO(b"x" * member.size))
    return path


def member(name: str, size: int = 4, **fields: object) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.size = size
    for field, value in fields.items():
        setattr(info, field, value)
    return info


@pytest.mark.parametrize("mode", ["w:gz", "w:bz2", "w:xz", "w"])
def test_unpacks_each_kind_of_tar(tmp_path: Path, mode: str) -> None:
    unpack(make_tar(tmp_path / "a.tar", [member("top/model/a.bin"), member("top/b.txt")], mode), tmp_path / "out")
    assert (tmp_path / "out/top/model/a.bin").read_bytes() == b"xxxx"


def test_unpacks_a_zip(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as bundle:
        bundle.writestr("top/b.txt", "hello")
    unpack(tmp_path / "a.zip", tmp_path / "out")
    assert (tmp_path / "out/top/b.txt").read_text() == "hello"


@pytest.mark.parametrize("name", ["../out.txt", "a/../../out.txt", "/tmp/out.txt", "..\\out.txt", "C:\\out.txt"])
@pytest.mark.parametrize("kind", ["tar", "zip"])
def test_a_path_outside_is_refused(tmp_path: Path, name: str, kind: str) -> None:
    archive = tmp_path / "a"
    if kind == "tar":
        make_tar(archive, [member(name)])
    else:
        with zipfile.ZipFile(archive, "w") as bundle:
            bundle.writestr(name, "x")
    with pytest.raises(ArchiveError, match="outside of its folder"):
        unpack(archive, tmp_path / "deep" / "target")
    assert not list(tmp_path.rglob("out.txt"))


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE])
def test_links_and_devices_in_a_tar_are_refused(tmp_path: Path, kind: bytes) -> None:
    archive = make_tar(tmp_path / "a.tar.gz", [member("link", size=0, type=kind, linkname="/etc/passwd")])
    with pytest.raises(ArchiveError, match="link or device"):
        unpack(archive, tmp_path / "out")


def test_a_link_in_a_zip_is_refused(tmp_path: Path) -> None:
    link = zipfile.ZipInfo("link")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as bundle:
        bundle.writestr(link, "/etc/passwd")
    with pytest.raises(ArchiveError, match="link or device"):
        unpack(tmp_path / "a.zip", tmp_path / "out")


def test_a_bomb_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "FLOOR_BYTES", 1000)
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as bundle:
        bundle.writestr("zeros", bytes(5_000_000))
    with pytest.raises(ArchiveError, match="bomb"):
        unpack(tmp_path / "a.zip", tmp_path / "out")


@pytest.mark.parametrize("place", ["first", "second"])
@pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME])
def test_a_header_that_would_fill_the_memory_is_refused(tmp_path: Path, kind: bytes, place: str) -> None:
    bomb = member("header", size=3_000_000, type=kind)
    members = [bomb] if place == "first" else [member("f"), bomb]
    with pytest.raises(ArchiveError, match=r"bomb|no archive"):
        unpack(make_tar(tmp_path / "a.tar.gz", members), tmp_path / "out")


def test_too_many_files_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "MOST_ENTRIES", 3)
    with pytest.raises(ArchiveError, match="bomb"):
        unpack(make_tar(tmp_path / "a.tar.gz", [member(f"f{n}") for n in range(5)]), tmp_path / "out")


@pytest.mark.parametrize("kind", ["tar", "zip"])
def test_folders_count_as_files_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    monkeypatch.setattr(archives, "MOST_ENTRIES", 3)
    if kind == "tar":
        make_tar(tmp_path / "a", [member(f"f{n}", size=0, type=tarfile.DIRTYPE) for n in range(5)])
    else:
        with zipfile.ZipFile(tmp_path / "a", "w") as bundle:
            for n in range(5):
                bundle.mkdir(f"f{n}")
    for read in (lambda: unpack(tmp_path / "a", tmp_path / "out"), lambda: read_members(tmp_path / "a", {})):
        with pytest.raises(ArchiveError, match="bomb"):
            read()


@pytest.mark.parametrize("content", [b"", b"plain text", b"PK\x03\x04 and then nothing"])
def test_what_is_no_archive_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.tar.gz").write_bytes(content)
    with pytest.raises(ArchiveError):
        unpack(tmp_path / "a.tar.gz", tmp_path / "out")


def test_a_truncated_archive_is_refused(tmp_path: Path) -> None:
    archive = make_tar(tmp_path / "a.tar.gz", [member("f", size=300_000)])
    archive.write_bytes(archive.read_bytes()[:-20])
    with pytest.raises(ArchiveError, match="broken"):
        unpack(archive, tmp_path / "out")


@pytest.mark.parametrize("mode", ["w:gz", "w:bz2", "w:xz", "w", "zip"])
def test_flipped_bytes_are_never_more_than_a_refusal(tmp_path: Path, mode: str) -> None:
    dice = random.Random(5)  # noqa: S311
    if mode == "zip":
        with zipfile.ZipFile(tmp_path / "a", "w", zipfile.ZIP_DEFLATED) as bundle:
            bundle.writestr("a/b", dice.randbytes(2000))
    else:
        make_tar(tmp_path / "a", [member(f"a/{number}", size=2000) for number in range(3)], mode)
    whole = (tmp_path / "a").read_bytes()
    for number in range(60):
        broken = bytearray(whole)
        for _ in range(dice.choice([1, 3, 10])):
            broken[dice.randrange(len(whole))] = dice.randrange(256)
        (tmp_path / "a").write_bytes(broken)
        with suppress(ArchiveError):
            unpack(tmp_path / "a", tmp_path / f"out{number}")


def test_a_full_disk_is_not_taken_for_a_broken_archive(tmp_path: Path) -> None:
    make_tar(tmp_path / "a.tar.gz", [member("full")])
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "full").symlink_to("/dev/full")
    with pytest.raises(OSError, match="No space left"):
        unpack(tmp_path / "a.tar.gz", tmp_path / "out")


def test_a_file_without_a_name_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as bundle:
        bundle.writestr("name", "x")
        bundle.filelist[0].filename = ""
    with pytest.raises(ArchiveError, match="without a name"):
        unpack(tmp_path / "a.zip", tmp_path / "out")
