"""How long each kind is kept."""

from wtforms import IntegerField
from wtforms.validators import NumberRange, Optional

from webapp.forms.base import PageForm
from webapp.language import say_later
from webapp.models import Kept
from webapp.services.retention import KINDS, MOST_DAYS, Terms


def days_field(kind: Kept) -> IntegerField:
    """Empty is for ever."""
    least = KINDS[kind].least_days
    words = say_later("Choose from %(least)s to %(most)s days, or none for ever.", least=least, most=MOST_DAYS)
    rules = [Optional(), NumberRange(least, MOST_DAYS, words)]
    return IntegerField(KINDS[kind].words, rules, render_kw={"inputmode": "numeric", "autocomplete": "off"})


class PolicyForm(PageForm):
    unflagged = days_field(Kept.UNFLAGGED)
    dismissed = days_field(Kept.DISMISSED)
    confirmed = days_field(Kept.CONFIRMED)
    reports = days_field(Kept.REPORTS)
    cases = days_field(Kept.CASES)

    def wanted(self) -> dict[Kept, int | None]:
        return {kind: self[kind.value].data for kind in Kept}


def filled(terms: Terms) -> PolicyForm:
    """As it is set."""
    return PolicyForm(formdata=None, data={kind.value: days for kind, days in terms.days.items()})
