"""Attention whose heads keep their width when some of them have left.

torch computes the width of a head as ``embed_dim // num_heads``, so its own class cannot have
fewer heads; parameters and their names are the same.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class SlimAttention(nn.MultiheadAttention):
    """``nn.MultiheadAttention`` with fewer heads of the same width."""

    def forward(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        key_padding_mask: Tensor | None = None,
        need_weights: bool = True,
        attn_mask: Tensor | None = None,
        average_attn_weights: bool = True,
        is_causal: bool = False,
    ) -> tuple[Tensor, Tensor | None]:
        """As torch's; see there for shapes.

        Raises:
            RuntimeError: ``is_causal`` is only a hint, and the mask is not there.
        """
        if is_causal and attn_mask is None:
            raise RuntimeError("Need attn_mask if specifying the is_causal hint.")
        single = query.ndim == 2
        if single:
            query, key, value = (t.unsqueeze(0) for t in (query, key, value))
        elif not self.batch_first:
            query, key, value = (t.transpose(0, 1) for t in (query, key, value))
        q, k, v = self._projected(query, key, value)
        if self.bias_k is not None and self.bias_v is not None:
            batch = len(k)
            k = torch.cat([k, self._heads(self.bias_k.expand(batch, 1, -1))], 2)
            v = torch.cat([v, self._heads(self.bias_v.expand(batch, 1, -1))], 2)
        if self.add_zero_attn:
            k, v = (torch.cat([t, t.new_zeros(*t.shape[:2], 1, t.shape[3])], 2) for t in (k, v))
        added = self._added(q, k, key_padding_mask, attn_mask)
        scores = q @ k.transpose(-2, -1) * self.head_dim**-0.5
        if added is not None:
            scores = scores + added
        weights = scores.softmax(-1)
        dropped = F.dropout(weights, self.dropout, self.training)
        out = self.out_proj((dropped @ v).transpose(1, 2).flatten(2))
        shown = None
        if need_weights:
            shown = weights.mean(1) if average_attn_weights else weights
        if single:
            return out.squeeze(0), None if shown is None else shown.squeeze(0)
        return (out if self.batch_first else out.transpose(0, 1)), shown

    def _heads(self, tensor: Tensor) -> Tensor:
        return tensor.unflatten(-1, (self.num_heads, self.head_dim)).transpose(1, 2)

    def _projected(self, query: Tensor, key: Tensor, value: Tensor) -> list[Tensor]:
        if self.in_proj_weight is None:
            weights = [self.q_proj_weight, self.k_proj_weight, self.v_proj_weight]
        else:
            weights = list(self.in_proj_weight.chunk(3))
        biases = [None] * 3 if self.in_proj_bias is None else list(self.in_proj_bias.chunk(3))
        return [
            self._heads(F.linear(t, w, b))
            for t, w, b in zip((query, key, value), weights, biases, strict=True)
        ]

    def _added(
        self, q: Tensor, k: Tensor, padding: Tensor | None, mask: Tensor | None
    ) -> Tensor | None:
        """What is added to the scores, broadcast to ``(batch, heads, queries, keys)``."""
        added = None
        if mask is not None:
            added = _as_float(mask, q)
            if added.ndim == 3:
                added = added.unflatten(0, (len(q), -1))
        if padding is not None:
            own = _as_float(padding if padding.ndim > 1 else padding.unsqueeze(0), q)
            own = own[:, None, None, :]
            added = own if added is None else added + own
        if added is not None and added.shape[-1] < k.shape[2]:
            added = F.pad(added, (0, k.shape[2] - added.shape[-1]))
        return added


def _as_float(mask: Tensor, like: Tensor) -> Tensor:
    if mask.dtype != torch.bool:
        return mask.to(like.dtype)
    return torch.zeros_like(mask, dtype=like.dtype).masked_fill(mask, float("-inf"))
