"""Policies, appeals, the last word, and recall audits."""

from wtforms import IntegerField, SelectField, StringField, TextAreaField
from wtforms.validators import AnyOf, InputRequired, Length, NumberRange, Optional

from webapp.forms.base import PageForm
from webapp.forms.reports import PeriodForm
from webapp.language import say_later
from webapp.services.adjudication import CLAIM_LETTERS, NAME_LETTERS
from webapp.services.recall import FEWEST, MOST
from webapp.services.rechecks import FINAL

DECIDE = say_later("Choose confirm or dismiss.")


class PolicyForm(PageForm):
    """Empty: the rule has no share of its own."""

    rule = SelectField(say_later("Rule"))
    percent = IntegerField(
        say_later("Per cent of its decisions"),
        [Optional(), NumberRange(0, 100, say_later("Give a share from 0 to 100 per cent."))],
        render_kw={"inputmode": "numeric"},
    )


class AppealForm(PageForm):
    claim = TextAreaField(
        say_later("What speaks against the decision"),
        [
            InputRequired(say_later("Write what speaks against the decision.")),
            Length(max=CLAIM_LETTERS, message=say_later("Shorten the text to 2,000 letters.")),
        ],
    )
    raised_by = StringField(
        say_later("Who says so, if it isn't you"),
        [Length(max=NAME_LETTERS, message=say_later("Shorten the name to 80 letters."))],
    )


class LastWordForm(PageForm):
    verdict = StringField(say_later("Decision"), [InputRequired(DECIDE), AnyOf([one.value for one in FINAL], DECIDE)])
    note = TextAreaField(
        say_later("Note"),
        [Length(max=CLAIM_LETTERS, message=say_later("Shorten the note to 2,000 letters."))],
        render_kw={"rows": 1, "placeholder": say_later("Why? (optional)"), "autocomplete": "off"},
    )


class SliceForm(PeriodForm):
    """The period and the size of a recall audit."""

    size = IntegerField(
        say_later("Listings to look at"),
        [
            InputRequired(say_later("Say how many listings are to be looked at.")),
            NumberRange(FEWEST, MOST, say_later("Choose a size from 10 to 5,000.")),
        ],
        render_kw={"inputmode": "numeric"},
        default=100,
    )
