"""What a tuning leaves: its trials as JSON, and the study with the options that it chose."""

from __future__ import annotations

import json
import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from secateur.errors import OptionError
from secateur.solving.names import CONTROL
from secateur.solving.solvers import as_solver
from secateur.study.cell import StudyMethod
from secateur.study.export.writing import write_new
from secateur.study.spec.naming import secret_names
from secateur.study.tuning.tuning import Tuned

_HEADER = re.compile(r"\s*\[+\s*([^\]\s]+)")
_PLAIN = re.compile(r"[A-Za-z0-9_-]+")


def write_trials(tuned: Tuned, path: Path | str) -> Path:
    """Every trial as JSON: options, value, gaps by instance, seconds. A file there is replaced.

    Arguments:
        tuned: the tuning.
        path: of the file.
    """
    path = Path(path)
    about = {
        "study": tuned.study.title,
        "sha256": tuned.study.sha256,
        "seed": None if tuned.study.tuning is None else tuned.study.tuning.seed,
        "best_known": dict(tuned.reference),
        "methods": [
            {
                "name": one.method.name,
                "backend": one.method.backend,
                "tuned": one.method.tuned,
                "not_tuned": one.reason,
                "space": {dimension.name: dimension.to_json() for dimension in one.space},
                "best": None if one.best is None else one.best.number,
                "trials": [asdict(trial) for trial in one.trials],
            }
            for one in tuned.methods
        ],
    }
    draft = path.with_name(f".{path.name}-{os.getpid()}")
    draft.unlink(missing_ok=True)
    write_new(draft, (json.dumps(about, indent=1) + "\n").encode())
    draft.replace(path)
    return path


def write_tuned(tuned: Tuned, path: Path | str) -> Path:
    """The study with its methods as they were tuned, each in a table of its own.

    Everything else is as it was, its comments too, but for ``, tuned`` behind the title.

    Arguments:
        tuned: the tuning.
        path: of a new TOML file.

    Raises:
        FileError: it exists, or cannot be written.
        OptionError: the methods are written as an inline list, which cannot be taken out.
    """
    return write_new(Path(path), tuned_text(tuned).encode())


def tuned_text(tuned: Tuned) -> str:
    """The text of that file.

    Raises:
        OptionError: as ``write_tuned``.
    """
    title = f"{tuned.study.title}, tuned"
    kept, inside, renamed = [], "", False
    for line in tuned.study.text.splitlines():
        header = _HEADER.match(line)
        if header:
            inside = header[1].partition(".")[0].strip("\"'")
        if inside == "study" and not renamed and re.match(r"\s*title\s*=", line):
            line, renamed = f"title = {_value(title)}", True
        if inside != "methods":
            kept.append(line)
    whole = "\n".join(kept).rstrip() + "\n\n" + methods_text(tuned)
    _check(tuned, whole, title)
    return whole


def methods_text(tuned: Tuned) -> str:
    """The methods alone, as ``[[methods]]``."""
    said = "" if tuned.study.tuning is None else f", seed {tuned.study.tuning.seed}"
    lines = [f"# chosen by `secateur study tune`{said}: the trials are in the JSON file beside"]
    for one in tuned.methods:
        lines += ["", *_method(one.method)]
        if one.reason:
            lines.insert(-1, f"# not tuned as the others: {' '.join(one.reason.split())}")
    return "\n".join(lines) + "\n"


def _method(method: StudyMethod) -> list[str]:
    lines = ["[[methods]]", f"name = {_value(method.name)}", f"backend = {_value(method.backend)}"]
    secret = frozenset[str]()
    if method.backend != CONTROL and method.options:
        secret = secret_names(as_solver(method.backend), method.options)
    lines += [f"# a secret is to be named again: options.{name} = {{ env = … }}" for name in secret]
    shown = {name: value for name, value in method.options.items() if name not in secret}
    if shown:
        lines.append(f"options = {_value(shown)}")
    for name in ("time_limit", "max_calls"):
        if getattr(method, name) is not None:
            lines.append(f"{name} = {_value(getattr(method, name))}")
    if method.proof:
        lines.append("proof = true")
    return [*lines, f"tuned = {method.tuned}"]


def _value(value: Any) -> str:
    """A value in TOML; JSON writes texts as TOML reads them."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, Mapping):
        pairs = ", ".join(f"{_key(name)} = {_value(one)}" for name, one in value.items())
        return f"{{ {pairs} }}"
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(_value(one) for one in value)}]"
    # JSON leaves DEL as it is, which TOML does not take
    return json.dumps(str(value), ensure_ascii=False).replace("\x7f", "\\u007f")


def _key(name: str) -> str:
    return name if _PLAIN.fullmatch(name) else _value(name)


def _check(tuned: Tuned, text: str, title: str) -> None:
    """Nothing else is changed."""
    wanted = tomllib.loads(tuned.study.text)
    wanted.pop("methods", None)
    wanted["study"] = {**wanted.get("study", {}), "title": title}
    try:
        made = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        made = {}
    methods = made.pop("methods", [])
    if made != wanted or [one.get("name") for one in methods] != [
        one.method.name for one in tuned.methods
    ]:
        raise OptionError(
            f"the methods of {tuned.study.path.name} cannot be taken out of its text",
            remedy="write each as a table [[methods]], and the title on a line of [study]",
        )
