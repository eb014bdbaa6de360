"""Runs a page of the documentation as its reader would, and writes what it printed.

    python docs/pages.py docs/tutorial/first.md            # run it; does it print what is shown?
    python docs/pages.py --write docs/tutorial/first.md    # put what it printed into the page

A page is run in an empty folder. What a block is, its language and the comment above it say:

- ``python``: run, all blocks of a page in one module. ``bash``: run line by line.
- ``<!-- file: study.toml -->``: written to that file, in whatever language.
- ``<!-- output -->``: what the block before printed. A line ``…`` stands for any lines. Numbers
  must be equal, with ``<!-- output: within 5 % -->`` nearly, with ``<!-- output: numbers vary -->``
  they are only numbers, and with ``<!-- output: rows vary -->`` lines may change places too.
- ``<!-- not run: WHY -->``: a fragment, or what needs a token or a licence.
- ``<!-- tested by: tests/… -->``: run there; ``<!-- page tested by: tests/… -->``: all of it,
  beside a stand-in of a service; ``WRITE_PAGES=1`` in its environment writes.
- ``<!-- exit code: 1 -->``: of the last line of a ``bash`` block; what that line says on standard
  error is then part of what was printed.
- ``<!-- run`` … ``-->``: Python that the reader need not see.
- ``<!-- needs: mymodel.py, small.bqm -->``, at the top: files that are the reader's (reader.py).
- ``<!-- no times are shown -->``, at the top: networks are timed for a moment only in tests.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import traceback
import types
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from reader import lay_out

ROOT = Path(__file__).parents[1]
WIDTH = 100
"""Columns of the terminal that pages are written on."""

PIECE = re.compile(
    r"^<!-- run\n(?P<hidden>.+?)^-->$"
    r"|(?:^<!-- (?P<key>file|output|not run|tested by|exit code)(?:: (?P<value>.+?))? -->\n+)?"
    r"(?:^<!-- (?!(?:run|file|output|not run|tested by|exit code)\b)[^\n]+ -->\n+)*"
    r"^(?P<fence>`{3,})(?P<language>[\w{}-]*)[^\n]*\n(?P<text>.*?)^(?P=fence)$",
    re.MULTILINE | re.DOTALL,
)
NEEDS = re.compile(r"^<!-- needs: (.+?) -->$", re.MULTILINE)
WHOLE = re.compile(r"^<!-- page tested by: (.+?) -->$", re.MULTILINE)
SPEED = re.compile(r" \((?:[\d.]+x|no difference)\)")
"""Behind a time: whether two can be told apart varies as the times do."""
FINGERPRINT = re.compile(r"(?<=sha256 )[0-9a-f]{12}\b|(?<=then )[0-9a-f]{12}\b")
"""Of weights: they are drawn and trained with the vector units that a machine has."""
NUMBER = re.compile(
    r"[-+]?(?:\d{1,3}(?: \d{3})+(?!\d)|\d+)(?:\.\d+)?(?:e[-+]?\d+)?(?: ?[kMG](?=\W|$))?|∞"
)


class PageError(AssertionError):
    """A page that does not do what it shows."""


@dataclass(frozen=True)
class Piece:
    """One block of a page, with what is said of it."""

    language: str
    text: str
    key: str | None
    value: str | None
    line: int
    span: tuple[int, int]
    hidden: bool = False

    @property
    def runs(self) -> bool:
        """Whether it is run as a reader would."""
        return self.key in (None, "exit code") and self.language in ("python", "bash")


def pieces(page: str) -> Iterator[Piece]:
    """The blocks of a page, in order."""
    for found in PIECE.finditer(page):
        line = page.count("\n", 0, found.start("text" if found["text"] else 0)) + 1
        if found["hidden"] is not None:
            yield Piece("python", found["hidden"], None, None, line, found.span("hidden"), True)
        else:
            language = found["language"]
            yield Piece(
                language, found["text"], found["key"], found["value"], line, found.span("text")
            )


def tested_elsewhere(page: str) -> str | None:
    """The test that runs the whole page, if it is not run by itself."""
    found = WHOLE.search(page)
    return found[1] if found else None


def unsaid(page: str) -> list[str]:
    """Blocks of which nobody says how they are held."""
    if tested_elsewhere(page):
        return []
    return [
        f"line {piece.line}: a block of {piece.language or 'no language'}"
        for piece in pieces(page)
        if not piece.runs and piece.key is None and not piece.language.startswith("{")
    ]


class Running:
    """A page that is being run, in the folder that is the current one.

    Arguments:
        name: of the page, for tracebacks.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.module = types.ModuleType(re.sub(r"\W", "_", name))
        self.printed = ""

    def run(self, piece: Piece) -> None:
        """Run one block; what it prints is kept.

        Raises:
            PageError: it fails, or it does not end as the page says.
        """
        if piece.key == "file":
            path = Path(str(piece.value))
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(piece.text)
        elif piece.runs:
            out = io.StringIO()
            with contextlib.redirect_stdout(out):
                if piece.language == "python":
                    self._python(piece)
                else:
                    self._shell(piece)
            self.printed = out.getvalue().replace(f"{Path.cwd()}{os.sep}", "")

    def _python(self, piece: Piece) -> None:
        code = compile("\n" * (piece.line - 1) + piece.text, self.name, "exec", dont_inherit=True)
        try:
            exec(code, self.module.__dict__)
        except Exception as error:
            raise PageError(
                f"{self.name}, line {piece.line}: {type(error).__name__}: {error}\n"
                f"{traceback.format_exc()}"
            ) from error

    def _shell(self, piece: Piece) -> None:
        expected = int(piece.value or 0) if piece.key == "exit code" else 0
        lines = [
            line.removeprefix("$ ")
            for line in piece.text.replace("\\\n", " ").splitlines()
            if line.strip() and not line.startswith("#")
        ]
        for number, line in enumerate(lines):
            wanted = expected if number == len(lines) - 1 else 0
            told = contextlib.redirect_stderr(sys.stdout) if wanted else contextlib.nullcontext()
            with told:
                code = self._line(line)
            if code != wanted:
                raise PageError(f"{self.name}, line {piece.line}: {line!r} ended with {code}")

    def _line(self, line: str) -> int:
        words = shlex.split(line, comments=True)
        if words[0] == "secateur" and not {"&&", "|", ">", ";"} & set(words):
            from secateur.cli import run

            return run(words[1:])
        given = dict(os.environ, PYTHONPATH=os.pathsep.join(one for one in sys.path if one))
        given["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{given['PATH']}"
        done = subprocess.run(
            line,
            shell=True,
            executable=shutil.which("bash"),
            text=True,
            capture_output=True,
            env=given,
        )
        print(done.stdout, end="")
        if done.returncode:
            print(done.stderr, end="", file=sys.stderr)
        return done.returncode


@contextlib.contextmanager
def at_home(module: types.ModuleType) -> Iterator[None]:
    """The current folder is the reader's: imported first, and forgotten afterwards."""
    before, path = set(sys.modules), list(sys.path)
    columns = os.environ.get("COLUMNS")
    os.environ["COLUMNS"] = str(WIDTH)
    sys.path.insert(0, str(Path.cwd()))
    sys.modules[module.__name__] = module  # what is pickled must be found again
    folder = str(Path.cwd())
    try:
        yield
    finally:
        sys.path[:] = path
        for name in set(sys.modules) - before:
            origin = getattr(sys.modules[name], "__file__", None) or ""
            if name == module.__name__ or origin.startswith(folder):
                del sys.modules[name]
        if columns is None:
            del os.environ["COLUMNS"]
        else:
            os.environ["COLUMNS"] = columns


@contextlib.contextmanager
def without_accounts() -> Iterator[None]:
    """The reader has no token, licence, journal or configuration yet: the home is this folder."""
    before = dict(os.environ)
    fonts = Path.home() / ".cache" / "matplotlib"  # costs seconds to make anew
    os.environ.setdefault("MPLCONFIGDIR", str(fonts))
    for name in before:
        if name.startswith(("DWAVE_", "QISKIT_", "IAM_", "GRB_", "XDG_", "SECATEUR_")):
            del os.environ[name]
    os.environ["HOME"] = str(Path.cwd())
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def run_page(path: Path, *, write: bool = False) -> types.ModuleType:
    """Run a page in the current folder.

    Arguments:
        path: of the page.
        write: put what it printed into the page instead of comparing.

    Raises:
        PageError: a block fails, or it prints something else than is shown.

    Returns:
        the module of its Python blocks.
    """
    page = given = path.read_text(encoding="utf-8")
    running = Running(path.name)
    changes: list[tuple[tuple[int, int], str]] = []
    with at_home(running.module):
        for needs in NEEDS.findall(page):
            lay_out(needs.split(", "))
        for piece in pieces(page):
            if piece.key != "output":
                running.run(piece)
            elif write:
                shown = abridged(piece.text, running.printed)
                if not same(piece.text, running.printed, piece.value):
                    changes.append((piece.span, shown))
            elif not same(piece.text, running.printed, piece.value):
                raise PageError(
                    f"{path.name}, line {piece.line}: shown is\n{piece.text}\nprinted was\n"
                    f"{tidy(running.printed)}\n(python docs/pages.py --write puts it there)"
                )
    for (start, end), text in reversed(changes):
        page = page[:start] + text + page[end:]
    if changes:
        if path.read_text(encoding="utf-8") != given:
            raise PageError(f"{path.name} was changed while it ran; run it again")
        path.write_text(page, encoding="utf-8")
    return running.module


def tidy(text: str) -> str:
    """Without spaces at the ends of lines and empty lines around."""
    return "\n".join(line.rstrip() for line in text.strip("\n").splitlines()) + "\n"


def abridged(shown: str, printed: str) -> str:
    """What was printed, with the lines left out that the page leaves out at its end or start."""
    lines, kept = tidy(printed).splitlines(), tidy(shown).splitlines()
    if "…" not in kept:
        return "\n".join(lines) + "\n"
    at = kept.index("…")
    after = len(kept) - at - 1
    if len(lines) < at + after:
        return "\n".join(lines) + "\n"
    return "\n".join([*lines[:at], "…", *(lines[-after:] if after else [])]) + "\n"


def same(shown: str, printed: str, how: str | None) -> bool:
    """Whether what is shown is what was printed, with the numbers as near as is said."""
    wanted, got = tidy(shown).splitlines(), tidy(printed).splitlines()
    if "…" in wanted:
        at = wanted.index("…")
        after = len(wanted) - at - 1
        if len(got) < at + after:
            return False
        wanted = wanted[:at] + wanted[at + 1 :]
        got = got[:at] + (got[-after:] if after else [])
    if how is None:
        return wanted == got
    mine, theirs = "\n".join(wanted), "\n".join(got)
    if how == "rows vary":
        return sorted(map(words, wanted)) == sorted(map(words, got))
    if words(mine) != words(theirs):
        return False
    within = re.fullmatch(r"within ([\d.]+) %", how)
    if within is None:
        if how != "numbers vary":
            raise PageError(f"no way to compare: {how!r}")
        return True
    share = float(within[1]) / 100
    pairs = zip(numbers(mine), numbers(theirs), strict=True)
    return all(a == b or abs(a - b) <= share * max(abs(a), abs(b)) for a, b in pairs)


def words(text: str) -> str:
    """A text without its numbers, nor the spaces and rules that depend on how wide they are."""
    return re.sub(r"[\s─━-]+", " ", NUMBER.sub("0", plain(text)))


def plain(text: str) -> str:
    """A text without what is no number, and differs as numbers do."""
    return FINGERPRINT.sub("0", SPEED.sub("", text))


def numbers(text: str) -> list[float]:
    """The numbers of a text, in order."""
    units = {"k": 1e3, "M": 1e6, "G": 1e9}
    found = []
    for one in NUMBER.findall(plain(text)):
        short = one.replace(" ", "").replace("∞", "inf")
        scale = units.get(short[-1], 1.0)
        found.append(float(short.rstrip("kMG")) * scale)
    return found


def main() -> int:
    """Run the pages that are given; how many of them failed."""
    given = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    given.add_argument("pages", nargs="+", type=Path)
    given.add_argument("--write", action="store_true", help="put what they print into the pages")
    asked = given.parse_args()
    failed = 0
    for page in asked.pages:
        path = page.resolve()
        with (
            tempfile.TemporaryDirectory() as folder,
            contextlib.chdir(folder),
            without_accounts(),
        ):
            try:
                run_page(path, write=asked.write)
            except PageError as error:
                failed += 1
                print(error, file=sys.stderr)
    return failed


if __name__ == "__main__":
    sys.exit(main())
