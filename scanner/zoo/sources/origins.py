"""What the user gives: a folder, an archive, a file of parameters, or an address."""

from pathlib import Path

from scanner.fingerprints import digest_file
from scanner.zoo.sources.addresses import fetch_address, named_address
from scanner.zoo.sources.contents import open_file
from scanner.zoo.sources.errand import Delivery, Errand, SourceError


def fetch_origin(origin: str, errand: Errand) -> Delivery:
    """Raises SourceError, DownloadError, ArchiveError and PinError."""
    if "://" in origin:
        return fetch_address(named_address(origin), errand)
    path = Path(origin).expanduser()
    if path.is_dir():
        return Delivery(path, str(path.resolve()))
    if not path.exists():
        raise SourceError(f"{origin} does not exist")
    open_file(path, path.name, errand.spec, errand.unpacked)
    return Delivery(errand.unpacked, f"{path.resolve()}, SHA-256 {digest_file(path)}")
