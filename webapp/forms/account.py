"""A person's own settings."""

from wtforms import (
    BooleanField,
    PasswordField,
    SelectChoice,
    SelectField,
    SelectMultipleField,
    StringField,
    ValidationError,
)
from wtforms.validators import DataRequired, EqualTo, Length
from wtforms.widgets import CheckboxInput, ListWidget

from webapp.forms.base import PageForm
from webapp.forms.countries import CountryField
from webapp.forms.sessions import CODE_KEYS, CODE_LETTERS
from webapp.forms.users import PASSWORD_RULE
from webapp.language import languages, say, say_later
from webapp.models import Role
from webapp.services.tokens import GRANTS, NAME_LETTERS, Scope, offered_to

THEMES = [
    SelectChoice("system", say_later("As the device")),
    SelectChoice("light", say_later("Light")),
    SelectChoice("dark", say_later("Dark")),
]
LIFETIMES = [
    SelectChoice("30", say_later("30 days")),
    SelectChoice("90", say_later("90 days")),
    SelectChoice("365", say_later("A year")),
    SelectChoice("", say_later("Never")),
]


def offer_languages() -> list[SelectChoice]:
    named = [SelectChoice(code, name) for code, name in languages().items()]
    return [SelectChoice("", say("As the browser asks")), *named]


class AppearanceForm(PageForm):
    language = SelectField(say_later("Language"), choices=offer_languages)
    theme = SelectField(say_later("Appearance"), choices=THEMES)
    country = CountryField(say_later("Country for the legal context"), first=say_later("As the team has it"))


class LookForm(PageForm):
    blur = BooleanField(say_later("Blur pictures until I reveal them"))
    grey = BooleanField(say_later("Show pictures without colour"))
    keys = BooleanField(say_later("Single letters are shortcuts"))


class OwnPasswordForm(PageForm):
    current = PasswordField(
        say_later("Password of now"),
        [DataRequired(say_later("Enter your password of now.")), Length(max=1000)],
        render_kw={"autocomplete": "current-password"},
    )
    password = PasswordField(
        say_later("New password"),
        [DataRequired(say_later("Enter a password.")), PASSWORD_RULE],
        render_kw={"autocomplete": "new-password"},
    )
    again = PasswordField(
        say_later("New password, once more"),
        [EqualTo("password", say_later("The two are not the same; enter the new password twice."))],
        render_kw={"autocomplete": "new-password"},
    )


class ConfirmForm(PageForm):
    """The first code of an app that was just set up, or one for new recovery codes.

    The password is asked for where the sign-in is not a new one.
    """

    password = PasswordField(say_later("Password"), [Length(max=1000)], render_kw={"autocomplete": "current-password"})

    code = StringField(
        say_later("Code"),
        [DataRequired(say_later("Enter the code that your app shows.")), Length(max=CODE_LETTERS)],
        render_kw={**CODE_KEYS, "inputmode": "numeric"},
    )


class SwitchOffForm(PageForm):
    """The password is not asked for of someone who has none."""

    password = PasswordField(say_later("Password"), [Length(max=1000)], render_kw={"autocomplete": "current-password"})
    any_code = StringField(
        say_later("Code of the app, or a recovery code"),
        [DataRequired(say_later("Enter the code that your app shows.")), Length(max=CODE_LETTERS)],
        render_kw=CODE_KEYS,
    )


class TokenForm(PageForm):
    name = StringField(
        say_later("Name"),
        [
            DataRequired(say_later("Name the token after the program that will show it.")),
            Length(max=NAME_LETTERS, message=say_later("Shorten the name to 80 letters.")),
        ],
        render_kw={"autocomplete": "off"},
    )
    scopes = SelectMultipleField(
        say_later("It may"), widget=ListWidget(prefix_label=False), option_widget=CheckboxInput()
    )
    days = SelectField(say_later("It expires after"), choices=LIFETIMES, default="90")

    def offer(self, role: Role) -> "TokenForm":
        self.scopes.choices = [SelectChoice(scope.value, GRANTS[scope].words) for scope in offered_to(role)]
        return self

    def validate_scopes(self, field: SelectMultipleField) -> None:
        if not field.data:
            raise ValidationError(say("Choose at least one thing that the token may do."))

    def chosen(self) -> list[Scope]:
        return [Scope(value) for value in self.scopes.data]

    def lifetime(self) -> int | None:
        """Days; None for ever."""
        return int(self.days.data) if self.days.data else None
