"""Hostile files that people hand in, each by way of what reads it: no crash, no hang, one sentence at most."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from scanner.fetch import FetchError
from scanner.markets import csv_file, jsonl_file, warc_file
from scanner.markets.base import Market, MarketError
from scanner.markets.crawling import crawl
from scanner.zoo.cards import CardError, read_card
from scanner.zoo.fetching.archives import ArchiveError, unpack
from scanner.zoo.formats.completeness import CompletenessError, check_parameters
from scanner.zoo.formats.layouts import Layout
from scanner.zoo.formats.states import StateError, read_state
from scanner.zoo.labels import LabelError, read_labels
from tests.attacks.corpus import FILES, Attack, Ending, Room
from tests.attacks.fuzz.office import feed_table, feed_workbook
from tests.attacks.fuzz.target import check_listing
from tests.attacks.memory import no_growth
from tests.scanner.markets.fakes import FakeFetcher, context_on
from webapp.exporters import verify_case

REFUSALS = (ArchiveError, CardError, CompletenessError, LabelError, MarketError, StateError, verify_case.Unreadable)
COSTLY = {"bomb.warc.gz", "many.zip", "bomb.zip", "bomb.tar.gz", "long.txt", "revisits.warc.gz", "nested.pdparams"}
LETTERS = 500
MARKETS: dict[str, Market] = {
    ".csv": csv_file.MARKET,
    ".jsonl": jsonl_file.MARKET,
    ".warc": warc_file.MARKET,
    ".warc.gz": warc_file.MARKET,
}


def read_market(market: Market) -> Callable[[Path], None]:
    def read(path: Path) -> None:
        fetcher = FakeFetcher(lambda _call: FetchError("The server answered 404.", 404))
        context = context_on(fetcher, path=path.name, minimum_listings=1)
        context.inbox = path.parent
        for listing in crawl(market, context):
            check_listing(listing)
            for place in listing.photo_urls:
                with pytest.raises(FetchError):  # none of them has its pictures beside it
                    context.get_photo(place, 1000)  # type: ignore[misc]
        for warning in context.warnings:
            warning.encode("utf-8")
            assert "\0" not in warning

    return read


def read_archive(path: Path) -> None:
    target = path.parent / "deep" / "target"
    try:
        unpack(path, target)
    finally:
        outside = [one for one in path.parent.rglob("*") if one.is_file() and not one.is_relative_to(target)]
        assert outside == [path]
        assert not [one for one in target.rglob("*") if one.is_symlink()]


def read_program(path: Path) -> None:
    path.with_suffix(".pdiparams").write_bytes(b"")
    check_parameters(path.parent, Layout("A", Path(path.name), Path(path.with_suffix(".pdiparams").name)))


def read_named_card(path: Path) -> None:
    (path.parent / "card.json").write_bytes(path.read_bytes())
    read_card(path.parent)


def read_case(path: Path) -> None:
    outcome = verify_case.check(str(path))
    "\n".join(verify_case.report(outcome)).encode("ascii")
    if not outcome.is_whole:
        raise verify_case.Unreadable(outcome.faults[0].words)


def read_text(path: Path) -> None:
    feed_table(path.read_bytes())
    feed_workbook(path.read_bytes())


READERS: dict[str, Callable[[Path], object]] = {
    **{suffix: read_market(market) for suffix, market in MARKETS.items()},
    ".tar.gz": read_archive,
    ".zip": read_archive,
    ".pdparams": lambda path: read_state("D", path),
    ".pth": lambda path: read_state("F", path),
    ".pdmodel": read_program,
    ".label_list.txt": read_labels,
    ".card.json": read_named_card,
    ".txt": read_text,
}


def reader_of(attack: Attack) -> Callable[[Path], object]:
    if attack.room is Room.CASES:
        return read_case
    return next(read for suffix, read in READERS.items() if attack.name.endswith(suffix))


def meet(attack: Attack, folder: Path) -> str:
    """What is wrong with what came of it; empty where it is as it must be."""
    folder.mkdir()
    path = folder / attack.name
    path.write_bytes(attack.make())
    try:
        reader_of(attack)(path)
    except REFUSALS as error:
        said = str(error)
        if attack.ending is Ending.READ:
            return f"it was refused: {said}"
        if not said.isprintable() or len(said) > LETTERS + len(str(path)):
            return f"nobody can read this: {said!r}"
        return "" if re.search(attack.says, said) else f"it says {said!r}"
    return "it was read" if attack.ending is Ending.REFUSED else ""


@pytest.mark.parametrize("room", [Room.TABLES, Room.ARCHIVES, Room.MODELS, Room.CASES, Room.TEXTS])
@pytest.mark.parametrize("is_costly", [False, pytest.param(True, marks=pytest.mark.full)])
def test_each_file_is_read_or_refused_in_one_sentence(room: Room, is_costly: bool, tmp_path: Path) -> None:
    chosen = [one for one in FILES if one.room is room and (one.name in COSTLY) is is_costly]
    with no_growth():
        told = {attack.path: meet(attack, tmp_path / str(number)) for number, attack in enumerate(chosen)}
    assert {path: fault for path, fault in told.items() if fault} == {}
