"""What people and programs do all day, for locust: `python -m bench.soak` starts it in a process of its own.

TUSKLINE_SOAK names a JSON file: {"password": ..., "people": [names], "tokens": [texts]}.
"""

import json
import os
import random
import re
from itertools import cycle
from pathlib import Path
from typing import Any

from locust import FastHttpUser, between, task

GIVEN = json.loads(Path(os.environ["TUSKLINE_SOAK"]).read_text(encoding="utf-8"))
NAMES, TOKENS = cycle(GIVEN["people"]), cycle(GIVEN["tokens"])
CSRF = re.compile(r'name="csrf_token" type="hidden" value="([^"]+)"|name="csrf_token" value="([^"]+)"')
SHOWN_AT = re.compile(r'name="shown_at" value="([^"]+)"')
FINDING = re.compile(r'href="/findings/(\d+)')
DECISION = re.compile(r'<form method="post" id="decision" action="(/findings/\d+[^"]*)"')
PICTURE = re.compile(r'src="(/photos/[0-9a-f]{64}/(?:thumbnail|veil))"')
WORDS = ("ivory", "tusk", "figure", "carved", "vase", "elephant", "pangolin")
PICTURES_OF_A_PAGE = 12  # those that a browser loads at once; it keeps each for ever
random.seed(7)


class Reviewer(FastHttpUser):
    """Signs in, opens the queue, looks at items, decides, searches."""

    weight = 3
    wait_time = between(0.5, 2.5)

    def on_start(self) -> None:
        self.seen: set[str] = set()
        page = self.client.get("/sign-in").text or ""
        fields = {"name": next(NAMES), "password": GIVEN["password"], "csrf_token": token_of(page)}
        with self.client.post("/sign-in", data=fields, catch_response=True) as answer:
            if "Sign out" not in (answer.text or ""):
                answer.failure("the sign-in was refused")

    @task(6)
    def decide(self) -> None:
        """The next finding that waits, its pictures, and a decision; where nothing waits, the queue is looked at."""
        page = self.client.get("/queue/next", name="/queue/next").text or ""
        self.look(page)
        form = DECISION.search(page)
        shown_at = SHOWN_AT.search(page)
        if form is None or shown_at is None:
            return
        verdict = random.choices(["dismiss", "confirm", "escalate"], [8, 2, 1])[0]  # noqa: S311  # who decides is no secret
        fields = {"csrf_token": token_of(page), "shown_at": shown_at[1], "verdict": verdict, "note": "a soak"}
        with self.client.post(form[1], data=fields, name="/findings/N (decide)", catch_response=True) as answer:
            if answer.status_code == 422:
                answer.failure("the decision was refused")

    @task(3)
    def open_queue(self) -> None:
        page = self.client.get("/queue").text or ""
        self.look(page)
        if found := FINDING.findall(page):
            item = self.client.get(f"/findings/{random.choice(found)}", name="/findings/N")  # noqa: S311
            self.look(item.text or "")

    @task(2)
    def search(self) -> None:
        self.client.get(f"/queue?q={random.choice(WORDS)}", name="/queue?q=")  # noqa: S311

    @task(1)
    def look_around(self) -> None:
        for path in ("/", "/scans", "/capacity", "/quality"):
            self.client.get(path)

    def look(self, page: str) -> None:
        """Load the pictures of a page that this browser has not loaded before."""
        for address in list(dict.fromkeys(PICTURE.findall(page)))[:PICTURES_OF_A_PAGE]:
            if address not in self.seen:
                self.seen.add(address)
                self.client.get(address, name=f"/photos/N/{address.rpartition('/')[2]}")


class Program(FastHttpUser):
    """Reads through the API with a token, and decides now and then."""

    weight = 1
    wait_time = between(0.5, 1.5)

    def on_start(self) -> None:
        self.client.auth_header = None
        self.headers = {"Authorization": f"Bearer {next(TOKENS)}"}

    @task(5)
    def read(self) -> None:
        for path in ("overview", "findings?limit=50", "scans?limit=20", "work", "workers", "capacity"):
            self.get(path)

    @task(2)
    def read_one(self) -> None:
        items = self.get("findings?state=open&limit=50").get("items", [])
        if items:
            self.get(f"findings/{random.choice(items)['id']}", name="/api/v1/findings/N")  # noqa: S311

    @task(1)
    def read_log(self) -> None:
        scans = self.get("scans?limit=5").get("items", [])
        if scans:
            self.get(f"scans/{scans[0]['id']}", name="/api/v1/scans/N")

    def get(self, path: str, name: str | None = None) -> dict[str, Any]:
        with self.client.get(f"/api/v1/{path}", headers=self.headers, name=name, catch_response=True) as answer:
            told = answer.json() if answer.status_code == 200 else {}
        return dict(told)


def token_of(page: str) -> str:
    found = CSRF.search(page)
    return (found[1] or found[2]) if found else ""
