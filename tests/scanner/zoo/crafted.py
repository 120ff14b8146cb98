"""Pickles that try to do more than name arrays. Each would make the marker file if it were run."""

import pickle
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

Craft = Callable[[Path], bytes]


class Calls:
    """Pickles as a call of `function`, which need not exist here."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.reduced = (function, arguments)

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        return self.reduced


def text(value: str) -> bytes:
    """The opcode that pushes a text."""
    return b"X" + struct.pack("<I", len(value.encode())) + value.encode()


def named(module: str, name: str) -> bytes:
    """The opcode that pushes what a module calls `name`."""
    return b"c" + f"{module}\n{name}\n".encode()


def called(function: bytes, *arguments: bytes) -> bytes:
    return function + b"(" + b"".join(arguments) + b"tR"


def whole(*opcodes: bytes, protocol: int = 2) -> bytes:
    return b"\x80" + bytes([protocol]) + b"".join(opcodes) + b"."


def touch(marker: Path) -> str:
    """A line of shell."""
    return f"touch {marker}"


def write_line(marker: Path) -> str:
    """A line of Python, as an expression."""
    return f"open({str(marker)!r}, 'w').close()"


def system(marker: Path) -> bytes:
    import os

    return pickle.dumps({"weight": Calls(os.system, touch(marker))})


def evaluate(marker: Path) -> bytes:
    return pickle.dumps({"weight": Calls(eval, write_line(marker))}, protocol=2)


def instance(marker: Path) -> bytes:
    """The oldest way to call: INST."""
    return whole(b"(" + text(touch(marker)) + b"iposix\nsystem\n")


def build_class(marker: Path) -> bytes:
    """NEWOBJ of a class with arguments: subprocess.Popen."""
    return whole(named("subprocess", "Popen"), b"(", text(touch(marker)), b"t\x81")


def attributes(_: Path) -> bytes:
    """getattr, and from there whatever it leads to."""
    return whole(called(named("builtins", "getattr"), named("numpy", "dtype"), text("__class__")))


def dotted(_: Path) -> bytes:
    """Protocol 4 may name a path: numpy's dtype and on to its attributes."""
    return whole(text("numpy"), text("dtype.__class__.__subclasses__"), b"\x93", b"(tR", protocol=4)


def numpy_load(marker: Path) -> bytes:
    """numpy.load of another file, with pickles allowed in it."""
    inner = marker.with_suffix(".npy")
    inner.write_bytes(system(marker))
    arguments = [text(str(inner)), b"N", b"\x88"]
    return whole(called(named("numpy", "load"), *arguments))


def numpy_runner(marker: Path) -> bytes:
    return whole(called(named("numpy.testing._private.utils", "runstring"), text(write_line(marker)), b"}"))


def compile_fortran(marker: Path) -> bytes:
    return whole(called(named("numpy.f2py", "compile"), text(f"end;{touch(marker)}")))


def object_array(marker: Path) -> bytes:
    """An array of objects, whose elements numpy would unpickle."""
    import numpy as np

    return pickle.dumps({"weight": np.array([Calls(eval, write_line(marker))], dtype=object)})


def extension(_: Path) -> bytes:
    """A code of copyreg's registry instead of a name."""
    return whole(b"\x82\x01", b")R")


def outside(_: Path) -> bytes:
    """A persistent id: something that the reader is to fetch."""
    return whole(text("storage"), b"Q")


def changed_function(marker: Path) -> bytes:
    """BUILD with the state of an allowed function: its defaults, its code."""
    state = b"N}" + text("__defaults__") + text(write_line(marker)) + b"s\x86"
    return whole(named("numpy.core.multiarray", "_reconstruct"), state, b"b")


def changed_array(_: Path) -> bytes:
    """BUILD with another state than an array's."""
    made = called(named("numpy.core.multiarray", "_reconstruct"), named("numpy", "ndarray"), b"(K\x00t", b"C\x01b")
    return whole(made, b"}" + text("array") + text("x") + b"s", b"b", protocol=4)


def encoded(_: Path) -> bytes:
    """_codecs.encode with another codec than the one that bytes need; some read files or run code."""
    return whole(called(named("_codecs", "encode"), text("7878"), text("hex_codec")))


REFUSED: dict[Craft, str] = {
    system: "names 'posix.system'",
    evaluate: "names '__builtin__.eval'",
    instance: "names 'posix.system'",
    build_class: "names 'subprocess.Popen'",
    attributes: "names 'builtins.getattr'",
    dotted: "names 'numpy.dtype.__class__.__subclasses__'",
    numpy_load: "names 'numpy.load'",
    numpy_runner: "names 'numpy.testing._private.utils.runstring'",
    compile_fortran: "names 'numpy.f2py.compile'",
    object_array: "array of",
    extension: "is no pickle that can be read",
    outside: "outside of itself",
    changed_function: "sets the state of a function",
    changed_array: "an array without its numbers",
    encoded: "encodes text",
}
