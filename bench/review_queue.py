"""Is the queue as fast at a million findings as at a hundred thousand? python bench/review_queue.py [URL] [FEW MANY]

Fills an empty database (a SQLite file of its own unless a SQLAlchemy URL is given) with FEW and then with MANY findings
(100,000 and 1,000,000 unless told); prints the median time of what the page asks for at both sizes, and their ratio.
"""

import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, insert, text
from sqlalchemy.orm import Session

from webapp.db import now, open_engine, session_factory
from webapp.migrations import upgrade
from webapp.models import FindingRow, FindingState, ListingRow, ListingText, Role, Scan, ScanState, Source, User
from webapp.services import priority, queue, search
from webapp.services.queue import QueueFilters

BATCH = 5_000
ROUNDS = 7
SOURCES, SELLERS = 20, 20_000
CONCEPTS = ("ivory", "elephant", "tiger", "tiger_skin", "pangolin_scale")
SEVERITIES = ("low", "medium", "high", "critical")
STATES = [FindingState.OPEN] * 8 + [FindingState.CONFIRMED, FindingState.DISMISSED]
RULES = [f"{concept}_{kind}" for concept in CONCEPTS for kind in ("seen", "words", "disagreed")]
LANGUAGES = ["en", "zh", "de", "fr", "vi", None]
WORDS = [f"word{number}" for number in range(3_000)]
REASONS: dict[str, Any] = {"kind": "score", "met": True, "facts": {"concept": "ivory", "score": 0.9}, "children": []}


def rows_of(numbers: range) -> Iterator[tuple[dict[str, Any], dict[str, Any], dict[str, Any]]]:
    """A listing, its text and its finding, for each number."""
    dice = random.Random(numbers.start)  # noqa: S311  # made-up data
    for number in numbers:
        words = " ".join(dice.choices(WORDS, k=25))
        title = f"carving {'ivory' if number % 3 else 'bone'} {'rareword' if number % 5_000 == 7 else ''} {words[:40]}"
        seller = f"seller{int(dice.paretovariate(0.6)) % SELLERS}"
        where = {"source_id": number % SOURCES + 1, "seller": seller, "language": dice.choice(LANGUAGES)}
        seen_at = now() - timedelta(minutes=number // 3)
        listing = where | {"id": number, "url": f"http://127.0.0.1/{number}", "title": title, "description": words}
        listing |= {"first_seen_at": seen_at, "last_seen_at": seen_at}
        body = " ".join(search.split_words(f"{title} {seller} {words}"))
        score, severity = round(dice.random(), 6), dice.choice(SEVERITIES)
        days = (seen_at - priority.EPOCH).total_seconds() / priority.DAY_S
        finding = where | {
            "id": number,
            "appearance_key": f"{number}:0",
            "listing_id": number,
            "scan_id": 1,
            "rule": dice.choice(RULES),
            "concept": dice.choice(CONCEPTS),
            "severity": severity,
            "state": dice.choice(STATES),
            "score": score,
            "priority": SEVERITIES.index(severity) + 1 + score - priority.WEIGHTS.day * days,
            "found_at": seen_at,
            "title": "Suspected ivory in the picture",
            "rule_version": 1,
            "pack_digest": "0" * 64,
            "why": "ivory reached the threshold",
            "reasons": REASONS,
        }
        yield listing, {"listing_id": number, "body": body}, finding


def fill(engine: Engine, numbers: range) -> None:
    for start in range(numbers.start, numbers.stop, BATCH):
        listings, texts, findings = zip(*rows_of(range(start, min(start + BATCH, numbers.stop))), strict=True)
        with engine.begin() as connection:
            connection.execute(insert(ListingRow), list(listings))
            connection.execute(insert(ListingText), list(texts))
            connection.execute(insert(FindingRow), list(findings))
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(text("ANALYZE"))


def prepare(engine: Engine) -> None:
    upgrade(engine)
    with session_factory(engine)() as session:
        session.add_all(Source(name=f"Source {number}", kind="shop") for number in range(SOURCES))
        session.add(User(name="ann", role=Role.REVIEWER, password_hash="!"))  # noqa: S106  # signs in nowhere
        session.flush()
        session.add(Scan(source_id=1, state=ScanState.DONE))
        session.commit()


def asked(session: Session) -> dict[str, Callable[[], Any]]:
    """What is measured, by its name: a page with its counts unless it says otherwise."""
    user = session.get_one(User, 1)

    def page(**filters: Any) -> Callable[[], Any]:
        return lambda: queue.queue_page(session, QueueFilters(**filters))

    def deep() -> Any:
        row = session.get_one(FindingRow, 1_000)
        return queue.queue_page(session, QueueFilters(), queue.write_cursor(queue.place_of(row)))

    today = now().date()
    return {
        "all that is open": page(),
        "a page in the depth": deep,
        "one concept": page(concept="ivory"),
        "one source": page(source_id=3),
        "one rule": page(rule="ivory_seen"),
        "a busy seller": page(seller="seller1"),
        "a rare seller": page(seller="seller19999"),
        "one language": page(language="zh"),
        "concept, source and language": page(concept="tiger", source_id=3, language="de"),
        "low severity": page(severity="low"),
        "a narrow band of scores": page(score_from=0.5, score_to=0.501),
        "found today": page(found_from=today),
        "found in one week": page(found_from=today - timedelta(days=27), found_to=today - timedelta(days=20)),
        "before all": page(found_to=date(2000, 1, 1)),
        "a rare word": page(text="rareword"),
        "a common word": page(text="ivory"),
        "a common word and a source": page(text="ivory", source_id=3),
        "two common words": page(text="carving ivory "),
        "a common phrase": page(text='"carving ivory"'),
        "a common beginning": page(text="carv"),
        "a word of none": page(text="nowhere"),
        "the next to decide": lambda: queue.next_open(session, user, None, QueueFilters()),
        "counts of the overview": lambda: queue.counts(session),
        "the rules there are": lambda: queue.rules_of(session),
    }


def measure(engine: Engine) -> dict[str, float]:
    """Median milliseconds of each, on a fresh session, the first round not counted."""
    times: dict[str, float] = {}
    with session_factory(engine)() as session:
        for name, ask in asked(session).items():
            taken = []
            for _ in range(ROUNDS):
                session.expunge_all()
                session.rollback()
                ask = asked(session)[name]
                began = time.perf_counter()
                ask()
                taken.append(1000 * (time.perf_counter() - began))
            times[name] = statistics.median(taken[1:])
    return times


def main() -> None:
    arguments = sys.argv[1:]
    few, many = (
        (int(number) for number in arguments[-2:] if number.isdecimal()) if len(arguments) > 1 else (10**5, 10**6)
    )
    with tempfile.TemporaryDirectory() as folder:
        url = next((one for one in arguments if "://" in one), f"sqlite:///{Path(folder) / 'bench.db'}")
        engine = open_engine(url)
        prepare(engine)
        fill(engine, range(1, few + 1))
        before = measure(engine)
        fill(engine, range(few + 1, many + 1))
        after = measure(engine)
        print(f"{engine.dialect.name:32} {few:>12,} {many:>12,}    ratio")
        for name, taken in before.items():
            print(f"{name:32} {taken:9.1f} ms {after[name]:9.1f} ms {after[name] / taken:8.1f}")
        engine.dispose()


if __name__ == "__main__":
    main()
