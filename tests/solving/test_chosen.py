"""A backend and its options are found once, by every door in the same words."""

from __future__ import annotations

import pytest

from secateur.errors import OptionError, SecateurError
from secateur.methods import Method
from secateur.methods.resolved import resolve
from secateur.solving import solve
from secateur.solving.chosen import choose
from secateur.testing import random_problem
from secateur_backends.annealing import Annealing

WRONG = [
    ("greedy", {"reads": 3, "token": "s3cret"}, "greedy takes no options, and has reads, token"),
    ("auto", {"sweps": 3}, "did you mean 'sweeps'"),
    ("annealing", {"reads": 0}, "option 'reads' of backend 'annealing' is 0"),
    ("tabu", {"sweeps": 3}, "backend 'tabu' has no option 'sweeps'"),
    ("decompose:annealing", {"inner.reads": 0}, "option 'reads' of backend 'annealing' is 0"),
    ("anealing", None, "did you mean 'annealing'"),
    (3, None, "the backend is 3"),
]


@pytest.mark.parametrize(("backend", "options", "said"), WRONG)
def test_every_door_says_the_same_of_what_is_wrong(backend, options, said):
    messages = set()
    for door in (
        lambda: choose(backend, options),
        lambda: solve(random_problem(4, 0), count=2, backend=backend, options=options),
        lambda: resolve(Method("l1", backend, options=options)),
    ):
        with pytest.raises(SecateurError) as caught:
            door()
        messages.add(str(caught.value))
        assert "s3cret" not in str(caught.value)
    assert len(messages) == 1
    assert said in messages.pop()


@pytest.mark.parametrize("backend", ["annealing", Annealing, Annealing()])
def test_what_was_chosen_is_handed_on(monkeypatch, backend):
    chosen = choose(backend, {"reads": "7"})
    assert chosen.name == "annealing"
    assert chosen.options == Annealing.Options(reads=7)
    problem = random_problem(6, 1)
    wanted = solve(problem, count=2, backend=backend, options={"reads": 7}, proof=False)
    monkeypatch.setattr("secateur.solving.api.choose", None)  # it is not looked for again
    answer = solve(problem, count=2, backend=chosen, proof=False)
    assert answer.sample == wanted.sample
    assert answer.provenance["options"] == wanted.provenance["options"]
    assert answer.provenance["options"]["reads"] == 7


@pytest.mark.parametrize("name", ["auto", "greedy"])
def test_strategies_are_chosen_too(name):
    chosen = choose(name)
    assert (chosen.name, chosen.solver, chosen.options) == (name, None, None)
    problem = random_problem(6, 1)
    found = [solve(problem, count=2, backend=one).energy for one in (name, chosen)]
    assert found[0] == found[1]


def test_options_beside_what_was_chosen_are_refused():
    with pytest.raises(SecateurError, match="given twice"):
        solve(random_problem(4, 0), backend=choose("annealing"), options={"reads": 2})


def test_a_seed_that_is_not_taken_is_told():
    with pytest.raises(SecateurError, match="takes no seed"):
        choose("exhaustive", seed=1)
    assert choose("annealing", seed=1).options == Annealing.Options(seed=1)


def test_a_keyword_that_solve_does_not_have():
    with pytest.raises(OptionError, match="has no option 'time_limt'") as caught:
        solve(random_problem(3, 0), time_limt=3)
    assert "did you mean 'time_limit'" in caught.value.remedy
    with pytest.raises(OptionError, match="max_calls"):
        solve(random_problem(3, 0), backend="annealing", max_calls=0)
