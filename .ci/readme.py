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
NAMES = {"greedy Taylor": "taylor", "hybrid": "hybrid", "ours": "ours"}
METRICS = ("psnr", "psnr_compensated", "psnr_recovered")


def command(which: str) -> str:
    """The one line of the block marked ``<!-- command: which -->``."""
    found = re.search(rf"<!-- command: {which} -->\n```bash\n(.+)\n```", README.read_text())
    if not found:
        raise SystemExit(f"README.md has no command {which!r}")
    return found[1]


def check(folder: Path) -> None:
    """Every row and number of the README's tables, within the tolerance that the README states."""
    text = README.read_text()
    tolerance = tolerance_of(text)
    told = json.loads((folder / "result.json").read_text())
    faults = compare(text, told, tolerance)
    if faults:
        raise SystemExit("the README's tables do not hold:\n  " + "\n  ".join(faults))
    print(f"the README's tables hold within {tolerance} dB")


def tolerance_of(text: str) -> float:
    """In dB, between one machine and another, as the README states it; lines may break in it."""
    return float(re.search(r"within ([0-9.]+) dB on another\s+machine", text)[1])


def compare(text: str, told: dict, tolerance: float) -> list[str]:
    """What differs between the README's tables and a demo's ``result.json``."""
    faults = []
    points = {point["label"]: point for point in told["points"]}
    wanted = {(label, role) for label, point in points.items() for role in point["rows"]}
    wanted.add(("0 %", "dense"))
    for line in table(text, "rows"):
        label, name, channels, parameters, _, _, *values, _, _ = cells(line)
        role = "dense" if name == "dense" else NAMES[name.split(" (")[0]]
        if (label, role) not in wanted:
            faults.append(f"{label}, {name}: in the README alone, or twice")
            continue
        wanted.remove((label, role))
        row = told["dense"] if role == "dense" else points[label]["rows"][role]
        if int(channels.split()[0]) != row["channels"]:
            faults.append(f"{label}, {name}: {channels} channels, now {row['channels']}")
        if abs(int(parameters.replace(" ", "")) - row["parameters"]) > 0.05 * row["parameters"]:
            faults.append(f"{label}, {name}: {parameters} parameters, now {row['parameters']}")
        for metric, value in zip(METRICS, values, strict=True):
            if not near(value, row[metric], tolerance):
                faults.append(f"{label}, {name}: {metric} {value}, now {row[metric]}")
    faults += [f"{label}, {role}: not in the README" for label, role in sorted(wanted)]
    return faults + compare_lines(text, points, tolerance)


def compare_lines(text: str, points: dict, tolerance: float) -> list[str]:
    """The same of the table of the lines."""
    faults = []
    shown = {cells(line)[0]: cells(line)[2:] for line in table(text, "curve")}
    if set(shown) != set(points):
        faults.append(f"the points are {sorted(points)}, the README's {sorted(shown)}")
    for label in shown.keys() & points.keys():
        lines = points[label]["lines"]
        for value, (name, now) in zip(shown[label], lines.items(), strict=True):
            if not near(value, now, tolerance):
                faults.append(f"{label}, {name}: {value}, now {now}")
    return faults


def table(text: str, name: str) -> list[str]:
    """The lines below the heading of a table."""
    return re.search(rf"<!-- demo: {name} -->\n```text\n.+?\n(.+?)\n```", text, re.S)[
        1
    ].splitlines()


def cells(line: str) -> list[str]:
    """The cells of a line, which lie two spaces or more apart."""
    return re.split(r"\s{2,}", line.strip())


def near(shown: str, now: float | None, tolerance: float) -> bool:
    """Whether a number is the one that is shown, but for its rounding and the tolerance."""
    if shown == "–" or now is None:
        return shown == "–" and now is None
    digits = len(shown.partition(".")[2])
    return abs(float(shown) - now) <= tolerance + 0.5 * 10.0**-digits + 1e-9


if __name__ == "__main__":
    if sys.argv[1] == "check":
        check(Path(sys.argv[2]))
    else:
        print(command(sys.argv[1]))
