"""Install, verify and remove a model's weights. A model is whole or absent: it is staged aside and renamed."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from scanner.fingerprints import digest_file
from scanner.zoo.archives import ArchiveError, is_archive, unpack
from scanner.zoo.cards import CARD_NAME, Card, FileRecord, write_card
from scanner.zoo.catalogue import DEFAULT, PRIMARY, find_spec
from scanner.zoo.downloads import DownloadError, Echo, download, download_wheel, find_on_hub, open_wheel
from scanner.zoo.intake import LABELS, IntakeError, take_folder
from scanner.zoo.labels import LabelError, read_labels
from scanner.zoo.layouts import Layout, LayoutError, find_layout
from scanner.zoo.predictor import ModelError
from scanner.zoo.probe import Probe, probe_network
from scanner.zoo.registry import InstalledModel, find_installed
from scanner.zoo.spec import HubSource, ModelSpec, WheelSource

HUB_SERVER = "https://paddlepaddle.org.cn/paddlehub"


class InstallError(Exception):
    """A model that was not installed; the message is one sentence, and nothing was left behind."""


def hub_home() -> Path:
    """Where PaddleHub keeps its modules: $HUB_HOME, else ~/.paddlehub."""
    return Path(os.environ.get("HUB_HOME") or Path.home() / ".paddlehub")


def install(
    name: str,
    models_dir: Path,
    origin: str | None = None,
    echo: Echo = lambda _: None,
    hub_server: str = HUB_SERVER,
    plain_http: bool = False,
) -> InstalledModel:
    """Bring in the model `name` of the catalogue and give back what now stands in `models_dir`.

    origin: a folder, an archive or an address; None asks, in this order, what `hub install` left behind, and then
    the catalogue's own source. Raises InstallError and UnknownModelError; an installed model stays as it was then.
    """
    spec = find_spec(name)
    try:
        with _staging(models_dir, name) as (staged, scratch):
            source = _gather(spec, origin, staged, scratch, echo, hub_server, plain_http)
            _write_card(spec, staged, source)
            _swap(staged, models_dir / name)
    except (ArchiveError, DownloadError, IntakeError, LabelError, LayoutError, ModelError) as error:
        raise InstallError(f"{name} was not installed: {error}") from error
    installed = find_installed(models_dir, name)
    if installed is None:
        raise InstallError(f"{name} was not installed: {models_dir / name} was removed meanwhile")
    return installed


def adopt_primary(models_dir: Path, echo: Echo) -> None:
    """Install the primary where `hub install` left it and we have none; where that is broken, say so and go on."""
    left = _left_by_hub(PRIMARY)
    if find_installed(models_dir, PRIMARY) is not None or not left.is_dir():
        return
    echo(f"{PRIMARY}: found in {left}, installing it")
    try:
        install(PRIMARY, models_dir, str(left), echo)
    except InstallError as error:
        echo(f"{error}. Remove {left}, or give the module with `tuskline models install {PRIMARY} --from`")


def ensure_default(models_dir: Path, echo: Echo) -> None:
    """Make sure that something can score: adopt the primary, and install the default.

    Raises InstallError when the default is absent and can't be had.
    """
    adopt_primary(models_dir, echo)
    if find_installed(models_dir, DEFAULT) is None:
        echo(f"{DEFAULT}: installing the weights (67 MB, once)")
        install(DEFAULT, models_dir, echo=echo)


def remove(name: str, models_dir: Path) -> bool:
    """Delete the model's folder; False when it was not installed. Raises UnknownModelError."""
    folder = models_dir / find_spec(name).name
    if not (folder / CARD_NAME).exists():
        return False
    (folder / CARD_NAME).unlink()  # first: without its card a half-removed model is absent, not broken
    shutil.rmtree(folder)
    return True


def _left_by_hub(module: str) -> Path:
    return hub_home() / "modules" / module


def _gather(
    spec: ModelSpec, origin: str | None, staged: Path, scratch: Path, echo: Echo, hub_server: str, plain_http: bool
) -> str:
    """Put the network and its labels into `staged`; what the source was, in words."""
    if origin is not None and "://" in origin:
        download(origin, scratch / "archive", echo, plain_http=plain_http)
        _take_archive(scratch / "archive", spec, staged, scratch)
        return origin
    if origin is not None:
        _take_path(Path(origin), spec, staged, scratch)
        return str(Path(origin).resolve())
    left = _left_by_hub(spec.name)
    if left.is_dir() and any(left.iterdir()):
        take_folder(left, spec, staged)
        return f"PaddleHub's {left}"
    wheel = _wheel_of(spec)
    if wheel is not None:
        open_wheel(wheel, download_wheel(wheel, scratch), staged)
        return f"{wheel.requirement} of the Python package index"
    hub = next(source for source in spec.sources if isinstance(source, HubSource))
    url = find_on_hub(hub, hub_server)
    download(url, scratch / "archive", echo, plain_http=plain_http)
    _take_archive(scratch / "archive", spec, staged, scratch)
    return f"{_words(hub)}, {url}"


def _wheel_of(spec: ModelSpec) -> WheelSource | None:
    return next((source for source in spec.sources if isinstance(source, WheelSource)), None)


def _words(source: HubSource) -> str:
    return f"PaddleHub's {source.module} {source.version}"


def _take_path(origin: Path, spec: ModelSpec, staged: Path, scratch: Path) -> None:
    if origin.is_dir():
        take_folder(origin, spec, staged)
    elif is_archive(origin):
        _take_archive(origin, spec, staged, scratch)
    elif origin.exists():
        raise ArchiveError(f"{origin} is neither a folder nor a .tar.gz, .tar.bz2, .tar.xz or .zip archive")
    else:
        raise ArchiveError(f"{origin} does not exist")


def _take_archive(archive: Path, spec: ModelSpec, staged: Path, scratch: Path) -> None:
    """Unpack and take; the wheel of the catalogue's source, given by hand, is taken by its own file list."""
    wheel = _wheel_of(spec)
    if wheel is not None and digest_file(archive) == wheel.sha256:
        open_wheel(wheel, archive, staged)
        return
    unpack(archive, scratch / "unpacked")
    take_folder(scratch / "unpacked", spec, staged)


def _write_card(spec: ModelSpec, staged: Path, source: str) -> None:
    labels = staged / LABELS
    count = len(read_labels(labels))
    if count != spec.classes:
        raise ModelError(f"its label file has {count} labels, but {spec.name} has {spec.classes}")
    layout = find_layout(staged)
    probe = probe_network(staged, layout, labels, spec.classes, spec.preprocessing)
    files = [
        FileRecord(str(path.relative_to(staged)), digest_file(path), path.stat().st_size)
        for path in sorted(staged.rglob("*"))
        if path.is_file()
    ]
    write_card(staged, _card(spec, source, layout, probe, files))


def _card(spec: ModelSpec, source: str, layout: Layout, probe: Probe, files: list[FileRecord]) -> Card:
    return Card(
        spec=spec,
        source=source,
        installed_at=datetime.now(UTC).isoformat(timespec="seconds"),
        source_layout=layout.kind,
        layout=layout.kind,
        program=str(layout.program),
        params=str(layout.params) if layout.params else None,
        labels_file=LABELS,
        output_index=probe.output_index,
        output_kind=probe.output_kind,
        files=files,
    )


@contextmanager
def _staging(models_dir: Path, name: str) -> Iterator[tuple[Path, Path]]:
    """A folder beside the models to build in and one to unpack in; both are gone afterwards, whatever happened."""
    models_dir.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{name}-", dir=models_dir) as folder:
        staged, scratch = Path(folder, "staged"), Path(folder, "scratch")
        staged.mkdir()
        scratch.mkdir()
        yield staged, scratch


def _swap(staged: Path, target: Path) -> None:
    """Put the staged folder in the target's place; an older install goes to the staging folder and away with it."""
    if target.exists():
        target.rename(staged.with_name("replaced"))
    staged.rename(target)
