"""Write a state dict as PyTorch does, without PyTorch: in a zip (since 1.6), or one thing after another (before)."""

import io
import pickle
import struct
import sys
import zipfile
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

State = Mapping[str, NDArray[Any]]
MAGIC, VERSION = 0x1950A86A20F9469CFC6C, 1001
STORAGES = {"float32": "FloatStorage", "float64": "DoubleStorage", "float16": "HalfStorage", "int64": "LongStorage"}


class _Storage:
    def __init__(self, key: str, kind: type, numbers: NDArray[Any]) -> None:
        self.key, self.kind, self.numbers = key, kind, numbers


class _Tensor:
    """Pickles as a call of torch._utils._rebuild_tensor_v2 on its storage."""

    def __init__(self, storage: _Storage, shape: tuple[int, ...]) -> None:
        self.storage, self.shape = storage, shape

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        strides = tuple(int(np.prod(self.shape[at + 1 :])) for at in range(len(self.shape)))
        rebuild = sys.modules["torch._utils"]._rebuild_tensor_v2
        return rebuild, (self.storage, 0, self.shape, strides, False, OrderedDict())


class _Pickler(pickle.Pickler):
    legacy = False

    def persistent_id(self, found: Any) -> Any:
        if not isinstance(found, _Storage):
            return None
        named = ("storage", found.kind, found.key, "cpu", found.numbers.size)
        return (*named, None) if self.legacy else named


class _LegacyPickler(_Pickler):
    legacy = True


def write_zip(path: Path, state: State, byteorder: bytes | None = b"little") -> None:
    with _torch() as torch, zipfile.ZipFile(path, "w") as bundle:
        tensors, storages = _make_tensors(state, torch)
        bundle.writestr("archive/data.pkl", _dump(_Pickler, tensors))
        if byteorder is not None:
            bundle.writestr("archive/byteorder", byteorder)
        for storage in storages:
            bundle.writestr(f"archive/data/{storage.key}", storage.numbers.tobytes())
        bundle.writestr("archive/version", "3\n")


def write_legacy(path: Path, state: State) -> None:
    with _torch() as torch, path.open("wb") as file:
        tensors, storages = _make_tensors(state, torch)
        for head in (MAGIC, VERSION, {"protocol_version": VERSION, "little_endian": True, "type_sizes": {}}):
            file.write(_dump(_LegacyPickler, head))
        file.write(_dump(_LegacyPickler, tensors))
        file.write(_dump(_LegacyPickler, [storage.key for storage in storages]))
        for storage in storages:
            file.write(struct.pack("<q", storage.numbers.size) + storage.numbers.tobytes())


def _dump(kind: type[_Pickler], found: Any) -> bytes:
    target = io.BytesIO()
    kind(target, protocol=2).dump(found)
    return target.getvalue()


def _make_tensors(state: State, torch: ModuleType) -> tuple[OrderedDict[str, _Tensor], list[_Storage]]:
    tensors: OrderedDict[str, _Tensor] = OrderedDict()
    for key, (name, array) in enumerate(state.items()):
        kind = getattr(torch, STORAGES[array.dtype.name])
        tensors[name] = _Tensor(_Storage(str(key), kind, np.ascontiguousarray(array)), array.shape)
    return tensors, [tensor.storage for tensor in tensors.values()]


@contextmanager
def _torch() -> Iterator[ModuleType]:
    """Empty modules of the names that a pickle of PyTorch's gives: pickle looks them up when it writes."""
    torch, inside = ModuleType("torch"), ModuleType("torch._utils")
    for name in STORAGES.values():
        setattr(torch, name, type(name, (), {"__module__": "torch"}))

    def rebuild() -> None: ...

    rebuild.__module__, rebuild.__qualname__ = "torch._utils", "_rebuild_tensor_v2"
    inside._rebuild_tensor_v2 = rebuild  # type: ignore[attr-defined]
    before = {name: sys.modules.get(name) for name in ("torch", "torch._utils")}
    sys.modules.update({"torch": torch, "torch._utils": inside})
    try:
        yield torch
    finally:
        for name, module in before.items():
            sys.modules.pop(name)
            if module is not None:
                sys.modules[name] = module
