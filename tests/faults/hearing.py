"""A receiver of webhooks."""

import json
from http.server import BaseHTTPRequestHandler

from tests.scanner.fetch.site import Answer, answer


def hearing(heard: list[tuple[str, str]]) -> Answer:
    """Notes the type and the key of each message that arrives."""

    def write(handler: BaseHTTPRequestHandler) -> None:
        body = json.loads(handler.rfile.read(int(handler.headers["content-length"])))
        heard.append((body["type"], handler.headers["webhook-id"]))
        answer(204)(handler)

    return write
