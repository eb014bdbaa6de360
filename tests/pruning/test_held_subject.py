"""What is looked at before any data are measured, and the short door."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import secateur
from secateur.errors import DataError, NetworkError, OptionError
from secateur.methods import Measuring, Method
from secateur.pruning.subject import look_at
from tests.end_to_end.own import deep, task, wrong_shape


def test_a_bare_network_and_its_channels():
    network = deep()
    subject = look_at(network, task(), Measuring(ignored=("fc",)))
    assert subject.network is network
    assert (subject.origin, subject.notes) == (None, ())
    assert [group.name for group in subject.channels.groups] == ["stem.0", "inner.0"]
    assert subject.example.args[0].shape[0] == 1
    wrapped = look_at(nn.DataParallel(network), task(), Measuring())
    assert wrapped.network is network
    assert len(wrapped.notes) == 1
    untied = look_at(network, task(), Measuring(tied=False))
    assert len(untied.channels) == len(wrapped.channels) + 8


def test_a_result_is_looked_at_under_the_dense_labels():
    result = secateur.prune(deep(), task(), "l1", amount=6, probes=0)
    subject = look_at(result, task(), Measuring())
    assert subject.network is result.network
    assert subject.origin is result.origin
    left = [label for label in result.channels.labels if label not in result.selection.ones]
    labels = [label for label in left if left_of(left, label) > 1]  # the last of a layer stays
    assert list(subject.channels.labels) == labels


def left_of(labels, label):
    path = label.split(":")[0]
    return sum(one.split(":")[0] == path for one in labels)


def test_what_cannot_be_run_is_told():
    with pytest.raises(DataError):
        look_at(deep(), wrong_shape(), Measuring())
    with pytest.raises(NetworkError, match=r"'no\.such' is no module"):
        look_at(deep(), task(), Measuring(ignored=("no.such",)))


@pytest.mark.parametrize("methods", [["l1"], ["l1", "taylor"]])
def test_the_short_door_is_the_long_one(methods):
    torch.manual_seed(1)
    before = torch.get_rng_state()
    short = secateur.compare(deep(), task(), methods, amount=5, probes=0, seed=2)
    assert torch.equal(torch.get_rng_state(), before)
    long = secateur.measure(deep(), task(), probes=0, seed=2).compare(methods, 5)
    assert [row.method for row in short.rows] == ["dense", *methods]
    assert short.selection.ones == long.last.selection.ones
    assert short.seed == 2
    alone = secateur.prune(deep(), task(), Method(methods[-1]), amount=5, probes=0, seed=2)
    assert alone.selection.ones == short.selection.ones


def test_a_seed_given_twice_is_told_before_the_network_is_run(monkeypatch):
    monkeypatch.setattr("secateur.pipeline.look_at", pytest.fail)
    with pytest.raises(OptionError, match="seed is given twice: 3, and 1"):
        secateur.prune(
            deep(), task(), "l1", amount=2, backend="annealing", options={"seed": 1}, seed=3
        )
