"""
A study: three solvers, the same time for each
==============================================

Three solvers that come with secateur are given four problems with known optima, three seeds and 0.2
seconds each. The page shows the table that a study makes, one of its figures, and what it says of
its own limits.
"""

# %%
# A study is a file
# -----------------
#
# Lists are alternatives, and they multiply: two sizes, two problems of each, three solvers and
# three seeds are 36 cells. A planted problem is built around a hidden answer, so its optimum is
# known.

import io
import subprocess
import sys
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import vl_convert

from secateur.study import analyse, open_store

STUDY = """
[study]
title = "Three solvers"
seeds = [0, 1, 2]
time_limit = 0.2

[[instances]]
generator = "planted"
variables = [60, 120]
seed = [0, 1]

[[methods]]
backend = ["annealing", "tabu", "steepest-descent"]
"""

home = tempfile.TemporaryDirectory()
folder = Path(home.name)
(folder / "study.toml").write_text(STUDY)


def study(*words):
    """As in a terminal: ``secateur study run study.toml``."""
    command = [sys.executable, "-m", "secateur", "study", *words]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout


print(study("check", "study.toml"))

# %%
# Run and reported
# ----------------
#
# Every cell is stored as it ends. The table has an interval beside every number, and below it the
# limits of the comparison, which are found in the rows and not written by hand: so few problems and
# seeds can hardly tell solvers apart, and a busy machine is told of.

study("run", "study.toml")
print(study("report", "study.toml"))

# %%
# One of its figures
# ------------------
#
# The report is one page, with figures as SVG and PDF for a paper, one column wide. This is the gap
# to the best known energy while the time goes by; a solver that tells its answers at its end only
# is one step.

svg = (folder / "study-report" / "figures" / "anytime.svg").read_text()
picture = plt.imread(io.BytesIO(vl_convert.svg_to_png(svg, scale=3)))
height, width, _ = picture.shape
figure = plt.figure(figsize=(4.8, 4.8 * height / width))
axes = figure.add_axes((0, 0, 1, 1))
axes.imshow(picture, aspect="auto")
axes.axis("off")
figure.set_label(
    "Lines of the three solvers: median gap to the best known energy against the seconds"
)

# %%
# The same numbers in Python
# --------------------------

with open_store(folder / "study.db") as store:
    analysis = analyse(store.rows("Three solvers"))

for method in analysis.methods:
    low, high = (f"{100 * share:.0f}" for share in (method.success.low, method.success.high))
    print(
        f"{method.method:17} best known energy in {100 * method.success.value:.0f} % of runs "
        f"[{low}, {high}], mean rank {method.rank:.2f}"
    )

# %%
# Whoever shares a group is not told apart by Nemenyi's test. Without a group there was nothing to
# test, because all methods are equal on all problems: they tie.

print("not told apart:", [", ".join(group) for group in analysis.ranks.groups] or "all of them")
home.cleanup()
