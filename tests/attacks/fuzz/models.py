"""Archives of models, and what lies in them: programs, parameters, pickles, labels, cards."""

# ruff: noqa: E501 - one target or seed a line

import io
import json
import pickle
import shutil
import struct
import tarfile
import zipfile
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import strategies as st

from scanner.zoo.cards import CardError, read_card
from scanner.zoo.fetching.archives import ArchiveError, unpack
from scanner.zoo.fetching.pins import FILE_NAME, PinError, find_pin
from scanner.zoo.formats.completeness import CompletenessError, check_parameters
from scanner.zoo.formats.conversion import check_fit
from scanner.zoo.formats.layouts import Layout, LayoutError, find_source
from scanner.zoo.formats.parameters import ParameterError, pack_record, split_records, unpack_record
from scanner.zoo.formats.pickles import ARRAYS, ClosedUnpickler, PickleError
from scanner.zoo.formats.programs import ProgramError, cut_network, find_features, read_network
from scanner.zoo.formats.protocol import FLOAT32, protocol
from scanner.zoo.formats.states import StateError, read_state
from scanner.zoo.labels import LabelError, read_labels
from scanner.zoo.sources.hub import choose_version
from tests.attacks.fuzz.target import Target, as_json, folder, put, read_value, values
from tests.scanner.zoo import crafted
from tests.scanner.zoo.torch_files import write_legacy, write_zip

NETWORK = "mobilenet_v2_imagenet"
LAYOUT = Layout("A", Path("model.pdmodel"), Path("model.pdiparams"))
ARRAY = {"fc.weight": np.arange(6, dtype="<f4").reshape(2, 3), "fc.bias": np.ones(3, "<f4")}


def fresh(name: str) -> Path:
    path = folder() / name
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir()
    return path


def feed_archive(data: bytes) -> None:
    target = fresh("out") / "deep"
    with suppress(ArchiveError):
        unpack(put("archive", data), target)
    outside = [path for path in (folder() / "out").rglob("*") if not path.is_relative_to(target)]
    assert not outside, outside
    assert all(path.is_dir() or (path.is_file() and not path.is_symlink()) for path in target.rglob("*"))


def archive_seeds() -> list[bytes]:
    found = []
    for mode in ("w", "w:gz", "w:bz2", "w:xz"):
        file = io.BytesIO()
        with tarfile.open(fileobj=file, mode=mode) as tar:
            for name, kind in (("a/b.txt", tarfile.REGTYPE), ("../c", tarfile.REGTYPE), ("l", tarfile.SYMTYPE)):
                info = tarfile.TarInfo(name)
                info.type, info.size, info.linkname = kind, 4 if kind == tarfile.REGTYPE else 0, "/etc/passwd"
                tar.addfile(info, io.BytesIO(b"text"))
        found.append(file.getvalue())
    for way in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w", way) as bundle:
            bundle.writestr(zipfile.ZipInfo("a/b.txt"), "text" * 9)
            bundle.writestr(zipfile.ZipInfo("..\\c"), "text")
        found.append(file.getvalue())
    return found


def feed_pickle(data: bytes) -> None:
    file = io.BytesIO(data)
    with suppress(PickleError):
        ClosedUnpickler(file, ARRAYS).load()


def pickle_seeds() -> list[bytes]:
    marker = folder() / "ran"
    return [*(craft(marker) for craft in crafted.REFUSED), *(pickle.dumps(ARRAY, protocol) for protocol in (2, 4, 5))]


def feed_state(kind: str, name: str) -> Any:
    def feed(data: bytes) -> None:
        with suppress(StateError, MemoryError):
            state = read_state(kind, put(name, data))
            for array in state.values():
                assert array.nbytes <= len(data) * 4
            with suppress(StateError):
                check_fit(NETWORK, state, {"fc.weight": (2, 3)})

    return feed


def torch_seeds() -> list[bytes]:
    found = []
    for write in (write_zip, write_legacy):
        path = folder() / "seed.pth"
        write(path, ARRAY)
        found.append(path.read_bytes())
    return found


def feed_tfjs(data: bytes) -> None:
    """The description; one shard lies beside it."""
    put("shard.bin", bytes(24))
    with suppress(StateError):
        read_state("G", put("model.json", data))


def tfjs_inputs() -> st.SearchStrategy[bytes]:
    keys = ("weightsManifest", "paths", "weights", "name", "shape", "dtype", "quantization")
    groups = st.lists(st.dictionaries(st.sampled_from(keys[1:3]), values(*keys), max_size=2), max_size=2)
    return groups.map(lambda some: as_json({"weightsManifest": some}))


def tfjs_seeds() -> list[bytes]:
    weights = [{"name": "a/kernel", "shape": [2, 3], "dtype": "float32"}]
    return [json.dumps({"weightsManifest": [{"paths": ["shard.bin"], "weights": weights}]}).encode()]


def feed_program(data: bytes) -> None:
    """A program, after the length of it in four bytes, and the parameters behind it."""
    size = int.from_bytes(data[:4], "little") % (len(data) + 1)
    place = fresh("model")
    (place / LAYOUT.program).write_bytes(data[4 : 4 + size])
    (place / "model.pdiparams").write_bytes(data[4 + size :])
    with suppress(CompletenessError):
        check_parameters(place, LAYOUT)
    with suppress(ProgramError, ParameterError):
        network = read_network(place, LAYOUT)
        features = find_features(network)
        cut_network(network, [features.name])


@cache
def program() -> tuple[bytes, bytes]:
    """One fully connected layer: its program and its parameters."""
    made = protocol().ProgramDesc()
    block = made.blocks.add(idx=0, parent_idx=-1)
    for name, shape in (("w", (2, 3)), ("x", (-1, 2)), ("y", (-1, 3))):
        var = block.vars.add(name=name, persistable=name == "w")
        var.type.type = protocol().VarType.DENSE_TENSOR
        var.type.dense_tensor.tensor.data_type = FLOAT32
        var.type.dense_tensor.tensor.dims.extend(shape)
    op = block.ops.add(type="mul")
    op.inputs.add(parameter="X", arguments=["x"])
    op.inputs.add(parameter="Y", arguments=["w"])
    op.outputs.add(parameter="Out", arguments=["y"])
    fetch = block.ops.add(type="fetch")
    fetch.inputs.add(parameter="X", arguments=["y"])
    fetch.outputs.add(parameter="Out", arguments=["fetch"])
    return made.SerializeToString(deterministic=True), pack_record(ARRAY["fc.weight"])


def program_seeds() -> list[bytes]:
    written, parameters = program()
    return [struct.pack("<I", len(written)) + written + parameters]


def feed_json_program(data: bytes) -> None:
    place = fresh("model")
    (place / "model.json").write_bytes(data)
    (place / "model.pdiparams").write_bytes(b"")
    with suppress(CompletenessError):
        check_parameters(place, Layout("E", Path("model.json"), Path("model.pdiparams")))


def json_program_seeds() -> list[bytes]:
    kind = {"TT": {"D": [{"#": "0.t_f32"}, [2, 3]]}}
    op = {"#": "p", "A": ["a", "w"], "O": kind}
    return [json.dumps({"program": {"regions": [{"blocks": [{"ops": [op]}]}]}}).encode()]


def json_program_inputs() -> st.SearchStrategy[bytes]:
    ops = st.lists(
        st.fixed_dictionaries({"#": st.just("p"), "A": values("a"), "O": values("TT", "D", "#")}), max_size=3
    )
    return ops.map(lambda some: as_json({"program": {"regions": [{"blocks": [{"ops": some}]}]}}))


def feed_records(data: bytes) -> None:
    with suppress(ParameterError):
        for name, record in split_records(data, ["a", "b"]).items():
            with suppress(ParameterError):
                unpack_record(record, name)


def feed_labels(data: bytes) -> None:
    with suppress(LabelError):
        assert all(label.strip() for label in read_labels(put("label_list.txt", data)))


def feed_card(data: bytes) -> None:
    put("card.json", data)
    with suppress(CardError):
        card = read_card(folder())
        json.dumps(card.to_json())


def card_seeds() -> list[bytes]:
    preprocessing = {"resize_short": 256, "crop": 224, "mean": [0.1, 0.2, 0.3], "std": [0.1, 0.2, 0.3]}
    card = {
        "name": "a", "title": "A", "role": "primary", "classes": 10, "concepts": {"ivory": "0-3, 7"}, "counters": {},
        "licence": "x", "caveat": "y", "network": None, "preprocessing": preprocessing, "source": "s", "tuning": "full",
        "installed_at": "2026-01-01", "source_layout": "A", "layout": "A", "program": "model/a.pdmodel", "params": None,
        "labels_file": "label_list.txt", "output_index": 0, "output_kind": "probabilities", "figures": {}, "training": {},
        "files": [{"path": "a", "sha256": "0", "size_bytes": 1}],
    }  # fmt: skip
    return [json.dumps(card).encode()]


def card_inputs() -> st.SearchStrategy[bytes]:
    whole = json.loads(card_seeds()[0])
    strange = st.dictionaries(st.sampled_from(sorted(whole)), values("ivory", "path", "crop", "mean"), min_size=1)
    return strange.map(lambda some: as_json(whole | some))


def feed_layout(data: bytes) -> None:
    """A tree of files: a name a line."""
    place = fresh("tree")
    names = [name for name in data.decode("utf-8", "ignore").split("\n") if name and "\0" not in name]
    for name in names[:20]:
        path = place / name.replace("..", "_").lstrip("/")[:100]
        with suppress(OSError, ValueError):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b'{"weightsManifest": []}')
    with suppress(LayoutError):
        source = find_source(place)
        assert not Path(getattr(source, "program", getattr(source, "path", ""))).is_absolute()


def feed_pins(data: bytes) -> None:
    put(FILE_NAME, data)
    with suppress(PinError):
        find_pin(folder(), "https://a/")


def feed_hub(data: bytes) -> None:
    value = read_value(data)
    if isinstance(value, list):
        found = choose_version(value, "1.0.0")
        assert found is None or found[0].startswith(("http://", "https://"))


ROOM = "scanner.zoo.formats"
LAYOUT_WORDS = (b"__model__", b"__params__", b"model.pdmodel", b"model.pdiparams", b"model.json", b".pdparams", b"/")

TARGETS = (
    Target("model-archives", feed_archive, ("scanner.zoo.fetching.archives",), archive_seeds, most_bytes=20_000),
    Target("pickles", feed_pickle, (f"{ROOM}.pickles",), pickle_seeds),
    Target(
        "pdparams", feed_state("D", "a.pdparams"), (f"{ROOM}.states", f"{ROOM}.states.pdparams", f"{ROOM}.conversion"),
        lambda: [pickle.dumps({**ARRAY, "StructuredToParameterName@@": {}}, 2), pickle.dumps({"model": ARRAY}, 4)],
    ),
    Target("pth", feed_state("F", "a.pth"), (f"{ROOM}.states.pth",), torch_seeds),
    Target("tfjs", feed_tfjs, (f"{ROOM}.states.tfjs",), tfjs_seeds, inputs=tfjs_inputs),
    Target("programs", feed_program, (f"{ROOM}.programs", f"{ROOM}.completeness"), program_seeds),
    Target("json-programs", feed_json_program, (f"{ROOM}.completeness",), json_program_seeds, inputs=json_program_inputs),
    Target("parameters", feed_records, (f"{ROOM}.parameters",), lambda: [program()[1] * 2]),
    Target("labels", feed_labels, ("scanner.zoo.labels",), lambda: [b"0 a\n1 b\n", "\ufeffä\r\n\u2028b".encode(), b"\xff"]),
    Target("cards", feed_card, ("scanner.zoo.cards",), card_seeds, inputs=card_inputs),
    Target(
        "layouts", feed_layout, (f"{ROOM}.layouts",),
        lambda: [b"a/model.pdmodel\na/model.pdiparams", b"__model__\n__params__", b"model.json\nx.pth"], LAYOUT_WORDS,
    ),
    Target("pins", feed_pins, ("scanner.zoo.fetching.pins",), lambda: [b'{"https://a/": {"sha256": "0"}}', b"[]", b"{"]),
    Target(
        "hub-answers", feed_hub, ("scanner.zoo.sources.hub",),
        lambda: [b'[{"url": "http://a/b.tar.gz", "version": "1.0.0", "name": "a"}, {"url": 1}]'],
        inputs=lambda: st.lists(values("url", "version", "name"), max_size=3).map(as_json),
    ),
)  # fmt: skip
