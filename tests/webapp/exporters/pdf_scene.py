"""A small content for PDF files, with sellers who write in many scripts and try to break the page."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from io import BytesIO
from typing import Any

from PIL import Image, ImageDraw

from webapp.exporters import FORMATS
from webapp.exporters.content import FORMAT, Choices, Content, Finding, Means
from webapp.language import speaking

SHA256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
START = datetime(2026, 11, 1, tzinfo=UTC)
STATES = ("open", "confirmed", "dismissed", "escalated", "withdrawn")
WORDS = (
    ("en", "Vintage carved figurine", "From my grandmother. #panic() *bold* $x$ @ref <label> \\u{41} [x] #{1 + 1}"),
    ("zh", "穿山甲片 现货", "野生穿山甲片。干货。"),
    ("th", "งาช้างแกะสลัก", "งาช้างแท้ แกะสลักมือ"),
    ("vi", "Vòng tay ngà voi", "Ngà voi tự nhiên"),
    ("ja", "象牙 根付", "古い象牙の根付です。"),
    ("ar", "تمثال من العاج", "عاج قديم للبيع"),
    ("en", "A" * 250, "i\u200bvory \u202eexe.gnp \x07 Z" + "\u0301" * 40 + " " + "p" * 400 + "x" * 3000),
)


def content(count: int = 3, **head: Any) -> Content:
    findings = [finding(number) for number in range(count)]
    return Content(head_of(findings) | head, lambda: iter(findings))


def picture_name(number: int) -> str:
    return hashlib.sha256(f"picture {number}".encode()).hexdigest()


@cache
def jpeg(colour: str = "#446688") -> bytes:
    image = Image.new("RGB", (320, 240), "#dddddd")
    ImageDraw.Draw(image).ellipse((60, 40, 260, 200), fill=colour)
    body = BytesIO()
    image.save(body, "JPEG")
    return body.getvalue()


def finding(number: int, **more: Any) -> dict[str, Any]:
    language, title, description = WORDS[number % len(WORDS)]
    found_at = (START + timedelta(hours=5 * number)).isoformat()
    state = STATES[number % len(STATES)]
    return {
        "id": number + 1,
        "concept": "ivory",
        "severity": "high",
        "title": "Suspected ivory",
        "rule": "ivory_seen",
        "rule_version": 3,
        "pack_digest": "a" * 64,
        "threshold": 0.5,
        "score": 0.91,
        "model": "tusk-lite",
        "model_digest": "b" * 64,
        "primary_absent": False,
        "why": "ivory 0.91 reached the threshold 0.50 (ivory_seen)",
        "reasons": score_reason(),
        "state": state,
        "found_at": found_at,
        "source": "Shop & Söhne",
        "listing": listing(number, language, title, description, found_at),
        "events": [removal(found_at)] if number % 3 == 1 else [],
        "photo": photo(number),
        "scores": [scores("tusk-lite"), scores("second-look")],
        "decisions": [decision(found_at)] if state == "confirmed" else [],
        "legal": ["cites", "th"],
        **more,
    }


def score_reason() -> dict[str, Any]:
    facts = {"concept": "ivory", "score": 0.91, "threshold": 0.5, "threshold_name": "ivory_seen"}
    return {"kind": "score", "met": True, "facts": facts, "children": []}


def listing(number: int, language: str, title: str, description: str, at: str) -> dict[str, Any]:
    return {
        "id": number,
        "url": f"https://market.example/item/{number}?q=ivory&ref=abc",
        "title": title,
        "description": description,
        "currency": "THB",
        "seller": f"seller {number}",
        "seller_url": None,
        "country": "TH",
        "language": language,
        "price": "1200.50",
        "posted_at": None,
        "first_seen_at": at,
        "last_seen_at": at,
        "removed_at": None,
    }


def removal(at: str) -> dict[str, Any]:
    return {"at": at, "kind": "removed", "takedown_s": 7200.0, "facts": {"reason": "It answered 404."}}


def photo(number: int) -> dict[str, Any]:
    return {
        "sha256": picture_name(number),
        "media_type": "image/jpeg",
        "size_bytes": 45678,
        "width_px": 800,
        "height_px": 600,
        "purged_at": None,
    }


def scores(model: str) -> dict[str, Any]:
    return {"model": model, "model_digest": "b" * 64, "by_concept": {"ivory": 0.91, "other": 0.0499, "tiger": 0.01}}


def decision(at: str) -> dict[str, Any]:
    return {
        "id": 1,
        "note": "Schreger lines.",
        "reason": "offered_for_sale",
        "concept": "ivory",
        "revises_id": None,
        "role": "reviewer",
        "at": at,
        "by": "ann",
        "verdict": "confirm",
        "stage": "first",
        "undone_at": None,
        "stands": True,
    }


def counts(findings: Sequence[Finding]) -> dict[str, int]:
    return {"all": len(findings)} | {state: sum(one["state"] == state for one in findings) for state in STATES}


def head_of(findings: Sequence[Finding]) -> dict[str, Any]:
    found = counts(findings)
    return {
        "format": FORMAT,
        "title": "Ivory, November",
        "from": START.isoformat(),
        "to": (START + timedelta(days=30)).isoformat(),
        "built_at": (START + timedelta(days=31)).isoformat(),
        "built_by": "ann",
        "built_with": {"version": "0.1.0", "commit": "c" * 40},
        "filters": {"severity": "high"},
        "filters_name": "My ivory",
        "corrects": None,
        "statement": ["Visual identification is tentative: look-alikes, copies and poor pictures mislead."],
        "primary_absent": False,
        "scans": 2,
        "sources": [{"name": "Shop & Söhne", "kind": "shopify", "findings": len(findings), "counts": found}],
        "figures": figures(findings, found),
        "quality": quality(),
        "models": [
            {"name": "tusk-lite", "digest": "b" * 64, "role": "primary", "findings": len(findings), "card": None}
        ],
        "rules": [rule(len(findings))],
        "legal": {
            "cites": law("treaty", "CITES", "verified", "2026-09-01"),
            "th": law("law", "Thailand", "unverified"),
        },
    }


def figures(findings: Sequence[Finding], found: Mapping[str, int]) -> dict[str, Any]:
    seller = {"seller": "#seller_1*", "source": "Shop & Söhne", "listings": 1, "counts": found}
    return {
        "findings": len(findings),
        "listings": len(findings),
        "sellers": len(findings),
        "pictures": len(findings),
        "decisions": found["confirmed"],
        "by_state": {state: found[state] for state in STATES},
        "by_severity": {"high": len(findings)},
        "by_concept": {"ivory": found} if findings else {},
        "by_source": {"Shop & Söhne": found} if findings else {},
        "by_seller": [seller] if findings else [],
        "sellers_left_out": 0,
        "by_day": [{"day": "2026-11-02", "found": len(findings), "confirmed": 1, "dismissed": 0}],
        "takedown": {
            "removed": 4,
            "standing": 2,
            "quarter_hours": 5.5,
            "median_hours": 30.25,
            "three_quarter_hours": 90.0,
            "longest_hours": 200.0,
        },
    }


def quality() -> list[dict[str, Any]]:
    none = {"value": None, "low": None, "high": None, "n": 0}
    return [
        {
            "name": "precision",
            "value": 0.81,
            "low": 0.7,
            "high": 0.9,
            "n": 40,
            "reason": "",
            "basis": "decided findings",
        },
        {"name": "recall", **none, "reason": "No recall audit covers this period.", "basis": ""},
    ]


def rule(count: int) -> dict[str, Any]:
    return {
        "rule": "ivory_seen",
        "version": 3,
        "title": "Suspected ivory",
        "concept": "ivory",
        "severity": "high",
        "threshold": 0.5,
        "pack_digest": "a" * 64,
        "findings": count,
    }


def law(kind: str, place: str, status: str, checked_at: str | None = None) -> dict[str, Any]:
    return {
        "kind": kind,
        "place": place.lower(),
        "place_name": place,
        "concepts": ["ivory"],
        "text": "Trade in ivory needs a permit.",
        "questions": ["Is there a permit?"],
        "citation": "art. III",
        "status": status,
        "checked_at": checked_at,
        "in_force_from": "1990",
        "until": None,
        "note": "",
    }


def make_pdf(given: Content, language: str = "en", means: Means | None = None, **choices: Any) -> bytes:
    target = BytesIO()
    chosen = Choices(**{"report_id": 12, "sha256": SHA256} | choices)
    with speaking(language):
        FORMATS["pdf"].write(
            given, chosen, means or Means(picture=lambda sha256, _edge_px: jpeg(f"#{sha256[:6]}")), target
        )
    return target.getvalue()
