"""The corpus as others get it: each file once, the same bytes every time, and a manifest that says what must happen."""

import hashlib
import json
import re
import sys
from pathlib import Path

import pytest

from tests.attacks.corpus import ATTACKS, Ending, __main__


def test_each_file_has_a_name_of_its_own_and_says_what_it_does() -> None:
    paths = [attack.path for attack in ATTACKS]
    assert len(set(paths)) == len(paths) > 700
    for attack in ATTACKS:
        assert re.fullmatch(r"[a-z]+/[a-z0-9_.-]+", attack.path), attack.path
        assert attack.does and attack.does[0].islower() and not attack.does.endswith("."), attack.path
        re.compile(attack.says)


@pytest.mark.full
def test_it_is_written_out_with_a_manifest_and_the_same_every_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifests = []
    for name in ("first", "second"):
        monkeypatch.setattr(sys, "argv", ["corpus", str(tmp_path / name)])
        __main__.main()
        manifests.append(json.loads((tmp_path / name / "manifest.json").read_text("utf-8")))
    assert manifests[0] == manifests[1]
    for told in manifests[0]["files"]:
        body = (tmp_path / "first" / told["path"]).read_bytes()
        assert (hashlib.sha256(body).hexdigest(), len(body)) == (told["sha256"], told["size_bytes"])
        assert told["must_be"] in set(Ending)
