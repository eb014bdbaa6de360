"""The README as an index shows it, where a path inside the repository leads nowhere.

Called by hatchling when metadata are made. Links and pictures become absolute with the URL that
``[project.urls]`` of ``pyproject.toml`` gives as ``Source``, at the tag of the version, as GitHub
lays them out. As long as it gives none, a link is its text and a picture its description.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

FENCED = re.compile(r"(^```.*?^```$)", re.MULTILINE | re.DOTALL)
PICTURE = re.compile(r"!\[([^\]]*)\]\((?!\w+:|#)([^)\s]+)\)")
LINK = re.compile(r"(?<!!)\[((?:!\[[^\]]*\]\([^)]*\)|[^\[\]])*)\]\((?!\w+:|#)([^)\s]+)\)")


def long_description(readme: str, source: str | None, version: str) -> str:
    """The README with no relative link or picture in it.

    Arguments:
        readme: Markdown; what stands in fenced blocks is left as it is.
        source: the repository's URL, without a slash at its end; None: there is none yet.
        version: its tag is ``v`` and the version.
    """

    def picture(found: re.Match[str]) -> str:
        if source is None:
            return f"*(Picture: {found[1]}.)*"
        return f"![{found[1]}]({source}/raw/v{version}/{found[2]})"

    def link(found: re.Match[str]) -> str:
        return found[1] if source is None else f"[{found[1]}]({source}/blob/v{version}/{found[2]})"

    parts = FENCED.split(readme)
    # every second part is a fenced block
    parts[::2] = [LINK.sub(link, PICTURE.sub(picture, part)) for part in parts[::2]]
    return "".join(parts)


class LongDescription(MetadataHookInterface):
    """``[tool.hatch.metadata.hooks.custom]``."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Set the ``readme`` that the ``[project]`` table leaves open."""
        text = (Path(self.root) / "README.md").read_text(encoding="utf-8")
        source = metadata.get("urls", {}).get("Source")
        shown = long_description(text, source, metadata["version"])
        metadata["readme"] = {"content-type": "text/markdown", "text": shown}
