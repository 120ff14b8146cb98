import subprocess
import sys

import pytest

from rules.explain import LANGUAGES as LEXICON
from webapp.services import tongues


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("老象牙手串 包浆", "zh"),
        ("iPhone 象牙白色手机壳 Apple", "zh"),
        ("象牙の根付", "ja"),
        ("象牙彫刻 ブレスレット", "ja"),
        ("กำไลงาช้างแท้", "th"),
        ("상아 조각", "ko"),
        ("Geschnitzte Figur aus Elfenbein, sehr alt", "de"),
        ("Sculpture en ivoire, très belle pièce ancienne", "fr"),
        ("Colmillo antiguo tallado a mano, pieza de colección", "es"),
        ("Vòng tay ngà voi", "vi"),
        ("Teapot, bone china, 1920s, good condition", "en"),
        ("象牙", None),
        ("Teapot", None),
        ("Samsung Galaxy S10 128GB", None),
        ("", None),
        ("1234 5678 !!!", None),
    ],
)
def test_a_language_is_told_where_it_can_be(text: str, language: str | None) -> None:
    assert tongues.tell(text) == language


def test_every_language_of_the_lexicon_can_be_told() -> None:
    assert set(LEXICON) <= set(tongues.LANGUAGES)


def test_the_pages_do_not_load_the_model_of_languages() -> None:
    code = "import sys, webapp.application, webapp.services.tongues; sys.exit('py3langid' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
