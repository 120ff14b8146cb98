"""What a case file is to hold and how it is called."""

from typing import Any

from wtforms import SelectField, StringField
from wtforms.validators import Length

from webapp.forms.base import PageForm
from webapp.language import languages, say_later
from webapp.services.case_files import TITLE_LETTERS


class CaseForm(PageForm):
    title = StringField(
        say_later("Title"),
        [Length(max=TITLE_LETTERS, message=say_later("Give a title of 200 letters at most."))],
        render_kw={"maxlength": TITLE_LETTERS, "autocomplete": "off"},
    )
    language = SelectField(say_later("Language"))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.language.choices = list(languages().items())
