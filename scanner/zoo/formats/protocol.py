"""Paddle's own description of its programs (framework.proto), without the seconds that importing Paddle costs."""

import importlib.util
from functools import cache
from pathlib import Path
from typing import Any

# VarType.Type of framework.proto, and the bytes of one element.
FLOAT32, FEED, FETCH = 5, 9, 10
_ELEMENT_BYTES = {0: 1, 1: 2, 2: 4, 3: 8, 4: 2, 5: 4, 6: 8, 20: 1, 21: 1, 22: 2}


@cache
def protocol() -> Any:
    """The generated module, loaded from its file: `import paddle.base...` would run all of Paddle's first."""
    package = importlib.util.find_spec("paddle")
    if package is None or package.origin is None:
        raise ModuleNotFoundError("PaddlePaddle is not installed", name="paddle")
    path = Path(package.origin).parent / "base" / "proto" / "framework_pb2.py"
    spec = importlib.util.spec_from_file_location("scanner.zoo._framework_pb2", path)
    if spec is None or spec.loader is None:
        raise ModuleNotFoundError(f"{path} is missing; install paddlepaddle again", name="paddle")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def element_bytes(data_type: int) -> int:
    """Bytes of one element of a VarType.Type; 4 for one that we don't know, so that the size check speaks."""
    return _ELEMENT_BYTES.get(data_type, 4)
