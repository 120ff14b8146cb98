import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from tests.factories import CHEAP_HASHER, make_finding, make_job, make_scan, make_shadow_run, make_source, make_user
from tests.webapp.views.conftest import SignIn, token_of
from webapp.db import now
from webapp.models import AuditEntry, Role, User, Webhook
from webapp.services import hosts, report_schedules, schedules
from webapp.services.report_schedules import ReportPlan
from webapp.services.schedules import Plan
from webapp.views.access import local_path

# Open to whoever is signed out; the metrics ask for a word of their own.
OPEN = {
    "sessions.sign_in", "sessions.second_step", "sessions.sign_in_by_link", "openid.begin", "openid.finish",
    "languages.change_language", "languages.change_theme", "health.live", "health.ready", "metrics.metrics", "static",
    "bootstrap.static",
}  # fmt: skip
SHA = "0" * 64
MODEL = "pplcnetv2_base_imagenet"
# What has nothing to show among the rows below, or leads on: whether a role may open it is asked of it all the same.
WITHOUT_PAGE = {
    "/reports/1", "/reports/1.csv", "/reports/1/files/1", "/queue/next", "/tries/1", "/tries/1/picture",
    "/blind/next", "/blind/1", "/quality/recall/1",
    "/quality/recall/new", "/rechecks/1", "/holds/new",
    "/cases/new", "/cases/1", "/cases/1.zip",
}  # fmt: skip
# Every page, and the lowest role that it opens to. What is not here fails the test below.
ROUTES = [
    ("GET", "/", Role.VIEWER),
    ("POST", "/sign-out", Role.VIEWER),
    ("GET", "/queue", Role.VIEWER),
    ("GET", "/queue/next", Role.VIEWER),
    ("POST", "/queue/batch", Role.REVIEWER),
    ("POST", "/queue/batch/decide", Role.REVIEWER),
    ("POST", "/queue/filters", Role.VIEWER),
    ("POST", "/queue/filters/1", Role.VIEWER),
    ("POST", "/queue/filters/1/delete", Role.VIEWER),
    ("POST", "/queue/filters/default", Role.VIEWER),
    ("GET", "/findings/1", Role.VIEWER),
    ("POST", "/findings/1", Role.REVIEWER),
    ("POST", "/findings/1/appeal", Role.REVIEWER),
    ("POST", "/findings/1/skip", Role.REVIEWER),
    ("POST", "/findings/1/claim", Role.REVIEWER),
    ("POST", "/findings/1/release", Role.REVIEWER),
    ("POST", "/decisions/undo", Role.REVIEWER),
    ("POST", "/decisions/1/revise", Role.REVIEWER),
    ("POST", "/look", Role.VIEWER),
    ("GET", "/blind/next", Role.REVIEWER),
    ("GET", "/blind/1", Role.REVIEWER),
    ("POST", "/blind/1", Role.REVIEWER),
    ("GET", "/quality", Role.VIEWER),
    ("POST", "/quality/policies", Role.LEAD),
    ("GET", "/quality/recall/new", Role.LEAD),
    ("POST", "/quality/recall", Role.LEAD),
    ("GET", "/quality/recall/1", Role.VIEWER),
    ("POST", "/quality/recall/1/close", Role.LEAD),
    ("GET", "/rechecks/1", Role.LEAD),
    ("POST", "/rechecks/1", Role.LEAD),
    ("GET", "/scans", Role.VIEWER),
    ("GET", "/removals", Role.VIEWER),
    ("GET", "/capacity", Role.VIEWER),
    ("GET", "/scans/1", Role.VIEWER),
    ("GET", "/scans/1/progress", Role.VIEWER),
    ("GET", "/scans/1/log", Role.VIEWER),
    ("POST", "/scans/1/cancel", Role.REVIEWER),
    ("POST", "/scans/1/pause", Role.REVIEWER),
    ("POST", "/scans/1/resume", Role.REVIEWER),
    ("GET", "/sources", Role.VIEWER),
    ("GET", "/sources/new", Role.ADMIN),
    ("GET", "/sources/new/shop", Role.ADMIN),
    ("POST", "/sources/new/shop", Role.ADMIN),
    ("GET", "/sources/1", Role.VIEWER),
    ("GET", "/sources/1/edit", Role.ADMIN),
    ("POST", "/sources/1/edit", Role.ADMIN),
    ("POST", "/sources/1/delete", Role.ADMIN),
    ("POST", "/sources/1/scans", Role.REVIEWER),
    ("POST", "/sources/1/schedules", Role.ADMIN),
    ("GET", "/schedules/1", Role.ADMIN),
    ("POST", "/schedules/1", Role.ADMIN),
    ("POST", "/schedules/1/pause", Role.REVIEWER),
    ("POST", "/schedules/1/resume", Role.REVIEWER),
    ("POST", "/schedules/1/delete", Role.ADMIN),
    ("GET", "/hosts", Role.VIEWER),
    ("POST", "/hosts", Role.REVIEWER),
    ("POST", "/hosts/1/allow", Role.REVIEWER),
    ("GET", "/rules", Role.VIEWER),
    ("GET", "/rules/elephant_seen", Role.VIEWER),
    ("POST", "/rules/elephant_seen", Role.LEAD),
    ("GET", "/rules/elephant_seen/versions/1", Role.VIEWER),
    ("POST", "/rules/elephant_seen/versions/1", Role.LEAD),
    ("GET", "/rules/elephant_seen/compare", Role.VIEWER),
    ("GET", "/shadow-runs/1", Role.VIEWER),
    ("POST", "/shadow-runs/1/promote", Role.LEAD),
    ("POST", "/shadow-runs/1/reject", Role.LEAD),
    ("GET", "/lexicon", Role.VIEWER),
    ("GET", "/models", Role.VIEWER),
    ("GET", f"/models/{MODEL}", Role.VIEWER),
    ("POST", f"/models/{MODEL}/install", Role.ADMIN),
    ("POST", f"/models/{MODEL}/primary", Role.ADMIN),
    ("POST", "/models/train", Role.ADMIN),
    ("POST", "/models/try", Role.REVIEWER),
    ("POST", f"/models/{MODEL}/try", Role.REVIEWER),
    ("GET", "/jobs/1", Role.VIEWER),
    ("GET", "/jobs/1/progress", Role.VIEWER),
    ("GET", "/tries/1", Role.VIEWER),
    ("GET", "/tries/1/picture", Role.VIEWER),
    ("GET", "/reports", Role.VIEWER),
    ("POST", "/reports", Role.REVIEWER),
    ("GET", "/reports/1", Role.VIEWER),
    ("GET", "/reports/1.csv", Role.VIEWER),
    ("POST", "/reports/1/files", Role.REVIEWER),
    ("GET", "/reports/1/files/1", Role.VIEWER),
    ("POST", "/reports/1/correction", Role.REVIEWER),
    ("GET", "/reports/schedules", Role.VIEWER),
    ("GET", "/reports/schedules/new", Role.LEAD),
    ("POST", "/reports/schedules/new", Role.LEAD),
    ("GET", "/reports/schedules/1", Role.VIEWER),
    ("GET", "/reports/schedules/1/edit", Role.LEAD),
    ("POST", "/reports/schedules/1/edit", Role.LEAD),
    ("POST", "/reports/schedules/1/pause", Role.LEAD),
    ("POST", "/reports/schedules/1/resume", Role.LEAD),
    ("POST", "/reports/schedules/1/run", Role.LEAD),
    ("POST", "/reports/schedules/1/delete", Role.LEAD),
    ("POST", "/reports/schedules/test-mail", Role.LEAD),
    ("POST", "/reports/deliveries/1/again", Role.LEAD),
    ("GET", "/cases", Role.REVIEWER),
    ("POST", "/cases", Role.REVIEWER),
    ("GET", "/cases/new", Role.REVIEWER),
    ("POST", "/cases/new", Role.REVIEWER),
    ("GET", "/cases/1", Role.REVIEWER),
    ("GET", "/cases/1.zip", Role.REVIEWER),
    ("GET", "/audit", Role.LEAD),
    ("POST", "/audit/verify", Role.LEAD),
    ("GET", "/audit/entries.csv", Role.LEAD),
    ("GET", "/audit/head.json", Role.LEAD),
    ("GET", "/retention", Role.VIEWER),
    ("POST", "/retention", Role.ADMIN),
    ("GET", "/holds", Role.VIEWER),
    ("GET", "/holds/new", Role.LEAD),
    ("POST", "/holds/new", Role.LEAD),
    ("POST", "/holds/1/release", Role.LEAD),
    ("GET", "/users", Role.ADMIN),
    ("POST", "/users", Role.ADMIN),
    ("GET", "/users/1", Role.ADMIN),
    ("POST", "/users/1/access", Role.ADMIN),
    ("POST", "/users/1/password", Role.ADMIN),
    ("POST", "/users/1/sign-ins/end", Role.ADMIN),
    ("POST", "/users/1/second-factor/off", Role.ADMIN),
    ("POST", "/users/1/identity", Role.ADMIN),
    ("POST", "/users/1/tokens/1/revoke", Role.ADMIN),
    ("GET", "/account", Role.VIEWER),
    ("POST", "/account", Role.VIEWER),
    ("POST", "/account/look", Role.VIEWER),
    ("POST", "/account/password", Role.VIEWER),
    ("POST", "/account/sign-ins/end", Role.VIEWER),
    ("POST", "/account/sign-ins/1/end", Role.VIEWER),
    ("GET", "/account/second-factor", Role.VIEWER),
    ("POST", "/account/second-factor", Role.VIEWER),
    ("POST", "/account/second-factor/codes", Role.VIEWER),
    ("POST", "/account/second-factor/off", Role.VIEWER),
    ("POST", "/account/tokens", Role.VIEWER),
    ("POST", "/account/tokens/1/revoke", Role.VIEWER),
    ("GET", "/team", Role.LEAD),
    ("POST", "/team", Role.ADMIN),
    ("GET", "/team/roles", Role.VIEWER),
    ("GET", "/webhooks", Role.ADMIN),
    ("POST", "/webhooks", Role.ADMIN),
    ("GET", "/webhooks/1", Role.ADMIN),
    ("POST", "/webhooks/1", Role.ADMIN),
    ("POST", "/webhooks/1/ping", Role.ADMIN),
    ("POST", "/webhooks/1/delete", Role.ADMIN),
    ("POST", "/webhooks/messages/1/again", Role.ADMIN),
    ("GET", f"/photos/{SHA}/thumbnail", Role.VIEWER),
    ("GET", f"/photos/{SHA}/veil", Role.VIEWER),
    ("GET", f"/photos/{SHA}/view", Role.VIEWER),
    ("GET", f"/photos/{SHA}/detail", Role.VIEWER),
    ("POST", f"/photos/{SHA}/reveal", Role.VIEWER),
    ("GET", f"/photos/{SHA}/original", Role.VIEWER),
]


@pytest.fixture
def rows(session: Session) -> None:
    """What the addresses above name: one of each."""
    finding = make_finding(session, scan=make_scan(session, make_source(session)))
    assert finding.id == 1
    assert make_job(session).id == 1
    assert schedules.create(session, 1, Plan("0 3 * * *"), "ann").id == 1
    assert report_schedules.create(session, ReportPlan("Weekly", "0 6 * * 1"), None).id == 1
    assert hosts.stop(session, "shop.example", "why", "ann").id == 1
    assert make_shadow_run(session).id == 1
    session.add(Webhook(name="desk", url="https://desk.example/", secret="", events=["scan.ended"]))
    session.commit()


def test_the_table_of_routes_names_every_route(app: Flask) -> None:
    adapter = app.url_map.bind("localhost")
    named = {(adapter.match(path, method)[0], method) for method, path, _ in ROUTES}
    real = {(rule.endpoint, method) for rule in app.url_map.iter_rules() for method in rule.methods & {"GET", "POST"}}
    # The API asks for scopes of tokens, by a table of its own (tests/webapp/api).
    pages = {(endpoint, method) for endpoint, method in real if not endpoint.startswith("api.")}
    assert {(endpoint, method) for endpoint, method in pages if endpoint not in OPEN} == named


@pytest.mark.parametrize(("method", "path", "role"), ROUTES)
def test_every_route_declares_the_role_of_the_table(app: Flask, method: str, path: str, role: Role) -> None:
    endpoint = app.url_map.bind("localhost").match(path, method)[0]
    assert app.view_functions[endpoint].required_role is role  # type: ignore[attr-defined]


@pytest.mark.usefixtures("rows")
def test_signed_out_nothing_opens(client: FlaskClient) -> None:
    token = token_of(client)
    for method, path, _ in ROUTES:
        answer = client.open(path, method=method, data={"csrf_token": token} if method == "POST" else None)
        led_away = answer.status_code == 302 and answer.location.startswith("/sign-in?next=")
        assert led_away or answer.status_code == 401, (method, path)


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.usefixtures("rows")
def test_a_role_below_is_refused_and_nothing_happens(sign_in: SignIn, role: Role, session: Session) -> None:
    client = sign_in(role)
    token, before = token_of(client, "/account"), session.query(AuditEntry).count()
    for method, path, needed in ROUTES:
        if not role.covers(needed):
            answer = client.open(path, method=method, data={"csrf_token": token} if method == "POST" else None)
            assert answer.status_code == 403, (method, path)
            assert "Your role does not allow this" in answer.text
    assert session.query(AuditEntry).count() == before


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.usefixtures("rows")
def test_a_role_may_do_what_it_covers(sign_in: SignIn, role: Role) -> None:
    """An empty form may be told what it lacks, and what it speaks of may be gone: neither is a refusal."""
    client = sign_in(role)
    # Signing out comes last, and reading before whatever may delete what is read.
    for method, path, needed in sorted(ROUTES, key=lambda route: (route[0], route[1] == "/sign-out")):
        if role.covers(needed):
            # A fresh token each time: some of these begin another sign-in, which voids the older ones.
            answer = client.open(path, method=method, data=fresh_token(client) if method == "POST" else None)
            assert answer.status_code not in (401, 403, 405, 500), (method, path, answer.status_code)
            assert b"This form is no longer valid" not in answer.data, path
            assert not answer.headers.get("Location", "").startswith("/sign-in?"), (method, path)


def fresh_token(client: FlaskClient) -> dict[str, str]:
    return {"csrf_token": token_of(client, "/account/second-factor")}


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.usefixtures("rows")
def test_a_role_opens_the_pages_that_it_covers(sign_in: SignIn, role: Role) -> None:
    client = sign_in(role)
    for method, path, needed in ROUTES:
        if method == "GET" and role.covers(needed) and SHA not in path and path not in WITHOUT_PAGE:
            assert client.get(path).status_code == 200, path


def test_switching_a_user_off_ends_the_sign_in(sign_in: SignIn, session: Session) -> None:
    client = sign_in(Role.VIEWER)
    session.query(User).update({"is_active": False})
    session.commit()
    assert client.get("/").location.startswith("/sign-in")


def test_a_new_password_ends_older_sign_ins(sign_in: SignIn, session: Session) -> None:
    client = sign_in(Role.VIEWER)
    session.query(User).update({"password_hash": "another"})
    session.commit()
    assert client.get("/").location.startswith("/sign-in")


def test_a_sign_in_ends_after_its_hours_even_where_it_is_used(sign_in: SignIn) -> None:
    client = sign_in(Role.VIEWER)
    with client.session_transaction() as cookie:
        cookie["signed_in_at"] -= 12 * 3600 + 1
    assert client.get("/").location.startswith("/sign-in")


def test_a_sign_in_ends_after_two_hours_without_a_page(sign_in: SignIn) -> None:
    client = sign_in(Role.VIEWER)
    with client.session_transaction() as cookie:
        cookie["seen_at"] -= 2 * 3600 - 60
    assert client.get("/").status_code == 200
    with client.session_transaction() as cookie:
        assert now().timestamp() - cookie["seen_at"] < 60
        cookie["seen_at"] -= 2 * 3600 + 1
    assert client.get("/").location.startswith("/sign-in")


@pytest.mark.usefixtures("rows")
def test_what_a_page_fetches_by_itself_keeps_no_sign_in_alive(sign_in: SignIn) -> None:
    client = sign_in(Role.VIEWER)
    with client.session_transaction() as cookie:
        seen = cookie["seen_at"] = cookie["seen_at"] - 3600
    assert client.get("/scans/1/progress").status_code == 200
    with client.session_transaction() as cookie:
        assert cookie["seen_at"] == seen


def test_counting_up_ends_every_sign_in(sign_in: SignIn, session: Session) -> None:
    client = sign_in(Role.VIEWER)
    session.query(User).update({"sign_ins_from": 1})
    session.commit()
    assert client.get("/").location.startswith("/sign-in")


def test_a_cookie_of_a_user_that_is_gone_opens_nothing(sign_in: SignIn, session: Session) -> None:
    client = sign_in(Role.VIEWER)
    session.query(User).delete()
    session.commit()
    make_user(session, "newcomer").password_hash = CHEAP_HASHER.hash("a password of their own")
    session.commit()
    assert client.get("/").location.startswith("/sign-in")


@pytest.mark.parametrize(
    "target",
    ["https://evil.example/", "//evil.example", "/\\evil.example", "\\/evil.example", "javascript:alert(1)",
     "/\t/evil.example", "/queue\r\nSet-Cookie: a=b", "queue", "", "http:/evil", "/\x00", "/\x7f", "///evil.example"],
)  # fmt: skip
def test_a_sign_in_leads_nowhere_but_to_this_site(target: str) -> None:
    assert local_path(target) is None


@pytest.mark.parametrize("target", ["/", "/queue?state=open&concept=ivory", "/findings/3"])
def test_a_path_of_this_site_is_kept(target: str) -> None:
    assert local_path(target) == target
