"""Which language a listing is written in."""

import re
from collections import Counter
from functools import lru_cache
from typing import Any

LETTERS_READ = 4000
LEAST_CERTAINTY = 0.8
LEAST_LETTERS = 8

# Scripts that one language writes, in our world: a few letters settle it. Kana settles Japanese before Han is looked
# at; Han alone is taken for Chinese, though a short Japanese title may do without kana: hence the larger number.
SCRIPTS = (
    ("ja", re.compile(r"[\u3040-\u30ff\uff66-\uff9d]"), 2),
    ("ko", re.compile(r"[\uac00-\ud7a3\u1100-\u11ff]"), 2),
    ("th", re.compile(r"[\u0e00-\u0e7f]"), 2),
    ("lo", re.compile(r"[\u0e80-\u0eff]"), 2),
    ("km", re.compile(r"[\u1780-\u17ff]"), 2),
    ("my", re.compile(r"[\u1000-\u109f]"), 2),
    ("zh", re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\U00020000-\U0003ffff]"), 4),
)
# A title in two scripts, an English brand in a Chinese sentence say: the script has to make up this share of letters.
SCRIPT_SHARE = 0.3

# What the words of the other scripts are told apart into: languages of the lexicon and of the markets that are crawled.
TOLD_APART = (
    "ar", "cs", "da", "de", "en", "es", "fa", "fr", "hi", "hu", "id", "it", "nl", "no",
    "pl", "pt", "ro", "ru", "sv", "sw", "tl", "tr", "uk", "ur", "vi",
)  # fmt: skip
LANGUAGES = tuple(sorted({*TOLD_APART, *(code for code, _, _ in SCRIPTS)}))


@lru_cache(maxsize=1)
def identifier() -> Any:
    """Loaded when the first listing needs it, about a second: never by a page."""
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    loaded = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    loaded.set_languages(list(TOLD_APART))
    return loaded


def tell(text: str) -> str | None:
    """ISO 639-1 of the text, one of LANGUAGES; None where it is too short or too mixed to tell."""
    text = text[:LETTERS_READ]
    letters = sum(char.isalpha() for char in text)
    if code := by_script(text, letters):
        return code
    if letters < LEAST_LETTERS:
        return None
    code, certainty = identifier().classify(text)
    return str(code) if certainty >= LEAST_CERTAINTY else None


def by_script(text: str, letters: int) -> str | None:
    """The language whose script the text is in, where one language alone writes it."""
    counts = Counter({code: len(pattern.findall(text)) for code, pattern, _ in SCRIPTS})
    if counts["ja"]:
        counts["ja"] += counts.pop("zh")
    least = {code: number for code, _, number in SCRIPTS}
    code, count = counts.most_common(1)[0]
    return code if count >= least[code] and count >= SCRIPT_SHARE * letters else None
