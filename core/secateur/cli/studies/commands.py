"""The commands that a command of ours says come next, as a shell takes them."""

from __future__ import annotations

import shlex
from pathlib import Path


def command(name: str, file: Path, store: str | None = None, *flags: str) -> str:
    """A command on the same study and store.

    Arguments:
        name: of the command.
        file: of the study.
        store: that was given instead of the study's own; its password is not shown.
        flags: that follow.
    """
    words = ["secateur", "study", name, str(file)]
    if store is not None:
        words += ["--store", _shown(store)]
    return shlex.join([*words, *flags])


def _shown(store: str) -> str:
    if "://" not in store:
        return store
    from secateur.study.opening import shown, url_of

    return store if store.startswith("sqlite:") else shown(url_of(store))
