from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from webapp.services import audit


def test_the_newest_entries_come_first_and_the_older_are_reached(admin: FlaskClient, session: Session) -> None:
    for number in range(55):
        audit.record(session, "mirela", "decision.confirm", f"finding:{number}", note="<b>bold</b>")
    session.commit()
    page = admin.get("/audit").text
    assert page.index("finding:54") < page.index("finding:5<")
    assert "finding:4<" not in page
    assert "<b>bold</b>" not in page
    address = page.split('rel="next" href="')[1].split('"')[0]
    assert "finding:4<" in admin.get(address).text
