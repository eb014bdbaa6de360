"""A cell's key: all that determines its answer, and nothing else."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from dataclasses import fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secateur.errors import SecateurError
from secateur.study.cell import Cell, Instance, StudyMethod
from tests.study.spec.files import STUDY, load

TEXT = st.text("abc", max_size=3)
PLAIN = st.dictionaries(
    TEXT, st.one_of(st.integers(0, 3), st.booleans(), TEXT, st.none()), max_size=3
)
METHOD = {
    "backend": TEXT,
    "public": PLAIN,
    "max_calls": st.one_of(st.none(), st.integers(1, 3)),
    "proof": st.booleans(),
    "versions": st.dictionaries(TEXT, TEXT, max_size=3),
}
CELL = {
    "seed": st.integers(0, 3),
    "repetition": st.integers(0, 2),
    "time_limit": st.one_of(st.none(), st.floats(0.5, 3.0)),
}
INSTANCE = {"sha256": TEXT, "judging": PLAIN}
NAMES = {
    "instance": {"name", "source", "variables", "couplings", "count", "family", "best_known"}
    | {"known_optimal", "sense"},
    "method": {"name", "options", "beside", "secrets", "time_limit", "metered", "tuned", "cannot"},
    "cell": {"cannot", "instance", "method"},
}
BASE = Cell(
    Instance("i", "abc", {}, 3, 2, judging={"ridge": 1}),
    StudyMethod("m", "tabu", public={"reads": 1}, versions={"numpy": "2"}, max_calls=2),
    1,
    1,
    2.0,
)


def test_all_fields_are_spoken_for():
    assert {one.name for one in fields(Instance)} == INSTANCE.keys() | NAMES["instance"]
    assert {one.name for one in fields(StudyMethod)} == METHOD.keys() | NAMES["method"]
    assert {one.name for one in fields(Cell)} == CELL.keys() | NAMES["cell"]


@given(st.data())
def test_all_that_determines_a_cell_is_in_its_key_and_nothing_else(data):
    parts = {"instance": INSTANCE, "method": METHOD, "cell": CELL}
    where = data.draw(st.sampled_from(sorted(parts)))
    name = data.draw(st.sampled_from(sorted(parts[where])))
    value = data.draw(parts[where][name])
    home = BASE if where == "cell" else getattr(BASE, where)
    before = getattr(home, name)
    changed = replace(home, **{name: value})
    cell = changed if where == "cell" else replace(BASE, **{where: changed})
    same = value == before and json.dumps(value, sort_keys=True) == json.dumps(
        before, sort_keys=True
    )
    assert (cell.key == BASE.key) is same
    assert pickle.loads(pickle.dumps(cell)).key == cell.key


def test_names_are_no_part_of_it():
    other = replace(
        BASE,
        instance=replace(
            BASE.instance, name="x", source={"file": "y"}, family="z", best_known=1.0,
            known_optimal=True, sense="maximise", variables=9, couplings=9, count=2,
        ),
        method=replace(
            BASE.method, name="x", options={"key": "secret"}, time_limit=9.0, metered=True,
            tuned=3, cannot="why", secrets={"token": "NAME"}, beside=("journal",),
        ),
        cannot="why",
    )  # fmt: skip
    assert other.key == BASE.key


@pytest.mark.parametrize(
    ("backend", "one", "other"),
    [
        ("leap", 'journal = "a"', 'journal = "b", endpoint = "https://x", backoff = 3.0, wait = 5'),
        ("leap-qpu", 'profile = "a", label = "x"', 'config_file = "b", retries = 1'),
        ("decompose:leap", '"inner.journal" = "a"', 'inner = { endpoint = "https://x" }'),
        ("qaoa-device", 'device = "ibm:x", journal = "a"', 'device = "ibm:x", wait = 7'),
    ],
)
def test_how_a_service_is_reached_is_no_part_of_it(tmp_path, monkeypatch, backend, one, other):
    monkeypatch.setenv("DWAVE_API_TOKEN", "made-up")
    text = '[[methods]]\nbackend = "{}"\noptions = {{ {} }}'
    skip = STUDY + 'missing = "skip"'
    (first,) = load(tmp_path, skip, text.format(backend, one)).cells
    (second,) = load(tmp_path, skip, text.format(backend, other)).cells
    assert first.method.public != second.method.public
    assert first.key == second.key
    with pytest.raises(SecateurError, match="are the same"):
        load(tmp_path, skip, text.format(backend, one) + "\n" + text.format(backend, other))
    telling = "shots = 9" if backend == "qaoa-device" else 'solver_name = "x"'
    if ":" not in backend:
        (third,) = load(tmp_path, skip, text.format(backend, f"{one}, {telling}")).cells
        assert third.key != first.key


@given(st.permutations(["a", "b", "c", "d"]))
def test_the_order_of_names_is_no_part_of_it(order):
    values = {"a": 1, "b": {"x": 1, "y": 2}, "c": None, "d": [1, 2]}
    method = replace(BASE.method, public={name: values[name] for name in order})
    plain = replace(BASE.method, public=values)
    assert replace(BASE, method=method).key == replace(BASE, method=plain).key


def test_it_is_written_down():
    """A key of today is one of tomorrow: else every store would be forgotten."""
    assert BASE.key == "1a738db3a28ec83524cff4ab7c11eca80f38b3a559d7904a0b7416ae4a5b4d60"


def test_keys_are_the_same_in_another_process_and_folder(tmp_path):
    study = load(tmp_path, STUDY + "seeds = [0, 1]", '[[methods]]\nbackend = ["tabu", "annealing"]')
    moved = tmp_path / "elsewhere" / "other.toml"
    moved.parent.mkdir()
    moved.write_text(study.text.replace("Made up", "Another title"))
    code = (
        "import sys; from secateur.study.spec import load_study; "
        "print(*[cell.key for cell in load_study(sys.argv[1]).cells])"
    )
    said = subprocess.run(
        [sys.executable, "-c", code, str(moved)], capture_output=True, text=True, check=True,
        env={**__import__("os").environ, "PYTHONHASHSEED": "7"},
    ).stdout  # fmt: skip
    assert said.split() == [cell.key for cell in study.cells]
