"""What if so many listings or pictures came a day."""

from collections.abc import Sequence

from wtforms import IntegerField, SelectChoice, SelectField
from wtforms.validators import NumberRange, Optional

from webapp.forms.base import QueryForm
from webapp.language import say, say_later
from webapp.services.capacity import MOST_A_DAY, CrawlRate, Wanted

TOO_MANY = say_later("Give a whole number from 1 to 1,000,000,000,000.")


class WhatIfForm(QueryForm):
    """Read from the address. unit: what `count` counts; source: `all`, or a source's number."""

    count = IntegerField(
        say_later("How many a day"),
        [Optional(), NumberRange(1, MOST_A_DAY, TOO_MANY)],
        render_kw={"inputmode": "numeric", "autocomplete": "off"},
    )
    unit = SelectField(say_later("Of what"), default="pictures")
    source = SelectField(say_later("From"), default="all")

    def offer(self, crawls: Sequence[CrawlRate]) -> None:
        """What there is to choose from, in the language in force."""
        self.unit.choices = [SelectChoice("pictures", say("pictures")), SelectChoice("listings", say("listings"))]
        sources = [SelectChoice(str(one.source_id), one.name) for one in crawls]
        self.source.choices = [SelectChoice("all", say("all sources together")), *sources]

    @property
    def wanted(self) -> Wanted:
        source_id = int(self.source.data) if self.source.data != "all" else None
        return Wanted(**{self.unit.data: self.count.data}, source_id=source_id)
