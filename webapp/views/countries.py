"""Which countries are offered: those of whose law the rule pack speaks."""

from rules.load import PackError
from webapp.extensions import app_pack_files
from webapp.forms.countries import CountryField


def offer_countries(field: CountryField) -> None:
    """All that there are, where the pack can't be read: that must not hold up a page of settings."""
    try:
        field.only = app_pack_files().law.countries
    except PackError:
        field.only = ()
