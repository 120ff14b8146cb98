"""What a person saw in a blind look."""

from wtforms import HiddenField, StringField, TextAreaField
from wtforms.validators import AnyOf, InputRequired, Length

from rules.evidence import CONCEPTS
from webapp.db import now
from webapp.forms.base import PageForm
from webapp.forms.review import number_of
from webapp.language import say_later
from webapp.services.adjudication import ESCALATE, Look

NOTE_LETTERS = 2000
CHOOSE = say_later("Say what you suspect, or that you suspect nothing.")


class LookForm(PageForm):
    """seal: which item was shown, so that no answer lands on another that took its place. shown_at: when the page was
    made, in seconds since 1970."""

    answer = StringField(say_later("Answer"), [InputRequired(CHOOSE), AnyOf([*CONCEPTS, ESCALATE], CHOOSE)])
    note = TextAreaField(
        say_later("Note"),
        [Length(max=NOTE_LETTERS, message=say_later("Shorten the note to 2,000 letters."))],
        render_kw={"rows": 1, "placeholder": say_later("Why? (optional)"), "autocomplete": "off"},
    )
    seal = HiddenField()
    shown_at = StringField()

    def look(self) -> Look:
        return Look(self.answer.data, (self.note.data or "").strip(), self.seconds())

    def seconds(self) -> float | None:
        """Since the page was made; None where that can't be told."""
        shown_at = number_of(self.shown_at.data)
        return None if shown_at is None else now().timestamp() - shown_at
