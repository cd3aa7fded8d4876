"""What is measured on attention maps, embeddings and answers; sinks have a module of their own (:mod:`~.sinks`)."""

import torch

from attention_atlas.attention import check_weights
from attention_atlas.shapes import Bool, Float, Tensor


def recency_probability(scores: Float[Tensor, "batch query key"]) -> Float[Tensor, ""]:
    """Probability that a query scores the later of two earlier keys higher.

    Parameters
    ----------
    scores : (batch, query, key)
        Pre-softmax attention scores, dimensionless; as many queries as keys, at least three.
        Entries with ``key >= query`` are ignored, so masked and unmasked maps give the same answer.

    Returns
    -------
    ()
        Share in [0, 1] over all triples ``j < k < i`` and the batch for which ``scores[i, k] > scores[i, j]``.
        0.5: no preference; above: recency; below: preference for early tokens. A tie counts as "not higher".

    Raises
    ------
    ValueError
        If the maps are not square or are smaller than 3 x 3.

    Notes
    -----
    The measure "RP" of Kim et al. 2026 (their i, k, j are our query, later key, earlier key).
    It depends on the order of the scores only: any increasing map applied to every score leaves it unchanged.

    Examples
    --------
    >>> recency_probability(torch.arange(4.0).expand(1, 4, 4))
    tensor(1.)
    """
    queries, keys = scores.shape[-2:]
    if queries != keys or keys < 3:
        raise ValueError(f"recency_probability needs square score maps of at least 3 x 3, got {queries} x {keys}")
    query, later, earlier = torch.combinations(torch.arange(keys).flip(0), 3).T  # every i > k > j once
    return (scores[:, query, later] > scores[:, query, earlier]).to(scores.dtype).mean()


def relative_map_error(claimed: Float[Tensor, "query key"], measured: Float[Tensor, "query key"]) -> Float[Tensor, ""]:
    """How far a claimed map is from a measured one, over the keys before the query.

    Parameters
    ----------
    claimed, measured : (query, key)
        Two square maps of the same thing, at least 2 x 2. Entries with ``key >= query`` are ignored and may be NaN.

    Returns
    -------
    ()
        Root mean square of ``claimed / measured - 1``.

    Raises
    ------
    ValueError
        If the maps are not square or have no key before a query.

    Examples
    --------
    >>> relative_map_error(torch.full((3, 3), 1.5), torch.full((3, 3), 2.0))
    tensor(0.2500)
    """
    queries, keys = measured.shape
    if queries != keys or keys < 2:
        raise ValueError(f"relative_map_error needs square maps of at least 2 x 2, got {queries} x {keys}")
    query, key = torch.ones(queries, keys).tril(-1).nonzero().T
    return (claimed[query, key] / measured[query, key] - 1).square().mean().sqrt()


def entropy(weights: Float[Tensor, "*batch query key"]) -> Float[Tensor, "*batch query"]:
    """Entropy of each query's attention.

    Parameters
    ----------
    weights : (*batch, query, key)
        Attention weights, at least 0; every row sums to 1. Zeros, masked or not, add nothing.

    Returns
    -------
    (*batch, query)
        ``-sum_j A_ij log A_ij`` in nats: 0 if one key gets all, log k if k keys share equally.

    Raises
    ------
    ValueError
        If a weight is negative.

    Notes
    -----
    The attention entropy of Zhai et al. 2023 and Bao et al. 2024, who average it over the queries.

    Examples
    --------
    >>> entropy(torch.tensor([[1.0, 0.0], [0.5, 0.5]]))
    tensor([0.0000, 0.6931])
    """
    if (weights < 0).any():
        raise ValueError(f"attention weights must be at least 0, got {weights.min():.3g}")
    return torch.special.entr(weights).sum(-1)


def normalised_entropy(
    weights: Float[Tensor, "*batch query key"], mask: Bool[Tensor, "query key"]
) -> Float[Tensor, "*batch query"]:
    """Entropy of each query's attention as a share of the largest that the mask allows.

    Parameters
    ----------
    weights : (*batch, query, key)
        Attention weights, at least 0; every row sums to 1.
    mask : (query, key)
        True where attention is allowed.

    Returns
    -------
    (*batch, query)
        Entropy divided by the logarithm of the number of allowed keys, in [0, 1]. NaN where a query may attend to
        one key only (the first token under a causal mask), because there 0 is both the least and the most:
        average with ``nanmean``.

    Raises
    ------
    ValueError
        If the mask has another shape than the maps, or a weight is negative or stands where the mask is False.

    Notes
    -----
    *Derived here* from the entropy / ln T of unmasked maps (Bao et al. 2024): T becomes the number of allowed keys.

    Examples
    --------
    >>> normalised_entropy(torch.full((3, 3), 1 / 3), torch.ones(3, 3).bool())
    tensor([1., 1., 1.])
    """
    check_weights(weights, mask)
    return entropy(weights) / mask.sum(-1).to(weights.dtype).log()


def rank_residual(
    outputs: Float[Tensor, "*batch tokens d_out"], inputs: Float[Tensor, "*batch tokens d_model"]
) -> Float[Tensor, "*batch"]:
    """How much of the tokens' differences from each other a layer leaves.

    Parameters
    ----------
    outputs, inputs : (*batch, tokens, d_out), (*batch, tokens, d_model)
        Embeddings after and before the layer (or after and before many).

    Returns
    -------
    (*batch)
        ``||U - 1 u^T|| / ||X - 1 x^T||`` in Frobenius norm, u and x the mean token (which makes the norm least): 0 if
        all tokens have become equal (rank collapse), 1 if they differ as much as before.

    Raises
    ------
    ValueError
        If the numbers of tokens differ or all input tokens are equal already.

    Notes
    -----
    The residual of Dong et al. 2021 in the Frobenius norm, relative to the input; used for Bao et al. 2024.

    Examples
    --------
    >>> tokens = torch.tensor([[1.0, 0.0], [3.0, 0.0]])
    >>> rank_residual(tokens / 2 + 7, tokens)
    tensor(0.5000)
    """
    if outputs.shape[:-1] != inputs.shape[:-1]:
        got = f"{tuple(outputs.shape[:-1])} and {tuple(inputs.shape[:-1])}"
        raise ValueError(f"outputs and inputs need the same (*batch, tokens), got {got}")
    after, before = (torch.linalg.matrix_norm(x - x.mean(-2, keepdim=True)) for x in (outputs, inputs))
    if (before == 0).any():
        raise ValueError("rank_residual needs input tokens that differ from each other, got equal ones")
    return after / before


def without_diagonal_means(map: Float[Tensor, "query key"]) -> Float[Tensor, "query key"]:
    """What is left of a map when the part that depends on the distance alone is taken off.

    Parameters
    ----------
    map : (query, key)
        Scores or weights, as many queries as keys; NaN where a query may not look.

    Returns
    -------
    (query, key)
        Every entry less the mean of its diagonal, that is of all pairs at the same ``query - key``; NaN stays NaN. Zero
        everywhere if and only if the map is a function of ``query - key``.

    Raises
    ------
    ValueError
        If the map is not square.

    Notes
    -----
    Kim et al. 2026, first version, function normalize_lower_diagonals of the official code
    (concept/simulation_rope.ipynb at 4aaf9e8), which changes its argument; this one does not. It is the least-squares
    fit of a function of the distance that is taken off.

    Examples
    --------
    >>> without_diagonal_means(torch.tensor([[1.0, torch.nan], [5.0, 3.0]]))
    tensor([[-1., nan],
            [ 0.,  1.]])
    """
    queries, keys = map.shape
    if queries != keys:
        raise ValueError(f"diagonals of one distance need a square map, got {queries} x {keys}")
    left = map.clone()
    for distance in range(1 - keys, keys):
        diagonal = left.diagonal(-distance)
        diagonal -= diagonal.nanmean()
    return left


def outlier_ratio(embeddings: Float[Tensor, "*batch tokens d_model"]) -> Float[Tensor, "*batch tokens"]:
    """Largest coordinate of each token, in units of the typical coordinate of all tokens.

    Parameters
    ----------
    embeddings : (*batch, tokens, d_model)
        Embeddings of one layer.

    Returns
    -------
    (*batch, tokens)
        ``max_d |x_id|`` over the median of ``|x|`` over all tokens and coordinates (of an even number of them the lower
        of the two middle ones). Its maximum over the tokens is the layer's ratio, its argmax the token where it sits.

    Raises
    ------
    ValueError
        If the median is 0.

    Notes
    -----
    The outlier features ("massive activations", Sun et al. 2024) of Zhang et al. 2025; no published multiple of the
    median is built in.

    Examples
    --------
    >>> outlier_ratio(torch.tensor([[1.0, -2.0, 1.0], [2.0, -80.0, 2.0], [1.0, 1.0, 3.0]]))
    tensor([ 1.0000, 40.0000,  1.5000])
    """
    size = embeddings.abs()
    median = size.flatten(-2).median(-1, keepdim=True).values
    if (median == 0).any():
        raise ValueError("outlier_ratio needs a median above 0, got embeddings of which half the coordinates are 0")
    return size.amax(-1) / median


def accuracy_gap(
    first: Bool[Tensor, "*batch sequence"], second: Bool[Tensor, "*batch sequence"]
) -> Float[Tensor, "*batch"]:
    """How much more often an item is found at one place than at another.

    Parameters
    ----------
    first, second : (*batch, sequence)
        Whether each answer was right, with the right item at the first and at the second of the two places; as many
        sequences for one as for the other.

    Returns
    -------
    (*batch)
        ``accuracy(first) - accuracy(second)`` in [-1, 1], float64; above 0: a bias to the first-named place.

    Raises
    ------
    ValueError
        If the shapes differ or there are no sequences.

    Notes
    -----
    Wu et al. 2025, Section 5: acc([a, b]) - acc([b, a]), where the places a and b hold the same vector and the
    first-named one holds the right label, so that position alone decides.

    Examples
    --------
    >>> accuracy_gap(torch.tensor([True, True, True, False]), torch.tensor([True, False, False, False]))
    tensor(0.5000, dtype=torch.float64)
    """
    if first.shape != second.shape or not first.shape[-1]:
        got = f"{tuple(first.shape)} and {tuple(second.shape)}"
        raise ValueError(f"accuracy_gap needs as many sequences, at least one, for both places, got {got}")
    return first.double().mean(-1) - second.double().mean(-1)
