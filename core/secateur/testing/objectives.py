"""What every objective must do: a QUBO over the channels, the same from the same data."""

from __future__ import annotations

import copy
import dataclasses
import warnings
from functools import cache
from typing import Any, ClassVar

import dimod
import numpy as np
import pytest
import torch
from torch import Tensor, nn

from secateur.errors import OptionError
from secateur.network import find_channels
from secateur.objectives import Objective, objective_class, resolve_objective
from secateur.options import Declared, declared
from secateur.problem import Problem
from secateur.stages import OBJECTIVES
from secateur.statistics import ChannelStatistics, collect_statistics
from secateur.tasks import Task
from secateur.testing.stages import StageConformance, nothing_drawn


class _Chain(nn.Module):
    """Layers of 5, 1 and 4 channels."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(2, 5, 3, padding=1)
        self.second = nn.Conv2d(5, 1, 3, padding=1)
        self.third = nn.Conv2d(1, 4, 3, padding=1)
        self.head = nn.Conv2d(4, 2, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        y = torch.relu(self.first(x)) + 0.1 * self.first(x)
        y = torch.tanh(self.second(y))
        return x + self.head(torch.tanh(self.third(y)))


class _Dead(_Chain):
    """The same; the channel ``first:2`` is always zero, ``third:1`` and ``third:3`` are twins."""

    def __init__(self) -> None:
        super().__init__()
        with torch.no_grad():
            for part in (self.first.weight, self.first.bias):
                assert part is not None
                part[2] = 0.0
            for part in (self.third.weight, self.third.bias):
                assert part is not None
                part[3] = part[1]


NETWORKS: dict[str, type[nn.Module]] = {"a chain": _Chain, "with a dead channel": _Dead}


@cache
def _measured(name: str, probes: int) -> ChannelStatistics:
    """The statistics of a small network on random data; not to be changed."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = NETWORKS[name]().double().eval()
        data = [tuple(torch.randn(2, 8, 2, 6, 6, dtype=torch.float64)) for _ in range(2)]
    task = Task(data, lambda outputs, targets: (outputs - targets).square().flatten(1).mean(1))
    channels = find_channels(network, data[0][0])
    return collect_statistics(network, task, channels, probes=probes)


class ObjectiveConformance(StageConformance):
    """The contract of an objective as tests; subclass it and define the fixture ``objective``.

    The fixture returns the name of a registered objective, a subclass of ``Objective``, an
    instance, or a function from statistics to a BQM. The QUBOs are of small networks with layers of
    one channel, a dead channel and twins.

    Attributes:
        options: given to the objective.
        idle: names of options that may change nothing on these networks.
    """

    kind = OBJECTIVES
    idle: ClassVar[frozenset[str]] = frozenset()

    @pytest.fixture
    def objective(self) -> Any:
        """The objective under test."""
        raise NotImplementedError("define the fixture `objective` in your subclass")

    @pytest.fixture
    def given(self, objective: Any) -> Any:
        """The objective under test."""
        return objective

    def resolve(self, given: Any, options: dict[str, Any]) -> Objective:
        """The objective with options."""
        return resolve_objective(given, options)

    def find(self, given: Any) -> type[Objective]:
        """The objective's class."""
        return objective_class(given)

    @pytest.fixture(params=sorted(NETWORKS))
    def network(self, request: pytest.FixtureRequest) -> str:
        """The name of a small network."""
        return str(request.param)

    @pytest.fixture
    def statistics(self, network: str) -> ChannelStatistics:
        """Its statistics, for this test alone."""
        return copy.deepcopy(_measured(network, 6))

    # -- what it makes ---------------------------------------------------------------------------

    def test_it_makes_a_qubo_over_the_channels(self, given: Any, statistics: Any) -> None:
        """Binary, finite, over exactly the labels; the library checks that on the way."""
        bqm = self.make(given).qubo(statistics)
        assert isinstance(bqm, dimod.BinaryQuadraticModel)
        assert tuple(bqm.variables) == statistics.channels.labels
        assert bqm.vartype is dimod.BINARY

    def test_pruning_nothing_costs_nothing(self, given: Any, statistics: Any) -> None:
        bqm = self.make(given).qubo(statistics)
        assert bqm.energy(dict.fromkeys(bqm.variables, 0)) == 0.0, "E(0) is not 0"

    def test_the_problem_is_the_qubo(self, given: Any, statistics: Any) -> None:
        objective = self.make(given)
        direct = objective.problem(statistics)
        assert direct.sha256 == Problem(objective.qubo(statistics)).sha256

    def test_it_gives_the_same_each_time(self, given: Any, statistics: Any) -> None:
        first, again = (self.make(given).qubo(statistics) for _ in range(2))
        assert first == again, "two calls make two QUBOs"

    def test_nothing_else_is_changed(self, given: Any, statistics: Any) -> None:
        before = copy.deepcopy(statistics)
        with nothing_drawn():
            self.make(given).qubo(statistics)
        for field in dataclasses.fields(statistics):
            if field.name != "channels":
                old, new = getattr(before, field.name), getattr(statistics, field.name)
                assert _same(old, new), f"statistics.{field.name} was changed"

    # -- what it needs ---------------------------------------------------------------------------

    def test_it_says_whether_it_needs_probes(self, given: Any, network: str) -> None:
        objective = self.make(given)
        bare = copy.deepcopy(_measured(network, 0))
        if objective.needs_probes:
            with pytest.raises(OptionError):
                objective.qubo(bare)
            return
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            try:
                without = objective.qubo(bare)
            except Exception as error:
                raise AssertionError(f"it needs probes: set needs_probes ({error})") from error
        assert without.num_variables == len(bare.channels)

    def test_each_option_does_something(self, given: Any, statistics: Any) -> None:
        if not self.configurable(given):
            return
        usual = self.make(given).qubo(statistics)
        for one in declared(self.find(given)):
            if one.name in self.idle or one.name in self.options or one.secret:
                continue
            values = list(_others(self.find(given), one))
            assert not values or any(
                self._differs(given, statistics, usual, {one.name: value}) for value in values
            ), f"option {one.name!r} changes nothing: tried {values}"

    def _differs(self, given: Any, statistics: Any, usual: Any, options: dict[str, Any]) -> bool:
        try:
            return bool(self.make(given, **options).qubo(statistics) != usual)
        except OptionError:  # it needs something that was not measured, and says so
            return True


def _others(kind: type[Objective], one: Declared) -> list[Any]:
    """Some values of an option besides its default."""
    field = kind.__dataclass_fields__[one.name]
    about, default = field.metadata, one.default
    if one.domain.startswith("one of"):
        choices = one.domain.removeprefix("one of ").split(", ")
        return [choice for choice in choices if choice != str(default)]
    if isinstance(default, bool):
        return [not default]
    if not one.type.startswith(("int", "float")):
        return []
    least, most, above = (about.get(key) for key in ("least", "most", "above"))
    middle = default if isinstance(default, (int, float)) else 0
    low = least if least is not None else above + 0.5 if above is not None else middle - 1
    values = [low, most if most is not None else 2 * middle + 1]
    return [int(v) if one.type.startswith("int") else float(v) for v in values if v != default]


def _same(old: Any, new: Any) -> bool:
    if isinstance(old, (tuple, list)):
        return len(old) == len(new) and all(_same(a, b) for a, b in zip(old, new, strict=True))
    if isinstance(old, np.ndarray):
        return bool(np.array_equal(old, new, equal_nan=old.dtype.kind == "f"))
    return bool(old is new or old == new)
