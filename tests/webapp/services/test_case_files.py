"""A case file holds the evidence on its findings, and whoever has it can check that."""

import json
from collections.abc import Iterator
from pathlib import Path
from zipfile import ZipFile

import pytest
from sqlalchemy.orm import Session

from tests.scanner.fetch.site import Site, running_site
from tests.webapp.services.evidence import Evidence, make_evidence
from webapp.services import case_files
from webapp.services.case_files import Asked
from webapp.settings import Settings
from webapp.storage import open_store


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with running_site() as site:
        yield site


@pytest.fixture
def evidence(session: Session, settings: Settings, site: Site, tmp_path: Path) -> Evidence:
    return make_evidence(session, settings, site, tmp_path)


def bundle(evidence: Evidence, asked: Asked | None = None) -> ZipFile:
    asked = asked or Asked.of_findings(evidence.ids)
    row = case_files.export(evidence.session, evidence.settings, asked, evidence.reviewer)
    return ZipFile(open_store(evidence.settings).local_path(case_files.name_of(row.sha256)))


def lines(made: ZipFile, path: str) -> list[dict]:
    return [json.loads(line) for line in made.read(path).split(b"\n")[:-1]]


def test_smoke(evidence: Evidence, tmp_path: Path) -> None:
    made = bundle(evidence)
    for info in made.infolist():
        print(info.filename, info.file_size)
    print(made.read("case.json").decode())
    print(made.read("README.txt").decode())
    print(json.dumps(lines(made, "captures.jsonl")[:2], indent=1))
    print(json.dumps(lines(made, "findings.jsonl")[0], indent=1)[:6000])
    Path("/tmp/smoke.zip").write_bytes(Path(made.filename).read_bytes())
    assert 0
