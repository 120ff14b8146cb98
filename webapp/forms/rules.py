"""A new threshold."""

from flask_wtf import FlaskForm
from wtforms import FloatField, HiddenField, TextAreaField
from wtforms.validators import DataRequired, InputRequired, Length, NumberRange


class ThresholdForm(FlaskForm):  # type: ignore[misc]
    threshold = HiddenField(validators=[DataRequired()])
    value = FloatField(
        "New threshold",
        [
            InputRequired("Enter a number from 0 to 1, for example 0.65."),
            NumberRange(0, 1, "Enter a number from 0 to 1, for example 0.65."),
        ],
        render_kw={"inputmode": "decimal", "autocomplete": "off"},
    )
    reason = TextAreaField(
        "Reason",
        [
            DataRequired("Say why, so that whoever reads the history understands the change."),
            Length(max=2000, message="Shorten the reason to 2,000 letters."),
        ],
        render_kw={"rows": 2},
    )
