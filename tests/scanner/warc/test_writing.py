import contextlib
import errno
import gzip
import hashlib
import io
import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from warcio.archiveiterator import ArchiveIterator
from warcio.cli import main as run_warcio

from scanner.fetch import Fetcher, FetchError
from scanner.warc import ArchiveError, ArchiveWriter, Record
from tests.scanner.fetch.site import Site, answer
from tests.scanner.warc.pages import AT, page, unchanged


def records_of(path: Path) -> list[tuple[Any, bytes]]:
    with path.open("rb") as file:
        return [(record, record.raw_stream.read()) for record in ArchiveIterator(file, check_digests="raise")]


def check(path: Path) -> str:
    """What `warcio check` says of every record."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said), pytest.raises(SystemExit) as ended:
        run_warcio(["check", "-v", str(path)])
    assert ended.value.code == 0, said.getvalue()
    return said.getvalue()


def archive(folder: Path) -> Path:
    (path,) = folder.glob("*.warc.gz")
    return path


def test_a_fetch_is_a_request_an_answer_and_what_is_known_of_it(tmp_path: Path) -> None:
    with ArchiveWriter(tmp_path, "scan-7", contact="crawl@example.org") as writer:
        records = writer.add(page(body=b"hello"), {"scan": 7, "source": "shop"})
    (path,) = writer.finished
    kinds = [record.rec_type for record, _ in records_of(path)]
    assert kinds == ["warcinfo", "response", "request", "metadata"]
    assert records == [
        Record(path.name, records[0].record_id, page().url, hashlib.sha256(b"hello").hexdigest(), AT),
    ]
    assert path.name.startswith("scan-7-")


def test_records_name_each_other_their_time_and_the_address_that_was_asked(tmp_path: Path) -> None:
    with ArchiveWriter(tmp_path, "a") as writer:
        writer.add(page())
    info, response, request, metadata = (record.rec_headers for record, _ in records_of(archive(tmp_path)))
    assert info["WARC-Filename"] == archive(tmp_path).name
    assert response["WARC-Concurrent-To"] == request["WARC-Record-ID"]
    assert request["WARC-Concurrent-To"] == metadata["WARC-Concurrent-To"] == response["WARC-Record-ID"]
    assert response["WARC-IP-Address"] == "93.184.215.14"
    assert response["WARC-Date"] == "2026-11-26T12:30:15.250000Z"
    assert response.protocol == "WARC/1.1"


def test_what_the_lines_do_not_tell_is_a_record_of_its_own(tmp_path: Path) -> None:
    with ArchiveWriter(tmp_path, "a", contact="crawl@example.org") as writer:
        writer.add(page(), {"scan": 7, "note": "two\r\nlines: 穿山甲"})
    told = json.loads(records_of(archive(tmp_path))[-1][1])
    assert told["facts"] == {"scan": 7, "note": "two\r\nlines: 穿山甲"}
    assert (told["contact"], told["final_url"], told["software"][:9]) == ("crawl@example.org", page().url, "Tuskline/")
    assert told["hops"][0]["robots"] == "allowed"
    assert told["hops"][0]["certificate_sha256"] == "ab" * 32


def test_warcio_finds_every_digest_right(tmp_path: Path) -> None:
    with ArchiveWriter(tmp_path, "a") as writer:
        writer.add(page(body=b"x" * 100_000))
        writer.add(page(body=b""))
        writer.add(unchanged())
    said = check(archive(tmp_path))
    assert "digest pass" in said
    assert "no digest" not in said
    assert "sha256:" in gzip.decompress(archive(tmp_path).read_bytes()).decode("latin-1")


def test_each_record_is_packed_by_itself(tmp_path: Path) -> None:
    with ArchiveWriter(tmp_path, "a") as writer:
        writer.add(page())
    offsets = []
    with archive(tmp_path).open("rb") as file:
        records = ArchiveIterator(file)
        for _ in records:
            offsets.append((records.get_record_offset(), records.get_record_length()))
    data = archive(tmp_path).read_bytes()
    assert all(gzip.decompress(data[start : start + length]).startswith(b"WARC/1.1\r\n") for start, length in offsets)


def test_what_came_over_the_wire_is_kept_byte_for_byte(site: Site, fetcher: Fetcher, tmp_path: Path) -> None:
    packed = gzip.compress(b"page " * 100)
    site.answers["/old"] = answer(301, b"moved", Location="/a")
    site.answers["/a"] = answer(body=packed, Content_Encoding="gzip", X_Odd="caf\xe9  two  spaces")
    with ArchiveWriter(tmp_path, "a") as writer:
        moved, landed = writer.add(fetcher.get(site.url("/old")))
    assert (moved.url, landed.url) == (site.url("/old"), site.url("/a"))
    assert landed.sha256 == hashlib.sha256(b"page " * 100).hexdigest()
    blocks = {record.rec_headers["WARC-Record-ID"]: data for record, data in records_of(archive(tmp_path))}
    assert blocks[moved.record_id] == b"moved"
    assert blocks[landed.record_id] == packed
    raw = gzip.decompress(archive(tmp_path).read_bytes())
    assert b"X-Odd: caf\xe9  two  spaces\r\n" in raw
    assert b"GET /old HTTP/1.1\r\n" in raw
    check(archive(tmp_path))


def test_a_chunked_answer_can_be_replayed(tmp_path: Path) -> None:
    with ArchiveWriter(tmp_path, "a") as writer:
        writer.add(page(body=b"whole", transfer_encoding="chunked"))
    response = records_of(archive(tmp_path))[1][0]
    assert response.http_headers["Transfer-Encoding"] is None
    assert response.http_headers["X-Archive-Orig-transfer-encoding"] == "chunked"
    check(archive(tmp_path))


def test_a_page_that_did_not_change_is_a_revisit_of_the_earlier_one(tmp_path: Path) -> None:
    with ArchiveWriter(tmp_path, "a") as writer:
        (first,) = writer.add(page())
        writer.add(unchanged(), earlier=first)
    revisit = next(record.rec_headers for record, _ in records_of(archive(tmp_path)) if record.rec_type == "revisit")
    assert revisit["WARC-Profile"] == "http://netpreserve.org/warc/1.1/revisit/server-not-modified"
    assert revisit["WARC-Refers-To"] == first.record_id
    assert revisit["WARC-Refers-To-Date"] == "2026-11-26T12:30:15.250000Z"


def test_a_page_that_is_gone_is_evidence_too(site: Site, fetcher: Fetcher, tmp_path: Path) -> None:
    site.answers["/a"] = answer(410, b"sold")
    with pytest.raises(FetchError) as gone:
        fetcher.get(site.url("/a"))
    assert gone.value.answer is not None
    with ArchiveWriter(tmp_path, "a") as writer:
        (record,) = writer.add(gone.value.answer)
    assert record.sha256 == hashlib.sha256(b"sold").hexdigest()
    assert records_of(archive(tmp_path))[1][1] == b"sold"


def test_a_body_that_was_cut_off_says_so(site: Site, fetcher: Fetcher, tmp_path: Path) -> None:
    site.answers["/a"] = answer(404, b"x" * 300_000)
    with pytest.raises(FetchError) as gone:
        fetcher.get(site.url("/a"))
    assert gone.value.answer is not None
    with ArchiveWriter(tmp_path, "a") as writer:
        writer.add(gone.value.answer)
    assert records_of(archive(tmp_path))[1][0].rec_headers["WARC-Truncated"] == "length"


def test_an_archive_has_no_name_before_it_is_closed(tmp_path: Path) -> None:
    writer = ArchiveWriter(tmp_path, "a")
    (record,) = writer.add(page())
    assert [path.name for path in tmp_path.iterdir()] == [f".{record.archive}.part"]
    writer.close()
    assert [path.name for path in tmp_path.iterdir()] == [record.archive]


def test_an_archive_of_nothing_is_not_kept(tmp_path: Path) -> None:
    with ArchiveWriter(tmp_path, "a") as writer:
        assert writer.add(page().__class__(page().url, page().url, 200, {}, b"", AT)) == []
    assert list(tmp_path.iterdir()) == []


def test_an_archive_is_closed_before_it_grows_too_large(tmp_path: Path) -> None:
    with ArchiveWriter(tmp_path, "a", max_bytes=30_000) as writer:
        records = [record for _ in range(8) for record in writer.add(page(body=os.urandom(9_000)))]
    assert len(writer.finished) == 4
    assert [path.name for path in writer.finished] == list(dict.fromkeys(record.archive for record in records))
    assert all(path.stat().st_size <= 30_000 for path in writer.finished)
    for path in writer.finished:
        assert records_of(path)[0][0].rec_type == "warcinfo"


def test_a_fetch_larger_than_an_archive_has_one_of_its_own(tmp_path: Path) -> None:
    with ArchiveWriter(tmp_path, "a", max_bytes=10_000) as writer:
        writer.add(page(body=os.urandom(50_000)))
    assert len(records_of(archive(tmp_path))) == 4


@pytest.mark.parametrize("prefix", ["", "../a", "a b", ".a", "a/b"])
def test_a_name_that_leads_elsewhere_is_refused(prefix: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="prefix"):
        ArchiveWriter(tmp_path, prefix)


def test_writers_and_threads_share_a_folder(tmp_path: Path) -> None:
    writers = [ArchiveWriter(tmp_path, "a", max_bytes=4_000) for _ in range(2)]
    threads = [
        threading.Thread(target=lambda writer=writer: [writer.add(page()) for _ in range(10)])
        for writer in writers
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for writer in writers:
        writer.close()
    answers = [record for path in tmp_path.iterdir() for record, _ in records_of(path) if record.rec_type == "response"]
    assert len(answers) == 40


def test_a_full_disk_leaves_what_was_added_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    writer = ArchiveWriter(tmp_path, "a")
    (first,) = writer.add(page())
    write = os.pwrite

    def half(handle: int, data: Any, offset: int) -> int:
        monkeypatch.setattr(os, "pwrite", full)
        return write(handle, data[: len(data) // 2], offset)

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "pwrite", half)
    with pytest.raises(ArchiveError, match=r"No space left on device\. See whether the disk is full"):
        writer.add(page("https://shop.example/2"))
    monkeypatch.setattr(os, "pwrite", write)
    (third,) = writer.add(page("https://shop.example/3"))
    writer.close()
    answers = [record for record, _ in records_of(archive(tmp_path)) if record.rec_type == "response"]
    assert [record.rec_headers["WARC-Record-ID"] for record in answers] == [first.record_id, third.record_id]


LIMITED = """
import resource, sys
from pathlib import Path
from scanner.warc import ArchiveError, ArchiveWriter
from tests.scanner.warc.pages import page
import os
resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))
added = 0
with ArchiveWriter(Path(sys.argv[1]), "a") as writer:
    try:
        while True:
            writer.add(page(body=os.urandom(3_000)))
            added += 1
    except ArchiveError:
        print(added)
"""


def test_a_disk_that_takes_half_a_record_leaves_whole_ones(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", LIMITED, str(tmp_path)], check=True, capture_output=True, text=True)
    answers = [record for record, _ in records_of(archive(tmp_path)) if record.rec_type == "response"]
    assert len(answers) == int(done.stdout) > 5
    check(archive(tmp_path))
