"""What a quantum computer is told besides the problem: checked first, passed on, kept."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import dimod
import pytest

from secateur.backends.call import run
from secateur.errors import BackendError, BackendOptionError, BackendUnsuitable
from secateur.problem import Problem
from secateur_backends.leap_qpu import LeapQPU

from .client import make_problem
from .conftest import Solve, best_energy
from .server import LeapServer

REVERSE = [[0, 1], [5, 0.5], [10, 1]]


def state(problem: Problem) -> dict[str, int]:
    return {str(v): i % 2 for i, v in enumerate(problem.variables)}


@pytest.mark.parametrize(
    "given",
    [
        {"anneal_schedule": [[0, 0], [10, 0.5], [20, 1]]},
        {"answer_mode": "raw"},
        {"auto_scale": False},
        {"num_spin_reversal_transforms": 5},
        {"programming_thermalization": 30},
        {"flux_biases": [0.0] * 72},
    ],
)
def test_parameters_go_to_the_solver(given: Any, solve: Solve, server: LeapServer) -> None:
    problem = make_problem(n=5)
    found = solve(problem, backend=LeapQPU(), num_reads=20, parameters=json.dumps(given))
    assert server.accepted[0].params == {"num_reads": 20, **given}
    assert found.samples.first.energy == pytest.approx(best_energy(problem))
    assert found.samples.record.num_occurrences.sum() == 20
    assert found.raw["params"] == {"num_reads": 20, **given}


def test_an_initial_state_by_labels_is_one_of_the_qubits(solve: Solve, server: LeapServer) -> None:
    problem = make_problem(n=5)
    given = {"anneal_schedule": REVERSE, "initial_state": state(problem)}
    found = solve(problem, backend=LeapQPU(), parameters=given)
    sent = server.accepted[0].params["initial_state"]
    chains = found.samples.info["embedding_context"]["embedding"]
    wanted = dict.fromkeys(range(72), 3)  # 3 stands for a qubit that is not used
    for label, chain in chains.items():
        wanted |= dict.fromkeys(chain, state(problem)[label])
    assert sent == [wanted[q] for q in range(72)]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"anneal_shedule": 1}, r"no parameter 'anneal_shedule'.*did you mean 'anneal_schedule'"),
        ({"beta": 1}, "it takes: anneal_offsets, anneal_schedule"),
        ({"num_reads": 5}, r"'num_reads' is given twice.*option `num_reads`"),
        ({"label": "x"}, r"use the option `label`"),
        ({"answer_mode": "rwa"}, "'histogram' or 'raw'"),
        ({"auto_scale": 1}, "true or false"),
        ({"reinitialize_state": True}, "no effect without a reverse anneal"),
        ({"initial_state": {}}, "no effect|has nothing for"),
        ({"anneal_schedule": REVERSE}, "no 'initial_state' is given"),
        ({"anneal_schedule": [[0, 0]]}, "at least two"),
        ({"anneal_schedule": [[0, 0], [5, "1"]]}, "a list of"),
        ({"anneal_schedule": [[0, 0], [9, 0.5], [5, 1]]}, "begin at 0 and grow"),
        ({"anneal_schedule": [[0, 0], [9, 1.5], [10, 1]]}, "values from 0 to 1"),
        ({"anneal_schedule": [[0, 0], [9, 0.5]]}, "to s = 1"),
        ({"anneal_schedule": [[0, 0], [1, 0.1], [2, 0.2], [3, 0.3], [9, 1]]}, "at most 4 points"),
        ({"anneal_schedule": [[0, 0], [1e9, 1]]}, "ends at 2000 µs or before"),
        ({"anneal_schedule": [[0, 0], [float("nan"), 1]]}, "a list of"),
        ({"num_spin_reversal_transforms": 101}, "from 0 to 100, the reads"),
        ({"num_spin_reversal_transforms": 1.5}, "a whole number"),
        ({"flux_biases": [0.0]}, "72 of them"),
        ({"anneal_offsets": [0.0] * 71 + [9.0]}, "from -0.5 to 0.5 at qubit 71"),
    ],
)
def test_what_the_solver_does_not_take_is_not_sent(
    given: Any, said: str, solve: Solve, server: LeapServer
) -> None:
    with pytest.raises(BackendUnsuitable) as seen:
        solve(make_problem(n=4), backend=LeapQPU(), parameters=given)
    assert "nothing was sent" in seen.value.message
    import re

    assert re.search(said, str(seen.value), re.DOTALL), str(seen.value)
    assert server.accepted == []


def test_an_annealing_time_beside_a_schedule(solve: Solve, server: LeapServer) -> None:
    given = {"anneal_schedule": [[0, 0], [10, 1]]}
    with pytest.raises(BackendUnsuitable, match="are both given"):
        solve(make_problem(n=4), backend=LeapQPU(), parameters=given, annealing_time=10)
    assert server.accepted == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda s: s.pop("conv.0:0"), "nothing for 'conv.0:0'"),
        (lambda s: s.update({"conv.0:9": 1}), "no variable 'conv.0:9'; did you mean"),
    ],
)
def test_labels_of_an_initial_state(change: Any, said: str, server: LeapServer) -> None:
    problem = make_problem(n=4)
    given = state(problem)
    change(given)
    options = LeapQPU.make_options(
        {"parameters": {"anneal_schedule": REVERSE, "initial_state": given}}
    )
    suits = LeapQPU().applicability(problem, options)
    assert not suits.applicable
    assert said in str(suits.reason)


@pytest.mark.parametrize("value", [{"conv.0:0": 2}, {"conv.0:0": True}, [0, 1]])
def test_values_of_an_initial_state(value: Any, solve: Solve) -> None:
    bqm = dimod.BinaryQuadraticModel({"conv.0:0": 1.0}, {}, "BINARY")
    given = {"anneal_schedule": REVERSE, "initial_state": value}
    with pytest.raises(BackendUnsuitable, match="0 or 1 for every label"):
        solve(Problem(bqm), backend=LeapQPU(), parameters=given)


@pytest.mark.parametrize("name", ["parameters", "embedding"])
@pytest.mark.parametrize("value", ["{", "[1]", 3])
def test_what_is_no_object_is_refused_at_once(name: str, value: Any) -> None:
    with pytest.raises(BackendOptionError, match=name):
        LeapQPU.make_options({name: value})


# --- a given embedding


def test_a_given_embedding_is_used(solve: Solve, server: LeapServer, tmp_path: Path) -> None:
    problem = make_problem(n=5)
    first = solve(problem, backend=LeapQPU())
    chains = {
        str(label): list(chain)
        for label, chain in first.samples.info["embedding_context"]["embedding"].items()
    }
    names = list(chains)
    turned = dict(zip(names, [chains[n] for n in names[1:] + names[:1]], strict=True))
    path = tmp_path / "chains.json"
    path.write_text(json.dumps(turned))
    for given in (turned, json.dumps(turned), str(path)):
        found = solve(problem, backend=LeapQPU(), embedding=given, resubmit=True)
        context = found.samples.info["embedding_context"]
        assert {str(k): v for k, v in context["embedding"].items()} == turned
        assert context["embedding_parameters"] == {}
        assert found.samples.first.energy == pytest.approx(best_energy(problem))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda e: e.update(a=[]), "no list of qubits"),
        (lambda e: e.update(a=["0"]), "no list of qubits"),
        (lambda e: e.update(a=[999]), "qubit 999 of 'a' does not work"),
        (lambda e: e.update(a=[4]), "qubit 4 is in the chains of 'a' and 'b'"),
        (lambda e: e.update(a=[0, 1]), "the chain of 'a' is in pieces"),
        (lambda e: e.update(b=[8]), "no coupler joins the chains of"),
        (lambda e: e.pop("a"), "nothing for 'a'"),
        (lambda e: e.update(z=[1]), "no variable 'z'"),
    ],
)
def test_an_embedding_that_does_not_fit(
    change: Any, said: str, solve: Solve, server: LeapServer
) -> None:
    chains: dict[str, Any] = {"a": [0], "b": [4], "c": [1, 5]}
    bqm = dimod.BinaryQuadraticModel({"c": 1.0}, {"ab": 1.0, "ac": -1.0}, "BINARY")
    chains["c"] = [5]
    solve(Problem(bqm), backend=LeapQPU(), embedding=dict(chains), dry_run=True)
    change(chains)
    with pytest.raises(BackendUnsuitable, match=said):
        solve(Problem(bqm), backend=LeapQPU(), embedding=chains)
    assert server.accepted == []


# --- the label, and what the inspector reads


@pytest.mark.parametrize("backend", ["qpu", "hybrid"])
def test_the_label_begins_with_the_users(
    backend: str, solve: Solve, server: LeapServer, journal: Path
) -> None:
    from secateur_backends.leap import Leap

    solver = LeapQPU() if backend == "qpu" else Leap()
    found = solve(make_problem(n=4), backend=solver, label="paper secateur-7/β")
    label = server.accepted[0].label
    assert label is not None
    assert label.startswith("paper secateur-7/β secateur-")
    assert found.raw["label"] == label
    again = solve(make_problem(n=4), backend=solver, replay=True)
    assert again.samples == found.samples
    assert all(path.parent == journal for path in journal.rglob("*.json"))


def test_a_job_with_a_label_is_found_again(solve: Solve, server: LeapServer) -> None:
    from .server import Fault

    server.faults["submit"].append(Fault(drop="after"))
    solve(make_problem(n=4), backend=LeapQPU(), label="mine")
    assert len(server.accepted) == server.count("submit") == 1


def inspected(problem: Problem, samples: Any, edges: Any) -> None:
    """The steps by which D-Wave's inspector rebuilds a run from samples, with its assertions."""
    from dwave.embedding import embed_bqm
    from dwave.embedding.utils import edgelist_to_adjacency

    context = samples.info["embedding_context"]
    embedding = context["embedding"]
    embedded = embed_bqm(
        problem.bqm,
        embedding=embedding,
        target_adjacency=edgelist_to_adjacency(edges),
        chain_strength=context["chain_strength"],
        smear_vartype=dimod.SPIN,
    )
    place = {v: i for i, v in enumerate(samples.variables)}
    unembedding = {q: place[v] for v, chain in embedding.items() for q in chain}
    assert set(unembedding) == set(embedded.variables)
    assert len({q for chain in embedding.values() for q in chain}) == len(unembedding)
    assert context["chain_break_method"] == "majority_vote"
    assert isinstance(context["embedding_parameters"], dict)
    assert "qpu_access_time" in samples.info["timing"]


@pytest.mark.parametrize("sizes", [[5], [4, 3, 2]])
def test_the_inspector_finds_what_it_reads(
    sizes: list[int], solve: Solve, server: LeapServer
) -> None:
    from .test_leap_blocks import blocks_problem

    problem = blocks_problem(sizes)
    backend = LeapQPU()
    found = solve(problem, backend=backend)
    assert found.samples.info["problem_id"] == server.accepted[0].id
    assert found.samples.info["problem_label"] == server.accepted[0].label
    assert server._qpu is not None
    inspected(problem, found.samples, server._qpu["properties"]["couplers"])


def test_the_library_keeps_it(server: LeapServer, journal: Path) -> None:
    from .conftest import options_for

    backend = LeapQPU()
    found = run(backend, make_problem(n=4), options_for(backend, server, journal))
    assert found.samples.info["problem_id"] == server.accepted[0].id
    assert "embedding" in found.samples.info["embedding_context"]


def test_keys_of_earlier_journals_stay() -> None:
    plain = LeapQPU().determines(LeapQPU.make_options({}))
    assert set(plain) == {
        "endpoint", "region", "solver_name", "num_reads", "annealing_time", "chain_strength",
    }  # fmt: skip
    more = LeapQPU().determines(LeapQPU.make_options({"parameters": {"answer_mode": "raw"}}))
    assert json.loads(more["parameters"]) == {"answer_mode": "raw"}


def test_a_rehearsal_checks_them_too() -> None:
    from dwave.system.testing import MockDWaveSampler

    sampler = MockDWaveSampler(
        topology_type="pegasus", topology_shape=[2], parameter_warnings=False
    )
    problem = make_problem(n=4)
    good = {"anneal_schedule": REVERSE, "initial_state": state(problem)}
    found = run(LeapQPU(sampler), problem, {"parameters": good, "num_reads": 10})
    assert found.samples.record.num_occurrences.sum() == 10
    with pytest.raises(BackendError, match="did you mean 'answer_mode'"):
        run(LeapQPU(sampler), problem, {"parameters": {"anser_mode": "raw"}})
