"""Where pictures and archives are kept: a folder, or whatever fsspec knows (S3, say), by one setting.

Below services, above nothing but the settings. A name is a relative path with `/`; what lies under it never changes.
"""

from functools import lru_cache
from pathlib import Path

from webapp.settings import Settings
from webapp.storage.base import Store, StoreAwayError, StoreError, StoreFullError
from webapp.storage.folder import FolderStore, write_whole
from webapp.storage.remote import RemoteStore

__all__ = ["FolderStore", "RemoteStore", "Store", "StoreAwayError", "StoreError", "StoreFullError", "open_outbox",
           "open_place", "open_store", "write_whole"]  # fmt: skip


def open_store(settings: Settings) -> Store:
    """The store of `settings.store_url`. Raises StoreError where nothing here can speak to it."""
    return _opened(settings.store_url or "", settings.home)


def open_outbox(settings: Settings) -> Store:
    """Where files are put for others to fetch. Raises as open_store."""
    return _opened(settings.outbox, settings.home)


def open_place(settings: Settings, url: str) -> Store:
    """A folder or s3://bucket/prefix that somebody names, for a backup say. Raises as open_store."""
    return _opened(url, settings.home)


@lru_cache(maxsize=16)
def _opened(url: str, home: Path) -> Store:
    """One for a process: a remote store keeps its connections."""
    scheme, mark, rest = url.partition("://")
    if not url:
        return FolderStore(home)
    if not mark or scheme in ("file", "local"):
        return FolderStore(Path(rest if mark else url).expanduser().absolute())
    return RemoteStore(url, home / "cache")
