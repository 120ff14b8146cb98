"""`make sbom`: the parts of Tuskline as CycloneDX 1.6 (JSON), from the lock file. The same lock gives the same bytes.

python -m release.sbom requirements/run.txt > tuskline.cdx.json
"""

import json
import sys
import tomllib
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from cyclonedx.model import ExternalReference, ExternalReferenceType, HashAlgorithm, HashType, Property, XsUri
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.license import DisjunctiveLicense, LicenseExpression
from cyclonedx.output.json import JsonV1Dot6
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packageurl import PackageURL

from release.locks import FOLDER, Pin, pins_of

PROJECT = tomllib.loads((FOLDER.parent / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def make_sbom(lock: Path) -> str:
    """Raises ValueError where the schema does not take it."""
    bom = Bom(components=[component_of(pin) for pin in pins_of(lock)])
    bom.metadata.component = Component(
        type=ComponentType.APPLICATION, name=PROJECT["name"], version=PROJECT["version"], bom_ref=PROJECT["name"],
        licenses=[LicenseExpression(PROJECT["license"])],
    )  # fmt: skip
    bom.register_dependency(bom.metadata.component, bom.components)
    text = without_chance(JsonV1Dot6(bom).output_as_string())
    if fault := JsonStrictValidator(SchemaVersion.V1_6).validate_str(text):
        raise ValueError(f"the list of parts is no CycloneDX 1.6: {str(fault).splitlines()[0]}")
    return text


def component_of(pin: Pin) -> Component:
    purl = PackageURL("pypi", None, pin.name, pin.version)
    page = ExternalReference(
        type=ExternalReferenceType.DISTRIBUTION,
        url=XsUri(f"https://pypi.org/project/{pin.name}/{pin.version}/"),
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=digest) for digest in pin.sha256],
    )
    return Component(
        type=ComponentType.LIBRARY, name=pin.name, version=pin.version, bom_ref=str(purl), purl=purl,
        external_references=[page], licenses=licences_of(pin),
        properties=[Property(name="tuskline:marker", value=pin.marker)] if pin.marker else [],
    )  # fmt: skip


def licences_of(pin: Pin) -> list[LicenseExpression | DisjunctiveLicense]:
    """What the package says of itself, where this very version is installed here; none is made up."""
    try:
        said = metadata(pin.name)
    except PackageNotFoundError:
        return []
    if said["Version"] != pin.version:
        return []
    if expression := said.get("License-Expression"):
        return [LicenseExpression(expression)]
    classified = [
        line.rpartition(" :: ")[2] for line in said.get_all("Classifier") or [] if line.startswith("License ::")
    ]
    return [DisjunctiveLicense(name=name) for name in classified]


def without_chance(text: str) -> str:
    """Without the time of day, and with a number that is of the content."""
    said: dict[str, Any] = json.loads(text)
    said["metadata"].pop("timestamp", None)
    said.pop("serialNumber", None)
    plain = json.dumps(said, sort_keys=True)
    said["serialNumber"] = f"urn:uuid:{uuid5(NAMESPACE_URL, plain)}"
    return json.dumps(said, indent=2, sort_keys=True) + "\n"


if __name__ == "__main__":
    sys.stdout.write(make_sbom(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER / "run.txt"))
