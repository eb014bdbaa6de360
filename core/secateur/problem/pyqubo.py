"""Problems written as PyQUBO expressions; needs ``pip install 'secateur[pyqubo]'``.

PyQUBO 1.5 ends the whole process when it decodes a sample that lacks a placeholder or has an
unknown variable (an exception on a thread of its own), and passes over values that it does not
need. So everything is checked here before PyQUBO sees it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import dimod
import numpy as np

from secateur.errors import ConstraintError, MissingExtra, SecateurError
from secateur.problem.constraints import Constraint, at_most
from secateur.problem.forms import CLOSE, form_of, plainest, square_root
from secateur.problem.globs import Labels, nearest

Label = Hashable


@dataclass(frozen=True, eq=False)
class PyquboChecks:
    """The labelled constraints of a PyQUBO model, to be looked at in an answer.

    Arguments:
        model: compiled; None in a copy that came from another process.
        feed: values of placeholders.
        texts: PyQUBO's name of each variable, by label.
        names: of the model's constraints.
        zero: names of sub-Hamiltonians that must be zero besides.
    """

    model: Any
    feed: Mapping[str, float]
    texts: Mapping[Label, str]
    names: tuple[str, ...]
    zero: tuple[str, ...] = ()

    def values(self, sample: Mapping[Label, int]) -> dict[str, float]:
        """The value of each constraint: what PyQUBO adds to the energy, before any factor."""
        return {name: value for name, (_, value) in self._decoded(sample).items()}

    def broken(self, sample: Mapping[Label, int], *, tolerance: float = 1e-9) -> dict[str, float]:
        """The constraints that a sample breaks, with their values.

        PyQUBO's own rule is "exactly 0.0" unless a constraint has a condition of its own, and
        (0.1 + 0.2 - 0.3)² is not. So a value that is rounding keeps its constraint.

        Arguments:
            sample: 0 or 1 by label; labels that the model does not have are left out.
            tolerance: values below this, relative to the constraint's values elsewhere, are
                rounding.

        Raises:
            SecateurError: the sample lacks a variable, or has one that is not 0 or 1; a condition
                raises; the model stayed in another process.
        """
        found = {name: value for name, (kept, value) in self._decoded(sample).items() if not kept}
        return {
            name: value
            for name, value in found.items()
            if value == 0.0 or abs(value) > tolerance * self._sizes[name]
        }

    @cached_property
    def _sizes(self) -> Mapping[str, float]:
        """How large the values of each constraint are, from some random vectors."""
        few = 8 if len(self.texts) <= 200 else 4  # decoding a square of 1000 takes a second
        rng = np.random.default_rng(0)
        sizes: dict[str, float] = {}
        for bits in rng.integers(0, 2, (few, len(self.texts))).tolist():
            for name, value in self.values(dict(zip(self.texts, bits, strict=True))).items():
                sizes[name] = max(sizes.get(name, 1e-300), abs(value))
        return sizes

    def _decoded(self, sample: Mapping[Label, int]) -> dict[str, tuple[bool, float]]:
        if self.model is None:
            raise SecateurError(
                "a PyQUBO model cannot travel to another process",
                remedy="check the answer where the problem was made",
            )
        missing = [label for label in self.texts if label not in sample]
        if missing:
            raise SecateurError(
                f"the sample lacks {missing[0]!r}, and {len(missing) - 1} more variables",
                remedy="give a value to every variable of the model",
            )
        bits = {text: sample[label] for label, text in self.texts.items()}
        wrong = [text for text, bit in bits.items() if bit not in (0, 1)]
        if wrong:
            raise SecateurError(
                f"the sample gives {wrong[0]!r} the value {bits[wrong[0]]!r}",
                remedy="values are 0 or 1, also of spins (s = 2z - 1)",
            )
        decoded = _decode(self.model, {text: int(bit) for text, bit in bits.items()}, self.feed)
        made: dict[str, tuple[bool, float]] = dict(decoded.constraints())
        for name in self.zero:
            value = float(decoded.subh[name])
            made[name] = (value == 0.0, value)
        return made

    def __reduce__(self) -> tuple[Any, ...]:
        return PyquboChecks, (None, dict(self.feed), dict(self.texts), self.names, self.zero)

    def __deepcopy__(self, memo: Any) -> PyquboChecks:
        return self  # nothing of it changes


def from_pyqubo(
    model: Any,
    feed_dict: Mapping[str, float] | None = None,
    labels: Sequence[Label] | None = None,
    *,
    demands: Iterable[Any] = (),
    zero: Iterable[str] = (),
) -> tuple[dimod.BinaryQuadraticModel, tuple[Constraint, ...], PyquboChecks]:
    """An objective from a PyQUBO expression, or from what ``expression.compile()`` gives.

    Its constraints stay the penalties that they are there. They are recorded, so that an
    answer can be told which of them it breaks.

    Arguments:
        model: expression or compiled model; at most quadratic, as variables are channels and a
            product of three would need one that is none.
        feed_dict: the values of placeholders.
        labels: of the problem, in its order; a variable of PyQUBO is the label of that text. The
            objective is then over all of them. Otherwise it is over the model's variables, by name,
            numbers in them by size.
        demands: expressions without placeholders that must be zero, as hard constraints over the
            same variables; see ``demand``.
        zero: names of sub-Hamiltonians (``SubH``, ``AndConst``, …) that must be zero; they are
            checked like the constraints, among which PyQUBO does not count them.

    Returns:
        The objective, the constraints of ``demands``, and the checks.

    Raises:
        MissingExtra: PyQUBO is not installed.
        SecateurError: the model is none of PyQUBO's, has a product of three, lacks the value of a
            placeholder, has none for one that is given, or uses one label for two constraints.
        ConstraintError: a variable is not among ``labels``.
    """
    read = _read(model, feed_dict or {}, labels, zero)
    everything = tuple(read.bqm.variables)
    own = tuple(demand(expression, labels=everything) for expression in demands)
    return read.bqm, own, read.checks


def demand(
    expression: Any,
    *,
    labels: Sequence[Label] | None = None,
    feed_dict: Mapping[str, float] | None = None,
    name: str | None = None,
) -> Constraint:
    """The hard constraint that a PyQUBO expression is zero, ``Constraint((a + b - 1)**2, "one")``.

    A square, and a sum, become what is under it: ``a + b == 1`` is "exactly one of a and b". A
    product ``a*b`` is "at most one". What is neither becomes a quadratic constraint.

    Arguments:
        expression: of PyQUBO, at most quadratic.
        labels: of the problem; where the expression names all of them a sum is the count.
        feed_dict: the values of placeholders.
        name: of the constraint; that of the ``Constraint(…)`` unless given.

    Raises:
        ConstraintError: it has a condition of its own (tried on some vectors), or no name.
    """
    read = _read(expression, feed_dict or {}, labels, ())
    if name is None:
        if len(read.checks.names) != 1:
            raise ConstraintError(
                f"the demand {str(expression)[:60]!r} has {len(read.checks.names)} labels",
                remedy='give name=, or write Constraint(…, label="one")',
            )
        name = read.checks.names[0]
    _check_condition(read)
    form = form_of(read.bqm, dict.fromkeys(read.bqm.variables, (1.0, 0.0)))
    pairs = tuple(form.quadratic)
    if len(pairs) == 1 and not form.linear and form.offset == 0.0:
        return at_most(1, pairs[0], name=name)
    root = square_root(form)
    if root is not None:  # in the order of the variables
        ordered = {
            label: root.linear[label] for label in read.bqm.variables if label in root.linear
        }
        root = replace(root, linear=ordered)
    n = -1 if labels is None else len(labels)  # a count is of all variables, which must be known
    return plainest(name, root or form, "==", 0.0, n)


@dataclass(frozen=True, eq=False)
class _Read:
    bqm: dimod.BinaryQuadraticModel
    checks: PyquboChecks


def _read(
    model: Any,
    feed_dict: Mapping[str, float],
    labels: Sequence[Label] | None,
    zero: Iterable[str],
) -> _Read:
    pyqubo = _package()
    if isinstance(model, pyqubo.Base):
        twice = _labelled_twice(str(model))
        if twice is not None:
            raise SecateurError(
                f"two constraints of the PyQUBO model have the label {twice!r}",
                remedy="PyQUBO would check the first alone; give each its own",
            )
        model = model.compile()
    if not isinstance(model, pyqubo.Model):
        raise SecateurError(
            f"the model is a {type(model).__name__}",
            remedy="give a PyQUBO expression, or what expression.compile() gives",
        )
    _check_degree(model.variables)
    feed, raw = _fed(model, feed_dict)
    known = None if labels is None else Labels(labels)
    texts = {_label(text, known): text for text in sorted(model.variables, key=_natural)}
    bqm = dimod.BinaryQuadraticModel(dimod.BINARY)
    bqm.add_linear_from(dict.fromkeys(texts if labels is None else labels, 0.0))
    bqm.update(raw.relabel_variables({t: label for label, t in texts.items()}, inplace=False))
    values = bqm.to_numpy_vectors()
    numbers = (values.linear_biases, values.quadratic.biases, np.array([bqm.offset]))
    if not all(np.isfinite(part).all() for part in numbers):
        raise SecateurError(
            "the PyQUBO model has a bias that is NaN or infinite",
            remedy="look at the numbers it was made from, and at feed_dict",
        )
    decoded = _decode(model, dict.fromkeys(model.variables, 0), feed)
    names = tuple(sorted(decoded.constraints()))
    zero = tuple(zero)
    for name in zero:
        if name not in decoded.subh:
            raise SecateurError(
                f"the PyQUBO model has no sub-Hamiltonian {name!r}",
                remedy=nearest(name, sorted(decoded.subh)),
            )
    return _Read(bqm, PyquboChecks(model, feed, texts, names, zero))


def _package() -> Any:
    try:
        import pyqubo
    except ImportError as error:
        raise MissingExtra(
            "a PyQUBO model needs the package pyqubo", remedy="pip install 'secateur[pyqubo]'"
        ) from error
    return pyqubo


def _check_degree(variables: Sequence[str]) -> None:
    """PyQUBO makes a variable "a * b" for a part of a product of three."""
    known = set(variables)
    for text in variables:
        parts = text.split(" * ")
        if len(parts) > 1 and known.issuperset(parts):
            raise SecateurError(
                f"the PyQUBO model has a product of three or more variables, which makes the "
                f"further variable {text!r}",
                remedy="all variables are decisions here: write a Binary of your own for the "
                "product, with an AndConst",
            )


def _fed(
    model: Any, feed_dict: Mapping[str, float]
) -> tuple[dict[str, float], dimod.BinaryQuadraticModel]:
    """The values of placeholders, all of them and no more; and the model with them."""
    feed = {}
    for name, value in feed_dict.items():
        number = isinstance(value, (int, float, np.number)) and not isinstance(value, bool)
        if not isinstance(name, str) or not number or not math.isfinite(value):
            raise SecateurError(
                f"feed_dict has the value {value!r} for {name!r}",
                remedy="give a finite number by the name of the placeholder",
            )
        feed[name] = float(value)
    try:
        bqm = model.to_bqm(feed_dict=feed)
    except ValueError as error:
        raise SecateurError(
            f"the PyQUBO model lacks a value: {error}",
            remedy='give each placeholder one: feed_dict={"lambda": 2.0}',
        ) from error
    for name in feed:
        try:
            model.to_bqm(feed_dict={key: value for key, value in feed.items() if key != name})
        except ValueError:
            continue
        raise SecateurError(
            f"the PyQUBO model has no placeholder {name!r}",
            remedy=f"leave it out; given are {', '.join(feed)}",
        )
    return feed, bqm


def _label(text: str, known: Labels | None) -> Label:
    if known is None:
        return text
    if text not in known.texts:
        raise ConstraintError(
            f"the PyQUBO model has the variable {text!r}, which the problem does not have",
            remedy=nearest(text, list(known.texts)[:5000], few=5),
        )
    return known.texts[text]


def _natural(text: str) -> list[str | int]:
    # re.split with a group alternates: text, number, text, …
    return [int(part) if i % 2 else part for i, part in enumerate(re.split(r"(\d+)", text))]


def _labelled_twice(text: str) -> str | None:
    """A label that two different constraints of an expression's text have."""
    seen: dict[str, str] = {}
    starts: list[int] = []
    if "Constraint(" not in text:
        return None
    for found in re.finditer(r"'[^']*'|[()]", text):
        if found[0] == "(":
            starts.append(found.end())
        elif found[0] == ")":
            if not starts:
                return None  # a quote in a name: it cannot be told
            start = starts.pop()
            if text.endswith("Constraint(", 0, start):
                body, _, label = text[start : found.start()].rpartition(", ")
                if seen.setdefault(label, body) != body:
                    return label.strip("'")
    return None


def _decode(model: Any, bits: Mapping[str, int], feed: Mapping[str, float]) -> Any:
    try:
        return model.decode_sample(dict(bits), vartype="BINARY", feed_dict=dict(feed))
    except RuntimeError as error:
        raise SecateurError(
            f"PyQUBO cannot decode a sample: {error}",
            remedy="look whether the condition of a Constraint raises",
        ) from error


def _check_condition(read: _Read) -> None:
    """That "kept" means "zero", on some vectors: the first k variables one, or one alone."""
    labels = list(read.checks.texts)
    few = 9 if len(labels) <= 200 else 3
    chosen = [labels[:k] for k in sorted(set(np.linspace(0, len(labels), few).astype(int)))]
    chosen += [[label] for label in labels[1:few]]
    vectors = [{**dict.fromkeys(labels, 0), **dict.fromkeys(ones, 1)} for ones in chosen]
    found = [item for vector in vectors for item in read.checks._decoded(vector).items()]
    room = CLOSE * max((abs(value) for _, (_, value) in found), default=0.0)
    for name, (kept, value) in found:
        if (kept and abs(value) > room) or (not kept and value == 0.0):
            raise ConstraintError(
                f"the PyQUBO constraint {name!r} has a condition of its own: at the value "
                f"{value:.9g} it is {'kept' if kept else 'broken'}",
                remedy="write it with secateur.problem: at_most, linear, quadratic, …",
            )
