"""The instances of a study, made: read, drawn or measured, each another problem."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from secateur.errors import OptionError
from secateur.problem.model import Problem
from secateur.progress import track
from secateur.solving.possible import check_possible
from secateur.study.cell import Instance
from secateur.study.instances.asked import problem_sha256
from secateur.study.instances.cache import keep_problem
from secateur.study.instances.files import read_problem
from secateur.study.instances.generators import draw
from secateur.study.spec.drafts import Draft
from secateur.study.spec.reading import within


@dataclass(frozen=True)
class Made:
    """An instance with its problem.

    Arguments:
        instance: as the cells hold it.
        problem: of it.
        where: its table, for messages.
    """

    instance: Instance
    problem: Problem
    where: str


def make_instances(drafts: Sequence[Draft], known: dict[str, str]) -> Iterator[Made]:
    """Every instance, one after the other; what is read of one can be dropped before the next.

    Arguments:
        drafts: of the file.
        known: names by sha256 of problems that may not come again; filled.

    Raises:
        SecateurError: it cannot be made, its demands cannot be kept, or it is there twice.
    """
    with track("reading the instances", len(drafts)) as step:
        for draft in drafts:
            with within(f"{draft.where}, {draft.name}"):
                made = _made(draft)
                check_possible(made.problem)
                twin = known.get(made.instance.sha256)
                if twin is not None:
                    raise OptionError(
                        f"it is the same problem as {twin}", remedy="leave one of them out"
                    )
                known[made.instance.sha256] = f"{draft.name} of {draft.where}"
            yield made
            step.advance(note=draft.name)


def _made(draft: Draft) -> Made:
    source = dict(draft.source)
    best, proven, maximised = draft.best_known, False, False
    judging: dict[str, Any] = {}
    if "file" in source:
        problem, maximised = read_problem(source)
        if best is not None and maximised:
            best = 0.0 - best
    elif "generator" in source:
        problem, lowest = draw(source["generator"], source["options"])
        if lowest is not None:
            if best is not None:
                raise OptionError(
                    f"best_known is {best:g}, and the lowest energy is known to be {lowest:g}",
                    remedy="leave best_known out",
                )
            best, proven = lowest, True
    else:
        from secateur.study.instances.networks import network_problem

        problem, judging = network_problem(source)
    sha256 = problem_sha256(problem)
    if "cache" in source:
        keep_problem(Path(source["cache"]), sha256, problem)
    instance = Instance(
        name=draft.name,
        sha256=sha256,
        source=source,
        variables=problem.n,
        couplings=len(problem.quadratic[2]),
        count=problem.count,
        family=draft.family,
        best_known=best,
        known_optimal=proven,
        sense="maximise" if maximised else "minimise",
        judging=judging,
    )
    return Made(instance, problem, draft.where)
