"""The plain text formats of QUBOs; each reader checks all that its format lets it check.

The trap of these formats is the factor two. Biq Mac and QOBLIB list one triangle of a *symmetric*
matrix: an entry ``i j q`` stands for two, and the pair contributes ``2·q·x_i·x_j``. COO, Qbsolv and
BiqBin list an upper triangle: the pair contributes ``q·x_i·x_j``.
"""

from __future__ import annotations

import json
import math
import re
import sys
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dimod
import numpy as np

from secateur.errors import FileError

MOST_VARIABLES = 1_000_000
"""A header that says more is taken for corrupt, before memory is asked for."""

Entry = tuple[int, int, int, float]
"""Line (0 where there are none), row, column and value."""

MAXIMISED = {"sense": "maximised in the file; the energies here are of the negated objective"}
_VARTYPE = re.compile(r"#.*?\bvartype\s*[:=]\s*(\S+)")  # as dimod's reader finds it
_INDEX = re.compile(r"[+-]?[0-9]{1,9}")  # int() takes more, such as 1_0, and numpy less


@dataclass(frozen=True, eq=False)
class Content:
    """What a reader found.

    Arguments:
        bqm: binary.
        ones: the wanted count, if the file states one.
        notes: what of the file's own remarks belongs into the provenance.
    """

    bqm: dimod.BinaryQuadraticModel
    ones: int | None = None
    notes: Mapping[str, Any] = field(default_factory=dict)


def read_coo(path: Path, data: bytes) -> Content:
    """COO, as ``dimod.serialization.coo`` writes it; binary unless it says ``# vartype=SPIN``.

    Two comments are ours: ``# offset=`` and ``# variables=`` with the labels as a JSON list.
    """
    vartype, offset, labels = "BINARY", 0.0, None
    entries: list[Entry] = []
    for number, line in lines(path, data):
        if line.startswith("#"):
            key, _, value = line[1:].strip().partition("=")
            if key not in ("offset", "variables") and (found := _VARTYPE.match(line)):
                vartype = found[1]
                if vartype not in ("BINARY", "SPIN"):
                    raise wrong(path, number, f"the vartype is {vartype!r}")
            elif key == "offset":
                offset = _number(path, number, value)
            elif key == "variables":
                labels = _labels(path, number, value)
            continue
        entries.append(_entry(path, number, line))
    if not entries and labels is None:
        raise _truncated(path, "it has no entries")
    for number, i, j, _ in entries:
        if min(i, j) < 0:
            raise wrong(path, number, f"the variable {min(i, j)} is negative")
        if labels is not None and max(i, j) >= len(labels):
            what = f"it uses variable {max(i, j)}, and there are {len(labels)} labels"
            raise wrong(path, number, what)
    used = sorted({v for _, i, j, _ in entries for v in (i, j)})
    names = dict(enumerate(labels)) if labels is not None else {i: i for i in used}
    bqm = dimod.BinaryQuadraticModel(vartype)
    # a pair may be given more than once: like dimod, the biases add up
    bqm.add_linear_from(dict.fromkeys(names.values(), 0.0))
    bqm.add_linear_from((names[i], q) for _, i, j, q in entries if i == j)
    bqm.add_quadratic_from((names[i], names[j], q) for _, i, j, q in entries if i != j)
    bqm.offset = offset
    return Content(bqm.change_vartype(dimod.BINARY, inplace=False))


def write_coo(bqm: dimod.BinaryQuadraticModel) -> bytes:
    """COO with labels and offset in comments; dimod reads it too, numbered and without offset."""
    lines = [
        "# vartype=BINARY",
        f"# offset={_text(bqm.offset)}",
        *_label_lines("# variables=", bqm),
    ]
    diagonal, pairs = _entries(bqm)
    return _join([*lines, *diagonal, *pairs])


def read_qbsolv(path: Path, data: bytes) -> Content:
    """Qbsolv's ``.qubo``: ``p qubo 0 maxNodes nNodes nCouplers``, then ``i j q`` from 0, i ≤ j."""
    header: tuple[int, int, int] | None = None
    offset, labels = 0.0, None
    entries: list[Entry] = []
    for number, line in lines(path, data):
        if line.startswith("c"):
            words = line[1:].strip()
            if words.startswith("offset="):
                offset = _number(path, number, words[7:])
            elif words.startswith("variables="):
                labels = _labels(path, number, words[10:])
        elif line.startswith("p"):
            words_of = line.split()
            if len(words_of) != 6 or words_of[1].lower() != "qubo":
                raise wrong(path, number, "not 'p qubo topology maxNodes nNodes nCouplers'")
            if header is not None:
                raise wrong(path, number, "a second line 'p qubo …'")
            header = (
                _size(path, number, words_of[3]),
                _count(path, number, words_of[4]),
                _count(path, number, words_of[5]),
            )
        elif header is None:
            raise wrong(path, number, "an entry before the line 'p qubo …'")
        else:
            entries.append(_entry(path, number, line))
    if header is None:
        raise _truncated(path, "it has no line 'p qubo …'")
    size, nodes, couplers = header
    if labels is not None and len(labels) != size:
        raise _truncated(path, f"its header says {size} variables and it has {len(labels)} labels")
    diagonals = sum(i == j for _, i, j, _ in entries)
    if (diagonals, len(entries) - diagonals) != (nodes, couplers):
        raise _truncated(
            path,
            f"its header says {nodes} diagonal entries and {couplers} couplers, and it has "
            f"{diagonals} and {len(entries) - diagonals}",
        )
    names = labels if labels is not None else list(range(size))
    return Content(_model(path, entries, names, first=0, factor=1.0, offset=offset))


def write_qbsolv(bqm: dimod.BinaryQuadraticModel) -> bytes:
    """Qbsolv's ``.qubo`` with labels and offset in comments."""
    diagonal, pairs = _entries(bqm)
    n = int(bqm.num_variables)
    return _join(
        [
            f"c offset={_text(bqm.offset)}",
            *_label_lines("c variables=", bqm),
            f"p qubo 0 {n} {n} {len(pairs)}",
            *diagonal,
            *pairs,
        ]
    )


def read_biqmac(path: Path, data: bytes) -> Content:
    """Biq Mac's ``.sparse``: ``n m``, then m entries from 1 of a symmetric matrix (factor two)."""
    return _read_symmetric(path, data)


def read_qoblib(path: Path, data: bytes) -> Content:
    """QOBLIB's ``.qs``: comments, ``n m``, then as Biq Mac (factor two)."""
    return _read_symmetric(path, data)


def _read_symmetric(path: Path, data: bytes) -> Content:
    header: tuple[int, int] | None = None
    offset, sign = 0.0, 1.0
    entries: list[Entry] = []
    for number, line in lines(path, data):
        words = line.split()
        if line.startswith("#"):
            if words[:2] == ["#", "ObjectiveOffset"] and len(words) == 3:
                offset = _number(path, number, words[2])
            elif re.match(r"#\s*maximi[sz]e\b", line):
                sign = -1.0  # Zimpl negates the entries of a maximisation, and not the offset
        elif header is None:
            if len(words) != 2:
                raise wrong(path, number, "not 'variables entries'")
            header = (_size(path, number, words[0]), _count(path, number, words[1]))
        else:
            entries.append(_entry(path, number, line))
    if header is None:
        raise _truncated(path, "it has no line 'variables entries'")
    if len(entries) != header[1]:
        raise _truncated(path, f"its header says {header[1]} entries, and it has {len(entries)}")
    names = list(range(1, header[0] + 1))
    bqm = _model(path, entries, names, first=1, factor=2.0, offset=sign * offset)
    return Content(bqm, notes=MAXIMISED if sign < 0 else {})


def read_biqbin(path: Path, data: bytes) -> Content:
    """BiqBin's ``.json``: ``{"qubo": {"shape", "nnz", "row", "col", "data"}}``, upper triangle."""
    remedy = 'it needs {"qubo": {"shape", "nnz", "row", "col", "data"}}'
    try:
        matrix = json.loads(data)["qubo"]
        size, size2 = matrix["shape"]
        triples = list(zip(matrix["row"], matrix["col"], matrix["data"], strict=True))
        nnz = matrix.get("nnz", len(triples))
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise FileError(
            f"{path} is not a QUBO of BiqBin: {type(error).__name__}: {error}", remedy=remedy
        ) from error
    if type(size) is not int or size != size2 or not 0 <= size <= MOST_VARIABLES:
        raise FileError(
            f"{path}: the shape is {size!r} by {size2!r}",
            remedy=f"it must be square, of at most {MOST_VARIABLES} variables",
        )
    if nnz != len(triples):
        raise _truncated(path, f"it says {nnz} entries, and has {len(triples)}")
    entries = []
    for i, j, q in triples:
        whole = all(type(k) is int and abs(k) <= MOST_VARIABLES for k in (i, j))
        if not whole or type(q) not in (int, float) or not abs(q) <= sys.float_info.max:
            raise FileError(f"{path}: {i!r} {j!r} {q!r} is not an entry", remedy=remedy)
        entries.append((0, i, j, float(q)))
    return Content(_model(path, entries, list(range(size)), first=0, factor=1.0, offset=0.0))


def _model(
    path: Path,
    entries: Sequence[Entry],
    names: Sequence[Hashable],
    *,
    first: int,
    factor: float,
    offset: float,
) -> dimod.BinaryQuadraticModel:
    """A model over all names; ``first`` is the number of the first variable in the file."""
    index = np.array([(i, j) for _, i, j, _ in entries], dtype=np.intp).reshape(-1, 2) - first
    values = np.array([q for *_, q in entries], dtype=np.float64)
    n = len(names)
    outside = ((index < 0) | (index >= n)).any(axis=1)
    if outside.any():
        number, i, j, _ = entries[int(outside.argmax())]
        what = f"the entry {i} {j} is outside of {first} to {n - 1 + first}"
        raise wrong(path, number, what, "check the header's number of variables")
    low, high = index.min(axis=1, initial=n), index.max(axis=1, initial=-1)
    _, place = np.unique(low * n + high, return_index=True)
    if len(place) < len(entries):
        again = np.setdiff1d(np.arange(len(entries)), place)[0]
        number, i, j, _ = entries[int(again)]
        raise wrong(
            path,
            number,
            f"the pair {i} {j} is listed twice",
            "list one triangle only; the readers of this format disagree about sums",
        )
    diagonal = low == high
    linear = np.zeros(n)
    linear[low[diagonal]] = values[diagonal]
    pairs = ~diagonal
    with np.errstate(over="ignore"):  # read_file refuses what is infinite
        couplings = factor * values[pairs]
    return dimod.BinaryQuadraticModel.from_numpy_vectors(
        linear,
        (low[pairs], high[pairs], couplings),
        offset,
        dimod.BINARY,
        variable_order=list(names),
    )


def _entries(bqm: dimod.BinaryQuadraticModel) -> tuple[list[str], list[str]]:
    vectors = bqm.to_numpy_vectors(variable_order=list(bqm.variables), sort_indices=True)
    row, col, bias = vectors.quadratic
    diagonal = [f"{i} {i} {_text(q)}" for i, q in enumerate(vectors.linear_biases)]
    pairs = sorted(
        (min(i, j), max(i, j), q)
        for i, j, q in zip(row.tolist(), col.tolist(), bias.tolist(), strict=True)
    )
    return diagonal, [f"{i} {j} {_text(q)}" for i, j, q in pairs]


def _text(value: Any) -> str:
    """The shortest decimal that reads back the same; without an exponent, which dimod skips."""
    return np.format_float_positional(float(value), unique=True, trim="0")


def _label_lines(start: str, bqm: dimod.BinaryQuadraticModel) -> list[str]:
    labels = list(bqm.variables)
    numbered = labels == list(range(len(labels)))
    return [] if numbered and labels else [start + json.dumps(labels)]


def _join(lines: Sequence[str]) -> bytes:
    return ("\n".join(lines) + "\n").encode()


def lines(path: Path, data: bytes) -> Iterator[tuple[int, str]]:
    """The lines that are not blank, numbered from 1; a byte order mark is passed over."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise FileError(
            f"{path} is no text (byte {error.start})", remedy="check that its suffix is right"
        ) from error
    for number, line in enumerate(text.split("\n"), start=1):
        stripped = line.strip()
        if stripped:
            yield number, stripped


def _entry(path: Path, number: int, line: str) -> Entry:
    words = line.split()
    if len(words) != 3 or not all(_INDEX.fullmatch(word) for word in words[:2]):
        raise wrong(path, number, f"{line[:40]!r} is not 'row column value'")
    return number, int(words[0]), int(words[1]), _number(path, number, words[2])


def _number(path: Path, number: int, text: str) -> float:
    try:
        value = float(text.replace("_", "?"))  # Python alone reads 1_0
    except ValueError:
        raise wrong(path, number, f"{text[:40]!r} is not a number") from None
    if not math.isfinite(value):
        raise wrong(path, number, f"{text[:40]!r} is not finite")
    return value


def _count(path: Path, number: int, text: str) -> int:
    if not text.isdecimal() or len(text) > 12:
        raise wrong(path, number, f"{text[:40]!r} is not a count")
    return int(text)


def _size(path: Path, number: int, text: str) -> int:
    size = _count(path, number, text)
    if size > MOST_VARIABLES:
        raise wrong(path, number, f"{size} variables; at most {MOST_VARIABLES} are read")
    return size


def _labels(path: Path, number: int, text: str) -> list[Hashable]:
    try:
        given = json.loads(text)
        labels: list[Hashable] = [as_label(label) for label in given]
        unique = isinstance(given, list) and len(set(labels)) == len(labels)
    except (ValueError, TypeError, RecursionError):
        unique = False
    if not unique:
        raise wrong(path, number, "the labels are not a JSON list, or not plain, or repeated")
    return labels


def as_label(value: Any) -> Hashable:
    """A label that went through JSON: lists were tuples.

    Raises:
        ValueError: a number that dimod cannot take as a label.
    """
    if isinstance(value, (int, float)) and not abs(value) < 2**53:
        raise ValueError(f"the label {value}")
    return tuple(as_label(v) for v in value) if isinstance(value, list) else value


def wrong(
    path: Path,
    number: int,
    what: str,
    remedy: str = "check the file, and that its suffix is right",
) -> FileError:
    """What is wrong in a line; line 0 for a file without lines."""
    where = f"{path}, line {number}" if number else str(path)
    return FileError(f"{where}: {what}", remedy=remedy)


def _truncated(path: Path, what: str) -> FileError:
    return FileError(f"{path} is truncated or corrupt: {what}", remedy="fetch or write it again")
