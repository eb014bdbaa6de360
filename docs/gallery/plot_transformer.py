"""
A transformer: heads, hidden neurons, and the width of the stream
=================================================================

A small vision transformer for handwritten digits. Whole heads and neurons of its perceptrons leave
like filters do. Its layer norms hold the width of the residual stream, unless they are told to be
taken over what is kept: the page shows what ``norm_over`` changes.
"""

# %%
# The network
# -----------
#
# Sixteen tokens of 2 by 2 pixels, two layers, four heads of eight; each branch is normed before it
# (Dosovitskiy et al. 2021). The tokens' mean is read.

import matplotlib.pyplot as plt
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn.functional import cross_entropy, scaled_dot_product_attention

import secateur


class Attention(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads, self.each = heads, width // heads
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)

    def forward(self, x):
        batch, tokens, _ = x.shape
        made = self.qkv(x).reshape(batch, tokens, 3, self.heads, self.each)
        query, key, value = made.permute(2, 0, 3, 1, 4).unbind(0)
        mixed = scaled_dot_product_attention(query, key, value)
        return self.out(mixed.transpose(1, 2).flatten(2))


class Layer(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = Attention(width, heads)
        self.mlp = nn.Sequential(nn.Linear(width, 128), nn.GELU(), nn.Linear(128, width))

    def forward(self, x):
        x = x + self.attention(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class Transformer(nn.Module):
    def __init__(self, width=32, heads=4):
        super().__init__()
        self.tokens = nn.Conv2d(1, width, 2, stride=2)
        self.position = nn.Parameter(torch.randn(1, 16, width) * 0.1)
        self.layers = nn.Sequential(*(Layer(width, heads) for _ in range(2)))
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, 10)

    def forward(self, x):
        x = self.tokens(x).flatten(2).transpose(1, 2) + self.position
        return self.head(self.norm(self.layers(x)).mean(1))


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
    calibration=batches(0, 128),
    selection=batches(1000, 1256),
    test=batches(1256, 1797),
    loss=cross_entropy,
    metric=accuracy,
    metric_name="accuracy",
    likelihood="categorical",
)

network = Transformer()
adam = torch.optim.AdamW(network.parameters(), 3e-3)
for _epoch in range(20):
    for x, y in batches(0, 1000):
        adam.zero_grad()
        cross_entropy(network(x), y).backward()
        adam.step()
network.eval()

# %%
# What can leave
# --------------
#
# One channel is a neuron of a perceptron, or a whole head: its slices of the queries, keys, values
# and of the projection behind go together. The stream itself stays, because with
# ``norm_over="all"`` a layer norm counts the zeros of pruned channels, which the smaller network
# would not have.

whole = secateur.measure(network, task, norm_over="all", probes=8)
print(whole)

# %%
# With ``norm_over="kept"`` the statistics are taken over the channels that are kept. The cut is
# still exact, of another function, and the stream can be pruned too.

kept = secateur.measure(network, task, norm_over="kept", probes=8)
print(kept)

# %%
# The same budgets for both
# -------------------------
#
# A head has many times the parameters of a neuron, so budgets of parameters say more than counts.
# One second is given to each search. The control ranks channels by the loss's gradient, keeps the
# same budgets, and is compensated in the same way; nothing is trained afterwards.

taylor = secateur.Method("taylor", "greedy", name="greedy Taylor, all")
every = secateur.Method("fisher", time_limit=1, name="fisher, all")
free = secateur.Method("fisher", time_limit=1, name="fisher, kept")
shares = (0.7, 0.5, 0.35)
tables = [
    (
        whole.compare([taylor, every], budget={"params": share}),
        kept.compare([free], budget={"params": share}),
    )
    for share in shares
]
for one in tables[2]:
    print(one)

# %%
# One test digit is 0.18 points.

dense = tables[0][0].rows[0]
figure, axes = plt.subplots(layout="constrained")
axes.axhline(100 * dense.metric, color="gray", linewidth=1)
axes.annotate("dense", (35, 100 * dense.metric), (0, 3), textcoords="offset points")
said = []
for method, style in ((taylor, "C2s--"), (every, "C0o-"), (free, "C1D-.")):
    own = [row for both in tables for one in both for row in one.rows if row.method == method.name]
    share = [100 * row.parameters / dense.parameters for row in own]
    percent = [100 * row.metric_compensated for row in own]
    axes.plot(share, percent, style, label=method.name)
    pairs = zip(share, percent, strict=True)
    said.append(f"{method.name}: " + ", ".join(f"{p:.1f} at {s:.0f} %" for s, p in pairs))
axes.invert_xaxis()
axes.set(xlabel="parameters left (%)", ylabel="accuracy, compensated (%)")
axes.legend(loc="lower left")
figure.set_label(
    f"Accuracy in % against the share of parameters left, dense {100 * dense.metric:.1f}; "
    + "; ".join(said)
)
print("\n".join(said))

# %%
# What is left of each at 35 % of the parameters, in numbers beside the bars.

groups = {group.path: group.size for group in kept.channels.groups}


def widths(result):
    left = result.channels.keep_by_layer(result.selection.bits == 0)
    return [len(left.get(path, range(size))) for path, size in groups.items()]


figure, axes = plt.subplots(layout="constrained")
places = range(len(groups))
lines = []
for shift, one, colour, name in (
    (-0.2, tables[2][0].last, "C0", "all"),
    (0.2, tables[2][1].last, "C1", "kept"),
):
    left = widths(one)
    percent = [100 * n / size for n, size in zip(left, groups.values(), strict=True)]
    axes.barh([at + shift for at in places], percent, 0.38, color=colour, label=name)
    for at, n, p in zip(places, left, percent, strict=True):
        axes.annotate(f" {n}", (p, at + shift), va="center", fontsize=9)
    pairs = zip(groups, left, strict=True)
    lines.append(f"{name}: " + ", ".join(f"{path} {n} of {groups[path]}" for path, n in pairs))
short = [path.replace("layers.", "").replace("attention.qkv", "heads") for path in groups]
axes.set_yticks(places, short)
axes.invert_yaxis()
axes.set(xlabel="channels left (%)", xlim=(0, 115))
axes.legend(title="norm_over", loc="lower right")
figure.set_label("Heads, neurons and stream left at 35 % of the parameters, " + "; ".join(lines))
