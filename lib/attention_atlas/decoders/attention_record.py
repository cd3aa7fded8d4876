"""What one attention layer of one model computes on a batch, whatever the model."""

from typing import NamedTuple

import torch

from attention_atlas.shapes import Bool, Float, Tensor


class AttentionRecord(NamedTuple):
    """What one attention layer computes: handed to a visitor, measured, and forgotten before the next layer runs.

    Parameters
    ----------
    layer : int
        From 0 on; where a model has blocks without attention, the number of its block.
    stream : (batch, token, d_model)
        Residual stream that enters the block, before any norm.
    scores : (batch, head, query, key)
        Before the softmax, after scale and bias; of any value where the mask is False.
    weights : (batch, head, query, key)
        Attention weights, 0 where the mask is False.
    values : (batch, head, token, d_head)
        Value vectors; where heads share keys and values, repeated for each of them.
    output : (head, d_head, d_model)
        Output matrix by head: a head adds ``weights @ values @ output`` to the stream.
    mask : (query, key), optional
        True where attention is allowed; causal if it is not given.

    Examples
    --------
    >>> record = AttentionRecord(0, *torch.zeros(5, 1, 1, 3, 3))
    >>> record.allowed().sum(-1)
    tensor([1, 2, 3])
    """

    layer: int
    stream: Float[Tensor, "batch token d_model"]
    scores: Float[Tensor, "batch head query key"]
    weights: Float[Tensor, "batch head query key"]
    values: Float[Tensor, "batch head token d_head"]
    output: Float[Tensor, "head d_head d_model"]
    mask: Bool[Tensor, "query key"] | None = None

    def allowed(self) -> Bool[Tensor, "query key"]:
        """The mask; the causal one where none is given."""
        if self.mask is not None:
            return self.mask
        return torch.ones(self.weights.shape[-2:], dtype=torch.bool, device=self.weights.device).tril()
