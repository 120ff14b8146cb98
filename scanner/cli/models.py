"""`tuskline models`: what is installed, where it came from, how good and how fast it is."""

import os
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from scanner.cli.measuring import bench, evaluate
from scanner.cli.opening import find_model, models_folder, stop, tell
from scanner.places import data_home

if TYPE_CHECKING:
    from scanner.zoo.registry import InstalledModel


@click.group()
def models() -> None:
    """The networks: install them, check them, measure them, teach one."""


@models.command("list")
@click.option("--all", "everything", is_flag=True, help="also those that are not installed")
def list_models(everything: bool) -> None:
    """The installed models, in the order in which they speak."""
    from rich.console import Console
    from rich.table import Column, Table

    from scanner.zoo.cards import CardError
    from scanner.zoo.catalogue import CATALOGUE
    from scanner.zoo.registry import read_installed

    models, faults = read_installed(models_folder())
    installed = {model.name: model for model in models}
    speakers: list[str] = []
    try:
        speakers = _speakers()
    except CardError:
        tell("no model speaks, as the one that is to speak first is broken")
    for fault in faults.values():
        tell(fault)
    names = dict.fromkeys([*speakers, *installed, *faults, *(CATALOGUE if everything or not installed else ())])
    columns = (Column("name", no_wrap=True), "speaks", "sees", "size")
    table = Table(*columns, title="Models" if everything else "Installed models (--all lists the others)")
    for name in names:
        model = installed.get(name)
        spec = model.spec if model else CATALOGUE.get(name)
        sees = (", ".join(spec.sees).replace("_", " ") or "look-alikes only") if spec else ""
        place = "broken" if name in faults else _place(name, model, speakers)
        table.add_row(name, place, sees, f"{model.card.size_bytes / 1e6:.0f} MB" if model else "")
    Console().print(table)


def _place(name: str, model: "InstalledModel | None", speakers: list[str]) -> str:
    if model is None:
        return "not installed"
    if name not in speakers:
        return "when named"
    return "first" if speakers.index(name) == 0 else f"asked {speakers.index(name)}."


def _speakers() -> list[str]:
    """Names of the installed models that the shipped pack's cascade asks, in its order. Raises CardError."""
    from rules.load import find_pack, load_pack
    from scanner.zoo.cascade import NoModelError, choose_models

    try:
        choice = choose_models(models_folder(), load_pack(find_pack("wildlife")).cascade)
    except NoModelError:
        return []
    return [model.name for model in choice.models]


@models.command()
@click.argument("name")
def show(name: str) -> None:
    """The model's card: source, digests, labels, output kind, preprocessing, figures."""
    from scanner.zoo.cards import CARD_NAME
    from scanner.zoo.engines.devices import parse_device
    from scanner.zoo.running import settle
    from scanner.zoo.wishes import wishes_of

    model = find_model(name)
    try:
        settled = settle(model, parse_device("auto"), wishes_of())
    except ValueError as error:
        stop(str(error))
    tell(f"{name} runs on {settled.model.engine} in {settled.model.precision} here (digest {settled.model.digest})")
    if settled.warning:
        tell(f"Warning: {settled.warning}")
    click.echo((model.folder / CARD_NAME).read_text(encoding="utf-8").rstrip())


@models.command()
@click.argument("names", nargs=-1, required=True)
def convert(names: tuple[str, ...]) -> None:
    """Make the models' networks for ONNX Runtime, where they were installed before its extra was."""
    from scanner.zoo.converting import convert as make_onnx
    from scanner.zoo.predictor import ModelError

    for model in map(find_model, names):
        try:
            made = make_onnx(model, tell).card.onnx["fp32"]
        except ModelError as error:
            stop(str(error))
        click.echo(f"{model.name} can run on ONNX Runtime: {made.path} ({made.size_bytes / 1e6:.0f} MB)")


@models.command()
@click.argument("name")
@click.option("--from", "origin", help="a module's folder, an archive (.tar.gz, .tar.bz2, .tar.xz, .zip) or an address")
@click.option("--via", type=click.Choice(["paddlehub"]), help="let PaddleHub's own `hub install` fetch it")
@click.option("--version", help="of the module, for --via paddlehub")
@click.option("--hub-server", help="PaddleHub server or mirror to ask ($TUSKLINE_HUB_SERVER)")
@click.option("--mirror", help="stands in for the host of published addresses ($TUSKLINE_WEIGHTS_MIRROR)")
@click.option("--plain-http", is_flag=True, help="trust an address that is not https")
@click.option("--accept-changed", is_flag=True, help="take an archive that is not the one first seen at its address")
def install(
    name: str,
    origin: str | None,
    via: str | None,
    version: str | None,
    hub_server: str | None,
    mirror: str | None,
    plain_http: bool,
    accept_changed: bool,
) -> None:
    """Install a model's weights, check them and write their card.

    Unless --from or --via is given, the sources of the catalogue are asked in order: what `hub install` left behind,
    PaddleHub's server, the published address, the package registry.
    """
    from scanner.zoo.catalogue import UnknownModelError
    from scanner.zoo.options import InstallOptions
    from scanner.zoo.progress import download_bar
    from scanner.zoo.weights import InstallError
    from scanner.zoo.weights import install as install_model

    if via and origin:
        stop("give --from or --via, not both: each says where the model comes from")
    if version and not via:
        stop("--version goes with --via paddlehub; every other source has one version, which the catalogue names")
    usual = InstallOptions(plain_http=plain_http, accept_changed=accept_changed)
    options = replace(usual, hub_server=hub_server or usual.hub_server, mirror=mirror or usual.mirror)
    try:
        if via:
            origin = _fetch_via_paddlehub(name, version, hub_server or os.environ.get("TUSKLINE_HUB_SERVER"))
        with download_bar() as progress:
            model = install_model(name, models_folder(), origin, tell, options=options, progress=progress)
    except (InstallError, UnknownModelError) as error:
        stop(str(error))
    click.echo(f"{name} is installed from {model.source}: {model.spec.classes} labels, {model.card.output_kind}")


def _fetch_via_paddlehub(name: str, version: str | None, server: str | None) -> str:
    from scanner.zoo.catalogue import find_spec
    from scanner.zoo.paddlehub.bridge import BridgeError, install_via_paddlehub

    try:
        return str(install_via_paddlehub(find_spec(name).name, version, data_home(), tell, server))
    except BridgeError as error:
        stop(str(error))


@models.command()
@click.argument("names", nargs=-1)
def verify(names: tuple[str, ...]) -> None:
    """Compare every file of the named models (all, unless named) with its SHA-256 on the card."""
    from scanner.zoo.registry import read_installed

    models, broken = ([find_model(name) for name in names], {}) if names else read_installed(models_folder())
    faults = {model.name: model.changed_files() for model in models}
    faults |= {name: [fault] for name, fault in broken.items()}
    for name, found in faults.items():
        click.echo(f"{name}: {'; '.join(found) or 'whole'}")
    if not faults:
        click.echo("no model is installed")
    sys.exit(1 if any(faults.values()) else 0)


@models.command()
@click.argument("name")
def remove(name: str) -> None:
    """Delete the model's weights and card."""
    from scanner.zoo.catalogue import UnknownModelError
    from scanner.zoo.weights import remove as remove_model

    try:
        removed = remove_model(name, models_folder())
    except UnknownModelError as error:
        stop(str(error))
    except OSError as error:
        stop(f"{name} was not removed: {error.strerror} ({error.filename})")
    click.echo(f"{name} was removed" if removed else f"{name} was not installed")


@models.command()
@click.argument("name", required=False)
@click.option("--policy", is_flag=True, help="leave it to the pack's cascade again")
def primary(name: str | None, policy: bool) -> None:
    """Let the named model speak of every picture first; without a name, say which does."""
    from scanner.zoo.cards import CardError
    from scanner.zoo.cascade import NoModelError, set_primary

    if name and policy:
        stop("give a name or --policy, not both: each says who speaks first")
    try:
        if name or policy:
            set_primary(models_folder(), name)
        speakers = _speakers()
    except (NoModelError, CardError) as error:
        stop(str(error))
    click.echo(f"{speakers[0]} speaks first" if speakers else "no model is installed that could speak first")


models.add_command(evaluate)
models.add_command(bench)
