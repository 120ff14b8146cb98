"""Small packs for the tests of the rules."""

from pathlib import Path

PACK = 'id: small\ntitle: Suspected things\nversion: "1.0"\n'
RULE = """\
id: elephant_seen
title: Suspected elephant
concept: elephant
severity: medium
thresholds:
  seen:
    value: 0.30
    basis: measured on twenty pictures
when:
  score: {concept: elephant, threshold: seen}
citations:
  - CITES Appendix I
examples:
  - name: an elephant
    flags: true
    scores: {elephant: 0.8}
  - name: a teapot
    flags: false
    scores: {elephant: 0.1}
"""
LEXICON = """\
language: en
terms:
  - {term: ivory, concepts: [ivory], kind: plain, source: a dictionary, not: [ivory lace]}
  - {term: ox bone, concepts: [ivory], kind: coded, source: a list, status: unverified}
"""


def write_pack(folder: Path, pack: str = PACK, lexicon: str = LEXICON, **rules: str) -> Path:
    """A pack of the given files; with the elephant rule where none is given."""
    (folder / "lexicon").mkdir(parents=True)
    (folder / "lexicon" / "en.yaml").write_text(lexicon, encoding="utf-8")
    (folder / "pack.yaml").write_text(pack, encoding="utf-8")
    for name, text in (rules or {"elephant_seen": RULE}).items():
        (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
    return folder
