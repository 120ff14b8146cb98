"""Addresses: published, on a mirror, or given; with a digest that is published, pinned or seen for the first time."""

import hashlib
from pathlib import Path

import pytest

from scanner.zoo.catalogue import PRIMARY
from scanner.zoo.fetching.downloads import DigestError
from scanner.zoo.fetching.transfers import DownloadError
from scanner.zoo.sources.addresses import Address, fetch_address, named_address, published_address
from scanner.zoo.sources.errand import SourceError
from scanner.zoo.spec import AddressSource
from tests.scanner.zoo.file_server import FileServer
from tests.scanner.zoo.sources.conftest import MakeErrand

FIRST, OTHER = b"first" * 100, b"other" * 100
FIRST_SHA256, OTHER_SHA256 = (hashlib.sha256(content).hexdigest() for content in (FIRST, OTHER))


def test_a_parameter_file_keeps_its_name(server: FileServer, make_errand: MakeErrand) -> None:
    url = server.put("/dygraph/net.pdparams", FIRST)
    delivery = fetch_address(Address(url, url), make_errand(PRIMARY))
    assert {path.name: path.read_bytes() for path in delivery.folder.iterdir()} == {"net.pdparams": FIRST}
    assert delivery.words == f"{url}, SHA-256 {FIRST_SHA256}"


def test_what_was_seen_first_is_held_against_what_comes_later(server: FileServer, make_errand: MakeErrand) -> None:
    url = server.put("/net.pdparams", FIRST)
    errand = make_errand(PRIMARY)
    fetch_address(Address(url, url), errand).keep_pin(errand.models_dir)
    again = fetch_address(Address(url, url), make_errand(PRIMARY, plain_http=False))  # the pin vouches, over http too
    assert again.pin is None
    server.put("/net.pdparams", OTHER)
    with pytest.raises(SourceError) as refusal:
        fetch_address(Address(url, url), make_errand(PRIMARY))
    assert FIRST_SHA256 in str(refusal.value) and OTHER_SHA256 in str(refusal.value)
    assert f"`tuskline models install {PRIMARY} --accept-changed`" in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_a_change_that_the_user_accepts_is_pinned_instead(server: FileServer, make_errand: MakeErrand) -> None:
    url = server.put("/net.pdparams", FIRST)
    errand = make_errand(PRIMARY)
    fetch_address(Address(url, url), errand).keep_pin(errand.models_dir)
    server.put("/net.pdparams", OTHER)
    changed = fetch_address(Address(url, url), make_errand(PRIMARY, accept_changed=True))
    assert changed.pin is not None and changed.pin[1].sha256 == OTHER_SHA256
    changed.keep_pin(errand.models_dir)
    assert fetch_address(Address(url, url), make_errand(PRIMARY)).pin is None


def test_accepting_a_change_does_not_open_plain_http(server: FileServer, make_errand: MakeErrand) -> None:
    url = server.put("/net.pdparams", FIRST)
    errand = make_errand(PRIMARY)
    fetch_address(Address(url, url), errand).keep_pin(errand.models_dir)
    with pytest.raises(DownloadError, match="is not https"):
        fetch_address(Address(url, url), make_errand(PRIMARY, accept_changed=True, plain_http=False))


def test_a_published_digest_can_not_be_accepted_away(server: FileServer, make_errand: MakeErrand) -> None:
    url = server.put("/net.pdparams", OTHER)
    with pytest.raises(DigestError, match=f"{OTHER_SHA256} and not {FIRST_SHA256}"):
        fetch_address(Address(url, url, FIRST_SHA256), make_errand(PRIMARY, accept_changed=True))


def test_a_mirror_stands_in_for_the_host_and_is_held_to_the_same_digest() -> None:
    source = AddressSource("https://bj.bcebos.com/paddlehub/model/cv/a.tar.gz", "00")
    assert published_address(source, None) == Address(source.url, source.url, "00")
    assert published_address(source, "https://mirror.example/weights/") == Address(
        "https://mirror.example/weights/paddlehub/model/cv/a.tar.gz", source.url, "00"
    )


def test_an_address_may_carry_its_digest_and_a_password_that_is_not_remembered() -> None:
    given = named_address(f"https://me:secret@x.example/a.tar.gz#sha256={FIRST_SHA256.upper()}")
    assert given == Address("https://me:secret@x.example/a.tar.gz", "https://x.example/a.tar.gz", FIRST_SHA256)
    with pytest.raises(SourceError, match="64 hexadecimal digits"):
        named_address("https://x.example/a.tar.gz#sha256=abc")


def test_what_is_neither_archive_nor_parameters_is_refused(server: FileServer, make_errand: MakeErrand) -> None:
    url = server.put("/page.html", b"<html>not found</html>")
    with pytest.raises(SourceError, match=r"page.html is neither a \.tar\.gz"):
        fetch_address(Address(url, url), make_errand(PRIMARY))


def test_a_broken_pin_file_is_told(server: FileServer, make_errand: MakeErrand, tmp_path: Path) -> None:
    from scanner.zoo.fetching.pins import PinError

    (tmp_path / "models" / "pins.json").write_text('["nonsense"]')
    url = server.put("/net.pdparams", FIRST)
    with pytest.raises(PinError, match=r"pins\.json can't be read .* delete it"):
        fetch_address(Address(url, url), make_errand(PRIMARY))
