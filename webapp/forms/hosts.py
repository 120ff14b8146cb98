"""A host that no crawl is to ask."""

from typing import Any

from wtforms import StringField, TextAreaField, ValidationError
from wtforms.validators import DataRequired, Length

from webapp.forms.base import PageForm
from webapp.language import number, say_later
from webapp.services.errors import Refused
from webapp.services.hosts import REASON_LETTERS, host_of


class StopForm(PageForm):
    host = StringField(
        say_later("Host"),
        [DataRequired(say_later("Enter the host's name, as www.example.com."))],
        render_kw={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"},
    )
    reason = TextAreaField(
        say_later("Reason"),
        [
            DataRequired(say_later("Say why, so that whoever reads it later knows when to let the host again.")),
            Length(
                max=REASON_LETTERS,
                message=say_later(
                    "Shorten the reason to %(reason_letters)s letters.", reason_letters=number(REASON_LETTERS)
                ),
            ),
        ],
        render_kw={"rows": 2},
    )

    def validate_host(self, field: Any) -> None:
        try:
            host_of(field.data)
        except Refused as fault:
            raise ValidationError(str(fault)) from None
