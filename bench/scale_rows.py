"""A store of any size, made up in the shape of a real one: listings of one to five pictures, a few sellers with much.

Of 1,000 pictures 13 carry a finding, three quarters of which are decided. Looks are as crowded as those of 1,224
photographs: two that have nothing in common share a band six times as often as chance would have it.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from scanner.looks import Array
from webapp.services import priority

Rows = dict[str, list[tuple[Any, ...]]]

BLOCK = 20_000
SOURCES, PEOPLE = 20, 8
SECONDS_APART = 6  # 14,400 pictures a day: ten million are two years
FLAGGED = 0.013
ALIKE = 0.02  # pictures that are near to one shortly before
STOCK = 0.001  # pictures that look exactly like one that all shops show
AGAIN = 0.05  # listings that show a picture of another one too
GONE = 0.15
CROWDED, PATTERNS = 0.1, 1000  # of the bands that share is one of so many patterns
CONCEPTS = ("ivory", "elephant", "tiger", "tiger_skin", "pangolin_scale")
SEVERITIES = ("low", "medium", "high", "critical")
RULES = [f"{concept}_{kind}" for concept in CONCEPTS for kind in ("seen", "words", "disagreed")]
LANGUAGES = ("en", "zh", "de", "fr", "vi", None)
STATES = ("open", "escalated", "confirmed", "dismissed", "withdrawn")
SHARES = (0.2, 0.02, 0.15, 0.6, 0.03)
VERDICTS = {"confirmed": "confirm", "dismissed": "dismiss"}
WORDS = [f"word{number}" for number in range(3_000)]
MODEL, DIGEST = "pplcnetv2_base_imagenet", "d" * 64
MODELS = json.dumps([{"name": MODEL, "digest": DIGEST, "role": "fallback", "source": "a benchmark", "photos": 1}])
REASONS = json.dumps(
    {
        "kind": "score",
        "met": True,
        "facts": {"concept": "ivory", "score": 0.9, "threshold": 0.5, "threshold_name": "ivory"},
        "children": [],
    }
)
LABELS = json.dumps([["African elephant", 0.7], ["tusker", 0.21], ["Indian elephant", 0.04]])
COLUMNS = {
    "sources": "id name kind options created_at",
    "scans": "id source_id state requested_by queued_at started_at crawled_at finished_at listings_seen photos_seen "
    "photos_scored photos_failed findings_opened models primary_absent warnings shape fetched_pages fetched_bytes",
    "listings": "id source_id url title description price currency seller country posted_at first_seen_at "
    "last_seen_at content_sha256 last_scan_id removed_at language",
    "listing_texts": "listing_id body",
    "listing_versions": "id listing_id scan_id content_sha256 fields seen_at",
    "listing_events": "id listing_id scan_id kind facts takedown_s at",
    "photos": "id sha256 pixel_hash media_type size_bytes width_px height_px look_hash first_seen_at",
    "photo_looks": "number photo_id",
    "near_photos": "photo_id other_id distance",
    "appearances": "id listing_id photo_id url position checked_at",
    "scores": "id photo_id model model_digest by_concept top_labels counters scored_at",
    "scan_photos": "id scan_id listing_id photo_id location state attempts seen_at",
    "findings": "id appearance_key listing_id photo_id scan_id rule rule_version pack_digest title concept severity "
    "threshold score model model_digest primary_absent why reasons priority source_id seller language state found_at",
    "decisions": "id finding_id user_id verdict note decided_at stage state_before seconds role",
}


@dataclass(slots=True)
class Maker:
    """Rows block by block, in the order of time; each table's ids count up from 1. pictures: of the whole store."""

    pictures: int
    seed: int = 0
    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    _dice: np.random.Generator = field(init=False)
    _ids: dict[str, int] = field(default_factory=lambda: dict.fromkeys(COLUMNS, 0))
    _patterns: Array = field(init=False)

    def __post_init__(self) -> None:
        self._dice = np.random.default_rng(self.seed)
        self._patterns = make_patterns()

    def first(self) -> Rows:
        """What the rest hangs on. The users are there already, 1 to PEOPLE."""
        at = stamp(self.now - timedelta(days=800))
        return {"sources": [(number, f"Source {number}", "shop", "{}", at) for number in range(1, SOURCES + 1)]}

    def blocks(self) -> Iterator[Rows]:
        for start in range(0, self.pictures, BLOCK):
            yield self._block(start, min(BLOCK, self.pictures - start))

    def _next(self, table: str) -> int:
        self._ids[table] += 1
        return self._ids[table]

    def _block(self, start: int, count: int) -> Rows:
        rows: Rows = {table: [] for table in COLUMNS}
        ends = np.cumsum(self._dice.integers(1, 6, count))
        ends = [*ends[ends < count].tolist(), count]
        begun = self.now - timedelta(seconds=SECONDS_APART * (self.pictures - start))
        scan = self._add_scan(rows, begun, count)
        self._add_pictures(rows, start, begun, count)
        flagged = self._dice.random(count) < FLAGGED
        texts = self._texts(len(ends))
        sellers = self._sellers(len(ends))
        low = 0
        for high, words, seller in zip(ends, texts, sellers, strict=True):
            seen_at = begun + timedelta(seconds=SECONDS_APART * low)
            photos = range(start + low + 1, start + high + 1)
            hits = [photo for photo in photos if flagged[photo - start - 1]]
            self._add_listing(rows, scan, seen_at, words, seller, photos, hits)
            low = high
        return rows

    def _add_scan(self, rows: Rows, begun: datetime, count: int) -> int:
        scan, at = self._next("scans"), stamp(begun)
        counts = (count // 3, count, count, 0, int(count * FLAGGED))
        told = (MODELS, 0, "[]", "{}", count, count * 200_000)
        rows["scans"].append((scan, scan % SOURCES + 1, "done", "system", at, at, at, at, *counts, *told))
        return scan

    def _add_pictures(self, rows: Rows, start: int, begun: datetime, count: int) -> None:
        names, pixels = cut_hex(self._dice.bytes(32 * count)), cut_hex(self._dice.bytes(32 * count))
        looks, near = self._looks(count)
        at = ""
        for number, (sha256, pixel_hash, look) in enumerate(zip(names, pixels, cut_hex(looks.tobytes()), strict=True)):
            if number % 100 == 0:
                at = stamp(begun + timedelta(seconds=SECONDS_APART * number))
            photo = start + number + 1
            rows["photos"].append((photo, sha256, pixel_hash, "image/jpeg", 84_000, 800, 600, look, at))
            rows["photo_looks"].append((photo, photo))
            score = (photo * 7919 % 1000) / 1000
            said = f'{{"ivory": {score}, "elephant": {score / 2:.4f}, "tiger": 0.01, "pangolin_scale": 0.002}}'
            rows["scores"].append((photo, photo, MODEL, DIGEST, said, LABELS, "{}", at))
        for place, distance in near:
            one, other = start + place + 1, start + place
            rows["near_photos"] += [(one, other, distance), (other, one, distance)]

    def _looks(self, count: int) -> tuple[Array, list[tuple[int, int]]]:
        """As 16 bands each, and which is near to the one before it."""
        looks = self._dice.integers(0, 2**16, (count, 16), dtype=np.uint16)
        crowded = self._dice.random((count, 16)) < CROWDED
        patterns = self._patterns[self._dice.integers(0, PATTERNS, (count, 16)), np.arange(16)]
        looks[crowded] = patterns[crowded]
        looks[self._dice.random(count) < STOCK] = self._patterns[0]
        near = []
        for place in range(1, count, round(1 / ALIKE)):
            turned = self._dice.choice(16, self._dice.integers(1, 12), replace=False)
            looks[place] = looks[place - 1]
            looks[place, turned] ^= np.uint16(1) << self._dice.integers(0, 16, len(turned)).astype(np.uint16)
            near.append((place, len(turned)))
        return looks, near

    def _texts(self, count: int) -> list[str]:
        """24 words each, a few of them far more frequent than the rest."""
        drawn = (self._dice.random((count, 24)) ** 3 * len(WORDS)).astype(int).tolist()
        return [" ".join([WORDS[number] for number in line]) for line in drawn]

    def _sellers(self, count: int) -> list[str]:
        many = max(1_000, self.pictures // 50)
        return [f"seller{int(number) % many}" for number in self._dice.pareto(0.6, count)]

    def _add_listing(
        self, rows: Rows, scan: int, seen_at: datetime, words: str, seller: str, photos: range, hits: Sequence[int]
    ) -> None:
        number, at = self._next("listings"), stamp(seen_at)
        source, language = scan % SOURCES + 1, LANGUAGES[number % len(LANGUAGES)]
        rare = "rareword " if number % 5_000 == 7 else ""
        title = f"carving {'ivory' if number % 3 else 'bone'} {rare}{words[:40]}"
        url = f"http://shop{source}.example/listings/{number}"
        sha256 = f"{number:064x}"
        is_gone = number * 7919 % 1000 < GONE * 1000
        removed_at = stamp(seen_at + timedelta(days=3)) if is_gone else None
        money = (number % 5_000, "EUR", seller, "DE")
        rows["listings"].append(
            (number, source, url, title, words, *money, at, at, at, sha256, scan, removed_at, language)
        )
        rows["listing_texts"].append((number, f"{title} {seller} {words}"))
        said = f'{{"title": "{title}", "description": "{words}", "photo_urls": []}}'
        rows["listing_versions"].append((self._next("listing_versions"), number, scan, sha256, said, at))
        if is_gone:
            after_s = 259_200 if hits else None
            event = (number, scan, "removed", '{"reason": "404"}', after_s, removed_at)
            rows["listing_events"].append((self._next("listing_events"), *event))
        shown = list(photos)
        if number % round(1 / AGAIN) == 3 and photos[0] > 500:
            shown.append(photos[0] - 400)
        for position, photo in enumerate(shown):
            self._add_appearance(rows, scan, number, photo, position, f"{url}/{position}.jpg", at)
        for photo in hits:
            self._add_finding(rows, (scan, source, seller, language), number, photo, seen_at)

    def _add_appearance(
        self, rows: Rows, scan: int, listing: int, photo: int, position: int, url: str, at: str
    ) -> None:
        number = self._next("appearances")
        rows["appearances"].append((number, listing, photo, url, position, at))
        rows["scan_photos"].append((number, scan, listing, photo, url, "scored", 1, at))

    def _add_finding(
        self, rows: Rows, where: tuple[int, int, str, str | None], listing: int, photo: int, seen_at: datetime
    ) -> None:
        number, dice = self._next("findings"), self._dice
        scan, source, seller, language = where
        score, severity = round(float(dice.random()), 6), int(dice.integers(0, 4))
        state = STATES[int(np.searchsorted(np.cumsum(SHARES), dice.random()).clip(0, 4))]
        rule = RULES[int(dice.integers(0, len(RULES)))]
        concept = CONCEPTS[RULES.index(rule) // 3]
        days = (seen_at - priority.EPOCH).total_seconds() / priority.DAY_S
        weight = severity + 1 + score - priority.WEIGHTS.day * days
        head = (number, f"{listing}:{photo}", listing, photo, scan, rule, 1, "0" * 64)
        told = (f"Suspected {concept} in the picture", concept, SEVERITIES[severity], 0.5, score, MODEL, DIGEST, 0)
        tail = (f"{concept} reached the threshold", REASONS, weight, source, seller, language, state, stamp(seen_at))
        rows["findings"].append((*head, *told, *tail))
        if state in VERDICTS:
            decided_at = stamp(min(self.now, seen_at + timedelta(hours=float(dice.exponential(20)))))
            user, seconds = int(dice.integers(1, PEOPLE + 1)), round(float(dice.exponential(12)), 1)
            said = (user, VERDICTS[state], "", decided_at, "first", "open", seconds, "reviewer")
            rows["decisions"].append((self._next("decisions"), number, *said))


def make_patterns() -> Array:
    return np.random.default_rng(1).integers(0, 2**16, (PATTERNS, 16), dtype=np.uint16)


def stock_look() -> str:
    """What the picture looks like that all shops show."""
    return make_patterns()[0].tobytes().hex()


def stamp(at: datetime) -> str:
    return at.strftime("%Y-%m-%d %H:%M:%S.%f")


def cut_hex(body: bytes) -> list[str]:
    """Every 32 bytes as 64 hex digits."""
    digits = body.hex()
    return [digits[start : start + 64] for start in range(0, len(digits), 64)]
