"""On which engine and in which precision a model runs here: what is wished, what is there, and what was checked."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import get_args

from scanner.zoo.engines.devices import Device, is_built, is_there
from scanner.zoo.precisions import Decoding, DeviceKind, EngineName, Precision, PrecisionCheck, lacks_precision
from scanner.zoo.registry import InstalledModel
from scanner.zoo.wishes import ENGINES, Wishes

# By less no other scores are worth having, and the clock may have been wrong.
LEAST_FASTER = 1.1
LOWER: tuple[Precision, ...] = ("bf16", "fp16", "int8")


@dataclass(frozen=True, slots=True)
class Running:
    """One way in which a model can run here. check: what its card says of it; None for fp32, or where nothing does."""

    engine: EngineName
    precision: Precision
    check: PrecisionCheck | None = None

    @property
    def is_trusted(self) -> bool:
        return self.precision == "fp32" or (self.check is not None and self.check.has_passed)

    @property
    def is_worth_it(self) -> bool:
        return self.precision == "fp32" or (self.is_trusted and self.speed >= LEAST_FASTER)

    @property
    def speed(self) -> float:
        return 1.0 if self.check is None else self.check.speed


@dataclass(frozen=True, slots=True)
class Settled:
    """A model with its engine and precision. warning: one sentence where it is not, or should not be, as wished."""

    model: InstalledModel
    warning: str | None = None


def settle(model: InstalledModel, device: Device, wishes: Wishes) -> Settled:
    """The model as it is to run on the device. A precision that the device was given comes before the wished one."""
    wanted = device.precision or wishes.precision
    ways = list(ways_of(model, device.gpu is not None))
    if device.gpu is not None and not ways:
        return _beside_card(model, device, wishes)
    asked = [way for way in ways if wishes.engine in ("auto", way.engine)]
    warning = None
    if not asked:
        warning = lacks_engine(model, wishes.engine)
        asked = ways
    if wanted != "auto":
        return _forced(model, device, wanted, asked, warning)
    best = max((way for way in asked if way.is_worth_it), key=lambda way: way.speed, default=None)
    if best is None:  # nothing is installed that could run it: opening it says so
        return Settled(model, warning)
    return Settled(_as(model, best), warning)


def _beside_card(model: InstalledModel, device: Device, wishes: Wishes) -> Settled:
    """No engine can run it on that card: Paddle is built for the CPU, and it has no ONNX network, say."""
    settled = settle(model, Device(), wishes)
    if not is_built("onnx"):
        return settled  # no engine of ours can use a card at all, which the scan says once for all models
    return replace(settled, warning=lacks_card(model, device))


def _forced(
    model: InstalledModel, device: Device, wanted: Precision, ways: list[Running], warning: str | None
) -> Settled:
    way = next((way for way in ways if way.precision == wanted), None)
    if way is None:
        plain = next((way for way in ways if way.precision == "fp32"), None)
        why = lacks_precision(wanted, kind_of(device)) or lacks_file(model, wanted, ways)
        return Settled(_as(model, plain) if plain else model, _both(warning, lacks_wanted(model, wanted, why)))
    return Settled(_as(model, way), warning if way.is_trusted else _both(warning, lacks_check(model, way)))


def _both(warning: str | None, told: str) -> str:
    return f"{warning}; {told}" if warning else told


def _as(model: InstalledModel, way: Running) -> InstalledModel:
    return replace(model, engine=way.engine, precision=way.precision)


def ways_of(model: InstalledModel, on_card: bool) -> Iterator[Running]:
    """What this machine can run the model on, fp32 first and Paddle before ONNX Runtime."""
    on: DeviceKind = "gpu" if on_card else "cpu"
    for precision in get_args(Precision):
        if lacks_precision(precision, on) is None:
            for engine in ENGINES:
                if can_run(model, engine, precision, on_card):
                    yield Running(engine, precision, find_check(model, engine, precision, on))


def can_run(model: InstalledModel, engine: EngineName, precision: Precision, on_card: bool) -> bool:
    """Whether the engine is installed, for that device, and has what it needs of the model."""
    if not (is_built(engine) if on_card else is_there(engine)):
        return False
    if engine == "onnx":
        return precision in model.card.onnx
    if precision == "bf16":
        return model.card.tuning == "full"  # oneDNN makes it
    return precision == "fp32" or (precision == "fp16" and on_card)


def find_check(
    model: InstalledModel, engine: EngineName, precision: Precision, on: DeviceKind
) -> PrecisionCheck | None:
    """The newest check of that way, of the network that lies there now."""
    network = model.card.onnx[precision].sha256 if engine == "onnx" and precision in model.card.onnx else ""
    checks = [
        check
        for check in model.card.checks
        if (check.engine, check.precision, check.on, check.network) == (engine, precision, on, network)
    ]
    return max(checks, key=lambda check: check.checked_at, default=None)


def lacks_way(model: InstalledModel, device: Device) -> str | None:
    """Why the model can't run here with the engine and precision that it says, in a sentence; None where it can."""
    if reason := lacks_precision(model.precision, kind_of(device)):
        return f"it scored in {model.precision}, and {reason}"
    if can_run(model, model.engine, model.precision, on_card=device.gpu is not None) or model.precision == "fp32":
        return None
    return f"it scored in {model.precision} on {model.engine}, which can't run it here"


def kind_of(device: Device) -> DeviceKind:
    return "cpu" if device.gpu is None else "gpu"


# What people are told, in sentences ---------------------------------------------------------------------------------


def lacks_card(model: InstalledModel, device: Device) -> str:
    why = model.card.onnx_note or f"run `tuskline models convert {model.name}`"
    return f"{model.name} runs on the CPU and not on {device.name}: it has no ONNX file ({why})"


def lacks_wanted(model: InstalledModel, wanted: Precision, why: str) -> str:
    return f"{model.name} runs in fp32 though {wanted} was asked for: {why}"


def lacks_check(model: InstalledModel, way: Running) -> str:
    if way.check is None:
        return (
            f"{model.name} runs in {way.precision} as was asked for, which was never checked on real pictures: scores "
            f"may differ; run `tuskline models precision {model.name} --on FOLDER`"
        )
    return (
        f"{model.name} runs in {way.precision} as was asked for, which did not pass its check on real pictures: scores "
        f"may differ; run `tuskline models precision {model.name} --on FOLDER`"
    )


def lacks_engine(model: InstalledModel, engine: str) -> str | None:
    if engine == "auto":
        return None
    if engine == "onnx" and is_there("onnx") and not model.card.onnx:
        why = model.card.onnx_note or f"run `tuskline models convert {model.name}`"
        return f"{model.name} runs on paddle though onnx was asked for: it has no ONNX file ({why})"
    return f"{model.name} can't run on {engine}, which is not installed here for this device"


def lacks_file(model: InstalledModel, precision: Precision, ways: Sequence[Running]) -> str:
    """ways: those that the wished engine leaves."""
    if not any(way.engine == "onnx" for way in ways) and precision in model.card.onnx:
        return f"{precision} is for ONNX Runtime, which is not installed here, or not the engine that was asked for"
    if precision == "bf16":
        return "Paddle makes it, which runs it without oneDNN here, is not installed, or is not the engine asked for"
    return f"it has no {precision} network here; run `tuskline models precision {model.name} --on FOLDER`"


def variant_of(model: InstalledModel, digest: str) -> InstalledModel | None:
    """The model as it must be run to score under that digest; None where no way of running it has it.

    Where both engines have it, as in fp32, its own: the other may not be installed.
    """
    engines = tuple(dict.fromkeys((model.engine, *ENGINES)))
    engines_and_precisions = [(engine, precision) for precision in get_args(Precision) for engine in engines]
    for decoding in get_args(Decoding):
        for engine, precision in engines_and_precisions:
            variant = replace(model, engine=engine, precision=precision, decoding=decoding)
            if variant.digest == digest:
                return variant
    return None
