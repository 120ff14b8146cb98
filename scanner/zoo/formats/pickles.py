"""Read arrays out of a pickle that nobody vouches for: nothing that it names is ever looked up or run.

A pickle may name any function and have it called. Here each name that parameter files need has a stand-in of ours,
which notes what was asked for; every other name is refused before anything else of the file is read.
"""

import pickle
import pickletools
from collections.abc import Mapping
from math import prod
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
MOST_DIMENSIONS = 8
LONGEST_SIDE = 2**40
# Things that a pickle may number to come back to; the reader sets aside room for as many as the highest number says.
MOST_NOTES = 1_000_000
# What parameters are made of. u2 is Paddle's way to write bfloat16, which numpy has not.
_ELEMENTS = frozenset({"f2", "f4", "f8", "b1", "i1", "i2", "i4", "i8", "u1", "u2"})
_BYTE_ORDERS = frozenset("<>=|")


class PickleError(Exception):
    """A pickle that is refused; the message is the end of a sentence that says why."""


class StandIn:
    """What a pickle gets instead of the function or class that it names: it may be called, and nothing else."""

    __slots__ = ("_make",)

    def __init__(self, make: Any) -> None:
        self._make = make

    def __call__(self, *arguments: Any) -> Any:
        try:
            return self._make(*arguments)
        except (TypeError, ValueError):
            raise PickleError("calls a function with arguments that no parameter file needs: refused") from None

    def __setstate__(self, state: object) -> None:
        raise PickleError("sets the state of a function: refused")


class _Mapping(dict[Any, Any]):
    """An OrderedDict, whose attributes (PyTorch adds some) are dropped."""

    __slots__ = ()

    def __setstate__(self, state: object) -> None:
        pass


class _Element:
    """A numpy dtype: an element's kind and size, then its byte order."""

    __slots__ = ("dtype",)

    def __init__(self, text: str, *_: Any) -> None:
        if not isinstance(text, str) or text not in _ELEMENTS:
            raise PickleError(f"holds an array of {describe(text)}, where plain numbers belong: refused")
        self.dtype = np.dtype(text)

    def __setstate__(self, state: Any) -> None:
        if not isinstance(state, tuple) or len(state) < 2 or state[1] not in _BYTE_ORDERS or any(state[2:5]):
            raise PickleError("holds a kind of array that no parameter file needs: refused")
        self.dtype = self.dtype.newbyteorder(state[1])


class PickledArray:
    """A numpy array: empty until its state is set."""

    __slots__ = ("array",)

    def __init__(self, array: Array | None = None) -> None:
        self.array = array

    def __setstate__(self, state: Any) -> None:
        if not isinstance(state, tuple) or len(state) != 5:
            raise PickleError("holds an array without its numbers: refused")
        _, shape, element, fortran, data = state
        self.array = _make_array(data, element, shape, "F" if fortran else "C")


def _make_array(data: Any, element: Any, shape: Any, order: Any) -> Array:
    """Raises PickleError unless the numbers are as many as the shape says."""
    if isinstance(data, str):  # Python 2 wrote bytes as text
        data = encode_latin1(data, "latin1")
    if not isinstance(data, bytes | bytearray) or not isinstance(element, _Element) or order not in ("C", "F"):
        raise PickleError("holds an array that is not made of plain numbers: refused")
    check_shape(shape)
    if prod(shape) * element.dtype.itemsize != len(data):
        raise PickleError(f"holds an array whose numbers ({len(data):,} bytes) don't fit its shape {shape}: refused")
    return np.frombuffer(data, element.dtype).reshape(shape, order=order)


def check_shape(shape: Any) -> None:
    """Raises PickleError unless `shape` is a tuple of a few whole numbers, none below 0."""
    fits = isinstance(shape, tuple) and len(shape) <= MOST_DIMENSIONS
    if not fits or not all(type(side) is int and 0 <= side <= LONGEST_SIDE for side in shape):
        raise PickleError("holds an array whose shape is not a few whole numbers: refused")


def encode_latin1(text: Any, encoding: Any) -> bytes:
    """What protocol 2 writes for bytes. Raises PickleError for any other use of it."""
    if not isinstance(text, str) or encoding != "latin1":
        raise PickleError("encodes text, which no parameter file needs: refused")
    try:
        return text.encode("latin1")
    except UnicodeEncodeError:
        raise PickleError("holds an array whose numbers are text: refused") from None


def _make_tuple(items: Any = ()) -> tuple[Any, ...]:
    if not isinstance(items, tuple | list):
        raise PickleError("makes a tuple of something else than a tuple: refused")
    return tuple(items)


def _make_mapping(pairs: Any = ()) -> _Mapping:
    if not isinstance(pairs, tuple | list):
        raise PickleError("makes a mapping of something else than pairs: refused")
    return _Mapping(pairs)


def _make_buffered(data: Any, element: Any, shape: Any, order: Any) -> PickledArray:
    return PickledArray(_make_array(data, element, shape, order))


def _named(modules: tuple[str, ...], name: str, make: Any) -> dict[str, StandIn]:
    return {f"{module}.{name}": StandIn(make) for module in modules}


PLAIN: Mapping[str, StandIn] = {
    **_named(("collections",), "OrderedDict", _make_mapping),
    **_named(("builtins", "__builtin__"), "tuple", _make_tuple),
}
ARRAYS: Mapping[str, StandIn] = {
    **PLAIN,
    **_named(("_codecs",), "encode", encode_latin1),
    **_named(("numpy",), "ndarray", lambda: PickledArray()),
    **_named(("numpy",), "dtype", _Element),
    **_named(("numpy.core.multiarray", "numpy._core.multiarray"), "_reconstruct", lambda *_: PickledArray()),
    **_named(("numpy.core.numeric", "numpy._core.numeric"), "_frombuffer", _make_buffered),
}


class ClosedUnpickler(pickle.Unpickler):
    """Knows the stand-ins that it is given, and no other name."""

    def __init__(self, file: IO[bytes], known: Mapping[str, Any]) -> None:
        super().__init__(file, encoding="latin1")
        self._file = file
        self._known = known

    def find_class(self, module: str, name: str) -> Any:
        named = f"{module}.{name}"
        if named not in self._known:
            raise PickleError(f"names {describe(named)}, which no parameter file needs: refused, and nothing was run")
        return self._known[named]

    def persistent_load(self, pid: Any) -> Any:  # noqa: ARG002 the base class's way to say: something outside
        raise PickleError("names something outside of itself: refused")

    def load(self) -> Any:
        """The object. Raises PickleError for a pickle that is refused, cut off or none."""
        try:
            check_notes(self._file)
            return super().load()
        except PickleError:
            raise
        except EOFError:
            raise PickleError("is cut off") from None
        except MemoryError:
            raise PickleError("asks for more memory than reading parameters may take") from None
        except Exception as error:  # pickle raises whatever its bytes lead it into
            cut = "truncated" in str(error) or "exhausted" in str(error)
            raise PickleError("is cut off" if cut else f"is no pickle that can be read ({describe(error)})") from None


def check_notes(file: IO[bytes]) -> None:
    """Look through the pickle that begins here, and come back. Raises PickleError for one made to fill the memory."""
    start = file.tell()
    try:
        for opcode, number, _ in pickletools.genops(file):
            if opcode.name in ("PUT", "BINPUT", "LONG_BINPUT") and not 0 <= (number or 0) <= MOST_NOTES:
                raise PickleError("numbers more things than any parameter file has: refused")
    except ValueError:
        pass  # whatever breaks it is met again, and told, where it is read
    finally:
        file.seek(start)


def describe(found: object) -> str:
    """What a stranger wrote, short and on one line; of anything but text its kind alone, as it may be endless."""
    text = str(found)[:80] if isinstance(found, str | Exception) else type(found).__name__
    return text if text.isprintable() else ascii(text)
