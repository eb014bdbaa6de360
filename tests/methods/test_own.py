"""Demands of a user's own on what is pruned."""

from __future__ import annotations

import itertools
import json

import numpy as np
import pytest

import secateur
from secateur.cli import run
from secateur.errors import ConstraintError, FileError, OptionError
from secateur.methods import Wanted
from secateur.methods.own import constraints_of, listed
from secateur.problem import at_least, at_most, count, exactly, keep, linear, tied
from tests.end_to_end.own import build, task

FILE = '[[constraint]]\nkind = "keep"\nof = ["{}", "{}"]\n'


@pytest.fixture(scope="module")
def measured():
    return secateur.measure(build(), task(), probes=2)


@pytest.fixture
def labels(measured):
    return measured.channels.labels


def best(bqm, allowed):
    """By looking at all of them, without a layer that is empty."""
    names = list(bqm.variables)
    layers = [
        [n for n in names if n.startswith(f"{path}:")] for path in {n.split(":")[0] for n in names}
    ]
    rows = [
        dict(zip(names, bits, strict=True)) for bits in itertools.product((0, 1), repeat=len(names))
    ]
    rows = [
        z for z in rows if allowed(z) and all(sum(z[n] for n in one) < len(one) for one in layers)
    ]
    return float(min(bqm.energies(rows)))


def test_the_best_selection_that_keeps_them(measured, labels):
    assert len(labels) <= 16
    weights = {label: 1.0 + number % 3 for number, label in enumerate(labels)}
    demands = [
        keep(labels[0]),
        tied(labels[1], labels[2]),
        at_most(1, labels[-3:]),
        linear(weights, lower=7.0, name="saved"),
    ]

    def allowed(z):
        return (
            sum(z.values()) == 4
            and not z[labels[0]]
            and z[labels[1]] == z[labels[2]]
            and sum(z[label] for label in labels[-3:]) <= 1
            and sum(weights[label] * z[label] for label in labels) >= 7.0
        )

    result = measured.prune("fisher", amount=4, constraints=demands)
    assert allowed(dict(result.selection.sample))
    assert result.selection.energy == pytest.approx(best(measured.qubo("fisher"), allowed))
    assert result.settings["constraints"] == [one.name for one in demands]
    assert json.dumps(result.settings["constraints"])


def test_they_say_how_many_where_nothing_else_does(measured, labels):
    assert len(measured.prune("fisher", constraints=count(3)).selection.ones) == 3
    some = measured.prune("fisher", constraints=at_least(2, labels[:4]))
    assert sum(label in labels[:4] for label in some.selection.ones) >= 2


@pytest.mark.parametrize("objective", ["random", "taylor"])
def test_the_controls_keep_them_too(measured, labels, objective):
    result = measured.prune(objective, amount=4, constraints=[exactly(3, labels[:5])])
    assert sum(label in labels[:5] for label in result.selection.ones) == 3


def test_a_refinement_keeps_them(measured, labels):
    kept = labels[:3]
    result = measured.prune(
        "taylor", amount=4, constraints=keep(*kept), refine="exchange",
        refine_options={"evaluations": 10},
    )  # fmt: skip
    assert not set(result.selection.ones) & set(kept)


def test_the_last_round_keeps_them(measured, labels):
    kept = labels[:3]
    result = measured.prune("taylor", amount=5, constraints=[keep(*kept)], rounds=2)
    assert len(result.selection.ones) == 5
    assert not set(result.selection.ones) & set(kept)


def test_a_file_says_the_same(measured, labels, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own.toml").write_text(FILE.format(*labels[:2]))
    for given in ("own.toml", tmp_path / "own.toml"):
        result = measured.prune("taylor", amount=4, constraints=given)
        same = measured.prune("taylor", amount=4, constraints=keep(*labels[:2]))
        assert result.selection.ones == same.selection.ones
        assert result.settings["constraints"] == str(given)


@pytest.mark.usefixtures("eager_alone")
def test_on_the_command_line(measured, labels, tmp_path, capsys):
    (tmp_path / "own.toml").write_text(FILE.format(*labels[:2]))
    command = "prune --network tests.end_to_end.own:build --task tests.end_to_end.own:task "
    command += f"--amount 4 --objective taylor --output {tmp_path}/made "
    assert run([*command.split(), "--constraints", str(tmp_path / "own.toml")]) == 0
    capsys.readouterr()
    pruned = secateur.load_pruned(build(), tmp_path / "made")
    gone = {label for label, kept in zip(labels, pruned.origin.keep, strict=True) if not kept}
    assert len(gone) == 4
    assert not gone & set(labels[:2])


def test_what_is_given_is_listed():
    one = keep("a")
    assert listed(None) is None
    assert listed(one) == listed([one]) == listed(iter([one])) == (one,)
    assert constraints_of([one], ["a"]) == (one,)
    assert constraints_of(None, ["a"]) == constraints_of([], ["a"]) == ()


@pytest.mark.parametrize("given", [3, 0.5, [3], [keep("a"), "b"], np.zeros(2)])
def test_what_is_no_constraint_is_said_without_a_network(given):
    with pytest.raises(OptionError, match="constraints") as caught:
        Wanted(amount=3, constraints=given).checked()
    assert "at_most" in caught.value.remedy


def test_nothing_at_all_is_still_nothing():
    with pytest.raises(secateur.errors.AmountError, match="neither an amount nor a budget"):
        Wanted(constraints=[]).checked()


@pytest.mark.parametrize(
    ("demands", "error", "said"),
    [
        (lambda labels: keep("nowhere:0"), ConstraintError, "nowhere:0"),
        (lambda labels: count(3), ConstraintError, "count"),
        (lambda labels: "none.toml", FileError, "none.toml"),
    ],
)
def test_what_cannot_be_kept_is_said_before_anything_is_measured(
    labels, demands, error, said, monkeypatch
):
    def never(*_, **__):
        raise AssertionError("measured")

    monkeypatch.setattr("secateur.measured.measured.collect_statistics", never)
    with pytest.raises(error, match=said):
        secateur.prune(build(), task(), "taylor", amount=4, constraints=demands(labels))


def test_what_contradicts_is_said(measured, labels):
    with pytest.raises(ConstraintError, match="no choice keeps all demands together"):
        measured.prune(
            "taylor", amount=4, constraints=[at_least(3, labels[:3]), at_most(1, labels[:3])]
        )
