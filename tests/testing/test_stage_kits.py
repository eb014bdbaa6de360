"""Our objectives and refiners keep the contract, by the kits that strangers use."""

from __future__ import annotations

from typing import ClassVar

import pytest

from secateur.objectives import Fisher, shuffled
from secateur.refine import Exchange
from secateur.testing import ObjectiveConformance, RefinerConformance


def _objective(name):
    return type(
        f"Test{name.title()}",
        (ObjectiveConformance,),
        {"objective": pytest.fixture(lambda self: name), "__module__": __name__},
    )


for _name in ("fisher", "hybrid", "l1", "random", "residual", "residual+fisher", "taylor"):
    globals()[f"Test{_name.title()}"] = _objective(_name)


class TestAnInstance(ObjectiveConformance):
    @pytest.fixture
    def objective(self):
        return Fisher(gradient=0.5)


class TestAnAblation(ObjectiveConformance):
    @pytest.fixture
    def objective(self):
        return shuffled("residual+fisher", seed=1)


class TestAFunction(ObjectiveConformance):
    @pytest.fixture
    def objective(self):
        from secateur.objectives import make_qubo

        def mine(statistics, *, weight: float = 1.0, signed: bool = False):
            score = statistics.gradient if signed else statistics.taylor
            return make_qubo(statistics.channels, weight * score)

        return mine


class TestTensorTrain(RefinerConformance):
    options: ClassVar = {"evaluations": 12}

    @pytest.fixture
    def refiner(self):
        return "tt"


class TestExchange(RefinerConformance):
    options: ClassVar = {"evaluations": 60}

    @pytest.fixture
    def refiner(self):
        return "exchange"


class TestExchangeUnguided(RefinerConformance):
    @pytest.fixture
    def refiner(self):
        return Exchange(60, guide="random")
