"""`tuskline case verify` and `tuskline case rescore`: what is checked of a case file without asking the database."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from webapp.cli.opening import open_settings

if TYPE_CHECKING:
    from webapp.services.rescoring import Comparison, Rescored

BUNDLE = click.Path(exists=True, path_type=Path)
DIFFERENT, NOT_COMPARED = 1, 2
NAMED = 20


@click.command()
@click.argument("bundle", type=BUNDLE)
@click.option("--fingerprint", multiple=True, help="of the key that must have signed it; may be repeated")
@click.option("--key", multiple=True, metavar="HEX", help="the public key itself, likewise")
@click.option("--ours", is_flag=True, help="it must be signed by a key of this installation")
@click.option("--json", "as_json", is_flag=True, help="print the result as JSON")
@click.option("--quiet", is_flag=True, help="print what is wrong, and nothing else")
def verify(
    bundle: Path, fingerprint: Sequence[str], key: Sequence[str], ours: bool, as_json: bool, quiet: bool
) -> None:
    """Check a case file, a ZIP or a folder, by the same program that lies in it as verify.py.

    Exit code: 0 nothing was changed since it was signed, 1 something was (each thing is named), 2 it can't be read.
    """
    from webapp.exporters import verify_case

    words = [f"--fingerprint={one}" for one in fingerprint]
    words += [f"--key={one}" for one in [*key, *(our_keys() if ours else ())]]
    words += [name for name, is_given in (("--json", as_json), ("--quiet", quiet)) if is_given]
    sys.exit(verify_case.main([*words, "--", str(bundle)]))


def our_keys() -> list[str]:
    from webapp.services import signing

    home = open_settings().home
    keys = sorted(signing.trusted_keys(home))
    if not keys:
        raise click.ClickException(f"{home} holds no key yet: neither signing.key nor trusted_keys.txt")
    return keys


@click.command()
@click.argument("bundle", type=BUNDLE)
@click.option("--model", "models", multiple=True, metavar="NAME", help="this model alone, whatever its version")
@click.option(
    "--tolerance",
    type=click.FloatRange(0, 1),
    help="the largest difference of a score that counts as none [default: 0.001]",
)
@click.option("--even-if-changed", is_flag=True, help="also where the case file is not as it was signed")
@click.option("--json", "as_json", is_flag=True, help="print the result as JSON")
def rescore(bundle: Path, models: Sequence[str], tolerance: float | None, even_if_changed: bool, as_json: bool) -> None:
    """Score the pictures of a case file again with the installed models, and compare.

    Exit code: 0 the same, 1 a score or a verdict differs, or a picture could not be scored, 2 nothing was compared.
    """
    from scanner.cli.bars import counting_bar
    from webapp.services import rescoring
    from webapp.services.errors import Refused

    limit = rescoring.TOLERANCE if tolerance is None else tolerance
    try:
        with counting_bar("scoring again") as show:
            lab = rescoring.laboratory(open_settings())
            result = rescoring.rescore(bundle, lab, models, limit, even_if_changed, show)
    except Refused as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(NOT_COMPARED)
    if as_json:
        click.echo(json.dumps(result.to_json(), indent=1))
    else:
        show_comparison(result)
    sys.exit(0 if result.is_same else DIFFERENT if result.compared else NOT_COMPARED)


def show_comparison(result: "Comparison") -> None:
    if result.faults:
        click.echo(f"note  the case file is not as it was signed: {result.faults:,} faults")
    click.echo(f"signed by {result.fingerprint or 'nobody'}")
    for one in result.models:
        show_model(one, result.tolerance)
    if not result.models:
        click.echo("the case file holds no scores of a picture that is in it")


def show_model(one: "Rescored", tolerance: float) -> None:
    if one.why_not:
        click.echo(f"SKIP  {one.why_not}")
        return
    if one.installed != one.digest:
        click.echo(f"note  another version of {one.model} is installed: {one.installed}, not {one.digest}")
    head = f"{one.model}: {one.scores:,} scores of {one.pictures:,} pictures"
    largest = f"the largest difference is {one.largest.difference:.2g}" if one.largest else "nothing to compare"
    click.echo(f"{'ok  ' if one.is_same else 'FAIL'}  {head}, {largest} (tolerance {tolerance:g})")
    for score in one.beyond[:NAMED]:
        click.echo(f"      {score.sha256}  {score.concept}: {told(score.before)} then, {told(score.after)} now")
    if one.beyond_count > NAMED:
        click.echo(f"      and {one.beyond_count - NAMED:,} more")
    same = one.verdicts - len(one.turned)
    click.echo(f"      {same:,} of {one.verdicts:,} verdicts on thresholds are the same")
    for verdict in one.turned[:NAMED]:
        limit = verdict.limit
        said = f"{told(verdict.before)} then, {told(verdict.after)} now"
        click.echo(f"      finding {limit.finding}: {limit.concept} against {limit.threshold:g}: {said}")
    for sha256, why in list(one.unread.items())[:NAMED]:
        click.echo(f"      {sha256} could not be scored: {why}")


def told(score: float | None) -> str:
    return "nothing" if score is None else f"{score:.4f}"
