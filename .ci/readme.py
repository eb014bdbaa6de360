"""The README's commands, and a check that the demo still gives what the README shows.

python3 .ci/readme.py demo | tests          print the command
python3 .ci/readme.py check FOLDER          compare with the tables, within the stated tolerance
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

README = Path(__file__).parent.parent / "README.md"


def command(which: str) -> str:
    """The one line of the block marked ``<!-- command: which -->``."""
    found = re.search(rf"<!-- command: {which} -->\n```bash\n(.+)\n```", README.read_text())
    if not found:
        raise SystemExit(f"README.md has no command {which!r}")
    return found[1]


def check(folder: Path) -> None:
    """Every row and PSNR of the README's tables, within the tolerance that the README states."""
    text = README.read_text()
    tolerance = float(re.search(r"within ([0-9.]+) dB", text)[1])
    faults = []
    for name, result in (
        ("untied", folder / "untied"),
        ("tied", folder),
    ):
        shown = re.search(rf"<!-- demo: {name} -->\n```text\n(.+?)\n```", text, re.S)[1]
        rows = {
            row["method"]: row for row in json.loads((result / "result.json").read_text())["rows"]
        }
        faults += [f"{name}, {fault}" for fault in compare(shown.splitlines(), rows, tolerance)]
    if faults:
        raise SystemExit("the README's tables do not hold:\n  " + "\n  ".join(faults))
    print(f"the README's tables hold within {tolerance} dB")


def compare(shown: list[str], rows: dict, tolerance: float) -> list[str]:
    """What differs between a table and the rows of a result."""
    faults = []
    for line in shown[1:]:
        cells = re.split(r"\s{2,}", line.strip())
        method, channels, parameters, _, _, psnr, compensated, *_ = cells
        row = rows.pop(method)
        if int(channels.split()[0]) != row["channels"]:
            faults.append(f"{method}: {channels} channels, now {row['channels']}")
        if abs(int(parameters.replace(" ", "")) - row["parameters"]) > 0.05 * row["parameters"]:
            faults.append(f"{method}: {parameters} parameters, now {row['parameters']}")
        for name, value in (("psnr", psnr), ("psnr_compensated", compensated)):
            if not abs(float(value) - row[name]) <= tolerance:
                faults.append(f"{method}: {name} {value}, now {row[name]:.3f}")
    return faults + [f"{method}: not in the README" for method in rows]


if __name__ == "__main__":
    if sys.argv[1] == "check":
        check(Path(sys.argv[2]))
    else:
        print(command(sys.argv[1]))
