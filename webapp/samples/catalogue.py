"""What the sample marketplace offers: the same seed gives the same offers, on every machine."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from functools import cached_property
from pathlib import PurePath
from random import Random

from webapp.samples.photos import PhotoSet, SamplePicture
from webapp.samples.prints import FAULTS, GROUNDS, Print
from webapp.samples.talk import INNOCENT_CASES, SENTENCES, SUSPECT_CASES, TARGET_TITLES, TITLES, WordCase

COUNT = 360
SEED = 2026
NEWEST_AT = datetime(2026, 10, 31, 12, tzinfo=UTC)
FIRST_NUMBER = 10_001

# Of the Debian package: the photographs that the default model (PPLCNetV2_base) sees an elephant or a tiger in.
TARGETS = {
    "animals/mammals/elephant.png": "elephant",
    "animals/mammals/cats/tiger.png": "tiger",
    "animals/mammals/cats/tiger_sumatran.png": "tiger",
}
TARGET_PART = 0.0125  # of all offers, for each target
RELISTED_PART = 0.1
MOST_WORDS = 4  # a longer caption is a sentence, no name

CATEGORIES = {
    "figurines": "Figurines and toys",
    "clothing": "Clothing",
    "kitchen-garden": "Kitchen and garden",
    "music-sport": "Music and sport",
    "home": "House and home",
    "seasonal": "Seasonal",
    "prints-signs": "Prints, signs and models",
    "curios": "Curios",
}
_CATEGORY_OF = {
    **dict.fromkeys(("animals", "people", "military", "space"), "figurines"),
    "clothes": "clothing",
    **dict.fromkeys(("food", "plants"), "kitchen-garden"),
    **dict.fromkeys(("hobbies", "sports"), "music-sport"),
    **dict.fromkeys(("household", "medical"), "home"),
    "seasonal": "seasonal",
    **dict.fromkeys(("town", "vehicles", "naturalforces"), "prints-signs"),
}
_ARTICLE = re.compile(r"^(an?|some|the|our|eine?|einen|une?|des|una|unos|unas|een|con|quả|cái)\s+", re.IGNORECASE)


class Kind(StrEnum):
    """What an offer is there to show; the shop itself never tells."""

    ORDINARY = "ordinary"
    RELISTED = "relisted"
    TARGET = "target"
    SUSPECT_WORDS = "suspect words"
    INNOCENT_WORDS = "innocent words"
    FAULTY = "faulty"


@dataclass(frozen=True, slots=True)
class Seller:
    """per_euro: units of `currency` for one euro, roughly."""

    name: str
    country: str
    currency: str
    language: str
    per_euro: float = 1.0

    @property
    def slug(self) -> str:
        return self.name.lower().replace(" ", "-")


SELLERS = (
    Seller("Harbour Finds", "GB", "GBP", "en", 0.86),
    Seller("Prairie Attic", "US", "USD", "en", 1.1),
    Seller("Second Shelf", "US", "USD", "en", 1.1),
    Seller("Old Mill Bazaar", "GB", "GBP", "en", 0.86),
    Seller("Karoo Curios", "ZA", "ZAR", "en", 20),
    Seller("Riverside Trading", "TH", "THB", "en", 38),
    Seller("Lindenhof Troedel", "DE", "EUR", "de"),
    Seller("Grenier de Lyon", "FR", "EUR", "fr"),
    Seller("Rastro del Sur", "ES", "EUR", "es"),
    Seller("Zolder Vondsten", "NL", "EUR", "nl"),
    Seller("Hang Dep Sai Gon", "VN", "VND", "vi", 28_000),
    Seller("Jade Lane Goods", "CN", "CNY", "zh", 7.8),
    Seller("Kowloon Corner", "HK", "HKD", "zh", 8.6),
)
# Most offers are in English, as on most marketplaces that are watched.
_WEIGHTS = [4 if seller.language == "en" else 1.6 for seller in SELLERS]


@dataclass(frozen=True, slots=True)
class Offer:
    """One listing of the shop. `of` is the number of the offer whose first picture it shows again, byte by byte."""

    number: int
    kind: Kind
    title: str
    description: str
    category: str
    price: Decimal
    seller: Seller
    posted_at: datetime
    prints: tuple[Print, ...]
    of: int | None = None


@dataclass(frozen=True)
class Catalogue:
    """All offers, newest first."""

    offers: tuple[Offer, ...]

    @cached_property
    def by_number(self) -> dict[int, Offer]:
        return {offer.number: offer for offer in self.offers}

    def in_category(self, category: str) -> list[Offer]:
        return [offer for offer in self.offers if offer.category == category]

    @property
    def prints_count(self) -> int:
        return sum(len(offer.prints) for offer in self.offers)


def build_catalogue(photo_set: PhotoSet, count: int = COUNT, seed: int = SEED) -> Catalogue:
    """About `count` offers (at least 40) over the pictures of the set; the same arguments give the same offers."""
    offers = list(_Writer(photo_set.pictures, max(40, count), Random(seed)).write())  # noqa: S311 no secret
    return Catalogue(tuple(sorted(offers, key=lambda offer: (offer.posted_at, offer.number), reverse=True)))


class _Writer:
    def __init__(self, pictures: Sequence[SamplePicture], count: int, random: Random) -> None:
        self._random = random
        self._count = count
        self._targets = [picture for picture in pictures if picture.name in TARGETS]
        self._others = [picture for picture in pictures if picture.name not in TARGETS]
        # Fewer photographs than offers, so that many come back with another ground: near-duplicates.
        self._stock = random.sample(self._others, min(len(self._others), max(20, count * 6 // 10)))

    def write(self) -> Iterator[Offer]:
        first = [*self._target_offers(), *self._word_offers(), *self._faulty_offers()]
        relisted_count = round(self._count * RELISTED_PART)
        ordinary = [self._ordinary_offer() for _ in range(self._count - len(first) - relisted_count)]
        self._random.shuffle(ordinary)
        originals = [replace(offer, number=FIRST_NUMBER + place) for place, offer in enumerate(first + ordinary)]
        yield from originals
        for place in range(relisted_count):
            yield self._relisting(self._original_for(place, originals), FIRST_NUMBER + len(originals) + place)

    def _original_for(self, place: int, originals: list[Offer]) -> Offer:
        """The first re-listings are of targets, one each, so that one decision can meet several sellers."""
        targets = [offer for offer in originals if offer.kind is Kind.TARGET]
        firsts = list({offer.prints[0].picture.name: offer for offer in targets}.values())
        if place < len(firsts):
            return firsts[place]
        return self._random.choice([offer for offer in originals if offer.kind is Kind.ORDINARY])

    def _target_offers(self) -> Iterator[Offer]:
        each = max(1, round(self._count * TARGET_PART) - 1)  # one more comes as a re-listing
        for picture in self._targets:
            titles = TARGET_TITLES[TARGETS[picture.name]]
            start = self._random.randrange(len(titles))
            for place in range(each):
                language, title = titles[(start + place) % len(titles)]
                seller = self._seller_speaking(language)
                prints = (
                    self._print(picture, large=True),
                    *self._more_prints(self._random.choice(self._stock), (0, 1)),
                )
                yield self._offer(Kind.TARGET, seller, title, "", picture, prints)

    def _word_offers(self) -> Iterator[Offer]:
        for _ in range(max(1, self._count // COUNT)):
            for kind, cases in ((Kind.SUSPECT_WORDS, SUSPECT_CASES), (Kind.INNOCENT_WORDS, INNOCENT_CASES)):
                for case in cases:
                    yield self._word_offer(kind, case)

    def _word_offer(self, kind: Kind, case: WordCase) -> Offer:
        fitting = [picture for picture in self._others if picture.subject.startswith(case.subject)]
        picture = self._random.choice(fitting or self._others)
        seller = self._seller_speaking(case.language)
        return self._offer(kind, seller, case.title, case.description, picture, (self._print(picture),))

    def _faulty_offers(self) -> Iterator[Offer]:
        for fault in FAULTS:
            offer = self._ordinary_offer()
            broken = replace(self._print(offer.prints[0].picture), fault=fault, suffix="jpg")
            yield replace(offer, kind=Kind.FAULTY, prints=(*offer.prints[:2], broken))

    def _ordinary_offer(self) -> Offer:
        picture, seller = self._random.choice(self._stock), self._seller()
        prints = (self._print(picture), *self._more_prints(picture, (0, 0, 1, 1, 2)))
        return self._offer(Kind.ORDINARY, seller, self._title(picture, seller), "", picture, prints)

    def _relisting(self, original: Offer, number: int) -> Offer:
        seller = self._random.choice([seller for seller in SELLERS if seller != original.seller])
        picture = original.prints[0].picture
        kind = Kind.TARGET if original.kind is Kind.TARGET else Kind.RELISTED
        offer = self._offer(kind, seller, self._title(picture, seller), "", picture, original.prints[:1])
        posted_at = original.posted_at + timedelta(
            seconds=round((NEWEST_AT - original.posted_at).total_seconds() * self._random.random())
        )
        return replace(offer, number=number, posted_at=posted_at, of=original.number)

    def _offer(
        self,
        kind: Kind,
        seller: Seller,
        title: str,
        description: str,
        picture: SamplePicture,
        prints: tuple[Print, ...],
    ) -> Offer:
        category = _CATEGORY_OF.get(picture.subject.split("/")[0], "curios")
        posted_at = NEWEST_AT - timedelta(minutes=self._random.randrange(180 * 24 * 60))
        words = " ".join(filter(None, (description, self._sentences(seller.language))))
        return Offer(0, kind, title, words, category, self._price(seller), seller, posted_at, prints)

    def _seller(self) -> Seller:
        return self._random.choices(SELLERS, _WEIGHTS)[0]

    def _seller_speaking(self, language: str) -> Seller:
        return self._random.choice([seller for seller in SELLERS if seller.language == language])

    def _price(self, seller: Seller) -> Decimal:
        amount = self._random.lognormvariate(3.1, 0.8) * seller.per_euro
        if amount >= 1000:
            return Decimal(round(amount, -3 if amount >= 100_000 else -1))
        return Decimal(round(amount)) + self._random.choice((Decimal("0.00"), Decimal("0.50"), Decimal("0.99")))

    def _title(self, picture: SamplePicture, seller: Seller) -> str:
        by_category = TITLES[seller.language]
        category = _CATEGORY_OF.get(picture.subject.split("/")[0], "curios")
        template = self._random.choice(by_category.get(category) or by_category[""])
        title = template.format(noun=noun_of(picture, seller.language))
        return title[:1].upper() + title[1:]

    def _sentences(self, language: str) -> str:
        chosen = self._random.sample(SENTENCES[language], self._random.choice((1, 2, 2, 3)))
        return ("" if language == "zh" else " ").join(chosen)

    def _more_prints(self, picture: SamplePicture, numbers: Sequence[int]) -> list[Print]:
        return [self._print(picture) for _ in range(self._random.choice(numbers))]

    def _print(self, picture: SamplePicture, large: bool = False) -> Print:
        """large: as somebody shows an animal who wants it seen, so that a model has a fair chance."""
        random = self._random
        width = random.choice((400, 480, 560, 640))
        height = round(width * random.choice((0.75, 1, 1, 1.25)))
        tint = random.randrange(150, 245)
        return Print(
            picture=picture,
            ground=random.choice(("white", "plain", "shade") if large else GROUNDS),
            colour=(tint, max(0, tint - random.randrange(30)), max(0, tint - random.randrange(50))),
            width_px=width,
            height_px=height,
            part=round(random.uniform(0.8, 0.95) if large else random.uniform(0.55, 0.95), 3),
            shift=(0.5, 0.5) if large else (round(random.uniform(0.3, 0.7), 3), round(random.uniform(0.4, 0.8), 3)),
            mirrored=random.random() < 0.3,
            grain=random.randrange(2**32),
            suffix=random.choices(("jpg", "png", "webp"), (12, 1, 1))[0],
            quality=random.randrange(55, 93),
        )


def noun_of(picture: SamplePicture, language: str) -> str:
    """What the picture shows, without an article: in the seller's language, else in English, else its file's name."""
    for caption in (picture.captions.get(language, ""), picture.caption):
        clause = re.split(r"[.,;:!?(\u2013\u2014]", caption, maxsplit=1)[0]
        noun = _ARTICLE.sub("", clause.strip("“”\"' "))
        if 0 < len(noun.split()) <= MOST_WORDS and len(noun) <= 40:
            return noun
    return PurePath(picture.name).stem.replace("_", " ").replace("-", " ")[:40]
