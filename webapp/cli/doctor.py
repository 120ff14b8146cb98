"""`tuskline doctor`: whether this installation can work, and what to do where it can't."""

import shutil
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import packages_distributions
from tempfile import TemporaryFile

import click
from sqlalchemy.exc import SQLAlchemyError

from webapp.cli.opening import engine_of, open_settings
from webapp.settings import SECRET_FILE, Settings

OURS = ("rules", "scanner", "webapp")
SPACE_BYTES = 2 * 1024**3
SELLERS_WORDS = {"Chinese": "穿山甲", "Thai": "งาช้าง", "Vietnamese": "ngà voi", "picture signs": "\N{ELEPHANT}"}

Answer = tuple[bool, str]


@click.command()
def doctor() -> None:
    """Check this installation; exit code 1 where something has to be done."""
    settings = open_settings()
    well = True
    for name, check in CHECKS.items():
        for good, words in check(settings):
            well = well and good
            click.echo(f"{'ok  ' if good else 'FAIL'}  {name}: {words}")
    sys.exit(0 if well else 1)


def check_python(_settings: Settings) -> Iterator[Answer]:
    good = (3, 11) <= sys.version_info < (3, 14)
    yield good, sys.version.split()[0] + ("" if good else "; use Python 3.11, 3.12 or 3.13")


def check_names(_settings: Settings) -> Iterator[Answer]:
    """Another project's package of one of our generic names would have overwritten ours."""
    distributions = packages_distributions()
    for name in OURS:
        others = sorted(set(distributions.get(name, [])) - {"tuskline"})
        yield not others, f"{name} is ours" if not others else f"{name} also comes from {others}; uninstall that"


def check_home(settings: Settings) -> Iterator[Answer]:
    try:
        settings.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        with TemporaryFile(dir=settings.home):
            pass
    except OSError as error:
        yield False, f"{settings.home} can't be written ({error.strerror}); set TUSKLINE_HOME to a folder of yours"
        return
    free = shutil.disk_usage(settings.home).free
    more = "" if free >= SPACE_BYTES else "; make room, pictures and models need 2 GB"
    yield not more, f"{settings.home}, {free / 1024**3:.1f} GB free{more}"


def check_keys(settings: Settings) -> Iterator[Answer]:
    """Whoever reads them signs in as anybody, and signs as this installation."""
    from webapp.services.signing import FILE

    for name in (SECRET_FILE, FILE):
        path = settings.home / name
        if path.exists():
            is_open = bool(path.stat().st_mode & 0o077)
            yield (
                not is_open,
                f"{path} can be read by others; run `chmod 600 {path}`" if is_open else f"{name} is yours alone",
            )


def check_database(settings: Settings) -> Iterator[Answer]:
    from webapp.migrations import is_current

    if not settings.database_url and not (settings.home / "tuskline.db").is_file():
        yield False, "there is none yet; run `tuskline db upgrade`"
        return
    try:
        engine = engine_of(settings)
    except click.ClickException as fault:
        yield False, fault.message
        return
    try:
        current = is_current(engine)
        yield current, f"{engine.dialect.name}, {'up to date' if current else 'outdated; run `tuskline db upgrade`'}"
    except SQLAlchemyError as error:
        yield False, f"can't be reached ({str(error).splitlines()[0]}); check TUSKLINE_DATABASE_URL"
    finally:
        engine.dispose()


def check_models(settings: Settings) -> Iterator[Answer]:
    from rules.load import PackError, find_pack, load_pack
    from scanner.zoo.cards import CardError
    from scanner.zoo.cascade import NoModelError, choose_models
    from scanner.zoo.engines.devices import explain_device, parse_device

    try:
        choice = choose_models(settings.models_dir, load_pack(find_pack(settings.pack)).cascade)
    except (NoModelError, CardError, PackError) as error:
        yield False, str(error)
        return
    yield True, explain_device(settings.device)
    choice = choice.run_on(parse_device(settings.device), settings.wishes)
    for model in choice.models:
        faults = model.changed_files()
        whole = f"is whole and runs on {model.engine} in {model.precision}"
        yield not faults, f"{model.name} " + (whole if not faults else f"is damaged: {'; '.join(faults)}")
    yield from ((True, warning) for warning in choice.warnings)
    if choice.notice:
        yield True, choice.notice


def check_rules(settings: Settings) -> Iterator[Answer]:
    from rules.lint import check_pack
    from rules.load import PackError, find_pack

    try:
        faults = check_pack(find_pack(settings.pack))
        advice = f"{len(faults)} faults; run `tuskline rules check {settings.pack}`"
        yield not faults, f"the pack {settings.pack} has " + (advice if faults else "no faults")
    except PackError as error:
        yield False, str(error)


def check_queue(settings: Settings) -> Iterator[Answer]:
    from webapp.tasks.broker import BrokerError, ask_broker

    try:
        address = ask_broker(settings, patience_s=5)
        yield True, address if settings.broker_url else f"the folder {settings.queue_dir}"
    except BrokerError as error:
        yield False, f"{error}; check TUSKLINE_BROKER_URL"


def check_store(settings: Settings) -> Iterator[Answer]:
    from webapp.storage import StoreError, open_store

    try:
        store = open_store(settings)
        store.check()
        yield True, str(store)
    except StoreError as error:
        yield False, f"{error} Check TUSKLINE_STORE_URL."


def check_fonts(_settings: Settings) -> Iterator[Answer]:
    """PDF reports show sellers' own words; where a font is missing they come out, with boxes for these."""
    from collections import Counter

    from webapp.exporters.typesetting.fonts import choose_fonts, packages_of

    for name, words in SELLERS_WORDS.items():
        lacks = choose_fonts("en", Counter(words)).lacks
        advice = f"no font shows {name}: PDF reports have boxes there; install {packages_of(lacks)}"
        yield True, advice if lacks else f"{name} can be shown in PDF reports"


CHECKS: dict[str, Callable[[Settings], Iterator[Answer]]] = {
    "Python": check_python,
    "package names": check_names,
    "home": check_home,
    "keys": check_keys,
    "database": check_database,
    "models": check_models,
    "rules": check_rules,
    "queue": check_queue,
    "store": check_store,
    "fonts": check_fonts,
}
