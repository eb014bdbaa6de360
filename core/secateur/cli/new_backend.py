"""A new backend plugin as a project that installs and passes the conformance kit."""

from __future__ import annotations

import keyword
import re
from importlib.resources import files
from pathlib import Path
from string import Template

from secateur.errors import FileError, OptionError
from secateur.plainfile import check_new

_FILES = {
    "pyproject.toml": "pyproject.toml",
    "README.md": "README.md",
    "{module}/__init__.py": "__init__.py",
    "{module}/tests/test_conformance.py": "test_conformance.py",
}


def write_plugin(name: str, folder: Path) -> list[Path]:
    """Write the project of a plugin with the backend ``name``; the files written.

    Raises:
        OptionError: the name is no name for a backend, or is taken.
        FileError: the folder exists or cannot be written.
    """
    if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", name) or keyword.iskeyword(name):
        raise OptionError(
            f"{name!r} is no name for a backend",
            remedy="use small letters, digits and single hyphens, like my-solver",
        )
    from secateur.stages import BACKENDS, list_stages

    taken = [entry.distribution for entry in list_stages(BACKENDS) if entry.name == name]
    if taken:
        raise OptionError(
            f"{taken[0]} has a backend {name!r} already", remedy="choose another name"
        )
    words = {
        "name": name,
        "module": "secateur_" + name.replace("-", "_"),
        "class_name": "".join(word.capitalize() for word in name.split("-")),
    }
    check_new(folder, remedy="remove it, or choose another with --output")
    written = []
    try:
        for path, source in _FILES.items():
            text = (files("secateur.cli") / "template" / f"{source}.txt").read_text("utf-8")
            target = folder / path.format(**words)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(Template(text).substitute(words), encoding="utf-8")
            written.append(target)
        tests = folder / words["module"] / "tests" / "__init__.py"
        tests.write_text("", encoding="utf-8")
        written.append(tests)
    except OSError as error:
        raise FileError(
            f"{folder} cannot be written: {error}", remedy="choose another folder with --output"
        ) from error
    return written
