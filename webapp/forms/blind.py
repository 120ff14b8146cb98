"""What a person saw in a blind look."""

from flask_wtf import FlaskForm
from wtforms import HiddenField, StringField, TextAreaField
from wtforms.validators import AnyOf, InputRequired, Length

from rules.evidence import CONCEPTS
from webapp.language import say_later
from webapp.services.cases import ESCALATE

NOTE_LETTERS = 2000
CHOOSE = say_later("Say what you suspect, or that you suspect nothing.")


class LookForm(FlaskForm):  # type: ignore[misc]
    """seal: which item was shown, so that no answer lands on another that took its place."""

    answer = StringField(say_later("Answer"), [InputRequired(CHOOSE), AnyOf([*CONCEPTS, ESCALATE], CHOOSE)])
    note = TextAreaField(
        say_later("Note"),
        [Length(max=NOTE_LETTERS, message=say_later("Shorten the note to 2,000 letters."))],
        render_kw={"rows": 1, "placeholder": say_later("Why? (optional)"), "autocomplete": "off"},
    )
    seal = HiddenField()
