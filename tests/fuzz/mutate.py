"""Valid inputs made wrong, by bytes and by structure; the generator decides everything."""

from __future__ import annotations

import copy
import random
from typing import Any

ODD_NUMBERS = (0, -1, 1, 2, 7, 2**31 - 1, 2**31, 2**63, 10**30, 0.5, -0.0, 1e-320, 1e300)
ODD = (
    *ODD_NUMBERS, float("nan"), float("inf"), -float("inf"), None, True, False, "", "x", "none",
    "true", "1", "-1", "1e999", "\x1b[2J\0", "é" * 50, "9" * 5000, [], {}, [[]], [None], [1, 2],
    ["x"], {"a": 1}, {"": {"": {}}},
)  # fmt: skip


def bytes_of(data: bytes, rng: random.Random) -> bytes:
    """A few bytes changed, cut, doubled, exchanged or put in; more often near the beginning."""
    made = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 8))):
        if not made:
            break
        reach = min(len(made), rng.choice((16, 64, 512, len(made))))
        at = rng.randrange(reach)
        kind = rng.randrange(6)
        if kind == 0:
            made[at] = rng.randrange(256)
        elif kind == 1:
            made[at] ^= 1 << rng.randrange(8)
        elif kind == 2:
            del made[at : at + rng.choice((1, 4, 64, len(made)))]
        elif kind == 3:
            made[at:at] = rng.randbytes(rng.choice((1, 4, 64)))
        elif kind == 4:
            made[at : at + 4] = rng.choice((b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff"))
        else:
            made[at:at] = made[at : at + rng.choice((1, 16, 256))]
    return bytes(made)


def nested(depth: int) -> Any:
    """Lists in lists."""
    made: Any = []
    for _ in range(depth):
        made = [made]
    return made


def structure_of(tree: Any, rng: random.Random) -> Any:
    """The same tree with one place of it changed, taken away, doubled or put elsewhere."""
    made = copy.deepcopy(tree)
    places = list(_places(made))
    holder, key = rng.choice(places)
    kind = rng.randrange(7)
    if kind == 0:
        del holder[key]
    elif kind == 1 and isinstance(holder, dict):
        holder[rng.choice(("", "x", "kept", "\x1b", f"{key}x"))] = holder.pop(key)
    elif kind == 2 and isinstance(holder, list):
        holder.insert(key, copy.deepcopy(holder[key]))
    elif kind == 3 and isinstance(holder[key], int):
        holder[key] += rng.choice((-1, 1, 1000))
    elif kind == 4:
        other, where = rng.choice(places)
        if where in other if isinstance(other, dict) else where < len(other):
            holder[key] = copy.deepcopy(other[where])
    elif kind == 5:
        holder[key] = nested(rng.choice((3, 50, 400)))
    else:
        holder[key] = copy.deepcopy(rng.choice(ODD))
    return made


def _places(tree: Any) -> Any:
    """Where something stands: what holds it, and under which key."""
    keys = list(tree) if isinstance(tree, dict) else range(len(tree))
    for key in keys:
        yield tree, key
        if isinstance(tree[key], (dict, list)):
            yield from _places(tree[key])
