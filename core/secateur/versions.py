"""What a result depends on besides its settings."""

from __future__ import annotations

import platform
import sys
from importlib.metadata import PackageNotFoundError, version


def versions() -> dict[str, str]:
    """The versions that a result depends on, and the machine."""
    found = {"python": sys.version.split()[0], "machine": platform.machine()}
    for name in ("secateur", "torch", "numpy", "dimod", "dwave-samplers"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found
