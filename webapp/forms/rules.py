"""A new threshold, and what a second person says of it."""

from wtforms import FloatField, HiddenField, TextAreaField
from wtforms.validators import DataRequired, InputRequired, Length, NumberRange, Optional

from webapp.forms.base import PageForm
from webapp.language import say_later

RANGE = say_later("Enter a number from 0 to 1, for example 0.65.")
TOO_LONG = say_later("Shorten it to 2,000 letters.")


class ReasonForm(PageForm):
    reason = TextAreaField(
        say_later("Reason"),
        [
            DataRequired(say_later("Say why, so that whoever reads the history understands the change.")),
            Length(max=2000, message=TOO_LONG),
        ],
        render_kw={"rows": 2},
    )


class ThresholdForm(ReasonForm):
    threshold = HiddenField(validators=[DataRequired()])
    value = FloatField(
        say_later("New threshold"),
        [InputRequired(RANGE), NumberRange(0, 1, RANGE)],
        render_kw={"inputmode": "decimal", "autocomplete": "off"},
    )


class PromoteForm(PageForm):
    note = TextAreaField(
        say_later("Note"),
        [Optional(), Length(max=2000, message=TOO_LONG)],
        id="promote-note",
        render_kw={"rows": 2},
    )


class RejectForm(PageForm):
    note = TextAreaField(
        say_later("Why not"),
        [
            DataRequired(say_later("Say why, so that whoever proposed it knows what to change.")),
            Length(max=2000, message=TOO_LONG),
        ],
        id="reject-note",
        render_kw={"rows": 2},
    )
