"""A tree of reasons as sentences: one wording for the page, the report and the terminal.

Everything is read from the result's facts, so that a result stored as JSON explains itself the same years later, and
in the language of whoever reads it: `say` gives the reader's text for an English one.
"""

from collections.abc import Mapping
from typing import Any

from rules.model import Result
from rules.wording import Say, as_it_is, both, each, either, listed, sayable, spell

LANGUAGES = {
    "de": sayable("German"),
    "en": sayable("English"),
    "es": sayable("Spanish"),
    "fr": sayable("French"),
    "id": sayable("Indonesian"),
    "it": sayable("Italian"),
    "ja": sayable("Japanese"),
    "th": sayable("Thai"),
    "vi": sayable("Vietnamese"),
    "zh": sayable("Chinese"),
}
HEADINGS = {
    ("all", True): sayable("all of these hold"),
    ("all", False): sayable("not all of these hold"),
    ("any", True): sayable("at least one of these holds"),
    ("any", False): sayable("none of these holds, and one has to"),
    ("none", True): sayable("none of these holds, as it has to be"),
    ("none", False): sayable("one of these holds or is unknown, and none may"),
}
TERMS = {
    ("plain", False): sayable("\u201c%(found)s\u201d (%(languages)s, names %(concepts)s)"),
    ("plain", True): sayable("\u201c%(found)s\u201d (%(languages)s, names %(concepts)s; unverified entry)"),
    ("coded", False): sayable("the coded word \u201c%(found)s\u201d (%(languages)s, may stand for %(concepts)s)"),
    ("coded", True): sayable(
        "the coded word \u201c%(found)s\u201d (%(languages)s, may stand for %(concepts)s; unverified entry)"
    ),
}
SCORES = {
    (True, False): sayable("%(concept)s %(score)s reached the threshold %(threshold)s (%(name)s)"),
    (True, True): sayable("%(concept)s %(score)s (%(said)s) reached the threshold %(threshold)s (%(name)s)"),
    (False, False): sayable("%(concept)s %(score)s stayed below the threshold %(threshold)s (%(name)s)"),
    (False, True): sayable("%(concept)s %(score)s (%(said)s) stayed below the threshold %(threshold)s (%(name)s)"),
}
LOOKED_FOR = {
    ("plain",): sayable("plain words for %(concepts)s"),
    ("coded",): sayable("coded words for %(concepts)s"),
    ("plain", "coded"): sayable("plain or coded words for %(concepts)s"),
    ("coded", "plain"): sayable("coded or plain words for %(concepts)s"),
}
PRICES = {
    (True, True, True): sayable("the price %(price)s is at least %(at_least)s and at most %(at_most)s %(currency)s"),
    (True, True, False): sayable("the price %(price)s is at least %(at_least)s %(currency)s"),
    (True, False, True): sayable("the price %(price)s is at most %(at_most)s %(currency)s"),
    (False, True, True): sayable(
        "the price %(price)s is not at least %(at_least)s and at most %(at_most)s %(currency)s"
    ),
    (False, True, False): sayable("the price %(price)s is not at least %(at_least)s %(currency)s"),
    (False, False, True): sayable("the price %(price)s is not at most %(at_most)s %(currency)s"),
    (True, False, False): sayable("the price is %(price)s"),
    (False, False, False): sayable("the price is %(price)s"),
}


def sentence(result: Result, say: Say = as_it_is) -> str:
    """Why the result is met, or why not, in one sentence without a capital or a full stop."""
    if result.kind not in ("all", "any", "none"):
        return describe(result, say)
    # Only what decided: of a failed `all` what failed, of a met `any` what was met.
    decisive = [child for child in result.children if is_decisive(result, child)]
    return both([sentence(child, say) for child in decisive or result.children], say) or describe(result, say)


def is_decisive(group: Result, child: Result) -> bool:
    if group.kind == "none":
        return group.met or child.met or "unknown" in child.facts
    return child.met == group.met


def lines(result: Result, depth: int = 0, say: Say = as_it_is) -> list[tuple[int, bool, str]]:
    """Every node as (depth from 0, met, text), parents before children."""
    below = [line for child in result.children for line in lines(child, depth + 1, say)]
    return [(depth, result.met, describe(result, say)), *below]


def describe(result: Result, say: Say = as_it_is) -> str:
    """One node without its children."""
    words = {
        "score": describe_score,
        "disagree": describe_disagreement,
        "mentions": describe_mentions,
        "price": describe_price,
        "seen": describe_seen,
    }
    if result.kind in words:
        return words[result.kind](result.facts, result.met, say)
    if heading := HEADINGS.get((result.kind, result.met)):
        return say(heading)
    text = say("the condition `%(kind)s` holds") if result.met else say("the condition `%(kind)s` does not hold")
    return text % {"kind": result.kind}


def describe_score(facts: Mapping[str, Any], met: bool, say: Say = as_it_is) -> str:
    concept, score = spell(facts["concept"], say), facts["score"]
    if score is None:
        why = say(facts.get("unknown", sayable("there is no score")))
        return say("%(concept)s is unknown: %(why)s") % {"concept": concept, "why": why}
    shown_score, shown_threshold = show_apart(score, facts["threshold"])
    said = describe_given(facts, say) if facts.get("said") else ""
    return say(SCORES[met, bool(said)]) % {
        "concept": concept,
        "score": shown_score,
        "said": said,
        "threshold": shown_threshold,
        "name": facts["threshold_name"],
    }


def describe_said(said: Mapping[str, Any], say: Say = as_it_is) -> str:
    """Who gave which score, the highest first."""
    return listed((f"{model} {score:.2f}" for model, score in from_highest(said)), say)


def describe_given(facts: Mapping[str, Any], say: Say = as_it_is) -> str:
    """The same, and the look-alikes that were named instead."""
    said = describe_said(facts["said"], say)
    named = [f"{name} {share:.2f}" for name, share in from_highest(facts.get("against", {}))]
    return say("%(said)s; %(names)s against it") % {"said": said, "names": each(named, say)} if named else said


def from_highest(scores: Mapping[str, Any]) -> list[tuple[str, Any]]:
    return sorted(scores.items(), key=lambda one: -one[1])


def describe_disagreement(facts: Mapping[str, Any], met: bool, say: Say = as_it_is) -> str:
    concept = spell(facts["concept"], say)
    if facts["spread"] is None:
        why = say(facts.get("unknown", sayable("there are no two scores")))
        return say("no disagreement about %(concept)s is known: %(why)s") % {"concept": concept, "why": why}
    values = {"concept": concept, "said": describe_said(facts["said"], say)}
    if met:
        text = say("the models disagree about %(concept)s (%(said)s; together %(score)s)")
        return text % {**values, "score": f"{facts['score']:.2f}"}
    return say("the models agree about %(concept)s (%(said)s)") % values


def show_apart(score: float, threshold: float) -> tuple[str, str]:
    """Both numbers with two decimals, or as many as it takes to tell them apart (six at most)."""
    digits = next((n for n in range(2, 6) if score == threshold or f"{score:.{n}f}" != f"{threshold:.{n}f}"), 6)
    return f"{score:.{digits}f}", f"{threshold:.{digits}f}"


def describe_mentions(facts: Mapping[str, Any], met: bool, say: Say = as_it_is) -> str:
    if not met:
        return say("the text holds no %(words)s") % {"words": describe_looked_for(facts, say)}
    # One spelling may be a word of several languages: said once, with all of them.
    languages: dict[str, list[str]] = {}
    terms: dict[str, Mapping[str, Any]] = {}
    for term in facts["terms"]:
        language = say(LANGUAGES.get(term["language"], term["language"]))
        languages.setdefault(term["found"], []).append(language)
        terms.setdefault(term["found"], term)
    found = [describe_term(term, either(dict.fromkeys(languages[key]), say), say) for key, term in terms.items()]
    return say("the text holds %(words)s") % {"words": each(found, say)}


def describe_looked_for(facts: Mapping[str, Any], say: Say = as_it_is) -> str:
    """Older results hold the English words alone."""
    if "concepts" not in facts:
        return str(facts["looked_for"])
    return name_words(tuple(facts["kinds"]), facts["concepts"], say)


def name_words(kinds: tuple[str, ...], concepts: tuple[str, ...] | list[str], say: Say = as_it_is) -> str:
    """Which words of the lexicon are looked for."""
    return say(LOOKED_FOR[kinds]) % {"concepts": either((spell(concept, say) for concept in concepts), say)}


def describe_term(term: Mapping[str, Any], languages: str, say: Say = as_it_is) -> str:
    text = say(TERMS[term["kind"], term.get("status") == "unverified"])
    concepts = either((spell(concept, say) for concept in term["concepts"]), say)
    return text % {"found": term["found"], "languages": languages, "concepts": concepts}


def describe_price(facts: Mapping[str, Any], met: bool, say: Say = as_it_is) -> str:
    if "unknown" in facts:
        return say("the price is unknown: %(why)s") % {"why": describe_lack(facts, say)}
    bounds = facts["at_least"] is not None, facts["at_most"] is not None
    price = f"{facts['price']} {facts['price_currency']}"
    return say(PRICES[met, *bounds]) % {**facts, "price": price}


def describe_lack(facts: Mapping[str, Any], say: Say = as_it_is) -> str:
    """Why nothing can be said of a price; older results hold the same in English."""
    if facts.get("price") is None:
        return say(facts["unknown"])
    return say("the price is not in %(currency)s") % {"currency": facts["currency"]}


def describe_seen(facts: Mapping[str, Any], _met: bool, say: Say = as_it_is) -> str:
    """What a person saw where no rule had flagged."""
    if facts["concept"] == "other":
        return say("a reviewer suspected something in a blind look")
    return say("a reviewer suspected %(concept)s in a blind look") % {"concept": spell(facts["concept"], say)}
