"""
A ResNet: what a sum ties together
==================================

A small ResNet for handwritten digits is pruned by four amounts. A skip adds two layers up, channel
by channel, so these leave together or not at all; the page shows which, what is left of each layer,
and the accuracy beside two controls that no QUBO is needed for.
"""

# %%
# The network
# -----------
#
# Two stages of two blocks. In the first block of a stage the skip has a convolution of its own, in
# the second it is the input itself, as He et al. (2016) have it.

import matplotlib.pyplot as plt
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn.functional import cross_entropy

import secateur


def conv(inputs, outputs, kernel=3, stride=1):
    layer = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False)
    return nn.Sequential(layer, nn.BatchNorm2d(outputs))


class Block(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.first = conv(inputs, outputs, 3, stride)
        self.second = conv(outputs, outputs)
        self.skip = conv(inputs, outputs, 1, stride) if inputs != outputs else nn.Identity()

    def forward(self, x):
        return torch.relu(self.second(torch.relu(self.first(x))) + self.skip(x))


class ResNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = conv(1, 16)
        self.stage1 = nn.Sequential(Block(16, 32, 1), Block(32, 32, 1))
        self.stage2 = nn.Sequential(Block(32, 64, 2), Block(64, 64, 1))
        self.head = nn.Linear(64, 10)

    def forward(self, x):
        x = self.stage2(self.stage1(torch.relu(self.stem(x))))
        return self.head(x.mean((2, 3)))


# %%
# The task
# --------
#
# scikit-learn's digits, 8 by 8 pixels. What is pruned is chosen on the first 192 of those that the
# network was trained on; what is reported comes from 541 that nothing has seen.

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

network = ResNet()
adam = torch.optim.Adam(network.parameters(), 2e-3)
for _epoch in range(6):
    for x, y in batches(0, 1000):
        adam.zero_grad()
        cross_entropy(network(x), y).backward()
        adam.step()
network.eval()

# %%
# Measured once
# -------------
#
# The table has one line for each set of channels that can be chosen. Below it stands what is tied
# to what: with ``tied=True``, which is the default, filters whose outputs are added up are one
# channel, and the smaller network has plain widths. (``tied=False`` lets each of them go by itself
# and puts the rest in place by index, which takes time.)

measured = secateur.measure(network, task, tied=True, probes=8)
print(measured)

# %%
# Half of it goes
# ---------------
#
# Exactly half of the channels. ``compensated`` is the network that you get: what reads the pruned
# channels was re-fitted by least squares, without a label.

half = measured.prune("fisher", amount="50%")
print(half)

# %%
# What is left of each set of channels. A hatched bar stands for layers that a sum ties: they were
# chosen as one.

groups = half.channels.groups
kept = half.channels.keep_by_layer(half.selection.bits == 0)

figure, axes = plt.subplots(layout="constrained")
for row, group in enumerate(groups):
    left, sums = len(kept[group.path]), len(group.tied) > 1
    axes.barh(row, group.size, fill=False, edgecolor="gray")
    axes.barh(row, left, color="C1" if sums else "C0", hatch="//" if sums else None)
    axes.annotate(f" {left} of {group.size}", (group.size, row), va="center")
axes.set_yticks(range(len(groups)), [group.path for group in groups])
axes.invert_yaxis()
axes.set(xlabel="channels that are left", xlim=(0, 80))
figure.set_label(
    "Bars of the channels left in each set, half of all pruned: "
    + ", ".join(f"{g.path} {len(kept[g.path])} of {g.size}" for g in groups)
)

# %%
# More and more of it
# -------------------
#
# Our method beside two controls. ``greedy Taylor`` ranks channels by the loss's gradient and takes
# the least; ``L1`` does so by the weights alone. All three prune the same number, are compensated
# in the same way, and none is trained afterwards.

methods = [
    secateur.Method("l1", "greedy", name="L1"),
    secateur.Method("taylor", "greedy", name="greedy Taylor"),
    secateur.Method("fisher", name="fisher, by QUBO"),
]
amounts = [0.3, 0.5, 0.7, 0.85]
table = measured.compare(methods, amounts)

figure, axes = plt.subplots(layout="constrained")
dense, *rows = table.rows
axes.axhline(100 * dense.metric, color="gray", linewidth=1)
axes.annotate("dense", (30, 100 * dense.metric), (0, 3), textcoords="offset points")
for method, colour, marker in zip(methods, ["C3", "C2", "C0"], "^so", strict=True):
    own = [row for row in rows if row.method == method.name]
    share, percent = [100 * r.amount for r in own], [100 * r.metric_compensated for r in own]
    axes.plot(share, percent, color=colour, marker=marker, label=method.name)
axes.set(xlabel="channels pruned (%)", ylabel="accuracy, compensated (%)")
axes.legend(loc="lower left")
figure.set_label(
    "Accuracy in % against the share of channels pruned, dense "
    f"{100 * dense.metric:.1f}: "
    + "; ".join(f"{r.method} {100 * r.metric_compensated:.1f} at {r.amount:.0%}" for r in rows)
)

# %%
# One test digit is 0.18 points, so a difference below one point says nothing. In points, beside
# each of the controls:

for amount in amounts:
    own = {r.method: 100 * r.metric_compensated for r in rows if abs(r.amount - amount) < 0.01}
    ours = own.pop("fisher, by QUBO")
    beside = ", ".join(f"{ours - other:+.1f} beside {name}" for name, other in own.items())
    print(f"{amount:.0%} pruned: {beside}")
