"""A finding as the appendix shows it: picture, listing, reasons, scores, decisions, in the language in force."""

from collections.abc import Iterator, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from rules.wording import listed
from webapp.echoes import say_again
from webapp.exporters.content import Choices, Finding
from webapp.exporters.typesetting.front import time_words, word
from webapp.exporters.typesetting.texts import one_line, shown
from webapp.language import find_text, number, say, say_later
from webapp.wording import (
    as_sentence,
    concept_words,
    country_words,
    digest_head,
    price_words,
    score_words,
    size_words,
    span_of_time,
    why_words,
)

Card = dict[str, Any]
TITLE, DESCRIPTION, ADDRESS, NOTE = 300, 1200, 400, 600  # characters that are printed of each
MOST_SCORES, MOST_DECISIONS, MOST_EVENTS = 12, 20, 10
VERDICTS = {
    "confirm": say_later("confirmed"),
    "dismiss": say_later("dismissed"),
    "escalate": say_later("escalated"),
}
STAGES = {
    "first": say_later("first look"),
    "second": say_later("second look, blind"),
    "adjudication": say_later("adjudication"),
    "appeal": say_later("appeal"),
}


def card(finding: Finding, choices: Choices, laws: Mapping[str, str]) -> Card:
    """laws: how the report's legal entries are named. The picture's file is put in by who has it."""
    listing = finding.get("listing") or {}
    return {
        "id": finding["id"],
        "heading": say(
            "Finding %(number)s: suspected %(concept)s",
            number=finding["id"],
            concept=concept_words(finding["concept"]),
        ),
        "severity": say("severity %(severity)s", severity=word(finding["severity"])),
        "state": word(finding["state"]),
        "is_confirmed": finding["state"] == "confirmed",
        "language": listing.get("language") or "",
        "picture": picture(finding, choices),
        "facts": [[label, text, look] for label, text, look in facts(finding, listing) if text],
        "description_title": say("Description"),
        "description": shown(listing.get("description"), DESCRIPTION),
        "parts": [part for part in parts(finding, laws) if part["texts"]],
    }


def picture(finding: Finding, choices: Choices) -> Card | None:
    photo = finding.get("photo")
    if not photo or choices.pictures == "none":
        return None
    blurred = choices.pictures == "blurred"
    return {
        "sha256": photo["sha256"],
        "alt": say("The listing's picture, blurred") if blurred else say("The listing's picture"),
        "missing": say("The picture's bytes are no longer kept, or can't be read."),
    }


def facts(finding: Finding, listing: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Label, words, and how they look: plain, voice (a stranger's), or code."""
    yield say("Suspicion"), as_sentence(say_again(finding["title"])), "plain"
    yield say("Listing"), one_line(listing.get("title"), TITLE) or say("without a title"), "voice"
    yield say("Address"), one_line(listing.get("url"), ADDRESS), "code"
    yield say("Source"), one_line(finding.get("source"), 80), "plain"
    yield say("Seller"), one_line(listing.get("seller"), 120), "voice"
    yield say("Seller's address"), one_line(listing.get("seller_url"), ADDRESS), "code"
    yield say("Price"), price_of(listing), "plain"
    yield say("Country"), country_words(listing["country"]) if listing.get("country") else "", "plain"
    yield say("Posted"), time_words(listing["posted_at"]) if listing.get("posted_at") else "", "plain"
    yield say("Seen"), seen_words(listing), "plain"
    yield say("Found"), time_words(finding["found_at"]), "plain"
    photo = finding.get("photo")
    if photo:
        yield say("Picture"), photo_words(photo), "plain"
        yield say("SHA-256"), photo["sha256"], "digest"


def price_of(listing: Mapping[str, Any]) -> str:
    written = listing.get("price")
    if written is None:
        return say("no price")
    try:
        return price_words(Decimal(str(written)), listing.get("currency"))
    except (InvalidOperation, ValueError):
        return one_line(written, 40)


def seen_words(listing: Mapping[str, Any]) -> str:
    if not listing.get("first_seen_at"):
        return ""
    first, last = time_words(listing["first_seen_at"]), time_words(listing.get("last_seen_at"))
    if listing.get("removed_at"):
        gone = time_words(listing["removed_at"])
        return say("%(first)s to %(last)s; gone by %(gone)s", first=first, last=last, gone=gone)
    return say("%(first)s to %(last)s", first=first, last=last)


def photo_words(photo: Mapping[str, Any]) -> str:
    size = say("%(width)s × %(height)s px", width=photo.get("width_px") or "?", height=photo.get("height_px") or "?")  # noqa: RUF001
    told = [size, photo.get("media_type") or "", size_words(photo["size_bytes"]) if photo.get("size_bytes") else ""]
    if photo.get("purged_at"):
        told.append(say("bytes removed on %(time)s as the retention says", time=time_words(photo["purged_at"])))
    return listed((part for part in told if part), find_text)


def parts(finding: Finding, laws: Mapping[str, str]) -> Iterator[Card]:
    yield part(say("Why flagged"), reasons(finding))
    yield part(say("Scores"), [scores_line(one) for one in finding.get("scores", [])[:MOST_SCORES]])
    yield part(say("Decisions"), decisions(finding))
    yield part(say("Afterwards"), [event_line(one) for one in finding.get("events", [])[:MOST_EVENTS]])
    known = [laws[name] for name in finding.get("legal") or [] if name in laws]
    yield part(say("Legal context"), [listed(known, find_text)] if known else [])


def part(title: str, texts: list[str]) -> Card:
    return {"title": title, "texts": texts}


def reasons(finding: Finding) -> list[str]:
    told = as_sentence(reason_words(finding))
    rule = say(
        "Rule %(rule)s, version %(version)s, pack %(pack)s.",
        rule=one_line(finding["rule"], 80),
        version=finding.get("rule_version"),
        pack=digest_head(finding.get("pack_digest")),
    )
    absent = [say("The primary model was not installed; fallback models spoke in its place.")]
    return [shown(told, 1000), rule, *(absent if finding.get("primary_absent") else [])]


def reason_words(finding: Finding) -> str:
    """From the stored tree, in any language; the stored sentence where that can't be read any more."""
    try:
        return why_words(finding["reasons"])
    except (KeyError, TypeError, ValueError, AttributeError):
        return say_again(finding.get("why"))


def scores_line(one: Mapping[str, Any]) -> str:
    """Every concept that the model knows, the highest first."""
    ranked = sorted(one["by_concept"].items(), key=lambda item: (-item[1], item[0]))
    told = [
        say("%(name)s %(score)s", name=concept_words(concept), score=score_words(score)) for concept, score in ranked
    ]
    return say(
        "%(model)s (%(digest)s): %(scores)s",
        model=one_line(one["model"], 80),
        digest=digest_head(one.get("model_digest")),
        scores=listed(told, find_text),
    )


def decisions(finding: Finding) -> list[str]:
    rows = finding.get("decisions") or []
    if not rows:
        return [say("Nobody has decided yet.")]
    told = [decision_line(one) for one in rows[:MOST_DECISIONS]]
    left = len(rows) - MOST_DECISIONS
    return [*told, say("%(count)s more are in the other formats.", count=number(left))] if left > 0 else told


def decision_line(one: Mapping[str, Any]) -> str:
    who = one_line(one.get("by"), 80) or say("a reviewer")
    role = word(one["role"]) if one.get("role") else ""
    said = say(
        "%(time)s, %(name)s: %(verdict)s",
        time=time_words(one["at"]),
        name=say("%(name)s (%(role)s)", name=who, role=role) if role else who,
        verdict=str(VERDICTS.get(one["verdict"], one["verdict"])),
    )
    more = [
        str(STAGES.get(one["stage"], one["stage"])) if one.get("stage") not in (None, "first") else "",
        say("reason %(reason)s", reason=reason_title(one)) if one.get("reason") else "",
        say("taken back on %(time)s", time=time_words(one["undone_at"])) if one.get("undone_at") else "",
        say("no longer counts") if not one.get("stands", True) and not one.get("undone_at") else "",
        say("note: %(note)s", note=shown(one["note"], NOTE)) if one.get("note") else "",
    ]
    told = [text for text in more if text]
    return say("%(sentence)s; %(more)s", sentence=said, more=listed(told, find_text)) if told else said


def reason_title(decision: Mapping[str, Any]) -> str:
    """As the pack calls the code; the code itself where it had no title for it."""
    title = decision.get("reason_title")
    return find_text(title) if title else one_line(decision["reason"].replace("_", " "), 80)


def event_line(one: Mapping[str, Any]) -> str:
    time = time_words(one["at"])
    if one["kind"] == "removed":
        reason = say_again((one.get("facts") or {}).get("reason"))
        if one.get("takedown_s") is not None:
            return say(
                "%(time)s: gone, %(span)s after it was first suspected. %(reason)s",
                time=time,
                span=span_of_time(one["takedown_s"]),
                reason=reason,
            ).rstrip()
        return say("%(time)s: gone. %(reason)s", time=time, reason=reason).rstrip()
    if one["kind"] == "returned":
        return say("%(time)s: offered again.", time=time)
    if one["kind"] == "relisted":
        return say("%(time)s: it shows a picture that another listing showed before.", time=time)
    return say("%(time)s: %(kind)s", time=time, kind=word(one["kind"]))
