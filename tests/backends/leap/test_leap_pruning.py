"""Money in a pruning: told before, charged once, in the budget; by the service's own counter."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import secateur
from secateur.cli import run
from secateur.errors import OptionError
from secateur.methods import Method
from secateur.methods.resolved import resolve
from secateur.methods.wanted import Wanted
from secateur.pruning.paying import check_paid_once
from secateur_backends.leap_qpu import LeapQPU

from .conftest import options_for
from .server import TOKEN, LeapServer
from .test_leap_blocks import mock
from .test_leap_cost import as_mapping
from .test_leap_resume import until

AMOUNT = 20
TASK = ["--network", "tests.end_to_end.own:build", "--task", "tests.end_to_end.own:task"]
PRUNE = ["prune", *TASK, "--probes", "0", "--objective", "l1"]

pytestmark = pytest.mark.usefixtures("eager_alone")


def network() -> nn.Module:
    """Twelve blocks of five channels, which the chip of 72 qubits takes in two submissions."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        layers: list[nn.Module] = [nn.Linear(4, 5)]
        for _ in range(11):
            layers += [nn.ReLU(), nn.Linear(5, 5)]
        made = nn.Sequential(*layers, nn.ReLU(), nn.Linear(5, 3))
        for layer in made:
            if isinstance(layer, nn.Linear):
                nn.init.normal_(layer.bias, 0.5)
        return made


def task() -> secateur.Task:
    generator = torch.Generator().manual_seed(1)
    data = [
        (
            torch.randn(16, 4, generator=generator),
            torch.randint(0, 3, (16,), generator=generator),
        )
        for _ in range(2)
    ]
    return secateur.Task(data, loss=nn.functional.cross_entropy, likelihood="categorical")


@pytest.fixture(scope="module")
def measured() -> Any:
    return secateur.measure(network(), task(), probes=4)


@pytest.fixture
def qpu(server: LeapServer, journal: Path) -> Callable[..., Method]:
    """A method on the chip, in two calls unless more are asked for."""

    def method(objective: str = "fisher", calls: int = 2, **given: Any) -> Method:
        options = as_mapping(options_for(LeapQPU(), server, journal, num_reads=20))
        name = f"{objective} {sorted(given.items())}"
        return Method(objective, "leap-qpu", options=options | given, max_calls=calls, name=name)

    return method


# --- several methods, each in calls of several submissions


def test_the_prices_of_a_comparison_bound_what_it_is_charged(
    measured: Any, qpu: Any, server: LeapServer
) -> None:
    methods = [qpu("fisher"), qpu("residual")]
    told = [measured.price(one, amount=AMOUNT) for one in methods]
    assert all("in 2 submissions, each charged" in one.call.note for one in told)
    assert server.accepted == []
    first = measured.compare(methods, [AMOUNT])
    calls = [one.selection.calls for one in first.results]
    assert max(calls) == 2
    assert len(server.accepted) == 2 * sum(calls)
    each = [one.call.charge_s * many for one, many in zip(told, calls, strict=True)]
    assert 0.9 * sum(each) < server.charged <= sum(each) <= sum(one.charge_s for one in told)
    said = [one.selection.provenance["charged"] for one in first.results]
    assert sum(one["seconds"] for one in said) == pytest.approx(server.charged)
    # again, and by the door that measures anew: all from the journal
    paid = len(server.accepted)
    again = measured.compare(methods, [AMOUNT])
    whole = secateur.compare(network(), task(), methods, amount=AMOUNT, probes=4)
    assert len(server.accepted) == paid
    assert whole.selection.ones == first.last.selection.ones
    for one, same in zip(first.results, again.results, strict=True):
        assert one.selection.ones == same.selection.ones
        assert same.selection.provenance["charged"]["seconds"] == 0.0
    done = measured.price(methods[0], amount=AMOUNT)
    assert (done.call.charge_s, done.call.recorded) == (0.0, True)


def test_a_method_of_one_call_has_the_very_price(
    measured: Any, qpu: Any, server: LeapServer
) -> None:
    alone = qpu("fisher", calls=1)
    told = measured.price(alone, amount=AMOUNT)
    result = measured.prune(alone, amount=AMOUNT)
    assert told.charge_s == pytest.approx(server.charged, rel=0.1)
    assert server.charged <= told.charge_s
    assert result.selection.count == AMOUNT
    # a comparison with what was pruned before pays for the other alone
    other = qpu("residual", calls=1)
    rest = measured.price(alone, amount=AMOUNT).charge_s
    assert rest == 0.0
    before = server.charged
    more = measured.price(other, amount=AMOUNT).charge_s
    measured.compare([alone, other], [AMOUNT])
    assert 0.9 * more < server.charged - before <= more
    assert len(server.accepted) == 4


def test_methods_of_one_problem_share_its_budget(
    measured: Any, qpu: Any, server: LeapServer
) -> None:
    """The budget is of the problem: other reads are another job, and not another budget."""
    each = measured.price(qpu("residual", calls=1), amount=AMOUNT).charge_s
    most = 3.5 * each
    methods = [qpu("residual", max_charge_s=most, num_reads=reads) for reads in (20, 21, 22)]
    table = measured.compare(methods, [AMOUNT])
    assert server.charged <= most
    assert len(server.accepted) == 6  # two calls and one, in two submissions each
    done = [one.selection for one in table.results]
    assert [one.calls for one in done] == [2, 1]
    (failed,) = [note for note in table.last.notes if "failed" in note]
    assert methods[2].name in failed
    assert "nothing was sent" in failed
    # another process has no other budget
    again = secateur.compare(network(), task(), methods, amount=AMOUNT, probes=4)
    assert len(again.rows) == 3
    assert len(server.accepted) == 6


def test_every_amount_is_priced_and_charged_by_itself(
    measured: Any, qpu: Any, server: LeapServer
) -> None:
    one = qpu("fisher", calls=1)
    told = [measured.price(one, amount=amount).charge_s for amount in (10, 30)]
    measured.compare([one], [10, 30])
    assert 0.9 * sum(told) < server.charged <= sum(told)
    measured.compare([one], [30, 10])
    assert len(server.accepted) == 4


# --- demands that another run would not have: a time, the step of a device


@pytest.fixture
def paid(server: LeapServer, journal: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The options of a call of the stand-in."""
    monkeypatch.setenv("DWAVE_API_TOKEN", TOKEN)
    given = {"endpoint": server.endpoint, "journal": str(journal), "backoff": 0.01}
    return [part for name, value in given.items() for part in ("--option", f"{name}={value}")]


ANEW = [
    ({"budget": {"time": "50%"}}, "a budget of time", '"macs" or "params"'),
    ({"budget": {"time": "4 ms", "macs": 0.5}}, "a budget of time", '"macs" or "params"'),
    ({"amount": 4, "multiple": "device"}, "multiples of 'device'", "16"),
]


@pytest.mark.parametrize(("wanted", "said", "mend"), ANEW)
def test_a_paid_problem_that_no_other_run_has_is_refused(
    measured: Any, qpu: Any, server: LeapServer, wanted: Any, said: str, mend: str
) -> None:
    method = qpu()
    amounts = [Wanted(**wanted)]
    for call in (
        lambda: measured.prune(method, **wanted),
        lambda: measured.price(method, **wanted),
        lambda: measured.compare(["taylor", method], amounts),
        lambda: secateur.prune(network(), task(), method, probes=4, **wanted),
        lambda: secateur.compare(network(), task(), ["taylor", method], probes=4, **wanted),
    ):
        with pytest.raises(OptionError, match=said) as caught:
            call()
        assert "leap-qpu" in caught.value.message
        assert "nothing was sent" in caught.value.message
        assert mend in str(caught.value)
    assert server.steps == []


@pytest.mark.parametrize("dry", [[], ["--dry-run"]])
@pytest.mark.parametrize(
    ("demand", "said"),
    [
        (["--budget", "time=50%"], "a budget of time with backend"),
        (["--amount", "5", "--multiple", "device"], "multiples of 'device' with backend"),
    ],
)
@pytest.mark.parametrize(
    "backend", [["leap"], ["leap-bqm", "--charge"], ["decompose:leap"], ["blocks:leap-qpu"]]
)
def test_the_command_refuses_it_too(
    server: LeapServer,
    paid: list[str],
    capsys: Any,
    backend: list[str],
    demand: list[str],
    said: str,
    dry: list[str],
) -> None:
    wraps = ":" in backend[0]
    options = [p if not wraps or p == "--option" else f"inner.{p}" for p in paid]
    assert run([*PRUNE, *demand, "--backend", *backend, *options, *dry]) == 1
    err = capsys.readouterr().err
    assert said in err
    assert "nothing was sent" in err
    assert "Traceback" not in err
    assert server.steps == []


@pytest.mark.parametrize(
    "method",
    [
        Method("l1"),
        Method("l1", "greedy"),
        Method("l1", "annealing"),
        Method("l1", LeapQPU(mock("pegasus", 2))),
        Method("l1", "qaoa-device", options={"device": "fake:FakeManilaV2"}),
        Method("random", "leap"),
    ],
)
def test_what_is_not_charged_may_plan_for_a_time(method: Method, paid: list[str]) -> None:
    wanted = [Wanted(budget={"time": 0.5}), Wanted(amount=1, multiple="device")]
    check_paid_once(wanted, [resolve(method)])


def test_other_demands_may_be_paid_for(paid: list[str]) -> None:
    wanted = [Wanted(budget={"macs": 0.5}), Wanted(amount=1, multiple=16)]
    check_paid_once(wanted, [resolve(Method("l1", "leap"))])


# --- a budget that every run has


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
def test_a_budget_of_macs_is_priced_killed_and_paid_once(
    server: LeapServer, paid: list[str], capsys: Any
) -> None:
    arguments = [*PRUNE, "--budget", "macs=50%", "--backend", "leap-bqm", *paid]
    arguments += ["--option", "max_charge_s=7", "--max-calls", "3", "--json"]
    assert run([*arguments, "--dry-run"]) == 0
    quoted = json.loads(capsys.readouterr().out)
    assert (quoted["call"]["charge_s"], quoted["charge_s"]) == (pytest.approx(3.0, rel=0.01), 7.0)
    assert server.accepted == []
    answered = server.finish

    def first_only(job: Any) -> None:
        if job is server.accepted[0]:
            answered(job)

    server.finish = first_only  # type: ignore[method-assign]
    paths = os.pathsep.join(p for p in sys.path if p)
    process = subprocess.Popen(
        [sys.executable, "-m", "secateur", *arguments],
        env=os.environ | {"PYTHONPATH": paths},
        cwd=Path(__file__).parents[3],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        until(lambda: len(server.accepted) == 2)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    server.finish = answered  # type: ignore[method-assign]
    assert run(arguments) == 0
    result = json.loads(capsys.readouterr().out)
    assert len(server.accepted) == 2
    assert server.charged == pytest.approx(6.0, rel=0.01)
    assert server.charged <= 7.0
    assert result["rows"][-1]["macs"] <= 0.5 * result["rows"][0]["macs"]
    assert run(arguments) == 0
    assert len(server.accepted) == 2


def test_a_budget_of_macs_on_the_chip_is_within_its_price(
    measured: Any, qpu: Any, server: LeapServer
) -> None:
    told = measured.price(qpu(), budget={"macs": 0.6})
    result = measured.prune(qpu(), budget={"macs": 0.6})
    assert 0 < server.charged <= told.charge_s
    assert result.rows[-1].macs <= 0.6 * result.rows[0].macs
    paid = len(server.accepted)
    measured.prune(qpu(), budget={"macs": 0.6})
    assert len(server.accepted) == paid
