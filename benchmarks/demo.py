"""The README's part about the demo, made by the demo: its tables, sentences and picture.

    python benchmarks/demo.py
    python benchmarks/demo.py --folder FOLDER

Runs ``secateur demo``, and writes ``results/demo.json`` (its ``result.json``), ``results/demo.txt``
(what it printed), ``docs/images/demo.png`` and ``demo.svg``, and the two tables and the sentences
between the marks of the README. With ``--folder`` nothing is run: it holds ``printed.txt`` and
``secateur-demo`` of a run before.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import re
import shutil
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
RESULTS = Path("benchmarks") / "results"
QUICK = ["--network", "halfunet", "--amount", "85%", "--steps", "1"]


def main() -> None:
    given = parser().parse_args()
    if given.folder is not None:
        publish(given.folder, given.root)
        return
    with tempfile.TemporaryDirectory() as folder:
        run(Path(folder), QUICK if given.quick else [])
        publish(Path(folder), given.root)


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    made.add_argument("--folder", type=Path, help="of a run before: printed.txt, secateur-demo")
    made.add_argument("--root", type=Path, default=ROOT, help="the project that is written into")
    made.add_argument("--quick", action="store_true", help="one point of the quicker network")
    return made


def run(folder: Path, more: list[str]) -> None:
    """The demo as users run it, with all threads."""
    from secateur.cli import run as secateur

    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        code = secateur(["demo", "--output", str(folder / "secateur-demo"), *more])
    if code:
        raise SystemExit(code)
    (folder / "printed.txt").write_text(printed.getvalue())


def publish(folder: Path, root: Path) -> None:
    """Everything that the project shows of a run."""
    made, printed = folder / "secateur-demo", (folder / "printed.txt").read_text()
    told = json.loads((made / "result.json").read_text())
    (root / RESULTS / "demo.json").write_text(json.dumps(told, indent=1) + "\n")
    (root / RESULTS / "demo.txt").write_text(printed.split("\nWritten: ")[0].rstrip() + "\n")
    for ending in ("png", "svg"):
        shutil.copyfile(made / f"curve.{ending}", root / "docs" / "images" / f"demo.{ending}")
    readme = root / "README.md"
    readme.write_text(filled(readme.read_text(), parts(printed, told)))


def parts(printed: str, told: dict) -> dict[str, str]:
    """What stands behind each mark: the rows, the lines of the picture, the sentences."""
    _, rows, lines, *_ = printed.split("\n\n")
    said = "\n".join(f"> {sentence}" for sentence in told["said"] if sentence)
    return {"rows": fenced(rows), "curve": fenced(lines), "said": said}


def fenced(text: str) -> str:
    return f"```text\n{text.rstrip()}\n```"


def filled(readme: str, blocks: dict[str, str]) -> str:
    """The README with each block behind its mark."""
    for name, block in blocks.items():
        mark = f"<!-- demo: {name} -->\n"
        body = r"```text\n[\s\S]+?\n```" if block.startswith("```") else r"> .*(?:\n> .*)*"
        made, found = re.subn(
            re.escape(mark) + body, lambda _, new=mark + block: new, readme, count=1
        )
        if not found:
            raise SystemExit(f"README.md has no place for {name}")
        readme = made
    return readme


if __name__ == "__main__":
    main()
