import gzip
import io
import zlib
from pathlib import Path

import pytest
from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter

from scanner.warc import ArchivedAnswer, ArchiveError, ArchiveWriter, read_archive, read_record
from tests.scanner.warc.pages import AT, page, unchanged

URL = "https://shop.example/1"


class Foreign:
    """An archive as another program writes it."""

    def __init__(self, is_packed: bool = True) -> None:
        self.file = io.BytesIO()
        self.writer = WARCWriter(self.file, gzip=is_packed)

    def add(self, body: bytes, url: str = URL, kind: str = "response", status: str = "200 OK", **headers: str) -> str:
        named = [(name.replace("_", "-"), value) for name, value in headers.items()]
        http = StatusAndHeaders(status, named, protocol="HTTP/1.1")
        record = self.writer.create_warc_record(url, kind, io.BytesIO(body), len(body), http_headers=http)
        self.writer.write_record(record)
        return str(record.rec_headers["WARC-Payload-Digest"])

    def revisit(self, digest: str, refers_to: str = URL) -> None:
        http = StatusAndHeaders("200 OK", [("X-Seen", "again")], protocol="HTTP/1.1")
        self.writer.write_record(
            self.writer.create_revisit_record(f"{URL}?again", digest, refers_to, "2020-01-01T00:00:00Z", http)
        )

    def answers(self, **options: int) -> list[ArchivedAnswer]:
        self.file.seek(0)
        return list(read_archive(self.file, **options))


def test_what_was_written_is_read(tmp_path: Path) -> None:
    with ArchiveWriter(tmp_path, "a") as writer:
        (record,) = writer.add(page(body=b"hello", Content_Type="text/plain"))
    found = ArchivedAnswer(URL, 200, {"content-type": "text/plain"}, b"hello", AT, record.record_id)
    assert list(read_archive(writer.finished[0])) == [found]
    assert read_record(writer.finished[0], record.record_id) == found


def test_one_record_is_found_by_its_name_also_when_it_is_a_revisit(tmp_path: Path) -> None:
    with ArchiveWriter(tmp_path, "a") as writer:
        (first,) = writer.add(page(body=b"hello"))
        writer.add(page("https://shop.example/2"))
        (again,) = writer.add(unchanged(), earlier=first)
    found = read_record(writer.finished[0], again.record_id)
    assert (found.status, found.body, found.record_id) == (200, b"hello", again.record_id)
    with pytest.raises(ArchiveError, match="no answer with the name"):
        read_record(writer.finished[0], "<urn:uuid:none>")


@pytest.mark.parametrize("is_packed", [True, False])
def test_bodies_are_unpacked(is_packed: bool) -> None:
    archive = Foreign(is_packed)
    archive.add(gzip.compress(b"gzip"), Content_Encoding="gzip")
    archive.add(zlib.compress(b"deflate"), Content_Encoding="deflate")
    archive.add(b"5\r\nchunk\r\n2\r\ned\r\n0\r\n\r\n", Transfer_Encoding="chunked")
    archive.add(b"plain after all", Content_Encoding="gzip")
    archive.add(b"moved", status="301 Moved", Location="/b")
    found = archive.answers()
    assert [answer.body for answer in found] == [b"gzip", b"deflate", b"chunked", b"plain after all", b"moved"]
    assert (found[-1].status, found[-1].headers["location"]) == (301, "/b")


@pytest.mark.parametrize("is_packed", [True, False])
def test_a_revisit_has_the_body_of_its_original(is_packed: bool) -> None:
    archive = Foreign(is_packed)
    digest = archive.add(gzip.compress(b"first"), Content_Encoding="gzip")
    archive.add(b"between", f"{URL}/other")
    archive.revisit(digest)
    archive.add(b"after", f"{URL}/after")
    found = archive.answers()
    assert [answer.body for answer in found] == [b"first", b"between", b"first", b"after"]
    assert (found[2].url, found[2].headers["x-seen"]) == (f"{URL}?again", "again")


def test_a_revisit_of_something_elsewhere_says_so() -> None:
    archive = Foreign()
    archive.revisit("sha1:AAAA", "https://shop.example/never")
    (found,) = archive.answers()
    assert (found.body, found.failure) == (b"", "It refers to an answer that is not in the archive.")


def test_a_body_that_is_too_large_or_packed_oddly_is_an_answer_with_a_failure() -> None:
    archive = Foreign()
    archive.add(b"x" * 2000)
    archive.add(gzip.compress(b"\0" * 5_000_000), Content_Encoding="gzip")
    archive.add(b"??", Content_Encoding="br")
    archive.add(b"\x1f\x8bbroken", Content_Encoding="gzip")
    archive.add(b"fine")
    found = archive.answers(max_bytes=1999 + 4000)
    assert [bool(answer.failure) for answer in found] == [False, True, True, True, False]
    assert "larger" in archive.answers(max_bytes=1999)[0].failure


@pytest.mark.parametrize("is_packed", [True, False])
def test_an_archive_that_breaks_off_is_read_up_to_there(is_packed: bool, capsys: pytest.CaptureFixture[str]) -> None:
    archive = Foreign(is_packed)
    archive.add(b"first")
    first_bytes = archive.file.tell()
    archive.add(b"second", f"{URL}/2", Padding="x" * 200)
    whole = archive.file.getvalue()
    for size in range(first_bytes, len(whole) - 4, 37):  # without the empty lines behind it, a record is whole
        assert [answer.body for answer in read_archive(io.BytesIO(whole[:size]))] == [b"first"], size
    capsys.readouterr()  # warcio grumbles


def test_requests_and_other_schemes_are_no_answers() -> None:
    archive = Foreign()
    archive.add(b"", kind="request", status="GET / HTTP/1.1")
    archive.writer.write_record(archive.writer.create_warc_record("dns:shop.example", "response", io.BytesIO(b"A"), 1))
    archive.writer.write_record(
        archive.writer.create_warc_record(URL, "resource", io.BytesIO(b"file"), 4, warc_content_type="image/png")
    )
    (found,) = archive.answers()
    assert (found.body, found.status, found.headers["content-type"]) == (b"file", 200, "image/png")


@pytest.mark.parametrize("data", [b"no archive", b"\x1f\x8b\x08nothing", b"PK\x03\x04" * 100])
def test_what_is_no_archive_is_named(data: bytes) -> None:
    with pytest.raises(ArchiveError, match="no web archive"):
        list(read_archive(io.BytesIO(data)))


def test_an_archive_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match=r"There is no archive none\.warc\.gz\."):
        list(read_archive(tmp_path / "none.warc.gz"))


def test_headers_in_no_alphabet_and_times_before_all_time_end_nothing() -> None:
    archive = Foreign(is_packed=False)
    archive.add(b"page", X_Seller="Zoe", Muell="x")
    data = archive.file.getvalue().replace(b"Zoe", b"Zo\xeb").replace(b"Muell", b"M\xfc\xffll")
    date = data.split(b"WARC-Date: ")[1].split(b"\r\n")[0]
    archive.file = io.BytesIO(data.replace(date, b"0001-01-01T00:00:00+14:00"))
    (answer,) = archive.answers()
    assert answer.body == b"page" and answer.captured_at.year == 1
    assert "x-seller" in answer.headers


def test_a_status_of_too_many_digits_is_none() -> None:
    archive = Foreign(is_packed=False)
    archive.add(b"page", status="2" * 5000 + " OK")
    assert [answer.status for answer in archive.answers()] == [0]
