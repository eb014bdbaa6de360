"""Training: the same result however often it is stopped, and nothing half-written."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest
import torch
from click.testing import CliRunner
from PIL import Image
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import nn

from secateur.cli.train import train
from secateur.errors import FileError, OptionError
from secateur.tasks.denoising import denoising_task
from secateur.tasks.photographs import Photographs
from secateur.zoo import train as training
from secateur.zoo.crops import Simulated, training_crops
from secateur.zoo.train import Recipe, train_network

TINY = Recipe("halfunet", width=4, levels=2, steps=6, batch=2, patch=16, settled=0.5)


def picture(seed: int) -> torch.Tensor:
    return torch.rand(3, 140, 300, generator=torch.Generator().manual_seed(seed))


PHOTOGRAPHS = Photographs((picture(1), picture(2)), (picture(3),), (picture(4),), source="random")


def interrupted_at(step: int, monkeypatch: pytest.MonkeyPatch) -> None:
    real = training._step

    def stop(recipe, network, optimizer, crops, at):
        if at == step:
            raise KeyboardInterrupt
        return real(recipe, network, optimizer, crops, at)

    monkeypatch.setattr(training, "_step", stop)


def test_a_run_leaves_weights_and_what_made_them(tmp_path):
    about = train_network(TINY, PHOTOGRAPHS, tmp_path / "run", save_every=4, command="me")
    assert sorted(p.name for p in (tmp_path / "run").iterdir()) == [
        "halfunet.json",
        "halfunet.safetensors",
    ]
    assert json.loads((tmp_path / "run" / "halfunet.json").read_text()) == about
    assert [point["step"] for point in about["curve"]] == [4, 6]
    assert about["command"] == "me"
    assert {"python", "torch", "numpy", "machine"} <= about["versions"].keys()
    network = TINY.build()
    network.load_state_dict(load_file(tmp_path / "run" / "halfunet.safetensors"))
    task = denoising_task(PHOTOGRAPHS)
    assert training.mean_psnr(network, task, "test") == pytest.approx(about["psnr"], abs=1e-3)


@pytest.mark.parametrize("step", [0, 1, 2, 3, 5])
def test_a_resumed_run_is_the_uninterrupted_one(tmp_path, monkeypatch, step):
    """Stopped before, at and after a saved state, in both halves of the batch norm."""
    train_network(TINY, PHOTOGRAPHS, tmp_path / "whole", save_every=2)
    with monkeypatch.context() as patch:
        interrupted_at(step, patch)
        with pytest.raises(KeyboardInterrupt):
            train_network(TINY, PHOTOGRAPHS, tmp_path / "cut", save_every=2)
    assert [p.name for p in (tmp_path / "cut").iterdir()] == ["state.safetensors"]
    train_network(TINY, PHOTOGRAPHS, tmp_path / "cut", save_every=2, resume=True)
    whole, cut = (load_file(tmp_path / name / "halfunet.safetensors") for name in ("whole", "cut"))
    for name, tensor in whole.items():
        assert torch.equal(tensor, cut[name]), name
    curves = [
        json.loads((tmp_path / name / "halfunet.json").read_text())["curve"]
        for name in ("whole", "cut")
    ]
    assert curves[0] == curves[1]


def test_the_seed_and_nothing_else_decides(tmp_path):
    runs = {}
    for name, seed in (("one", 0), ("same", 0), ("other", 1)):
        torch.rand(3)  # the global generator must not matter, nor be moved
        before = torch.get_rng_state()
        train_network(replace(TINY, seed=seed), PHOTOGRAPHS, tmp_path / name)
        assert torch.equal(before, torch.get_rng_state())
        runs[name] = (tmp_path / name / "halfunet.safetensors").read_bytes()
    assert runs["one"] == runs["same"]
    assert runs["one"] != runs["other"]


def test_batch_norm_settles():
    network = TINY.build()
    optimizer = torch.optim.Adam(network.parameters())
    norm = next(m for m in network.modules() if isinstance(m, nn.BatchNorm2d))
    for step, moves in ((0, True), (2, True), (3, False), (5, False)):
        before = norm.running_mean.clone(), norm.weight.detach().clone()
        training._step(TINY, network, optimizer, Simulated(PHOTOGRAPHS), step)
        assert torch.equal(before[0], norm.running_mean) != moves
        assert not torch.equal(before[1], norm.weight)


def test_the_loss_falls(tmp_path):
    recipe = replace(TINY, width=8, steps=60, batch=4, learning_rate=5e-3)
    flat = Photographs(
        (torch.full((3, 140, 300), 0.5),) * 2, PHOTOGRAPHS.calibration, PHOTOGRAPHS.test, "flat"
    )
    curve = train_network(recipe, flat, tmp_path / "run", save_every=5)["curve"]
    assert curve[-1]["loss"] < curve[0]["loss"] - 1.0


def test_the_rate_warms_up_and_falls_to_nothing():
    recipe = replace(TINY, steps=1000, learning_rate=0.01)
    assert recipe.rate(0) == pytest.approx(0.01 / 20)
    assert recipe.rate(19) == pytest.approx(0.01)
    assert recipe.rate(20 + 490) == pytest.approx(0.005)
    assert recipe.rate(999) < 1e-6
    assert max(recipe.rate(step) for step in range(1000)) <= 0.01


def test_crops_are_seeded_in_range_and_some_are_saturated():
    crops, same, other = (
        training_crops(PHOTOGRAPHS.train, 64, 16, torch.Generator().manual_seed(s))
        for s in (0, 0, 1)
    )
    assert crops.shape == (64, 3, 16, 16)
    assert torch.equal(crops, same)
    assert not torch.equal(crops, other)
    assert crops.min() >= 0
    assert crops.max() <= 1
    means = crops.mean((2, 3))
    assert 4 <= int((means.amin(1) < 0.2 * means.amax(1)).sum()) <= 40


def test_an_existing_folder_is_left_alone(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("precious")
    with pytest.raises(FileError, match="mine exists already"):
        train_network(TINY, PHOTOGRAPHS, tmp_path / "mine")
    assert [p.name for p in (tmp_path / "mine").iterdir()] == ["notes.txt"]


def stopped_run(folder, monkeypatch):
    with monkeypatch.context() as patch:
        interrupted_at(3, patch)
        with pytest.raises(KeyboardInterrupt):
            train_network(TINY, PHOTOGRAPHS, folder, save_every=2)
    return folder / "state.safetensors"


def resume(folder, recipe=TINY, photographs=PHOTOGRAPHS):
    return train_network(recipe, photographs, folder, resume=True)


def test_only_the_same_run_is_resumed(tmp_path, monkeypatch):
    with pytest.raises(FileError, match="there is no"):
        resume(tmp_path / "nowhere")
    stopped_run(tmp_path / "run", monkeypatch)
    with pytest.raises(FileError, match="steps was 6 and is 7"):
        resume(tmp_path / "run", replace(TINY, steps=7))
    with pytest.raises(FileError, match="photographs was random and is others"):
        resume(tmp_path / "run", photographs=replace(PHOTOGRAPHS, source="others"))


def test_a_damaged_state_is_named(tmp_path, monkeypatch):
    state = stopped_run(tmp_path / "run", monkeypatch)
    whole = state.read_bytes()
    with safe_open(state, "pt") as file:
        about = file.metadata()
    for damaged in (b"", whole[:100], whole[: len(whole) // 2], b"x" * 1000):
        state.write_bytes(damaged)
        with pytest.raises(FileError, match=r"state\.safetensors is corrupt"):
            resume(tmp_path / "run")
    state.write_bytes(whole)
    tensors = load_file(state)
    for metadata in (None, {"about": "{}"}, {"about": "["}):
        save_file(tensors, state, metadata)
        with pytest.raises(FileError, match=r"state\.safetensors is corrupt"):
            resume(tmp_path / "run")
    del tensors["network.head.weight"]
    save_file(tensors, state, about)
    with pytest.raises(FileError, match="does not hold the whole state"):
        resume(tmp_path / "run")


def test_an_interrupted_write_keeps_the_old_file(tmp_path):
    file = tmp_path / "file"
    file.write_text("old")

    def write(path: str) -> None:
        with open(path, "w") as draft:  # noqa: PTH123
            draft.write("half of the n")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        training._atomically(file, write)
    assert file.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"width": 0}, "width is 0"),
        ({"steps": -1}, "steps is -1"),
        ({"patch": 18}, "patch is 18, no multiple of 4"),
        ({"learning_rate": 0.0}, r"learning_rate is 0\.0"),
        ({"learning_rate": math.nan}, "learning_rate is nan"),
        ({"seed": -1}, "seed is -1"),
        ({"settled": 1.5}, r"settled is 1\.5"),
    ],
)
def test_bad_options_are_named(options, message):
    with pytest.raises(OptionError, match=message):
        replace(TINY, **options)


def test_the_command_records_how_to_repeat_it(tmp_path, monkeypatch):
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(3):
        pixels = (picture(number) * 255).byte().movedim(0, -1).numpy()
        Image.fromarray(pixels).save(folder / f"{number}.png")
    options = "--width 4 --levels 2 --steps 2 --batch 2 --patch 16 --no-batch-norm"
    monkeypatch.chdir(tmp_path)
    arguments = ["halfunet", "--output", "run", *options.split(), "--photos", "photos"]
    threads = torch.get_num_threads()
    try:
        result = CliRunner().invoke(train, arguments, catch_exceptions=False)
        assert result.exit_code == 0
        assert "dB denoised" in result.output
        about = json.loads((tmp_path / "run" / "halfunet.json").read_text())
        command = about["command"].split()
        assert command[:5] == ["secateur", "train", "halfunet", "--output", "run"]
        again = [*command[2:4], "again", *command[5:], "--json"]
        repeated = CliRunner().invoke(train, again, catch_exceptions=False)
    finally:
        torch.set_num_threads(threads)
    assert json.loads(repeated.stdout)["recipe"] == about["recipe"]
    files = [tmp_path / name / "halfunet.safetensors" for name in ("run", "again")]
    assert files[0].read_bytes() == files[1].read_bytes()
