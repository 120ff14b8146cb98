"""A picture to try, and a model to train."""

from collections.abc import Iterable

from flask_wtf.file import FileField, FileRequired
from wtforms import SelectChoice, SelectField, SelectMultipleField, StringField, ValidationError
from wtforms.validators import DataRequired
from wtforms.widgets import CheckboxInput, ListWidget

from webapp.forms.base import PageForm
from webapp.language import number, say, say_later
from webapp.services.trials import UPLOAD_BYTES
from webapp.wording import concept_words

MEGABYTES = UPLOAD_BYTES // 1024**2
TOO_LARGE = say_later("The file is larger than %(size)s MB: choose a smaller copy.", size=MEGABYTES)


class TryForm(PageForm):
    picture = FileField(
        say_later("Picture"), [FileRequired(say_later("Choose a picture first."))], render_kw={"accept": "image/*"}
    )

    def validate_picture(self, field: FileField) -> None:
        if not field.data.stream.read(1):
            raise ValidationError(say("The file is empty: choose another."))
        field.data.stream.seek(0)


class TrainForm(PageForm):
    name = StringField(
        say_later("Name"),
        [DataRequired(say_later("Give the new model a name, as our_first_head."))],
        render_kw={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"},
    )
    backbone = SelectField(say_later("Built on"))
    concepts = SelectMultipleField(
        say_later("What it is to see"),
        [DataRequired(say_later("Choose at least one concept."))],
        widget=ListWidget(prefix_label=False),
        option_widget=CheckboxInput(),
    )

    def offer(self, backbones: Iterable[tuple[str, str]], counts: Iterable[tuple[str, int]]) -> None:
        """backbones: (name, title); counts: (concept, pictures that people confirmed)."""
        self.backbone.choices = [SelectChoice(name, title) for name, title in backbones]
        self.concepts.choices = [
            SelectChoice(
                concept,
                say("%(concept)s, %(count)s", concept=concept_words(concept), count=number(count)),
            )
            for concept, count in counts
        ]
