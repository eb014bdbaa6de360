"""A problem: a QUBO and, apart from it, what is demanded of its answer.

A demand is never hidden in the QUBO as a penalty: an exact solver proves ``sum z = K`` as a
constraint in a second and not at all as a penalty.

Everything is held as coordinate lists in arrays that cannot be written to; nothing is ``n × n``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from secateur.errors import ConstraintError, SecateurError
from secateur.lazy import dimod
from secateur.nearest import nearest
from secateur.problem.budgeted import Budgeted
from secateur.problem.constraints import Constraint, copied, count
from secateur.problem.demands import Counted, Demand, Summed, check_kind, compile_demand
from secateur.problem.frozen import frozen
from secateur.problem.qubo import Bits, Floats, Label, Qubo, tidy

if TYPE_CHECKING:
    from secateur.problem.parts import Parts

__all__ = ["Bits", "Floats", "Label", "Problem"]


class Problem(Qubo):
    """Minimise a BQM over binary vectors that keep every constraint.

    Bits are always in the order of ``variables``.

    Arguments:
        bqm: binary (0/1) quadratic model; lower is better. It is copied.
        constraints: what is demanded; a whole number is short for ``count(number)``.
        start: known samples that a backend may start from, shape ``(rows, n)``, or None.

    Raises:
        SecateurError: the BQM is not binary or not finite, or ``start`` does not fit it.
        ConstraintError: a constraint names a variable that the model does not have, two have one
            name, or one cannot be kept by any choice.
    """

    def __init__(
        self,
        bqm: dimod.BinaryQuadraticModel,
        constraints: Iterable[Constraint] | int = (),
        *,
        start: NDArray[np.generic] | None = None,
    ) -> None:
        if bqm.vartype is not dimod.BINARY:
            raise SecateurError(
                f"the model's variables are {bqm.vartype.name}, not BINARY",
                remedy="convert it: bqm.change_vartype('BINARY', inplace=False)",
            )
        variables = tuple(bqm.variables)
        vectors = bqm.to_numpy_vectors(variable_order=variables)
        row, col, bias = vectors.quadratic
        self._begin(
            variables,
            np.array(vectors.linear_biases, dtype=np.float64),
            tidy(row, col, bias),
            float(bqm.offset),
        )
        self._demand(constraints, start)

    # -- other ways to make one ------------------------------------------------------------------

    @classmethod
    def from_arrays(
        cls,
        variables: Sequence[Label],
        linear: Floats,
        quadratic: tuple[NDArray[Any], NDArray[Any], NDArray[Any]],
        offset: float = 0.0,
        constraints: Iterable[Constraint] | int = (),
        *,
        start: NDArray[np.generic] | None = None,
    ) -> Problem:
        """A problem from coordinate lists, without a BQM in between.

        Arguments:
            variables: the labels, each once.
            linear: shape ``(n,)``.
            quadratic: rows, columns and biases of the couplings, each pair once.
            offset: of the energy.
            constraints: as for ``Problem``.
            start: as for ``Problem``.
        """
        made = cls.__new__(cls)
        made._begin(
            tuple(variables),
            np.array(linear, dtype=np.float64),
            tidy(*quadratic),
            float(offset),
        )
        made._demand(constraints, start)
        return made

    @classmethod
    def from_cqm(cls, cqm: dimod.ConstrainedQuadraticModel) -> Problem:
        """The problem of a constrained model over binaries with hard constraints.

        Raises:
            ConstraintError: an integer or real variable, or a soft constraint.
        """
        from secateur.problem.cqm import from_cqm

        bqm, constraints = from_cqm(cqm)
        return cls(bqm, constraints)

    def to_cqm(self) -> dimod.ConstrainedQuadraticModel:
        """The problem as a constrained model of dimod.

        Raises:
            ConstraintError: a constraint that has no such form without further variables.
        """
        from secateur.problem.cqm import to_cqm

        return to_cqm(self.bqm, self.constraints)

    @classmethod
    def from_pyqubo(
        cls,
        model: Any,
        *,
        feed_dict: Mapping[str, float] | None = None,
        constraints: Iterable[Constraint] | int = (),
        labels: Iterable[Label] | None = None,
        zero: Iterable[str] = (),
    ) -> Problem:
        """The problem of a PyQUBO expression or compiled model.

        Its labelled constraints stay the penalties that the user wrote, and are checked in the
        answer of ``secateur.solve``.

        Arguments:
            model: an expression, or what ``expression.compile()`` gives.
            feed_dict: the values of placeholders.
            constraints: demanded besides; ``secateur.problem.pyqubo.demand`` makes one from an
                expression.
            labels: the labels that there are; a variable beside them is an error. None: any.
            zero: names of sub-expressions that must be zero, checked like constraints.

        Raises:
            MissingExtra: PyQUBO is not installed.
            ConstraintError: a value is missing, or a label is not one of ``labels``.
        """
        from secateur.problem.pyqubo import from_pyqubo

        known = None if labels is None else list(labels)
        bqm, own, checks = from_pyqubo(model, feed_dict, known, zero=list(zero))
        more = (count(constraints),) if isinstance(constraints, int) else tuple(constraints)
        made = cls(bqm, (*own, *more))
        made.checks = checks
        return made

    checks: Any = None
    """Labelled constraints of a PyQUBO model, told in the answer; None if there are none."""

    def _demand(
        self, constraints: Iterable[Constraint] | int, start: NDArray[np.generic] | None
    ) -> None:
        given = constraints if isinstance(constraints, Iterable) else (constraints,)
        listed: list[Any] = [count(int(c)) if isinstance(c, int) else c for c in given]
        names: set[str] = set()
        for constraint in listed:
            check_kind(constraint)
            if constraint.name in names:
                raise ConstraintError(
                    f"two constraints are called {constraint.name!r}",
                    remedy="give one of them another name=",
                )
            names.add(constraint.name)
        self.constraints: tuple[Constraint, ...] = tuple(listed)
        """What is demanded, in the order given."""
        for constraint in listed:
            self._check_labels(constraint)
        self.demands: tuple[Demand, ...] = tuple(
            compile_demand(constraint, self.index, self.n) for constraint in listed
        )
        """The constraints over positions."""
        self.start: Bits | None = None
        """Known samples, shape ``(rows, n)``, or None."""
        if start is not None:
            self.start = self._rows(start)

    def _rows(self, start: NDArray[np.generic]) -> Bits:
        """Known samples, checked."""
        rows = np.asarray(start)
        if rows.ndim != 2 or rows.shape[1] != self.n or not np.isin(rows, (0, 1)).all():
            raise SecateurError(
                f"the start has the shape {rows.shape}",
                remedy=f"give rows of {self.n} zeros and ones",
            )
        return rows.astype(np.int8)

    def _check_labels(self, constraint: Constraint) -> None:
        for label in constraint.labels():
            if label not in self.index:
                near = nearest(label, [str(v) for v in self.variables[:5000]])
                raise ConstraintError(
                    f"the constraint {constraint.name!r} names {label!r}, which the model does not "
                    "have",
                    remedy=f"did you mean {near!r}?" if near else "look at bqm.variables",
                )

    # -- the same with something else ------------------------------------------------------------

    def _copy(self) -> Problem:
        made = Problem.__new__(Problem)
        for name in ("variables", "linear", "quadratic", "offset", "checks"):
            setattr(made, name, getattr(self, name))
        for name in ("constraints", "demands", "start"):
            setattr(made, name, getattr(self, name))
        if "index" in self.__dict__:
            made.__dict__["index"] = self.index
        return made

    def with_constraints(self, constraints: Iterable[Constraint]) -> Problem:
        """The same QUBO with other demands."""
        made = self._copy()
        made._demand(constraints, self.start)
        return made

    def with_start(self, start: NDArray[np.generic] | None) -> Problem:
        """The same with other known samples.

        Raises:
            SecateurError: they are no rows of zeros and ones.
        """
        made = self._copy()
        made.start = None if start is None else self._rows(start)
        return made

    def with_linear(self, linear: Floats, offset: float | None = None) -> Problem:
        """The same couplings with other linear biases: what changes from call to call."""
        made = self._copy()
        made.linear = frozen(np.array(linear, dtype=np.float64))
        made.offset = self.offset if offset is None else offset
        return made

    def apart(self) -> Problem:
        """The same, to be handed to a stranger: nothing that it can change is ours.

        The arrays are shared, for nobody can write to them.
        """
        made = self._copy()
        made.__dict__.pop("index", None)
        made.demands = tuple(
            replace(demand, constraint=copied(demand.constraint))  # type: ignore[arg-type]
            for demand in self.demands
        )
        made.constraints = tuple(demand.constraint for demand in made.demands)
        made.start = None if self.start is None else self.start.copy()
        return made

    # -- what it is ------------------------------------------------------------------------------

    @property
    def count(self) -> int | None:
        """K, how many variables must be one, exactly; None where that is not demanded."""
        for demand in self.demands:
            if demand.kind == "count":
                assert isinstance(demand, Counted)
                return demand.least
        return None

    @property
    def limits(self) -> tuple[Counted, ...]:
        """The cardinalities beside the count, over positions: members and numbers allowed."""
        return tuple(d for d in self.demands if isinstance(d, Counted) and d.kind != "count")

    @property
    def sums(self) -> tuple[Summed, ...]:
        """The linear and quadratic demands, over positions."""
        return tuple(d for d in self.demands if isinstance(d, Summed))

    @property
    def budgets(self) -> tuple[Budgeted, ...]:
        """The budgets, over positions."""
        return tuple(d for d in self.demands if isinstance(d, Budgeted))

    @property
    def kinds(self) -> frozenset[str]:
        """The kinds of its constraints."""
        return frozenset(demand.kind for demand in self.demands)

    def only(self, kinds: Iterable[str]) -> Problem:
        """The same without the constraints of other kinds: what a backend can take."""
        kinds = frozenset(kinds)
        if self.kinds <= kinds:
            return self
        return self.with_constraints([d.constraint for d in self.demands if d.kind in kinds])

    @cached_property
    def parts(self) -> Parts:
        """The problem taken apart into blocks; see ``secateur.problem.parts``."""
        from secateur.problem.parts import take_apart

        return take_apart(self)

    # -- what its answers are --------------------------------------------------------------------

    def feasible(self, bits: NDArray[np.generic]) -> NDArray[np.bool_]:
        """Whether each row keeps every constraint."""
        rows = np.atleast_2d(np.asarray(bits))
        good = np.ones(len(rows), dtype=bool)
        for demand in self.demands:
            good &= demand.kept(rows)
        return good

    def broken(self, bits: NDArray[np.generic]) -> list[str]:
        """What one vector breaks, in words; empty if it keeps every constraint."""
        row = np.atleast_2d(np.asarray(bits))
        return [demand.complaint(row[0]) for demand in self.demands if not demand.kept(row)[0]]

    def __repr__(self) -> str:
        wanted = ", ".join(constraint.name for constraint in self.constraints[:4])
        more = ", …" if len(self.constraints) > 4 else ""
        return f"Problem({self.n} variables, {len(self.quadratic[2])} couplings: {wanted}{more})"
