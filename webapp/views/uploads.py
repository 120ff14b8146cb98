"""How much a request may carry: little, save where a file is sent by somebody who may send one."""

from flask import Flask, request

from webapp.models import Role
from webapp.services import inbox
from webapp.services.trials import UPLOAD_BYTES
from webapp.views.access import signed_in

# Endpoint: (who may send a file there, its size in bytes at most).
FILES = {
    "trials.try_all": (Role.REVIEWER, UPLOAD_BYTES),
    "trials.try_one": (Role.REVIEWER, UPLOAD_BYTES),
    "sources.create": (Role.ADMIN, inbox.MAX_BYTES),
    "sources.change": (Role.ADMIN, inbox.MAX_BYTES),
}
FIELDS_BYTES = 64 * 1024  # what the form has beside its file


def init_app(app: Flask) -> None:
    """Call it before the form tokens are set up: whoever reads the token reads the whole request."""
    app.before_request(allow_file)


def allow_file() -> None:
    role, size_bytes = FILES.get(request.endpoint or "", (None, 0))
    account = signed_in()
    if role is not None and account is not None and account.role.covers(role):
        request.max_content_length = size_bytes + FIELDS_BYTES
