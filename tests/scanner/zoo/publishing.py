"""Publish a network of the zoo with parameters made of a seed, in each way in which it was published.

This runs in a process of its own, which builds the networks with Paddle's legacy programs.
"""

import itertools
import json
import pickle
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from scanner.zoo.catalogue import CATALOGUE
from scanner.zoo.engines.paddle import import_paddle
from scanner.zoo.formats.parameters import pack_record
from scanner.zoo.formats.programs import is_parameter
from scanner.zoo.formats.protocol import protocol
from scanner.zoo.labels import shipped_labels
from scanner.zoo.networks import build_network, may_be_absent
from scanner.zoo.spec import ModelSpec
from tests.scanner.zoo.networks.seeding import seeded_input, seeded_parameters
from tests.scanner.zoo.torch_files import write_legacy, write_zip

# A: .pdmodel; B: __model__ and a file a parameter; V1: the same as a module of PaddleHub 1.x; D: .pdparams;
# F: .pth before PyTorch 1.6, and zip: since; G: TensorFlow.js.
Form = Literal["A", "B", "V1", "D", "F", "zip", "G"]
State = dict[str, NDArray[np.float32]]

# Networks that were published with a softmax at their end, other than as modules of 1.x, which all have one.
_SOFTMAX = ("resnet50_vd_wildanimals", "darknet53_imagenet")
_FOLDERS = {
    "efficientnetb7_imagenet": "efficientnetb7_imagenet_infer_model",
    "darknet53_imagenet": "darknet53_model",
}
_LABEL_FILES = {"darknet53_imagenet": "label_file.txt"}


def publish(name: str, form: Form, folder: Path) -> None:
    """Write the model's folder as its source would have left it."""
    spec = CATALOGUE[name]
    state = make_state(str(spec.network), spec.classes)
    if form in ("A", "B", "V1"):
        _publish_program(spec, form, state, folder)
    else:
        folder.mkdir(parents=True)
        _WRITERS[form](spec, state, folder)


@lru_cache(maxsize=1)
def make_state(network: str, classes: int) -> State:
    """The shapes come from a network without numbers, which takes a tenth of the time of tracing one."""
    paddle = import_paddle()
    paddle.disable_static()
    with paddle.LazyGuard():
        layer = build_network(network, classes)
    return seeded_parameters({key: value.shape for key, value in layer.state_dict().items()})


def compute_logits(name: str) -> NDArray[np.float32]:
    """What the network itself gives for the seeded input, for those that no reference was published of."""
    paddle, spec = import_paddle(), CATALOGUE[name]
    paddle.disable_static()
    try:
        layer = build_network(str(spec.network), spec.classes)
        layer.set_state_dict(make_state(str(spec.network), spec.classes))
        with paddle.no_grad():
            logits: NDArray[np.float32] = layer(paddle.to_tensor(seeded_input(0, spec.preprocessing.crop))).numpy()
        return logits
    finally:
        paddle.enable_static()


def _publish_program(spec: ModelSpec, form: Form, state: State, folder: Path) -> None:
    softmax = form == "V1" or spec.name in _SOFTMAX
    program, names = _trace(str(spec.network), spec.classes, softmax=softmax, features=form == "V1")
    arrays = {variable: state[key] for key, (variable, _) in names.items()}
    prefix = f"@HUB_{spec.name}@" if form == "V1" else ""
    if form != "A":
        _make_older(program, prefix)
    target = folder / _FOLDERS.get(spec.name, "model")
    target.mkdir(parents=True)
    wanted = sorted(var.name for var in program.blocks[0].vars if is_parameter(var))
    records = ((name, pack_record(arrays[name.removeprefix(prefix)])) for name in wanted)
    if form == "A":
        with (target / "model.pdiparams").open("wb") as file:
            file.writelines(record for _, record in records)
    for name, record in records:
        (target / name).write_bytes(record)
    (target / ("model.pdmodel" if form == "A" else "__model__")).write_bytes(program.SerializeToString())
    _write_surroundings(spec, form, folder)


def _write_surroundings(spec: ModelSpec, form: Form, folder: Path) -> None:
    """The module's labels, and Python that must not be imported."""
    labels = folder / ("assets/label_list.txt" if form == "V1" else _LABEL_FILES.get(spec.name, "label_list.txt"))
    labels.parent.mkdir(exist_ok=True)
    labels.write_bytes(shipped_labels(str(spec.labels)).read_bytes())
    trap = folder / ("python/0.py" if form == "V1" else "module.py")
    trap.parent.mkdir(exist_ok=True)
    trap.write_text("raise SystemExit('a module was imported')\n")


def _trace(
    network: str, classes: int, *, softmax: bool = False, features: bool = False
) -> tuple[Any, dict[str, tuple[str, list[int]]]]:
    """The network as a legacy program, and by parameter its variable and shape."""
    paddle = import_paddle()
    paddle.enable_static()
    main, start = paddle.static.Program(), paddle.static.Program()
    with paddle.static.program_guard(main, start), paddle.utils.unique_name.guard():
        pictures = paddle.static.data("image", [None, 3, 224, 224], "float32")
        layer = build_network(network, classes)
        outputs = layer(pictures)
        logits = outputs[0] if isinstance(outputs, list | tuple) else outputs
        fetched = [paddle.nn.functional.softmax(logits) if softmax else logits]
        fetched += [_find_features(main, logits)] if features else []
    program = protocol().ProgramDesc.FromString(paddle.static.serialize_program([pictures], fetched, program=main))
    return program, {key: (value.name, list(value.shape)) for key, value in layer.state_dict().items()}


def _find_features(main: Any, logits: Any) -> Any:
    """What the last fully connected layer reads: the second output of PaddleHub 1.x's modules."""
    block = main.global_block()
    makers = {name: op for op in block.ops for name in op.output_arg_names}
    op = makers[logits.name]
    while op.type != "matmul_v2":
        op = makers[op.input("X")[0]]
    return block.var(op.input("X")[0])


def _make_older(program: Any, prefix: str) -> None:
    """As PaddlePaddle 1.x wrote: version 0, mul instead of matmul_v2; names of PaddleHub 1.x begin with the prefix."""
    program.version.version = 0
    program.ClearField("op_version_map")
    block = program.blocks[0]
    for var in block.vars:
        var.name = prefix + var.name
    for op in block.ops:
        for slot in itertools.chain(op.inputs, op.outputs):
            slot.arguments[:] = [prefix + name for name in slot.arguments]
        if op.type == "matmul_v2":
            op.type = "mul"
            del op.attrs[:]
            for name in ("x_num_col_dims", "y_num_col_dims"):
                op.attrs.add(name=name, type=0, i=1)


def _write_pdparams(spec: ModelSpec, state: State, folder: Path) -> None:
    """As the modules of PaddleHub 1.1.0 fetch it: without what googlenet trains with, MobileNetV3 under older names."""
    published = {key: array for key, array in state.items() if not may_be_absent(str(spec.network), key)}
    if spec.name.startswith("mobilenet_v3"):
        published = {_name_older(key): array for key, array in published.items()}
    names = {"StructuredToParameterName@@": {key: key for key in published}}
    with (folder / f"{spec.name}.pdparams").open("wb") as file:
        pickle.dump(published | names, file, protocol=2 if len(published) < 300 else 4)


def _name_older(key: str) -> str:
    first, _, rest = key.partition(".")
    if first == "blocks":
        number, _, rest = rest.partition(".")
        return f"conv{int(number) + 2}.{rest}"
    return f"{ {'conv': 'conv1', 'fc': 'out'}.get(first, first) }.{rest}"


def _to_torch(state: State) -> State:
    from scanner.zoo.networks.efficientnet_lite import rename_torch

    layers = ["_conv_stem", "_bn0", "_conv_head", "_bn1", "_fc"]
    members = ["_expand_conv", "_bn0", "_depthwise_conv", "_bn1", "_project_conv", "_bn2"]
    places = [*layers, *(f"_blocks.{block}.{member}" for block in range(30) for member in members)]
    parameters = ["weight", "bias", "running_mean", "running_var"]
    names = _turn_round(rename_torch(f"{place}.{parameter}" for place in places for parameter in parameters))
    counters: Any = {"_bn0.num_batches_tracked": np.array(1, np.int64)}
    return {names[key]: array.T if array.ndim == 2 else array for key, array in state.items()} | counters


def _write_tfjs(_: ModelSpec, state: State, folder: Path) -> None:
    """Blue first, kernels as (height, width, in, out), in two shards."""
    from scanner.zoo.networks.resnet import rename_keras

    ways = ["1", "2a", "2b", "2c"]
    branches = [f"{stage}{block}_branch{way}" for stage in "2345" for block in "abcdef" for way in ways]
    arrays = ["kernel", "bias", "gamma", "beta", "moving_mean", "moving_variance"]
    layers = ["conv1", "bn_conv1", "fc1000", *(f"res{end}" for end in branches), *(f"bn{end}" for end in branches)]
    wanted = (f"{layer}/{array}" for layer in layers for array in arrays if _has(layer, array))
    names = _turn_round(rename_keras(wanted))
    turned = {"conv1/kernel": state["stem.0.conv.weight"][:, ::-1]}
    named = {names[key]: turned.get(names[key], array) for key, array in state.items()}
    kernels = {name: array.transpose(2, 3, 1, 0) if array.ndim == 4 else array for name, array in named.items()}
    joined = b"".join(array.tobytes() for array in kernels.values())
    half = len(joined) // 2
    (folder / "group1-shard1of2.bin").write_bytes(joined[:half])
    (folder / "group1-shard2of2.bin").write_bytes(joined[half:])
    weights = [{"name": name, "shape": array.shape, "dtype": "float32"} for name, array in kernels.items()]
    group = {"paths": ["group1-shard1of2.bin", "group1-shard2of2.bin"], "weights": weights}
    (folder / "model.json").write_text(json.dumps({"format": "layers-model", "weightsManifest": [group]}))


def _has(layer: str, array: str) -> bool:
    """A convolution or the last layer has a kernel and a bias, a norm the four others."""
    return (array in ("kernel", "bias")) != layer.startswith("bn")


def _turn_round(names: Mapping[str, str]) -> dict[str, str]:
    return {new: old for old, new in names.items()}


_WRITERS = {
    "D": _write_pdparams,
    "F": lambda _, state, folder: write_legacy(folder / "it.pth", _to_torch(state)),
    "zip": lambda _, state, folder: write_zip(folder / "it.pth", _to_torch(state)),
    "G": _write_tfjs,
}
