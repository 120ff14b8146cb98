"""One broken card stops no other model, and is told where that model was to speak first."""

import dataclasses
import shutil
from pathlib import Path

import pytest

from scanner.zoo.cards import Card, CardError, write_card
from scanner.zoo.cascade import NoModelError, choose_models, read_primary, set_primary
from scanner.zoo.catalogue import CATALOGUE, DEFAULT, PRIMARY
from scanner.zoo.registry import find_installed, installed_models, read_installed
from scanner.zoo.weights import InstallError, adopt_primary, check_name


def place(models: Path, name: str) -> Path:
    """A model's folder with its card, and without its network."""
    folder = models / name
    folder.mkdir(parents=True)
    spec = dataclasses.replace(CATALOGUE[DEFAULT], name=name)
    write_card(folder, Card(spec, "x", "2026-11-24", "A", "A", "p", "q", "label_list.txt", 0, "logits", []))
    return folder


def break_card(models: Path, name: str) -> None:
    (models / name).mkdir(parents=True, exist_ok=True)
    (models / name / "card.json").write_text("{")


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """The primary, the default, and a folder whose card is cut off."""
    for name in (PRIMARY, DEFAULT):
        place(tmp_path, name)
    break_card(tmp_path, "foo")
    return tmp_path


def test_a_broken_card_leaves_out_its_model_and_is_logged(models: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert {model.name for model in installed_models(models)} == {PRIMARY, DEFAULT}
    assert f"foo is left out: {models / 'foo' / 'card.json'} is not a model card" in caplog.text
    assert list(read_installed(models)[1]) == ["foo"]
    assert choose_models(models).models[0].name == PRIMARY
    with pytest.raises(CardError, match="remove the folder and install the model again"):
        find_installed(models, "foo")


def test_a_broken_card_of_whoever_is_to_speak_is_told(models: Path) -> None:
    with pytest.raises(CardError, match="foo"):
        choose_models(models, names=("foo",))
    break_card(models, PRIMARY)
    for names in (None, ("all",)):
        with pytest.raises(CardError, match=PRIMARY):
            choose_models(models, names=names)
    assert choose_models(models, names=(DEFAULT,)).models[0].name == DEFAULT
    set_primary(models, DEFAULT)
    adopt_primary(models, print)
    assert choose_models(models).models[0].name == DEFAULT
    break_card(models, DEFAULT)
    with pytest.raises(CardError, match=DEFAULT):
        choose_models(models)


def test_a_copied_folder_is_not_a_second_model_of_the_same_name(models: Path) -> None:
    shutil.copytree(models / DEFAULT, models / "copy_of_it")
    with pytest.raises(CardError, match=f"is the card of {DEFAULT}; .* models install copy_of_it --from"):
        find_installed(models, "copy_of_it")
    assert [model.name for model in installed_models(models)].count(DEFAULT) == 1


def test_a_model_may_be_called_primary(models: Path) -> None:
    place(models, "primary")
    set_primary(models, "primary")
    assert read_primary(models) == "primary"


def test_a_choice_that_is_no_text_is_none(models: Path) -> None:
    (models / "primary.txt").write_bytes(b"\xff\xfe")
    assert read_primary(models) is None
    set_primary(models, DEFAULT)
    assert read_primary(models) == DEFAULT


@pytest.mark.parametrize("name", [DEFAULT, None])
def test_a_choice_that_can_not_be_written_is_a_sentence(models: Path, name: str | None) -> None:
    (models / "primary.txt" / "x").mkdir(parents=True)
    with pytest.raises(NoModelError, match=r"can't be written to .*primary\.txt"):
        set_primary(models, name)


def test_a_name_is_checked_by_itself() -> None:
    check_name("ours_2026")
    with pytest.raises(InstallError, match="is no name for a model"):
        check_name("Ours 2026")
