"""JSON: all of the content, as one document or a line a finding."""

import json
from typing import Any, BinaryIO

from webapp.exporters.content import Choices, Content, Means


def write(content: Content, _choices: Choices, means: Means, target: BinaryIO) -> None:
    """One object: the head's fields and `findings`; written piece by piece."""
    target.write(as_json(dict(content.head)).removesuffix(b"}") + b', "findings": [')
    for number, finding in enumerate(content.findings()):
        target.write((b",\n" if number else b"\n") + as_json(finding))
        means.tell(number + 1)
    target.write(b"\n]}\n")


def write_lines(content: Content, _choices: Choices, means: Means, target: BinaryIO) -> None:
    """The head on the first line, then a line a finding."""
    target.write(as_json(content.head) + b"\n")
    for number, finding in enumerate(content.findings()):
        target.write(as_json(finding) + b"\n")
        means.tell(number + 1)


def as_json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, allow_nan=False).encode()
