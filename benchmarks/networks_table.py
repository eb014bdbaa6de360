"""What the rows say: a table for each network, and whether each aim is met."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from statistics import fmean, geometric_mean
from typing import Any

import networks_models as models
from networks_cell import UNIFORM
from networks_torch_pruning import MODES

from secateur.report.columns import named
from secateur.report.table import markdown

Rows = list[dict[str, Any]]


def table(content: dict[str, Any]) -> str:
    rows: Rows = content["rows"]
    names = list(dict.fromkeys(row["network"] for row in rows))
    rival = content["torch_pruning"]
    lines = [
        "# Whole networks, trained, cut and timed",
        "",
        f"scikit-learn's digits, turned, moved and noisy on 32 × 32; {len(content['seeds'])} "
        "seeds of training; means over them (times: geometric). Everybody has the same weights "
        f"and may look at the {content['digits']['train']} training digits, each in "
        f"{content['digits']['copies']} places. `after` is one more epoch, "
        "the same recipe for all. × is dense time / time, one image, one thread, processor time, "
        "least of many turns taken in one run. `per MACs` is that × divided by the factor by "
        "which the MACs are fewer: 1 is all that counting promises. Runtimes: "
        + ", ".join(f"{runtime} {version}" for runtime, version in content["runtimes"].items())
        + ".",
        "",
        f"Torch-Pruning {rival}: Taylor importance, its own groups, `round_to=16`, its share of "
        "channels searched so that its MACs are the least that are not below the share."
        if rival
        else "Torch-Pruning: not installed.",
        "",
        "## Aims",
        "",
        markdown(
            named("aim", "met", "worst", "where"),
            [summary(text, list(cases)) for text, cases in aims(content)],
        ),
    ]
    for name in names:
        lines += ["", f"## {name}", "", *of_network(content, name)]
    return "\n".join(lines)


def of_network(content: dict[str, Any], name: str) -> list[str]:
    """The dense network in words, the others in a table."""
    here = [row for row in content["rows"] if row["network"] == name]
    first = [row for row in here if row["method"] == "dense"]
    times = [
        f"{geometric_mean(row[f'{runtime}_ms'] for row in first):.3g} ms in {runtime}"
        for runtime in content["runtimes"]
    ]
    said = (
        f"Dense: {100 * fmean(row['accuracy'] for row in first):.2f} %, "
        f"{first[0]['parameters'] / 1e6:.2f} M parameters, {first[0]['macs'] / 1e6:.1f} M MACs, "
        + ", ".join(times)
        + "."
    )
    head = ["stays", "network", "MACs %", "parameters %", "accuracy %", "after %"]
    head += [f"{runtime} {what}" for runtime in content["runtimes"] for what in ("×", "per MACs")]
    cells = []
    for share in content["shares"]:
        for method in dict.fromkeys(row["method"] for row in here if row["share"] == share):
            group = of(content, name, method, share)
            cell = [f"{share:.0%}", method]
            cell += [
                f"{100 * mean(group, share_of(content, k)):.1f}" for k in ("macs", "parameters")
            ]
            cell += [
                f"{100 * mean(group, lambda row, key=key: row[key]):.2f}" if key in group[0] else ""
                for key in ("accuracy", "tuned")
            ]
            for runtime in content["runtimes"]:
                faster, efficient = speed(content, group, runtime)
                cell += [f"{faster:.2f}", f"{efficient:.2f}"]
            cells.append(cell)
    return [said, "", markdown(named(*head), cells)]


def of(content: dict[str, Any], name: str, method: str, share: float) -> Rows:
    """The rows of all seeds."""
    wanted = (name, method, share)
    return [r for r in content["rows"] if (r["network"], r["method"], r["share"]) == wanted]


def mean(rows: Rows, value: Callable[[dict[str, Any]], float]) -> float:
    return fmean(value(row) for row in rows)


def dense_of(content: dict[str, Any], row: dict[str, Any]) -> dict[str, Any]:
    """The dense network of the same seed, timed in the same run."""
    wanted = (row["network"], row["seed"], "dense")
    return next(r for r in content["rows"] if (r["network"], r["seed"], r["method"]) == wanted)


def share_of(content: dict[str, Any], key: str) -> Callable[[dict[str, Any]], float]:
    return lambda row: row[key] / dense_of(content, row)[key]


def speed(content: dict[str, Any], rows: Rows, runtime: str) -> tuple[float, float]:
    """Dense time / time, and that divided by dense MACs / MACs; geometric means over the seeds."""
    key = f"{runtime}_ms"
    faster = geometric_mean(dense_of(content, row)[key] / row[key] for row in rows)
    fewer = geometric_mean(dense_of(content, row)["macs"] / row["macs"] for row in rows)
    return faster, faster / fewer


Case = tuple[str, float, bool]
"""Where, a value (the larger, the better), whether it is enough."""


def summary(text: str, cases: Sequence[Case]) -> tuple[str, str, str, str]:
    """The row of an aim: how often it is met, and the worst case."""
    if not cases:
        return text, "not measured", "", ""
    where, value, _ = min(cases, key=lambda case: (case[2], case[1]))
    return text, f"{sum(case[2] for case in cases)} of {len(cases)}", f"{value:.3g}", where


def aims(content: dict[str, Any]) -> list[tuple[str, Iterator[Case]]]:
    """Each aim with its cases, a case being a network at a share."""
    judged = f"secateur, {content['judged']}"
    made = [
        (
            "onnxruntime: × per MACs ≥ 0.9 to factor 2, ≥ 0.8 to 4 (ViT 0.85, 0.7), "
            "or 0.9 of the uniformly narrower network's",
            promised(content, judged),
        )
    ]
    made += [
        (
            f"{runtime}: × per MACs ≥ 0.9 of the uniformly narrower network's",
            as_uniform(content, judged, runtime),
        )
        for runtime in content["runtimes"]
    ]
    made += [
        (f"{runtime}: not slower than dense (×)", not_slower(content, judged, runtime))
        for runtime in content["runtimes"]
    ]
    made += [
        (
            "accuracy above Torch-Pruning's better one (points)",
            above(content, judged, "accuracy"),
        ),
        (
            "accuracy after an epoch not below Torch-Pruning's better one (points)",
            above(content, judged, "tuned"),
        ),
    ]
    return made


def cases_of(content: dict[str, Any], method: str) -> Iterator[tuple[str, str, float, Rows]]:
    for name in dict.fromkeys(row["network"] for row in content["rows"]):
        for share in content["shares"]:
            rows = of(content, name, method, share)
            if rows:
                yield f"{name}, {share:.0%}", name, share, rows


def promised(content: dict[str, Any], method: str) -> Iterator[Case]:
    """Against the aim of the factor; where that is out of the uniform one's reach, against it."""
    if "onnxruntime" not in content["runtimes"]:
        return
    for where, name, share, rows in cases_of(content, method):
        faster, efficient = speed(content, rows, "onnxruntime")
        factor = faster / efficient
        near, far = models.KINDS[name].aims
        least = near if factor <= 2.0 else far
        _, reach = speed(content, of(content, name, UNIFORM, share), "onnxruntime")
        yield where, efficient, efficient >= min(least, 0.9 * reach)


def as_uniform(content: dict[str, Any], method: str, runtime: str) -> Iterator[Case]:
    for where, name, share, rows in cases_of(content, method):
        _, efficient = speed(content, rows, runtime)
        _, reach = speed(content, of(content, name, UNIFORM, share), runtime)
        yield where, efficient / reach, efficient >= 0.9 * reach


def not_slower(content: dict[str, Any], method: str, runtime: str) -> Iterator[Case]:
    for where, _, _, rows in cases_of(content, method):
        faster, _ = speed(content, rows, runtime)
        yield where, faster, faster >= 1.0


def above(content: dict[str, Any], method: str, key: str) -> Iterator[Case]:
    """In points of accuracy; before the epoch it must be more, after it not less."""
    for where, name, share, rows in cases_of(content, method):
        theirs = [of(content, name, mode, share) for mode in MODES]
        if not all(theirs):
            continue
        best = max(mean(group, lambda row: row[key]) for group in theirs)
        more = 100.0 * (mean(rows, lambda row: row[key]) - best)
        yield where, more, more > 1e-9 if key == "accuracy" else more >= -1e-9
