"""A shipped head needs its backbones first."""

import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from scanner.zoo.sources.heads import ZOO, fetch_head
from scanner.zoo.spec import HeadSource
from tests.scanner.zoo.sources.conftest import MakeErrand


def test_the_backbones_are_had_before_the_head_is_joined_with_them(
    make_errand: MakeErrand, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[Any] = []

    def build(folder: Path, backbones: tuple[Any, ...], staged: Path) -> None:
        order.append((folder, backbones))
        (staged / "label_list.txt").write_text("tiger\n")

    monkeypatch.setitem(sys.modules, "scanner.zoo.training.starter", SimpleNamespace(build_starter=build))  # type: ignore[arg-type]
    errand = replace(make_errand("pplcnetv2_base_imagenet"), need=lambda name: order.append(name) or name.upper())  # type: ignore[arg-type,func-returns-value,return-value]
    delivery = fetch_head(HeadSource("heads/starter", ("one", "two")), errand)
    assert order == ["one", "two", (ZOO / "heads/starter", ("ONE", "TWO"))]
    assert [path.name for path in delivery.folder.iterdir()] == ["label_list.txt"]
    assert delivery.words == "the head that Tuskline ships, on one and two"
