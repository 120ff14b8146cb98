"""The decision."""

import math
from dataclasses import replace

from flask import request
from wtforms import StringField, TextAreaField
from wtforms.validators import AnyOf, InputRequired, Length, Optional

from rules.evidence import CONCEPTS
from rules.reason_codes import ReasonCodes
from webapp.db import now
from webapp.forms.base import PageForm
from webapp.language import say_later
from webapp.models import Verdict
from webapp.services.clusters import MOST_MEMBERS
from webapp.services.decisions import Choice, check_reason

NOTE_LETTERS = 2000
ID_DIGITS = 9


class ReasonedForm(PageForm):
    """What every decision is made of."""

    verdict = StringField(
        say_later("Decision"),
        [
            InputRequired(say_later("Choose confirm, dismiss or escalate.")),
            AnyOf([verdict.value for verdict in Verdict], say_later("Choose confirm, dismiss or escalate.")),
        ],
    )
    note = TextAreaField(
        say_later("Note"),
        [Length(max=NOTE_LETTERS, message=say_later("Shorten the note to 2,000 letters."))],
        render_kw={"rows": 1, "placeholder": say_later("Note (optional)"), "autocomplete": "off"},
    )
    concept = StringField(
        say_later("I see"), [Optional(), AnyOf(CONCEPTS, say_later("Choose one of the concepts that are listed."))]
    )
    reason = StringField(say_later("Reason"), [Length(max=40)])

    codes = ReasonCodes()

    def offer(self, codes: ReasonCodes) -> None:
        self.codes = codes

    def choice(self, codes: ReasonCodes, ticked: str = "") -> Choice:
        """ticked: words that go below the note. Raises Refused where the reason does not fit."""
        note = "\n".join(part for part in ((self.note.data or "").strip(), ticked) if part)
        choice = Choice(
            Verdict(self.verdict.data), note, self.reason.data or None, self.concept.data or None, self.seconds()
        )
        check_reason(choice, codes)
        return choice

    def seconds(self) -> float | None:
        return None

    def fault_words(self) -> str:
        return " ".join(str(error) for errors in self.errors.values() for error in errors)


class DecisionForm(ReasonedForm):
    """shown_at: seconds since 1970 when the page was made. seconds_seen: as a script measured them, which is better."""

    shown_at = StringField()
    seconds_seen = StringField()

    def seconds(self) -> float | None:
        seen, shown_at = number_of(self.seconds_seen.data), number_of(self.shown_at.data)
        if seen is not None:
            return seen
        return None if shown_at is None else now().timestamp() - shown_at

    def also(self) -> list[int]:
        """Ids of the other findings that are ticked."""
        ticked = request.form.getlist("also")[:MOST_MEMBERS]
        return [int(number) for number in ticked if number.isdecimal() and len(number) <= ID_DIGITS]

    def overrides(self, choice: Choice) -> dict[int, Choice]:
        """What is said differently of some of them; the reason and the concept were of the first one's verdict."""
        said = {number: request.form.get(f"verdict-{number}", "") for number in self.also()}
        own = {number: Verdict(value) for number, value in said.items() if value in list(Verdict)}
        return {number: turn(choice, verdict) for number, verdict in own.items()}


class RevisionForm(ReasonedForm):
    """A decision that takes the place of another."""


def turn(choice: Choice, verdict: Verdict) -> Choice:
    if verdict is choice.verdict:
        return replace(choice, seconds=None)
    return replace(choice, verdict=verdict, reason=None, concept=None, seconds=None)


def number_of(written: str | None) -> float | None:
    try:
        number = float(written or "")
    except ValueError:
        return None
    return number if math.isfinite(number) else None
