"""Attention sinks, by the three conventions that the papers of this book use.

Each function is named after who published it. They disagree, also in order of magnitude, so a share of sinks means
nothing without its convention, and without the value that uniform attention gives (see :func:`attention_received`).
"""

import torch

from attention_atlas.attention import check_weights
from attention_atlas.shapes import Bool, Float, Tensor


def attention_received(
    weights: Float[Tensor, "*batch query key"], mask: Bool[Tensor, "query key"]
) -> Float[Tensor, "*batch key"]:
    """Mean attention that each token receives from the queries that can see it.

    Parameters
    ----------
    weights : (*batch, query, key)
        Attention weights.
    mask : (query, key)
        True where attention is allowed; every key is seen by some query.

    Returns
    -------
    (*batch, key)
        ``sum_i A_ij / sum_i M_ij`` in [0, 1].

    Raises
    ------
    ValueError
        If the mask has another shape than the maps, hides a key from every query, or a weight stands where it is False.

    Notes
    -----
    What Gu et al. 2025 compare with a threshold. *Derived here*: under uniform attention the first of 17 tokens
    receives .202 already (causal mask), so a threshold of 0.2 partly finds the mask's geometry and not a learned sink.

    Examples
    --------
    >>> causal = torch.ones(2, 2).tril().bool()
    >>> attention_received(torch.tensor([[1.0, 0.0], [0.5, 0.5]]), causal)
    tensor([0.7500, 0.5000])
    """
    check_weights(weights, mask)
    return weights.sum(-2) / mask.sum(-2).to(weights.dtype)


def sink_share_gu2025(
    weights: Float[Tensor, "batch layer query key"], mask: Bool[Tensor, "query key"], threshold: float = 0.2
) -> Float[Tensor, "key"]:
    """Share of attention maps in which a token receives more than the threshold on average.

    Parameters
    ----------
    weights : (batch, layer, query, key)
        Attention weights; with several heads, fold them into the layer axis.
    mask : (query, key)
        True where attention is allowed.
    threshold : float
        Mean attention that makes a sink, in [0, 1); must be exceeded.

    Returns
    -------
    (key,)
        Share in [0, 1] of (sequence, layer) pairs with ``sum_i A_ij / sum_i M_ij > threshold``.

    Raises
    ------
    ValueError
        If the threshold is outside [0, 1), or as in :func:`attention_received`.

    Notes
    -----
    Gu et al. 2025 (with 0.3 as the threshold). *Derived here*: this convention with 0.2, and not the formula printed
    by Wu et al. 2025, comes near the values of their Figures 10-12.

    Examples
    --------
    >>> causal = torch.ones(2, 2).tril().bool()
    >>> sink_share_gu2025(torch.tensor([[1.0, 0.0], [0.9, 0.1]]).expand(1, 1, 2, 2), causal)
    tensor([1., 0.])
    """
    _refuse_threshold(threshold)
    return (attention_received(weights, mask) > threshold).to(weights.dtype).mean((0, 1))


def sink_share_wu2025(
    weights: Float[Tensor, "batch layer query key"], mask: Bool[Tensor, "query key"], threshold: float = 0.2
) -> Float[Tensor, "key"]:
    """Share of a token's allowed attention entries that exceed the threshold.

    Parameters
    ----------
    weights : (batch, layer, query, key)
        Attention weights; with several heads, fold them into the layer axis.
    mask : (query, key)
        True where attention is allowed.
    threshold : float
        Weight above which an entry counts, in [0, 1); must be exceeded.

    Returns
    -------
    (key,)
        Share in [0, 1], over sequences, layers and the queries that can see the token, of entries above the threshold.

    Raises
    ------
    ValueError
        As in :func:`sink_share_gu2025`.

    Notes
    -----
    The formula printed by Wu et al. 2025, Appendix K.4: (1/T) sum_t sum_i 1{A^(t)_ij > 0.2} / sum_i M_ij, averaged
    over sequences. It does not give their published figures (see the discrepancy ledger).

    Examples
    --------
    >>> causal = torch.ones(2, 2).tril().bool()
    >>> sink_share_wu2025(torch.tensor([[1.0, 0.0], [0.9, 0.1]]).expand(1, 1, 2, 2), causal)
    tensor([1., 0.])
    """
    _refuse_threshold(threshold)
    return attention_received((weights > threshold).to(weights.dtype), mask).mean((0, 1))


def sinks_zhang2025(
    weights: Float[Tensor, "batch layer query key"], mask: Bool[Tensor, "query key"], threshold: float = 0.2
) -> Bool[Tensor, "batch layer key"]:
    """Which tokens are the sinks of each attention map.

    Parameters
    ----------
    weights : (batch, layer, query, key)
        Attention weights; with several heads, fold them into the layer axis.
    mask : (query, key)
        True where attention is allowed; only checked against the weights, the published definition has no mask.
    threshold : float
        Mean attention that makes a sink (eps in the paper), in [0, 1); must be exceeded.

    Returns
    -------
    (batch, layer, key)
        True where the mean of ``A_ij`` over the queries ``i >= j`` exceeds the threshold.

    Raises
    ------
    ValueError
        As in :func:`sink_share_gu2025`, or if the maps are not square.

    Notes
    -----
    Zhang et al. 2025: the sinks of a head are the j with mean_{i >= j} A_ij > eps, eps = 0.2, defined for causal
    models. There its mean over maps is :func:`sink_share_gu2025`; it differs under other masks, because it counts the
    later queries that cannot see a token (sliding window) and leaves out the earlier ones that can (prefix).

    Examples
    --------
    >>> causal = torch.ones(2, 2).tril().bool()
    >>> sinks_zhang2025(torch.tensor([[1.0, 0.0], [0.9, 0.1]]).expand(1, 1, 2, 2), causal)
    tensor([[[ True, False]]])
    """
    _refuse_threshold(threshold)
    check_weights(weights, mask)
    queries, keys = mask.shape
    if queries != keys:
        raise ValueError(f"the sinks of Zhang et al. 2025 need square maps, got {queries} x {keys}")
    later = torch.ones_like(mask).tril()
    return attention_received(weights.tril(), later) > threshold


def widely_seen(mask: Bool[Tensor, "query key"]) -> Bool[Tensor, "key"]:
    """Which tokens at least half of the queries see: of a sink among them we say that it lasts (ours).

    Parameters
    ----------
    mask : (query, key)
        True where attention is allowed.

    Notes
    -----
    Near the end of a causal window few queries see a token, and a little attention to itself is a large mean.

    Examples
    --------
    >>> widely_seen(torch.ones(4, 4).tril().bool())
    tensor([ True,  True,  True, False])
    """
    return 2 * mask.sum(0) >= len(mask)


def _refuse_threshold(threshold: float) -> None:
    if not 0 <= threshold < 1:
        raise ValueError(f"the threshold of a sink must lie in [0, 1), got {threshold}")
