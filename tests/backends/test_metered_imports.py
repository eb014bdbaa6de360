"""What a function imports where it runs, in every form: found if it is charged for, else not."""

from __future__ import annotations

import inspect
import types
from typing import Any

import dwave.system
import pytest
import qiskit_ibm_runtime

from secateur.backends.charged import NAMES
from secateur.backends.metered import paid_by

from .import_forms import FREE, PAID, runtime_as


@pytest.mark.parametrize("name", PAID)
def test_what_is_charged_for_is_found_however_it_is_imported(name: str) -> None:
    found = paid_by(PAID[name])
    assert found is not None
    assert found.startswith(("dwave", "qiskit_ibm_runtime"))


@pytest.mark.parametrize("function", FREE, ids=lambda function: function.__name__)
def test_what_is_not_charged_for_is_not_found(function: Any) -> None:
    assert paid_by(function) is None


def test_a_module_alone_and_a_name_alone_are_not_charged_for() -> None:
    assert paid_by(dwave.system) is None
    assert paid_by(["DWaveSampler", "Client", "Sampler"]) is None
    assert paid_by(["dwave.samplers", "DWaveSampler", "Client", "Sampler"]) is None


class Raises:
    """Whatever is read of it."""

    __slots__ = "one"

    def __getattribute__(self, name: str) -> Any:
        if name == "__class__":  # pytest, too, could not show it
            return Raises
        raise RuntimeError(name)


class Exits:
    def __getattr__(self, name: str) -> Any:
        raise SystemExit(0)


class RaisingMapping(dict):  # type: ignore[type-arg]
    def values(self) -> Any:
        raise RuntimeError


@pytest.mark.parametrize("make", [Raises, Exits, lambda: Raises, lambda: RaisingMapping(a=1)])
def test_what_raises_where_it_is_read_hides_nothing_beside_it(make: Any) -> None:
    thing = make()
    assert paid_by(thing) is None
    assert paid_by([runtime_as, thing]) == paid_by([thing, runtime_as]) == paid_by(runtime_as)


@pytest.mark.parametrize("module", [dwave.system, qiskit_ibm_runtime], ids=lambda m: m.__name__)
def test_the_names_are_those_that_the_vendor_has(module: types.ModuleType) -> None:
    """A class of a newer version that reaches the service has to be named, or told to be none."""
    told = {"ResultInfoDict", "RuntimeJobV2", "RuntimeOptions", "QuantumProgram"}
    charged = {
        name
        for name, value in vars(module).items()
        if inspect.isclass(value) and not name.startswith("_") and paid_by(value) is not None
    }
    assert charged - told == set(NAMES[module.__name__])
