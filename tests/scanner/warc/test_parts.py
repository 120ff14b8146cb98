import subprocess
import sys
from pathlib import Path

import pytest
from warcio.archiveiterator import ArchiveIterator

from scanner.warc import ArchiveWriter, read_archive, salvage
from tests.scanner.warc.pages import page

WRITES_ON = """
import os, sys
from pathlib import Path
from scanner.warc import ArchiveWriter
from tests.scanner.warc.pages import page
writer = ArchiveWriter(Path(sys.argv[1]), "a")
while True:
    (record,) = writer.add(page(body=os.urandom(200_000)))
    print(record.record_id, flush=True)
"""


def ids_of(path: Path) -> list[str]:
    with path.open("rb") as file:
        records = [(record, record.raw_stream.read()) for record in ArchiveIterator(file, check_digests="raise")]
    return [record.rec_headers["WARC-Record-ID"] for record, _ in records if record.rec_type == "response"]


def dead_part(folder: Path, extra: bytes = b"") -> tuple[Path, list[str]]:
    """What a writer leaves that died after two pages and `extra` bytes of a third."""
    with ArchiveWriter(folder, "a") as writer:
        ids = [record.record_id for _ in range(2) for record in writer.add(page())]
    (path,) = writer.finished
    path.rename(folder / f".{path.name}.part")
    with (folder / f".{path.name}.part").open("ab") as file:
        file.write(extra)
    return path, ids


def test_a_writer_that_is_killed_loses_nothing_that_it_had_added(tmp_path: Path) -> None:
    writer = subprocess.Popen([sys.executable, "-c", WRITES_ON, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    with writer:
        assert writer.stdout is not None
        added = [writer.stdout.readline().strip() for _ in range(5)]
        assert salvage(tmp_path) == [], "its writer lives"
        writer.kill()
        added += writer.stdout.read().split()
    (path,) = salvage(tmp_path)
    assert ids_of(path)[: len(added)] == added
    assert list(tmp_path.iterdir()) == [path]
    assert salvage(tmp_path) == []


@pytest.mark.parametrize("extra", [b"", b"\x1f\x8b\x08", b"\0" * 5000, b"no gzip"])
def test_what_stands_behind_the_last_whole_record_is_cut_off(extra: bytes, tmp_path: Path) -> None:
    path, ids = dead_part(tmp_path, extra)
    assert salvage(tmp_path) == [path]
    assert ids_of(path) == ids


def test_wherever_a_record_breaks_off_the_whole_ones_stay(tmp_path: Path) -> None:
    path, ids = dead_part(tmp_path)
    part = tmp_path / f".{path.name}.part"
    data = part.read_bytes()
    for size in range(0, len(data), 97):
        part.write_bytes(data[:size])
        salvaged = salvage(tmp_path)
        found = ids_of(path) if salvaged else []
        assert found == ids[: len(found)]
        path.unlink(missing_ok=True)
    assert len(found) == 2


def test_an_archive_without_an_answer_is_deleted(tmp_path: Path) -> None:
    path, _ = dead_part(tmp_path)
    part = tmp_path / f".{path.name}.part"
    part.write_bytes(part.read_bytes()[:300])
    assert salvage(tmp_path) == []
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there_holds_nothing(tmp_path: Path) -> None:
    assert salvage(tmp_path / "none") == []


def test_an_archive_that_is_still_written_can_be_read_by_its_name_to_be(tmp_path: Path) -> None:
    with ArchiveWriter(tmp_path, "a") as writer:
        (record,) = writer.add(page(body=b"now"))
        assert [found.body for found in read_archive(tmp_path / record.archive)] == [b"now"]
        assert salvage(tmp_path) == []
    assert writer.finished == [tmp_path / record.archive]
