"""What exporters are given: a frozen content, the choices of whoever asked for the file, and what they may ask for.

The content is a text file: its first line is the head, each further line a finding, all JSON. The head, format
`tuskline-report/2`:

    format, title, from, to, built_at, built_by, built_with {version, commit}
    filters {name: value}, filters_name     what narrowed it; null without a saved filter
    corrects                                null, or {report, sha256, why}: the report that this one puts right
    redaction {level, removed [sentence]}   only where services.redaction took something out
    statement [sentence]                    the limits, in English; said again in the language of a file
    primary_absent, scans                   as in version 1: a flag, and how many scans there were
    sources [{name, kind, findings, counts}]
    figures {findings, listings, sellers, pictures, decisions,
             by_state {state: n}, by_severity {severity: n}, by_concept {concept: counts}, by_source {name: counts},
             by_seller [{seller, source, counts, listings}], sellers_left_out,
             by_day [{day, found, confirmed, dismissed}],
             takedown {removed, standing, quarter_hours, median_hours, three_quarter_hours, longest_hours}}
    quality [{name, value, low, high, n, reason, basis}]    services.quality: precision, recall and others
    models [{name, digest, role, findings, card}]           card: facts of the model card, null where it is gone
    rules [{rule, version, title, concept, severity, threshold, pack_digest, findings}]
    legal {id: {kind, place, place_name, concepts, text, questions, citation, status, checked_at, in_force_from,
                until, note}}

where counts is {all, open, escalated, confirmed, dismissed, withdrawn}. A finding has the fields of version 1, and
`legal`: ids of the head's entries that fit its listing's country, marketplace and date; its decisions have
`reason_title`: what the pack calls the reason, in English. A content of version 1 has fewer fields: exporters take what
is not there as null. Times are ISO 8601 in UTC, durations hours. A value that does not exist is null: no figure is ever
made up.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

FORMAT = "tuskline-report/2"
COUNTED = ("open", "escalated", "confirmed", "dismissed", "withdrawn")

Finding = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Content:
    """head: all but the findings. findings: yields them one by one, from the first on at each call."""

    head: Mapping[str, Any]
    findings: Callable[[], Iterator[Finding]]


@dataclass(frozen=True, slots=True)
class Choices:
    """redaction: none, hashed or minimal, applied to the content already; pictures: blurred, plain or none.

    The language is the one in force (webapp.language). report_id, sha256: what a file says that it was made from.
    """

    redaction: str = "none"
    pictures: str = "blurred"
    report_id: int | None = None
    sha256: str = ""

    @property
    def shows_pictures(self) -> bool:
        """At the level minimal no file does, whatever was chosen."""
        return self.pictures != "none" and self.redaction != "minimal"


@dataclass(frozen=True, slots=True)
class Means:
    """picture: a JPEG of the picture with this SHA-256, at most so many px wide and high, blurred where that was
    chosen; None where its bytes are gone or unreadable. tell: called now and then with the findings written so far; it
    may raise to end the work. notices: where an exporter puts sentences on what the file could not show.
    """

    picture: Callable[[str, int], bytes | None] = lambda _sha256, _edge_px: None
    tell: Callable[[int], None] = lambda _done: None
    notices: list[str] = field(default_factory=list)
