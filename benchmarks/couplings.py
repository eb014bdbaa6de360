"""What a loss's couplings look like beside a similarity, and how much of a network does nothing.

    python benchmarks/couplings.py

For each example network, every filter by itself: how many filters are dead, what share of the sum
of the Fisher diagonal the cheapest filters hold, how many couplings inside layers are positive, and
whether the similarity of two channels tells their sign or their size (Spearman's rank correlation
over all pairs of the network). No network is pruned.
"""

from __future__ import annotations

from operator import itemgetter
from typing import TYPE_CHECKING, Any

from common import one_core, parser, write

from secateur.report.columns import Column
from secateur.report.table import markdown

if TYPE_CHECKING:
    import numpy as np

SHARES = (0.36, 0.50, 0.75, 0.85)


def main() -> None:
    arguments = parser(__doc__, "couplings.json")
    arguments.add_argument("--seeds", type=int, default=3, help="sets of calibration crops")
    given = arguments.parse_args()
    one_core()
    networks, crops = ("halfunet", "chain", "small_halfunet"), {}
    if given.quick:
        networks, given.seeds = ("small_halfunet",), 1
        crops = {"patches": 4, "patch": 16, "batch": 4, "unlabelled": 0}
    rows = [row_of(name, seed, crops) for name in networks for seed in range(given.seeds)]
    write(given.output, {"rows": rows}, table)


def row_of(name: str, seed: int, crops: dict[str, int]) -> dict[str, Any]:
    """One network on one set of calibration crops."""
    import torch

    from secateur import zoo
    from secateur.network import find_channels
    from secateur.statistics import collect_statistics, fisher_blocks, reliability, similarity
    from secateur.tasks.denoising import denoising_task

    torch.set_num_threads(1)
    network = getattr(zoo, f"pretrained_{name}")()
    task = denoising_task(seed=seed, **crops)
    channels = find_channels(network, task.calibration[0][0][:1], tied=False)
    statistics = collect_statistics(network, task, channels, probes=20, seed=seed)
    row = {
        "network": name,
        "seed": seed,
        "filters": len(channels),
        "dead": int((statistics.fisher_diagonal == 0).sum()),
        "cheapest": {
            f"{share:.0%}": cheapest(statistics.fisher_diagonal, share) for share in SHARES
        },
        "reliability": reliability(statistics),
        **compared(
            fisher_blocks(statistics),
            similarity(statistics, "cosine"),
            similarity(statistics, "correlation"),
        ),
    }
    print(row, flush=True)
    return row


def cheapest(diagonal: np.ndarray, share: float) -> float:
    """What the cheapest filters hold of the sum."""
    import numpy as np

    ordered = np.sort(diagonal)
    return float(ordered[: round(share * len(ordered))].sum() / ordered.sum())


def compared(fisher: Any, cosines: Any, correlations: Any) -> dict[str, float]:
    """Couplings of the loss beside similarities: pairs in a layer of which neither is dead."""
    import numpy as np
    from scipy.stats import spearmanr

    couplings, sizes, cosine, correlation = [], [], [], []
    for h, alike, together in zip(fisher, cosines, correlations, strict=True):
        alive = np.flatnonzero(np.diag(h) > 0)
        upper = np.triu_indices(len(alive), 1)
        pairs = alive[upper[0]], alive[upper[1]]
        couplings.append(h[pairs])
        sizes.append(np.sqrt(np.diag(h)[pairs[0]] * np.diag(h)[pairs[1]]))
        cosine.append(alike[pairs])
        correlation.append(together[pairs])
    coupling, size = np.concatenate(couplings), np.concatenate(sizes)
    return {
        "positive": float((coupling > 0).mean()),
        "sign_by_cosine": float(spearmanr(coupling, np.concatenate(cosine))[0]),
        "sign_by_correlation": float(spearmanr(coupling, np.concatenate(correlation))[0]),
        "size_by_cosine": float(
            spearmanr(np.abs(coupling), size * np.concatenate(cosine))[0],
        ),
        "size_alone": float(spearmanr(np.abs(coupling), size)[0]),
    }


def held(share: float) -> Column[dict[str, Any]]:
    key = f"{share:.0%}"
    name = f"cheapest {key} hold"
    return Column(name, lambda row: 100 * row["cheapest"][key], unit="%", format=".2f")


def table(content: dict[str, Any]) -> str:
    dead = [
        Column("network", itemgetter("network")),
        Column("seed", itemgetter("seed")),
        Column("filters", itemgetter("filters")),
        Column("dead", itemgetter("dead")),
        *(held(share) for share in SHARES),
    ]
    alike = [
        Column("network", itemgetter("network")),
        Column("seed", itemgetter("seed")),
        Column("positive", lambda row: 100 * row["positive"], unit="%", format=".1f"),
        Column("H and cosine", itemgetter("sign_by_cosine"), format=".2f"),
        Column("H and correlation", itemgetter("sign_by_correlation"), format=".2f"),
        Column("|H| and size × cosine", itemgetter("size_by_cosine"), format=".2f"),
        Column("|H| and size alone", itemgetter("size_alone"), format=".2f"),
        Column("reliability", itemgetter("reliability"), format=".2f"),
    ]
    return (
        "# Couplings beside similarities\n\nEvery filter by itself (`tied=False`), 20 Fisher "
        "probes a crop, one set of calibration crops a seed. Dead: the Fisher diagonal is 0. "
        "Cheapest: the share of the sum of that diagonal that so many filters hold.\n\n"
        f"{markdown(dead, content['rows'])}\n\n"
        "Over all pairs of filters of one layer of which neither is dead: how many couplings H of "
        "the loss's Fisher matrix are positive, and Spearman's rank correlation of H with the "
        "similarity of the two activations, and of |H| with the similarity times "
        "size = √(Hᵢᵢ Hⱼⱼ). Reliability: of the couplings, between halves of the crops.\n\n"
        f"{markdown(alike, content['rows'])}"
    )


if __name__ == "__main__":
    main()
