"""The example that ``secateur study new`` writes: it runs as it is."""

from __future__ import annotations

from pathlib import Path

from secateur.errors import FileError
from secateur.plainfile import check_new

EXAMPLE = """\
# A study: every method solves every instance with every seed, each in the same time.
#
#   secateur study check {file}     how many cells, how long, what it costs; runs nothing
#   secateur study run {file}       goes on where it stopped, if it was interrupted
#   secateur study report {file}    one HTML page, figures and tables
#
# A list stands for alternatives: they multiply. All keys: the reference, "study file".

[study]
title = "A first study"
seeds = [0, 1, 2, 3, 4]          # of everything random; each is a cell of its own
time_limit = 0.25                # seconds for the whole search of a cell, equal for all methods
# repetitions = 2                # runs of the same seed, to see how times vary
# store = "study.db"             # or a URL: postgresql+psycopg://user@host/database
# missing = "skip"               # a backend that is not installed makes rows that say so

# Problems drawn from a seed. Of planted ones the optimum is known.
[[instances]]
generator = "planted"            # or "random", "max-cut", "lattice", "layers"
variables = [30, 60]             # two sizes ...
seed = [0, 1]                    # ... times two seeds: four instances

[[instances]]
generator = "layers"             # the shape of a pruning problem
count = "36%"                    # exactly so many variables are one
layers = 5

# Your own files, in any format that `secateur solve` reads; paths are relative to this file.
# [[instances]]
# files = "instances/*.sparse"
# count = "36%"                          # as the files say unless given
# best_known = {{ gka1a = -3414 }}         # by the file's name

# Problems of a network: what is measured is kept in a folder beside this file.
# [[instances]]
# network = "secateur.zoo:pretrained_halfunet"
# task = "denoising"
# objective = ["fisher", "residual"]
# amount = ["36%", "75%"]

[[methods]]
backend = ["annealing", "tabu", "greedy", "auto"]    # `secateur backends` lists them

[[methods]]
backend = "annealing"
options = {{ reads = [5, 200] }}   # two methods; `secateur backends show annealing` lists options
# name = "annealing, few reads"  # in the report
{metered}
# Every method's options chosen by the same tuning, on instances of its own: `secateur study tune`.
# [tune]
# trials = 20
# [[tune.instances]]
# generator = "planted"
# variables = 30
# seed = 100

[report]
submitter = ""                   # who answers for the study
reference = ""                   # a paper, an address
hardware = ""                    # what it runs on
tuned_by = ""                    # who chose the options of which method, and how
"""

METERED = """
# Metered: a call costs money or quota. Its cells wait until you run with --charge, are charged
# against budget_s in [study] all together, and are never paid twice.
[[methods]]
backend = "leap"
# options = {{ token = {{ env = "DWAVE_API_TOKEN" }} }}   # a secret is named, not written here
"""

BUDGET = """budget_s = 60                    # seconds that all metered cells may be charged
missing = "skip"                 # without a token the metered cells are rows that say so
"""


def example(file: str, *, metered: bool = False) -> str:
    """The text of a study that runs as it is in under a minute, with what secateur brings.

    Arguments:
        file: its name, for the commands that it shows.
        metered: with a metered backend and a budget.
    """
    text = EXAMPLE.format(file=file, metered=METERED.format() if metered else "")
    if metered:
        skip = next(line for line in text.splitlines(True) if line.startswith("# missing"))
        text = text.replace(skip, BUDGET)
    return text


def write_example(path: Path, *, metered: bool = False) -> None:
    """Write the example to a new file.

    Raises:
        FileError: it exists, or cannot be written.
    """
    check_new(path)
    try:
        with path.open("x", encoding="utf-8", newline="\n") as file:
            file.write(example(path.name, metered=metered))
    except OSError as error:
        raise FileError(
            f"{path} cannot be written: {error.strerror or error}", remedy="choose another path"
        ) from error
