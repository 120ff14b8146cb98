"""The parameter files of Paddle's legacy inference format: a record a tensor, alone or one after another.

A record is u32 version, u64 number of LoD levels (each u64 size and its bytes), u32 version, i32 length, a TensorDesc
message, and the raw numbers. A joined file (.pdiparams, __params__) holds them in the order of the variables' names.
"""

import math
import struct
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scanner.zoo.formats.layouts import Layout
from scanner.zoo.formats.protocol import FLOAT32, element_bytes, protocol

Records = dict[str, bytes]


class ParameterError(Exception):
    """Parameters that don't fit their program; the message is one sentence."""


def read_records(folder: Path, layout: Layout, names: Iterable[str]) -> Records:
    """The record of each named parameter, from one joined file or from a file each. Raises ParameterError."""
    if layout.params is not None:
        return split_records((folder / layout.params).read_bytes(), names)
    try:
        return {name: (folder / layout.folder / name).read_bytes() for name in names}
    except OSError as error:
        raise ParameterError(f"the parameter file {Path(str(error.filename)).name} can't be read") from None


def split_records(joined: bytes, names: Iterable[str]) -> Records:
    """One record a name. Raises ParameterError where the file ends early or holds more than the names."""
    records, start = {}, 0
    for name in _in_file_order(names):
        end = start + _record_bytes(joined, start, name)
        records[name] = joined[start:end]
        start = end
    if start != len(joined):
        raise ParameterError(f"the parameter file is {len(joined):,} bytes long, but its program names {start:,}")
    return records


def join_records(records: Mapping[str, bytes]) -> bytes:
    return b"".join(records[name] for name in _in_file_order(records))


def pack_record(array: NDArray[np.float32]) -> bytes:
    """`array` as the record of a parameter, float32 of its shape."""
    desc = protocol().VarType.TensorDesc(data_type=FLOAT32, dims=array.shape).SerializeToString()
    head: bytes = struct.pack("<IQIi", 0, 0, 0, len(desc))
    return head + bytes(desc) + np.ascontiguousarray(array, dtype="<f4").tobytes()


def unpack_record(record: bytes, name: str) -> NDArray[np.float32]:
    """The inverse of pack_record. Raises ParameterError for numbers that are not float32."""
    desc, start = _describe(record, 0, name)
    if desc.data_type != FLOAT32:
        raise ParameterError(f"the parameter {name} is not of 32-bit floats")
    return np.frombuffer(record, dtype="<f4", offset=start).reshape(tuple(desc.dims))


def _in_file_order(names: Iterable[str]) -> list[str]:
    return sorted(names, key=lambda name: name.encode())  # by bytes, as C++ sorts its strings


def _record_bytes(joined: bytes, start: int, name: str) -> int:
    desc, data = _describe(joined, start, name)
    size = math.prod(desc.dims) * element_bytes(desc.data_type)
    if min(desc.dims, default=0) < 0 or data + size > len(joined):
        raise ParameterError(f"the parameter file ends within {name}, or is of another network")
    return int(data + size - start)


def _describe(joined: bytes, start: int, name: str) -> tuple[Any, int]:
    """The TensorDesc of the record at `start`, and where its numbers begin."""
    try:
        at = start + 4
        (levels,) = struct.unpack_from("<Q", joined, at)
        at += 8
        for _ in range(min(levels, len(joined))):
            at += 8 + struct.unpack_from("<Q", joined, at)[0]
        _, length = struct.unpack_from("<Ii", joined, at)
        at += 8
        return protocol().VarType.TensorDesc.FromString(joined[at : at + length]), at + length
    except Exception:  # struct.error, and protobuf's own for bytes that are no message
        raise ParameterError(f"the parameter file ends within {name}, or is of another network") from None
