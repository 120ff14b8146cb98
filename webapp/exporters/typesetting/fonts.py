"""Which fonts a file is set in, script by script, and the characters that no font of this machine can show."""

import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain

import typst
from fontTools.ttLib import TTFont, TTLibError
from fontTools.unicodedata import script

from rules.wording import listed
from webapp.exporters.typesetting import printing
from webapp.language import find_text, locale, number, say, say_many

LATIN = ("Noto Sans", "Libertinus Serif")
# Han characters are written otherwise in each country: the one of the text's language comes first.
HAN = {"zh": "SC", "ja": "JP", "ko": "KR", "zh-hant": "TC"}
HAN_FAMILY = "Noto Sans CJK {}"
SCRIPTS = ("Noto Sans Thai", "Noto Sans Arabic", "Noto Sans Hebrew", "Noto Sans Devanagari", "Noto Sans Symbols")
CODE = ("Noto Sans Mono", "DejaVu Sans Mono")
# typst carries them in itself.
EMBEDDED = ("Libertinus Serif", "New Computer Modern", "DejaVu Sans Mono")
UNFIT = ("Math", "Blank", "LastResort", "Last Resort")
# Shown by nothing: joiners, variation selectors, tags.
UNSEEN = frozenset(chain(range(0x200B, 0x2010), range(0xFE00, 0xFE10), range(0xE0000, 0xE0200), (0x2060, 0xFEFF, 0xAD)))
CJK_SCRIPTS = frozenset({"Hani", "Hira", "Kana", "Hang", "Bopo"})
PACKAGES = {"cjk": "fonts-noto-cjk", "emoji": "fonts-noto-color-emoji", "other": "fonts-noto-core"}


@dataclass(frozen=True, slots=True)
class Face:
    """One font file's face. path: None for those that typst carries in itself."""

    family: str
    path: str | None
    index: int


@dataclass(frozen=True, slots=True)
class Lack:
    """A script of which characters have no glyph. characters: how many stand in the file."""

    script: str
    characters: int

    @property
    def name(self) -> str:
        return str(locale().scripts.get(self.script, self.script))

    @property
    def package(self) -> str:
        return PACKAGES["cjk" if self.script in CJK_SCRIPTS else "emoji" if self.script == "Zsye" else "other"]


@dataclass(frozen=True, slots=True)
class Choice:
    """families: in the order in which a glyph is looked for. lacks: the largest first."""

    families: tuple[str, ...]
    by_language: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    code: tuple[str, ...] = CODE
    lacks: tuple[Lack, ...] = ()


def choose_fonts(language: str, characters: Counter[str]) -> Choice:
    """Fonts for a file in `language` in which these characters stand, each so many times."""
    faces = plain_faces()
    families = [name for name in preferred(language) if name in faces]
    lacking = without_glyph(characters, families, faces)
    for name in others(faces, families):
        if not lacking:
            break
        if shown := shown_by(faces[name], lacking):
            families.append(name)
            lacking -= shown
    lacking = lacking and without_embedded(lacking)
    families += [name for name in EMBEDDED if name not in families]
    return Choice(tuple(families), by_language(families), CODE, tuple(lacks_of(lacking, characters)))


def preferred(language: str) -> tuple[str, ...]:
    return (*LATIN, *(HAN_FAMILY.format(HAN[one]) for one in han_order(language)), *SCRIPTS)


def han_order(language: str) -> list[str]:
    return sorted(HAN, key=lambda one: one != language)


def by_language(families: list[str]) -> dict[str, tuple[str, ...]]:
    """For texts that are in a language of their own; the same families, its own Han characters first."""
    own = {code: HAN_FAMILY.format(place) for code, place in HAN.items()}
    han = set(own.values())
    return {
        code: tuple(
            sorted(families, key=lambda name: 0 if name in LATIN else 1 if name == mine else 2 if name in han else 3)
        )
        for code, mine in own.items()
        if mine in families
    }


def plain_faces() -> dict[str, Face]:
    """One upright face a family, the one nearest to a regular weight."""
    known = typst.Fonts(include_system_fonts=printing.SYSTEM_FONTS).fonts()
    upright = [face for face in known if face.style == "normal"]
    upright.sort(key=lambda face: (abs(face.weight - 400), face.path or "", face.index), reverse=True)
    return {face.family: Face(face.family, face.path, face.index) for face in upright}


def others(faces: Mapping[str, Face], families: list[str]) -> Iterator[str]:
    """The rest, those of the same look first."""
    rest = [name for name, face in faces.items() if face.path and name not in families]
    # The fonts for Han of other places have the same characters as the one that was looked at.
    fit = [name for name in rest if "CJK" not in name and not any(word in name for word in UNFIT)]
    yield from sorted(fit, key=lambda name: (not name.startswith("Noto Sans"), "Mono" in name or "UI" in name, name))


def without_glyph(characters: Iterable[str], families: Iterable[str], faces: Mapping[str, Face]) -> set[str]:
    lacking = {one for one in characters if is_seen(one)}
    for name in families:
        if not lacking:
            break
        lacking -= shown_by(faces[name], lacking)
    return lacking


def is_seen(character: str) -> bool:
    return not character.isspace() and ord(character) not in UNSEEN


def shown_by(face: Face, wanted: set[str]) -> set[str]:
    """Those for which it has a glyph; of an embedded one nothing is known here."""
    if face.path is None:
        return set()
    try:
        with TTFont(face.path, fontNumber=face.index, lazy=True) as font:
            known = font.getBestCmap() or {}
            return {one for one in wanted if ord(one) in known}
    except (TTLibError, OSError):
        return set()


def without_embedded(characters: set[str]) -> set[str]:
    (answer,) = printing.run_press([{"do": "probe", "characters": sorted(characters)}])
    return set(answer["lacking"])


def lacks_of(lacking: Iterable[str], characters: Counter[str]) -> list[Lack]:
    counts: Counter[str] = Counter()
    for one in lacking:
        counts[script_of(one)] += characters[one]
    return [Lack(name, count) for name, count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))]


def script_of(character: str) -> str:
    """ISO 15924; `Zsye` for picture signs."""
    found = str(script(character))
    is_picture = found == "Zyyy" and unicodedata.category(character) == "So" and ord(character) > 0xFFFF
    return "Zsye" if is_picture else found


def notice_of(lacks: Iterable[Lack]) -> str:
    """What this machine can't show, and what to install."""
    told = list(lacks)
    return say_many(
        "No font of this machine has a glyph for %(num)s character of this file (%(scripts)s): it stands as a box. "
        "Install fonts (on Debian: apt install %(packages)s), and have the file written again.",
        "No font of this machine has a glyph for %(num)s characters of this file (%(scripts)s): they stand as boxes. "
        "Install fonts (on Debian: apt install %(packages)s), and have the file written again.",
        sum(one.characters for one in told),
        scripts=listed(
            (say("%(name)s %(count)s", name=one.name, count=number(one.characters)) for one in told), find_text
        ),
        packages=packages_of(told),
    )


def packages_of(lacks: Iterable[Lack]) -> str:
    return " ".join(sorted({one.package for one in lacks}))
