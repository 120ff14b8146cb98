"""Placing a legal hold, and releasing it."""

from wtforms import TextAreaField
from wtforms.validators import DataRequired, Length

from webapp.forms.base import PageForm
from webapp.language import number, say_later
from webapp.services.holds import REASON_LETTERS


class ReasonForm(PageForm):
    reason = TextAreaField(
        say_later("Reason"),
        [
            DataRequired(say_later("Say why, with who asked for it: whoever reads it later has to know.")),
            Length(
                max=REASON_LETTERS,
                message=say_later("Shorten the reason to %(most)s letters.", most=number(REASON_LETTERS)),
            ),
        ],
        render_kw={"rows": 3},
    )
