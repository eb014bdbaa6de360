"""The JSON that the library writes, as JSON Schemas (draft 2020-12), one file a document.

They are made from the declarations of what is written, by ``docs/schemas.py``; the reference names
for each document the command or file that it is of.
"""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

from secateur.errors import OptionError
from secateur.nearest import did_you_mean

__all__ = ["list_schemas", "load_schema"]


def list_schemas() -> list[str]:
    """The names of all documents, sorted: "analysis", "quote", "result", …"""
    names = (one.name for one in files(__name__).iterdir())
    return sorted(name.removesuffix(".json") for name in names if name.endswith(".json"))


def load_schema(name: str) -> dict[str, Any]:
    """The schema of a document, as plain data for any validator.

    Arguments:
        name: of the document, one of ``list_schemas()``.

    Raises:
        OptionError: there is none of that name; the nearest is named.
    """
    known = list_schemas()
    if name not in known:
        raise OptionError(
            f"there is no schema {name!r}",
            remedy=f"{did_you_mean(name, known)}there are {', '.join(known)}",
        )
    found: dict[str, Any] = json.loads((files(__name__) / f"{name}.json").read_text("utf-8"))
    return found
