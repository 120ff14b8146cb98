"""What deploy/ starts is there: commands, settings, queues, metrics, and files that their programs understand."""

import configparser
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from webapp.cli import main
from webapp.services.processes import QUEUES, UPKEEP
from webapp.settings import Settings
from webapp.views import metrics

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
UNITS = sorted((DEPLOY / "systemd").iterdir())
SETTINGS = {f"TUSKLINE_{name.upper()}" for name in Settings.model_fields}
BUILD = {"TUSKLINE_REQUIREMENTS"}  # what the image is built with, not what runs in it
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
OURS = {name: service for name, service in COMPOSE["services"].items() if "tuskline" in service["image"]}


def parse(arguments: list[str]) -> click.Context:
    """What Click makes of a command line, without running it. Raises click.UsageError for one that is none."""
    context = main.make_context("tuskline", list(arguments), resilient_parsing=False)
    name, command, rest = main.resolve_command(context, [*context._protected_args, *context.args])
    assert command and name
    inner = command.make_context(name, rest, parent=context)
    if isinstance(command, click.Group):
        deeper, subcommand, rest = command.resolve_command(inner, [*inner._protected_args, *inner.args])
        assert subcommand and deeper
        return subcommand.make_context(deeper, rest, parent=inner)
    return inner


def unit(path: Path) -> dict[str, list[tuple[str, str]]]:
    """Section -> (name, value) of a systemd unit."""
    parser = configparser.RawConfigParser(strict=False, delimiters=("=",))
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(path)
    return {section: parser.items(section) for section in parser.sections()}


def commands() -> list[list[str]]:
    """Every command line that deploy/ starts, health checks included."""
    containers = [service["command"] for service in OURS.values()]
    checks = [service["healthcheck"]["test"][2:] for service in OURS.values() if "healthcheck" in service]
    units = [
        dict(unit(path).get("Service", []))["ExecStart"].split()[1:] for path in UNITS if path.suffix == ".service"
    ]
    return [*containers, *checks, *units]


def served(lines: list[list[str]]) -> set[str]:
    given = [line[line.index("--queues") + 1] for line in lines if "--queues" in line]
    return {queue for one in given for queue in one.split(",")}


@pytest.mark.parametrize("arguments", commands(), ids=" ".join)
def test_every_command_is_one_of_ours(arguments: list[str]) -> None:
    parse(arguments)


@pytest.mark.parametrize(
    "arguments", [["fly"], ["worker", "--wings", "2"], ["db", "downgrade"], ["status", "--kind", "x"]]
)
def test_this_would_notice_one_that_is_not(arguments: list[str]) -> None:
    with pytest.raises(click.UsageError):
        parse(arguments)


def test_every_queue_is_served_by_containers_and_by_units() -> None:
    containers = [service["command"] for service in OURS.values() if "profiles" not in service]
    units = [dict(unit(path).get("Service", [])).get("ExecStart", "").split() for path in UNITS]
    assert served(containers) == served(units) == set(QUEUES) - {UPKEEP}, "every worker serves that one"


@pytest.mark.parametrize("path", [path for path in DEPLOY.rglob("*") if path.is_file()], ids=lambda path: path.name)
def test_every_variable_is_a_setting(path: Path) -> None:
    assert set(re.findall(r"\bTUSKLINE_[A-Z_]+", path.read_text())) - BUILD <= SETTINGS


def test_nothing_listens_beyond_this_machine() -> None:
    ports = [port for service in COMPOSE["services"].values() for port in service.get("ports", [])]
    assert ports and all(port.startswith("127.0.0.1:") for port in ports)
    assert not any("network_mode" in service for service in COMPOSE["services"].values())


def test_no_password_stands_in_a_file() -> None:
    for service in COMPOSE["services"].values():
        for name, value in service.get("environment", {}).items():
            if "PASSWORD" in name or "SECRET" in name or "TOKEN" in name:
                assert value.startswith("${"), name


@pytest.mark.parametrize("name", [name for name in OURS if name != "migrate"])
def test_every_container_may_do_little_and_says_how_it_is(name: str) -> None:
    service = OURS[name]
    assert service["healthcheck"]["test"][:3] == ["CMD", "tuskline", "status"]
    assert service["read_only"] and service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["depends_on"]["migrate"]["condition"] == "service_completed_successfully"


def test_the_image_is_built_from_pinned_packages_and_runs_as_nobody_special() -> None:
    text = (DEPLOY / "Dockerfile").read_text()
    assert "--require-hashes -r /source/requirements/$REQUIREMENTS" in text
    assert re.findall(r"^USER (\w+)", text, re.MULTILINE) == ["tuskline"]
    assert (ROOT / "requirements" / re.findall(r"ARG REQUIREMENTS=(\S+)", text)[0]).is_file()
    kept = re.findall(r"^!(\S+)", (DEPLOY / "Dockerfile.dockerignore").read_text(), re.MULTILINE)
    assert all((ROOT / name).exists() for name in kept)


def test_secrets_are_made_once_and_are_their_owner_s_alone(tmp_path: Path) -> None:
    script = shutil.copy(DEPLOY / "make_secrets.sh", tmp_path)
    subprocess.run(["sh", script], check=True, capture_output=True)
    made = tmp_path / ".env"
    values = dict(line.split("=", 1) for line in made.read_text().splitlines() if not line.startswith("#"))
    wanted = set(re.findall(r"\$\{(\w+)", (DEPLOY / "compose.yaml").read_text())) - BUILD - {"PADDLE_INDEX"}
    assert set(values) == wanted
    assert made.stat().st_mode & 0o777 == 0o600
    secrets = [values[name] for name in ("POSTGRES_PASSWORD", "REDIS_PASSWORD", "TUSKLINE_METRICS_TOKEN")]
    assert len(set(secrets)) == 3 and all(re.fullmatch(r"[0-9a-f]{48}", secret) for secret in secrets)
    assert subprocess.run(["sh", script], check=False, capture_output=True).returncode == 1
    assert made.read_text().count(secrets[0]) == 1


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_every_unit_is_shut_in(path: Path) -> None:
    service = dict(unit(path).get("Service", []))
    if path.suffix == ".service":
        for name in ("NoNewPrivileges", "ProtectHome", "PrivateTmp", "RestrictNamespaces", "LockPersonality"):
            assert service[name] == "yes", name
        assert (service["ProtectSystem"], service["User"], service["CapabilityBoundingSet"]) == (
            "strict",
            "tuskline",
            "",
        )
    assert unit(path)["Unit"] and unit(path)["Install"]


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd-analyze is not installed")
def test_systemd_understands_every_unit(tmp_path: Path) -> None:
    for path in UNITS:
        # The only thing that is not on this machine is the program itself.
        (tmp_path / path.name).write_text(path.read_text().replace("/opt/tuskline/bin/tuskline", "/bin/true"))
    names = [str(tmp_path / path.name) for path in UNITS]
    done = subprocess.run(["systemd-analyze", "verify", *names], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_alerts_ask_for_figures_that_are_told() -> None:
    rules = yaml.safe_load((DEPLOY / "alerts.yml").read_text())["groups"][0]["rules"]
    told = set(re.findall(r'"(tuskline_\w+)"', Path(str(metrics.__file__)).read_text()))
    asked = {name.removesuffix("_total") for rule in rules for name in re.findall(r"\btuskline_\w+", rule["expr"])}
    assert asked <= told
    rows = re.findall(r"^\| (`tuskline_.*?) \|", (ROOT / "docs" / "deploy.md").read_text(), re.MULTILINE)
    explained = {
        name.removesuffix("_total").removesuffix("_info") for row in rows for name in re.findall(r"tuskline_\w+", row)
    }
    assert explained == told
    assert yaml.safe_load((DEPLOY / "prometheus.yml").read_text())["rule_files"] == ["alerts.yml"]
