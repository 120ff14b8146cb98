from collections.abc import Iterator
from dataclasses import replace
from io import BytesIO

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from scanner.markets import registry
from scanner.markets.base import Context, Market, Option, OptionKind
from scanner.records import Listing
from tests.factories import make_listing, make_scan, make_source
from tests.webapp.views.conftest import SignIn, post, token_of
from tests.webapp.views.hostile import HOSTILE
from webapp.db import now
from webapp.forms.sources import source_form
from webapp.models import AuditEntry, Role, Schedule, Source
from webapp.services import inbox
from webapp.services.errors import Refused
from webapp.settings import Settings
from webapp.views import uploads


def crawl(_context: Context) -> Iterator[Listing]:
    yield from ()


STALL = Market(
    "stall",
    "Market stall",
    crawl,
    (
        Option("start_url", "First page", OptionKind.URL, "Where the crawl begins.", is_required=True),
        Option("pattern", "Pattern of listings", OptionKind.PATTERN),
        Option("least", "Fewest listings", OptionKind.NUMBER, default=1),
        Option("order", "Order", OptionKind.CHOICE, choices=("new", "old"), default="new"),
        Option("key", "Key", OptionKind.SECRET),
        Option("words", "Words", OptionKind.TEXT),
    ),
    help="A stall of the tests.",
)
TABLE = Market("table", "Table", crawl, (Option("path", "File", OptionKind.FILE, is_required=True),), is_web=False)
FILLED = {"name": "Old stall", "option_start_url": "https://stall.example/", "option_key": "env:STALL_KEY",
          "option_order": ""}  # fmt: skip


@pytest.fixture(autouse=True)
def markets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(registry.BUILT_IN, "stall", STALL)
    monkeypatch.setitem(registry.BUILT_IN, "table", TABLE)


def sources_of(session: Session) -> list[Source]:
    session.expire_all()
    return session.query(Source).order_by(Source.id).all()


def test_the_kinds_are_offered_and_a_broken_plug_in_says_so(
    admin: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def find(kind: str) -> Market:
        if kind == "table":
            raise ImportError("no module named xlrd")
        return STALL

    monkeypatch.setattr("webapp.services.sources.find_market", find)
    page = admin.get("/sources/new").text
    assert "A stall of the tests." in page
    assert "can&#39;t be loaded: no module named xlrd." in page


def test_the_form_asks_for_what_the_market_wants(admin: FlaskClient) -> None:
    page = admin.get("/sources/new/stall").text
    for words in ("First page", "Where the crawl begins.", "Fewest listings (optional)", "Unless given: 1.",
                  "As usual (new)", "The name of an environment variable"):  # fmt: skip
        assert words in page
    assert admin.get("/sources/new/nothing").status_code == 404


def test_a_new_source_has_its_options_and_no_empty_ones(admin: FlaskClient, session: Session) -> None:
    answer = post(admin, "/sources/new/stall", **FILLED, option_least="25", option_words=" ivory ")
    (source,) = sources_of(session)
    assert answer.location == f"/sources/{source.id}"
    assert (source.name, source.kind) == ("Old stall", "stall")
    assert source.options == {
        "start_url": "https://stall.example/", "key": "env:STALL_KEY", "least": 25, "words": "ivory"
    }  # fmt: skip
    page = admin.get(answer.location).text
    assert "from the environment variable STALL_KEY" in page
    assert 'href="https://stall.example/"' in page


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("name", "", "Give the source a name"),
        ("name", "x" * 121, "Shorten the name"),
        ("name", "Taken", "already; choose another name"),
        ("option_start_url", "", "This is needed"),
        ("option_start_url", "stall.example", "Only http and https"),
        ("option_start_url", "https://u:p@stall.example/", "user name or password"),
        ("option_start_url", "http://stall.example:8001/", "Port 8001 is not asked"),
        ("option_pattern", "(", "no regular expression"),
        ("option_least", "many", "Enter a whole number"),
        ("option_least", "-1", "0 or more"),
        ("option_least", "1.5", "Enter a whole number"),
        ("option_order", "upside down", "Not a valid choice"),
        ("option_words", "w" * 2001, "Shorten this"),
    ],
)
def test_a_fault_is_told_beside_its_field_and_the_rest_stays(
    admin: FlaskClient, session: Session, field: str, value: str, says: str
) -> None:
    make_source(session, "Taken")
    session.commit()
    answer = post(admin, "/sources/new/stall", **{**FILLED, field: value})
    assert answer.status_code == 422
    assert says in answer.text
    assert f'id="{field}-error"' in answer.text
    assert 'value="env:STALL_KEY"' in answer.text
    assert len(sources_of(session)) == 1


def test_a_word_in_place_of_a_variable_is_refused_and_shown_nowhere(admin: FlaskClient, session: Session) -> None:
    answer = post(admin, "/sources/new/stall", **{**FILLED, "option_key": "hunter2hunter2"})
    assert answer.status_code == 422
    assert "as env:EBAY_SECRET" in answer.text
    assert "hunter2hunter2" not in answer.text
    assert session.query(Source).count() == 0


def test_faults_of_all_options_together_are_told_above(
    admin: FlaskClient, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("webapp.services.source_options.check_options", lambda *_: ["Give a pattern or a number."])
    answer = post(admin, "/sources/new/stall", **FILLED)
    assert answer.status_code == 422
    assert "Give a pattern or a number." in answer.text
    assert session.query(Source).count() == 0


def test_a_changed_source_keeps_what_the_form_does_not_ask_for(admin: FlaskClient, session: Session) -> None:
    source = make_source(session, "Old", "stall", start_url="https://a.example/", key="secret itself", older=7)
    session.commit()
    page = admin.get(f"/sources/{source.id}/edit").text
    assert 'value="https://a.example/"' in page
    answer = post(admin, f"/sources/{source.id}/edit", **FILLED)
    assert answer.location == f"/sources/{source.id}"
    session.expire_all()
    assert source.options == {"start_url": "https://stall.example/", "key": "env:STALL_KEY", "older": 7}
    entry = session.query(AuditEntry).filter_by(action="source.change").one()
    assert entry.actor == "admin"
    assert entry.facts["before"] == {
        "name": "Old", "kind": "stall", "options": {"start_url": "https://a.example/", "key": "(hidden)", "older": "7"}
    }  # fmt: skip
    assert entry.facts["after"]["options"]["key"] == "from the environment variable STALL_KEY"


def test_a_source_may_keep_its_name_and_not_take_another_s(admin: FlaskClient, session: Session) -> None:
    source = make_source(session, "Old stall", "stall")
    make_source(session, "Taken")
    session.commit()
    assert post(admin, f"/sources/{source.id}/edit", **FILLED).status_code == 302
    assert post(admin, f"/sources/{source.id}/edit", **{**FILLED, "name": "Taken"}).status_code == 422


def send_file(client: FlaskClient, body: bytes, file_name: str, **more: str):  # type: ignore[no-untyped-def]
    fields = {"csrf_token": token_of(client), "name": "A table", "option_path": "", **more}
    answer = client.post("/sources/new/table", data={**fields, "upload_path": (BytesIO(body), file_name)})
    answer.request.environ["wsgi.input"].close()  # the test client's own file, where the body is a large one
    return answer


def test_an_uploaded_file_lies_in_the_inbox_under_a_safe_name(
    admin: FlaskClient, session: Session, settings: Settings
) -> None:
    answer = send_file(admin, b"url,title\n", "../../etc/pass wd;.csv")
    assert answer.status_code == 302, answer.text
    (source,) = sources_of(session)
    path = settings.inbox_dir / source.options["path"]
    assert path.read_bytes() == b"url,title\n"
    assert path.name.startswith("pass-wd-")
    assert [one.name for one in settings.inbox_dir.iterdir()] == [path.name]


@pytest.mark.parametrize(
    ("body", "file_name", "says"),
    [(b"x", "page.html", "ends in .csv"), (b"x", "csv", "ends in .csv"), (b"", "a.csv", "The file is empty")],
)
def test_a_file_that_will_not_do_is_refused(
    admin: FlaskClient, session: Session, settings: Settings, body: bytes, file_name: str, says: str
) -> None:
    answer = send_file(admin, body, file_name)
    assert answer.status_code == 422
    assert says in answer.text
    assert sources_of(session) == []
    assert not settings.inbox_dir.exists() or list(settings.inbox_dir.iterdir()) == []


@pytest.mark.parametrize(
    ("kind", "endings"), [("csv", (".csv",)), ("warc", (".warc", ".warc.gz")), ("folder", ()), ("table", inbox.ENDINGS)]
)
def test_an_upload_is_offered_for_what_the_kind_can_read(
    app: Flask, settings: Settings, kind: str, endings: tuple[str, ...]
) -> None:
    market = replace(TABLE, kind=kind)
    with app.test_request_context():
        form = source_form(market, settings, formdata=None)
        upload = form.upload_of(market.options[0])
    assert (upload.render_kw["accept"] if upload else "") == ",".join(endings)


def test_a_good_file_is_sent_once_also_where_another_field_has_a_fault(
    admin: FlaskClient, session: Session, settings: Settings
) -> None:
    answer = send_file(admin, b"url\n", "a.csv", name="")
    assert answer.status_code == 422
    (kept,) = settings.inbox_dir.iterdir()
    assert f'value="{kept.name}"' in answer.text
    assert post(admin, "/sources/new/table", name="A table", option_path=kept.name).status_code == 302
    assert sources_of(session)[0].options == {"path": kept.name}


@pytest.mark.parametrize("path", ["", "missing.csv", "../home/secret.key", "/etc/passwd", "way.csv", "a\x00b"])
def test_only_what_lies_in_the_inbox_is_named(
    admin: FlaskClient, session: Session, settings: Settings, path: str
) -> None:
    settings.inbox_dir.mkdir()
    (settings.inbox_dir / "way.csv").symlink_to("/etc/passwd")
    answer = post(admin, "/sources/new/table", name="A table", option_path=path)
    assert answer.status_code == 422
    assert "option_path-error" in answer.text
    assert sources_of(session) == []


def test_a_file_may_be_larger_than_any_other_form(admin: FlaskClient, session: Session) -> None:
    assert uploads.FILES["sources.create"] == uploads.FILES["sources.change"] == (Role.ADMIN, inbox.MAX_BYTES)
    assert send_file(admin, bytes(3_000_000), "a.csv").status_code == 302
    assert len(sources_of(session)) == 1


def test_too_large_a_file_is_refused_before_it_is_read(
    admin: FlaskClient, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(uploads.FILES, "sources.create", (Role.ADMIN, 1000))
    answer = send_file(admin, bytes(100_000), "a.csv")
    assert answer.status_code == 413
    assert str(inbox.TOO_LARGE) in answer.text
    assert 'href="/sources/new/table"' in answer.text
    assert not settings.inbox_dir.exists()


def test_who_may_add_no_source_may_send_no_large_request(reviewer: FlaskClient) -> None:
    answer = send_file(reviewer, bytes(3_000_000), "a.csv")
    assert answer.status_code == 413


def test_a_file_that_grows_over_the_limit_leaves_nothing(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inbox, "MAX_BYTES", 3 * inbox.CHUNK_BYTES)
    with pytest.raises(Refused, match="larger than"):
        inbox.keep(settings, "a.csv", BytesIO(bytes(4 * inbox.CHUNK_BYTES)))
    assert list(settings.inbox_dir.iterdir()) == []


def test_a_source_that_was_never_scanned_is_deleted_with_its_schedules(admin: FlaskClient, session: Session) -> None:
    source = make_source(session)
    session.add(Schedule(source=source, cron="0 3 * * *"))
    session.commit()
    assert "Delete it" in admin.get(f"/sources/{source.id}").text
    assert post(admin, f"/sources/{source.id}/delete").location == "/sources"
    assert sources_of(session) == []
    assert session.query(Schedule).count() == 0


@pytest.mark.parametrize("make", [make_scan, make_listing])
def test_a_source_that_was_scanned_stays(admin: FlaskClient, session: Session, make) -> None:  # type: ignore[no-untyped-def]
    source = make_source(session)
    make(session, source)
    session.commit()
    assert "Delete it" not in admin.get(f"/sources/{source.id}").text
    answer = post(admin, f"/sources/{source.id}/delete")
    assert answer.status_code == 409
    assert "pause its schedules instead" in answer.text
    assert len(sources_of(session)) == 1


def test_the_list_shows_each_source_at_a_glance(reviewer: FlaskClient, session: Session) -> None:
    source = make_source(session, "Old stall", "stall")
    make_scan(session, source)
    newest = make_scan(session, source)
    make_listing(session, source)
    session.add(Schedule(source=source, cron="0 3 * * *", time_zone="Europe/Berlin", due_at=now(), fires_at=now()))
    session.add(Schedule(source=source, cron="0 5 * * 1", is_paused=True))
    make_source(session, "New stall", "gone")
    session.commit()
    page = reviewer.get("/sources").text
    for words in ("At 03:00 every day", "Europe/Berlin", "paused", "never scanned", "its plug-in is missing",
                  f'href="/scans/{newest.id}"', "Market stall", f'action="/sources/{source.id}/scans"'):  # fmt: skip
        assert words in page, words
    assert page.index("New stall") < page.index("Old stall")


def test_a_source_whose_plug_in_is_gone_is_still_shown(admin: FlaskClient, session: Session) -> None:
    source = make_source(session, "Lost", "gone", start_url="https://a.example/")
    session.commit()
    page = admin.get(f"/sources/{source.id}").text
    assert "There is no market of kind gone" in page
    assert "https://a.example/" in page
    assert admin.get(f"/sources/{source.id}/edit").status_code == 404


def test_a_viewer_reads_and_is_offered_nothing_to_change(sign_in: SignIn, session: Session) -> None:
    source = make_source(session, "Old stall", "stall")
    session.add(Schedule(source=source, cron="0 3 * * *", due_at=now(), fires_at=now()))
    session.commit()
    viewer = sign_in(Role.VIEWER)
    for path in ("/sources", f"/sources/{source.id}", "/hosts"):
        page = viewer.get(path).text
        own = sum(page.count(f'action="{one}"') for one in ("/sign-out", "/language", "/theme"))
        assert page.count("<form") == own, path


def test_hostile_names_and_values_are_only_read(admin: FlaskClient, session: Session) -> None:
    text = " ".join(HOSTILE)
    source = make_source(session, text[:120], "stall", start_url=text, older=text)
    session.add(Schedule(source=source, cron="0 3 * * *", note=text, due_at=now(), fires_at=now()))
    make_scan(session, source, note=text, requested_by=text[:80])
    session.commit()
    for path in ("/sources", f"/sources/{source.id}", f"/sources/{source.id}/edit"):
        page = admin.get(path).text
        assert "<script>alert" not in page and "<img src=x" not in page and "<svg/onload" not in page, path
        assert 'href="javascript' not in page


@pytest.mark.parametrize("path", ["/sources/99", "/sources/99/edit"])
def test_no_source_of_that_number_is_a_404(admin: FlaskClient, path: str) -> None:
    assert admin.get(path).status_code == 404
    assert post(admin, "/sources/99/delete").status_code == 404
