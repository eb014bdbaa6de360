"""What SECURITY.md says of the code: where pickle is, and that nothing else makes code of data."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

import secateur
import secateur_backends
from secateur.errors import FileError
from secateur.files import read_file
from secateur.surgery.weights import load_weights

ROOT = Path(__file__).parents[1]
CODE = [
    file
    for package in (secateur, secateur_backends)
    for file in sorted(Path(package.__path__[0]).rglob("*.py"))
]
PICKLES = {"pickle", "_pickle", "dill", "cloudpickle", "shelve", "marshal", "joblib", "yaml"}
BETWEEN_PROCESSES = {"secateur/evaluator/processes.py", "secateur/surgery/speed.py"}
"""What is unpickled there, a process of the same run has pickled."""
MUST_SAY = {"torch.load": ("weights_only", True), "np.load": ("allow_pickle", False)}
"""Calls that unpickle unless told not to."""


def nodes(kind: type) -> Iterator[tuple[str, ast.AST]]:
    for file in CODE:
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, kind):
                yield f"{file.parent.name}/{file.name}:{node.lineno}", node


def test_pickle_is_in_two_files():
    found = set()
    for file in CODE:
        for node in ast.walk(ast.parse(file.read_text())):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            if PICKLES & {name.partition(".")[0] for name in names}:
                found.add("/".join(file.parts[-3:]))
    assert found == BETWEEN_PROCESSES
    text = (ROOT / "SECURITY.md").read_text()
    assert all(f"`core/{name}`" in text for name in found)


def test_what_would_unpickle_is_told_not_to():
    seen = set()
    for where, call in nodes(ast.Call):
        called = ast.unparse(call.func).replace("numpy.", "np.")
        if called not in MUST_SAY:
            continue
        seen.add(called)
        word, value = MUST_SAY[called]
        given = {keyword.arg: keyword.value for keyword in call.keywords}
        assert isinstance(given.get(word), ast.Constant), where
        assert given[word].value is value, where
    assert seen == set(MUST_SAY)


def test_no_text_becomes_code_and_no_shell_is_run():
    for where, call in nodes(ast.Call):
        called = ast.unparse(call.func)
        assert called not in ("eval", "exec", "compile", "__import__"), where
        assert called not in ("os.system", "os.popen", "subprocess.getoutput"), where
        assert not [keyword for keyword in call.keywords if keyword.arg == "shell"], where


def test_a_name_is_imported_in_two_places():
    """As a stage, and as a network or task: nowhere else does a text that is given name code."""
    callers = {
        where.partition(":")[0]
        for where, call in nodes(ast.Call)
        if ast.unparse(call.func).endswith("import_attribute")
    }
    assert callers == {"secateur/stages.py", "secateur/loading.py"}


class Evil:
    """Its pickle calls a function of the one who wrote it."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self):
        return (Path.touch, (self.mark,))


def test_a_checkpoint_that_is_a_program_is_refused(tmp_path):
    mark = tmp_path / "run"
    torch.save({"weight": Evil(mark)}, tmp_path / "weights.pt")
    with pytest.raises(FileError, match="not tensors alone"):
        load_weights(torch.nn.Linear(1, 1), tmp_path / "weights.pt")
    assert not mark.exists()
    torch.load(tmp_path / "weights.pt", weights_only=False)
    assert mark.exists()


def test_a_matrix_that_is_a_program_is_refused(tmp_path):
    mark = tmp_path / "run"
    np.savez(tmp_path / "matrix.npz", np.array([[Evil(mark)]], dtype=object))
    with pytest.raises(FileError):
        read_file(tmp_path / "matrix.npz")
    assert not mark.exists()
