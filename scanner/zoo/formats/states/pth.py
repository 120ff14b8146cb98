"""PyTorch's .pth of a state dict, without PyTorch: a pickle that names storages, and the storages' bytes.

Files are a zip since PyTorch 1.6; before that, pickles and storages one after another. The layout of both was read
off files (save of PyTorch 1.5 and later): nothing of PyTorch is needed.
"""

import os
import struct
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from scanner.zoo.formats.pickles import PLAIN, ClosedUnpickler, PickleError, StandIn, check_shape
from scanner.zoo.formats.states import State, StateError, find_mapping, widen_bfloat16

MAGIC = 0x1950A86A20F9469CFC6C  # what files from before 1.6 begin with
VERSION = 1001
PICKLE_BYTES = 64 * 1024**2
OTHER_ORDER = "was written on a machine of another byte order; save it again on a usual one"

Numbers = NDArray[Any]
Read = Callable[["Storage"], bytes]


@dataclass(frozen=True)
class Storage:
    """`count` numbers under a key of the file; element: as numpy spells their kind."""

    key: str
    element: str
    count: int

    @property
    def size_bytes(self) -> int:
        return self.count * np.dtype(self.element).itemsize

    def __setstate__(self, state: object) -> None:
        raise PickleError("changes a storage that it named: refused")


@dataclass(frozen=True)
class Tensor:
    """A view of a storage; offset and strides count numbers."""

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    def __setstate__(self, state: object) -> None:
        raise PickleError("changes a tensor that it named: refused")


@dataclass(frozen=True)
class _Kind:
    """What stands for a class of storages."""

    element: str

    def __setstate__(self, state: object) -> None:
        raise PickleError("changes a class that it named: refused")


_KINDS = {
    "torch.FloatStorage": _Kind("<f4"),
    "torch.DoubleStorage": _Kind("<f8"),
    "torch.HalfStorage": _Kind("<f2"),
    "torch.BFloat16Storage": _Kind("<u2"),
    "torch.LongStorage": _Kind("<i8"),
    "torch.IntStorage": _Kind("<i4"),
}


def _make_tensor(storage: Any, offset: Any, shape: Any, strides: Any, *_: Any) -> Tensor:
    check_shape(shape)
    check_shape(strides)
    check_shape((offset,))
    if not isinstance(storage, Storage) or len(shape) != len(strides):
        raise PickleError("holds a tensor that is no view of a storage: refused")
    last = offset + sum((side - 1) * stride for side, stride in zip(shape, strides, strict=True))
    # No more numbers than the storage has: with a stride of 0 a few could pass for billions.
    if prod(shape) and (last >= storage.count or prod(shape) > storage.count):
        raise PickleError("holds a tensor that reaches out of its storage: refused")
    return Tensor(storage, offset, shape, strides)


def _make_parameter(tensor: Any, *_: Any) -> Any:
    return tensor


_KNOWN: Mapping[str, Any] = {
    **PLAIN,
    **_KINDS,
    "torch._utils._rebuild_tensor_v2": StandIn(_make_tensor),
    "torch._utils._rebuild_parameter": StandIn(_make_parameter),
}


class _Unpickler(ClosedUnpickler):
    """Notes the storages that are named."""

    def __init__(self, file: IO[bytes]) -> None:
        super().__init__(file, _KNOWN)
        self.storages: dict[str, Storage] = {}

    def persistent_load(self, pid: Any) -> Storage:
        """("storage", class, key, device, count), and before 1.6 whether it is a part of another, too."""
        if not isinstance(pid, tuple) or len(pid) not in (5, 6) or pid[0] != "storage" or pid[5:] not in ((), (None,)):
            raise PickleError("names something outside of itself that is no storage: refused")
        _, kind, key, _, count = pid[:5]
        check_shape((count,))
        if not isinstance(kind, _Kind) or not isinstance(key, str) or not key.isalnum():
            raise PickleError("holds tensors of a kind that parameters don't have: refused")
        storage = Storage(key, kind.element, count)
        if self.storages.setdefault(key, storage) != storage:
            raise PickleError("describes one storage in two ways: refused")
        return storage


def read_pth(path: Path) -> State:
    """The tensors by name, as they are; bfloat16 as float32. Raises StateError, PickleError, and zipfile's."""
    return _read_zip(path) if zipfile.is_zipfile(path) else _read_legacy(path)


def _read_zip(path: Path) -> State:
    with zipfile.ZipFile(path) as bundle:
        pickles = [member for member in bundle.infolist() if member.filename.rpartition("/")[2] == "data.pkl"]
        if len(pickles) != 1:
            raise StateError("is a zip, but no state dict of PyTorch")
        folder = pickles[0].filename.removesuffix("data.pkl")
        _check_order(bundle, f"{folder}byteorder")
        _check_member(pickles[0], min(pickles[0].file_size, PICKLE_BYTES))
        with bundle.open(pickles[0]) as file:
            found = _Unpickler(file).load()
        return _resolve(found, lambda storage: _read_member(bundle, f"{folder}data/{storage.key}", storage))


def _check_order(bundle: zipfile.ZipFile, name: str) -> None:
    """Files since PyTorch 2 say it; those before were written on little-endian machines, as good as always."""
    if name in bundle.namelist():
        _check_member(bundle.getinfo(name), len(b"little"), OTHER_ORDER)
        if bundle.read(name) != b"little":
            raise StateError(OTHER_ORDER)


def _check_member(member: zipfile.ZipInfo, size_bytes: int, fault: str = "") -> None:
    """PyTorch never compresses: a member that does may be a bomb."""
    if member.compress_type != zipfile.ZIP_STORED or member.file_size != size_bytes:
        raise StateError(fault or f"holds {member.file_size:,} of {size_bytes:,} bytes in {member.filename[:80]!r}")


def _read_member(bundle: zipfile.ZipFile, name: str, storage: Storage) -> bytes:
    member = bundle.getinfo(name)
    _check_member(member, storage.size_bytes)
    return bundle.read(member)


def _read_legacy(path: Path) -> State:
    """Magic number, version, about the machine, the state, the keys of the storages; then each storage in turn."""
    with path.open("rb") as file:
        magic, version, machine = (ClosedUnpickler(file, {}).load() for _ in range(3))
        if (magic, version) != (MAGIC, VERSION) or not isinstance(machine, dict):
            raise StateError("is no state dict of PyTorch")
        if machine.get("little_endian") is not True:
            raise StateError(OTHER_ORDER)
        unpickler = _Unpickler(file)
        found = unpickler.load()
        keys = ClosedUnpickler(file, {}).load()
        if not isinstance(keys, list) or sorted(map(str, keys)) != sorted(unpickler.storages):
            raise StateError("does not list the storages that its tensors are views of: refused")
        held = {key: _read_storage(file, unpickler.storages[key]) for key in keys}
    return _resolve(found, lambda storage: held[storage.key])


def _read_storage(file: IO[bytes], storage: Storage) -> bytes:
    (count,) = struct.unpack("<q", file.read(8))
    left = os.fstat(file.fileno()).st_size - file.tell()
    if count != storage.count or storage.size_bytes > left:
        raise StateError(f"is cut off: a tensor has {left:,} of {storage.size_bytes:,} bytes")
    return file.read(storage.size_bytes)


def _resolve(found: Any, read: Read) -> State:
    named = find_mapping(found, lambda value: isinstance(value, Tensor))
    held: dict[str, Numbers] = {}
    for tensor in named.values():
        if tensor.storage.key not in held:
            held[tensor.storage.key] = _read_numbers(tensor.storage, read)
    return {name: _view(tensor, held[tensor.storage.key]) for name, tensor in named.items()}


def _read_numbers(storage: Storage, read: Read) -> Numbers:
    numbers: Numbers = np.frombuffer(read(storage), storage.element)
    return widen_bfloat16(numbers) if numbers.dtype == np.uint16 else numbers


def _view(tensor: Tensor, numbers: Numbers) -> Numbers:
    strides = [stride * numbers.itemsize for stride in tensor.strides]
    return np.lib.stride_tricks.as_strided(numbers[tensor.offset :], tensor.shape, strides, writeable=False)
