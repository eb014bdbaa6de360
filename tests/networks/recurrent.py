"""Recurrent networks: the hidden size of all layers and directions is one."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from secateur.network.call import Call
from tests.networks.registry import images, network, sequences, series, tokens


class Last(nn.Module):
    """A linear layer, a recurrent one, its last output, a linear layer."""

    def __init__(self, kind: type[nn.RNNBase], width: int, **options: Any) -> None:
        super().__init__()
        self.before = nn.Linear(4, 8)
        self.cells = kind(8, 6, batch_first=True, **options)
        self.out = nn.Linear(width, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.cells(torch.tanh(self.before(x)))[0][:, -1])


@network("lstm", sequences(4), groups=(8, 6))
def lstm() -> nn.Module:
    return Last(nn.LSTM, 6)


@network("gru", sequences(4), groups=(8, 6))
def gru() -> nn.Module:
    return Last(nn.GRU, 6)


@network("elman network", sequences(4), groups=(8, 6))
def elman() -> nn.Module:
    return Last(nn.RNN, 6)


@network("elman network with relu, two layers", sequences(4), groups=(8, 6))
def elman_relu() -> nn.Module:
    return Last(nn.RNN, 6, nonlinearity="relu", num_layers=2)


@network("lstm without bias", sequences(4), groups=(8, 6))
def lstm_without_bias() -> nn.Module:
    return Last(nn.LSTM, 6, bias=False)


@network("lstm, two layers, both directions", sequences(4), groups=(8, 6))
def lstm_both() -> nn.Module:
    return Last(nn.LSTM, 12, num_layers=2, bidirectional=True, dropout=0.2)


@network("gru, two layers, both directions", sequences(4), groups=(8, 6))
def gru_both() -> nn.Module:
    return Last(nn.GRU, 12, num_layers=2, bidirectional=True)


@network("lstm with projection", sequences(4), onnx=False)
def lstm_projected() -> nn.Module:
    return Last(nn.LSTM, 4, proj_size=4)


@network("conv and lstm", series(3), groups=(8, 6))
class ConvLSTM(nn.Module):
    """Features by a convolution; the final hidden state decides."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.bn = nn.Conv1d(3, 8, 3, padding=1), nn.BatchNorm1d(8)
        self.lstm, self.out = nn.LSTM(8, 6), nn.Linear(6, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.bn(self.conv(x))).permute(2, 0, 1)
        _, (hidden, _) = self.lstm(x)
        return self.out(hidden[-1])


@network("gru over a batch with both ends", tokens(), groups=(8, 6))
class BothEnds(nn.Module):
    """The last hidden states of both directions, side by side."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(11, 8)
        self.gru, self.out = nn.GRU(8, 6, batch_first=True, bidirectional=True), nn.Linear(12, 3)

    def forward(self, t: Tensor) -> Tensor:
        hidden = self.gru(self.embed(t))[1]
        return self.out(torch.cat([hidden[0], hidden[1]], dim=-1))


@network(
    "crnn: columns of an image to a gru",
    images(1, (8,)),
    groups=(6, 8, 5),
    expect="part",
    why="softmax",
)
class CRNN(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Conv2d(1, 6, 3, padding=1), nn.Linear(6 * 4, 8)
        self.gru, self.out = nn.GRU(8, 5, batch_first=True), nn.Linear(5, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = F.max_pool2d(F.relu(self.a(x)), 2)
        x = self.b(x.permute(0, 3, 1, 2).flatten(2))
        return self.out(self.gru(x)[0]).log_softmax(-1)


@network("lstm with states of its own", sequences(4), groups=(8, 6))
class OwnStates(nn.Module):
    """Initial states from zeros of ``hidden_size``, as tutorials write it."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden_size, self.before = 6, nn.Linear(4, 8)
        self.lstm, self.out = nn.LSTM(8, 6, batch_first=True), nn.Linear(6, 3)

    def forward(self, x: Tensor) -> Tensor:
        state = torch.zeros(1, x.size(0), self.hidden_size)
        y, _ = self.lstm(torch.tanh(self.before(x)), (state, torch.zeros_like(state)))
        return self.out(y[:, -1, :])


@network("lstm cell, step by step", sequences(4, (5,)), groups=(8, 6))
class Cell(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.before, self.cell, self.out = nn.Linear(4, 8), nn.LSTMCell(8, 6), nn.Linear(6, 3)

    def forward(self, x: Tensor) -> Tensor:
        state = None
        for step in self.before(x).unbind(1):
            state = self.cell(torch.tanh(step), state)
        return self.out(state[0])


@network("gru cell, step by step", sequences(4, (4,)), groups=(8, 6))
class GRUCell(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.before, self.cell, self.out = nn.Linear(4, 8), nn.GRUCell(8, 6), nn.Linear(6, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.tanh(self.before(x))
        hidden = x.new_zeros(len(x), self.cell.hidden_size)
        for step in range(x.shape[1]):
            hidden = self.cell(x[:, step], hidden)
        return self.out(hidden)


@network("own gated cell", sequences(4, (4,)), groups=(6,))
class OwnCell(nn.Module):
    """Minimal gated unit, written out with linear layers."""

    def __init__(self) -> None:
        super().__init__()
        self.gate, self.new = nn.Linear(10, 6), nn.Linear(10, 6)
        self.out = nn.Linear(6, 3)

    def forward(self, x: Tensor) -> Tensor:
        hidden = torch.zeros(len(x), self.out.in_features)
        for step in x.unbind(1):
            gate = torch.sigmoid(self.gate(torch.cat([step, hidden], 1)))
            new = torch.tanh(self.new(torch.cat([step, gate * hidden], 1)))
            hidden = (1 - gate) * hidden + gate * new
        return self.out(hidden)


@network("sequence to sequence with attention", sequences(4, (5, 6)), groups=(8, 6), columns=False)
class Seq2Seq(nn.Module):
    """A GRU reads, another writes, looking back (Luong): their states are one width."""

    def __init__(self) -> None:
        super().__init__()
        self.before, self.out = nn.Linear(4, 8), nn.Linear(12, 3)
        self.encode = nn.GRU(8, 6, batch_first=True)
        self.decode = nn.GRU(8, 6, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        x = self.before(x)
        memory, state = self.encode(x)
        y, _ = self.decode(x.flip(1), state)
        look = torch.bmm(y, memory.transpose(1, 2)).softmax(-1)
        return self.out(torch.cat([y, torch.bmm(look, memory)], -1))


def two_lengths(batch: int, size: int, generator: torch.Generator) -> Call:
    """(batch, length, 4) and how long each really is."""
    lengths = torch.arange(batch) % 2 + size - 1
    return Call((torch.randn((batch, size, 4), generator=generator), lengths))


@network(
    "packed lstm", two_lengths, sizes=(5, 7), expect="refused",
    why="values of its input", export=False, onnx=False,
)  # fmt: skip
class Packed(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.lstm, self.out = nn.LSTM(4, 6, batch_first=True), nn.Linear(6, 3)

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        packed = nn.utils.rnn.pack_padded_sequence(
            x, lengths, batch_first=True, enforce_sorted=False
        )
        return self.out(self.lstm(packed)[1][0][-1])


@network("language model with an lstm", tokens(), groups=(8, 6))
class LSTMModel(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embed, self.lstm = nn.Embedding(11, 8), nn.LSTM(8, 6, 2, batch_first=True)
        self.drop, self.out = nn.Dropout(0.2), nn.Linear(6, 11)

    def forward(self, t: Tensor) -> Tensor:
        return self.out(self.drop(self.lstm(self.drop(self.embed(t)))[0]))


@network("convolutional lstm cell", images(3, (6,)), groups=(5,))
class ConvCell(nn.Module):
    """One convolution makes all four gates; the state has the channels of a quarter."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden = 5
        self.gates, self.out = nn.Conv2d(8, 20, 3, padding=1), nn.Conv2d(5, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        hidden = cell = x.new_zeros(len(x), self.hidden, *x.shape[2:])
        for _ in range(2):
            i, f, g, o = self.gates(torch.cat([x, hidden], 1)).chunk(4, 1)
            cell = torch.sigmoid(f) * cell + torch.sigmoid(i) * torch.tanh(g)
            hidden = torch.sigmoid(o) * torch.tanh(cell)
        return self.out(hidden)
