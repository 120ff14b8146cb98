"""The photographs of the sample marketplace: Debian's tuxpaint-stamps-default, the user's own, or drawings."""

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from webapp.samples.drawings import draw_pictures
from webapp.samples.package import PackageError, unpack_package

PACKAGE = "tuxpaint-stamps-default"
STAMPS = Path("usr/share/tuxpaint/stamps")
COPYRIGHT = Path("usr/share/doc") / PACKAGE / "copyright"
LANGUAGES = ("de", "fr", "es", "vi", "nl")  # those that the package has captions in and that our sellers speak
SUFFIXES = {".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp"}
MARKER = "photos.json"

PACKAGE_CREDIT = (
    f"Photographs: the stamps of Tux Paint, by Bill Kendrick and many contributors, from Debian's {PACKAGE} (GPL-2)."
)
DRAWN_CREDIT = "Pictures: drawn by Tuskline itself."


class PhotosError(Exception):
    """The user's own folder can't be used; the message says what to do."""


@dataclass(frozen=True, slots=True)
class SamplePicture:
    """name: path within its set, the same on every machine; captions: in other languages, by language code."""

    name: str
    path: Path
    caption: str
    subject: str
    captions: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PhotoSet:
    """credit: to be shown wherever the pictures are; notice: what people should know, None when all is well."""

    pictures: tuple[SamplePicture, ...]
    credit: str
    notice: str | None = None


def prepare_photos(folder: Path, own: Path | None = None) -> PhotoSet:
    """The pictures to sell in the sample marketplace; on the first call they are fetched into `folder`.

    own: a folder of the user's pictures to use in their place; nothing of it is copied or changed.
    Raises PhotosError when `own` holds no picture.
    """
    if own is not None:
        return _own_photos(own)
    if not (folder / MARKER).is_file():
        _fill(folder)
    return _read(folder)


def _own_photos(own: Path) -> PhotoSet:
    paths = sorted(path for path in own.rglob("*") if path.suffix.lower() in SUFFIXES and path.is_file())
    if not paths:
        raise PhotosError(
            f"No pictures were found in {own}; put PNG, JPEG or WebP files there, or name another folder."
        )
    pictures = tuple(_own_picture(path, own) for path in paths)
    return PhotoSet(pictures, f"Photographs: your own, from {own.resolve().name}.")


def _own_picture(path: Path, own: Path) -> SamplePicture:
    name = path.relative_to(own)
    return SamplePicture(name.as_posix(), path, _words(path.stem), name.parent.as_posix().strip("."))


def _words(stem: str) -> str:
    return " ".join(stem.replace("_", " ").replace("-", " ").split()).capitalize() + "."


def _fill(folder: Path) -> None:
    """Make the folder complete or not at all: whoever is killed midway leaves a `.part` that the next call clears."""
    part = folder.with_name(f"{folder.name}.part-{os.getpid()}")
    for left in folder.parent.glob(f"{folder.name}.part-*"):
        shutil.rmtree(left, ignore_errors=True)
    part.mkdir(parents=True)
    try:
        content = _package_content(part)
    except PackageError as error:
        content = _drawn_content(part, str(error), folder)
    (part / MARKER).write_text(json.dumps(content, ensure_ascii=False, indent=1), encoding="utf-8")
    shutil.rmtree(folder, ignore_errors=True)
    part.rename(folder)


def _read(folder: Path) -> PhotoSet:
    content = json.loads((folder / MARKER).read_text(encoding="utf-8"))
    pictures = tuple(SamplePicture(path=folder / entry["name"], **entry) for entry in content["pictures"])
    return PhotoSet(pictures, content["credit"], content["notice"])


def _package_content(part: Path) -> dict[str, Any]:
    work = part / "work"
    work.mkdir()
    try:
        files = unpack_package(PACKAGE, work)
        pictures = [_take(path, files / STAMPS, part) for path in _photographs(files / STAMPS)]
        if not pictures:
            raise PackageError(f"{PACKAGE} holds no pictures where they are expected")
        shutil.copyfile(files / COPYRIGHT, part / "copyright")
    except OSError as error:
        raise PackageError(f"its files could not be written: {error.strerror}") from error
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return {"credit": PACKAGE_CREDIT, "notice": None, "pictures": pictures}


def _photographs(stamps: Path) -> Iterator[Path]:
    for path in sorted(stamps.rglob("*.png")):
        if path.relative_to(stamps).parts[0] != "symbols" and path.is_file() and not path.is_symlink():
            yield path


def _take(path: Path, stamps: Path, part: Path) -> dict[str, Any]:
    name = path.relative_to(stamps)
    (part / name).parent.mkdir(parents=True, exist_ok=True)
    shutil.move(path, part / name)
    caption, captions = _read_captions(path)
    picture = SamplePicture(name.as_posix(), part, caption, name.parent.as_posix(), captions)
    return {key: value for key, value in asdict(picture).items() if key != "path"}


def _read_captions(path: Path) -> tuple[str, dict[str, str]]:
    """The English caption and the translations from the .txt beside the picture, or beside the one it mirrors."""
    for stem in (path.stem, path.stem.removesuffix("_mirror"), path.stem.removesuffix("_flip")):
        beside = path.with_name(f"{stem}.txt")
        if beside.is_file():
            lines = beside.read_text(encoding="utf-8", errors="replace").splitlines()
            pairs = (line.partition(".utf8=") for line in lines[1:])
            return lines[0].strip() if lines else "", {
                k: v.strip() for k, _, v in pairs if k in LANGUAGES and v.strip()
            }
    return _words(path.stem), {}


def _drawn_content(part: Path, why: str, folder: Path) -> dict[str, Any]:
    pictures = [
        {"name": name, "caption": caption, "subject": subject} for name, caption, subject in draw_pictures(part)
    ]
    notice = (
        f"The sample marketplace shows drawings instead of photographs, and no model flags those: {why}. "
        f"To try again, remove {folder}; to use your own pictures, run `make run PHOTOS=folder`."
    )
    return {"credit": DRAWN_CREDIT, "notice": notice, "pictures": pictures}
