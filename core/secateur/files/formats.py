"""The plain text formats of QUBOs; each reader checks all that its format lets it check.

The trap of these formats is the factor two. Biq Mac, QOBLIB and MQLib list one triangle of a
*symmetric* matrix: an entry ``i j q`` stands for two, and the pair contributes ``2·q·x_i·x_j``.
COO, Qbsolv and BiqBin list an upper triangle: the pair contributes ``q·x_i·x_j``.
"""

from __future__ import annotations

import re
from pathlib import Path

import dimod

from secateur.files.content import (
    MAXIMISED,
    Content,
    count_of,
    labels_of,
    lines,
    number_of,
    remarks,
    size_of,
    truncated,
    wrong,
)
from secateur.files.entries import (
    Entry,
    check_count,
    entry,
    joined,
    label_lines,
    model,
    rows,
    text,
)

MARK = "secateur: the comments offset and variables are data"
"""The first comment of what is written here; without it, all comments are remarks."""

_VARTYPE = re.compile(r"#.*?\bvartype\s*[:=]\s*(\S+)")  # as dimod's reader finds it
_HEADER = re.compile(r"[0-9]+\s+[0-9]+")
_ZIMPL = re.compile(r"#\s*maximize\s+\S+:")
_METADATA = re.compile(r"(scale|offset)\s*:\s*(\S+)")


def read_coo(path: Path, data: bytes) -> Content:
    """COO, as ``dimod.serialization.coo`` writes it; binary unless it says ``# vartype=SPIN``.

    Behind the comment ``MARK``, two comments are data: ``# offset=`` and ``# variables=`` with the
    labels as a JSON list.
    """
    vartype, offset, labels, ours = "BINARY", 0.0, None, False
    entries: list[Entry] = []
    comments: list[str] = []
    for number, line in lines(path, data):
        if line.startswith("#"):
            words = line[1:].strip()
            key, _, value = words.partition("=")
            if words == MARK:
                ours = True
            elif key not in ("offset", "variables") and (found := _VARTYPE.match(line)):
                vartype = found[1]
                if vartype not in ("BINARY", "SPIN"):
                    raise wrong(path, number, f"the vartype is {vartype!r}")
                if not words.startswith("vartype"):
                    comments.append(words)
            elif ours and key == "offset":
                offset = number_of(path, number, value)
            elif ours and key == "variables":
                labels = labels_of(path, number, value)
            else:
                comments.append(words)
            continue
        entries.append(entry(path, number, line))
    if not entries and labels is None:
        raise truncated(path, "it has no entries")
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
    notes, told = remarks(comments)
    if vartype == "SPIN":
        notes["vartype"] = "SPIN in the file, s = 2x - 1"
    return Content(bqm.change_vartype(dimod.BINARY, inplace=False), notes=notes, warnings=told)


def write_coo(bqm: dimod.BinaryQuadraticModel) -> bytes:
    """COO with labels and offset in comments; dimod reads it too, numbered and without offset."""
    lines = [
        f"# {MARK}",
        "# vartype=BINARY",
        f"# offset={text(bqm.offset)}",
        *label_lines("# variables=", bqm),
    ]
    diagonal, pairs = rows(bqm)
    return joined([*lines, *diagonal, *pairs])


def read_qubo(path: Path, data: bytes) -> Content:
    """A ``.qubo``: Qbsolv's, MQLib's, or bare rows ``i j q``; its first line says which."""
    for _, line in lines(path, data):
        if line.startswith("p") or (line.startswith("c") and not line[1:2].isalnum()):
            return read_qbsolv(path, data)
        if not line.startswith("#"):
            break
    else:
        return read_qbsolv(path, data)
    return read_mqlib(path, data) if _HEADER.fullmatch(line) else read_rows(path, data)


def read_rows(path: Path, data: bytes) -> Content:
    """Rows ``i j q`` without a header, numbered as they are: as COO."""
    content = read_coo(path, data)
    told = "it has no header: each row i j q is taken as q·x_i·x_j, and repeated rows add up"
    return Content(content.bqm, notes=content.notes, warnings=(*content.warnings, told))


def read_qbsolv(path: Path, data: bytes) -> Content:
    """Qbsolv's ``.qubo``: ``p qubo 0 maxNodes nNodes nCouplers``, then ``i j q`` from 0, i ≤ j.

    What bqpjson and QUBOTools write has the comments "linear terms" and "quadratic terms"; there
    ``scale`` and ``offset`` are data.
    """
    header: tuple[int, int, int] | None = None
    offset, labels, ours = 0.0, None, False
    entries: list[Entry] = []
    comments: list[str] = []
    stated: dict[str, float] = {}
    for number, line in lines(path, data):
        if line.startswith("c"):
            words = line[1:].strip()
            if words == MARK:
                ours = True
            elif ours and words.startswith("offset="):
                offset = number_of(path, number, words[7:])
            elif ours and words.startswith("variables="):
                labels = labels_of(path, number, words[10:])
            else:
                comments.append(words)
        elif line.startswith("p"):
            words_of = line.split()
            if len(words_of) != 6 or words_of[1].lower() != "qubo":
                raise wrong(path, number, "not 'p qubo topology maxNodes nNodes nCouplers'")
            if header is not None:
                raise wrong(path, number, "a second line 'p qubo …'")
            header = (
                size_of(path, number, words_of[3], data),
                count_of(path, number, words_of[4]),
                count_of(path, number, words_of[5]),
            )
        elif header is None:
            raise wrong(path, number, "an entry before the line 'p qubo …'")
        else:
            entries.append(entry(path, number, line))
    if header is None:
        raise truncated(path, "it has no line 'p qubo …'")
    size, nodes, couplers = header
    if labels is not None and len(labels) != size:
        raise truncated(path, f"its header says {size} variables and it has {len(labels)} labels")
    if {"linear terms", "quadratic terms"} <= set(comments):
        comments = [c for c in comments if c not in ("linear terms", "quadratic terms")]
        for comment in list(comments):
            if (found := _METADATA.fullmatch(comment)) is not None:
                stated[found[1]] = number_of(path, 0, found[2])
                comments.remove(comment)
    told = _check_qbsolv(path, entries, size, nodes, couplers)
    names = labels if labels is not None else list(range(size))
    bqm = model(path, entries, names, first=0, factor=1.0, offset=offset)
    notes, more = remarks(comments)
    if stated:
        bqm.offset += stated.get("offset", 0.0)
        bqm.scale(stated.get("scale", 1.0))
        notes |= {key: value for key, value in stated.items() if value != float(key == "scale")}
    return Content(bqm, notes=notes, warnings=told + more)


def _check_qbsolv(
    path: Path, entries: list[Entry], size: int, nodes: int, couplers: int
) -> tuple[str, ...]:
    on = [e for e in entries if e[1] == e[2]]
    off = [e for e in entries if e[1] != e[2]]
    if (len(on), len(off)) == (nodes, couplers):
        return ()
    said = (
        f"its header says {nodes} diagonal entries and {couplers} couplers, and it has "
        f"{len(on)} and {len(off)}"
    )
    zero_on, zero_off = (sum(q == 0.0 for *_, q in some) for some in (on, off))
    diagonal = len(on) - zero_on <= nodes <= len(on) or (nodes == size and len(on) < size)
    if diagonal and len(off) - zero_off <= couplers <= len(off):
        return (f"{said}: they differ by zeros",)
    raise truncated(path, said)


def write_qbsolv(bqm: dimod.BinaryQuadraticModel) -> bytes:
    """Qbsolv's ``.qubo`` with labels and offset in comments."""
    diagonal, pairs = rows(bqm)
    n = int(bqm.num_variables)
    return joined(
        [
            f"c {MARK}",
            f"c offset={text(bqm.offset)}",
            *label_lines("c variables=", bqm),
            f"p qubo 0 {n} {n} {len(pairs)}",
            *diagonal,
            *pairs,
        ]
    )


def read_biqmac(path: Path, data: bytes) -> Content:
    """Biq Mac's ``.sparse``: ``n m``, then m entries from 1 of a symmetric matrix (factor two)."""
    bqm, comments, told = _symmetric(path, data)
    notes, more = remarks(comments)
    return Content(bqm, notes=notes, warnings=told + more)


def read_mqlib(path: Path, data: bytes) -> Content:
    """MQLib's QUBOs: as Biq Mac, and *maximised*."""
    bqm, comments, told = _symmetric(path, data)
    notes, more = remarks(comments)
    bqm.scale(-1.0)
    said = {"sense": "maximised, as MQLib does; the energies here are of the negated objective"}
    return Content(bqm, notes={**notes, **said}, warnings=told + more, sense="maximise")


def read_qoblib(path: Path, data: bytes) -> Content:
    """QOBLIB's ``.qs``: comments, ``n m``, then as Biq Mac (factor two).

    Zimpl writes them: ``# ObjectiveOffset`` is data, and of a maximisation, which a comment with
    the objective tells, it has negated the entries and not the offset.
    """
    bqm, comments, told = _symmetric(path, data)
    offset, negated, rest = None, False, []
    for comment in comments:
        words = comment.split()
        if words[:1] == ["ObjectiveOffset"] and len(words) == 2:
            if offset is not None:
                raise wrong(path, 0, "there are two lines '# ObjectiveOffset'")
            offset = number_of(path, 0, words[1])
            continue
        negated = negated or bool(_ZIMPL.match(f"# {comment}"))
        if comment != "Vars Non-zeros":
            rest.append(comment)
    bqm.offset = (-1.0 if negated else 1.0) * (offset or 0.0)
    notes, more = remarks(rest)
    notes |= MAXIMISED if negated else {}
    sense = "maximise" if negated else None
    return Content(bqm, notes=notes, warnings=told + more, sense=sense)  # type: ignore[arg-type]


def write_biqmac(bqm: dimod.BinaryQuadraticModel) -> bytes:
    """Biq Mac's ``.sparse``, without the offset."""
    diagonal, pairs = rows(bqm, first=1, factor=0.5, zeros=False)
    return joined([f"{bqm.num_variables} {len(diagonal) + len(pairs)}", *diagonal, *pairs])


def write_qoblib(bqm: dimod.BinaryQuadraticModel) -> bytes:
    """QOBLIB's ``.qs``."""
    start = f"# ObjectiveOffset {text(bqm.offset)}\n# Vars Non-zeros\n"
    return start.encode() + write_biqmac(bqm)


def counted(
    path: Path, data: bytes, what: str = "variables entries"
) -> tuple[int, int, list[Entry], list[str]]:
    """The header ``n m``, the entries behind it, and all comments."""
    header: tuple[int, int] | None = None
    entries: list[Entry] = []
    comments: list[str] = []
    for number, line in lines(path, data):
        if line.startswith("#"):
            comments.append(line[1:].strip())
        elif header is None:
            words = line.split()
            if len(words) != 2:
                raise wrong(path, number, f"not '{what}'")
            header = (size_of(path, number, words[0], data), count_of(path, number, words[1]))
        else:
            entries.append(entry(path, number, line))
    if header is None:
        raise truncated(path, f"it has no line '{what}'")
    return *header, entries, comments


def _symmetric(
    path: Path, data: bytes
) -> tuple[dimod.BinaryQuadraticModel, list[str], tuple[str, ...]]:
    size, stated, entries, comments = counted(path, data)
    told = check_count(path, entries, stated, size)
    names = list(range(1, size + 1))
    return model(path, entries, names, first=1, factor=2.0, offset=0.0), comments, told
