"""A public collection of files that mean harm, all of them made here: `python -m tests.attacks.corpus FOLDER`."""

from tests.attacks.corpus import bombs, cuts, disguises, feeds, files, metadata, motion, pages, pixels
from tests.attacks.corpus.attack import Attack, Ending, Room

__all__ = ["ATTACKS", "FEEDS", "FILES", "PAGES", "PICTURES", "SITEMAPS", "Attack", "Ending", "Room"]

PICTURES: tuple[Attack, ...] = tuple(
    attack for module in (bombs, cuts, disguises, pixels, metadata, motion) for attack in module.ATTACKS
)
PAGES, FEEDS, SITEMAPS, FILES = pages.ATTACKS, feeds.ATTACKS, feeds.SITEMAPS, files.ATTACKS
ATTACKS: tuple[Attack, ...] = (*PICTURES, *PAGES, *FEEDS, *SITEMAPS, *FILES)
