"""What a case file says to people: its README, its limits, the standards it was designed along, and what it lacks."""

from collections.abc import Sequence

from webapp.language import find_text, say, say_later, say_many
from webapp.services.casework.parts import CaseFacts
from webapp.services.describing import stamp
from webapp.services.freezing import ABSENT, STATEMENT

# Named as what it was designed along: whether it fulfils them is for others to say.
STANDARDS = (
    "ISO/IEC 27037:2012, identification, collection, acquisition and preservation of digital evidence",
    "Berkeley Protocol on Digital Open Source Investigations",
    "SWGDE 21-F-001, Acquiring Online Content",
    "ISO 28500, WARC file format",
    "RFC 3161, Time-Stamp Protocol",
    "RFC 8032, Edwards-Curve Digital Signature Algorithm (Ed25519)",
)
LIMITS = (
    say_later("States, decisions and reasons are as they stood when the case file was made."),
    say_later(
        "A signature shows that the files are those that this installation put together, not that they are true."
    ),
    say_later(
        "Of the audit log the entries on this case are here, with the chain that holds them; others are left out."
    ),
)
# What a file of evidence may hold and this one never does, each with its reason.
LACKS = {
    "screenshot": say_later("Pages are fetched and not rendered, so there is no picture of a screen."),
    "certificate": say_later("Of a TLS certificate its SHA-256 is kept, not the certificate itself."),
    "full_score_vector": say_later(
        "Of a model's answer every concept and the five likeliest labels are kept, no more."
    ),
    "score_device": say_later("On which device a score was made is not kept; case.json names the one set today."),
    "seller_id": say_later("A seller is known by name and link, as pages give them, not by a marketplace's number."),
    "location": say_later("Of a place the country is kept, as the page gives it."),
    "terms_note": say_later("What the marketplace's terms said on that day is not kept; what its robots.txt said is."),
    "clock_check": say_later("Times are those of the machine's own clock; whether it was right was not recorded."),
}
NO_TIMESTAMP = say_later("No timestamp server is configured, so nobody else confirms the time.")
CONTENTS = {
    "manifest.json": say_later("every file and every row with its SHA-256, and the head of the audit log"),
    "manifest.sig.json": say_later("the signature (Ed25519) over the manifest"),
    "case.json": say_later("the case as a whole: sources, models, rules, law, what is gone, what is not as it was"),
    "findings.jsonl": say_later("findings: reasons, scores, decisions, second looks, appeals"),
    "listings.jsonl, history.jsonl, sellers.jsonl": say_later("listings, what they said before, their sellers"),
    "duplicates.jsonl": say_later("where else the pictures, or pictures like them, are shown"),
    "captures.jsonl, archives/, pages/": say_later("what servers answered, byte for byte (WARC), and the pages' words"),
    "scans.jsonl, requests.jsonl": say_later("the crawls, and what they asked of these addresses"),
    "photos/": say_later("original bytes of all pictures of the listings; they may be hard to look at"),
    "models/, rules/": say_later("cards of the models that scored, files of the rules that judged"),
    "audit/": say_later("entries of the audit log on all of this, with the chain that holds them"),
}
CHECKING = (
    say_later("Run verify.py with any Python from 3.8 on; it needs no network and nothing else:"),
    "    python3 verify.py CASE.zip",
    say_later("In the unpacked folder, python3 verify.py alone checks the files beside it."),
    say_later("It names each file and row that was changed, removed, added or reordered; exit code 0: all is whole."),
    say_later("Whoever changes a file can also change verify.py: take it from a copy of Tuskline that you trust."),
    say_later("A timestamp (manifest.tsr, if there is one) is checked with the certificate of the server's authority:"),
    "    openssl ts -verify -data manifest.sig.json -in manifest.tsr -CAfile CA.pem",
    say_later("Compare the fingerprint of the key over another way, by telephone say. It is:"),
)


def statement(primary_absent: bool) -> list[str]:
    """The limits, in the language in force."""
    # A case has no period: its own sentence on the moment takes the place of that one.
    said = [find_text(sentence) for sentence in STATEMENT if "in the period" not in sentence]
    return [*said, *map(str, LIMITS), *([find_text(ABSENT)] if primary_absent else [])]


def absences(has_timestamp_server: bool) -> list[dict[str, str]]:
    lacks = LACKS if has_timestamp_server else {**LACKS, "timestamp": NO_TIMESTAMP}
    return [{"field": name, "why": str(why)} for name, why in lacks.items()]


def readme(case: CaseFacts, fingerprint: str, limits: Sequence[str], notices: Sequence[str], has_report: bool) -> str:
    """In the language in force."""
    count = len(case.finding_ids)
    there = [f"{name}: {words}" for name, words in CONTENTS.items()]
    if has_report:
        there.append("report.pdf: " + say("the findings as a report, to read and print"))
    lines = [
        say("Case file %(number)s: %(title)s", number=case.id, title=case.title),
        "",
        say_many(
            "It holds the evidence on one suspected finding.",
            "It holds the evidence on %(num)s suspected findings.",
            count,
        ),
        say("Made by %(who)s on %(at)s (UTC) with Tuskline.", who=case.made_by, at=stamp(case.made_at)),
        say("A score is a suspicion and no proof; what is said of people here is unproven."),
        *section(say("How to check it"), [*map(str, CHECKING), f"    {fingerprint}"]),
        *section(say("What is in it"), there),
        *section(say("Limits"), limits),
        *(section(say("What to know of this file"), notices) if notices else []),
    ]
    return "\n".join(lines) + "\n"


def section(title: str, lines: Sequence[str]) -> list[str]:
    return ["", title, "-" * len(title), *lines]
