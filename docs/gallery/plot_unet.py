"""
A U-Net: channels that a concatenation takes along
==================================================

A small U-Net tells discs from squares, pixel by pixel. Its skips are concatenated, so a channel of
an encoder is read in two places, at other positions in the second; both are cut. The page shows
inputs, truth and what the smaller network gives for them.
"""

# %%
# The network
# -----------
#
# Two levels (Ronneberger et al. 2015).

import matplotlib.pyplot as plt
import torch
from matplotlib.colors import ListedColormap
from torch import nn
from torch.nn.functional import cross_entropy, interpolate, max_pool2d

import secateur


def double(inputs, outputs):
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, padding=1), nn.BatchNorm2d(outputs), nn.ReLU(),
        nn.Conv2d(outputs, outputs, 3, padding=1), nn.BatchNorm2d(outputs), nn.ReLU(),
    )  # fmt: skip


class UNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.down1, self.down2, self.bottom = double(1, 12), double(12, 24), double(24, 48)
        self.up2, self.up1 = double(48 + 24, 24), double(24 + 12, 12)
        self.head = nn.Conv2d(12, 3, 1)

    def forward(self, x):
        fine = self.down1(x)
        middle = self.down2(max_pool2d(fine, 2))
        x = self.bottom(max_pool2d(middle, 2))
        x = self.up2(torch.cat([interpolate(x, scale_factor=2.0), middle], 1))
        x = self.up1(torch.cat([interpolate(x, scale_factor=2.0), fine], 1))
        return self.head(x)


# %%
# The task
# --------
#
# Discs and squares of any brightness, some darker than the noise around them, on 24 by 24 pixels.
# The metric is the share of what either the truth or the network calls a shape on which both agree:
# intersection over union.

rows, columns = torch.meshgrid(torch.arange(24.0), torch.arange(24.0), indexing="ij")


def shapes(number, seed):
    drawn = torch.Generator().manual_seed(seed)
    images, classes = [], []
    for _ in range(number):
        image, label = torch.zeros(24, 24), torch.zeros(24, 24, dtype=torch.long)
        for kind in (1, 2, 1):
            y, x = 3 + 18 * torch.rand(2, generator=drawn)
            radius = 2.5 + 3 * torch.rand((), generator=drawn)
            dy, dx = (rows - y).abs(), (columns - x).abs()
            inside = dy**2 + dx**2 < radius**2 if kind == 1 else torch.maximum(dy, dx) < radius
            image[inside] = 0.4 + 0.6 * torch.rand((), generator=drawn)
            label[inside] = kind
        images.append(image + 0.3 * torch.randn(24, 24, generator=drawn))
        classes.append(label)
    return torch.stack(images)[:, None], torch.stack(classes)


def batches(number, seed):
    images, classes = shapes(number, seed)
    return list(zip(images.split(16), classes.split(16), strict=True))


def loss(outputs, targets):
    return cross_entropy(outputs, targets, reduction="none").mean((1, 2))


def overlap(outputs, targets):
    found = outputs.argmax(1)
    both = ((found == targets) & (targets > 0)).sum((1, 2))
    either = ((found > 0) | (targets > 0)).sum((1, 2))
    return both / either


task = secateur.Task(
    calibration=batches(64, 1),
    selection=batches(32, 2),
    test=batches(64, 3),
    loss=loss,
    metric=overlap,
    metric_name="overlap",
    likelihood="categorical",
)

torch.manual_seed(0)
network = UNet()
adam = torch.optim.Adam(network.parameters(), 3e-3)
training = batches(512, 0)
for _epoch in range(8):
    for x, y in training:
        adam.zero_grad()
        loss(network(x), y).mean().backward()
        adam.step()
network.eval()
measured = secateur.measure(network, task, probes=4)

# %%
# More and more of it
# -------------------
#
# Our method beside the plainest control, channels ranked by the loss's gradient. Both are
# compensated, and neither is trained afterwards.

methods = [
    secateur.Method("taylor", "greedy", name="greedy Taylor"),
    secateur.Method("fisher", name="fisher, by QUBO"),
]
table = measured.compare(methods, [0.3, 0.5, 0.65])
print(table)

# %%
# In points of overlap, with the sign that came out. With 64 test images a difference below one
# point says nothing.

for share in (0.3, 0.5, 0.65):
    control, ours = (row for row in table.rows[1:] if abs(row.amount - share) < 0.01)
    gain = 100 * (ours.metric_compensated - control.metric_compensated)
    print(f"{share:.0%} pruned: {gain:+.1f} points beside greedy Taylor")

# %%
# What it looks like
# ------------------
#
# Three test images, and what three networks call a disc and a square: the dense one, and at half of
# the channels the control and ours.

half = {
    row.method: one.network for row, one in zip(table.rows[3:5], table.results[2:4], strict=True)
}
images, truth = shapes(3, 4)
with torch.no_grad():
    found = {"dense": network(images).argmax(1)}
    found |= {name: smaller(images).argmax(1) for name, smaller in half.items()}
shown = {"image": images[:, 0], "truth": truth, **found}
agreements = {
    name: float(((one == truth) & (truth > 0)).sum() / ((one > 0) | (truth > 0)).sum())
    for name, one in found.items()
}

# nothing is transparent, so a shape has the same colour on a light and on a dark page
colours = ListedColormap([(0, 0, 0, 0), "#0f9d6b", "#c2710c"])
figure, axes = plt.subplots(3, len(shown), figsize=(4.8, 3.2), layout="constrained")
for column, (name, pictures) in enumerate(shown.items()):
    axes[0, column].set_title(name.replace(", ", ",\n").replace(" T", "\nT"), fontsize=9)
    for row, picture in enumerate(pictures):
        panel = axes[row, column]
        panel.set(xticks=[], yticks=[])
        panel.grid(False)
        panel.spines[:].set_visible(True)
        if name == "image":
            panel.imshow(picture, cmap="gray")
        else:
            panel.imshow(picture, cmap=colours, vmin=0, vmax=2)
figure.set_label(
    "Three noisy images with discs and squares, the truth, and what the dense network, greedy "
    "Taylor's and ours with half of the channels find: discs green, squares orange; overlap of the "
    "three images together "
    + ", ".join(f"{name} {agreed:.2f}" for name, agreed in agreements.items())
)
