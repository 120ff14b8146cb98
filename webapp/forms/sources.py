"""A source: its name, and what its market wants to know."""

from collections.abc import Mapping
from typing import Any

from flask_wtf.file import FileField
from wtforms import Field, SelectChoice, SelectField, StringField, ValidationError
from wtforms.validators import DataRequired, Length

from scanner.markets.base import Market, Option, OptionKind
from scanner.markets.options import options_of
from webapp.forms.base import PageForm
from webapp.language import find_text, say, say_later
from webapp.services import inbox
from webapp.services.errors import Refused
from webapp.services.source_options import read_option, text_of
from webapp.services.sources import NAME_LETTERS
from webapp.settings import Settings

PLAIN = {"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}
KIND_HELP = {
    OptionKind.FILE: say_later("A path below the inbox."),
    OptionKind.SECRET: say_later("The name of an environment variable that holds it, as env:NAME."),
}
INPUT_MODES = {OptionKind.URL: "url", OptionKind.NUMBER: "decimal"}


class SourceForm(PageForm):
    """With a field for each option of a market, see source_form; `market` is that market."""

    market: Market

    name = StringField(
        say_later("Name"),
        [
            DataRequired(say_later("Give the source a name, as people call the site.")),
            Length(
                max=NAME_LETTERS,
                message=say_later("Shorten the name to %(name_letters)s letters.", name_letters=NAME_LETTERS),
            ),
        ],
        render_kw={"autocomplete": "off"},
    )

    def rows(self) -> list[tuple[Option, Field, Field | None]]:
        """(option, its field, the field beside it for an upload)."""
        return [(option, self[field_of(option)], self.upload_of(option)) for option in options_of(self.market)]

    def upload_of(self, option: Option) -> Field | None:
        return self._fields.get(f"upload_{option.name}")

    def texts(self) -> dict[str, str]:
        return {option.name: field.data or "" for option, field, _ in self.rows()}

    def keep_uploads(self, settings: Settings) -> bool:
        """Store what was sent with a good name, also where other fields have faults: it needs no second sending.

        False where one could not be kept.
        """
        kept = [keep_upload(field, upload, settings) for _, field, upload in self.rows() if upload]
        return all(kept)


def keep_upload(field: Field, upload: Field, settings: Settings) -> bool:
    if not upload.data or upload.errors:
        return True  # nothing was sent, or the form has a fault already
    try:
        field.data = inbox.keep(settings, upload.data.filename, upload.data.stream)
    except Refused as fault:
        upload.errors = [str(fault)]
        return False
    return True


def source_form(market: Market, settings: Settings, **arguments: Any) -> SourceForm:
    """A form that asks for the market's options; arguments: of the form."""
    fields: dict[str, Any] = {"market": market}
    for option in options_of(market):
        fields[field_of(option)] = option_field(option, settings)
        if option.kind is OptionKind.FILE and (endings := inbox.endings_of(market.kind)):
            fields[f"upload_{option.name}"] = upload_field(endings)
    return type("MarketForm", (SourceForm,), fields)(**arguments)  # type: ignore[no-any-return]


def filled_form(market: Market, settings: Settings, name: str, options: Mapping[str, Any]) -> SourceForm:
    """The form of a source as it stands."""
    values = {field_of(option): text_of(options.get(option.name)) for option in options_of(market)}
    return source_form(market, settings, formdata=None, name=name, **values)


def field_of(option: Option) -> str:
    """Apart from the names that every form has."""
    return f"option_{option.name}"


def option_field(option: Option, settings: Settings) -> Any:
    title = find_text(option.title)
    label = title if option.is_required else say("%(title)s (optional)", title=title)

    def check_option(form: SourceForm, field: Field) -> None:
        upload = form.upload_of(option)
        if upload is None or not upload.data:
            refuse_faults(option, field, settings)

    if option.kind is OptionKind.CHOICE:
        usual = say("As usual (%(usual)s)", usual=find_text(str(option.default))) if option.default else None
        offered = [SelectChoice(one, find_text(one)) for one in option.choices]
        return SelectField(label, [check_option], choices=[SelectChoice("", usual or say("Choose one")), *offered])
    mode = INPUT_MODES.get(option.kind)
    return StringField(label, [check_option], render_kw={**PLAIN, **({"inputmode": mode} if mode else {})})


def refuse_faults(option: Option, field: Field, settings: Settings) -> None:
    try:
        read_option(option, field.data or "", settings)
    except Refused as fault:
        if option.kind is OptionKind.SECRET:
            field.data = ""  # it may be the word itself, which no page shows
        raise ValidationError(str(fault)) from None


def upload_field(endings: tuple[str, ...]) -> Any:
    def check_upload(_form: SourceForm, field: Field) -> None:
        try:
            inbox.ending_of(field.data.filename if field.data else endings[0], endings)
        except Refused as fault:
            raise ValidationError(str(fault)) from None

    return FileField(
        say("Or upload it (%(endings)s)", endings=", ".join(endings)),
        [check_upload],
        render_kw={"accept": ",".join(endings)},
    )


def help_of(option: Option) -> str:
    """The option's own help, or what its kind asks for; then what counts where nothing is entered."""
    has_usual = option.default not in (None, "") and option.kind is not OptionKind.CHOICE
    usual = say("Unless given: %(usual)s.", usual=find_text(str(option.default))) if has_usual else ""
    asked = find_text(option.help) if option.help else str(KIND_HELP.get(option.kind, ""))
    return " ".join(text for text in (asked, usual) if text)
