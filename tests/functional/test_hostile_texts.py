"""Whatever sellers, sites and colleagues write stands on the pages as text: nothing of it runs or becomes markup."""

from typing import Any

import pytest
from playwright.sync_api import Dialog
from sqlalchemy.orm import Session

from tests.factories import add, make_finding, make_listing, make_scan, make_source, make_user
from tests.functional.conftest import Site, Visitor
from tests.functional.test_languages import paths, session  # noqa: F401  (fixtures)
from tests.webapp.views.hostile import HOSTILE
from tests.webapp.views.test_access import rows  # noqa: F401  (a fixture)
from webapp.db import now
from webapp.models import (
    ApiToken,
    AuditEntry,
    Capture,
    Decision,
    FindingRow,
    FindingState,
    Job,
    ListingEvent,
    ListingEventKind,
    ListingVersion,
    PictureState,
    Recheck,
    RecheckKind,
    Role,
    SavedFilter,
    ScanPhoto,
    Schedule,
    ShadowRun,
    StoppedHost,
    ThresholdChange,
    User,
    Verdict,
    WebhookDelivery,
)

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("rows")]

ALL = " ".join(HOSTILE)
# Of what the corpus would make if it were taken for markup.
MARKUP = """() => [...document.querySelectorAll("[onerror], [onload], [onmouseover], script:not([src]), img[src=x]")]
    .map((one) => one.outerHTML.slice(0, 200))"""


@pytest.fixture
def poisoned(site: Site) -> FindingRow:
    """The corpus in every field that somebody else can fill, on a page somewhere."""
    write = site.session
    someone = make_user(write, ALL[:80], Role.REVIEWER)
    source = make_source(write, f"Shop {ALL}"[:120], "csv", file=f"{ALL}.csv")
    listing = make_listing(write, source, title=ALL, description=ALL * 3, seller=ALL, currency="EUR")
    scan = make_scan(write, source, note=ALL, warnings=[ALL], crawl_error=ALL, requested_by=ALL[:80], photos_failed=1)
    row = make_finding(write, listing, scan=scan, state=FindingState.CONFIRMED, why=ALL)
    make_finding(write, make_listing(write, source, title=ALL, seller=ALL), scan=scan)
    decision = add(write, Decision(finding=row, user=someone, verdict=Verdict.CONFIRM, note=ALL))
    mirela = write.query(User).filter_by(name="mirela").one()
    write.add_all(
        [
            ListingVersion(listing_id=listing.id, scan_id=scan.id, content_sha256="0", fields=said(seller="a")),
            ListingVersion(listing_id=listing.id, scan_id=scan.id, content_sha256="1", fields=said(seller=ALL)),
            ListingEvent(listing_id=listing.id, scan_id=scan.id, kind=ListingEventKind.REMOVED, facts={"reason": ALL}),
            Capture(
                listing_id=listing.id,
                url=ALL,
                archive=ALL[:200],
                record_id="<urn:uuid:1>",
                sha256="0" * 64,
                captured_at=now(),
            ),
            ScanPhoto(scan_id=scan.id, listing_id=listing.id, location=ALL, failure=ALL, state=PictureState.FAILED),
            Recheck(finding_id=row.id, kind=RecheckKind.APPEAL, first=decision, claim=ALL, raised_by=ALL[:80]),
            SavedFilter(user=mirela, name=ALL[:80], arguments={"text": ALL}, is_shared=True),
            SavedFilter(user=someone, name=ALL[80:160], arguments={"seller": ALL}, is_shared=True),
            ApiToken(user_id=mirela.id, name=ALL[:80], head="tusk_", token_hash="0" * 64, scopes=["read"]),
            AuditEntry(actor=ALL[:80], action="test.hostile", subject=ALL[:120], facts={"note": ALL, ALL: [ALL]}),
            StoppedHost(host="other.example", reason=ALL, actor=ALL[:80]),
            ThresholdChange(
                rule="elephant_seen", version=2, threshold="elephant_score", value=0.5, reason=ALL, user=someone
            ),
            WebhookDelivery(webhook_id=1, key="k", event="ping", payload={"said": ALL}, failure=ALL),
        ]
    )
    write.query(Schedule).update({"note": ALL})
    write.query(Job).update({"note": ALL, "actor": ALL[:80]})
    write.query(ShadowRun).update({"reason": ALL, "note": ALL})
    write.commit()
    return row


def said(**fields: Any) -> dict[str, Any]:
    return {"title": ALL, "description": ALL, "price": None, "currency": None, "photo_urls": [], **fields}


def test_nothing_that_others_wrote_runs_or_becomes_markup(
    site: Site,
    visitor: Visitor,
    session: Session,  # noqa: F811
    poisoned: FindingRow,
    paths: list[str],  # noqa: F811
) -> None:
    dialogs: list[str] = []

    def note(dialog: Dialog) -> None:
        dialogs.append(dialog.message)
        dialog.dismiss()

    visitor.page.on("dialog", note)
    own = [f"/findings/{poisoned.id}", f"/scans/{poisoned.scan_id}", f"/sources/{poisoned.source_id}"]
    assert session is site.session
    shown: set[str] = set()
    for path in [*paths, *own]:
        visitor.open(path)
        assert visitor.page.evaluate(MARKUP) == [], path
        text = visitor.page.evaluate("document.body.textContent")
        shown |= {path for one in HOSTILE[:1] if one in text}
    assert dialogs == []
    assert visitor.complaints == []
    told = {"/queue", "/sources", "/scans", "/audit", "/account", "/removals", "/hosts", "/users", "/webhooks/1", *own}
    assert told <= shown | {"/webhooks/1"}, "what is not shown proves nothing"
