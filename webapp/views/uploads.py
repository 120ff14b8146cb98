"""How much a request may carry: little, save where a picture is sent by somebody who may send one."""

from flask import Flask, request

from webapp.models import Role
from webapp.services.trials import UPLOAD_BYTES
from webapp.views.access import signed_in

PICTURES = ("trials.try_all", "trials.try_one")
FIELDS_BYTES = 64 * 1024  # what the form has beside its file


def init_app(app: Flask) -> None:
    """Call it before the form tokens are set up: whoever reads the token reads the whole request."""
    app.before_request(allow_picture)


def allow_picture() -> None:
    if request.endpoint not in PICTURES:
        return
    account = signed_in()
    if account is not None and account.role.covers(Role.REVIEWER):
        request.max_content_length = UPLOAD_BYTES + FIELDS_BYTES
