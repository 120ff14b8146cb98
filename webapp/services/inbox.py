"""Files that people hand over: they lie in the inbox, the only folder that sources may read."""

import hashlib
import re
from pathlib import Path, PurePosixPath
from tempfile import NamedTemporaryFile
from typing import IO

from rules.wording import either
from webapp.language import find_text, say, say_later
from webapp.services.errors import Refused
from webapp.settings import Settings

MAX_BYTES = 100 * 1024**2
TOO_LARGE = say_later(
    "The file is larger than %(size)s MB: copy it into the inbox by hand, and give its name.", size=MAX_BYTES // 1024**2
)
ENDINGS = (".csv", ".jsonl", ".warc", ".warc.gz")
# What a kind of source can read of these; a kind that is not named here may read any. A folder can't be sent.
ENDINGS_OF = {"csv": (".csv",), "jsonl": (".jsonl",), "warc": (".warc", ".warc.gz"), "folder": ()}
NAME_LETTERS = 50
CHUNK_BYTES = 1024**2


def keep(settings: Settings, file_name: str, stream: IO[bytes]) -> str:
    """Store the file in the inbox; its path from there on. Raises Refused.

    The name holds a piece of the content's SHA-256: no file is written over, and the same file is kept once.
    """
    ending = ending_of(file_name)
    inbox = settings.inbox_dir
    try:
        inbox.mkdir(parents=True, exist_ok=True)
        aside, digest = write_aside(inbox, stream)
        name = f"{stem_of(file_name, ending)}-{digest[:12]}{ending}"
        aside.replace(inbox / name)
    except OSError as error:
        raise Refused(
            say("The file can't be kept in %(inbox)s: %(strerror)s.", inbox=inbox, strerror=error.strerror)
        ) from None
    return name


def write_aside(inbox: Path, stream: IO[bytes]) -> tuple[Path, str]:
    """(file, SHA-256), readable by the group; renamed later, so that a scan never reads half a file."""
    digest, size_bytes = hashlib.sha256(), 0
    with NamedTemporaryFile(dir=inbox, prefix=".upload-", delete=False) as file:
        path = Path(file.name)
        try:
            while chunk := stream.read(CHUNK_BYTES):
                size_bytes += len(chunk)
                check_size(size_bytes)
                digest.update(chunk)
                file.write(chunk)
            if not size_bytes:
                raise Refused(say("The file is empty: choose another."))
        except BaseException:
            path.unlink()
            raise
    path.chmod(0o640)
    return path, digest.hexdigest()


def check_size(size_bytes: int) -> None:
    if size_bytes > MAX_BYTES:
        raise Refused(TOO_LARGE)


def endings_of(kind: str) -> tuple[str, ...]:
    """How files that can be uploaded for a source of that kind end; none where it reads no single file."""
    return ENDINGS_OF.get(kind, ENDINGS)


def ending_of(file_name: str, among: tuple[str, ...] = ENDINGS) -> str:
    """Raises Refused for a file that ends otherwise."""
    ending = next((ending for ending in among if file_name.lower().endswith(ending)), None)
    if ending is None:
        raise Refused(say("Choose a file that ends in %(endings)s.", endings=either(among, find_text)))
    return ending


def stem_of(file_name: str, ending: str) -> str:
    """Letters, digits, - and _ of the name alone, whatever folder or trick stands in it."""
    name = PurePosixPath(file_name.replace("\\", "/")).name
    words = re.findall(r"[\w-]+", name[: -len(ending)])
    return "-".join(words)[:NAME_LETTERS].strip("-_") or "upload"
