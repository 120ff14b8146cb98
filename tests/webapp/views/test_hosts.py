import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from tests.webapp.views.conftest import deeds, post
from webapp.models import StoppedHost
from webapp.services import hosts


def test_a_reviewer_stops_a_host_and_lets_it_again(reviewer: FlaskClient, session: Session) -> None:
    answer = post(reviewer, "/hosts", host="https://WWW.Shop.example/a?b", reason="They wrote to us.")
    assert answer.location == "/hosts"
    page = reviewer.get("/hosts").text
    assert "www.shop.example" in page and "They wrote to us." in page
    row = session.query(StoppedHost).one()
    assert (row.host, row.actor) == ("www.shop.example", "reviewer")
    assert 'Stopped hosts <span class="count">1</span>' in reviewer.get("/sources").text
    post(reviewer, f"/hosts/{row.id}/allow")
    assert session.query(StoppedHost).count() == 0
    assert [entry.action for entry in deeds(session)] == ["host.stop", "host.allow"]


@pytest.mark.parametrize(
    ("host", "reason", "says"),
    [
        ("", "why", "Enter the host&#39;s name"),
        ("two words", "why", "Enter the name of one host"),
        ("shop.example", "", "Say why"),
        ("shop.example", "w" * 2001, "Shorten the reason"),
        ("taken.example", "why", "taken.example is stopped already."),
    ],
)
def test_a_fault_is_told_and_what_was_typed_stays(
    reviewer: FlaskClient, session: Session, host: str, reason: str, says: str
) -> None:
    hosts.stop(session, "taken.example", "before", "ann")
    session.commit()
    answer = post(reviewer, "/hosts", host=host, reason=reason)
    assert answer.status_code == 422
    assert says in answer.text
    assert f'value="{host}"' in answer.text
    assert session.query(StoppedHost).count() == 1


def test_no_host_of_that_number_is_a_404(reviewer: FlaskClient) -> None:
    assert post(reviewer, "/hosts/99/allow").status_code == 404
