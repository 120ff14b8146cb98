"""What every form of a page is made of: its built-in messages are in the language in force too."""

from typing import Any

from flask_wtf import FlaskForm
from wtforms import Form
from wtforms.i18n import get_builtin_gnu_translations

from webapp.language import ENGLISH, spoken


def builtin_messages(_meta: object, _form: object) -> Any:
    """WTForms' own sentences, such as for a number that is none; English where it has no such language."""
    return get_builtin_gnu_translations([spoken(), ENGLISH])


class PageForm(FlaskForm):  # type: ignore[misc]
    """A form that is sent, with its token."""

    class Meta(FlaskForm.Meta):  # type: ignore[misc]
        get_translations = builtin_messages


class QueryForm(Form):  # type: ignore[misc]
    """A form that stands in the address: it changes nothing and has no token."""

    class Meta(Form.Meta):  # type: ignore[misc]
        get_translations = builtin_messages
