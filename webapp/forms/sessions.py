"""Signing in."""

from wtforms import PasswordField, StringField
from wtforms.validators import DataRequired, Length

from webapp.forms.base import PageForm
from webapp.language import say_later

# A code of an app has six digits, a recovery code 28 letters and their dashes.
CODE_LETTERS = 40
CODE_KEYS = {"autocomplete": "one-time-code", "autocapitalize": "none", "spellcheck": "false"}


class SignInForm(PageForm):
    name = StringField(
        say_later("Name"),
        [DataRequired(say_later("Enter your name.")), Length(max=80)],
        render_kw={"autocomplete": "username", "autocapitalize": "none", "spellcheck": "false"},
    )
    password = PasswordField(
        say_later("Password"),
        [DataRequired(say_later("Enter your password.")), Length(max=1000)],
        render_kw={"autocomplete": "current-password"},
    )


class CodeForm(PageForm):
    code = StringField(
        say_later("Code"),
        [DataRequired(say_later("Enter the code that your app shows.")), Length(max=CODE_LETTERS)],
        render_kw=CODE_KEYS,
    )


class LinkForm(PageForm):
    """A button and its token."""
