"""What is tuned of a method: read off its backend's declarations, or as the file says."""

from __future__ import annotations

from dataclasses import dataclass, replace

from secateur.backends import Backend, BackendOptions, Capabilities, Solution
from secateur.options import option
from secateur.study.cell import StudyMethod
from secateur.study.tuning import search_space


@dataclass(frozen=True)
class ManyOptions(BackendOptions):
    narrow: int = option(3, "", least=1, most=9)
    wide: int = option(1000, "", least=1, most=10**9)
    share: float = option(0.5, "", least=0.0, most=1.0)
    decades: float = option(0.1, "", least=0.01, most=10.0)
    way: str = option("a", "", choices=("a", "b"))
    flag: bool = option(False, "")
    open_end: float = option(1.0, "", least=0.0)
    no_middle: int | None = option(None, "", least=0, most=10**9)
    token: str = option("", "", secret=True, choices=("x", "y"))
    threads: int = option(1, "", least=1, most=8)
    pause: float = option(1.0, "", least=0.5, most=2.0, unit="s")
    seed: int | None = option(None, "", least=0, most=99)


class Many(Backend):
    name = "many"
    capabilities = Capabilities(takes_seed=True)
    Options = ManyOptions

    def solve(self, problem, options) -> Solution:
        raise NotImplementedError


def test_the_space_is_read_off_the_declarations():
    method = StudyMethod("m", f"{__name__}:Many")
    space = {one.name: one for one in search_space(method, {})}
    assert set(space) == {"narrow", "wide", "share", "decades", "way", "flag"}
    assert (space["narrow"].low, space["narrow"].high, space["narrow"].whole) == (1, 9, True)
    assert (space["wide"].low, space["wide"].high, space["wide"].log) == (10, 100_000, True)
    assert (space["share"].low, space["share"].high, space["share"].log) == (0, 1, False)
    assert space["decades"].log
    assert space["way"].choices == ("a", "b")
    assert space["flag"].choices == (False, True)
    given = replace(method, options={"wide": 5, "way": "b"})
    assert {one.name for one in search_space(given, {})} == {"narrow", "share", "decades", "flag"}
    assert search_space(StudyMethod("g", "greedy"), {}) == ()
    assert search_space(StudyMethod("n", "nobody-has-this"), {}) == ()
    told = {"m": {"wide": {"from": 2, "to": 4}}, method.backend: {"share": [0.1]}}
    (one,) = search_space(method, told)
    assert (one.name, one.low, one.high, one.whole) == ("wide", 2, 4, True)
    inner = {"x": {"inner.sweeps": {"from": 10, "to": 20}}}
    (one,) = search_space(StudyMethod("x", "decompose:annealing"), inner)
    assert (one.name, one.whole) == ("inner.sweeps", True)
