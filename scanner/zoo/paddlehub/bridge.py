"""A module by PaddleHub's own `hub install`, for whoever wants it that way, kept as far from us as a process can be.

What it trusts: PaddleHub asks its server over plain http, checks no digest, unpacks the archive without a look at its
paths and imports the module's module.py: code of the archive runs with the rights of the person who typed the command.
It is never used unless asked for. See docs/decisions/0005-paddlehub-in-its-own-environment.md.
"""

import fcntl
import json
import os
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from scanner.zoo.paddlehub.commands import Ending, run_command
from scanner.zoo.paddlehub.environment import NETWORK, BuildError, ensure_environment

Echo = Callable[[str], None]
PATIENCE_S = 3600.0
WARNING = (
    "PaddleHub checks no digest of what it downloads, by default over plain http, and runs the module's own Python "
    "code on this machine as you: go on only where you trust its server and the way there"
)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_VERSION = re.compile(r"[0-9]+(\.[0-9]+)*")
# What PaddleHub says of its own doing; the rest of its output is Python's, and is shown where it failed.
_STEP = re.compile(r"Download |Decompress |\[.*\] - ")


class BridgeError(Exception):
    """A module that `hub install` did not bring; the message is one sentence, and no part of it was left."""


def install_via_paddlehub(module: str, version: str | None, home: Path, echo: Echo, server: str | None = None) -> Path:
    """The module's folder as PaddleHub's own `hub install` left it, below home/paddlehub/hub_home/modules.

    The environment in home/paddlehub/env is built the first time. HUB_HOME and HOME are folders of our own that
    start empty: nothing of an earlier run is taken for this one's, and the number by which PaddleHub tells its server
    who asks is another each time. server: a mirror's address; None is PaddleHub's own, over plain http.

    Raises BridgeError, which says what to do. Running it trusts what the module's docstring and WARNING say.
    """
    _check_words(module, version, server)
    echo(WARNING)
    place = home.resolve() / "paddlehub"
    try:
        with _alone(place):
            python = ensure_environment(place / "env", echo)
            with _fresh(place) as hub_home:
                _write_settings(hub_home, server)
                ending = _run_hub(python, place, _wanted(module, version), echo)
                return _take(hub_home, module, ending, echo)
    except (BuildError, OSError) as error:
        raise BridgeError(f"{module} was not installed: {error}") from error


def _wanted(module: str, version: str | None) -> str:
    return module if version is None else f"{module}=={version}"


def _check_words(module: str, version: str | None, server: str | None) -> None:
    """`hub install` takes a word that looks like an option or a path for one."""
    if not _NAME.fullmatch(module):
        raise BridgeError(f"{module!r} is no name of a PaddleHub module: give one as `tuskline models list` shows it")
    if version is not None and not _VERSION.fullmatch(version):
        raise BridgeError(f"{version!r} is no version of a PaddleHub module: give one like 1.1.0")
    if server is not None and not server.startswith(("http://", "https://")):
        raise BridgeError(
            f"{server!r} is no address of a PaddleHub server: give one that begins with https:// or http://"
        )


@contextmanager
def _alone(place: Path) -> Iterator[None]:
    place.mkdir(parents=True, exist_ok=True)
    with (place / "lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise BridgeError(f"another install through PaddleHub is using {place}: wait until it has ended") from None
        yield


@contextmanager
def _fresh(place: Path) -> Iterator[Path]:
    """An empty HUB_HOME and an empty HOME; HUB_HOME stays when all went well, HOME never does."""
    hub_home, person = place / "hub_home", place / "home"
    try:
        for folder in (hub_home, person):
            _delete(folder)
            folder.mkdir()
        yield hub_home
    except BaseException:
        _delete(hub_home)
        raise
    finally:
        _delete(person)


def _delete(folder: Path) -> None:
    if folder.exists():
        shutil.rmtree(folder)


def _write_settings(hub_home: Path, server: str | None) -> None:
    """PaddleHub's own settings file; JSON is YAML."""
    if server is not None:
        (hub_home / "conf").mkdir()
        (hub_home / "conf" / "config.yaml").write_text(json.dumps({"server": server.rstrip("/")}), encoding="utf-8")


def hub_settings(environ: Mapping[str, str], place: Path) -> dict[str, str]:
    """The whole environment of PaddleHub and of the module's code: nothing of ours but the way to the network.

    What a module's requirements.txt asks for, PaddleHub gives to pip: here pip may ask no index, so that nothing is
    installed that was not pinned.
    """
    kept = {name: value for name, value in environ.items() if name in NETWORK or name == "PATH"}
    ours = {"HOME": place / "home", "TMPDIR": place / "home", "HUB_HOME": place / "hub_home"}
    fixed = {"PIP_NO_INDEX": "1", "PIP_CONFIG_FILE": os.devnull, "PYTHONNOUSERSITE": "1", "LANG": "C.UTF-8"}
    return kept | {name: str(path) for name, path in ours.items()} | fixed


def _run_hub(python: Path, place: Path, wanted: str, echo: Echo) -> Ending:
    """`hub install`, as PaddleHub's own console script starts it. Which Paddle a module was made for is no matter:
    our own reader takes the network out of it."""
    command: list[str | Path] = [python, "-I", "-X", "utf8", "-W", "ignore", python.with_name("hub")]
    command += ["install", wanted, "--ignore_env_mismatch"]

    def hear(line: str) -> None:
        if _STEP.match(line):
            echo(line)

    try:
        return run_command(command, hub_settings(os.environ, place), place / "home", PATIENCE_S, hear)
    except TimeoutError as error:
        raise BridgeError(f"{wanted} was not installed: `hub install` took too long ({error}); try again") from error


def _take(hub_home: Path, module: str, ending: Ending, echo: Echo) -> Path:
    """The folder, where `hub install` brought it; also where PaddleHub then failed to import the module's Python.

    It does so for most classifiers with Paddle 3 (they were written for Paddle 1 and early 2); the folder was copied
    whole before that, and what our own reader takes out of it is checked there.
    """
    folder = hub_home / "modules" / module.replace("-", "_")
    if ending.status == 0 and folder.is_dir():
        return folder
    if _copied_whole(ending) and folder.is_dir():
        echo(f"PaddleHub brought {module} and could not import its Python ({ending.last_words}): its network is used")
        return folder
    raise BridgeError(
        f"{module} was not installed: PaddleHub's `hub install` failed ({ending.last_words}); check the name, or give "
        f"a server that can be reached with --hub-server, or the module's folder or archive with --from"
    )


def _copied_whole(ending: Ending) -> bool:
    """Whether it ended in HubModule.load of the folder in place: the step after the copying, which is the last one."""
    return ending.status == 1 and "hub_module_cls = HubModule.load(self._get_normalized_path(" in ending.output
