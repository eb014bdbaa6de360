"""Rules of strangers: found by entry point, before ours; what is wrong with one is said."""

from __future__ import annotations

from importlib.metadata import EntryPoint, EntryPoints

import pytest
import torch
from torch import nn

from secateur import stages
from secateur.errors import NetworkError
from secateur.network import find_channels
from secateur.network.atoms import Made
from secateur.operators import load_rules, registered, registry, rule


class Tangent:
    """``tan`` is said to pin, which ours does not."""

    ops = frozenset({"tan", "garden::none"})

    def flow(self, op, flow):
        flow.opaque(op, "no tangents, please")


class Another:
    ops = frozenset({"tan"})

    def flow(self, op, flow):
        flow.atoms.give(op.outs[0], Made())


class Useless:
    pass


class Ends:
    def __init__(self) -> None:
        raise SystemExit(0)


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.one, self.two = nn.Linear(3, 5), nn.Linear(5, 2)

    def forward(self, x):
        return self.two(torch.tan(self.one(x)))


@pytest.fixture
def installed(monkeypatch):
    """Entry points as installed packages would bring them."""

    def install(**rules: str) -> None:
        group = stages.OPERATORS.group
        entries = EntryPoints(EntryPoint(name, value, group) for name, value in rules.items())
        monkeypatch.setattr(stages, "entry_points", lambda: entries)
        load_rules.cache_clear()

    yield install
    monkeypatch.undo()
    load_rules.cache_clear()


HERE = "tests.operators.test_registry"


def test_a_stranger_s_rule_comes_before_ours(installed):
    x = torch.randn(2, 3)
    assert len(find_channels(Net(), x)) == 5
    installed(tangent=f"{HERE}:Tangent")
    assert set(load_rules()) == {"tan", "garden::none"}
    with pytest.raises(NetworkError, match=r"one: no tangents, please"):
        find_channels(Net(), x)


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ({"gone": "no_such_package:Rule"}, "'gone' .*cannot be imported: No module named"),
        ({"gone": f"{HERE}:Nothing"}, "'gone' .*cannot be imported: .*Nothing"),
        ({"odd": f"{HERE}:Useless"}, "'odd' .*cannot be used: .*ops"),
        ({"ends": f"{HERE}:Ends"}, "'ends' .*SystemExit"),
        ({"a": f"{HERE}:Tangent", "b": f"{HERE}:Another"}, "two rules are of the operation 'tan'"),
    ],
)
def test_what_is_wrong_with_a_rule_is_said_with_its_name(installed, rules, message):
    installed(**rules)
    with pytest.raises(NetworkError, match=message) as caught:
        find_channels(Net(), torch.randn(2, 3))
    assert caught.value.remedy


def test_a_function_that_is_a_rule_stays_one(monkeypatch):
    def function(op, flow):
        pass

    names = ("garden::one", "garden::two")
    for name in names:
        monkeypatch.setitem(registry.RULES, name, None)  # gone again afterwards
    assert rule(*names)(function) is function
    assert [registry.RULES[name] for name in names] == [function, function]


def test_a_rule_counts_inside_only_and_errors_end_it():
    x = torch.randn(2, 3)
    with pytest.raises(NetworkError, match="no tangents"), registered(Tangent()):
        find_channels(Net(), x)
    assert len(find_channels(Net(), x)) == 5
    # the innermost counts
    with registered(Tangent()), registered(Another()), pytest.raises(NetworkError, match="one: "):
        find_channels(Net(), x)
