"""``secateur prune``: make your own network smaller."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from secateur.cli.common import print_json, say, show_quote
from secateur.cli.declared import declared_options, given
from secateur.cli.help import Taught
from secateur.cli.measured import (
    load_measured,
    load_subject,
    measured_option,
    read_measuring,
)
from secateur.cli.networks import network_options
from secateur.cli.shared import constraints_option, dry_run_option, json_option, output_option
from secateur.methods import Method
from secateur.methods.measuring import Measuring
from secateur.methods.wanted import Wanted

if TYPE_CHECKING:
    from secateur.solving import Quote


@click.command(
    cls=Taught,
    examples=[
        "secateur prune --network secateur.zoo:pretrained_halfunet --task denoising "
        "--amount 36% --output smaller",
        "secateur prune --network secateur.zoo:pretrained_halfunet --budget macs=50%",
        "secateur prune --network mymodel:build --weights w.safetensors --task mytask:task "
        "--amount 36%",
    ],
    page="how-to/use-your-own-data",
    epilog="The column `compensated` is what you get: the test metric of the smaller network.",
)
@network_options
@measured_option
@declared_options(Measuring)
@declared_options(Wanted, without=("runtimes", "constraints"))
@constraints_option("constraints")
@click.option(
    "--runtime",
    type=click.Choice(("eager", "onnxruntime")),
    default="eager",
    show_default=True,
    help="Where a time budget is meant; time is told of all that are installed.",
)
@declared_options(Method, without=("name",))
@click.option("--evaluations", type=int, help="Short for --refine-option evaluations=N.")
@output_option("A new folder for the result; none if left out.")
@dry_run_option
@json_option
def prune(
    folder: Path | None,
    runtime: str,
    evaluations: int | None,
    output: Path | None,
    dry_run: bool,
    as_json: bool,
    **values: Any,
) -> None:
    """Prune a trained network by exactly the amount asked for, or to a budget.

    The first two examples are of networks that come with secateur, and run as they are. `mymodel`
    is a file mymodel.py in the current folder, or a module that is installed; so is `mytask`.

    The folder holds result.json, selection.json, network.safetensors and figure.png.
    """
    from secateur.errors import AmountError
    from secateur.methods.keywords import method_of, wanted_of
    from secateur.methods.resolved import resolve
    from secateur.pipeline import prune as run
    from secateur.report import save_or_rescue, try_output
    from secateur.surgery.speed import runtimes

    try_output(output)
    timed = sorted(runtimes(), key=lambda name: name != runtime)
    asked = {**given(values, Wanted), "runtimes": timed}
    if not any(asked.get(name) is not None for name in ("amount", "budget", "constraints")):
        raise AmountError(
            "neither an amount nor a budget is given",
            remedy="say what goes, --amount 50%, or what may stay, --budget macs=50%",
        )
    wanted_of(asked)
    method = method_of(_method(given(values, Method), evaluations))
    resolve(method)
    measuring = read_measuring(values, folder)
    if dry_run:
        show_quote(_priced(values, folder, measuring, method, asked), as_json)
        return
    if folder is not None:
        measured, seed = load_measured(values, folder)
        result = measured.prune(method, seed=seed, **asked)
    else:
        network, task = load_subject(values, measuring.seed)
        settings = {name: getattr(measuring, name) for name in measuring.public()}
        result = run(network, task, method, **asked, **settings)
    if as_json:
        print_json(result.to_json())
    else:
        say(str(result))
    if output is not None:
        written = save_or_rescue(result, output, result.dense)
        if not as_json:
            say(f"\nwritten: {written}")


def _priced(
    values: dict[str, Any],
    folder: Path | None,
    measuring: Measuring,
    method: Method,
    asked: dict[str, Any],
) -> Quote:
    """What the pruning would be charged: its problem is known once the network is measured."""
    from secateur.measured import measure
    from secateur.methods.resolved import resolve

    if folder is not None:
        measured, seed = load_measured(values, folder)
        return measured.price(method, seed=seed, **asked)
    network, task = load_subject(values, measuring.seed)
    if resolve(method).objective.needs_across_groups:
        measuring = replace(measuring, across_groups=True)
    settings = {name: getattr(measuring, name) for name in measuring.public()}
    return measure(network, task, **settings).price(method, **asked)


def _method(fields: dict[str, Any], evaluations: int | None) -> dict[str, Any]:
    """The fields with the number of evaluations where it belongs.

    Raises:
        OptionError: it is given twice, or without a refinement.
    """
    from secateur.errors import OptionError

    if fields.get("refine") == "none":
        del fields["refine"]
    if fields.get("recover") == "none":
        del fields["recover"]
    if evaluations is None:
        return fields
    options = dict(fields.get("refine_options") or {})
    if "refine" not in fields:
        raise OptionError(
            f"--evaluations is {evaluations}, and there is no refinement",
            remedy="name one: --refine tt",
        )
    if "evaluations" in options:
        raise OptionError(
            f"--evaluations is {evaluations}, and --refine-option says {options['evaluations']}",
            remedy="give one of them",
        )
    return {**fields, "refine_options": {**options, "evaluations": evaluations}}
