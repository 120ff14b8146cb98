"""A download survives a bad server: it resumes, never splices, and refuses what is not what was promised."""

import hashlib
import random
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

import httpx2
import pytest

from scanner.zoo.fetching import transfers
from scanner.zoo.fetching.downloads import DigestError, DiskFullError, Downloader, Received
from scanner.zoo.fetching.partials import version_of
from scanner.zoo.fetching.transfers import DownloadError, Pace, public_url
from tests.scanner.zoo.file_server import FileServer, Served

CONTENT = random.Random(1).randbytes(300_000)  # noqa: S311 any bytes will do
OTHER = random.Random(2).randbytes(300_000)  # noqa: S311
SHA256 = hashlib.sha256(CONTENT).hexdigest()


def fetch(tmp_path: Path, url: str, sha256: str | None = None, plain_http: bool = True, **pace: Any) -> Received:
    downloader = Downloader(tmp_path / ".downloads", plain_http, Pace(**{"pause_s": 0.0, **pace}))
    return downloader.fetch(url, tmp_path / "file", sha256)


def left_behind(tmp_path: Path) -> list[int]:
    """Sizes of the partial files."""
    return [path.stat().st_size for path in (tmp_path / ".downloads").glob("*.part")]


def test_a_whole_file_leaves_nothing_else(tmp_path: Path, server: FileServer) -> None:
    received = fetch(tmp_path, server.put("/a", CONTENT))
    assert received == Received(tmp_path / "file", f"{server.address}/a", SHA256, 300_000)
    assert (tmp_path / "file").read_bytes() == CONTENT
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_cut_connection_is_resumed_where_it_broke_off(tmp_path: Path, server: FileServer) -> None:
    url = server.put("/a", Served(CONTENT, cuts=[100_000, 50_000]))
    assert fetch(tmp_path, url).sha256 == SHA256
    assert [asked for _, asked in server.asked] == [None, "bytes=100000-", "bytes=150000-"]


def test_without_an_etag_the_date_keeps_the_parts_together(tmp_path: Path, server: FileServer) -> None:
    date = "Mon, 02 Nov 2026 10:00:00 GMT"
    url = server.put("/a", Served(CONTENT, etag='W/"weak"', modified=date, cuts=[100_000]))
    assert fetch(tmp_path, url).sha256 == SHA256
    assert server.asked[1][1] == "bytes=100000-"


def test_what_nothing_vouches_for_starts_again(tmp_path: Path, server: FileServer) -> None:
    url = server.put("/a", Served(CONTENT, etag=None, cuts=[100_000]))
    assert fetch(tmp_path, url).sha256 == SHA256
    assert server.asked[1][1] is None


def test_a_known_digest_vouches_too(tmp_path: Path, server: FileServer) -> None:
    url = server.put("/a", Served(CONTENT, etag=None, cuts=[100_000]))
    assert fetch(tmp_path, url, SHA256).sha256 == SHA256
    assert server.asked[1][1] == "bytes=100000-"


def test_a_server_that_ignores_ranges_sends_all_again(tmp_path: Path, server: FileServer) -> None:
    url = server.put("/a", Served(CONTENT, ranges=False, cuts=[100_000]))
    assert fetch(tmp_path, url).sha256 == SHA256


def break_off(tmp_path: Path, server: FileServer, content: bytes = CONTENT) -> str:
    """Leave 100,000 bytes of the file at /a."""
    url = server.put("/a", Served(content, cuts=[100_000] + [0] * 9))
    with pytest.raises(DownloadError, match=r"without progress .*; run the command again, it goes on"):
        fetch(tmp_path, url)
    assert left_behind(tmp_path) == [100_000]
    server.asked.clear()
    return url


def test_the_next_run_continues_the_last(tmp_path: Path, server: FileServer) -> None:
    url = break_off(tmp_path, server)
    server.put("/a", CONTENT)
    assert fetch(tmp_path, url).sha256 == SHA256
    assert server.asked == [("/a", "bytes=100000-")]


@pytest.mark.parametrize("splices", [False, True])
def test_a_file_that_changed_meanwhile_is_not_spliced(tmp_path: Path, server: FileServer, splices: bool) -> None:
    url = break_off(tmp_path, server, OTHER)
    server.put("/a", Served(CONTENT, etag='"2"', splices=splices))
    assert fetch(tmp_path, url).sha256 == SHA256


def test_a_file_that_became_shorter_is_fetched_anew(tmp_path: Path, server: FileServer) -> None:
    url = break_off(tmp_path, server)
    server.put("/a", Served(CONTENT[:5000], splices=True))
    assert fetch(tmp_path, url).size_bytes == 5000


def test_a_splice_that_no_header_shows_is_seen_by_its_digest_and_fetched_anew(
    tmp_path: Path, server: FileServer
) -> None:
    url = break_off(tmp_path, server, OTHER)
    server.put("/a", Served(CONTENT, splices=True))  # the same ETag for other bytes
    assert fetch(tmp_path, url, SHA256).sha256 == SHA256


def test_a_wrong_digest_names_both_and_keeps_nothing(tmp_path: Path, server: FileServer) -> None:
    url = server.put("/a", OTHER)
    with pytest.raises(DigestError) as refusal:
        fetch(tmp_path, url, SHA256)
    assert SHA256 in str(refusal.value) and hashlib.sha256(OTHER).hexdigest() in str(refusal.value)
    assert list(tmp_path.iterdir()) == []


def test_fewer_bytes_than_declared_are_refused(tmp_path: Path, server: FileServer) -> None:
    url = server.put("/a", Served(CONTENT, declared=400_000, ranges=False))
    with pytest.raises(DownloadError, match="without progress"):
        fetch(tmp_path, url)
    assert not (tmp_path / "file").exists()


def test_more_bytes_than_the_bound_are_refused(
    tmp_path: Path, server: FileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transfers, "MOST_BYTES", 200_000)
    with pytest.raises(DownloadError, match="larger than 200,000 bytes"):
        fetch(tmp_path, server.put("/a", CONTENT))
    assert list(tmp_path.iterdir()) == []


def test_a_busy_server_is_asked_again_and_a_missing_file_is_not(tmp_path: Path, server: FileServer) -> None:
    assert fetch(tmp_path, server.put("/a", Served(CONTENT, statuses=[503, 429]))).sha256 == SHA256
    server.asked.clear()
    with pytest.raises(DownloadError, match="it answers 404 Not Found"):
        fetch(tmp_path, f"{server.address}/b")
    assert len(server.asked) == 1


def test_a_slow_drip_hits_the_deadline_and_what_came_is_kept(tmp_path: Path, server: FileServer) -> None:
    url = server.put("/a", Served(CONTENT, drip_s=0.1))
    before = time.monotonic()
    with pytest.raises(DownloadError, match="took longer than 1 s; run the command again"):
        fetch(tmp_path, url, deadline_s=0.6)
    assert time.monotonic() - before < 3
    assert 0 < left_behind(tmp_path)[0] < 300_000


def test_progress_is_told_from_where_it_goes_on(tmp_path: Path, server: FileServer) -> None:
    url = break_off(tmp_path, server)
    server.put("/a", CONTENT)
    told: list[tuple[int, int | None]] = []
    fetch(tmp_path, url, progress=lambda done, total: told.append((done, total)))
    assert 100_000 < told[0][0] <= told[-1][0] == 300_000
    assert {total for _, total in told} == {300_000}


def test_http_is_refused_before_anything_is_asked(tmp_path: Path, server: FileServer) -> None:
    url = server.put("/a", CONTENT)
    with pytest.raises(DownloadError, match="is not https"):
        fetch(tmp_path, url, plain_http=False)
    assert server.asked == []
    assert fetch(tmp_path, url, SHA256, plain_http=False).sha256 == SHA256  # the digest vouches for what came


def test_a_redirect_to_http_is_refused_before_it_is_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        asked.append(str(request.url))
        return httpx2.Response(302, headers={"Location": "http://example.org/b"})

    monkeypatch.setattr(httpx2, "Client", partial(httpx2.Client, transport=httpx2.MockTransport(answer)))
    with pytest.raises(DownloadError, match=r"http://example\.org/b is not https"):
        fetch(tmp_path, "https://example.org/a", plain_http=False)
    assert asked == ["https://example.org/a"]


def test_a_full_disk_is_one_sentence(tmp_path: Path, server: FileServer) -> None:
    url = server.put("/a", CONTENT)
    (tmp_path / ".downloads").mkdir()
    key = hashlib.sha256(url.encode()).hexdigest()[:32]
    (tmp_path / ".downloads" / f"{key}.part").symlink_to("/dev/full")
    with pytest.raises(DiskFullError, match="is full; free some space") as refusal:
        fetch(tmp_path, url)
    assert "\n" not in str(refusal.value)


def test_two_downloads_of_one_address_do_not_write_into_each_other(tmp_path: Path, server: FileServer) -> None:
    url = server.put("/a", Served(CONTENT, drip_s=0.005))

    def meanwhile(*_: object) -> None:
        with pytest.raises(DownloadError, match="being downloaded by another process"):
            fetch(tmp_path, url)

    assert fetch(tmp_path, url, progress=meanwhile).sha256 == SHA256


KILLED = """
import sys
from pathlib import Path
from scanner.zoo.fetching.downloads import Downloader
Downloader(Path(sys.argv[2]), plain_http=True).fetch(sys.argv[1], Path(sys.argv[2]) / "never")
"""


def test_a_killed_process_is_continued_by_the_next(tmp_path: Path, server: FileServer) -> None:
    url = server.put("/a", Served(CONTENT, drip_s=0.1))
    process = subprocess.Popen([sys.executable, "-c", KILLED, url, str(tmp_path / ".downloads")])
    until = time.monotonic() + 30
    while not any(size > 8192 for size in left_behind(tmp_path)) and time.monotonic() < until:
        time.sleep(0.05)
    process.kill()
    process.wait()
    assert 0 < left_behind(tmp_path)[0] < 300_000
    server.put("/a", CONTENT)
    assert fetch(tmp_path, url).sha256 == SHA256
    assert str(server.asked[-1][1]).startswith("bytes=")


def test_no_password_is_shown() -> None:
    assert public_url("https://me:secret@example.org/a?b=1#sha256=00") == "https://example.org/a?b=1"


def test_a_length_of_thousands_of_digits_is_none() -> None:
    for status, header in ((200, "content-length"), (206, "content-range")):
        said = httpx2.Response(status, headers={header: "bytes 0-1/" * (status == 206) + "9" * 5000})
        assert version_of(said).total is None
