"""An errand as an install sends it, without the install."""

from collections.abc import Callable
from pathlib import Path

import pytest

from scanner.zoo.catalogue import find_spec
from scanner.zoo.options import InstallOptions
from scanner.zoo.registry import InstalledModel
from scanner.zoo.sources.errand import Errand

MakeErrand = Callable[..., Errand]


@pytest.fixture
def make_errand(tmp_path: Path) -> MakeErrand:
    """make_errand(name, **options): each with an empty scratch folder of its own."""
    made: list[Errand] = []

    def need(_: str) -> InstalledModel:
        raise AssertionError("no other model is wanted here")

    def make(name: str, **options: object) -> Errand:
        scratch = tmp_path / f"scratch-{len(made)}"
        scratch.mkdir()
        made.append(
            Errand(
                name=name,
                spec=find_spec(name),
                models_dir=tmp_path / "models",
                scratch=scratch,
                options=InstallOptions(**{"plain_http": True, **options}),  # type: ignore[arg-type]
                echo=lambda _: None,
                progress=lambda _, __: None,
                need=need,
            )
        )
        return made[-1]

    (tmp_path / "models").mkdir()
    return make
