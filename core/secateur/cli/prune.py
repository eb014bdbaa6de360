"""``secateur prune``: make your own network smaller."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import click

from secateur.cli.common import key_values, print_json, refuse_existing, say
from secateur.cli.networks import load_network, load_task, network_options

REFINEMENTS = ("none", "tt", "exchange")


@click.command(
    epilog="The column `compensated` is what you get: the test metric of the smaller network.",
)
@network_options
@click.option("--amount", help="What goes: 36%, 0.36 or a count of channels.")
@click.option(
    "--budget",
    "budgets",
    multiple=True,
    metavar="KIND=UPPER",
    help="What may stay at most: params, macs or time; a share (macs=50%) or absolute "
    "(params=200000, time=4ms).",
)
@click.option(
    "--minimum", multiple=True, metavar="PATH=K", help="Channels that a layer keeps at least."
)
@click.option(
    "--maximum", multiple=True, metavar="PATH=K", help="Channels that a layer keeps at most."
)
@click.option(
    "--multiple",
    metavar="M",
    help="Widths are multiples of M; 16 where time is asked for; device: measured.",
)
@click.option(
    "--runtime",
    type=click.Choice(("eager", "onnxruntime")),
    default="eager",
    show_default=True,
    help="Where a time budget is meant.",
)
@click.option(
    "--objective",
    default="fisher",
    show_default=True,
    help="fisher, residual, hybrid, taylor or l1.",
)
@click.option(
    "--objective-option",
    "objective_options",
    multiple=True,
    metavar="KEY=VALUE",
    help="An option of the objective: similarity_weight=0.3",
)
@click.option(
    "--backend",
    default="auto",
    show_default=True,
    help="A solver; see `secateur backends`. auto: exact by blocks, with annealing beside it.",
)
@click.option(
    "--option",
    "options",
    multiple=True,
    metavar="KEY=VALUE",
    help="An option of the backend: reads=50",
)
@click.option("--time-limit", type=float, metavar="S", help="Seconds for the whole search.")
@click.option(
    "--refine",
    type=click.Choice(REFINEMENTS),
    default="none",
    show_default=True,
    help="Go on with the true metric: tensor train, or exchange (its control).",
)
@click.option("--evaluations", default=500, show_default=True, help="Budget of the refinement.")
@click.option("--no-compensation", is_flag=True, help="Do not re-fit the layers that read.")
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    help="A new folder for the result; none if left out.",
)
@click.option("--json", "as_json", is_flag=True, help="Print result.json instead of the table.")
def prune(
    network_name: str,
    weights: Path | None,
    weights_key: str | None,
    task_name: str,
    photos: Path | None,
    sidd: Path | None,
    ignored: tuple[str, ...],
    untied: bool,
    norm_over: Literal["all", "kept"],
    probes: int,
    seed: int,
    amount: str | None,
    budgets: tuple[str, ...],
    minimum: tuple[str, ...],
    maximum: tuple[str, ...],
    multiple: str | None,
    runtime: str,
    objective: str,
    objective_options: tuple[str, ...],
    backend: str,
    options: tuple[str, ...],
    time_limit: float | None,
    refine: str,
    evaluations: int,
    no_compensation: bool,
    output: Path | None,
    as_json: bool,
) -> None:
    """Prune a trained network by exactly the amount asked for, or to a budget.

    \b
    Examples, with the network that comes with secateur:
      secateur prune --network secateur.zoo:pretrained_halfunet \\
          --task denoising --amount 36% --output smaller
      secateur prune --network secateur.zoo:pretrained_halfunet \\
          --task denoising --budget macs=50%

    The folder holds result.json, selection.json, network.safetensors and figure.png.
    """
    from secateur.pipeline import prune as run
    from secateur.report import save_result
    from secateur.surgery.speed import runtimes

    refuse_existing(output)
    network = load_network(network_name, weights, weights_key)
    result = run(
        network,
        load_task(task_name, photos, sidd, seed),
        amount=amount,
        budget=key_values(budgets, "--budget"),
        minimum=key_values(minimum, "--minimum"),
        maximum=key_values(maximum, "--maximum"),
        multiple=read_multiple(multiple),
        objective=objective,
        backend=backend,
        refine=make_refinement(refine, evaluations),
        seed=seed,
        ignored=ignored,
        probes=probes,
        compensated=not no_compensation,
        tied=not untied,
        norm_over=norm_over,
        objective_options=key_values(objective_options, "--objective-option"),
        options=key_values(options, "--option"),
        time_limit=time_limit,
        runtimes=sorted(runtimes(), key=lambda name: name != runtime),
    )
    if output is not None:
        save_result(result, output, network)
    if as_json:
        print_json(result.to_json())
        return
    say(str(result))
    if output is not None:
        say(f"\nwritten: {output}")


def read_multiple(text: str | None) -> int | Literal["device"] | None:
    """What ``--multiple`` says.

    Raises:
        OptionError: neither a whole number nor "device".
    """
    from secateur.errors import OptionError

    if text is None:
        return None
    if text == "device":
        return "device"
    if not text.isdigit():
        raise OptionError(
            f"--multiple is {text!r}", remedy="give a whole number, or device to measure its step"
        )
    return int(text)


def make_refinement(name: str, evaluations: int) -> Any:
    """The refinement of ``--refine``."""
    if name == "none":
        return None
    from secateur.refine import Exchange, TensorTrain

    return (TensorTrain if name == "tt" else Exchange)(evaluations=evaluations)
