"""The lexicon: the words that rules look for, by language."""

from flask import Blueprint, render_template, request

from rules.explain import LANGUAGES
from rules.lexicon import Kind, Lexicon
from webapp.extensions import app_pack, db_session
from webapp.forms.lexicon import LexiconForm
from webapp.language import find_text
from webapp.models import Role
from webapp.services import lexicon
from webapp.views.access import requires
from webapp.wording import concept_words

pages = Blueprint("lexicon", __name__)


@pages.get("/lexicon")
@requires(Role.VIEWER)
def index() -> str:
    pack = app_pack()
    form = read_form(pack.lexicon)
    filters = lexicon.TermFilters(
        form.chosen("language"), form.chosen("concept"), form.chosen("kind"), (form.q.data or "")[:100]
    )
    found = lexicon.entries(db_session(), pack.lexicon, filters)
    return render_template("lexicon/index.html", pack=pack, form=form, entries=found, language_words=language_words)


def read_form(known: Lexicon) -> LexiconForm:
    form = LexiconForm(request.args)
    form.offer("language", [(code, language_words(code)) for code in lexicon.languages_of(known)])
    form.offer("concept", [(concept, concept_words(concept)) for concept in lexicon.concepts_of(known)])
    form.offer("kind", [(kind.value, find_text(kind.value)) for kind in Kind])
    return form


def language_words(code: str) -> str:
    """The language's name; its code where we have no name for it."""
    return find_text(LANGUAGES.get(code, code))
