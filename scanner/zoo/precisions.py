"""How a model can be run: the words for its engine, the precision of its numbers, and how its pictures are opened."""

from typing import Literal

EngineName = Literal["paddle", "onnx"]
Precision = Literal["fp32", "bf16", "fp16", "int8"]
Decoding = Literal["exact", "fast"]
