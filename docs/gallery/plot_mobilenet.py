"""
A MobileNet: budgets, and widths that kernels like
==================================================

Inverted residuals of MobileNetV2 for handwritten digits, cut to 60, 40 and 25 % of their
multiply–accumulates. The page shows which widths a budget leaves, what multiples of eight cost, and
the accuracy beside a control with the same budgets.
"""

# %%
# The network
# -----------
#
# A block widens, filters each channel by itself, and narrows again (Sandler et al. 2018). The
# filters between are depthwise, so their channels are those of the widening before them.

import matplotlib.pyplot as plt
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn.functional import cross_entropy

import secateur


def conv(inputs, outputs, kernel=1, stride=1, groups=1):
    layer = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False)
    return [layer, nn.BatchNorm2d(outputs)]


class Inverted(nn.Module):
    def __init__(self, inputs, outputs, stride=1):
        super().__init__()
        wide = 4 * inputs
        self.body = nn.Sequential(
            *conv(inputs, wide), nn.ReLU6(),
            *conv(wide, wide, 3, stride, groups=wide), nn.ReLU6(),
            *conv(wide, outputs),
        )  # fmt: skip
        self.skips = inputs == outputs

    def forward(self, x):
        return x + self.body(x) if self.skips else self.body(x)


class MobileNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(*conv(1, 16, 3), nn.ReLU6())
        self.body = nn.Sequential(
            Inverted(16, 16), Inverted(16, 32, 2), Inverted(32, 32), Inverted(32, 48)
        )
        self.head = nn.Linear(48, 10)

    def forward(self, x):
        return self.head(self.body(self.stem(x)).mean((2, 3)))


# %%
# The task
# --------
#
# scikit-learn's digits; 541 of them are for the test, and nothing is chosen on these.

torch.manual_seed(0)
digits = load_digits()
images = torch.tensor(digits.images, dtype=torch.float32)[:, None] / 16
labels = torch.tensor(digits.target)
order = torch.randperm(len(images))


def batches(start, stop):
    return [(images[rows], labels[rows]) for rows in order[start:stop].split(64)]


def accuracy(outputs, targets):
    return (outputs.argmax(1) == targets).float()


task = secateur.Task(
    calibration=batches(0, 192),
    selection=batches(1000, 1256),
    test=batches(1256, 1797),
    loss=cross_entropy,
    metric=accuracy,
    metric_name="accuracy",
    likelihood="categorical",
)

network = MobileNet()
adam = torch.optim.Adam(network.parameters(), 3e-3)
for _epoch in range(8):
    for x, y in batches(0, 1000):
        adam.zero_grad()
        cross_entropy(network(x), y).backward()
        adam.step()
network.eval()
measured = secateur.measure(network, task, probes=8)

# %%
# A budget instead of an amount
# -----------------------------
#
# ``budget={"macs": 0.4}`` says what may stay at most. Which channels go is still the answer of a
# QUBO, now with a quadratic demand: a convolution costs what it reads times what it gives. Two
# seconds are given to each search, so the last column tells a gap where it is not proven in time.
#
# The control ranks channels by the loss's gradient; it keeps the same budget and is compensated in
# the same way. Nothing is trained afterwards.

control = secateur.Method("taylor", "greedy", name="greedy Taylor")
ours = secateur.Method("fisher", time_limit=2, name="fisher, by QUBO")
tables = [measured.compare([control, ours], budget={"macs": share}) for share in (0.6, 0.4, 0.25)]
print(tables[1])

# %%
# One test digit is 0.18 points, so a difference below one point says nothing.

first = tables[0].rows[0]
figure, axes = plt.subplots(layout="constrained")
axes.axhline(100 * first.metric, color="gray", linewidth=1)
axes.annotate("dense", (25, 100 * first.metric), (0, 3), textcoords="offset points")
said = []
for method, colour, marker in zip([control, ours], ["C2", "C0"], "so", strict=True):
    own = [row for table in tables for row in table.rows if row.method == method.name]
    share = [100 * row.macs / first.macs for row in own]
    percent = [100 * row.metric_compensated for row in own]
    axes.plot(share, percent, color=colour, marker=marker, label=method.name)
    pairs = zip(share, percent, strict=True)
    said.append(f"{method.name} " + ", ".join(f"{p:.1f} at {s:.0f} %" for s, p in pairs))
axes.invert_xaxis()
axes.set(xlabel="multiply–accumulates left (%)", ylabel="accuracy, compensated (%)")
axes.legend(loc="lower left")
figure.set_label(
    "Accuracy in % against the share of multiply–accumulates left, dense "
    f"{100 * first.metric:.1f}: " + "; ".join(said)
)

for table in tables:
    taylor, fisher = (100 * row.metric_compensated for row in table.rows[1:])
    share = table.rows[-1].macs / first.macs
    print(f"{share:.0%} left: {fisher - taylor:+.1f} points beside greedy Taylor")

# %%
# Widths in multiples of eight
# ----------------------------
#
# Kernels work in blocks of channels, and an odd width takes the time of the next whole block. With
# ``multiple=8`` every width is a multiple of 8, or stays as it was.

result = tables[1].last
tidy = measured.prune(ours, budget={"macs": 0.4}, multiple=8)


def widths(result):
    kept = result.channels.keep_by_layer(result.selection.bits == 0)
    return {path: len(indices) for path, indices in kept.items()}


dense = {group.path: group.size for group in measured.channels.groups}
free, eights = widths(result), widths(tidy)
assert all(width % 8 == 0 or width == dense[path] for path, width in eights.items())

figure, axes = plt.subplots(layout="constrained")
places = range(len(dense))
axes.barh(places, dense.values(), fill=False, edgecolor="gray", label="dense")
axes.barh([at - 0.2 for at in places], free.values(), 0.38, color="C0", label="free")
axes.barh([at + 0.2 for at in places], eights.values(), 0.38, color="C1", label="multiples of 8")
axes.set_yticks(places, dense)
axes.invert_yaxis()
axes.set(xlabel="channels")
axes.legend()
figure.set_label(
    "Widths of each set of channels at 40 % of the multiply–accumulates, dense, free and in "
    "multiples of 8: " + ", ".join(f"{p} {dense[p]}, {free[p]}, {eights[p]}" for p in dense)
)

for name, one in (("free", result), ("multiples of 8", tidy)):
    row = one.rows[-1]
    print(f"{name:15} {row.macs / first.macs:.0%} of the MACs, {row.metric_compensated:.1%} right")
