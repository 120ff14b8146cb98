"""Install and remove models. A model is whole or absent: it is staged aside and renamed."""

import re
import shutil
from pathlib import Path

from scanner.zoo.cards import CARD_NAME, CardError
from scanner.zoo.catalogue import CATALOGUE, DEFAULT, PRIMARY, find_spec
from scanner.zoo.fetching.downloads import FULL, DiskFullError
from scanner.zoo.installation import Installation, InstallError
from scanner.zoo.options import Echo, InstallOptions, Progress, say_nothing, show_nothing
from scanner.zoo.registry import InstalledModel, find_installed
from scanner.zoo.sources.hub import left_by_hub
from scanner.zoo.spec import HeadSource, ModelSpec
from scanner.zoo.staging import open_staging

__all__ = ["InstallError", "adopt", "adopt_primary", "adoptable", "check_name", "ensure_default", "install", "remove"]

_NAME = re.compile(r"[a-z0-9_]{1,64}")


def install(
    name: str,
    models_dir: Path,
    origin: str | None = None,
    echo: Echo = say_nothing,
    *,
    options: InstallOptions | None = None,
    progress: Progress = show_nothing,
) -> InstalledModel:
    """Bring in the model `name` and give back what now stands in `models_dir`.

    origin: a folder, an archive or an address; it must carry a card.json for a name that the catalogue does not have.
    None asks what `hub install` left behind, then the catalogue's sources in their order, until one of them has it.
    Raises InstallError and UnknownModelError; an installed model stays as it was then.
    """
    spec, options = _find(name, origin), options or InstallOptions()

    def need(other: str) -> InstalledModel:
        """Another model that this one is built on; installed where it is not."""
        found = _find_readable(models_dir, other)
        return found or install(other, models_dir, echo=echo, options=options, progress=progress)

    try:
        with open_staging(models_dir, name, echo) as staging:
            installed = _find_readable(models_dir, name) if staging.waited and origin is None else None
            if installed is not None:
                return installed
            Installation(name, spec, models_dir, staging, options, echo, progress, need).run(origin)
    except (DiskFullError, OSError) as error:
        raise InstallError(f"{name} was not installed: {_disk_words(error, models_dir)}") from error
    installed = find_installed(models_dir, name)
    if installed is None:
        raise InstallError(f"{name} was not installed: {models_dir / name} was removed meanwhile")
    return installed


def _find(name: str, origin: str | None) -> ModelSpec | None:
    check_name(name)
    return CATALOGUE.get(name) if origin is not None else find_spec(name)


def check_name(name: str) -> None:
    """Raises InstallError for what can't be the name of a model."""
    if not _NAME.fullmatch(name):
        raise InstallError(f"{name!r} is no name for a model: use small letters, digits and _, 64 at most")


def _find_readable(models_dir: Path, name: str) -> InstalledModel | None:
    """The installed model; None also where its card can't be read, so that it is installed anew."""
    try:
        return find_installed(models_dir, name)
    except CardError:
        return None


def _disk_words(error: Exception, models_dir: Path) -> str:
    if isinstance(error, OSError) and error.errno in FULL:
        return f"the disk of {models_dir} is full; free some space"
    return f"{error.strerror} ({error.filename})" if isinstance(error, OSError) and error.strerror else str(error)


def adopt_primary(models_dir: Path, echo: Echo) -> None:
    """Install the primary where `hub install` left it and we have none; where that is broken, say so and go on.

    Of a card of ours that can't be read those tell who choose among the models.
    """
    if _find_readable(models_dir, PRIMARY) is None:
        adopt(PRIMARY, models_dir, echo)


def adoptable(models_dir: Path) -> tuple[str, ...]:
    """The models of the catalogue that `hub install` left and that are not installed here."""
    return tuple(name for name in CATALOGUE if left_by_hub(name) and _find_readable(models_dir, name) is None)


def adopt(name: str, models_dir: Path, echo: Echo) -> InstalledModel | None:
    """Install what `hub install` left of the model; None where that is nothing or broken, which is told then."""
    left = left_by_hub(name)
    if left is None:
        return None
    echo(f"{name}: found in {left}, installing it")
    try:
        return install(name, models_dir, str(left), echo)
    except InstallError as error:
        echo(f"{error}. Remove {left}, or give the module with `tuskline models install {name} --from`")
        return None


def ensure_default(
    models_dir: Path, echo: Echo, *, options: InstallOptions | None = None, progress: Progress = show_nothing
) -> None:
    """Make sure that something can score: adopt the primary, install the default, and the starters built on it.

    Raises InstallError when the default is absent and can't be had; a starter that can't is told and left out.
    """
    adopt_primary(models_dir, echo)
    if not _is_usable(models_dir, DEFAULT, echo):
        echo(f"{DEFAULT}: installing the weights (67 MB, once)")
        install(DEFAULT, models_dir, echo=echo, options=options, progress=progress)
    for name in _starters():
        if not _is_usable(models_dir, name, echo):
            _install_starter(name, models_dir, echo, options, progress)


def _is_usable(models_dir: Path, name: str, echo: Echo) -> bool:
    """Whether the model is installed with a card that can be read: one of an older version is installed anew."""
    try:
        return find_installed(models_dir, name) is not None
    except CardError as error:
        echo(f"{error}; it is installed again now")
        return False


def _starters() -> tuple[str, ...]:
    """The models whose heads are shipped."""
    return tuple(
        name for name, spec in CATALOGUE.items() if any(isinstance(source, HeadSource) for source in spec.sources)
    )


def _install_starter(
    name: str, models_dir: Path, echo: Echo, options: InstallOptions | None, progress: Progress
) -> None:
    echo(f"{name}: installing it (once)")
    try:
        install(name, models_dir, echo=echo, options=options, progress=progress)
    except InstallError as error:
        echo(str(error))


def remove(name: str, models_dir: Path) -> bool:
    """Delete the model's folder; False when it was not installed. Raises UnknownModelError."""
    folder = models_dir / name
    if not _NAME.fullmatch(name) or not (folder / CARD_NAME).exists():
        find_spec(name)
        return False
    (folder / CARD_NAME).unlink()  # first: without its card a half-removed model is absent, not broken
    shutil.rmtree(folder)
    return True
