"""Whole networks: accuracy and measured time at 70, 50 and 30 % of the MACs, beside Torch-Pruning.

    python benchmarks/networks.py                          five networks, three seeds
    python benchmarks/networks.py --torch-pruning FOLDER   with what was installed there by
                                                           pip install --no-deps --target FOLDER
                                                           torch-pruning==1.6.1
    python benchmarks/networks.py --budget time=50%        a budget of measured time, met or not
    python benchmarks/networks.py --eager                  few MACs, and fast in PyTorch too

A ResNet, a MobileNetV2, a VGG, a ViT and a Conv1d net are trained on scikit-learn's digits, turned,
moved and noisy on 32 × 32, and kept in a cache, so that a second run trains nothing. All tools cut
the same weights with the same calibration digits and never see the test digits. Ours keeps at most
the share of the MACs, Torch-Pruning at least that share: it is the one that has more. Then one
epoch by the same recipe. Times are of one image, batch norm where it was, one thread, the networks
of a seed taking turns. ``--quick`` takes seconds and shows that all of it runs.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from common import one_core, parser, write

NETWORKS = ("ResNet", "MobileNetV2", "VGG", "ViT", "Conv1d")
TIMED = ("ResNet", "VGG", "ViT", "MobileNetV2")


def main() -> None:
    given = arguments().parse_args()
    one_core()
    import networks_digits as digits

    if given.quick:
        given.networks, given.seeds, given.shares = given.networks or ["Conv1d"], [0], [0.5]
        given.objectives, given.seconds, given.small = given.objectives[:1], 0.1, True
    cache = given.cache or digits.default_cache()
    if given.budget:
        import networks_budget

        kind, _, amount = given.budget.partition("=")
        if kind != "time" or not amount:
            raise SystemExit("--budget takes time=SHARE, time=50% for instance")
        content = networks_budget.run(
            given.networks or list(TIMED),
            amount,
            objective=given.objectives[0],
            seeds=given.seeds[:1],
            cache=cache,
            seconds=given.seconds,
            small=given.small,
        )
        name = given.output.with_stem(f"{given.output.stem}-time")
        write(name, content, networks_budget.table)
        return
    if given.eager:
        import networks_eager

        content = networks_eager.run(
            given.networks or list(NETWORKS),
            [share for share in given.shares if share <= 0.5],
            objective=given.objectives[0],
            seeds=given.seeds[:1],
            cache=cache,
            seconds=given.seconds,
            small=given.small,
        )
        name = given.output.with_stem(f"{given.output.stem}-eager")
        write(name, content, networks_eager.table)
        return
    import networks_table
    from networks_cell import run

    for content in run(
        given.networks or list(NETWORKS),
        given.seeds,
        given.shares,
        given.objectives,
        cache=cache,
        torch_pruning=given.torch_pruning,
        seconds=given.seconds,
        small=given.small,
    ):  # written after every network, so that nothing is lost if a later one fails
        write(given.output, content, networks_table.table)


def arguments() -> argparse.ArgumentParser:
    made = parser(__doc__, "networks.json")
    made.add_argument("--networks", nargs="+", choices=NETWORKS)
    made.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2], help="of training")
    made.add_argument(
        "--shares", nargs="+", type=float, default=[0.7, 0.5, 0.3], help="of the MACs that stay"
    )
    made.add_argument("--objectives", nargs="+", default=["fisher"], help="the first is judged")
    made.add_argument("--cache", type=Path, help="of trained weights")
    made.add_argument("--torch-pruning", type=Path, help="the folder that it was installed to")
    made.add_argument("--budget", help="time=50%%: what may stay of the measured time")
    made.add_argument("--eager", action="store_true", help="beside uniformly narrower networks")
    made.add_argument("--seconds", type=float, default=8.0, help="of each timing")
    made.set_defaults(small=False)
    return made


if __name__ == "__main__":
    main()
