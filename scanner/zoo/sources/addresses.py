"""Archives and parameter files at an address, whose digest is published, pinned, or seen for the first time."""

from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from scanner.zoo.fetching.downloads import DigestError, Received
from scanner.zoo.fetching.pins import Pin, make_pin
from scanner.zoo.fetching.transfers import public_url
from scanner.zoo.sources.contents import open_file
from scanner.zoo.sources.errand import Delivery, Errand, SourceError
from scanner.zoo.spec import AddressSource


@dataclass(frozen=True, slots=True)
class Address:
    """url: what is asked. known_as: the address under which its digest is remembered, the published one of a mirror.

    sha256: hex, where somebody published it.
    """

    url: str
    known_as: str
    sha256: str | None = None


def published_address(source: AddressSource, mirror: str | None) -> Address:
    """The source's own address, or the same path on the mirror; a mirror is held to the same digest."""
    if mirror is None:
        return Address(source.url, source.url, source.sha256)
    parts = urlsplit(source.url)
    return Address(mirror.rstrip("/") + parts.path, source.url, source.sha256)


def named_address(text: str) -> Address:
    """An address as people give it: `#sha256=HEX` at its end says which digest it must have."""
    url, _, fragment = text.partition("#")
    digest = fragment.removeprefix("sha256=").lower() if fragment.startswith("sha256=") else None
    if digest is not None and (len(digest) != 64 or set(digest) - set("0123456789abcdef")):
        raise SourceError(f"{fragment!r} is no SHA-256: give 64 hexadecimal digits after #sha256=")
    return Address(url, public_url(url), digest)


def fetch_address(address: Address, errand: Errand) -> Delivery:
    """Download, check and open it. Raises SourceError, DownloadError, ArchiveError and PinError."""
    errand.echo(f"downloading {public_url(address.url)}")
    pin = errand.find_pin(address.known_as)
    received = _receive(address, pin, errand)
    name = unquote(urlsplit(address.url).path.rpartition("/")[2]) or "archive"
    open_file(received.path, name, errand.spec, errand.unpacked)
    words = f"{received.url}, SHA-256 {received.sha256}"
    if address.sha256 is not None or (pin is not None and pin.sha256 == received.sha256):
        return Delivery(errand.unpacked, words)
    return Delivery(errand.unpacked, words, (address.known_as, make_pin(received.sha256, received.size_bytes)))


def _receive(address: Address, pin: Pin | None, errand: Errand) -> Received:
    pinned = pin.sha256 if pin is not None and not errand.options.accept_changed else None
    known = address.sha256 or pinned
    try:
        return errand.downloader().fetch(address.url, errand.scratch / "archive", known)
    except DigestError as error:
        if address.sha256 is not None or pin is None:
            raise
        raise SourceError(
            f"{public_url(address.url)} has changed: its SHA-256 is {error.found}, and it was {pin.sha256} when first "
            f"used on {pin.first_seen_at[:10]}; if you trust the change, run "
            f"`tuskline models install {errand.name} --accept-changed`"
        ) from None
