"""What people and workers ask of a store, through the services and through the pages, each time of something else."""

import random
import tempfile
from collections.abc import Callable, Mapping
from datetime import timedelta
from http import HTTPStatus
from pathlib import Path
from typing import Any

from flask.testing import FlaskClient
from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from bench.scale_rows import stock_look
from tests.factories import PASSWORD, make_user
from tests.webapp.views.conftest import post
from webapp import create_app
from webapp.db import now, open_engine, session_factory
from webapp.models import FindingRow, PhotoRow, User
from webapp.services import clusters, freezing, likeness, overview, quality, queue, trends
from webapp.services.look_index import LookIndex
from webapp.services.narrowing import QueueFilters
from webapp.settings import Settings

Work = Callable[[], object]
Draw = Callable[[], Work]
"""Draws something to ask for, which takes no part in the time; what it gives is timed."""

READER = "reader"
REPORTED = 200  # findings in the report that is the same at every size
DRAWN = 2_000


class Asker:
    """Of one store; every question begins with a session that remembers nothing."""

    def __init__(self, settings: Settings, pictures: int) -> None:
        self.settings, self.pictures = settings, pictures
        self.engine: Engine = open_engine(settings.sqlalchemy_url)
        self.session: Session = session_factory(self.engine)()
        self.dice = random.Random(0)  # noqa: S311  # draws made-up data
        self.index = LookIndex(settings.looks_dir)
        self.index.settle(self.session, is_patient=True)
        self.client = self._sign_in()
        last = self.session.scalar(select(func.max(FindingRow.id))) or 1
        drawn = FindingRow.id.in_({self.dice.randint(1, last) for _ in range(DRAWN)})
        rows = self.session.execute(select(FindingRow.id, FindingRow.priority).where(drawn)).all()
        self.ids = [number for number, _ in rows]
        self.cursors = [queue.write_cursor((priority, number)) for number, priority in rows]

    def _sign_in(self) -> FlaskClient:
        if self.session.scalar(select(User.id).where(User.name == READER)) is None:
            make_user(self.session, READER)
            self.session.commit()
        client = create_app(self.settings).test_client()
        post(client, "/sign-in", name=READER, password=PASSWORD)
        return client

    def close(self) -> None:
        self.session.close()
        self.client.application.extensions["tuskline"].engine.dispose()
        self.engine.dispose()

    def fresh(self) -> Session:
        self.session.rollback()
        self.session.expunge_all()
        return self.session

    def questions(self) -> Mapping[str, Draw]:
        return {
            "queue page: the first": self.page(),
            "queue page: anywhere": self.page(is_deep=True),
            "queue page: a concept, anywhere": self.page(is_deep=True, concept="ivory"),
            "queue page: a busy seller": self.page(seller="seller1"),
            "queue page: found in a week": self.week,
            "the next to decide": self.next_one,
            "search: a rare word": self.page(text="rareword"),
            "search: a common word": self.page(text="ivory"),
            "search: two words": self.page(text="carving word17"),
            "search: a beginning": self.page(text="word29"),
            "what goes with a finding": self.around,
            "duplicates of a picture": self.duplicates,
            "index of looks: pictures as in the store": self.near,
            "index of looks: random": self.near_nothing,
            "index of looks: a stock photo": self.near_stock,
            "overview: counts": lambda: bind(overview.figures, self.fresh()),
            "overview: 30 days": lambda: bind(trends.count_trends, self.fresh(), trends.Period(30)),
            "overview: 365 days": lambda: bind(trends.count_trends, self.fresh(), trends.Period(365)),
            "quality of 30 days": self.month,
            f"report of {REPORTED} findings": self.report,
            "GET /queue": self.get(lambda: "/queue"),
            "GET /queue, anywhere": self.get(lambda: f"/queue?after={self.dice.choice(self.cursors)}"),
            "GET /queue, a common word": self.get(lambda: "/queue?q=ivory"),
            "GET /findings/ID": self.get(lambda: f"/findings/{self.dice.choice(self.ids)}"),
            "GET /, counted anew": self.get(self.home_anew),
            "GET /": self.get(lambda: "/"),
        }

    def page(self, *, is_deep: bool = False, **filters: Any) -> Draw:
        def draw() -> Work:
            after = self.dice.choice(self.cursors) if is_deep else None
            return bind(queue.queue_page, self.fresh(), QueueFilters(**filters), after)

        return draw

    def week(self) -> Work:
        day = now().date()
        return self.page(found_from=day - timedelta(days=7), found_to=day)()

    def next_one(self) -> Work:
        user = self.fresh().get_one(User, 1)
        return bind(queue.next_open, self.session, user, None, QueueFilters())

    def around(self) -> Work:
        session = self.fresh()
        found = session.get_one(FindingRow, self.dice.choice(self.ids))
        return bind(clusters.around, session, session.get_one(User, 1), found)

    def photo(self) -> PhotoRow:
        return self.fresh().get_one(PhotoRow, self.dice.randint(1, self.pictures))

    def duplicates(self) -> Work:
        return bind(likeness.duplicates, self.session, self.photo())

    def near(self) -> Work:
        return bind(self.index.near, self.photo(), likeness.MOST_NEAR)

    def near_nothing(self) -> Work:
        photo = PhotoRow(id=0, look_hash=f"{self.dice.getrandbits(256):064x}", pixel_hash="0" * 64)
        return bind(self.index.near, photo, likeness.MOST_NEAR)

    def near_stock(self) -> Work:
        photo = PhotoRow(id=0, look_hash=stock_look(), pixel_hash="0" * 64)
        return bind(self.index.near, photo, likeness.MOST_NEAR)

    def month(self) -> Work:
        return bind(quality.figures, self.fresh(), now() - timedelta(days=30), now())

    def report(self) -> Work:
        newest = select(FindingRow.found_at).order_by(FindingRow.found_at.desc()).limit(REPORTED)
        wanted = freezing.Wanted(self.fresh().scalars(newest).all()[-1], now())

        def work() -> object:
            with tempfile.TemporaryDirectory() as folder:
                return freezing.freeze(self.session, self.settings, wanted, "bench", now(), Path(folder))

        return work

    def home_anew(self) -> str:
        trends._kept.clear()
        return "/"

    def get(self, address: Callable[[], str]) -> Draw:
        def draw() -> Work:
            path = address()

            def work() -> None:
                answer = self.client.get(path)
                answer.get_data()
                if answer.status_code != HTTPStatus.OK:
                    raise RuntimeError(f"{path} answered {answer.status}")

            return work

        return draw


def bind(work: Callable[..., object], *arguments: object) -> Work:
    return lambda: work(*arguments)
