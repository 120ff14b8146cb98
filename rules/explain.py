"""A tree of reasons as sentences: one wording for the page, the report and the terminal.

Everything is read from the result's facts, so that a result stored as JSON explains itself the same years later.
"""

from collections.abc import Mapping
from typing import Any

from rules.model import Result

LANGUAGES = {
    "de": "German",
    "en": "English",
    "es": "Spanish",
    "fr": "French",
    "id": "Indonesian",
    "it": "Italian",
    "ja": "Japanese",
    "th": "Thai",
    "vi": "Vietnamese",
    "zh": "Chinese",
}
HEADINGS = {
    ("all", True): "all of these hold",
    ("all", False): "not all of these hold",
    ("any", True): "at least one of these holds",
    ("any", False): "none of these holds, and one has to",
    ("none", True): "none of these holds, as it has to be",
    ("none", False): "one of these holds or is unknown, and none may",
}


def sentence(result: Result) -> str:
    """Why the result is met, or why not, in one sentence without a capital or a full stop."""
    if result.kind not in ("all", "any", "none"):
        return describe(result)
    # Only what decided: of a failed `all` what failed, of a met `any` what was met.
    decisive = [child for child in result.children if is_decisive(result, child)]
    return " and ".join(sentence(child) for child in decisive or result.children) or describe(result)


def is_decisive(group: Result, child: Result) -> bool:
    if group.kind == "none":
        return group.met or child.met or "unknown" in child.facts
    return child.met == group.met


def lines(result: Result, depth: int = 0) -> list[tuple[int, bool, str]]:
    """Every node as (depth from 0, met, text), parents before children."""
    below = [line for child in result.children for line in lines(child, depth + 1)]
    return [(depth, result.met, describe(result)), *below]


def describe(result: Result) -> str:
    """One node without its children."""
    words = {
        "score": describe_score,
        "disagree": describe_disagreement,
        "mentions": describe_mentions,
        "price": describe_price,
        "seen": describe_seen,
    }
    if result.kind in words:
        return words[result.kind](result.facts, result.met)
    heading = HEADINGS.get((result.kind, result.met))
    return heading or f"the condition `{result.kind}` {'holds' if result.met else 'does not hold'}"


def describe_score(facts: Mapping[str, Any], met: bool) -> str:
    concept, score = facts["concept"].replace("_", " "), facts["score"]
    if score is None:
        return f"{concept} is unknown: {facts.get('unknown', 'there is no score')}"
    shown_score, shown_threshold = show_apart(score, facts["threshold"])
    verb = "reached" if met else "stayed below"
    said = f" ({describe_said(facts['said'])}{describe_against(facts)})" if facts.get("said") else ""
    return f"{concept} {shown_score}{said} {verb} the threshold {shown_threshold} ({facts['threshold_name']})"


def describe_said(said: Mapping[str, Any]) -> str:
    """Who gave which score, the highest first."""
    given = sorted(said.items(), key=lambda one: -one[1])
    return ", ".join(f"{model} {score:.2f}" for model, score in given)


def describe_against(facts: Mapping[str, Any]) -> str:
    named = sorted(facts.get("against", {}).items(), key=lambda one: -one[1])
    return f"; {' and '.join(f'{name} {share:.2f}' for name, share in named)} against it" if named else ""


def describe_disagreement(facts: Mapping[str, Any], met: bool) -> str:
    concept = facts["concept"].replace("_", " ")
    if facts["spread"] is None:
        return f"no disagreement about {concept} is known: {facts.get('unknown', 'there are no two scores')}"
    said = describe_said(facts["said"])
    if met:
        return f"the models disagree about {concept} ({said}; together {facts['score']:.2f})"
    return f"the models agree about {concept} ({said})"


def show_apart(score: float, threshold: float) -> tuple[str, str]:
    """Both numbers with two decimals, or as many as it takes to tell them apart (six at most)."""
    digits = next((n for n in range(2, 6) if score == threshold or f"{score:.{n}f}" != f"{threshold:.{n}f}"), 6)
    return f"{score:.{digits}f}", f"{threshold:.{digits}f}"


def describe_mentions(facts: Mapping[str, Any], met: bool) -> str:
    if not met:
        return f"the text holds no {facts['looked_for']}"
    # One spelling may be a word of several languages: said once, with all of them.
    languages: dict[str, list[str]] = {}
    terms: dict[str, Mapping[str, Any]] = {}
    for term in facts["terms"]:
        languages.setdefault(term["found"], []).append(LANGUAGES.get(term["language"], term["language"]))
        terms.setdefault(term["found"], term)
    found = [describe_term(term, " or ".join(dict.fromkeys(languages[key]))) for key, term in terms.items()]
    return "the text holds " + " and ".join(found)


def describe_term(term: Mapping[str, Any], languages: str) -> str:
    noun, verb = ("the coded word ", "may stand for") if term["kind"] == "coded" else ("", "names")
    concepts = " or ".join(concept.replace("_", " ") for concept in term["concepts"])
    doubt = "; unverified entry" if term.get("status") == "unverified" else ""
    return f"{noun}\u201c{term['found']}\u201d ({languages}, {verb} {concepts}{doubt})"


def describe_price(facts: Mapping[str, Any], met: bool) -> str:
    if "unknown" in facts:
        return f"the price is unknown: {facts['unknown']}"
    bounds = [f"at least {facts['at_least']}"] if facts["at_least"] is not None else []
    bounds += [f"at most {facts['at_most']}"] if facts["at_most"] is not None else []
    verb = "is" if met else "is not"
    return f"the price {facts['price']} {facts['price_currency']} {verb} {' and '.join(bounds)} {facts['currency']}"


def describe_seen(facts: Mapping[str, Any], _met: bool) -> str:
    """What a person saw where no rule had flagged."""
    concept = "something" if facts["concept"] == "other" else facts["concept"].replace("_", " ")
    return f"a reviewer suspected {concept} in a blind look ({facts['in'].replace('_', ' ')})"
