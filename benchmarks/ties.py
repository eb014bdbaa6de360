"""What leaves together: our channels beside Torch-Pruning's groups, on the networks of the zoo.

For channels of every group the members are compared, as (module, inputs or outputs, index). Where
they differ it is found out who is right: Torch-Pruning's own cut of its group is run, and held
against the dense network with zeros where the channel is read. Torch-Pruning is no dependency
(``pip install --no-deps --target FOLDER torch-pruning==1.6.1`` and ``--torch-pruning FOLDER``).
"""

from __future__ import annotations

import logging
import sys
import warnings
from collections import Counter
from pathlib import Path
from typing import Any

from common import one_core, parser, write
from networks_torch_pruning import found

from secateur.report.columns import Column
from secateur.report.table import markdown

FAMILIES = {
    "convolutions", "plain", "residual", "mobile", "dense_and_unet", "detection", "doors",
    "functional", "operations", "sequence",
}  # fmt: skip


def main() -> None:
    """Compare, explain, write."""
    one_core()
    sys.path.append(str(Path(__file__).parents[1]))
    arguments = parser(__doc__, "ties.json")
    arguments.add_argument("--torch-pruning", type=Path, default=None)
    options = arguments.parse_args()
    version = found(options.torch_pruning)
    from tests.networks import all_cases
    from ties_members import compare

    warnings.filterwarnings("ignore")
    logging.disable(logging.WARNING)
    cases = [case for case in all_cases() if case.family in FAMILIES]
    if options.quick:
        cases = [case for case in cases if case.name in ("resnet", "yolo c2f", "densenet")]
    torch_pruning = None
    if version is not None:
        import torch_pruning
    rows = [row for case in cases if (row := compare(case, torch_pruning)) is not None]
    write(options.output, {"torch-pruning": version, "networks": rows}, table)


COLUMNS = (
    Column("network", lambda row: row["name"]),
    Column("equal", lambda row: row["same"]),
    Column("not", lambda row: len(row["differences"])),
    Column(
        "why not",
        lambda row: "; ".join(dict.fromkeys(d["why"] for d in row["differences"])),
        left=True,
    ),
)


def table(content: dict[str, Any]) -> str:
    """The Markdown."""
    networks = content["networks"]
    built = [row for row in networks if "cannot" not in row]
    equal = [row for row in built if row["same"] and not row["differences"]]
    channels = sum(row["same"] for row in built)
    different = sum(len(row["differences"]) for row in built)
    kinds = Counter(d["why"].split(":")[0].split(" (")[0] for r in built for d in r["differences"])
    lines = [
        "# What leaves together, beside Torch-Pruning",
        "",
        f"Of {len(networks)} networks Torch-Pruning {content['torch-pruning']} can build "
        f"{len(built)}. In {len(equal)} of these every channel that was compared has the same "
        f"members; {channels} channels are equal and {different} are not:",
        "",
        *(f"- {count}: {why}" for why, count in kinds.most_common()),
        "",
        "A group of Torch-Pruning is taken raw, by `get_pruning_group` of one index; its pruner "
        "treats grouped convolutions, GroupNorm and heads on top of that.",
        "",
        markdown(COLUMNS, built),
    ]
    refused = [row for row in networks if "cannot" in row]
    if refused:
        lines += ["", "Torch-Pruning does not build:", ""]
        lines += [f"- {row['name']}: {row['cannot']}" for row in refused]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
