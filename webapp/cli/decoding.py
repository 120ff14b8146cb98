"""`tuskline models decoding`: may a model's photographs be decoded smaller?"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from scanner.cli.bars import counting_bar
from scanner.cli.opening import SOME_FAILED, find_model, stop, tell
from webapp.cli.training import REVIEWED, reviewed


@click.command()
@click.argument("name")
@click.option("--on", "pictures", required=True, metavar="FOLDER|reviewed", help="a folder, or what reviewers decided")
@click.pass_context
def decoding(context: click.Context, name: str, pictures: str) -> None:
    """Compare the model's scores of photographs decoded smaller with those of the same ones whole.

    Only JPEGs count whose short side has 1,024 pixels or more, two hundred at least. What came of it stands on the
    model's card: where it passed, TUSKLINE_DECODING=fast is heard. Exit code: 0 passed, 1 did not, 2 nothing was
    checked.
    """
    from scanner.zoo.decoding_checks import DecodingError, check_decoding, keep_check
    from scanner.zoo.predictor import ModelError

    model = find_model(name)
    try:
        with _pictures(pictures) as paths, counting_bar("comparing") as progress:
            check = check_decoding(model, paths, progress=progress)
        keep_check(model, check, tell)
    except (DecodingError, ModelError) as error:
        stop(str(error))
    click.echo(check.words)
    context.exit(0 if check.has_passed else SOME_FAILED)


@contextmanager
def _pictures(where: str) -> Iterator[list[Path]]:
    from scanner.inputs import list_pictures

    if where == REVIEWED:
        with reviewed() as (examples, _):
            yield [example.path for example in examples]
    elif not Path(where).is_dir():
        stop(f"{where} is no folder; give one with pictures, or `reviewed`")
    else:
        yield list_pictures(Path(where))
