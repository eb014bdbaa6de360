"""Language models: RMSNorm, rotary positions, grouped queries, gated layers, tied embeddings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from secateur.network.call import Call
from tests.networks.registry import network, sequences, tokens

NORM = {"expect": "part", "why": "norm|mean", "kept": "exact", "beside": "mask"}


class RMSNorm(nn.Module):
    """As Llama's code has it."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(dim))

    def forward(self, x: Tensor) -> Tensor:
        kind, x = x.dtype, x.float()
        x = x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-6)
        return self.weight * x.to(kind)


def rotated(x: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
    """Halves of every head are turned against each other."""
    one, two = x.chunk(2, dim=-1)
    return x * cosine + torch.cat((-two, one), dim=-1) * sine


class Grouped(nn.Module):
    """Four heads ask, two answer; positions by rotation."""

    def __init__(self, dim: int, heads: int = 4, answers: int = 2) -> None:
        super().__init__()
        self.heads, self.answers, self.head_dim = heads, answers, dim // heads
        self.q = nn.Linear(dim, heads * self.head_dim, bias=False)
        self.k = nn.Linear(dim, answers * self.head_dim, bias=False)
        self.v = nn.Linear(dim, answers * self.head_dim, bias=False)
        self.o = nn.Linear(heads * self.head_dim, dim, bias=False)
        slow = 10.0 ** -(torch.arange(0, self.head_dim, 2) / self.head_dim)
        self.register_buffer("slow", slow, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        b, n, _ = x.shape
        q, k, v = (
            f(x).view(b, n, -1, self.head_dim).transpose(1, 2) for f in (self.q, self.k, self.v)
        )
        angle = torch.arange(n)[:, None] * self.slow
        angle = torch.cat([angle, angle], -1)
        q, k = rotated(q, angle.cos(), angle.sin()), rotated(k, angle.cos(), angle.sin())
        times = self.heads // self.answers
        k, v = k.repeat_interleave(times, dim=1), v.repeat_interleave(times, dim=1)
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.o(y.transpose(1, 2).reshape(b, n, -1))


class SwiGLU(nn.Module):
    def __init__(self, dim: int, inner: int) -> None:
        super().__init__()
        self.gate, self.up = nn.Linear(dim, inner, bias=False), nn.Linear(dim, inner, bias=False)
        self.down = nn.Linear(inner, dim, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.down(F.silu(self.gate(x)) * self.up(x))


class Llama(nn.Module):
    def __init__(self, depth: int = 1, tied: bool = False, norm: type[nn.Module] = RMSNorm) -> None:
        super().__init__()
        self.embed, self.head = nn.Embedding(11, 16), nn.Linear(16, 11, bias=False)
        if tied:
            self.head.weight = self.embed.weight
        self.norms = nn.ModuleList([norm(16) for _ in range(2 * depth + 1)])
        self.attention = nn.ModuleList([Grouped(16) for _ in range(depth)])
        self.mlp = nn.ModuleList([SwiGLU(16, 20) for _ in range(depth)])

    def forward(self, t: Tensor) -> Tensor:
        x = self.embed(t)
        for k, (attention, mlp) in enumerate(zip(self.attention, self.mlp, strict=True)):
            x = x + attention(self.norms[2 * k](x))
            x = x + mlp(self.norms[2 * k + 1](x))
        return self.head(self.norms[-1](x))


@network("llama", tokens(), **NORM)
def llama() -> nn.Module:
    return Llama()


@network("llama, two layers, torch's rms norm", tokens(), **NORM)
def llama_two() -> nn.Module:
    return Llama(2, norm=nn.RMSNorm)


@network("llama, tied embedding", tokens(), **NORM)
def llama_tied() -> nn.Module:
    return Llama(tied=True)


@network("gpt: a mask in a buffer", tokens(), columns=False, **NORM)
class GPT(nn.Module):
    """Learned positions; the causal mask is a buffer, cut to the length; weights are tied."""

    def __init__(self) -> None:
        super().__init__()
        self.wte, self.wpe, self.drop = nn.Embedding(11, 12), nn.Embedding(16, 12), nn.Dropout(0.1)
        self.ln1, self.ln2, self.lnf = nn.LayerNorm(12), nn.LayerNorm(12), nn.LayerNorm(12)
        self.attn, self.proj = nn.Linear(12, 36), nn.Linear(12, 12)
        self.fc, self.out = nn.Linear(12, 20), nn.Linear(20, 12)
        self.head = nn.Linear(12, 11, bias=False)
        self.head.weight = self.wte.weight
        self.n_head, self.n_embd = 3, 12
        self.register_buffer("mask", torch.tril(torch.ones(16, 16)).view(1, 1, 16, 16))

    def forward(self, t: Tensor) -> Tensor:
        n = t.shape[1]
        x = self.drop(self.wte(t) + self.wpe(torch.arange(n)))
        y = self.ln1(x)
        q, k, v = (
            z.view(*z.shape[:2], self.n_head, -1).transpose(1, 2) for z in self.attn(y).chunk(3, 2)
        )
        share = (q @ k.transpose(-2, -1)) * 0.5
        share = share.masked_fill(self.mask[:, :, :n, :n] == 0, float("-inf")).softmax(-1)
        x = x + self.proj((share @ v).transpose(1, 2).contiguous().flatten(2))
        return self.head(self.lnf(x + self.out(F.gelu(self.fc(self.ln2(x))))))


@network("gpt as published: split by n_embd", tokens(), expect="part", why="norm", kept=None)
class NanoGPT(GPT):
    """``split(self.n_embd)`` and ``C // self.n_head``: the stream's width in three places."""

    def forward(self, t: Tensor) -> Tensor:
        x = self.wte(t) + self.wpe(torch.arange(t.shape[1]))
        y = self.ln1(x)
        B, T, C = y.size()
        q, k, v = self.attn(y).split(self.n_embd, dim=2)
        q, k, v = (z.view(B, T, self.n_head, C // self.n_head).transpose(1, 2) for z in (q, k, v))
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.proj(y.transpose(1, 2).contiguous().view(B, T, C))
        return self.head(self.lnf(x + self.out(F.gelu(self.fc(self.ln2(x))))))


@dataclass
class Answer:
    """An output that torch does not know how to look into."""

    logits: Tensor
    hidden: Tensor


def masked_tokens(batch: int, size: int, generator: torch.Generator) -> Call:
    """Keyword inputs: indices, which of them count, and a flag."""
    ids = torch.randint(0, 11, (batch, size), generator=generator)
    mask = torch.ones(batch, size)
    mask[::2, -1] = 0
    return Call((), {"input_ids": ids, "attention_mask": mask, "return_dict": True})


@network("bert with keyword inputs", masked_tokens, sizes=(5, 7), columns=False, **NORM)
class BERT(nn.Module):
    """Three embeddings, norm behind, a pooler; the answer is a dictionary."""

    def __init__(self) -> None:
        super().__init__()
        self.word, self.position, self.kind = (nn.Embedding(n, 12) for n in (11, 16, 2))
        self.norm, self.norm1, self.norm2 = nn.LayerNorm(12), nn.LayerNorm(12), nn.LayerNorm(12)
        self.query, self.key, self.value, self.dense = (nn.Linear(12, 12) for _ in range(4))
        self.wide, self.narrow = nn.Linear(12, 20), nn.Linear(20, 12)
        self.pooler, self.classifier = nn.Linear(12, 10), nn.Linear(10, 3)
        self.heads = 2

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor | None = None, return_dict: bool = False
    ) -> Any:
        where = torch.arange(input_ids.shape[1]).expand_as(input_ids)
        x = self.word(input_ids) + self.position(where) + self.kind(torch.zeros_like(input_ids))
        x = self.norm(x)
        q, k, v = (
            f(x).view(*x.shape[:2], self.heads, -1).permute(0, 2, 1, 3)
            for f in (self.query, self.key, self.value)
        )
        score = torch.matmul(q, k.transpose(-1, -2)) / 2.0
        if attention_mask is not None:
            score = score + (1.0 - attention_mask[:, None, None, :]) * -1e4
        y = torch.matmul(score.softmax(-1), v).permute(0, 2, 1, 3).contiguous().flatten(2)
        x = self.norm1(x + self.dense(y))
        x = self.norm2(x + self.narrow(F.gelu(self.wide(x))))
        logits = self.classifier(torch.tanh(self.pooler(x[:, 0])))
        return {"logits": logits} if return_dict else (logits,)


@network("output of a class of its own", tokens(), groups=(12,), export=False, onnx=False)
class OwnAnswer(nn.Module):
    """What is inside of the answer is found all the same; hidden states are part of it."""

    def __init__(self) -> None:
        super().__init__()
        self.embed, self.a, self.b = nn.Embedding(11, 8), nn.Linear(8, 12), nn.Linear(12, 8)
        self.head = nn.Linear(8, 11)

    def forward(self, t: Tensor) -> Answer:
        x = self.embed(t)
        x = x + self.b(torch.tanh(self.a(x)))
        return Answer(logits=self.head(x), hidden=x)


@network("t5: positions as a bias per head", tokens(), **NORM)
class T5(nn.Module):
    """A bias for every distance and head, by an embedding; gated GELU; no scale."""

    def __init__(self) -> None:
        super().__init__()
        self.embed, self.norm, self.norm2, self.last = (
            nn.Embedding(11, 12),
            *(RMSNorm(12) for _ in range(3)),
        )
        self.q, self.k, self.v, self.o = (nn.Linear(12, 12, bias=False) for _ in range(4))
        self.far, self.heads = nn.Embedding(16, 3), 3
        self.gate, self.up, self.down = nn.Linear(12, 16), nn.Linear(12, 16), nn.Linear(16, 12)
        self.head = nn.Linear(12, 11)

    def forward(self, t: Tensor) -> Tensor:
        x = self.embed(t)
        y, n = self.norm(x), t.shape[1]
        q, k, v = (
            f(y).view(len(t), n, self.heads, -1).transpose(1, 2) for f in (self.q, self.k, self.v)
        )
        where = torch.arange(n)
        bias = self.far((where[:, None] - where).clamp(-7, 7) + 7).permute(2, 0, 1)
        share = (q @ k.mT + bias).softmax(-1)
        x = x + self.o((share @ v).transpose(1, 2).flatten(2))
        y = self.norm2(x)
        x = x + self.down(F.gelu(self.gate(y), approximate="tanh") * self.up(y))
        return self.head(self.last(x))


@network(
    "alibi slopes from the number of heads", tokens(), expect="part", why="norm|head|fixed|written"
)
class ALiBi(nn.Module):
    """A constant per head: the number of heads is in a buffer."""

    def __init__(self) -> None:
        super().__init__()
        self.embed, self.norm = nn.Embedding(11, 12), nn.LayerNorm(12)
        self.qkv, self.o, self.head = nn.Linear(12, 36), nn.Linear(12, 12), nn.Linear(12, 11)
        self.heads = 3
        self.register_buffer("slopes", 2.0 ** -torch.arange(1, 4))

    def forward(self, t: Tensor) -> Tensor:
        x = self.embed(t)
        q, k, v = (
            z.unflatten(2, (self.heads, -1)).transpose(1, 2)
            for z in self.qkv(self.norm(x)).chunk(3, 2)
        )
        where = torch.arange(t.shape[1])
        bias = -(where[:, None] - where).abs() * self.slopes[:, None, None]
        y = (q @ k.mT * 0.5 + bias).softmax(-1) @ v
        return self.head(x + self.o(y.transpose(1, 2).flatten(2)))


@network("two towers compared", tokens(), groups=(8, 10, 10, 6), columns=False)
class Towers(nn.Module):
    """CLIP: two embeddings of equal width, normalized, their products with a learned scale."""

    def __init__(self) -> None:
        super().__init__()
        self.embed, self.a, self.b = nn.Embedding(11, 8), nn.Linear(8, 10), nn.Linear(8, 10)
        self.one, self.two = nn.Linear(10, 6), nn.Linear(10, 6)
        self.scale = nn.Parameter(torch.tensor(1.0))

    def forward(self, t: Tensor) -> Tensor:
        x = self.embed(t)
        one = F.normalize(self.one(F.relu(self.a(x)).mean(1)), dim=-1)
        two = F.normalize(self.two(F.relu(self.b(x)).amax(1)), dim=-1)
        return self.scale.exp() * one @ two.t()


@network(
    "mixture of experts by mask",
    sequences(6),
    expect="refused",
    why="values of its input",
    export=False,
    onnx=False,
)
class Experts(nn.Module):
    """Rows go to an expert by their values."""

    def __init__(self) -> None:
        super().__init__()
        self.before, self.route = nn.Linear(6, 12), nn.Linear(12, 2)
        self.experts, self.out = (
            nn.ModuleList([nn.Linear(12, 12) for _ in range(2)]),
            nn.Linear(12, 3),
        )

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.before(x)).flatten(0, 1)
        which, y = self.route(x).argmax(-1), torch.zeros_like(x)
        for number, expert in enumerate(self.experts):
            y[which == number] = expert(x[which == number])
        return self.out(y)


@network(
    "soft mixture of experts",
    sequences(6),
    groups=(12, 8, 8, 10),
    expect="part",
    why="softmax|fixed size",
)
class SoftExperts(nn.Module):
    """Every expert is asked; a softmax weighs them. How many experts there are stays."""

    def __init__(self) -> None:
        super().__init__()
        self.before, self.route = nn.Linear(6, 12), nn.Linear(12, 2)
        self.experts = nn.ModuleList(
            nn.Sequential(nn.Linear(12, 8), nn.ReLU(), nn.Linear(8, 10)) for _ in range(2)
        )
        self.out = nn.Linear(10, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.before(x))
        share = self.route(x).softmax(-1)
        y = torch.stack([expert(x) for expert in self.experts], -1)
        return self.out(F.relu((y * share[..., None, :]).sum(-1)))


@network("state space layer", sequences(6, (5,)), groups=(8, 4), columns=False)
class StateSpace(nn.Module):
    """A diagonal recurrence with a state of 4 per channel, input-dependent (Mamba)."""

    def __init__(self) -> None:
        super().__init__()
        self.before, self.step = nn.Linear(6, 8), nn.Linear(8, 8)
        self.b, self.c, self.log_a = (
            nn.Linear(8, 4),
            nn.Linear(8, 4),
            nn.Parameter(torch.randn(8, 4)),
        )
        self.skip, self.out = nn.Parameter(torch.rand(8)), nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = F.silu(self.before(x))
        step, b, c = F.softplus(self.step(x)), self.b(x), self.c(x)
        state, out = 0, []
        for t in range(x.shape[1]):
            decay = torch.exp(-step[:, t, :, None] * self.log_a.exp())
            state = decay * state + (step[:, t] * x[:, t])[..., None] * b[:, t, None]
            out.append(torch.einsum("bdn,bn->bd", state, c[:, t]))
        return self.out(torch.stack(out, 1) + self.skip * x)
