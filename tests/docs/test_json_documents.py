"""Every JSON that is printed or written keeps to its schema, and the schemas to the code."""

from __future__ import annotations

import importlib.metadata
import json
from importlib.resources import files
from pathlib import Path

import jsonschema
import pytest

from secateur.cli import run
from secateur.errors import OptionError
from secateur.schemas import list_schemas, load_schema
from secateur.solving import quote
from secateur.testing import random_problem
from tests.docs.named import of_docs

schemas, reader, command_pages = of_docs("schemas"), of_docs("reader"), of_docs("command_pages")

NETWORK = ["--network", "mymodel:build", "--task", "mytask:task"]
HALF = [*NETWORK, "--probes", "2", "--amount", "50%", "--objective", "fisher"]
STUDY = """
[study]
title = "Small ones"
seeds = [0, 1]
time_limit = 0.2
[[instances]]
generator = "planted"
variables = [8, 10]
[[methods]]
backend = ["annealing", "tabu"]
[report]
submitter = "A. Person"
reference = "none"
hardware = "a laptop"
[tune]
trials = 2
space = { annealing = { reads = { from = 1, to = 9 } }, tabu = { reads = [1, 2] } }
[[tune.instances]]
generator = "planted"
variables = 9
seed = 7
"""
CALLS: list[tuple[str, list[str]]] = [
    ("measurement", ["measure", *NETWORK, "--probes", "2", "--output", "measured"]),
    (
        "result",
        [
            *("prune", *HALF, "--refine", "exchange", "--evaluations", "9"),
            *("--recover", "distil", "--recover-option", "steps=2", "--output", "smaller"),
        ],
    ),
    ("quote", ["prune", *HALF, "--dry-run"]),
    ("qubo", ["qubo", *NETWORK, "--probes", "2", "--output", "mine.bqm"]),
    ("export", ["export", "smaller", "smaller.pt2", "--network", "mymodel:build"]),
    ("solution", ["solve", "small.bqm", "--count", "3", "--certificate", "proof.json"]),
    ("solution", ["solve", "small.bqm", "--backend", "tabu", "--no-proof", "--maximise"]),
    ("solution", ["solve", "halfunet.bqm", "--count", "9", "--backend", "greedy", "--no-proof"]),
    ("quote", ["solve", "small.bqm", "--backend", "annealing", "--dry-run"]),
    ("verdict", ["verify", "proof.json", "small.bqm", "--count", "3"]),
    ("verdict", ["verify", "proof.json", "small.bqm", "--count", "4"]),
    ("conversion", ["convert", "small.bqm", "small.coo"]),
    ("backends", ["backends"]),
    ("backend-check", ["backends", "check", "tabu"]),
    ("backend-new", ["backends", "new", "my-solver"]),
    ("stage", ["backends", "show", "leap-qpu"]),
    ("stage", ["backends", "show", "decompose:annealing"]),
    *(("stages", [kind]) for kind in ("objectives", "refiners", "recoveries")),
    ("stage", ["objectives", "show", "hybrid"]),
    ("stage", ["refiners", "show", "tt"]),
    ("stage", ["recoveries", "show", "distil"]),
    ("study-new", ["study", "new", "example.toml"]),
    ("study-check", ["study", "check", "example.toml"]),
    ("study-run", ["study", "run", "study.toml", "--workers", "1"]),
    ("study-check", ["study", "check", "study.toml"]),
    ("study-tune", ["study", "tune", "study.toml", "--workers", "1"]),
    ("study-report", ["study", "report", "study.toml", "--output", "report"]),
    ("study-export", ["study", "export", "study.toml", "--csv", "a.csv", "--qoblib", "sub"]),
]
"""Every command that prints JSON, in an order in which each finds what it needs."""
FILES = {
    "measured/measured.json": "measured",
    "smaller/result.json": "result",
    "smaller/selection.json": "selection",
    "mine.bqm.json": "sidecar",
    "small.coo.json": "sidecar",
    "small.bqm.json": "sidecar",
    "halfunet.bqm.json": "sidecar",
    "proof.json": "certificate",
    "study.tuning.json": "trials",
    "report/analysis.json": "analysis",
    "report/.secateur-report.json": "report-files",
    "sub/planted-8-s0/planted-8-s0_objective_time_series.json": "time-series",
    "sub/planted-10-s0/planted-10-s0_objective_time_series.json": "time-series",
}
ELSEWHERE = {
    "secateur demo": "tests/cli/test_demo.py",  # a minute of work
    "secateur train": "a group",
    "secateur train chain": "the checkpoints below are what it prints",
    "secateur train halfunet": "the checkpoints below are what it prints",
}


def wrong(name: str, text: str) -> list[str]:
    """What of a document does not keep to its schema."""
    found = jsonschema.Draft202012Validator(load_schema(name)).iter_errors(json.loads(text))
    return [f"{name}: {'.'.join(map(str, one.absolute_path))}: {one.message}" for one in found]


def test_what_is_printed_and_written_keeps_to_its_schema(tmp_path, monkeypatch, capsys):
    """In one folder, one call after the other: each needs what those before it wrote."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr("secateur.pruning.running.TIMING", 0.001)
    monkeypatch.setattr("secateur.report.figure.draw", lambda *_: None)
    reader.lay_out(["mymodel.py", "mytask.py", "small.bqm", "halfunet.bqm"])
    Path("study.toml").write_text(STUDY)
    faults = []
    for name, words in CALLS:
        assert run(["-q", *words, "--json"]) == (1 if "4" in words else 0), words
        faults += wrong(name, capsys.readouterr().out)
    found = {str(one.relative_to(tmp_path)) for one in tmp_path.rglob("*.json")}
    plots = {one for one in found if one.endswith(".vl.json")}  # of Vega-Lite
    assert found - plots == set(FILES)
    for path, name in FILES.items():
        faults += wrong(name, Path(path).read_text(encoding="utf-8"))
    assert faults == []


def test_every_command_with_json_is_called():
    called = {tuple(words[:2]) for _, words in CALLS} | {tuple(words[:1]) for _, words in CALLS}
    for path, command, context in command_pages.commands():
        if any("--json" in one.opts for one in command.get_params(context)):
            words = tuple(path.split()[1:])
            assert words in called or path in ELSEWHERE, path


def test_every_schema_is_used():
    used = {name for name, _ in CALLS} | set(FILES.values()) | {"curve", "training"}
    assert used == set(list_schemas())


@pytest.mark.parametrize("name", ["chain", "halfunet", "small-halfunet"])
def test_the_files_of_the_checkpoints_keep_to_their_schema(name):
    place = files("secateur.zoo") / "checkpoints" / f"{name}.json"
    assert wrong("training", place.read_text("utf-8")) == []


@pytest.mark.parametrize("name", list_schemas())
def test_every_schema_is_one_and_is_what_the_declarations_make(name):
    schema = load_schema(name)
    jsonschema.Draft202012Validator.check_schema(schema)
    assert (schemas.FOLDER / f"{name}.json").read_text("utf-8") == schemas.text_of(name)
    assert schema["$id"] == f"urn:secateur:{name}"
    assert schema["title"]
    assert schema["$comment"]


def objects(schema: object):
    """Every object that a schema describes by its keys."""
    if isinstance(schema, dict):
        if "properties" in schema and schema.get("type") == "object":
            yield schema
        for inner in schema.values():
            yield from objects(inner)
    elif isinstance(schema, list):
        for inner in schema:
            yield from objects(inner)


@pytest.mark.parametrize("name", list_schemas())
def test_no_key_is_accepted_that_is_not_told(name):
    for one in objects(load_schema(name)):
        assert one["additionalProperties"] is False or "description" in one["additionalProperties"]
        assert set(one["required"]) <= set(one["properties"])


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("quote", {"more": 1}),
        ("quote", {"calls": "many"}),
        ("quote", {"dry_run": False}),
        ("quote", {"charge_s": "free"}),
    ],
)
def test_what_is_not_as_promised_is_refused(name, change):
    data = quote(random_problem(6, 0), backend="annealing").to_json()
    assert wrong(name, json.dumps(data)) == []
    assert wrong(name, json.dumps({**data, **change})) != []
    for key in data:
        assert wrong(name, json.dumps({one: data[one] for one in data if one != key})) != []


def test_a_name_that_there_is_not_names_the_nearest():
    with pytest.raises(OptionError, match="no schema 'quot'") as caught:
        load_schema("quot")
    assert "did you mean 'quote'?" in str(caught.value)


def test_the_validator_is_one_of_the_tests_own():
    wanted = importlib.metadata.requires("secateur") or []
    assert not [one for one in wanted if one.startswith("jsonschema") and "extra" not in one]
