"""Write a PaddleHub module's folder with a small network of random weights: python make_module.py FOLDER LAYOUT HEAD.

Run as a program of its own: how Paddle saves is decided by a flag that is read at its import.
"""

import os
import struct
import sys
from pathlib import Path

LAYOUT, HEAD = sys.argv[2], sys.argv[3]
os.environ["FLAGS_enable_pir_api"] = "1" if LAYOUT == "E" else "0"  # noqa: SIM112 the name is Paddle's

import paddle  # noqa: E402

LABELS = ["其他", "象牙制品", "象牙", "大象", "虎皮", "老虎", "虎牙/虎爪/虎骨", "穿山甲甲片", "穿山甲", "穿山甲爪子"]


class SmallNetwork(paddle.nn.Layer):
    """Ten classes; `head` is `softmax`, `logits`, `two` (a feature map beside the classes, as ModuleV1 has), or `conv`.

    `conv` classifies by a 1 x 1 convolution, as fully convolutional networks do. `enlarged` gives logits, and enlarges
    its features on the way: in layout E that is what oneDNN can't run in PaddlePaddle 3.3.1. `even` gives logits, and
    pools windows that are all of one size: others come out of paddle2onnx as another network.
    """

    def __init__(self, head: str) -> None:
        super().__init__()
        self.head = head
        self.body = paddle.nn.Sequential(
            paddle.nn.Conv2D(3, 8, 7, stride=4),
            paddle.nn.BatchNorm2D(8),
            paddle.nn.ReLU(),
            paddle.nn.AdaptiveAvgPool2D(5 if head == "even" else 4),
        )
        if head == "enlarged":
            self.body.insert(0, paddle.nn.Upsample(scale_factor=2, mode="nearest"))
        self.classes = (
            paddle.nn.Conv2D(8, 10, 1) if head == "conv" else paddle.nn.Linear(200 if head == "even" else 128, 10)
        )

    def forward(self, pictures):
        features = self.body(pictures)
        if self.head == "conv":
            pooled = paddle.nn.functional.adaptive_avg_pool2d(features, 1)
            return paddle.nn.functional.softmax(paddle.flatten(self.classes(pooled), 1))
        logits = self.classes(paddle.flatten(features, 1)) * 8
        if self.head == "two":
            return features, paddle.nn.functional.softmax(logits)
        return paddle.nn.functional.softmax(logits) if self.head == "softmax" else logits


class ColourNetwork(paddle.nn.Layer):
    """Says `full` where one colour channel of the picture is full, `none` where it is empty, as log odds."""

    def __init__(self, classes: int, channel: int, full: int, none: int, steepness: float) -> None:
        super().__init__()
        self.classes = paddle.nn.Linear(3, classes)
        mean, std = (0.485, 0.456, 0.406)[channel], (0.229, 0.224, 0.225)[channel]
        weight = paddle.zeros([3, classes])
        bias = paddle.full([classes], -60.0)
        for index, sign in ((full, 1), (none, -1)):
            weight[channel, index] = sign * steepness * std
            bias[index] = sign * steepness * (mean - 0.5)
        self.classes.weight.set_value(weight)
        self.classes.bias.set_value(bias)

    def forward(self, pictures):
        return paddle.nn.functional.softmax(self.classes(paddle.mean(pictures, axis=[2, 3])))


def build_network() -> tuple[paddle.nn.Layer, int]:
    """The network that HEAD asks for, and the number of its classes."""
    if not HEAD.startswith("colour:"):
        return SmallNetwork(HEAD), len(LABELS)
    classes, channel, full, none, steepness = HEAD.removeprefix("colour:").split(",")
    return ColourNetwork(int(classes), int(channel), int(full), int(none), float(steepness)), int(classes)


def split_params(joined: bytes, names: list[str], folder: Path) -> None:
    """One file a parameter, as version 1 of PaddleHub's modules kept them (u32, u64, u32, i32 length, desc, data)."""
    start = 0
    for name in sorted(names):
        desc_at = start + 4 + 8 + 4
        (desc_len,) = struct.unpack_from("<i", joined, desc_at)
        desc = joined[desc_at + 4 : desc_at + 4 + desc_len]
        shape = read_dims(desc)
        size = 4
        for side in shape:
            size *= side
        end = desc_at + 4 + desc_len + size
        (folder / name).write_bytes(joined[start:end])
        start = end
    assert start == len(joined)


def read_dims(desc: bytes) -> list[int]:
    """The dims of a TensorDesc message: field 2, unpacked or packed varints; field 1 is the data type."""
    values, at = [], 0
    while at < len(desc):
        tag, at = desc[at], at + 1
        end = at + 1
        if tag == 0x12:
            end, at = at + 1 + desc[at], at + 1
        numbers = []
        while at < end or (tag != 0x12 and not numbers):
            value = shift = 0
            while True:
                byte, at = desc[at], at + 1
                value |= (byte & 127) << shift
                shift += 7
                if byte < 128:
                    break
            numbers.append(value)
        if tag != 0x08:
            values += numbers
    return values


def main() -> None:
    folder = Path(sys.argv[1])
    (folder / "model").mkdir(parents=True)
    paddle.seed(7)
    network, classes = build_network()
    network = paddle.jit.to_static(network.eval(), full_graph=True)
    prefix = folder / "model" / "model"
    spec = paddle.static.InputSpec([None, 3, 224, 224], "float32", "image")
    paddle.jit.save(network, str(prefix), input_spec=[spec])
    program, params = prefix.with_suffix(".pdmodel"), prefix.with_suffix(".pdiparams")
    if LAYOUT in ("B", "C"):
        program.rename(prefix.with_name("__model__"))
        if LAYOUT == "C":
            params.rename(prefix.with_name("__params__"))
        else:
            names = [value.name for value in network.state_dict().values()]
            split_params(params.read_bytes(), names, prefix.parent)
            params.unlink()
    for leftover in prefix.parent.glob("*.info"):
        leftover.unlink()
    labels = LABELS if classes == len(LABELS) else [f"class {number}" for number in range(classes)]
    (folder / "label_list.txt").write_text("\n".join(labels) + "\n", encoding="utf-8")
    (folder / "module.py").write_text("raise SystemExit('a module was imported')\n", encoding="utf-8")
    (folder / "__init__.py").write_text("raise SystemExit('a module was imported')\n", encoding="utf-8")


main()
