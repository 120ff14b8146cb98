"""What a target holds: objects by their SHA-256, and one signed manifest for each backup."""

import gzip
import json
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, BinaryIO, Self

from scanner.fingerprints import digest_file
from webapp.language import say
from webapp.services import signing
from webapp.services.chain import Head, canonical
from webapp.services.errors import NotFound, Refused
from webapp.services.signing import SigningKey
from webapp.storage import Store, StoreError

FORMAT = "tuskline-backup/1"
FOLDER = "snapshots"
PIECE = 1024**2


@dataclass(frozen=True, slots=True)
class Kept:
    """One file of a backup. room: "store" or "home", name: in there. sha256: also its object's name; size in bytes."""

    room: str
    name: str
    sha256: str
    size: int


@dataclass(frozen=True, slots=True)
class Dumped:
    """One table: its rows, and the object that holds them."""

    name: str
    rows: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """One backup. made_at: UTC. revision: of the schema. head: of the audit log's chain, None where nothing is sealed.

    files: the object that lists them, a Kept a line; files_count and files_bytes: how many and how large.
    faults: what the rows name and the store did not hold, or not as they say; names in the store.
    with_keys: whether the installation's secrets are in it. key, signature: see `is_signed`.
    """

    made_at: str
    version: str
    revision: str
    tables: list[Dumped]
    files: str
    files_count: int
    files_bytes: int
    with_keys: bool
    head: dict[str, Any] | None = None
    faults: list[str] = field(default_factory=list)
    key: str = ""
    signature: str = ""

    @property
    def name(self) -> str:
        """2026-11-26T165003Z: the order of names is that of time."""
        return f"{self.made_at[:19].replace(':', '')}Z"

    @property
    def message(self) -> bytes:
        said = {**asdict(self), "format": FORMAT}
        del said["signature"]
        return f"{FORMAT} {sha256(canonical(said)).hexdigest()}".encode()

    @property
    def is_signed(self) -> bool:
        """Ed25519 by `key` over "tuskline-backup/1 SHA-256 of the canonical JSON of all else"."""
        return signing.is_signed(self.key, self.signature, self.message)

    @property
    def audit_head(self) -> Head | None:
        return Head.from_json(json.dumps(self.head)) if self.head else None

    def sign(self, key: SigningKey) -> "Manifest":
        unsigned = Manifest(**{**self.fields(), "key": key.public, "signature": ""})
        return Manifest(**{**unsigned.fields(), "signature": key.sign(unsigned.message)})

    def fields(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__dataclass_fields__}

    def to_json(self) -> bytes:
        return json.dumps({"format": FORMAT, **asdict(self)}, indent=1, ensure_ascii=False).encode() + b"\n"

    @classmethod
    def from_json(cls, body: bytes) -> Self:
        """Raises ValueError, KeyError or TypeError for what is none."""
        data: Mapping[str, Any] = json.loads(body)
        if data["format"] != FORMAT:
            raise ValueError(f"its format is {data['format']!r}, not {FORMAT}")
        rest = {name: data[name] for name in cls.__dataclass_fields__ if name != "tables"}
        return cls(tables=[Dumped(**one) for one in data["tables"]], **rest)


def object_name(digest: str) -> str:
    return f"objects/{digest[:2]}/{digest[2:4]}/{digest}"


def snapshot_name(name: str) -> str:
    return f"{FOLDER}/{name}.json"


def names(target: Store) -> list[str]:
    """Of the backups, the oldest first."""
    return [Path(name).stem for name in target.list(FOLDER) if name.endswith(".json")]


def find(target: Store, name: str | None) -> Manifest:
    """The backup of that name, the newest without one. Raises NotFound, and Refused for one that can't be read."""
    known = names(target)
    if not known or (name is not None and name not in known):
        raise NotFound(say("There is no such backup in %(place)s.", place=target))
    wanted = name or known[-1]
    try:
        return Manifest.from_json(target.read(snapshot_name(wanted)))
    except (ValueError, KeyError, TypeError) as error:
        raise Refused(
            say("The backup %(name)s can't be read (%(why)s): take another one.", name=wanted, why=error)
        ) from None


def keep_file(target: Store, path: Path, *, is_checked: bool = False) -> tuple[str, int]:
    """Move the file `path` in as an object that its owner alone can read, unless the target has it.

    is_checked: whether an object that is there is read, and replaced where it is damaged; else its size tells. The
    digest of the file, and its size in bytes.
    """
    digest = digest_file(path)
    size, name = path.stat().st_size, object_name(digest)
    if target.has(name) and (target.digest(name) == digest if is_checked else target.size(name) == size):
        path.unlink()
    else:
        keep_private(target, name, path)
    return digest, size


def keep_private(target: Store, name: str, path: Path) -> None:
    path.chmod(0o600)
    target.put_file(name, path)


def take_copy(source: BinaryIO, folder: Path) -> Path:
    """A copy of all that `source` gives, in `folder`, readable by us alone."""
    handle, name = tempfile.mkstemp(dir=folder)
    with os.fdopen(handle, "wb") as file:
        while piece := source.read(PIECE):
            file.write(piece)
    return Path(name)


def write_list(files: Iterable[Kept], path: Path) -> tuple[int, int]:
    """How many they are and how many bytes."""
    count = size = 0
    with path.open("wb") as raw, gzip.GzipFile("", "wb", 6, raw, mtime=0) as lines:
        for one in files:
            lines.write(json.dumps([one.room, one.name, one.sha256, one.size], ensure_ascii=False).encode() + b"\n")
            count, size = count + 1, size + one.size
    return count, size


def read_list(target: Store, manifest: Manifest) -> Iterator[Kept]:
    """Raises StoreError where the list is gone, or is no longer the one that the manifest vouches for."""
    check_object(target, manifest.files)
    with closing(target.open(object_name(manifest.files))) as body, gzip.open(body) as lines:
        for line in lines:
            yield Kept(*json.loads(line))


def check_object(target: Store, sha256: str) -> None:
    name = object_name(sha256)
    try:
        is_whole = target.digest(name) == sha256
    except FileNotFoundError:
        raise lost(target, name) from None
    if not is_whole:
        raise changed(target, name)


def lost(target: Store, name: str) -> StoreError:
    return StoreError(f"The backup in {target} lacks {name}: take another backup of it.")


def changed(target: Store, name: str) -> StoreError:
    return StoreError(f"{name} in {target} is not what its name says: take another backup of it.")


def prune(target: Store, keep: int) -> int:
    """Leave the newest `keep` backups, and the objects that they need; how many backups went.

    Their manifests go first: whatever happens then, no backup lacks an object.
    """
    gone = names(target)[:-keep]
    if not gone:
        return 0
    for name in gone:
        target.remove(snapshot_name(name))
    needed = {digest for name in names(target) for digest in digests_of(target, find(target, name))}
    for name in list(target.list("objects")):
        if Path(name).name not in needed:
            target.remove(name)
    return len(gone)


def digests_of(target: Store, manifest: Manifest) -> Iterator[str]:
    yield manifest.files
    yield from (one.sha256 for one in manifest.tables)
    yield from (one.sha256 for one in read_list(target, manifest))
