"""`tuskline scan` and `tuskline models` as a person or a program calls them."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from unittest.mock import Mock, patch

import pytest
from click.testing import CliRunner

from scanner.cli.models import models
from scanner.cli.scan import make_scanner, read_names
from scanner.zoo import weights
from scanner.zoo.catalogue import PRIMARY
from tests.pictures import noise, save
from tests.scanner.conftest import MakeModule


def tuskline(home: Path, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).with_name("tuskline")
    environment = {"TUSKLINE_HOME": str(home), "PATH": "/usr/bin:/bin", "HOME": str(home), "PYTHONUTF8": "1"}
    return subprocess.run(
        [program, *arguments], env={**environment, **settings}, capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, make_module: MakeModule) -> Path:
    """A data folder with a primary of random weights installed by the command itself."""
    home = tmp_path_factory.mktemp("home")
    done = tuskline(home, "models", "install", PRIMARY, "--from", str(make_module("A", "softmax")))
    assert done.returncode == 0, done.stderr
    assert "10 labels, probabilities" in done.stdout
    return home


def test_scan_prints_one_json_line_an_input_in_order(tmp_path: Path, home: Path) -> None:
    for n in range(3):
        save(noise(80, 80, seed=n), tmp_path / f"{n}.png")
    (tmp_path / "notes.md").write_text("no picture, and not taken for one")
    done = tuskline(home, "scan", str(tmp_path), "--format", "jsonl")
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 0, done.stderr
    assert [Path(line["path"]).name for line in lines] == ["0.png", "1.png", "2.png"]
    assert all(line["model"] == PRIMARY and line["failure"] is None for line in lines)
    assert "3 pictures" in done.stderr


def test_scan_answers_1_where_some_failed(tmp_path: Path, home: Path) -> None:
    save(noise(80, 80), tmp_path / "a.png")
    (tmp_path / "b.jpg").write_bytes(b"")
    done = tuskline(home, "scan", str(tmp_path))
    assert done.returncode == 1
    assert f"FAILED   {tmp_path / 'b.jpg'}: the file is empty" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("scan",), "Missing argument"),
        (("scan", "/nowhere/at/all"), "does not exist; give files"),
        (("scan", ".", "--pack", "nosuch"), "no such pack"),
        (("scan", ".", "--device", "abacus"), "give cpu, gpu:N"),
        (("scan", ".", "--models", "all_of_them"), "all_of_them is not installed"),
        (("models", "install", "resnet50_vd_wild"), "did you mean"),
        (("models", "bench", "--json", "/nowhere/at/all.json"), "the folder /nowhere/at does not exist"),
        (("models", "show", "pplcnetv2_base_imagenet"), "run `tuskline models install"),
    ],
)
def test_wrong_use_answers_2_with_a_sentence(home: Path, arguments: tuple[str, ...], says: str) -> None:
    done = tuskline(home, *arguments)
    assert done.returncode == 2
    assert says in done.stderr and "Traceback" not in done.stderr


@pytest.mark.parametrize("memory", ["255", "plenty", "-1"])
def test_scan_refuses_a_memory_that_no_network_fits_in(tmp_path: Path, home: Path, memory: str) -> None:
    save(noise(80, 80), tmp_path / "a.png")
    done = tuskline(home, "scan", str(tmp_path), TUSKLINE_MODEL_MEMORY_MB=memory)
    assert done.returncode == 2
    assert f"TUSKLINE_MODEL_MEMORY_MB is '{memory}': give a whole number of MB, 256 at least" in done.stderr


def test_scan_hands_the_memory_on_to_the_predictors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TUSKLINE_MODEL_MEMORY_MB", "300")
    with patch("scanner.pipeline.Scanner") as scanner:
        make_scanner(Mock(), Mock(), "cpu")
    assert scanner.call_args.kwargs == {"memory_mb": 300}


@pytest.mark.parametrize(
    ("given", "read"), [("", None), (" , ", None), ("a, b", ("a", "b")), ("all", ("all",)), ("a,all", ("all",))]
)
def test_all_among_the_names_means_every_installed_model(given: str, read: tuple[str, ...] | None) -> None:
    assert read_names(given) == read


def test_scan_without_any_model_says_what_to_install(tmp_path: Path) -> None:
    save(noise(80, 80), tmp_path / "a.png")
    done = tuskline(tmp_path / "empty", "scan", str(tmp_path / "a.png"))
    assert done.returncode == 2 and "tuskline models install" in done.stderr


def test_scan_adopts_the_primary_that_hub_install_left(tmp_path: Path, make_module: MakeModule) -> None:
    shutil.copytree(make_module("A", "softmax"), tmp_path / ".paddlehub" / "modules" / PRIMARY)
    save(noise(80, 80), tmp_path / "a.png")
    done = tuskline(tmp_path, "scan", str(tmp_path / "a.png"), "--format", "jsonl")
    assert done.returncode == 0, done.stderr
    assert "found in" in done.stderr and json.loads(done.stdout)["primary_absent"] is False


def test_scan_reads_a_table_of_listings_and_a_list_of_paths(tmp_path: Path, home: Path) -> None:
    save(noise(80, 80), tmp_path / "a.png")
    table = tmp_path / "listings.csv"
    table.write_text(
        "url,title,description,price,currency,seller,image_url\n"
        "https://shop.example/1,Antique elephant ivory tusk,carved,100,EUR,anna,a.png\n"
    )
    paths = tmp_path / "paths.txt"
    paths.write_text(f"# two\n{tmp_path / 'a.png'}\n\n{tmp_path / 'gone.png'}\n")
    done = tuskline(home, "scan", str(table), str(paths), "--format", "jsonl")
    first, second, third = (json.loads(line) for line in done.stdout.splitlines())
    assert first["listing"] == "https://shop.example/1"
    assert "ivory_words" in [finding["rule"] for finding in first["findings"]]
    assert second["failure"] is None and "No such file" in third["failure"]


def test_a_bad_row_and_a_listing_without_a_picture_are_lines_of_their_own(tmp_path: Path, home: Path) -> None:
    save(noise(80, 80), tmp_path / "a.png")
    table = tmp_path / "listings.csv"
    table.write_text(
        "url,title,image_url\nhttps://s.example/1,lamp,a.png\n,no address,a.png\n"
        "https://s.example/2,Genuine elephant ivory tusk carving,\nhttps://s.example/3,lamp,a.png\n"
    )
    done = tuskline(home, "scan", str(table), "--format", "jsonl")
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 1 and len(lines) == 4, done.stderr
    assert [bool(line["failure"]) for line in lines] == [False, True, True, False]
    assert lines[1]["path"].endswith("listings.csv:3") and "url is empty" in lines[1]["failure"]
    assert [finding["rule"] for finding in lines[2]["findings"]] == ["ivory_words"]


def test_a_folder_without_pictures_and_a_table_without_columns_answer_2(tmp_path: Path, home: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "bad.csv").write_text("a,b\n1,2\n")
    for given, says in (("empty", "no picture was found"), ("bad.csv", "the column url and title and image_url is")):
        done = tuskline(home, "scan", str(tmp_path / given))
        assert done.returncode == 2 and says in done.stderr


def test_a_damaged_card_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "models" / PRIMARY
    folder.mkdir(parents=True)
    (folder / "card.json").write_text("{}")
    for command in (("models", "show", PRIMARY), ("models", "primary"), ("scan", __file__)):
        done = tuskline(tmp_path, *command)
        assert done.returncode == 2 and "is not a model card" in done.stderr and "Traceback" not in done.stderr
    listed = tuskline(tmp_path, "models", "list")
    assert listed.returncode == 0 and "broken" in listed.stdout and "is not a model card" in listed.stderr
    verified = tuskline(tmp_path, "models", "verify")
    assert verified.returncode == 1 and f"{PRIMARY}: " in verified.stdout and "is not a model card" in verified.stdout


def test_a_name_beside_policy_is_refused(tmp_path: Path) -> None:
    done = tuskline(tmp_path, "models", "primary", PRIMARY, "--policy")
    assert done.returncode == 2 and "not both" in done.stderr


def test_a_folder_that_can_not_be_written_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(name: str, models_dir: Path) -> bool:
        raise PermissionError(13, "Permission denied", str(models_dir / name))

    monkeypatch.setenv("TUSKLINE_HOME", str(tmp_path))
    monkeypatch.setattr(weights, "remove", refuse)
    done = CliRunner().invoke(models, ["remove", PRIMARY])
    assert done.exit_code == 2 and f"{PRIMARY} was not removed: Permission denied" in done.stderr


def test_models_are_listed_shown_verified_and_removed(home: Path, tmp_path: Path, make_module: MakeModule) -> None:
    assert "first" in tuskline(home, "models", "list").stdout
    card = json.loads(tuskline(home, "models", "show", PRIMARY).stdout)
    assert card["output_kind"] == "probabilities" and card["classes"] == 10
    assert tuskline(home, "models", "verify").stdout == f"{PRIMARY}: whole\n"
    tuskline(tmp_path, "models", "install", PRIMARY, "--from", str(make_module("A", "softmax")))
    labels = tmp_path / "models" / PRIMARY / "label_list.txt"
    labels.write_text("changed")
    verified = tuskline(tmp_path, "models", "verify", PRIMARY)
    assert verified.returncode == 1 and "label_list.txt has changed" in verified.stdout
    assert "was removed" in tuskline(tmp_path, "models", "remove", PRIMARY).stdout
    assert "not installed" in tuskline(tmp_path, "models", "list").stdout
