"""The table of formats: what is read, what is written, and what each can hold."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path

from secateur.errors import FileError, OptionError
from secateur.files import formats, formats_cut, formats_json
from secateur.files.formats_bqm import read_bqm, write_bqm
from secateur.files.formats_cqm import read_cqm, write_cqm
from secateur.files.formats_lp import read_lp
from secateur.files.formats_matrix import read_mtx, read_npz, write_mtx, write_npz
from secateur.files.formats_mps import read_mps
from secateur.files.formats_qplib import read_qplib
from secateur.files.write_programs import write_lp, write_mps
from secateur.files.writing import Format, bare
from secateur.nearest import did_you_mean

FORMATS: tuple[Format, ...] = (
    Format("bqm", "dimod's binary format of a QUBO", (".bqm",), read_bqm, bare(write_bqm)),
    Format("cqm", "dimod's binary format of a constrained model", (".cqm",), read_cqm, write_cqm,
           constraints=True),
    Format("coo", "COO of dimod", (".coo",), formats.read_coo, bare(formats.write_coo)),
    Format("qubo", "Qbsolv", (".qubo",), formats.read_qubo, bare(formats.write_qbsolv)),
    Format("biqmac", "Biq Mac", (".sparse",), formats.read_biqmac, bare(formats.write_biqmac),
           labels="from 1", offset=False),
    Format("qoblib", "QOBLIB", (".qs",), formats.read_qoblib, bare(formats.write_qoblib),
           labels="from 1"),
    Format("mqlib", "MQLib, maximised", (), formats.read_mqlib),
    Format("max-cut", "a maximum cut of rudy or the G-set", (".mc", ".rud", ".rudy"),
           formats_cut.read_cut, bare(formats_cut.write_cut), labels="from 1", offset=False),
    Format("qubist", "Qubist's spins", (".qh",), formats_cut.read_qubist),
    Format("bqpjson", "bqpjson", (".json",), formats_json.read_bqpjson,
           bare(formats_json.write_bqpjson), labels="numbers"),
    Format("biqbin", "BiqBin", (".json",), formats_json.read_biqbin),
    Format("lp", "LP", (".lp",), read_lp, write_lp, labels="names", constraints=True),
    Format("mps", "MPS", (".mps", ".qps"), read_mps, write_mps, labels="names", constraints=True),
    Format("qplib", "QPLIB", (".qplib",), read_qplib),
    Format("mtx", "a MatrixMarket matrix", (".mtx",), read_mtx, bare(write_mtx), labels="from 1",
           offset=False),
    Format("npz", "a matrix of NumPy or SciPy", (".npz",), read_npz, bare(write_npz),
           labels="from 0", offset=False),
)  # fmt: skip

BY_NAME = {format.name: format for format in FORMATS}
_READ = {suffix: format for format in reversed(FORMATS) for suffix in format.suffixes}
_READ[".json"] = Format("json", "BiqBin or bqpjson", (".json",), formats_json.read_json)
READ_SUFFIXES = tuple(dict.fromkeys(s for format in FORMATS for s in format.suffixes))
WRITTEN = {s: format for format in FORMATS if format.write is not None for s in format.suffixes}
_SAYS_NOTHING = ("", ".txt", ".dat", ".data", ".in")
_G_SET = re.compile(r"G[0-9]{1,2}")
_HEADED = ("biqmac", "mqlib", "max-cut", "qubist")


def named(name: str) -> Format:
    """The format of a name.

    Raises:
        OptionError: there is none.
    """
    if name not in BY_NAME:
        meant = did_you_mean(name, BY_NAME)
        raise OptionError(
            f"there is no format {name!r}", remedy=f"{meant}use one of {', '.join(BY_NAME)}"
        )
    return BY_NAME[name]


def chosen(path: Path, data: bytes) -> Format:
    """The format of a file: its suffix says it, or where that says nothing, what is in it.

    Arguments:
        path: without the suffix of a packer.
        data: unpacked.

    Raises:
        FileError: neither says one, or its content fits several.
    """
    suffix = path.suffix.lower()
    if suffix in _READ:
        return _READ[suffix]
    found = looks_like(data)
    if suffix in _SAYS_NOTHING and _G_SET.fullmatch(path.stem) and "max-cut" in found:
        return BY_NAME["max-cut"]
    if suffix in _SAYS_NOTHING and len(found) == 1:
        return BY_NAME[found[0]]
    what = f"; {_looks(found)}" if found else ""
    choices = found or tuple(BY_NAME)
    raise FileError(
        f"{path}: the suffix {path.suffix!r} says no format{what}",
        remedy=f"say it, --format {' or '.join(choices) if found else 'NAME'}; or use one of the "
        f"suffixes {', '.join(READ_SUFFIXES)}",
    )


def with_look(error: FileError, tried: Format, data: bytes) -> FileError:
    """An error of a reader, which says too what the file looks like, if that is another format."""
    found = looks_like(data)
    if (
        not found
        or tried.name in found
        or (tried.name == "json" and _READ[".json"] is tried and found[0] in ("biqbin", "bqpjson"))
    ):
        return error
    first = BY_NAME[found[0]]
    suffix = f", or give it the suffix {first.suffixes[0]}" if first.suffixes else ""
    made = FileError(
        f"{error.message}; {_looks(found)}",
        remedy=f"say so: --format {' or '.join(found)}{suffix}; else {error.remedy}",
    )
    made.__cause__ = error.__cause__
    return made


def _looks(found: Iterable[str]) -> str:
    return f"it looks like {' or '.join(BY_NAME[name].title for name in found)}"


def looks_like(data: bytes) -> tuple[str, ...]:
    """The names of the formats that a beginning fits; none if it fits no one."""
    for magic, name in ((b"DIMODBQM", "bqm"), (b"DIMODCQM", "cqm"), (b"PK\x03\x04", "npz")):
        if data.startswith(magic):
            return (name,)
    text = data[:65536].decode("utf-8", errors="replace").removeprefix("\ufeff").strip()
    if text.startswith("%%MatrixMarket"):
        return ("mtx",)
    if text.startswith("{"):
        return _which_json(data)
    listed = [line.strip() for line in text.split("\n")[:2000] if line.strip()]
    plain = [line for line in listed if line[0] not in "#*\\%!" and not line.startswith("c ")]
    if not plain:
        return ()
    first = plain[0]
    if re.match(r"p\s+qubo\b", first):
        return ("qubo",)
    if re.match(r"(min|max)(imi[sz]e|imum)?(?!\S)", first, re.IGNORECASE):
        return ("lp",)
    if re.match(r"(NAME|ROWS|OBJSENSE)\b", first) and any(line == "ROWS" for line in plain[:9]):
        return ("mps",)
    if len(plain) > 2 and re.match(r"[LDCQ][CBMIG][NBLDCQ]\b", plain[1].upper()):
        return ("qplib",)
    row = re.compile(r"[0-9]+\s+[0-9]+\s+[+-]?[0-9.]\S*")
    if re.fullmatch(r"[0-9]+\s+[0-9]+", first) and (len(plain) < 2 or row.fullmatch(plain[1])):
        if len(plain) < 2:
            return ()
        return ("qoblib",) if any(s.startswith("# ObjectiveOffset") for s in listed) else _HEADED
    return ("coo",) if row.fullmatch(first) else ()


def _which_json(data: bytes) -> tuple[str, ...]:
    try:
        keys = set(json.loads(data))
    except (ValueError, TypeError, RecursionError):
        return ()
    if "qubo" in keys:
        return ("biqbin",)
    return ("bqpjson",) if "variable_domain" in keys else ()
