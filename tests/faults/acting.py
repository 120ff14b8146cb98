"""A deed of the product in a process of its own, which may die at an armed step; the next process does what is left."""

import multiprocessing
import os
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.faults import deaths
from webapp.settings import Settings

PATIENCE_S = 60.0
_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(["tests.faults.deeds"])


@dataclass
class Actor:
    """site: `host:port` of what webhooks of the test may reach."""

    settings: Settings
    site: str

    @property
    def deaths(self) -> Path:
        return self.settings.home / "deaths"

    def act(self, deed: str, **what: Any) -> bool:
        """Do the deed of that name in tests.faults.deeds; whether the process lived to its end."""
        chosen = {"home": str(self.settings.home), "database_url": self.settings.database_url, "site": self.site}
        process = _context.Process(target=play, args=(str(self.deaths), deed, chosen, what))

        process.start()
        process.join(PATIENCE_S)
        if process.exitcode is None:
            process.kill()
            raise AssertionError(f"{deed} did not end within {PATIENCE_S:.0f} s")
        assert process.exitcode in (0, -signal.SIGKILL), f"{deed} ended with {process.exitcode}; see above"
        return process.exitcode == 0


def play(folder: str, deed: str, chosen: dict[str, Any], what: dict[str, Any]) -> None:
    os.environ[deaths.FOLDER] = folder
    from tests.faults import deeds  # with the hooks, before anything of the product is imported

    deeds.do(deed, chosen, what)
