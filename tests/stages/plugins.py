"""Distributions with one entry point each, as a wheel would install them."""

from __future__ import annotations

import sys
import textwrap
from pathlib import Path

from secateur.backends import registry


class Installer:
    """Puts distributions into a folder on the path."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.modules = folder, []

    def __call__(
        self, group: str, name: str, code: str, target: str = "Mine", distribution: str = ""
    ) -> str:
        """Install one; the name of its module."""
        distribution = distribution or f"plugin-{name}"
        module = distribution.replace("-", "_")
        (self.folder / f"{module}.py").write_text(textwrap.dedent(code))
        about = self.folder / f"{module}-2.5.dist-info"
        about.mkdir()
        (about / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 2.5\n"
        )
        where = target if ":" in target or not target else f"{module}:{target}"
        (about / "entry_points.txt").write_text(f"[{group}]\n{name} = {where}\n")
        self.modules.append(module)
        return module

    def forget(self) -> None:
        """Leave no module behind."""
        for module in self.modules:
            sys.modules.pop(module, None)
        registry._load.cache_clear()
