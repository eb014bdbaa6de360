"""What is written of a network, its measuring and its pruning."""

from __future__ import annotations

from schema_making import (
    ANYTHING,
    HASH,
    NOTES,
    NUMBER,
    OPTIONS,
    PAIRS,
    PROVENANCE,
    TEXT,
    TRUTH,
    VERSIONS,
    WHOLE,
    Making,
    Schema,
    arguments,
    by_name,
    document,
    each,
    hints_of,
    maybe,
    record,
    said,
)


def _row(making: Making) -> Schema:
    """A row of a result: the columns of its table, the metric under its own name."""
    from secateur.report.rows import row_columns
    from secateur.result import Row

    metric = "§"
    hints, told = hints_of(Row), arguments(Row)
    ratio = {"speedup": NUMBER, "at_least": NUMBER, "at_most": NUMBER, "different": TRUTH}
    time = record({"ms": NUMBER, **ratio}, optional=ratio)
    made: dict[str, Schema] = {}
    for column in row_columns(metric):
        key = column.place[0]
        if key == "times":
            made[key] = said(
                by_name(time),
                "by runtime: milliseconds for one sample on one thread, and how many times faster "
                "than the first row, with the noise of that run",
            )
        elif not key.startswith(metric):
            made[key] = said(making.hint(hints[key]), told[key])
    making.parts["Row"] = {
        "description": "One network, dense or pruned, in numbers. The metric stands under its own "
        "name, NAME, and as NAME_compensated and NAME_recovered.",
        **record(made, more=said(maybe(NUMBER), "the metric")),
        "minProperties": len(made) + 3,
    }
    return {"$ref": "#/$defs/Row"}


def _method(making: Making) -> Schema:
    from secateur.methods import Method

    changed = dict.fromkeys(("objective_options", "refine_options", "recover_options"), OPTIONS)
    changed |= {"objective": TEXT, "backend": TEXT, "refine": maybe(TEXT), "recover": maybe(TEXT)}
    changed |= {"name": TEXT}
    made = making.of(Method, without=("options", "charge", "max_calls"), changed=changed)
    making.parts["Method"] = made
    return {"$ref": "#/$defs/Method"}


def _measuring(making: Making) -> Schema:
    from secateur.methods.measuring import Measuring

    return making.of(Measuring)


@document("result", "A pruning in numbers", "`secateur prune --json`; `result.json` of `--output`")
def _result(making: Making) -> Schema:
    from secateur.methods.measuring import Measuring
    from secateur.methods.wanted import Wanted

    changed = {"amount": ANYTHING, "multiple": ANYTHING, "runtimes": each(TEXT)}
    changed |= {name: by_name(ANYTHING) for name in ("budget", "minimum", "maximum")}
    settings = making.of(Wanted, changed=changed)["properties"]
    settings["methods"] = said(each(_method(making)), "that were run, in order")
    settings |= making.of(Measuring)["properties"]
    return record(
        {
            "rows": said(
                each(_row(making)), "the network that was pruned first, then one a method"
            ),
            "task": said(TEXT, "its name"),
            "metric": said(TEXT, "its name"),
            "seed": said(WHOLE, "of everything random"),
            "reliability": said(maybe(NUMBER), "split-half, of the Fisher couplings"),
            "statistics_seconds": said(NUMBER, "for the one pass that all methods share"),
            "calibration_samples": WHOLE,
            "untimed": said(by_name(TEXT), "why times are missing, by runtime"),
            "dense_channels": said(WHOLE, "of the network before all rounds"),
            "channels_left": said(WHOLE, "of them, after all rounds"),
            "settings": said(record(settings), "what was asked for, without secrets"),
            "notes": NOTES,
            **PAIRS,
            "versions": VERSIONS,
        },
        optional=("dense_channels", "channels_left"),
    )


@document(
    "curve", "Several methods at several amounts", "`secateur demo --json`; its `result.json`"
)
def _curve(making: Making) -> Schema:
    row = _row(making)
    point = record(
        {
            "pruned": said(WHOLE, "channels"),
            "label": said(TEXT, "of the point, in per cent"),
            "rows": said(by_name(row), "by role"),
            "lines": said(by_name(maybe(NUMBER)), "the metric by line of the figure"),
        }
    )
    return record(
        {
            "network": said(TEXT, "that was pruned, of the bundled ones"),
            "seed": WHOLE,
            "steps": said(WHOLE, "of the recovery"),
            "fit_batches": said(WHOLE, "that layers were fitted on"),
            "metric": TEXT,
            "unit": said(TEXT, "of the metric"),
            "channels": said(WHOLE, "of the dense network"),
            "dense": row,
            "points": each(point),
            "ties": record(
                {
                    "within": said(NUMBER, "so near each other methods tie"),
                    "pruned": said(each(WHOLE), "the points at which all do"),
                }
            ),
            "said": said(each(TEXT), "what is printed below the table"),
            "task": TEXT,
            "calibration_samples": WHOLE,
            "statistics_seconds": NUMBER,
            "methods": said(by_name(_method(making)), "by role"),
            "versions": VERSIONS,
        }
    )


_EXAMPLE = record(
    {"args": each({"$ref": "#/$defs/Input"}), "kwargs": by_name({"$ref": "#/$defs/Input"})}
    | {"shared": each({"type": ["integer", "string"]})}
)
_INPUT = {
    "description": "One input: a tensor's shape and type, a plain value, or several in a "
    "list, tuple or dict",
    "oneOf": [
        record({"tensor": each(WHOLE), "dtype": TEXT}),
        record({"value": ANYTHING}),
        *(record({kind: each({"$ref": "#/$defs/Input"})}) for kind in ("list", "tuple")),
        record({"dict": by_name({"$ref": "#/$defs/Input"})}),
    ],
}


@document(
    "selection", "Which channels stay", "`selection.json` of `secateur prune --output` and `save`"
)
def _selection(making: Making) -> Schema:
    from secateur.backends import Status, Stopped

    making.parts["Input"] = _INPUT
    told = {
        "count": said(WHOLE, "channels that were pruned"),
        "pruned": said(each(TEXT), "their labels, `layer:index`"),
        "energy": NUMBER,
        "bound": said(maybe(NUMBER), "proven, on the energy"),
        "gap": maybe(NUMBER),
        "proof": TEXT,
        "status": making.hint(Status),
        "stopped": making.hint(Stopped),
        "backend": TEXT,
        "seed": maybe(WHOLE),
        "provenance": PROVENANCE,
    }
    return record(
        {
            "format": said({"const": 2}, "of this file"),
            **told,
            "tied": TRUTH,
            "norm_over": {"enum": ["all", "kept"]},
            "stands": said(each(each(TEXT)), "layers that stay, and why"),
            "kept": said(by_name(each(WHOLE)), "indices that stay, by module path, ascending"),
            "example": said(_EXAMPLE, "a call of the network with one sample, by its shapes"),
            "sha256": said(maybe(HASH), "of `network.safetensors`; null: it was not written"),
            "versions": VERSIONS,
        },
        optional=told,
    )


@document("quote", "What a search would cost", "`--dry-run --json` of `solve` and `prune`")
def _quote(making: Making) -> Schema:
    from secateur.solving import Quote

    return making.of(Quote, changed={"dry_run": said({"const": True}, "nothing was called")})


@document("measurement", "The channels of a network, measured", "`secateur measure --json`")
def _measurement(making: Making) -> Schema:
    from secateur.measured.describing import COLUMNS, GroupRow

    told = arguments(GroupRow)
    kinds = {
        "layer": said(TEXT, "name of the group"),
        "channels": said(WHOLE, "of the group"),
        "parameters_each": said(NUMBER, told["parameters"]),
        "macs_each": said(NUMBER, told["macs"]),
        "taylor": said(NUMBER, told["taylor"]),
        "fisher": said(maybe(NUMBER), told["fisher"]),
        "tied": said(each(TEXT), "layers whose channels leave with these"),
    }
    return record(
        {
            "groups": said(each(making.columns(COLUMNS, kinds)), "in the order of the run"),
            "channels": WHOLE,
            "samples": WHOLE,
            "loss": NUMBER,
            "reliability": said(maybe(NUMBER), "split-half, of the Fisher couplings"),
            "seconds": NUMBER,
            "task": TEXT,
            "measuring": _measuring(making),
            **PAIRS,
            "notes": NOTES,
            "versions": VERSIONS,
        }
    )


@document("measured", "What a measured folder is of", "`measured.json` of `secateur measure`")
def _measured(making: Making) -> Schema:
    statistics = {
        "samples": WHOLE,
        "probes": WHOLE,
        "rows": said({"type": "array", "prefixItems": [WHOLE, WHOLE]}, "of either half"),
        "loss": NUMBER,
        "seed": WHOLE,
        "data": said(HASH, "of the calibration data"),
        "across_groups": TRUTH,
        "groups": said(
            each({"type": "array", "prefixItems": [TEXT, WHOLE, TEXT]}),
            "name, channels, and a digest of their labels",
        ),
        "sha256": said(HASH, "of the arrays in `statistics.safetensors`"),
    }
    return record(
        {
            "format": said({"const": 1}, "of this folder"),
            "measuring": _measuring(making),
            "statistics": record(statistics),
            "task": TEXT,
            "labels": said(HASH, "of the channels' labels"),
            "weights": said(HASH, "of the network"),
            "seconds": NUMBER,
            "versions": VERSIONS,
        }
    )


@document("export", "A network that was exported", "`secateur export --json`")
def _export(making: Making) -> Schema:
    from secateur.surgery.export import Exported

    shape = each({"type": ["integer", "string"]})
    changed = {"inputs": by_name(shape), "difference": maybe(NUMBER)}
    return making.of(Exported, changed=changed)


@document(
    "training", "A training of the example network", "`secateur train NAME --json`; NAME.json"
)
def _training(making: Making) -> Schema:
    from secateur.zoo.train import OWN, Recipe

    point = record({"step": WHOLE, "loss": NUMBER, "psnr": NUMBER})
    return record(
        {
            "network": said(TEXT, "its class"),
            "recipe": making.of(Recipe, optional=OWN.values()),
            "command": said(TEXT, "that makes the same weights"),
            "photographs": said(ANYTHING, "where they are from"),
            "psnr_noisy": said(NUMBER, "of the test photographs before, in dB"),
            "psnr": said(NUMBER, "and after"),
            "parameters": WHOLE,
            "seconds": NUMBER,
            "threads": WHOLE,
            "processor": TEXT,
            "versions": VERSIONS,
            "curve": each(point),
        }
    )
