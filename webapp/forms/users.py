"""People and what they may do."""

from wtforms import BooleanField, PasswordField, SelectChoice, SelectField, StringField
from wtforms.validators import DataRequired, Length, Regexp

from webapp.forms.base import PageForm
from webapp.language import say_later
from webapp.models import Role

PASSWORD_RULE = Length(12, 1000, say_later("Use at least 12 letters; a short sentence is easy to remember."))
ROLES = [
    SelectChoice(Role.VIEWER.value, say_later("Viewer: reads everything, changes nothing")),
    SelectChoice(Role.REVIEWER.value, say_later("Reviewer: decides findings and starts scans")),
    SelectChoice(Role.LEAD.value, say_later("Lead: also settles disputes and changes rules")),
    SelectChoice(Role.ADMIN.value, say_later("Admin: also sees to users and the system")),
]


class NewUserForm(PageForm):
    name = StringField(
        say_later("Name"),
        [
            DataRequired(say_later("Enter a name.")),
            Length(max=80, message=say_later("Shorten the name to 80 letters.")),
            Regexp(r"^[\w.@+-]+$", message=say_later("Use letters, digits and . @ + - _ only.")),
        ],
        render_kw={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"},
    )
    role = SelectField(say_later("Role"), choices=ROLES, default=Role.REVIEWER.value)
    password = PasswordField(
        say_later("Password"),
        [DataRequired(say_later("Enter a password.")), PASSWORD_RULE],
        render_kw={"autocomplete": "new-password"},
    )


class AccessForm(PageForm):
    role = SelectField(say_later("Role"), choices=ROLES)
    is_active = BooleanField(say_later("May sign in"))


class PasswordForm(PageForm):
    password = PasswordField(
        say_later("New password"),
        [DataRequired(say_later("Enter a password.")), PASSWORD_RULE],
        render_kw={"autocomplete": "new-password"},
    )


class IdentityForm(PageForm):
    subject = StringField(
        say_later("Subject at the identity provider"),
        [Length(max=255, message=say_later("Shorten the subject to 255 letters."))],
        render_kw={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"},
    )
