"""JSON: all of the content."""

import json
from collections.abc import Mapping
from typing import Any, BinaryIO


def write(content: Mapping[str, Any], target: BinaryIO) -> None:
    target.write(json.dumps(content, ensure_ascii=False, indent=2, allow_nan=False).encode())
    target.write(b"\n")
