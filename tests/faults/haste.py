"""A fleet whose workers wait seconds where an installation waits a minute or more, so that a test sees the end."""

from collections.abc import Callable
from types import ModuleType

from tests.faults.importing import on_import

WAIT_S = 3
SEAL_S = 2.0


def install() -> None:
    for name in ("scans", "jobs"):
        on_import(f"webapp.services.{name}", setting("HINT_S"))
    for name in ("webhooks", "deliveries"):
        on_import(f"webapp.services.{name}", setting("LEASE_S"))
    on_import("webapp.services.outgoing", wait_little)
    on_import("webapp.tasks", seal_soon)


def setting(name: str) -> Callable[[ModuleType], None]:
    """Raises AttributeError where there is no such wait any more."""

    def change(module: ModuleType) -> None:
        getattr(module, name)
        setattr(module, name, WAIT_S)

    return change


def wait_little(module: ModuleType) -> None:
    module.PAUSES_S = tuple(WAIT_S for _ in module.PAUSES_S)


def seal_soon(module: ModuleType) -> None:
    module.PACED["audit.seal"] = SEAL_S
