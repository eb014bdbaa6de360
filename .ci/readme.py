"""The README's commands, and a check that the demo still gives what the README shows.

python3 .ci/readme.py demo | tests          print the command
python3 .ci/readme.py check result.json     compare with the table, within its stated tolerance
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


def check(result: Path) -> None:
    """Every row and PSNR of the README's table, within the tolerance that the README states."""
    text = README.read_text()
    tolerance = float(re.search(r"within ([0-9.]+) dB", text)[1])
    rows = {row["method"]: row for row in json.loads(result.read_text())["rows"]}
    shown = re.search(r"<!-- demo: table -->\n```text\n(.+?)\n```", text, re.S)[1].splitlines()
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
    faults += [f"{method}: not in the README" for method in rows]
    if faults:
        raise SystemExit("the README's table does not hold:\n  " + "\n  ".join(faults))
    print(f"the README's table holds within {tolerance} dB")


if __name__ == "__main__":
    if sys.argv[1] == "check":
        check(Path(sys.argv[2]))
    else:
        print(command(sys.argv[1]))
