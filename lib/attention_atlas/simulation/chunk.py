"""What the simulators share: chunks of sequences with the sequence last, so that every operation runs along it."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch

from attention_atlas.shapes import Float, Float64, Tensor


@dataclass(frozen=True)
class Seen:
    """What one layer shows of a chunk of sequences.

    Parameters
    ----------
    gaps : (query, key, sequence)
        Scores less the model's ``offset``, the largest possible score of normalized tokens: deep layers make all
        scores nearly equal, and the gaps keep the digits that the scores would lose. Keys that a query may not see are
        not looked at.
    inner : function without arguments to (query, key, sequence)
        Inner products of the layer's input vectors before normalization (centered ones with LayerNorm), computed
        when asked for.
    """

    gaps: Tensor
    inner: Callable[[], Tensor]


class Workspaces:
    """Tensors that are kept from chunk to chunk: fresh memory for every operation would cost more than the arithmetic.

    Parameters
    ----------
    dtype : torch.dtype
        Of those that are asked for without one of their own.

    Examples
    --------
    >>> held = Workspaces(torch.float64)
    >>> held("gaps", 2, 3) is held("gaps", 2, 3)
    True
    """

    def __init__(self, dtype: torch.dtype):
        self._dtype, self._spaces = dtype, {}

    def __call__(self, name: str, *shape: int, dtype: torch.dtype | None = None) -> Tensor:
        """The tensor of that name, with what was left in it; zeros the first time and when its shape changes."""
        if name not in self._spaces or self._spaces[name].shape != shape:
            self._spaces[name] = torch.zeros(shape, dtype=dtype or self._dtype)
        return self._spaces[name]


def recency(gaps: Float64[Tensor, "query key sequence"]) -> Float64[Tensor, "sequence"]:
    """Share of the triples j < k < i in which query i scores the later key k above the earlier key j.

    Parameters
    ----------
    gaps : (query, key, sequence)
        Scores, or anything that orders the keys of a query as they do; only keys before the query are looked at.

    Returns
    -------
    (sequence,)
        Between 0 (all triples prefer the earlier key) and 1; ties count as no preference for the later key.

    Notes
    -----
    Kim et al. 2026, function get_recency_prob of the official code, for every sequence by itself.
    :func:`attention_atlas.metrics.recency_probability` is the same for one stack of maps.

    Examples
    --------
    >>> recency(torch.arange(9.0).double().view(3, 3, 1))
    tensor([1.], dtype=torch.float64)
    """
    tokens = gaps.shape[0]
    count = torch.zeros(gaps.shape[-1], dtype=torch.float64)
    for key in range(1, tokens - 1):
        count += (gaps[key + 1 :, key, None] > gaps[key + 1 :, :key]).sum((0, 1))
    return count / math.comb(tokens, 3)


def attention(
    gaps: Float[Tensor, "query key sequence"],
    causal: bool,
    bounded: bool,
    out: Float[Tensor, "query key sequence"] | None = None,
) -> Float[Tensor, "query key sequence"]:
    """Attention weights: the softmax over the keys that a query may see.

    Parameters
    ----------
    gaps : (query, key, sequence)
        Scores up to a constant of the query's own.
    causal : bool
        Whether a query sees itself and earlier tokens only.
    bounded : bool
        Whether no gap exceeds 0 by more than rounding, so that no maximum needs to be taken off.
    out : (query, key, sequence), optional
        Where to write; zero where a query may not look.

    Returns
    -------
    (query, key, sequence)
        Sums over keys are 1; exact zeros where a query may not look.

    Examples
    --------
    >>> attention(torch.zeros(2, 2, 1), causal=True, bounded=True)[:, :, 0]
    tensor([[1.0000, 0.0000],
            [0.5000, 0.5000]])
    """
    weights = torch.zeros_like(gaps) if out is None else out
    for query in range(len(gaps)):
        seen = slice(0, query + 1) if causal else slice(None)
        row = gaps[query, seen]
        row = torch.exp(row if bounded else row - row.amax(0))
        torch.mul(row, row.sum(0).reciprocal_(), out=weights[query, seen])
    return weights
