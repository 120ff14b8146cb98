"""How long each stage of a scan worked, waited for the one before, and was held up by the one behind.

A stage has workers (threads or processes). Its times are summed over them: a stage of 2 workers that is watched for a
second has 2 worker-seconds, each of which was busy, waited or blocked.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Self


class StageName(StrEnum):
    """In the order in which a picture passes them."""

    FETCH = "fetch"
    DECODE = "decode"
    PREDICT = "predict"
    WRITE = "write"


@dataclass(frozen=True, slots=True)
class StageTime:
    """One stage's work so far. All are 0 or more; seconds are wall time summed over the workers.

    pictures: that left the stage. busy_s: at work on one. waited_s: idle, since nothing came from the stage before.
    blocked_s: idle, or holding what is done, since the stage behind took no more. workers: most at once in one scanner.
    """

    pictures: int = 0
    busy_s: float = 0.0
    waited_s: float = 0.0
    blocked_s: float = 0.0
    workers: int = 0

    def __add__(self, other: "StageTime") -> "StageTime":
        return StageTime(
            self.pictures + other.pictures,
            self.busy_s + other.busy_s,
            self.waited_s + other.waited_s,
            self.blocked_s + other.blocked_s,
            max(self.workers, other.workers),
        )

    def since(self, before: "StageTime") -> "StageTime":
        """What came on top of an earlier snapshot of the same stage; the workers are those of now."""
        return StageTime(
            max(0, self.pictures - before.pictures),
            max(0.0, self.busy_s - before.busy_s),
            max(0.0, self.waited_s - before.waited_s),
            max(0.0, self.blocked_s - before.blocked_s),
            self.workers,
        )

    @property
    def span_s(self) -> float:
        """All the worker-seconds that the stage was watched."""
        return self.busy_s + self.waited_s + self.blocked_s

    @property
    def elapsed_s(self) -> float:
        """About how long the stage was watched on the clock; 0 where nobody worked."""
        return self.span_s / self.workers if self.workers else 0.0

    def share(self, seconds: float) -> float:
        """`seconds` of this stage (its busy_s, say) as a part of all, in [0, 1]; 0 where nothing was measured."""
        return seconds / self.span_s if self.span_s > 0 else 0.0

    @property
    def rate(self) -> float | None:
        """Pictures a second that its workers manage together while they are busy; None where nothing was measured."""
        return self.pictures * self.workers / self.busy_s if self.busy_s > 0 and self.pictures else None

    def shared(self, weights: Sequence[int]) -> "list[StageTime]":
        """Cut into parts by weight, each 0 or more and not all 0; the pictures are whole and lose none."""
        total, so_far, parts, given = sum(weights), 0, [], 0
        for weight in weights:
            so_far += weight
            pictures = self.pictures * so_far // total - given
            given += pictures
            parts.append(
                StageTime(
                    pictures,
                    self.busy_s * weight / total,
                    self.waited_s * weight / total,
                    self.blocked_s * weight / total,
                    self.workers,
                )
            )
        return parts


NOTHING = StageTime()


@dataclass(frozen=True, slots=True)
class StageTimes:
    """A snapshot of what a scanner's own stages did since it was opened, and with what.

    device: `cpu`, `gpu:0` ..., engine: `paddle` or `onnx`, precision: `fp32`, `bf16`, `fp16` or `int8`: those of the
    model that speaks first; empty until it is loaded. decoding: `exact` or `fast`.
    """

    decode: StageTime = NOTHING
    predict: StageTime = NOTHING
    device: str = ""
    engine: str = ""
    precision: str = ""
    decoding: str = ""

    def since(self, before: "StageTimes") -> Self:
        """What came on top of an earlier snapshot of the same scanner."""
        return replace(self, decode=self.decode.since(before.decode), predict=self.predict.since(before.predict))

    def __add__(self, other: "StageTimes") -> "StageTimes":
        """Both together; what they were made with is the later's where it knows it."""
        return StageTimes(
            self.decode + other.decode,
            self.predict + other.predict,
            other.device or self.device,
            other.engine or self.engine,
            other.precision or self.precision,
            other.decoding or self.decoding,
        )

    def waiting(self, seconds: float) -> Self:
        """With `seconds` on the clock on top in which no picture came: all workers waited."""
        decode, predict = self.decode, self.predict
        return replace(
            self,
            decode=replace(decode, waited_s=decode.waited_s + seconds * decode.workers),
            predict=replace(predict, waited_s=predict.waited_s + seconds * predict.workers),
        )

    def shared(self, weights: Sequence[int]) -> "list[StageTimes]":
        """Cut into parts by weight, as StageTime.shared does it."""
        both = zip(self.decode.shared(weights), self.predict.shared(weights), strict=True)
        return [replace(self, decode=decode, predict=predict) for decode, predict in both]

    @property
    def stages(self) -> dict[StageName, StageTime]:
        return {StageName.DECODE: self.decode, StageName.PREDICT: self.predict}

    @property
    def limit(self) -> StageName | None:
        """See `limit_of`."""
        return limit_of(self.stages)


def limit_of(stages: Mapping[StageName, StageTime]) -> StageName | None:
    """The stage that bound the others; None where neither decoders nor predictors were measured.

    It is known by what its neighbours did: decoders and predictors that waited, on the mean of both, had nothing
    fetched; predictors that were blocked had nobody to write for; of those two themselves, the one that was busy all
    the while. Decoders alone may also wait because predictors take their time. The largest share tells.
    """
    decode, predict = stages.get(StageName.DECODE, NOTHING), stages.get(StageName.PREDICT, NOTHING)
    waits = [stage.share(stage.waited_s) for stage in (decode, predict) if stage.span_s > 0]
    shares = {
        StageName.DECODE: decode.share(decode.busy_s),
        StageName.PREDICT: predict.share(predict.busy_s),
        StageName.FETCH: sum(waits) / len(waits) if waits else 0.0,
        StageName.WRITE: predict.share(predict.blocked_s),
    }
    likeliest = max(shares, key=lambda name: shares[name])
    return likeliest if shares[likeliest] > 0 else None
