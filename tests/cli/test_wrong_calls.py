"""A wrong call is answered with the nearest right one, in every command."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

from secateur.cli import run
from tests.cli.calling import OWN, wrong
from tests.cli.tree import GROUPS, LEAVES, TREE, Typed, called


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def without_a_letter(word: str) -> str:
    """The word as it is often typed."""
    middle = 2 + (len(word) - 2) // 2
    return word[:middle] + word[middle + 1 :]


LONG = [
    (one, option.opts[-1]) for one in TREE for option in one.options if len(option.opts[-1]) > 5
]


@pytest.mark.parametrize(("one", "flag"), LONG, ids=[f"{called(o)} {f}" for o, f in LONG])
def test_an_option_with_a_letter_less(capsys, one, flag):
    typed = without_a_letter(flag)
    err = wrong(capsys, [*one.words, typed])
    assert f"{one.path} has no option {typed}\n" in err
    assert f"did you mean {flag}? `{one.path} --help` shows all" in err


@pytest.mark.parametrize("one", TREE, ids=called)
def test_an_option_of_another_command(capsys, one):
    """Whichever it has not: every one that some other command has."""
    own = {flag for option in one.options for flag in (*option.opts, *option.secondary_opts)}
    tried = 0
    for flag in ("--amount", "--count", "--trials", "--qoblib", "--quiet", "--width", "--to"):
        if flag in own:
            continue
        homes = [other.path for other in TREE if flag in {f for o in other.options for f in o.opts}]
        err = wrong(capsys, [*one.words, flag])
        tried += 1
        if flag == "--quiet":
            below = "".join(f" {word}" for word in one.words)
            assert f"--quiet stands before the command: `secateur --quiet{below} …`" in err
        elif flag != "--to" or "--output" not in own:  # other tools call --output so
            assert all(f"`{home}`" in err for home in homes), (flag, err)
    assert tried >= 4


LESS = [(one, group) for one in TREE for group in GROUPS if one.words[:-1] == group.words]
LESS = [(one, group) for one, group in LESS if one is not group]


@pytest.mark.parametrize(("one", "group"), LESS, ids=[called(one) for one, _ in LESS])
def test_a_command_with_a_letter_less(capsys, one, group):
    typed = without_a_letter(one.words[-1])
    err = wrong(capsys, [*group.words, typed])
    assert f"{typed!r}\n  Mend: did you mean " in err
    assert f"`{one.path}`" in err
    assert f"`{group.path} --help` shows all" in err


@pytest.mark.parametrize("group", GROUPS, ids=called)
def test_a_command_of_another_group(capsys, group):
    own = {one.words[-1] for one, home in LESS if home is group}
    for name in sorted({one.words[-1] for one in LEAVES} - own):
        err = wrong(capsys, [*group.words, name])
        homes = [one.path for one in TREE if one.words and one.words[-1] == name]
        assert all(f"`{home}`" in err for home in homes), err


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        ("report", "study report"),
        ("run", "study run"),
        ("list", "backends"),
        ("backends list", "backends"),
        ("solvers", "backends"),
        ("optimize", "solve"),
        ("optimise", "solve"),
        ("minimise", "solve"),
        ("compress", "prune"),
        ("compare", "study"),
        ("benchmark", "study"),
        ("analyse", "study report"),
        ("version", "--version"),
        ("new", "backends new` or `secateur study new"),
        ("study.toml", "study run study.toml"),
        ("study study.toml", "study run study.toml"),
        ("gka1a.sparse.gz", "solve gka1a.sparse.gz"),
        ("mymodel:build", "prune --network mymodel:build --amount 36%"),
        ("backends mine:Solver", "backends show mine:Solver"),
        ("annealing", "backends show annealing"),
        ("fisher", "objectives show fisher"),
        ("backends anealing", "backends show annealing"),
        ("objectives Fisher", "objectives show fisher"),
        ("refiners tt", "refiners show tt"),
        ("train unet", "train halfunet"),
        ("recoveries shwo distil", "recoveries show"),
    ],
)
def test_usual_words_files_and_names(capsys, words, meant):
    assert f"did you mean `secateur {meant}`?" in wrong(capsys, words.split())


def test_nothing_near_is_guessed_at(capsys):
    assert "did you mean" not in wrong(capsys, ["xyzzy"])
    err = wrong(capsys, ["solve", "a.bqm", "--xyzzy"])
    assert "did you mean" not in err
    assert "`secateur solve --help` shows all" in err


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        ("prune --sparsity 3", "--amount"),
        ("prune --solver tabu", "--backend"),
        ("prune --timeout 3", "--time-limit"),
        ("prune --model a:b", "--network"),
        ("prune --checkpoint w.pt", "--weights"),
        ("prune --dataset x", "--task"),
        ("prune --finetune", "--recover"),
        ("prune --macs 50%", "--budget"),
        ("prune -o out", "--output"),
        ("solve a.bqm -k 3", "--count"),
        ("solve a.bqm --maximize", "--maximise"),
        ("solve a.bqm --random-seed 1", "--seed"),
        ("solve a.bqm --cost", "--dry-run"),
        ("train halfunet --lr 3", "--learning-rate"),
        ("study run s.toml -j 3", "--workers"),
        ("study report --db x", "--store"),
        ("solve a.bqm --time_limit 3", "--time-limit"),
        ("solve a.bqm --Count 3", "--count"),
    ],
)
def test_usual_words_for_options(capsys, words, meant):
    assert f"did you mean {meant}? " in wrong(capsys, words.split())


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        ("solve a.bqm --reads 30", "--option reads=…: it is an option of annealing"),
        ("solve a.bqm --backend tabu --timeout-ms 3", None),
        (
            "prune --objective hybrid --similarity-weight 3",
            "--objective-option similarity_weight",
        ),
        ("prune --refine tt --rank 3", "--refine-option rank=…"),
        ("prune --recover=distil --learning-rate 3", "--recover-option learning_rate=…"),
        ("prune --objective fishr --gradient 1", None),
    ],
)
def test_an_option_of_a_stage_as_one_of_the_command(capsys, words, meant):
    err = wrong(capsys, words.split())
    assert f"write {meant}" in err if meant else "write --" not in err


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        ("prune mymodel:build", "--network mymodel:build"),
        ("prune --network a:b mytask:task", "--task mytask:task"),
        ("prune --network a:b 36%", "--amount 36%"),
        ("prune --network a:b 0.36", "--amount 0.36"),
        ("prune --network a:b macs=50%", "--budget macs=50%"),
        ("prune --network a:b w.safetensors", "--weights w.safetensors"),
        ("prune --network a:b tabu", "--backend tabu"),
        ("prune --network a:b fisher", "--objective fisher"),
        ("prune --network a:b tt", "--refine tt"),
        ("prune --network a:b distil", "--recover distil"),
        ("prune --network a:b denoising", "--task denoising"),
        ("prune --network a:b kept", "--norm-over kept"),
        ("prune --network a:b smaller", "--output smaller"),
        ("measure mymodel:build", "--network mymodel:build"),
        ("export smaller model.onnx mymodel:build", "--network mymodel:build"),
        ("qubo --network a:b halfunet.bqm", "--output halfunet.bqm"),
        ("demo 50%", "--amount 50%"),
        ("demo chain", "--network chain"),
        ("solve a.bqm 3", "--count 3"),
        ("solve a.bqm annealing", "--backend annealing"),
        ("solve a.bqm reads=50", "--option reads=…"),
        ("solve a.bqm demands.toml", "--constraints demands.toml"),
        ("verify a b 5", "--count 5"),
        ("study run a.toml 4", "--workers 4"),
        ("study check a.toml sqlite:///x.db", "--store sqlite://…"),
        ("study report a.toml out", "--output out"),
        ("train halfunet mine", "--output mine"),
        ("backends new my-solver folder", "--output folder"),
    ],
)
def test_a_value_without_its_option(capsys, words, meant):
    assert f"did you mean {meant}? " in wrong(capsys, words.split())


def test_one_value_too_many_is_shown_what_there_may_be(capsys):
    err = wrong(capsys, ["convert", "a", "b", "c"])
    assert "it takes SOURCE TARGET, as in `secateur convert " in err
    err = wrong(capsys, ["verify", "a", "b", "--count", "3", "5"])  # the count is there already
    assert "it takes CERTIFICATE PROBLEM" in err


@pytest.mark.parametrize("one", LEAVES, ids=called)
def test_an_argument_as_an_option(capsys, one):
    for argument in one.command.params:
        if isinstance(argument, click.Argument):
            typed = f"--{argument.name}"
            err = wrong(capsys, [*one.words, typed, "x"])
            assert f"without {typed}, as in `{one.command.examples[0]}`" in err


REQUIRED = [one for one in LEAVES if any(p.required for p in one.command.params)]


@pytest.mark.parametrize("one", REQUIRED, ids=called)
def test_what_is_missing_is_shown_by_an_example(capsys, one):
    err = wrong(capsys, [*one.words])
    assert f"{one.path} needs " in err
    assert "for example:\n    secateur " in err
    shown = err.partition("for example:\n")[2].replace(" \\\n", " ")
    assert " ".join(shown.splitlines()[0].split()) == one.command.examples[0]


VALUED = [
    (one, option)
    for one in TREE
    for option in one.options
    if isinstance(option.type, click.Choice) or option.type.name in ("integer", "float")
]


def shown(pair: tuple[Typed, click.Option] | Typed | click.Option) -> str:
    return called(pair) if isinstance(pair, Typed) else pair.opts[-1]


def needed(one: Typed) -> list[str]:
    """What a command must be given, so that another fault is told."""
    given = []
    for parameter in one.command.params:
        if parameter.required:
            value = "x" if isinstance(parameter, click.Argument) else f"{parameter.opts[-1]}=x"
            given.append(value)
    return given


@pytest.mark.parametrize(("one", "option"), VALUED, ids=shown)
def test_a_value_that_is_none(capsys, one, option):
    """A choice with a letter less, a word for a number, and no value at all."""
    flag, needs = option.opts[-1], needed(one)
    if isinstance(option.type, click.Choice):
        for choice in map(str, option.type.choices):
            err = wrong(capsys, [*one.words, *needs, flag, choice[:-1]])
            assert f"{flag} is {choice[:-1]!r}\n  Mend: did you mean " in err
            assert f"It is one of: {', '.join(map(str, option.type.choices))}" in err
    else:
        err = wrong(capsys, [*one.words, *needs, flag, "many"])
        assert f"{flag}: 'many' is not a valid {option.type.name.split()[0]}" in err
        assert f"write {flag} " in err
    assert f"{flag} has no value" in wrong(capsys, [*one.words, *needs, flag])


@pytest.mark.parametrize("one", TREE, ids=called)
def test_help_with_letters_exchanged(capsys, one):
    assert "did you mean --help? " in wrong(capsys, [*one.words, "--hlep"])


def test_a_flag_with_a_value(capsys):
    err = wrong(capsys, ["solve", "a.bqm", "--maximise=3"])
    assert "--maximise takes no value\n  Mend: write it alone" in err


def test_what_may_be_secret_is_not_repeated(capsys):
    for words in (
        ["solve", "a.bqm", "token=hunter2"],
        ["study", "report", "a.toml", "postgresql://me:hunter2@host/db"],
        ["study", "postgresql://me:hunter2@host/db"],
    ):
        assert "hunter2" not in wrong(capsys, words)


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (["--backend", "ANNEALING"], "did you mean 'annealing'?"),
        (["--backend", "branch_and_bound"], "did you mean 'branch-and-bound'?"),
        (["--backend", "gredy"], "did you mean 'greedy'?"),
        (["--backend", "fisher"], "'fisher' is an objective: write objective='fisher', or --obj"),
        (["--objective", "Residual"], "did you mean 'residual'?"),
        (["--objective", "tabu"], "'tabu' is a backend: write backend='tabu', or --backend tabu"),
        (["--objective", "50%"], "it looks like an amount"),
        (["--refine", "tensor"], "installed are: exchange, tt"),
        (["--refine", "exchnge"], "did you mean 'exchange'?"),
        (["--refine", "distil"], "'distil' is a recovery: write recover='distil', or --recover"),
        (["--recover", "distill"], "did you mean 'distil'?"),
        (["--option", "raeds=3"], "did you mean 'reads'?"),
        (["--option", "READS=3"], "did you mean 'reads'?"),
        (["--objective", "hybrid", "--objective-option", "taylr=3"], "did you mean 'taylor'?"),
        (["--refine", "tt", "--refine-option", "evaluation=3"], "did you mean 'evaluations'?"),
        (["--recover", "distil", "--recover-option", "step=3"], "did you mean 'steps'?"),
        (["--option", "reads"], ": --option reads=VALUE"),
        (["--option", "reads:3"], ": --option reads=…"),
        (["--budget", "mac=50%"], "did you mean 'macs'?"),
        (["--multiple", "devic"], "did you mean 'device'?"),
        (["--task", "denoise"], "did you mean 'denoising'?"),
        (["--network", "tests.end_to_end.own:biuld"], "did you mean 'build'?"),
    ],
)
def test_names_and_keys(capsys, words, meant):
    assert meant in wrong(capsys, ["prune", *OWN, "--amount", "3", *words], code=1)


@pytest.mark.parametrize(("command", "name"), [("backends", "auto"), ("backends", "greedy")])
def test_what_is_no_stage_by_itself(capsys, command, name):
    err = wrong(capsys, [command, "show", name], code=1)
    assert f"{name!r} is a way to choose, backend={name!r}, or --backend {name}, and no" in err


def test_nothing_is_asked_for(capsys):
    err = wrong(capsys, ["prune", *OWN], code=1)
    assert "--amount 50%" in err
    assert "--budget macs=50%" in err


@pytest.mark.parametrize(
    ("right", "typed"),
    [
        ("title", "tilte"),
        ("title", "Title"),
        ("time_limit", "time-limit"),
        ("study", "sutdy"),
        ("instances", "instance"),
        ("methods", "Methods"),
        ("report", "raport"),
        ("generator", "genrator"),
        ("planted", "plantd"),
        ("variables", "variable"),
        ("backend", "backand"),
        ("tabu", "Tabu"),
        ("reads", "raeds"),
        ("submitter", "submiter"),
    ],
)
def test_the_keys_of_a_study(capsys, tmp_path, right, typed):
    """Each of the example's, written wrongly where it stands first."""
    assert run(["study", "new", "s.toml"]) == 0
    capsys.readouterr()
    text = "\n".join(line.partition("#")[0] for line in Path("s.toml").read_text().splitlines())
    Path("s.toml").write_text(re.sub(rf"\b{right}\b", typed, text, count=1))
    assert f"did you mean {right!r}?" in wrong(capsys, ["study", "check", "s.toml"], code=1)


def test_a_format_that_there_is_not(capsys):
    Path("a.txt").touch()
    words = ["convert", "a.txt", "b.bqm", "--format", "maxcut"]
    assert "did you mean 'max-cut'?" in wrong(capsys, words, code=1)


def test_an_option_of_many_commands_names_three_and_none_that_only_begins_so(capsys):
    err = wrong(capsys, ["solve", "a.bqm", "--output", "b.json"])
    assert "did you mean" not in err
    assert (
        "--output is an option of `secateur demo`, `secateur prune`, `secateur measure` and " in err
    )
    assert re.search(r"and \d more\. `secateur solve --help`", err)
    err = wrong(capsys, ["qubo", *OWN, "--amount", "36%", "--output", "a.bqm"])
    assert "Mend: --amount is an option of `secateur demo` and `secateur prune`. " in err
