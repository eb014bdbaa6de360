"""The words of LP files: sections, numbers, names and signs, each with its line."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from secateur.errors import FileError
from secateur.files.content import decoded, wrong

REMEDY = "the reference, file formats, says what is read of LP files"
COMPARE = ("<=", "=<", "<", ">=", "=>", ">", "=")

_SECTION = re.compile(
    r"(?:(?P<min>min(?:imi[sz]e|imum)?)|(?P<max>max(?:imi[sz]e|imum)?)"
    r"|(?P<rows>subject\s+to:?|such\s+that|st|s\.t\.|st\.)|(?P<bounds>bounds?)"
    r"|(?P<binary>bin(?:ary|aries)?)|(?P<end>end)"
    r"|(?P<other>general\s+constraints?|gencons?|lazy\s+constraints|user\s+cuts|pwlobj|sos[12]?"
    r"|scenarios?|multi-objectives?)"
    r"|(?P<semi>semi(?:s|-continuous|-integer)?|sec|sin)"
    r"|(?P<integer>gen(?:erals?)?|int(?:egers?)?))(?!\S)",
    re.IGNORECASE,
)
_NAME = r"[^\s+\-*/^<>=:\[\]\\]"
_TOKEN = re.compile(
    r"\s*(?:(?P<number>(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)"
    rf"|(?P<name>[^\s0-9.+\-*/^<>=:\[\]\\]{_NAME}*(?:\[[^\s\[\]]*\]{_NAME}*)*)"
    r"|(?P<sign><=|>=|=<|=>|[+\-*/^:<>=\[\]]))"
)
_BLOCK = re.compile(r"\\\*.*?\*\\", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Token:
    """A word."""

    kind: str
    text: str
    line: int


@dataclass
class Section:
    """The words of one section."""

    kind: str
    line: int
    head: str = ""
    tokens: list[Token] = field(default_factory=list)


def sections_of(path: Path, data: bytes) -> tuple[list[Section], list[str]]:
    """The sections in their order, without "end", the objective first; and the comments.

    Raises:
        FileError: no LP file, or cut off.
    """
    text = _BLOCK.sub(_blank, decoded(path, data))
    sections: list[Section] = []
    comments: list[str] = []
    ended = False
    for number, whole in enumerate(text.split("\n"), start=1):
        line, _, comment = whole.partition("\\")
        line = line.strip()
        if comment.strip():
            comments.append(comment.strip())
        if not line:
            continue
        if ended:
            raise wrong(path, number, f"{line[:40]!r} behind the line 'end'", REMEDY)
        if head := _SECTION.match(line):
            kind = str(head.lastgroup)
            if (kind in ("min", "max")) == bool(sections):
                what = "a second objective" if sections else f"{head[0]!r} before the objective"
                raise wrong(path, number, what, REMEDY)
            ended = kind == "end"
            sections.append(Section(kind, number, head[0]))
            line = line[head.end() :].strip()
        if line and not sections:
            raise wrong(path, number, f"{line[:40]!r} before 'minimize' or 'maximize'", REMEDY)
        if line:
            _tokens(path, sections[-1], number, line)
    if not ended:
        what = "'end'" if sections else "'minimize' or 'maximize'"
        raise FileError(
            f"{path} is not an LP file, or truncated: it has no line {what}",
            remedy=f"fetch or write it again; {REMEDY}",
        )
    return sections[:-1], comments


def _blank(found: re.Match[str]) -> str:
    return "\\ " + " ".join(found[0][2:-2].split()) + "\n" * found[0].count("\n")


def _tokens(path: Path, section: Section, number: int, line: str) -> None:
    if section.kind == "other":
        raise wrong(path, section.line, f"a QUBO has no {section.head!r}", REMEDY)
    if section.kind == "end":
        raise wrong(path, number, f"{line[:40]!r} behind the line 'end'", REMEDY)
    place = 0
    while place < len(line):  # its end is stripped
        token = _TOKEN.match(line, place)
        if token is None:
            raise wrong(path, number, f"{line[place : place + 40]!r} is not understood", REMEDY)
        section.tokens.append(Token(str(token.lastgroup), token[token.lastgroup or 0], number))
        place = token.end()
