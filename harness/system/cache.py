"""Where this machine keeps what it need not find out again."""

import os
from pathlib import Path

from harness.system.environment import DISTRIBUTION

CACHE_VARIABLE = "HARNESS_CACHE"
"""Folder for what other machines sent, and for what was measured of this one."""


def cache_folder() -> Path:
    """``$HARNESS_CACHE``, else a folder of ours in the user's cache; it may not be there yet."""
    if given := os.environ.get(CACHE_VARIABLE):
        return Path(given)
    home = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(home) / DISTRIBUTION
