"""The pages of case files: what one would hold, having it made, taking it away."""

import re
from io import BytesIO
from zipfile import ZipFile

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from tests.factories import make_finding, make_listing, make_source
from tests.webapp.views.conftest import SignIn, deeds, post
from webapp.models import CaseFile, FindingRow, Job, JobKind, Role, User
from webapp.services import case_files, jobs, signing
from webapp.services.case_files import Asked
from webapp.services.workshop import WORKS
from webapp.settings import Settings
from webapp.storage import open_store

pytestmark = pytest.mark.usefixtures("quick_pages")


@pytest.fixture
def findings(session: Session) -> list[FindingRow]:
    source = make_source(session, "Shop")
    rows = [make_finding(session, make_listing(session, source, seller='"A" & Söhne')) for _ in range(2)]
    session.commit()
    return rows


@pytest.fixture
def case(reviewer: FlaskClient, session: Session, settings: Settings, findings: list[FindingRow]) -> CaseFile:
    assert reviewer
    user = session.scalars(select(User).where(User.name == "reviewer")).one()
    return case_files.export(session, settings, Asked.of_findings([findings[0].id], "<b>The</b> case"), user)


def test_a_finding_leads_to_a_case_that_is_looked_at_first(
    reviewer: FlaskClient, session: Session, findings: list[FindingRow]
) -> None:
    page = reviewer.get(f"/findings/{findings[0].id}").text
    addresses = [one.replace("&amp;", "&") for one in re.findall(r'href="(/cases/new[^"]+)"', page)]
    assert len(addresses) == 2  # this finding's, and its seller's
    alone, all_of_seller = (reviewer.get(address).text for address in sorted(addresses))
    assert 'value="Finding 1"' in alone and alone.count('name="finding"') == 1
    assert "&#34;A&#34; &amp; Söhne in Shop" in all_of_seller and 'name="seller"' in all_of_seller
    assert session.query(Job).count() == 0


def test_what_is_ticked_in_the_queue_becomes_a_case(
    reviewer: FlaskClient, session: Session, settings: Settings, findings: list[FindingRow]
) -> None:
    ids = [str(row.id) for row in findings]
    assert 'formaction="/cases/new"' in reviewer.get("/queue").text
    page = post(reviewer, "/cases/new", finding=ids).text
    assert page.count('name="finding"') == 2 and 'value="2 findings"' in page
    answer = post(reviewer, "/cases", finding=ids, title="Both", language="en")
    assert answer.status_code == 302 and answer.location == "/cases"
    job = session.query(Job).one()
    assert (job.kind, job.actor, job.options["title"]) == (JobKind.CASE, "reviewer", "Both")
    assert "Making a case file" in reviewer.get("/cases").text
    jobs.run(session, job.id, settings, "worker", WORKS)
    page = reviewer.get("/cases").text
    assert "Both" in page and "Making a case file" not in page


def test_a_selection_that_can_not_be_turns_back_with_a_sentence(reviewer: FlaskClient, session: Session) -> None:
    answer = post(reviewer, "/cases/new")
    assert answer.status_code == 302 and answer.location == "/queue"
    assert "There is no finding to make a case file of: select at least one." in reviewer.get("/queue").text
    assert post(reviewer, "/cases", finding="999", title="", language="en").status_code == 302
    assert "There is no finding 999." in reviewer.get("/queue").text
    assert session.query(Job).count() == 0


def test_a_title_that_is_too_long_is_asked_for_again(reviewer: FlaskClient, findings: list[FindingRow]) -> None:
    answer = post(reviewer, "/cases", finding=str(findings[0].id), title="x" * 201, language="en")
    assert answer.status_code == 422 and "200 letters at most" in answer.text


def test_a_case_shows_what_to_compare_and_how_to_check(
    reviewer: FlaskClient, case: CaseFile, settings: Settings, session: Session
) -> None:
    page = reviewer.get(f"/cases/{case.id}", buffered=True).text
    key = signing.signing_key(settings.home)
    for words in (case.sha256, case.manifest_sha256, key.fingerprint, "python3 verify.py", "&lt;b&gt;The&lt;/b&gt;"):
        assert words in page
    assert 'href="/findings/1"' in page
    assert case.sha256 in reviewer.get("/cases").text
    assert ("evidence.view", f"case:{case.id}") in [(one.action, one.subject) for one in deeds(session)]


def test_the_fingerprint_is_of_the_key_that_signed_whatever_key_is_here_today(
    reviewer: FlaskClient, case: CaseFile, settings: Settings
) -> None:
    signed_by = signing.signing_key(settings.home).fingerprint
    (settings.home / signing.FILE).unlink()
    page = reviewer.get(f"/cases/{case.id}", buffered=True).text
    assert signed_by in page and signing.signing_key(settings.home).fingerprint not in page


def test_a_download_is_the_bundle_and_is_noted(reviewer: FlaskClient, case: CaseFile, session: Session) -> None:
    answer = reviewer.get(f"/cases/{case.id}.zip", buffered=True)
    assert answer.headers["Content-Disposition"] == f"attachment; filename=tuskline-case-{case.id}.zip"
    with ZipFile(BytesIO(answer.data)) as made:
        assert made.testzip() is None
    last = deeds(session)[-1]
    assert (last.actor, last.action, last.facts["sha256"]) == ("reviewer", "case.download", case.sha256)


def test_one_that_was_removed_or_changed_is_told_and_nothing_is_noted(
    reviewer: FlaskClient, case: CaseFile, session: Session, settings: Settings
) -> None:
    open_store(settings).local_path(case_files.name_of(case.sha256)).write_bytes(b"PK")
    before = session.query(type(deeds(session)[0])).count()
    page = reviewer.get(f"/cases/{case.id}.zip", follow_redirects=True).text
    assert "was changed" in page
    assert "case.download" not in [one.action for one in deeds(session)[before:]]
    assert reviewer.get("/cases/999").status_code == 404 and reviewer.get("/cases/999.zip").status_code == 404


def test_a_failed_one_says_why(reviewer: FlaskClient, session: Session, settings: Settings) -> None:
    finding = make_finding(session)
    session.commit()
    post(reviewer, "/cases", finding=str(finding.id), title="", language="en")
    job = session.query(Job).one()
    job.options = job.options | {"selection": {"findings": [999]}}
    session.commit()
    jobs.run(session, job.id, settings, "worker", WORKS)
    assert "There is no finding 999." in reviewer.get("/cases").text


def test_a_viewer_is_offered_none(sign_in: SignIn, findings: list[FindingRow]) -> None:
    page = sign_in(Role.VIEWER).get(f"/findings/{findings[0].id}").text
    assert "/cases/new" not in page
