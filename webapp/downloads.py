"""Files of reports as answers, for pages and programs alike."""

from typing import BinaryIO

from flask import send_file
from werkzeug.wrappers import Response

from webapp.exporters import FORMATS
from webapp.models import ReportFile
from webapp.security import SANDBOX
from webapp.services.report_files import download_name


def send_report_file(file: ReportFile, body: BinaryIO) -> Response:
    """Never shown in place: what is in it was written by strangers. body: closed once the answer is sent."""
    exporter = FORMATS.get(file.format)
    media_type = exporter.media_type if exporter else "application/octet-stream"
    answer = send_file(body, mimetype=media_type, as_attachment=True, download_name=download_name(file))
    answer.headers["Content-Type"] = media_type  # as it is: of text, send_file would name the charset twice
    answer.content_length = file.size_bytes
    answer.headers["Content-Security-Policy"] = SANDBOX
    answer.headers["Cache-Control"] = "no-store"
    return answer
