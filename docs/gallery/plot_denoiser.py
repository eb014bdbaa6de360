"""
A denoiser: what compensation and recovery bring back
=====================================================

The small Half-UNet that comes with secateur loses three quarters of its channels. The page shows
the same photograph from four networks: dense, with the channels merely removed, compensated, and
recovered. After the first training nothing is fitted to, or trained on, a clean picture.
"""

# %%
# The network and its task
# ------------------------
#
# Two levels of 3 by 3 convolutions, the features of both summed (Lu et al. 2022), trained on
# photographs inside the packages scikit-image and scikit-learn, with noise as a phone's camera
# makes it. ``denoising_task`` cuts calibration, selection and test from different photographs.

import matplotlib.pyplot as plt
import torch

import secateur
from secateur.tasks import denoising_task
from secateur.zoo import pretrained_small_halfunet

torch.manual_seed(0)
network = pretrained_small_halfunet()
task = denoising_task(patches=48, unlabelled=192, selection_patches=16, test_patches=8)
measured = secateur.measure(network, task, probes=4, measure_batches=2)
print(measured)

# %%
# Three quarters go
# -----------------
#
# The same objective twice. ``compensated`` is after what reads the pruned channels was re-fitted by
# least squares; ``recover="distil"`` trains the smaller network for a moment towards what the dense
# one gives for the same noisy pictures. Neither learns from a clean picture. Greedy Taylor, which
# ranks by the loss's gradient, is the control.

methods = [
    secateur.Method("taylor", "greedy", name="greedy Taylor"),
    secateur.Method("fisher", name="fisher"),
    secateur.Method(
        "fisher", recover="distil", recover_options={"steps": 120}, name="fisher, distilled"
    ),
]
table = measured.compare(methods, "75%")
print(table)

# %%
# What it looks like
# ------------------
#
# A part of a test photograph, noisy, and as each network gives it back. The numbers are the peak
# signal-to-noise ratios of just this part, in dB.

taylor, ours, distilled = (one for one in table.results)
noisy, clean = next(iter(task.test))
pictures = {"noisy": noisy[1:2], "dense": network(noisy[1:2])}
pictures["greedy Taylor, compensated"] = taylor.network(noisy[1:2])
pictures["fisher, compensated"] = ours.network(noisy[1:2])
pictures["fisher, recovered"] = distilled.network(noisy[1:2])
pictures["clean"] = clean[1:2]

figure, panels = plt.subplots(3, 2, figsize=(4.8, 7.4), layout="constrained")
said = []
for panel, (name, picture) in zip(panels.flat, pictures.items(), strict=True):
    picture = picture.detach().clamp(0, 1)
    error = (picture - clean[1:2]).square().mean()
    title = name if name == "clean" else f"{name}\n{-10 * error.log10():.1f} dB"
    panel.set_title(title, fontsize=10)
    panel.imshow(picture[0].permute(1, 2, 0))
    panel.axis("off")
    said.append(title.replace("\n", " "))
figure.set_label("The same part of a photograph six times: " + "; ".join(said))

# %%
# On all test crops
# -----------------
#
# What the channels' removal costs, and what each step brings back.

dense, *rows = table.rows
bars = {f"{row.method.split(',')[0]}, removed": row.metric for row in rows[:2]}
bars |= {f"{row.method}, compensated": row.metric_compensated for row in rows[:2]}
bars |= {"fisher, recovered": rows[2].metric_recovered, "dense": dense.metric}

figure, axes = plt.subplots(figsize=(4.8, 2.8), layout="constrained")
colours = ["C2", "C0", "C2", "C0", "C0", "gray"]
axes.barh(range(len(bars)), bars.values(), color=colours)
for row, value in enumerate(bars.values()):
    axes.annotate(f" {value:.1f}", (value, row), va="center")
axes.set_yticks(range(len(bars)), bars)
axes.invert_yaxis()
axes.set(xlabel="PSNR on the test crops (dB)", xlim=(20, 1.08 * max(bars.values())))
figure.set_label("PSNR in dB: " + ", ".join(f"{name} {db:.1f}" for name, db in bars.items()))
