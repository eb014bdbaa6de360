"""Recovery: towards the dense network, without a label, never worse than its start."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

import secateur
from secateur.errors import OptionError, StageFailed
from secateur.recover import Distil, recover, resolve_recovery
from secateur.recover.matching import bernoulli, categorical, distance_of, spreads_of, squared
from secateur.recover.work import Clock, Work
from secateur.tasks import Task


def line(inputs: int = 4, outputs: int = 3, seed: int = 0) -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return nn.Sequential(nn.Linear(inputs, 8), nn.ReLU(), nn.Linear(8, outputs)).eval()


def rows(count: int, seed: int) -> torch.Tensor:
    return torch.randn(count, 4, generator=torch.Generator().manual_seed(seed))


def taught_by(dense: nn.Module, **more) -> Task:
    """Whose labels are the dense network's own outputs, so that nearer to it is better."""

    def pairs(seed: int) -> list:
        with torch.no_grad():
            return [(x, dense(x)) for x in rows(64, seed).split(16)]

    return Task(
        calibration=pairs(1),
        selection=pairs(2),
        loss=lambda outputs, targets: (outputs - targets).square().mean(1),
        **more,
    )


def test_a_distilled_network_gives_what_the_dense_one_gives():
    dense, other = line(), line(seed=1)
    before = {name: t.clone() for name, t in other.state_dict().items()}
    done = recover(other, dense, taught_by(dense), Distil(steps=400), seed=0)
    assert done.value > 0.5 * done.start  # a negative loss: at most half of it is left
    assert done.kept
    assert all(torch.equal(t, before[name]) for name, t in other.state_dict().items())
    assert not done.network.training
    again = recover(other, dense, taught_by(dense), Distil(steps=400), seed=0)
    assert again.value == done.value
    assert recover(other, dense, taught_by(dense), Distil(steps=400), seed=1).value != done.value


def test_no_target_of_the_unlabelled_split_is_looked_at():
    dense, other = line(), line(seed=1)
    wrong = [(x, torch.full((16, 3), 1e30)) for x in rows(64, 3).split(16)]
    plain = [x for x, _ in wrong]
    values = [
        recover(other, dense, taught_by(dense, unlabelled=data), Distil(steps=50)).value
        for data in (wrong, plain)
    ]
    assert values[0] == values[1]
    assert values[0] != recover(other, dense, taught_by(dense), Distil(steps=50)).value


def test_the_dense_network_itself_stays_as_it_is():
    dense = line()
    done = recover(dense, dense, taught_by(dense), Distil(steps=20))
    assert not done.kept
    assert done.looks == ()
    assert done.value == done.start == 0.0
    for name, tensor in dense.state_dict().items():
        assert torch.equal(done.network.state_dict()[name], tensor)


def test_what_is_nearly_the_dense_network_is_trained():
    dense, near = line(), line()
    for parameter in near.parameters():
        parameter.data.mul_(1.001)
    done = recover(near, dense, taught_by(dense), Distil(steps=100))
    assert len(done.looks) > 5
    assert done.value > 0.5 * done.start


def test_a_classifier_is_not_moved_from_itself():
    """Its divergence from itself is rounding, which may be below zero."""
    dense = line()
    labels = torch.arange(16) % 3
    task = Task(
        [(x, labels) for x in rows(64, 1).split(16)],
        nn.CrossEntropyLoss(),
        likelihood="categorical",
    )
    assert recover(dense, dense, task, Distil(steps=20)).looks == ()
    assert recover(line(seed=1), dense, task, Distil(steps=20)).looks


def test_every_batch_is_asked_whether_there_is_something_to_do():
    dense, other = (
        nn.Sequential(nn.Linear(4, 8, bias=False), nn.Linear(8, 3, bias=False)) for _ in "ab"
    )
    blank = [torch.zeros(16, 4), *rows(48, 3).split(16)]
    done = recover(other.eval(), dense.eval(), taught_by(dense, unlabelled=blank), Distil(steps=50))
    assert done.kept


def test_what_makes_it_worse_is_not_kept():
    dense, other = line(), line(seed=1)

    def ruin(work: Work, seed: int) -> None:
        """Ruin it."""
        for parameter in work.network.parameters():
            parameter.data.mul_(100)
        assert not work.look()
        for parameter in work.network.parameters():
            parameter.data.fill_(math.inf)
        assert not work.look()

    done = recover(other, dense, taught_by(dense), resolve_recovery(ruin))
    assert done.value == done.start
    assert done.looks[0] < done.start
    assert math.isnan(done.looks[1])
    for name, tensor in other.state_dict().items():
        assert torch.equal(done.network.state_dict()[name], tensor)


def test_lower_is_better_where_the_task_says_so():
    dense, other = line(), line(seed=1)
    task = taught_by(dense, metric=lambda o, t: (o - t).square().mean(1), higher_is_better=False)
    done = recover(other, dense, task, Distil(steps=200))
    assert done.value < done.start


def test_a_recovery_that_raises_or_leaves_another_network_is_named():
    dense, other = line(), line(seed=1)

    def raises(work: Work, seed: int) -> None:
        raise ValueError("no")

    def swaps(work: Work, seed: int) -> None:
        work.network[0] = nn.Linear(4, 9)

    for bad, words in ((raises, "ValueError: no"), (swaps, "other sizes")):
        with pytest.raises(StageFailed, match=words):
            recover(other, dense, taught_by(dense), resolve_recovery(bad))


@pytest.mark.parametrize("temperature", [1.0, 2.0, 5.0])
def test_divergences_against_torch(temperature):
    own, aim = rows(6, 1), rows(6, 2)
    kl = torch.distributions.kl_divergence
    wanted = kl(
        torch.distributions.Categorical(logits=aim / temperature),
        torch.distributions.Categorical(logits=own / temperature),
    ).mean()
    torch.testing.assert_close(categorical(own / temperature, aim / temperature), wanted)
    wanted = kl(
        torch.distributions.Bernoulli(logits=aim), torch.distributions.Bernoulli(logits=own)
    ).mean()
    torch.testing.assert_close(bernoulli(own, aim), wanted)


def test_squares_are_in_units_of_each_tensor():
    aim = [rows(50, 1), 1000 * rows(50, 2)]
    own = [aim[0] + 0.1 * aim[0].std(correction=0), aim[1] + 0.2 * aim[1].std(correction=0)]
    spreads = [float(one.var(correction=0)) for one in aim]
    assert float(squared(own, aim, spreads)) == pytest.approx(0.01 + 0.04, rel=1e-4)


def test_spreads_are_those_of_all_batches():
    dense = line()
    x = rows(22, 3)
    task = Task(
        calibration=[(x, x[:, :3])],
        selection=[(part, part[:, :3]) for part in x.split(5)],
        loss=lambda outputs, targets: (outputs - targets).square().mean(1),
    )
    with torch.no_grad():
        wanted = float(dense(x).var(correction=0))
    assert spreads_of(task, dense, lambda outputs: [outputs]) == pytest.approx((wanted,), rel=1e-5)


def test_a_batch_of_one_number_counts_as_any_other():
    """Its own variance is zero; in units of that it would be all that counts."""
    dense = line(outputs=1)
    x = rows(20, 1)

    def loss(outputs, targets):
        return (outputs - targets).square().mean(1)

    with torch.no_grad():
        wanted = dense(x)
        distance = distance_of(Task([(x, wanted)], loss), dense, 2.0)
        spread = float(wanted.var(correction=0))
        for part in (wanted[:1], wanted[:2], wanted):
            assert float(distance(part + 0.5, part)) == pytest.approx(0.25 / spread, rel=1e-4)


class Several(nn.Module):
    """Logits, and something that no loss is about."""

    def __init__(self, head: nn.Module) -> None:
        super().__init__()
        self.head = head

    def forward(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"logits": self.head(x), "other": 1e6 * x.sum(1)}


def test_only_what_the_loss_is_about_is_matched():
    network = Several(line())
    labels = torch.arange(16) % 3
    task = Task(
        calibration=[(rows(16, 1), labels)],
        loss=lambda o, t: nn.functional.cross_entropy(o["logits"], t, reduction="none"),
        likelihood="categorical",
    )
    x = rows(16, 4)
    outputs, others = network(x), Several(line(seed=1))(x)
    distance = distance_of(task, network, 2.0)
    assert float(distance(outputs, outputs).detach()) == pytest.approx(0.0, abs=1e-7)
    wanted = 4 * categorical(others["logits"] / 2, outputs["logits"] / 2)
    torch.testing.assert_close(distance({**others, "other": x.sum(1)}, outputs), wanted)


def test_the_clock_counts_steps_and_seconds():
    assert list(Clock(4)) == [(0, 0.0), (1, 0.25), (2, 0.5), (3, 0.75)]
    over = Clock(10**9, seconds=0.05)
    steps = list(over)
    assert 0 < len(steps) < 10**9
    assert steps[-1][1] < 1


def test_recoveries_are_resolved_like_every_stage():
    assert resolve_recovery(None) is None
    assert resolve_recovery("distil", {"steps": 7}) == Distil(steps=7)
    with pytest.raises(OptionError, match="distil"):
        resolve_recovery("distill")
    with pytest.raises(OptionError, match="steps"):
        resolve_recovery("distil", {"step": 7})
    with pytest.raises(OptionError, match="no recovery"):
        resolve_recovery(None, {"steps": 7})
    with pytest.raises(OptionError, match="besides"):
        resolve_recovery(Distil(), {"steps": 7})


def test_pruning_shows_what_was_recovered():
    from tests.end_to_end.own import deep, task

    method = secateur.Method("l1", recover="distil", recover_options={"steps": 40})
    measured = secateur.measure(deep(), task(), probes=0)
    plain = measured.prune(secateur.Method("l1"), amount=0.5)
    result = measured.prune(method, amount=0.5)
    row = result.rows[-1]
    assert row.metric_compensated == plain.rows[-1].metric_compensated
    assert plain.rows[-1].metric_recovered is None
    told = result.selection.provenance["recovery"]
    assert told["settings"]["steps"] == 40
    assert told["value"] >= told["start"]
    assert row.metric_recovered == pytest.approx(
        secateur.metric.evaluate(result.network, result.task)
    )
    assert "recovered" in str(result)
    assert "recovered" not in str(plain)
    name = f"{result.task.metric_name}_recovered"
    assert result.to_json()["rows"][-1][name] == row.metric_recovered
