"""Exactly K, and proven: on the large Half-UNet's QUBOs, on blocks of any width, and at scale.

    python benchmarks/capacity.py                     the large Half-UNet's QUBOs at K = 5 … 95 %
    python benchmarks/capacity.py --widths            four equal blocks, and single wide ones
    python benchmarks/capacity.py --roots             their bounds before any branching
    python benchmarks/capacity.py --channels 26560    up to so many channels, and 300 000 without
                                                      couplings

Each writes benchmarks/results/capacity….json and .md; ``--quick`` takes seconds and shows that all
of it runs. Numerical libraries have one thread. Plugins (SCIP) are used if they are installed.
"""

from __future__ import annotations

from common import one_core, parser, write

SIZES = (500, 2_000, 8_000)
AMOUNTS = [*range(5, 36, 5), 36, *range(40, 100, 5)]


def main() -> None:
    arguments = parser(__doc__, "capacity.json")
    arguments.add_argument("--widths", action="store_true", help="how wide a block may be")
    arguments.add_argument("--roots", action="store_true", help="what a diagonal is worth")
    arguments.add_argument("--channels", type=int, help="what scale costs, up to so many")
    arguments.add_argument("--diagonal", type=int, default=300_000)
    arguments.add_argument("--limit", type=float, default=55.0, help="seconds, at scale")
    arguments.add_argument("--objectives", nargs="+", default=["fisher", "residual", "hybrid"])
    arguments.add_argument("--amounts", nargs="+", type=int, default=AMOUNTS)
    arguments.add_argument(
        "--others", nargs="*", type=int, default=AMOUNTS, help="%% with the others beside"
    )
    arguments.add_argument("--seconds", type=float, default=10.0, help="of each of the others")
    arguments.add_argument("--seed", type=int, default=0)
    given = arguments.parse_args()
    one_core()
    quick = given.quick
    if given.widths:
        import capacity_widths

        content = (
            capacity_widths.run([24], [160], [5.0], seed=given.seed)
            if quick
            else capacity_widths.run(
                [64, 96, 128, 192, 256, 512], [1024, 2048], [30.0, 60.0], seed=given.seed
            )
        )
        name = given.output.with_stem(f"{given.output.stem}-widths")
        write(name, content, capacity_widths.table)
    elif given.roots:
        import capacity_roots

        widths = [30] if quick else [64, 128, 256, 512, 1024, 2048]
        content = capacity_roots.run(widths, seed=given.seed)
        name = given.output.with_stem(f"{given.output.stem}-roots")
        write(name, content, capacity_roots.table)
    elif given.channels:
        import capacity_scale

        sizes = [n for n in SIZES if n < given.channels] + [given.channels]
        content = (
            capacity_scale.run([sizes[0]], 5_000, 5.0)
            if quick
            else capacity_scale.run(sizes, given.diagonal, given.limit)
        )
        name = given.output.with_stem(f"{given.output.stem}-scale")
        write(name, content, capacity_scale.table)
        capacity_scale.draw(content, name.with_suffix(".png"))
    else:
        import capacity_demo

        content = (
            capacity_demo.run(["fisher"], [36], others=[36], seconds=0.5, seed=given.seed)
            if quick
            else capacity_demo.run(
                given.objectives,
                sorted({*given.amounts, *given.others}),
                others=given.others,
                seconds=given.seconds,
                seed=given.seed,
            )
        )
        write(given.output, content, capacity_demo.table)


if __name__ == "__main__":
    main()
