"""What a file says of people, reduced to what its reader needs: three levels, laid over a frozen content.

`none` leaves it as it is. `hashed`: a seller is `seller-` and 12 letters, the same for the same seller on the same
source in every file of this installation; addresses of offers are cut to their host, as one click on the rest names
the seller; reviewers are their roles, numbered within the content; names of sellers and team members, e-mail
addresses, numbers and handles are masked in free text. `minimal`: nothing of sellers but how many there are, no titles,
descriptions, notes or perceptual hashes, reviewers without numbers, no pictures. A picture's SHA-256 stays at every
level: it is the link to the evidence.

Masking of free text is best effort (services.masking), and pictures are not looked through: who hands a file on reads
it first. A hashed seller is still personal data: whoever holds the secret key and a list of names can try them. What a
content holds beyond the fields named here is left out, so that a new field shows nobody until it is looked at.
"""

import hmac
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any
from urllib.parse import unquote, urlsplit

from webapp.exporters.content import Content, Finding
from webapp.models import PictureChoice, Redaction
from webapp.services import audit
from webapp.services.masking import PERSON, SELLER, Names, compose, fold, mask, mask_all, mask_names
from webapp.services.sealing import derive

TOKEN_LETTERS = 12
HANDLE_LETTERS = 4  # of a seller's address: a shorter last part is a word such as `u`
REVIEWER = "reviewer"
SOMEBODY = "a member of the team"
# Codes, never somebody's words: they are left as they are in a tree of reasons.
CODES = frozenset(
    ("kind", "kinds", "language", "status", "concept", "concepts", "threshold_name", "looked_for", "counters")
)
# What of an event's facts says nothing of people.
PLAIN_FACTS = ("photo_id", "earlier_listing_id", "other_seller", "last_seen_at")
REMOVED = {
    Redaction.HASHED: (
        "Sellers are named by a keyed hash: the same seller on the same source has the same one in every report.",
        "Addresses of sellers were taken out, and addresses of offers cut to their host.",
        "Names of sellers and of the team, e-mail addresses, phone numbers, messenger handles, account and card "
        "numbers were masked in free text as far as they were recognised.",
        "Reviewers are named by their role.",
        "Pictures were not looked through: they may show names and numbers.",
    ),
    Redaction.MINIMAL: (
        "Sellers are counted and not named.",
        "Titles and descriptions of offers, and notes of reviewers, were taken out.",
        "Addresses of sellers were taken out, and addresses of offers cut to their host.",
        "Reviewers are named by their role alone.",
        "Pictures and what finds pictures alike were taken out; the SHA-256 of each picture stays.",
    ),
}
HEAD = (
    "format", "from", "to", "built_at", "built_with", "statement", "primary_absent", "scans", "quality", "rules",
    "legal",
)  # fmt: skip
FINDING = (
    "id", "concept", "severity", "title", "rule", "rule_version", "pack_digest", "threshold", "score", "model",
    "model_digest", "primary_absent", "state", "found_at", "scores", "legal",
)  # fmt: skip
LISTING = (
    "id", "currency", "country", "language", "price", "posted_at", "first_seen_at", "last_seen_at", "removed_at",
)  # fmt: skip
PHOTO = (
    "sha256", "media_type", "size_bytes", "width_px", "height_px", "purged_at",
)  # fmt: skip
LOOKS = ("pixel_hash", "look_hash")
DECISION = (
    "id", "reason", "reason_title", "concept", "revises_id", "role", "at", "verdict", "stage", "undone_at", "stands",
)  # fmt: skip
FIGURES = (
    "findings", "listings", "sellers", "pictures", "decisions", "by_state", "by_severity", "by_concept", "by_day",
    "takedown",
)  # fmt: skip


def redact(content: Content, level: Redaction, key: bytes) -> Content:
    """The content at that level; key: of `key_of`. The findings are read once before, to learn whom to hide."""
    if level is Redaction.NONE:
        return content
    redactor = Redactor(level, key, People.of(content))
    head = redactor.head(content.head)

    def findings() -> Iterator[Finding]:
        return map(redactor.finding, content.findings())

    return Content(head, findings)


def key_of(secret_key: str) -> bytes:
    """The key of the hashes of this installation."""
    return derive(secret_key, "redaction")


def fit_pictures(level: Redaction, choice: PictureChoice) -> PictureChoice:
    """The choice, save that `minimal` shows none."""
    return PictureChoice.NONE if level is Redaction.MINIMAL else choice


@dataclass
class People:
    """Who is in a content. sellers: names, addresses and handles. roles: of each reviewer, in order of appearance."""

    sellers: dict[str, None] = field(default_factory=dict)
    roles: dict[str, str] = field(default_factory=dict)
    builder: str | None = None

    @classmethod
    def of(cls, content: Content) -> "People":
        found = cls(builder=content.head.get("built_by"))
        for seller in (content.head.get("figures") or {}).get("by_seller") or ():
            found._add_seller(seller["seller"], None)
        for finding in content.findings():
            listing = finding.get("listing") or {}
            found._add_seller(listing.get("seller"), listing.get("seller_url"))
            for decision in finding.get("decisions") or ():
                found.roles.setdefault(decision["by"], decision.get("role") or REVIEWER)
        return found

    def _add_seller(self, name: str | None, address: str | None) -> None:
        self.sellers |= dict.fromkeys(filter(None, (name, address, handle_of(address))))

    def names(self) -> Names:
        team = {*self.roles, self.builder} - {None, audit.SYSTEM}
        return Names.of([*((one, PERSON) for one in team if one), *((one, SELLER) for one in self.sellers)])

    def labels(self) -> dict[str, str]:
        """By name: `reviewer 1`, `lead 1`, `reviewer 2`."""
        count: dict[str, int] = {}
        labels = {}
        for name, role in self.roles.items():
            count[role] = count.get(role, 0) + 1
            labels[name] = f"{role} {count[role]}"
        return labels


def handle_of(address: str | None) -> str | None:
    """What a seller's address ends with, where it is long enough to be a name."""
    try:
        last = unquote(urlsplit(address or "").path.rstrip("/").rpartition("/")[2])
    except ValueError:
        return None
    return last if len(last) >= HANDLE_LETTERS else None


class Redactor:
    """Knows whom to hide, and rewrites a head and findings one by one."""

    def __init__(self, level: Redaction, key: bytes, people: People) -> None:
        self._level = level
        self._is_minimal = level is Redaction.MINIMAL
        self._key = key
        self._names = people.names()
        self._labels = people.labels()
        self._sources: dict[str, str] = {}

    def head(self, head: Mapping[str, Any]) -> dict[str, Any]:
        known: dict[str, Callable[[Any], Any]] = {
            "title": self._masked,
            "built_by": self._builder,
            "filters": self._filters,
            "filters_name": self._masked,
            "corrects": self._correction,
            "sources": lambda sources: [one | {"name": self._source(one["name"])} for one in sources],
            "figures": self._figures,
            "models": lambda models: [self._model(one) for one in models],
        }
        said = {name: rewrite(head[name]) for name, rewrite in known.items() if name in head}
        level = {"level": self._level.value, "removed": list(REMOVED[self._level])}
        return taken(head, HEAD) | said | {"redaction": level}

    def finding(self, finding: Finding) -> dict[str, Any]:
        known: dict[str, Callable[[Any], Any]] = {
            "why": self._masked,
            "reasons": lambda reasons: mask_all(reasons, self._names, CODES),
            "source": self._source,
            "listing": lambda listing: listing and self._listing(listing, finding.get("source", "")),
            "photo": lambda photo: photo and self._photo(photo),
            "decisions": lambda decisions: [self._decision(one) for one in decisions],
            "events": lambda events: [self._event(one) for one in events],
        }
        return taken(finding, FINDING) | {name: known[name](finding[name]) for name in known if name in finding}

    def _listing(self, listing: Mapping[str, Any], source: str) -> dict[str, Any]:
        seller = listing.get("seller")
        said = {
            "url": self._host(listing.get("url"), seller),
            "title": self._free(listing.get("title")),
            "description": self._free(listing.get("description")),
            "seller": self._token(seller, source) if seller and not self._is_minimal else None,
            "seller_url": None,
        }
        return taken(listing, LISTING) | {name: value for name, value in said.items() if name in listing}

    def _photo(self, photo: Mapping[str, Any]) -> dict[str, Any]:
        """Without what finds pictures that look alike, where only the digest may stay."""
        looks = taken(photo, LOOKS)
        return taken(photo, PHOTO) | (dict.fromkeys(looks) if self._is_minimal else looks)

    def _host(self, url: str | None, seller: str | None) -> str | None:
        """`https://www.example.com/`; None where the host is the seller's own name."""
        try:
            parts = urlsplit(url or "")
            host = parts.hostname
        except ValueError:
            return None
        if not host or parts.scheme not in ("http", "https"):
            return None
        shown = f"{parts.scheme}://{host}/"
        return None if holds_name(host, seller) or any(self._names.spans(compose(host))) else shown

    def _decision(self, decision: Mapping[str, Any]) -> dict[str, Any]:
        role = decision.get("role") or REVIEWER
        by = role if self._is_minimal else self._labels[decision["by"]]
        return taken(decision, DECISION) | {"by": by, "note": self._free(decision.get("note"))}

    def _event(self, event: Mapping[str, Any]) -> dict[str, Any]:
        facts = taken(event.get("facts") or {}, PLAIN_FACTS) if self._is_minimal else event.get("facts") or {}
        return taken(event, ("at", "kind", "takedown_s")) | {"facts": mask_all(facts, self._names, CODES)}

    def _model(self, model: Mapping[str, Any]) -> dict[str, Any]:
        """Where its files came from may be somebody's folder."""
        card = model.get("card")
        if not card or not card.get("source"):
            return dict(model)
        return {**model, "card": {**card, "source": mask_names(card["source"], self._names)}}

    def _builder(self, name: str | None) -> str | None:
        if name is None or name == audit.SYSTEM:
            return name
        return SOMEBODY if self._is_minimal else self._labels.get(name, SOMEBODY)

    def _filters(self, filters: Mapping[str, Any]) -> dict[str, Any]:
        hidden = {name: SELLER for name in filters if name == "seller"}
        return {name: mask_all(value, self._names, CODES) for name, value in filters.items()} | hidden

    def _correction(self, corrects: Mapping[str, Any] | None) -> dict[str, Any] | None:
        if corrects is None:
            return None
        return taken(corrects, ("report", "sha256")) | {"why": self._free(corrects.get("why"))}

    def _figures(self, figures: Mapping[str, Any]) -> dict[str, Any]:
        said: dict[str, Any] = {}
        if "by_source" in figures:
            said["by_source"] = {self._source(name): counts for name, counts in figures["by_source"].items()}
        if "by_seller" in figures:
            said["by_seller"] = [] if self._is_minimal else self._sellers(figures["by_seller"])
            left_out = figures.get("sellers_left_out", 0) + len(figures["by_seller"]) * self._is_minimal
            said["sellers_left_out"] = left_out
        return taken(figures, FIGURES) | said

    def _sellers(self, sellers: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """The largest first, and those alike by their hash: the order of names would tell of them."""
        said = [
            taken(one, ("counts", "listings"))
            | {"seller": self._token(one["seller"], one["source"]), "source": self._source(one["source"])}
            for one in sellers
        ]
        return sorted(said, key=lambda one: (-one["counts"]["all"], one["seller"]))

    def _source(self, name: str) -> str:
        """Masked, and still another for each source: counts are kept by it."""
        if name not in self._sources:
            masked = said = self._masked(name) or ""
            while said in self._sources.values():
                said = f"{masked} {len(self._sources) + 1}"
            self._sources[name] = said
        return self._sources[name]

    def _token(self, seller: str, source: str) -> str:
        digest = hmac.new(self._key, f"{source}\0{seller}".encode(), sha256).hexdigest()
        return f"seller-{digest[:TOKEN_LETTERS]}"

    def _free(self, text: str | None) -> str | None:
        """A text that a person wrote."""
        return "" if text and self._is_minimal else self._masked(text)

    def _masked(self, text: str | None) -> str | None:
        return mask(text, self._names) if text else text


def taken(value: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    return {name: value[name] for name in names if name in value}


def holds_name(host: str, seller: str | None) -> bool:
    """Whether a host is made of the seller's name: `jane-doe.example` of Jane Doe."""
    letters = letters_of(seller or "")
    return len(letters) >= HANDLE_LETTERS and letters in letters_of(host)


def letters_of(text: str) -> str:
    return "".join(letter for letter in fold(text).text if letter.isalnum())
