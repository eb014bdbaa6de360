"""What every operator rule must do: the cut is the mask, and nothing else moves."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from secateur.errors import NetworkError
from secateur.network import Call, Channels, GatedNetwork, as_call, find_channels
from secateur.network.cut import cut
from secateur.network.resolve import resolve
from secateur.network.run import Op, Visitor, run
from secateur.network.ties import find_ties, output_tensors
from secateur.network.trial import difference, run_plain
from secateur.operators.flow import Flow
from secateur.operators.registry import registered
from secateur.operators.rule import OperatorRule

EXACT = 1e-9
"""Relative, in double precision."""


@dataclass(frozen=True)
class OperatorCase:
    """A small network that uses the operation.

    Arguments:
        network: a layer in front of the operation and one behind it, at least; not changed.
        inputs: for its forward, of two samples or more: a tensor, a tuple or a dict.
        pruned: the module paths whose channels can go, and how many each has: a rule that ties or
            pins too much finds fewer.
    """

    network: nn.Module
    inputs: Any
    pruned: Mapping[str, int] = field(default_factory=dict)


class OperatorConformance:
    """The contract of a rule as tests; subclass it and define ``rule`` and ``cases``.

    Networks run in double precision, with weights as they are given.

    Attributes:
        masks: random masks for each network.
    """

    masks = 8

    @pytest.fixture
    def rule(self) -> OperatorRule:
        """The rule under test, as an instance."""
        raise NotImplementedError("define the fixture `rule` in your subclass")

    @pytest.fixture
    def cases(self) -> Mapping[str, OperatorCase]:
        """Small networks that use the operation, by name."""
        raise NotImplementedError("define the fixture `cases` in your subclass")

    @pytest.fixture
    def ready(
        self, rule: OperatorRule, cases: Mapping[str, OperatorCase]
    ) -> Iterator[list[tuple[str, nn.Module, Call, OperatorCase]]]:
        """The networks in double precision, while the rule is registered."""
        assert cases, "give at least one network"
        found = []
        for name, case in cases.items():
            network = copy.deepcopy(case.network).double().eval()
            call = as_call(case.inputs).map(lambda t: t.double() if t.is_floating_point() else t)
            assert call.size > 1, f"{name}: give inputs of two samples or more"
            found.append((name, network, call, case))
        with registered(rule):
            yield found

    # -- what it says of itself ------------------------------------------------------------------

    def test_it_names_its_operations(self, rule: OperatorRule) -> None:
        assert isinstance(rule.ops, frozenset), "ops is a frozenset of names"
        assert rule.ops, "ops is empty"
        assert all(isinstance(name, str) and name for name in rule.ops)

    def test_every_operation_of_it_is_seen_in_a_network(
        self, rule: OperatorRule, ready: list[Any]
    ) -> None:
        seen = _Names()
        for _, network, call, _ in ready:
            run(network, call, seen)
        for name in rule.ops:
            assert name in seen.names, f"{name!r} was not run; there were: {sorted(seen.names)}"

    # -- what it finds ---------------------------------------------------------------------------

    def test_the_channels_that_can_go_are_found(self, ready: list[Any]) -> None:
        for name, network, call, case in ready:
            try:
                channels = find_channels(network, call)
            except NetworkError as error:
                raise AssertionError(f"{name}: {error.message}") from error
            sizes = {path: group.size for group in channels.groups for path in group.tied}
            for path, size in case.pruned.items():
                why = dict(channels.stands).get(path, "tied to too much, or to too little")
                assert sizes.get(path) == size, (
                    f"{name}: {path} has {sizes.get(path, 0)} channels, not {size}: {why}"
                )

    def test_ties_do_not_depend_on_the_batch(self, ready: list[Any]) -> None:
        for name, network, call, _ in ready:
            one, more = untried(network, call.take(slice(0, 1))), untried(network, call)
            assert one.slots == more.slots, f"{name}: other channels for one sample"

    def test_every_channel_is_read(self, ready: list[Any]) -> None:
        for name, network, call, _ in ready:
            channels = untried(network, call)
            read = {k for place in channels.reads for k in place.channel.tolist()}
            silent = [label for k, label in enumerate(channels.labels) if k not in read]
            assert not silent, f"{name}: nothing reads {silent}; say flow.read where they are mixed"

    # -- the cut is the mask ---------------------------------------------------------------------

    def test_the_slim_network_is_the_masked_one(self, ready: list[Any]) -> None:
        for name, network, call, _ in ready:
            channels = untried(network, call)
            assert len(channels), f"{name}: nothing can go: {channels.stands}"
            gated = GatedNetwork(network, channels)
            for keep in self._keeps(channels):
                wanted = gated.masked(call, keep)
                gone = [label for k, label in enumerate(channels.labels) if not keep[k]]
                try:
                    found = run_plain(cut(network, channels, keep), call)
                except Exception as error:
                    raise AssertionError(
                        f"{name} without {gone}: {error}; is a tie missing?"
                    ) from error
                gap = difference(found, wanted)
                assert gap <= EXACT, f"{name} without {gone} differs from the mask by {gap:.2g}"

    def test_the_mask_of_everything_is_the_network(self, ready: list[Any]) -> None:
        for name, network, call, _ in ready:
            channels = untried(network, call)
            all_of_it = np.ones(len(channels), dtype=bool)
            gap = difference(
                GatedNetwork(network, channels).masked(call, all_of_it), run_plain(network, call)
            )
            assert gap <= EXACT, f"{name}: {gap:.2g}"

    def test_gates_have_the_slope_that_differences_have(self, ready: list[Any]) -> None:
        for name, network, call, _ in ready:
            channels = untried(network, call)
            gated = GatedNetwork(network, channels)
            gates = torch.ones(1, len(channels), dtype=torch.double, requires_grad=True)
            number = _number(gated(call, gates))
            assert number.requires_grad, f"{name}: nothing depends on a gate"
            (slopes,) = torch.autograd.grad(number, gates)
            for k, label in enumerate(channels.labels):
                ends = []
                for step in (-1e-5, 1e-5):
                    moved = torch.ones(1, len(channels), dtype=torch.double)
                    moved[0, k] += step
                    ends.append(float(_number(gated(call, moved))))
                slope = (ends[1] - ends[0]) / 2e-5
                assert float(slopes[0, k]) == pytest.approx(slope, rel=1e-4, abs=1e-6), (
                    f"{name}: the derivative of {label}"
                )

    def test_parameters_are_counted_as_they_are(self, ready: list[Any]) -> None:
        for name, network, call, _ in ready:
            channels = untried(network, call)
            dense = channels.cost(np.zeros(len(channels)))["macs"]
            for keep in self._keeps(channels):
                slim, cost = cut(network, channels, keep), channels.cost(~keep)
                assert cost["params"] == sum(p.numel() for p in slim.parameters()), name
                assert 0 <= cost["macs"] <= dense, f"{name}: a smaller network costs more"

    # -- nothing else is changed -----------------------------------------------------------------

    def test_it_only_looks(self, rule: OperatorRule, ready: list[Any]) -> None:
        for name, network, call, _ in ready:
            before = {key: value.clone() for key, value in network.state_dict().items()}
            plain, random = run_plain(network, call), torch.get_rng_state()
            watched = _Watched(rule)
            with registered(watched):
                find_ties(network, call)
            assert watched.calls, f"{name}: the rule was not asked"
            assert not watched.changed, f"{name}: {watched.changed[0]}"
            assert torch.equal(torch.get_rng_state(), random), f"{name}: it draws random numbers"
            after = network.state_dict()
            assert all(torch.equal(after[key], value) for key, value in before.items()), name
            assert difference(run_plain(network, call), plain) == 0.0, name

    def _keeps(self, channels: Channels) -> Iterator[NDArray[np.bool_]]:
        """Random masks; and every channel of the widest group alone, gone."""
        rng = np.random.default_rng(0)
        for number in range(self.masks):
            keep = rng.random(len(channels)) > (0.2, 0.5, 0.8)[number % 3]
            for group in channels.groups:
                keep[group.start + rng.integers(group.size)] = True
            yield keep
        widest = max(channels.groups, key=lambda group: group.size)
        for k in range(widest.start, widest.start + widest.size):
            keep = np.ones(len(channels), dtype=bool)
            keep[k] = False
            yield keep


def untried(network: nn.Module, call: Call) -> Channels:
    """What the rules say, without the trial, which would leave alone what they get wrong."""
    with torch.no_grad():
        return resolve(network, find_ties(network, call), samples=call.size)


def _number(out: Any) -> Tensor:
    parts = [t for t in output_tensors(out) if t.is_floating_point()]
    weighted = [
        (t * torch.linspace(-1, 2, t.numel(), dtype=t.dtype).reshape(t.shape)).sum() for t in parts
    ]
    return torch.stack(weighted).sum()


class _Names(Visitor):
    def __init__(self) -> None:
        self.names: set[str] = set()

    def before(self, op: Op) -> None:
        full = str(op.func).rsplit(".", 1)[0].replace(".", "::")
        self.names |= {op.name, full}


class _Watched:
    """A rule, and whether it changed what it was shown."""

    def __init__(self, rule: OperatorRule) -> None:
        self.rule, self.ops = rule, rule.ops
        self.calls = 0
        self.changed: list[str] = []

    def flow(self, op: Op, flow: Flow) -> None:
        self.calls += 1
        tensors = [*op.ins, *op.outs]
        held = [(tensor, tensor.clone()) for tensor in tensors]
        args, kwargs = list(op.args), dict(op.kwargs)
        self.rule.flow(op, flow)
        if not all(torch.equal(tensor, value) for tensor, value in held):
            self.changed.append(f"it writes to a tensor of {op.name}")
        if len(op.args) != len(args) or any(
            a is not b for a, b in zip(op.args, args, strict=False)
        ):
            self.changed.append(f"it replaces the arguments of {op.name}")
        if op.kwargs.keys() != kwargs.keys():
            self.changed.append(f"it replaces the arguments of {op.name}")
