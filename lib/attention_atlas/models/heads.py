"""What the heads of stacked models have in common: projections of a stream, and weights made of logits."""

import math

import torch

from attention_atlas.shapes import Bool, Float, Tensor

ATTENTION = ("softmax", "relu")
WITHOUT_CONTEXT = "self"


def project(
    stream: Float[Tensor, "seed batch token d_model"], weight: Float[Tensor, "#seed head d_model d_head"]
) -> Float[Tensor, "seed batch head token d_head"]:
    """Queries, keys or values of all heads, in one product.

    Parameters
    ----------
    stream : (seed, batch, token, d_model)
        What the heads read, one stream for every model.
    weight : (seed, head, d_model, d_head)
        W_Q, W_K or W_V of every head.

    Returns
    -------
    (seed, batch, head, token, d_head)
        ``x W`` of every head.

    Examples
    --------
    >>> import torch
    >>> project(torch.ones(1, 2, 3, 5), torch.ones(1, 7, 5, 11)).shape
    torch.Size([1, 2, 7, 3, 11])
    """
    heads, width = weight.shape[1], weight.shape[3]
    joined = stream.flatten(1, 2) @ weight.movedim(1, 2).flatten(2)
    return joined.unflatten(2, (heads, width)).unflatten(1, stream.shape[1:3]).movedim(3, 2)


def attend(logits: Float[Tensor, "*batch query key"], seen: Bool[Tensor, "query key"], kind: str = "softmax"):
    """Attention weights of logits.

    Parameters
    ----------
    logits : (*batch, query, key)
        Scores after scale and bias; what they are where a query may not look does not matter.
    seen : (query, key)
        True where a query may look, at one key at least.
    kind : {"softmax", "relu", "self"}
        Weights that sum to 1; ``max(0, logit)`` divided by the number of tokens that the query sees; or all on the
        query's own token, for a model without context.

    Returns
    -------
    (*batch, query, key)
        Zero where a query may not look.

    Notes
    -----
    The ReLU variant after Ran-Milo 2026; its division by the number of visible tokens is ours.

    Examples
    --------
    >>> import torch
    >>> attend(torch.tensor([[1.0, 9.0], [1.0, -1.0]]), torch.ones(2, 2).tril().bool(), "relu")
    tensor([[1.0000, 0.0000],
            [0.5000, 0.0000]])
    """
    if kind == WITHOUT_CONTEXT:
        seen = torch.eye(len(seen), dtype=torch.bool, device=seen.device)
    if kind != "relu":
        return logits.masked_fill(~seen, -math.inf).softmax(-1)
    return logits.masked_fill(~seen, 0).relu() / seen.sum(-1, keepdim=True)
