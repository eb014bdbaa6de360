"""What may be meant by a name that is none of ours: other tools' words, files, names of stages."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import PurePath

import click

from secateur.imported import rewritten
from secateur.nearest import nearest
from secateur.stages import BACKENDS, OBJECTIVES, RECOVERIES, REFINERS, list_stages

COMMANDS = {
    "list": "backends",
    "ls": "backends",
    "solvers": "backends",
    "plugins": "backends",
    "plugin": "backends new",
    "compress": "prune",
    "shrink": "prune",
    "trim": "prune",
    "sparsify": "prune",
    "minimise": "solve",
    "minimize": "solve",
    "optimise": "solve",
    "optimize": "solve",
    "certify": "verify",
    "proof": "verify",
    "prove": "solve",
    "compare": "study",
    "benchmark": "study",
    "bench": "study",
    "init": "study new",
    "start": "study run",
    "resume": "study run",
    "plot": "study report",
    "analyse": "study report",
    "analyze": "study report",
    "results": "study report",
    "csv": "study export",
    "onnx": "export",
    "save": "export",
    "bqm": "qubo",
    "translate": "convert",
    "methods": "objectives",
    "criteria": "objectives",
    "distil": "recoveries",
    "finetune": "recoveries",
    "info": "backends show",
    "describe": "backends show",
    "test": "backends check",
    "example": "demo",
    "try": "demo",
    "version": "--version",
}
"""Usual words for what has another name here."""

OPTIONS = {
    "--output": ("-o", "--out", "--outdir", "--output-dir", "--output-folder", "--save", "--to"),
    "--amount": ("--sparsity", "--ratio", "--pruning-ratio", "--fraction", "--share", "--rate"),
    "--backend": ("--solver", "--sampler"),
    "--time-limit": ("--timeout", "--max-time", "--time", "-t"),
    "--network": ("--model", "--net", "--architecture", "-m"),
    "--weights": ("--checkpoint", "--ckpt", "--state-dict"),
    "--task": ("--data", "--dataset"),
    "--count": ("--k", "-k", "--ones", "--cardinality"),
    "--budget": ("--macs", "--flops", "--params", "--latency"),
    "--objective": ("--criterion", "--importance", "--method"),
    "--recover": ("--distil", "--distill", "--finetune", "--fine-tune", "--retrain"),
    "--workers": ("--jobs", "-j", "--processes", "--n-jobs"),
    "--seed": ("--random-seed", "--random-state", "--rng"),
    "--store": ("--database", "--db"),
    "--trials": ("--n-trials",),
    "--dry-run": ("--price", "--cost", "-n"),
    "--maximise": ("--maximize", "--max"),
    "--photos": ("--images", "--pictures"),
    "--learning-rate": ("--lr",),
}
"""Usual words for options that have another name here."""

_KEYS = {
    "--option": ("--backend", "backends"),
    "--objective-option": ("--objective", "objectives"),
    "--refine-option": ("--refine", "refiners"),
    "--recover-option": ("--recover", "recoveries"),
}
"""Options that take ``key=value``: the option that says of what, and the command that lists it."""

_SHOWN = (BACKENDS, OBJECTIVES, REFINERS, RECOVERIES)
"""Kinds of stages that have commands."""

_PROBLEMS = (
    *(".bqm", ".cqm", ".coo", ".qubo", ".sparse", ".qs", ".mc", ".rud", ".qh", ".lp"),
    *(".mps", ".qplib", ".mtx", ".npz"),
)
_WEIGHTS = (".safetensors", ".pt", ".pth", ".ckpt", ".bin")
_PACKERS = (".gz", ".xz", ".bz2")
_FACTORY = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_][\w.]*")
_AMOUNT = re.compile(r"\d+(\.\d*)?\s*%|0?\.\d+|\d+")


def command_meant(name: str, path: str, own: Sequence[str], every: Sequence[str]) -> list[str]:
    """The commands that may be meant, whole; [] where nothing is like it.

    Arguments:
        name: as it was typed.
        path: of the group that has no such command, "secateur study".
        own: the commands of that group, whole.
        every: all commands, whole.
    """
    root = path.partition(" ")[0]
    elsewhere = [one for one in every if one.rpartition(" ")[2] == name]
    if elsewhere:
        return elsewhere
    group = path.rpartition(" ")[2]
    shaped = _by_shape(name, group)
    if shaped:
        return [f"{root} {shaped}"]
    if name.lower() in COMMANDS:
        return [f"{root} {COMMANDS[name.lower()]}"]
    near = nearest(name, [one.rpartition(" ")[2] for one in own])
    if near is not None:
        return [f"{path} {near}"]
    stage = _by_stage(name, group)
    if stage:
        return [f"{root} {stage}"]
    far = nearest(name, [one.rpartition(" ")[2] for one in every])
    return [one for one in every if far is not None and one.rpartition(" ")[2] == far]


def _by_shape(name: str, group: str) -> str:
    """The command for a file or a factory."""
    suffix = _suffix(name)
    if suffix == ".toml":
        return f"study run {name}"
    if suffix in _PROBLEMS:
        return f"solve {name}"
    if _FACTORY.fullmatch(name):
        listed = any(group == kind.plural for kind in _SHOWN)
        return f"{group} show {name}" if listed else f"prune --network {name} --amount 36%"
    return ""


def _by_stage(name: str, group: str) -> str:
    """The command that shows a backend, an objective, … of that name; in a group, or like it."""
    for kind in _SHOWN:
        known = [one.name for one in list_stages(kind)]
        found = nearest(name, known) if group == kind.plural else name
        if found in known:
            return f"{kind.plural} show {found}"
    return ""


def option_meant(flag: str, own: Sequence[str]) -> str:
    """The option that another tool calls so, if the command has it; else ""."""
    for one, words in OPTIONS.items():
        if flag in words and one in own:
            return one
    return ""


def key_of(
    flag: str, own: Sequence[str], typed: Sequence[str], keys: Callable[[str, str], list[str]]
) -> str:
    """What to write for ``--reads``, where that is an option of what was named; else "".

    Arguments:
        flag: as it was typed.
        own: the options of the command.
        typed: the whole call, which may name a backend or an objective.
        keys: the options of what a command lists, by the command's name and its name.
    """
    key = flag.lstrip("-").replace("-", "_")
    for pairs, (names, command) in _KEYS.items():
        stage = _value(names, typed)
        if names == "--backend" and stage in ("", "auto"):
            stage = "annealing"  # whose options auto takes
        if pairs in own and stage and key in keys(command, stage):
            return f"write {pairs} {key}=…: it is an option of {stage}. "
    return ""


def _value(flag: str, typed: Sequence[str]) -> str:
    """What was typed for an option."""
    for number, word in enumerate(typed):
        if word.startswith(f"{flag}="):
            return word.partition("=")[2]
        if word == flag and number + 1 < len(typed):
            return typed[number + 1]
    return ""


def value_meant(value: str, free: Mapping[str, click.Option]) -> str | None:
    """The option that a value without one is for, with the value; None where nobody can know.

    Arguments:
        value: as it was typed.
        free: the command's options that were not given yet, by flag.
    """
    for flag, one in free.items():
        if isinstance(one.type, click.Choice) and value in one.type.choices:
            return f"{flag} {value}"
    guesses: list[str] = []
    suffix = _suffix(value)
    if _FACTORY.fullmatch(value):
        guesses += ["--network", "--task"]
    elif _AMOUNT.fullmatch(value):
        guesses += ["--amount", "--count", "--trials", "--workers"]
    elif re.match(r"(params|macs|time)=", value):
        guesses += ["--budget"]
    elif re.match(r"\w+=", value):
        guesses += ["--option", "--objective-option"]
    elif suffix in _WEIGHTS:
        guesses += ["--weights"]
    elif suffix == ".py":
        named = rewritten(value)
        return next((f"{flag} {named}" for flag in ("--network", "--task") if flag in free), None)
    elif suffix == ".toml":
        guesses += ["--constraints"]
    elif "://" in value or suffix in (".db", ".sqlite"):
        guesses += ["--store"]
    else:
        guesses += [*_stage_flags(value), *(["--task"] if value in ("denoising", "sidd") else [])]
        guesses += ["--output"]
    return next((f"{flag} {safe(value)}" for flag in guesses if flag in free), None)


def safe(value: str) -> str:
    """A value for a message: what stands behind a key or in an address may be a secret."""
    if "://" in value:
        return f"{value.partition('://')[0]}://…"
    key, equals, _ = value.partition("=")
    return f"{key}=…" if equals and key not in ("params", "macs", "time") else value


def _stage_flags(name: str) -> list[str]:
    """The options that take a name which is registered."""
    flags = {
        "--backend": BACKENDS,
        "--objective": OBJECTIVES,
        "--refine": REFINERS,
        "--recover": RECOVERIES,
    }
    return [
        flag for flag, kind in flags.items() if any(one.name == name for one in list_stages(kind))
    ]


def _suffix(name: str) -> str:
    """Of a file, without that of a packer."""
    path = PurePath(name)
    if path.suffix.lower() in _PACKERS:
        path = path.with_suffix("")
    return path.suffix.lower()
