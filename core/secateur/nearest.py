"""The nearest right name to one that is not known."""

from __future__ import annotations

from collections.abc import Iterable


def nearest(name: object, known: Iterable[str]) -> str | None:
    """The known name that is most like one, or None where none is like it.

    Capitals, and what stands between words, make no difference: ``Time_Limit`` is ``time-limit``.

    Arguments:
        name: as it was typed.
        known: the right names.
    """
    import difflib

    plain: dict[str, str] = {}
    for one in known:
        plain.setdefault(_plain(one), one)
    found = difflib.get_close_matches(_plain(str(name)), plain, n=1)
    return plain[found[0]] if found else None


def did_you_mean(name: object, known: Iterable[str]) -> str:
    """``"did you mean 'tabu'? "``, to stand before what there is; "" where none is like it."""
    near = nearest(name, known)
    return f"did you mean {near!r}? " if near is not None else ""


def _plain(name: str) -> str:
    return name.casefold().replace("_", "-").replace(" ", "-")
