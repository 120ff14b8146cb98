"""People and what they may do."""

from flask_wtf import FlaskForm
from wtforms import BooleanField, PasswordField, SelectChoice, SelectField, StringField
from wtforms.validators import DataRequired, Length, Regexp

from webapp.models import Role

PASSWORD_RULE = Length(12, 1000, "Use at least 12 letters; a short sentence is easy to remember.")
ROLES = [
    SelectChoice(Role.VIEWER.value, "Viewer: reads everything, changes nothing"),
    SelectChoice(Role.REVIEWER.value, "Reviewer: decides findings and starts scans"),
    SelectChoice(Role.LEAD.value, "Lead: also settles disputes and changes rules"),
    SelectChoice(Role.ADMIN.value, "Admin: also sees to users and the system"),
]


class NewUserForm(FlaskForm):  # type: ignore[misc]
    name = StringField(
        "Name",
        [
            DataRequired("Enter a name."),
            Length(max=80, message="Shorten the name to 80 letters."),
            Regexp(r"^[\w.@+-]+$", message="Use letters, digits and . @ + - _ only."),
        ],
        render_kw={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"},
    )
    role = SelectField("Role", choices=ROLES, default=Role.REVIEWER.value)
    password = PasswordField(
        "Password", [DataRequired("Enter a password."), PASSWORD_RULE], render_kw={"autocomplete": "new-password"}
    )


class AccessForm(FlaskForm):  # type: ignore[misc]
    role = SelectField("Role", choices=ROLES)
    is_active = BooleanField("May sign in")


class PasswordForm(FlaskForm):  # type: ignore[misc]
    password = PasswordField(
        "New password", [DataRequired("Enter a password."), PASSWORD_RULE], render_kw={"autocomplete": "new-password"}
    )
