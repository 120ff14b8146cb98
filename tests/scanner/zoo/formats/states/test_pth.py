"""State dicts as PyTorch writes them, in both of its formats, without PyTorch."""

import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from scanner.zoo.formats.states import StateError, read_state
from tests.scanner.zoo import crafted
from tests.scanner.zoo.crafted import called, named, text, whole
from tests.scanner.zoo.torch_files import write_legacy, write_zip

STATE = {
    "_fc.weight": np.arange(6, dtype=np.float32).reshape(2, 3),
    "_bn0.running_var": np.ones(4, np.float16),
    "_bn0.num_batches_tracked": np.array(7, np.int64),
}
WRITERS = [write_zip, write_legacy]


@pytest.mark.parametrize("write", WRITERS)
def test_tensors_come_out_as_they_went_in(tmp_path: Path, write: Callable[..., None]) -> None:
    write(tmp_path / "it.pth", STATE)
    found = read_state("F", tmp_path / "it.pth")
    assert set(found) == set(STATE)
    for name, array in STATE.items():
        assert found[name].dtype == array.dtype
        np.testing.assert_array_equal(found[name], array)


def test_the_other_byte_order_is_refused(tmp_path: Path) -> None:
    write_zip(tmp_path / "it.pth", STATE, b"big")
    with pytest.raises(StateError, match="another byte order"):
        read_state("F", tmp_path / "it.pth")


@pytest.mark.parametrize("cut", [4, 20, 100, 400])
def test_a_file_that_is_cut_off_is_told(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "it.pth"
    write_legacy(path, STATE)
    path.write_bytes(path.read_bytes()[:-cut])
    with pytest.raises(StateError, match=r"cut off|broken"):
        read_state("F", path)


def write_pickle(path: Path, content: bytes, data: bytes = b"\0" * 16) -> Path:
    with zipfile.ZipFile(path, "w") as bundle:
        bundle.writestr("it/data.pkl", content)
        bundle.writestr("it/data/0", data)
    return path


def tensor(offset: int, shape: bytes, strides: bytes, kind: str = "FloatStorage", count: int = 4) -> bytes:
    """A state dict of one tensor in a storage of four numbers; shape and strides as opcodes."""
    storage = b"(" + text("storage") + named("torch", kind) + text("0") + text("cpu") + b"K" + bytes([count]) + b"tQ"
    made = called(
        named("torch._utils", "_rebuild_tensor_v2"), storage, b"K" + bytes([offset]), shape, strides, b"\x89N"
    )
    return whole(b"}" + text("weight") + made + b"s")


def test_a_view_of_a_storage_is_read(tmp_path: Path) -> None:
    path = write_pickle(tmp_path / "it.pth", tensor(1, b"K\x03\x85", b"K\x01\x85"), np.arange(4, dtype="<f4").tobytes())
    assert read_state("F", path)["weight"].tolist() == [1, 2, 3]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (tensor(2, b"K\x03\x85", b"K\x01\x85"), "reaches out of its storage"),
        (tensor(0, b"K\x02\x85", b"K\x09\x85"), "reaches out of its storage"),
        (tensor(0, b"J\xff\xff\xff\x7f\x85", b"K\x00\x85"), "reaches out of its storage"),
        (tensor(0, b"K\x02\x85", b"J\xff\xff\xff\xff\x85"), "not a few whole numbers"),
        (tensor(0, b"K\x02\x85", b"K\x01K\x01\x86"), "no view of a storage"),
        (tensor(0, b"K\x04\x85", b"K\x01\x85", "QInt8Storage"), "names torch.QInt8Storage"),
        (tensor(0, b"K\x05\x85", b"K\x01\x85", count=5), "holds 16 of 20 bytes"),
        (crafted.system(Path("ran")), "names posix.system"),
        (whole(called(named("torch", "load"), text("x"))), "names torch.load"),
        (whole(called(named("torch._utils", "_rebuild_tensor_v2"), b"K\x01")), "no parameter file needs"),
        (whole(named("torch", "FloatStorage"), b"}b"), "changes a class"),
    ],
)
def test_a_crafted_file_is_refused_with_its_reason(tmp_path: Path, content: bytes, says: str) -> None:
    with pytest.raises(StateError, match=says):
        read_state("F", write_pickle(tmp_path / "it.pth", content))
    assert not Path("ran").exists()


def test_a_compressed_member_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "it.pth"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as bundle:
        bundle.writestr("it/data.pkl", tensor(0, b"K\x04\x85", b"K\x01\x85"))
        bundle.writestr("it/data/0", bytes(16))
    with pytest.raises(StateError, match=r"bytes in 'it/data\.pkl'"):
        read_state("F", path)


def test_another_zip_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "it.pth", "w") as bundle:
        bundle.writestr("readme", "")
    with pytest.raises(StateError, match="no state dict of PyTorch"):
        read_state("F", tmp_path / "it.pth")


def test_a_storage_of_another_length_than_announced_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "it.pth"
    write_legacy(path, {"weight": np.arange(3, dtype=np.float32)})
    path.write_bytes(path.read_bytes().replace(struct.pack("<q", 3), struct.pack("<q", 2**62)))
    with pytest.raises(StateError, match="cut off"):
        read_state("F", path)
