"""What is written of a problem, of an answer, and of what solves it."""

from __future__ import annotations

from schema_making import (
    ANYTHING,
    HASH,
    NUMBER,
    PROVENANCE,
    TEXT,
    TRUTH,
    WHOLE,
    Making,
    Schema,
    by_name,
    document,
    each,
    maybe,
    record,
    said,
)


@document("solution", "The answer of a search", "`secateur solve --json`")
def _solution(making: Making) -> Schema:
    from secateur.solving import Selection

    objective = record({"sense": {"const": "maximise"}, "value": NUMBER, "bound": maybe(NUMBER)})
    read = record(
        {
            "energy": NUMBER,
            "occurrences": WHOLE,
            "feasible": said(TRUTH, "it keeps every demand"),
            "bits": said({"type": "string", "pattern": "^[01]*$"}, "in the order of `sample`"),
        }
    )
    changed = {
        "ones": said(WHOLE, "how many variables are 1"),
        "gap": maybe(NUMBER),
        "proof": TEXT,
        "seconds": NUMBER,
        "timings": by_name(NUMBER),
        "provenance": PROVENANCE,
        "sample": said(by_name({"enum": [0, 1]}), "the choice by label"),
        "samples": said(each(read), "every read of every call"),
        "certificate": said(maybe(TEXT), "the file that was written"),
        "objective": said(objective, "in the file's own sign, where that is maximised"),
    }
    return making.of(
        Selection,
        without=("labels", "bits", "reads", "prover"),
        changed=changed,
        optional=["objective"],
    )


@document("verdict", "What a certificate proves", "`secateur verify --json`")
def _verdict(making: Making) -> Schema:
    from secateur.certify import Verdict

    given = said(TRUTH, "the demands were given, and compared")
    changed: dict[str, Schema] = {name: maybe(NUMBER) for name in ("energy", "bound", "gap")}
    changed |= {"tolerance": NUMBER, "demands_given": given}
    wrong = record(
        {
            "verified": {"const": False},
            "checked": {"const": "wrong"},
            "error": TEXT,
            "where": said(TEXT, "the first place that is wrong"),
        }
    )
    return {"oneOf": [making.of(Verdict, changed=changed), wrong]}


@document("certificate", "What a bound rests on", "`secateur solve --certificate FILE`")
def _certificate(making: Making) -> Schema:
    name, lower, upper = {"name": TEXT}, maybe(NUMBER), maybe(NUMBER)
    bounds = {"lower": lower, "upper": upper}
    term = {"type": "array", "prefixItems": [WHOLE, NUMBER]}
    product = {"type": "array", "prefixItems": [WHOLE, WHOLE, NUMBER]}
    counted = {
        "variables": said(maybe(each(WHOLE)), "positions; null: all"),
        "lower": WHOLE,
        "upper": maybe(WHOLE),
        "step": WHOLE,
        "numbers": said(each(WHOLE), "that are allowed, where these are no range"),
    }
    demand = {
        "oneOf": [
            record({"type": {"const": "cardinality"}, **name, **counted}, optional=["numbers"]),
            record({"type": {"const": "linear"}, **name, "coefficients": each(term), **bounds}),
            record(
                {"type": {"const": "quadratic"}, **name, "linear": each(term)}
                | {"quadratic": each(product), "offset": NUMBER, **bounds}
            ),
            record(
                {"type": {"const": "budget"}, **name, "groups": each(each(WHOLE))}
                | {"linear": each(NUMBER), "pairs": each(product), "fixed": NUMBER}
                | {"upper": NUMBER, "widths": each(each(NUMBER))}
            ),
        ]
    }
    node = record(
        {
            "points": said(each(WHOLE), "rows of the block's"),
            "gl": said(TRUTH, "its Gilmore–Lawler bound counts"),
            "fixed": each({"type": "array", "prefixItems": [WHOLE, {"enum": [0, 1]}]}),
            "branch": maybe(WHOLE),
            "children": maybe(each(WHOLE)),
            "infeasible": said(maybe(TEXT), "the demand that no completion keeps"),
        }
    )
    block = record(
        {
            "positions": said(each(WHOLE), "its variables, ascending"),
            "constraints": each(TEXT),
            "diagonal": said(maybe(TEXT), "float64 little-endian in base64; null: zeros"),
            "points": said(maybe(TEXT), "rows of float32 in base64; null: one point, zero"),
            "nodes": said(each(node), "the tree; node 0 is the root"),
            "lower": said(each(maybe(NUMBER)), "the curve; null: no choice has so many ones"),
        }
    )
    child = {"anyOf": [WHOLE, {"$ref": "#/$defs/Junction"}]}
    making.parts["Junction"] = record({"constraints": each(TEXT), "children": each(child)})
    multiplier = {"constraint": TEXT, "side": {"enum": ["upper", "lower"]}, "value": NUMBER}
    proof = {
        "multipliers": each(record(multiplier)),
        "blocks": each(block),
        "junction": {"$ref": "#/$defs/Junction"},
    }
    claims = {"energy": NUMBER, "bound": NUMBER, "ones": each(WHOLE)}
    found = record(
        {
            "about": {"const": "secateur certificate"},
            "version": {"const": 1},
            "problem": record({"sha256": HASH, "variables": WHOLE, "couplings": WHOLE}),
            "demands": each(demand),
            "claims": record({**claims, "tolerance": NUMBER, "proven": TRUTH}),
            "checkable": said(TRUTH, "false: a bound that another solver claims"),
            **proof,
            "claimed_by": said(TEXT, "that solver"),
        },
        optional=[*proof, "claimed_by"],
    )
    checkable = {"properties": {"checkable": {"const": True}}}
    return {
        **found,
        "if": checkable,
        "then": {"required": list(proof)},
        "else": {"required": ["claimed_by"]},
    }


_FILE = {"file": TEXT, "sha256": said(HASH, "of the file"), "variables": WHOLE, "couplings": WHOLE}


@document("qubo", "A QUBO that was written", "`secateur qubo --json`")
def _qubo(making: Making) -> Schema:
    return record(_FILE)


@document(
    "sidecar", "What a QUBO file is", "`FILE.json` beside a file of `qubo`, `convert`, `save_bqm`"
)
def _sidecar(making: Making) -> Schema:
    free = said({"type": "object"}, "what the writer said of the problem")
    return record({"about": {"const": "secateur QUBO file"}, **_FILE, "provenance": free})


@document("conversion", "A file in another format", "`secateur convert --json`")
def _conversion(making: Making) -> Schema:
    more = {"constraints": WHOLE, "maximised": TRUTH, "warnings": each(TEXT)}
    return record({**_FILE, "format": TEXT, "source": TEXT, "source_format": TEXT, **more})


@document("backends", "Every backend that is installed", "`secateur backends --json`")
def _backends(making: Making) -> Schema:
    from secateur.backends import Capabilities
    from secateur.backends.listing import BackendDescription

    row = making.of(BackendDescription, without=("capabilities",))
    does = making.of(Capabilities)["properties"]
    row["properties"] |= does
    return record({"backends": each(row)})


@document("backend-check", "Whether a backend works here", "`secateur backends check NAME --json`")
def _backend_check(making: Making) -> Schema:
    found = {"optimum": said(NUMBER, "of the problem of six variables"), "optimal": TRUTH}
    return record({"backend": TEXT, "energy": NUMBER, **found, "seconds": NUMBER})


@document("backend-new", "A plugin that was written", "`secateur backends new NAME --json`")
def _backend_new(making: Making) -> Schema:
    return record({"folder": TEXT, "files": each(TEXT)})


@document(
    "stages", "The stages of a kind", "`secateur objectives --json`, `refiners`, `recoveries`"
)
def _stages(making: Making) -> Schema:
    from secateur.stages import Entry

    kinds = ("objectives", "refiners", "recoveries")
    kind = making.part(Entry)
    return {**record({name: each(kind) for name in kinds}, optional=kinds), "minProperties": 1}


@document(
    "stage", "One stage with its options", "`show NAME --json` of `backends`, `objectives`, …"
)
def _stage(making: Making) -> Schema:
    from secateur.options import Declared
    from secateur.stages import KINDS, Entry

    option = making.of(Declared, changed={"default": ANYTHING})
    kinds = [one.noun for one in KINDS if one.noun != "operator rule"]
    shown = {"about": TEXT, "options": each(option), "citation": said(TEXT, "BibTeX")}
    return record({"kind": {"enum": kinds}, **making.of(Entry)["properties"], **shown})
