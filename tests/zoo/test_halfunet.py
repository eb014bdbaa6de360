"""The example network: its shape, its channels, and the checkpoint that comes along."""

from __future__ import annotations

import json

import pytest
import torch
from torch import nn

import secateur.zoo as zoo
from secateur.errors import FileError
from secateur.network import find_channels
from secateur.tasks.denoising import denoising_task
from secateur.zoo import HalfUNet, halfunet, pretrained_halfunet
from secateur.zoo.train import mean_psnr


def convolutions(network: nn.Module) -> list[nn.Conv2d]:
    return [module for module in network.modules() if isinstance(module, nn.Conv2d)]


def test_the_default_has_480_filters_besides_its_head():
    *filters, head = convolutions(HalfUNet())
    assert [convolution.out_channels for convolution in filters] == [48] * 10
    assert head.out_channels == 12
    assert all(convolution.bias is None for convolution in filters)
    assert head.bias is not None


@pytest.mark.parametrize(
    ("options", "size"),
    [
        ({}, (16, 32)),
        ({"levels": 1, "unshuffle": 1}, (5, 7)),
        ({"levels": 3, "unshuffle": 1, "channels": 1}, (8, 12)),
        ({"levels": 2, "unshuffle": 4, "batch_norm": False}, (16, 8)),
    ],
)
def test_the_output_has_the_shape_of_the_input(options, size):
    network = HalfUNet(width=6, **options).eval()
    image = torch.rand(2, options.get("channels", 3), *size)
    assert network(image).shape == image.shape
    assert all(c.out_channels == 6 for c in convolutions(network)[:-1])


def test_the_predicted_noise_is_subtracted():
    network = HalfUNet(width=4, levels=2).eval()
    nn.init.zeros_(network.head.weight)
    nn.init.constant_(network.head.bias, 0.25)
    image = torch.rand(1, 3, 8, 8)
    torch.testing.assert_close(network(image), image - 0.25)


def test_every_level_adds_to_the_sum():
    """A level that is left out of the sum would have no gradient."""
    network = HalfUNet(width=4, levels=4)
    network(torch.rand(2, 3, 32, 32)).square().mean().backward()
    for convolution in convolutions(network):
        assert convolution.weight.grad is not None
        assert convolution.weight.grad.abs().max() > 0


def test_without_batch_norm_convolutions_have_a_bias():
    network = HalfUNet(width=4, batch_norm=False)
    assert not any(isinstance(module, nn.BatchNorm2d) for module in network.modules())
    assert all(convolution.bias is not None for convolution in convolutions(network))


def test_480_channels_go_by_themselves_and_336_with_what_they_are_added_to():
    network, image = HalfUNet().eval(), torch.rand(1, 3, 32, 32)
    levels = [f"encoder.{level}.1.0" for level in range(4)]
    tied = find_channels(network, image)
    assert [group.size for group in tied.groups] == [48] * 7
    assert [group.tied for group in tied.groups if len(group.tied) > 1] == [tuple(levels)]
    alone = find_channels(network, image, tied=False)
    assert [group.size for group in alone.groups] == [48] * 10
    assert [path for path, _ in tied.stands] == [path for path, _ in alone.stands] == ["head"]
    # a channel of the sum leaves with the four that it is made of
    assert len(alone.streams) == 48
    labels = [alone.labels[k] for k in alone.streams[7]]
    assert labels == [f"{level}:7" for level in levels]


@pytest.mark.parametrize("name", ["width", "levels", "unshuffle", "channels"])
def test_nothing_of_it_can_be_zero(name):
    with pytest.raises(ValueError, match="at least 1"):
        HalfUNet(**{name: 0})


def test_the_checkpoint_gains_six_decibels_on_the_test_photographs():
    network = pretrained_halfunet()
    assert not network.training
    task = denoising_task()
    noisy, denoised = (mean_psnr(n, task, "test") for n in (nn.Identity(), network))
    assert denoised >= noisy + 6.0
    about = json.loads((zoo._CHECKPOINT / "halfunet.json").read_text())
    # other processors round differently; the figures are of this file
    assert denoised == pytest.approx(about["psnr"], abs=0.02)
    assert noisy == pytest.approx(about["psnr_noisy"], abs=0.02)
    assert about["parameters"] == sum(p.numel() for p in network.parameters())
    assert (zoo._CHECKPOINT / "halfunet.safetensors").stat().st_size < 1_000_000


def test_no_test_crop_comes_out_worse_than_it_went_in():
    """Saturated colours once did, by 17 dB."""
    task, network = denoising_task(), pretrained_halfunet()
    with torch.no_grad():
        gains = torch.cat(
            [
                task.metrics(network(*b.call.args), b.targets)
                - task.metrics(b.call.args[0], b.targets)
                for b in task.batches("test")
            ]
        )
    assert gains.min() > 1.0


def test_the_factory_is_of_the_checkpoint_s_architecture_and_untrained():
    new, trained = halfunet().state_dict(), pretrained_halfunet().state_dict()
    assert {k: v.shape for k, v in new.items()} == {k: v.shape for k, v in trained.items()}
    assert not torch.equal(new["head.weight"], trained["head.weight"])


@pytest.fixture
def checkpoint(tmp_path, monkeypatch):
    """A copy of the checkpoint that a test may damage."""
    for name in ("halfunet.json", "halfunet.safetensors"):
        (tmp_path / name).write_bytes((zoo._CHECKPOINT / name).read_bytes())
    monkeypatch.setattr(zoo, "_CHECKPOINT", tmp_path)
    return tmp_path


def test_a_truncated_checkpoint_is_a_file_error(checkpoint):
    file = checkpoint / "halfunet.safetensors"
    file.write_bytes(file.read_bytes()[:5000])
    with pytest.raises(FileError, match=r"halfunet\.safetensors"):
        pretrained_halfunet()


def test_a_missing_checkpoint_is_a_file_error(checkpoint):
    (checkpoint / "halfunet.safetensors").unlink()
    with pytest.raises(FileError, match=r"halfunet\.safetensors"):
        pretrained_halfunet()


@pytest.mark.parametrize("text", ["{", "{}", '{"recipe": {"width": 48}}', '{"recipe": 3}', "[]"])
def test_a_damaged_description_is_a_file_error(checkpoint, text):
    (checkpoint / "halfunet.json").write_text(text)
    with pytest.raises(FileError, match=r"halfunet\.json is missing or corrupt"):
        halfunet()
