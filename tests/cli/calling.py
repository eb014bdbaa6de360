"""A wrong call, and what is asked of its answer, whatever it says."""

from __future__ import annotations

import re

from secateur.cli import run
from tests.cli.tree import TREE

PATHS = {one.path: one for one in TREE}
OWN = ["--network", "tests.end_to_end.own:build", "--task", "tests.end_to_end.own:task"]


def wrong(capsys, words: list[str], code: int = 2) -> str:
    """What is said of a wrong call: one message with its remedy."""
    assert run(words) == code, words
    out, err = capsys.readouterr()
    assert out == ""
    assert "Traceback" not in err
    assert err.count("\n  Mend: ") == 1, err
    if code == 2:
        assert err.startswith("UsageError: ")
    for path in re.findall(r"`(secateur[^`]*)`", err):  # what it names is there
        words = path.removesuffix(" --help").split()
        assert any(" ".join(words[:n]) in PATHS for n in (1, 2, 3)), path
    return err
