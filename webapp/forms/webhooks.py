"""A system that is told what happens."""

from wtforms import BooleanField, SelectChoice, SelectMultipleField, StringField
from wtforms.validators import DataRequired, Length
from wtforms.widgets import CheckboxInput, ListWidget

from webapp.forms.base import PageForm
from webapp.language import say, say_later
from webapp.services.webhooks import Event

EVENT_WORDS = {
    Event.FINDINGS_OPENED: say_later("New suspected findings"),
    Event.FINDING_DECIDED: say_later("A finding was decided"),
    Event.LISTING_GONE: say_later("A listing is gone from its marketplace"),
    Event.SCAN_ENDED: say_later("A scan ended"),
    Event.REPORT_BUILT: say_later("A report was built"),
    Event.REPORT_DELIVERED: say_later("A scheduled report is ready, with its files"),
}


def told_words(event: str) -> str:
    """What an event of a webhook says happened, from its name."""
    return str(EVENT_WORDS.get(Event(event), say("A test message")))


class EventsField(SelectMultipleField):  # type: ignore[misc]
    widget = ListWidget(prefix_label=False)
    option_widget = CheckboxInput()


class EventsForm(PageForm):
    events = EventsField(
        say_later("Events"), choices=[SelectChoice(event.value, words) for event, words in EVENT_WORDS.items()]
    )
    is_active = BooleanField(say_later("Send messages"))


class NewWebhookForm(PageForm):
    name = StringField(
        say_later("Name"),
        [
            DataRequired(say_later("Enter a name.")),
            Length(max=80, message=say_later("Shorten the name to 80 letters.")),
        ],
        render_kw={"autocomplete": "off"},
    )
    url = StringField(
        say_later("Address"),
        [
            DataRequired(say_later("Enter the address that messages are sent to.")),
            Length(max=2000, message=say_later("Shorten the address to 2,000 letters.")),
        ],
        render_kw={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false", "inputmode": "url"},
    )
    events = EventsField(
        say_later("Events"), choices=[SelectChoice(event.value, words) for event, words in EVENT_WORDS.items()]
    )
