"""Where data is kept when nobody says otherwise."""

import os
from pathlib import Path

import platformdirs

CHECKOUT = Path(__file__).resolve().parent.parent


def data_home() -> Path:
    """$TUSKLINE_HOME, else `var/` of a source checkout, else the user's data folder.

    A checkout keeps all that it makes inside itself: whoever deletes the folder has deleted everything.
    """
    if named := os.environ.get("TUSKLINE_HOME"):
        return Path(named).expanduser().resolve()
    if (CHECKOUT / "pyproject.toml").is_file():
        return CHECKOUT / "var"
    return Path(platformdirs.user_data_dir("tuskline", appauthor=False))
