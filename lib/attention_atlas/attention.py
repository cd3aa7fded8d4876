"""One attention map: scaled logits, then a softmax over the keys that the mask allows."""

import math

import torch

from attention_atlas.shapes import Bool, Float, Tensor


def logits(
    queries: Float[Tensor, "*batch query d_head"], keys: Float[Tensor, "*batch key d_head"]
) -> Float[Tensor, "*batch query key"]:
    """Similarity of every query to every key, divided by the root of their dimension.

    Parameters
    ----------
    queries : (*batch, query, d_head)
        Query vectors.
    keys : (*batch, key, d_head)
        Key vectors of the same dimension.

    Returns
    -------
    (*batch, query, key)
        ``queries @ keys.T / sqrt(d_head)``, dimensionless.

    Raises
    ------
    ValueError
        If queries and keys differ in dimension.

    Notes
    -----
    The argument of the softmax in Wu et al. 2025, Section 3, with queries X W_Q and keys X W_K. Zhang et al. 2025
    leave out the division: multiply by ``sqrt(d_head)`` for theirs.

    Examples
    --------
    >>> logits(torch.tensor([[2.0, 0.0, 0.0, 0.0]]), torch.tensor([[3.0, 1.0, 1.0, 1.0]]))
    tensor([[3.]])
    """
    if queries.shape[-1] != keys.shape[-1]:
        raise ValueError(f"queries and keys need the same d_head, got {queries.shape[-1]} and {keys.shape[-1]}")
    return queries @ keys.transpose(-2, -1) / math.sqrt(queries.shape[-1])


def attention_weights(
    logits: Float[Tensor, "*batch query key"], mask: Bool[Tensor, "query key"]
) -> Float[Tensor, "*batch query key"]:
    """Softmax of each query's logits over the keys that it may attend to.

    Parameters
    ----------
    logits : (*batch, query, key)
        Finite scores, dimensionless, of any size; those at masked places are ignored.
    mask : (query, key)
        True where attention is allowed, for instance ``masks.dense(masks.causal, tokens)``.

    Returns
    -------
    (*batch, query, key)
        Weights in [0, 1]; every row sums to 1 and is exactly 0 where the mask is False. Same dtype as the logits.

    Raises
    ------
    ValueError
        If the mask has another shape than the maps, or a query may attend to nothing.

    Notes
    -----
    A = softmax_G(X W_Q (X W_K)^T / sqrt(d_QK)) of Wu et al. 2025, Section 3, G being the graph of the mask.

    Examples
    --------
    Equal logits under a causal mask share the attention equally among the tokens seen so far:

    >>> attention_weights(torch.zeros(3, 3), torch.ones(3, 3).tril().bool())
    tensor([[1.0000, 0.0000, 0.0000],
            [0.5000, 0.5000, 0.0000],
            [0.3333, 0.3333, 0.3333]])
    """
    if mask.shape != logits.shape[-2:]:
        got, allowed = tuple(mask.shape), tuple(logits.shape[-2:])
        raise ValueError(f"the mask needs the (query, key) shape of the logits, {allowed}, got {got}")
    if not mask.any(-1).all():
        raise ValueError(f"query {int(mask.any(-1).int().argmin())} may attend to no key, every query needs one")
    return logits.masked_fill(~mask, -torch.inf).softmax(-1)


def check_weights(weights: Float[Tensor, "*batch query key"], mask: Bool[Tensor, "query key"]) -> None:
    """Refuse a mask of another shape, one that hides a key from all, and weights where it forbids attention.

    Parameters
    ----------
    weights : (*batch, query, key)
        Attention weights.
    mask : (query, key)
        Who may attend to whom.

    Raises
    ------
    ValueError
        In one line that says what was got.

    Examples
    --------
    >>> check_weights(torch.eye(2), torch.ones(2, 2).bool())
    """
    if mask.shape != weights.shape[-2:]:
        got, allowed = tuple(mask.shape), tuple(weights.shape[-2:])
        raise ValueError(f"the mask needs the (query, key) shape of the weights, {allowed}, got {got}")
    if not mask.any(-2).all():
        raise ValueError(f"key {int(mask.any(-2).int().argmin())} is seen by no query, every key needs one")
    if (weights.masked_fill(mask, 0) != 0).any():
        raise ValueError("weights must be 0 where the mask is False, got attention to a masked key")
