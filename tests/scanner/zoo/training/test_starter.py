"""A head travels as a small file, and joins only the backbone on which it was learnt."""

from pathlib import Path

import numpy as np
import pytest

from scanner.zoo.cards import read_card
from scanner.zoo.catalogue import DEFAULT
from scanner.zoo.labels import read_labels
from scanner.zoo.predictor import ModelError
from scanner.zoo.registry import find_installed
from scanner.zoo.training import starter
from scanner.zoo.training.starter import HEAD, build_starter, take_head

SHIPPED = Path(starter.__file__).parent.parent / "starter"


def test_the_shipped_card_head_and_labels_belong_together() -> None:
    card = read_card(SHIPPED)
    labels = read_labels(SHIPPED / "label_list.txt")
    with np.load(SHIPPED / HEAD, allow_pickle=False) as head:
        assert head["head.w_0"].shape == (1280, len(labels)) and head["head.b_0"].shape == (len(labels),)
    assert len(labels) == card.spec.classes
    assert set(card.spec.sees) == {"elephant", "tiger", "pangolin", "ivory_product"}
    assert all(labels[index] == concept for index, concept in card.spec.concepts.items())


def test_the_shipped_card_says_what_it_was_learnt_from_and_what_is_absent() -> None:
    card = read_card(SHIPPED)
    assert set(card.training["absent"]) == {"ivory", "tiger_skin", "pangolin_scale"}
    assert set(card.figures["concepts"]) == set(card.spec.sees)
    assert set(card.training["sources"]) >= {"other", "pangolin", "tiger", "elephant", "ivory_product"}
    assert card.training["backbone"] == DEFAULT


@pytest.mark.weights
def test_the_shipped_head_joins_its_backbone_and_comes_back_unchanged(tmp_path: Path, default_models: Path) -> None:
    backbone = find_installed(default_models, DEFAULT)
    assert backbone is not None
    build_starter(SHIPPED, (backbone,), tmp_path / "joined")
    take_head(tmp_path / "joined", tmp_path / "again")
    with np.load(tmp_path / "again" / HEAD) as again, np.load(SHIPPED / HEAD) as shipped:
        for name in shipped:
            np.testing.assert_array_equal(again[name], shipped[name])


@pytest.mark.weights
def test_a_backbone_of_other_weights_is_refused(tmp_path: Path, default_models: Path) -> None:
    backbone = find_installed(default_models, DEFAULT)
    assert backbone is not None
    backbone.card.files[:] = [backbone.card.files[0]]
    with pytest.raises(ModelError, match="learnt on other weights"):
        build_starter(SHIPPED, (backbone,), tmp_path)
    assert not list(tmp_path.iterdir())
