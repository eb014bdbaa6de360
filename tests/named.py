"""Names of cases that are the same in every process."""

from __future__ import annotations

import re


def plainly(thing: object) -> str:
    """What a thing is, without its address."""
    return re.sub(r" at 0x[0-9a-f]+", "", str(thing))
