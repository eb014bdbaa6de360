"""The trials of a tuning: Optuna proposes, the study's own engine runs, the store remembers.

A trial is the cells of one method with some options, one on each tuning instance. They go into the
study's store under keys of their own, so a tuning that was interrupted goes on where it stopped: it
proposes the same again, and what has a row is not run again. Source of the proposals: Bergstra et
al., "Algorithms for Hyper-Parameter Optimization", NIPS (2011), by Optuna's ``TPESampler``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import fmean
from typing import TYPE_CHECKING, Any

from secateur.errors import OptionError
from secateur.extras import needed_by
from secateur.progress import Step, track
from secateur.solving.chosen import ANNEALING, choose
from secateur.solving.names import AUTO
from secateur.solving.solvers import as_solver
from secateur.study.cell import Cell, Instance, Study, StudyMethod, Tuning
from secateur.study.row import Row, State
from secateur.study.spec.methods import OURS
from secateur.study.tuning.space import Dimension, search_space

if TYPE_CHECKING:
    import optuna

    from secateur.study.engine import Engine
    from secateur.study.store import Store

LOST = 1e6
"""The relative gap of a cell without a selection: worse than any."""


@dataclass(frozen=True)
class Trial:
    """Some options of a method, tried on every tuning instance.

    Arguments:
        number: from 0, the method's own options.
        options: that were proposed.
        value: the mean relative gap to the best known energies; what failed counts 10⁶.
        gaps: by instance; None where no selection was found.
        seconds: of wall time that its cells took.
    """

    number: int
    options: Mapping[str, Any]
    value: float
    gaps: Mapping[str, float | None]
    seconds: float


@dataclass(frozen=True)
class TunedMethod:
    """What tuning a method gave.

    Arguments:
        method: with the best options, and how many trials they were chosen by.
        space: what was searched; empty: there was nothing to tune.
        trials: in their order.
        reason: why it was not tuned, or not as often as the others; "".
    """

    method: StudyMethod
    space: tuple[Dimension, ...]
    trials: tuple[Trial, ...]
    reason: str = ""

    @property
    def best(self) -> Trial | None:
        """The trial whose options the method has now; the first of equal ones."""
        return min(self.trials, key=lambda trial: (trial.value, trial.number), default=None)


@dataclass(frozen=True)
class Tuned:
    """A tuning that ended.

    Arguments:
        study: that was tuned.
        methods: in the study's order.
        reference: the best known energies of the tuning instances, by name.
    """

    study: Study
    methods: tuple[TunedMethod, ...]
    reference: Mapping[str, float | None] = field(default_factory=dict)


def tune(
    study: Study,
    store: Store,
    engine: Engine,
    *,
    trials: int | None = None,
    charge: bool = False,
) -> Tuned:
    """Give every method the same number of trials under the study's time limit.

    The first trial is the method as the study has it, so tuning makes nothing worse on the
    instances it looks at. A method that has nothing to tune is tried once and stays as it is.

    Arguments:
        study: with ``[tune]``.
        store: of the study.
        engine: that runs the cells.
        trials: of each method; as the study says unless given.
        charge: metered methods are tuned too, within what the study's budget has left.

    Raises:
        OptionError: the study says nothing of tuning, or an instance of it is to be tuned on.
        MissingExtra: Optuna is not installed.
    """
    tuning = _checked(study)
    if trials is not None:
        if trials < 1:
            raise OptionError(f"trials is {trials}", remedy="use a whole number from 1")
        tuning = replace(tuning, trials=trials)
    return _Tuning(study, tuning, store, engine, charge).go()


def _checked(study: Study) -> Tuning:
    if study.tuning is None or not study.tuning.instances:
        raise OptionError(
            f"{study.path.name} says nothing of instances to tune on",
            remedy="write [tune] with trials = 20, and [[tune.instances]] as [[instances]]: others",
        )
    own = {instance.sha256: instance.name for instance in study.instances}
    for instance in study.tuning.instances:
        if instance.sha256 in own:
            raise OptionError(
                f"{instance.name!r} is to be tuned on, and is the study's own "
                f"{own[instance.sha256]!r}: the same biases and demands",
                remedy="tune on other instances, else the study tells how well they were learnt",
            )
    return study.tuning


class _Tried:
    """One method on its way."""

    def __init__(self, study: Study, tuning: Tuning, method: StudyMethod, charge: bool) -> None:
        self.method, self.tuning = method, tuning
        self.space = () if method.cannot else search_space(method, tuning.spaces)
        self.limit = _limit(study, method)
        self.trials: list[Trial] = []
        self.asked: tuple[int, dict[str, Any]] | None = None
        self.reason = method.cannot
        if not self.reason and method.metered and not charge:
            self.reason = "it is metered, and --charge is not given"
        if not self.reason and not self.space:
            self.reason = "it has nothing to tune"
        self.most = 0 if method.cannot or (method.metered and not charge) else 1
        self.most = tuning.trials if self.space and self.most else self.most
        self.optuna: optuna.Study | None = None

    def propose(self) -> dict[str, Any] | None:
        """The options of the next trial; None: there is no further one."""
        number = len(self.trials)
        if number >= self.most:
            return None
        spent = sum(trial.seconds for trial in self.trials)
        if self.tuning.seconds is not None and spent >= self.tuning.seconds:
            self.reason = f"its {self.tuning.seconds:g} s were over after {number} trials"
            return None
        if number == 0:
            self.asked = (0, {})
            return {}
        assert self.optuna is not None
        trial = self.optuna.ask({one.name: one.distribution() for one in self.space})
        self.asked = (trial.number, dict(trial.params))
        return dict(trial.params)

    def begin(self, first: Trial) -> None:
        """Tell Optuna of the first trial, as far as it is within the space."""
        import optuna

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        sampler = optuna.samplers.TPESampler(seed=self.tuning.seed)
        self.optuna = optuna.create_study(sampler=sampler, direction="minimize")
        known = {
            one.name: self.method.public[one.name]
            for one in self.space
            if one.holds(self.method.public.get(one.name))
        }
        if known and len(known) == len(self.space):
            dimensions = {one.name: one.distribution() for one in self.space}
            self.optuna.add_trial(
                optuna.trial.create_trial(params=known, distributions=dimensions, value=first.value)
            )

    def tell(self, trial: Trial) -> None:
        """Remember a trial that ended."""
        assert self.asked is not None
        self.trials.append(trial)
        if self.optuna is not None:
            self.optuna.tell(self.asked[0], trial.value)
        elif self.space:
            self.begin(trial)

    def tuned(self) -> TunedMethod:
        """With the options of its best trial."""
        made = TunedMethod(self.method, self.space, tuple(self.trials), self.reason)
        if not self.space or made.best is None:
            return made
        method = with_options(self.method, made.best.options)
        return replace(made, method=replace(method, tuned=len(self.trials)))


class _Tuning:
    def __init__(
        self, study: Study, tuning: Tuning, store: Store, engine: Engine, charge: bool
    ) -> None:
        with needed_by("tuning"):
            import optuna  # noqa: F401
        self.study, self.tuning, self.store = study, tuning, store
        self.engine, self.charge = engine, charge
        self.tried = [_Tried(study, tuning, method, charge) for method in study.methods]
        self.cells: dict[str, Cell] = {}
        self.reference: dict[str, float | None] = {}

    def go(self) -> Tuned:
        rounds = max((one.most for one in self.tried), default=0)
        with track(f"tuning {len(self.tried)} methods", rounds) as step:
            for number in range(rounds):
                if not self._round(number, step):
                    break
        tuned = tuple(one.tuned() for one in self.tried)
        return Tuned(self.study, tuned, dict(self.reference))

    def _round(self, number: int, step: Step) -> bool:
        """One trial of every method that has one left; their cells take turns."""
        asked = [(one, options) for one in self.tried if (options := one.propose()) is not None]
        if not asked:
            return False
        own = [self._cells(one, options) for one, options in asked]
        self.cells |= {cell.key: cell for cells in own for cell in cells}
        rows = self._run([cell for turn in zip(*own, strict=True) for cell in turn])
        if number == 0:
            self._refer(rows)
        for (one, options), cells in zip(asked, own, strict=True):
            found = [rows.get(cell.key) for cell in cells]
            if all(row is None for row in found):  # metered, and its budget is spent
                one.most, one.reason = 0, "the study's budget does not allow it"
                continue
            one.tell(self._trial(len(one.trials), options, found))
        step.advance(note=f"trial {number + 1}")
        return True

    def _cells(self, one: _Tried, options: Mapping[str, Any]) -> list[Cell]:
        method = with_options(one.method, options)
        return [
            Cell(instance, method, seed=self.tuning.seed, time_limit=one.limit)
            for instance in self.tuning.instances
        ]

    def _run(self, cells: Sequence[Cell]) -> dict[str, Row]:
        from secateur.study.paying import Purse
        from secateur.study.running import run_study

        budget = self.study.budget_s
        if budget is not None:
            budget = max(0.0, budget - (Purse(self.study, self.store).spent() or 0.0))
        title = f"{self.study.title}: tuning"
        part = replace(
            self.study,
            title=title,
            instances=self.tuning.instances,
            cells=tuple(self.cells.values()),
            budget_s=budget,
            tuning=None,
        )
        run_study(part, self.store, self.engine, charge=self.charge)
        wanted = {cell.key for cell in cells}
        return {row.key: row for row in self.store.rows(title) if row.key in wanted}

    def _refer(self, rows: Mapping[str, Row]) -> None:
        """The best known energy of each instance: the file's, or of the methods as they came."""
        for instance in self.tuning.instances:
            known = [] if instance.best_known is None else [instance.best_known]
            known += [
                row.energy
                for row in rows.values()
                if row.instance_sha256 == instance.sha256 and row.energy is not None
            ]
            self.reference[instance.name] = min(known, default=None)

    def _trial(self, number: int, options: Mapping[str, Any], rows: Sequence[Row | None]) -> Trial:
        gaps = {
            instance.name: self._gap(instance, row)
            for instance, row in zip(self.tuning.instances, rows, strict=True)
        }
        value = fmean(LOST if gap is None else gap for gap in gaps.values())
        return Trial(number, options, value, gaps, sum(row.wall or 0.0 for row in rows if row))

    def _gap(self, instance: Instance, row: Row | None) -> float | None:
        if row is None or row.state is not State.DONE or row.energy is None:
            return None
        best = self.reference[instance.name]
        if best is None:
            best = self.reference[instance.name] = row.energy
        return (row.energy - best) / (abs(best) or 1.0)


def _limit(study: Study, method: StudyMethod) -> float | None:
    """Seconds of a run, as the study's own cells have them; the longest of several."""
    limits = [cell.time_limit for cell in study.cells if cell.method.name == method.name]
    known = [limit for limit in limits if limit is not None]
    return max(known, default=method.time_limit)


def with_options(method: StudyMethod, options: Mapping[str, Any]) -> StudyMethod:
    """A method with some options besides or instead of its own, checked.

    Arguments:
        method: of a study.
        options: names and values.

    Raises:
        BackendError: the backend has no such option, or not of that value.
    """
    if not options:
        return method
    given = {**method.options, **options}
    found = choose(method.backend, given).options
    if method.backend == AUTO:
        found = choose(as_solver(ANNEALING), given).options
    public = {} if found is None else found.public()
    shown = {name: value for name, value in public.items() if name not in OURS}
    return replace(method, options=given, public=shown)
