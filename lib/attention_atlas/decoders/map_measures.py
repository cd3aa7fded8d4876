"""Preferences for later keys, sequence by sequence, with ties shared: what text needs, where tokens come again."""

import torch

from attention_atlas.metrics import without_diagonal_means
from attention_atlas.shapes import Float, Tensor


def later_preferred(scores: Float[Tensor, "batch query key"]) -> Float[Tensor, "batch"]:
    """Share of triples in which a query scores the later of two earlier keys higher; a tie counts one half.

    Parameters
    ----------
    scores : (batch, query, key)
        As many queries as keys, at least three. Entries with ``key >= query`` are ignored.

    Returns
    -------
    (batch,)
        Of each sequence, in [0, 1]; one half is no preference.

    Raises
    ------
    ValueError
        If the maps are not square or are smaller than 3 x 3.

    Notes
    -----
    The recency probability of Kim et al. 2026, :func:`attention_atlas.metrics.recency_probability`, but for ties. Equal
    tokens have equal scores in the first layer of a decoder without positions. If ties counted as "not higher", text
    in any order would show a bias toward early tokens there.

    Examples
    --------
    >>> later_preferred(torch.tensor([[[0.0, 0.0, 0.0], [0.0, 0.0, 0.0], [1.0, 2.0, 0.0]], [[0.0] * 3] * 3]))
    tensor([1.0000, 0.5000])
    """
    queries, keys = scores.shape[-2:]
    if queries != keys or keys < 3:
        raise ValueError(f"later_preferred needs square score maps of at least 3 x 3, got {queries} x {keys}")
    query, later, earlier = torch.combinations(torch.arange(keys).flip(0), 3).T  # every i > k > j once
    flat = scores.flatten(1)
    rise = flat[:, query * keys + later] - flat[:, query * keys + earlier]
    return (1 + rise.sign().mean(1)) / 2


def later_less(lengths: Float[Tensor, "batch token"]) -> Float[Tensor, "batch"]:
    """Share of pairs of tokens of which the later has the smaller number; a tie counts one half.

    Parameters
    ----------
    lengths : (batch, token)
        One number for each token, at least two tokens.

    Returns
    -------
    (batch,)
        In [0, 1].

    Raises
    ------
    ValueError
        If there are fewer than two tokens.

    Examples
    --------
    >>> later_less(torch.tensor([[3.0, 2.0, 1.0], [1.0, 2.0, 1.0]]))
    tensor([1.0000, 0.5000])
    """
    if lengths.shape[1] < 2:
        raise ValueError(f"later_less compares tokens, at least 2, got {lengths.shape[1]}")
    later, earlier = torch.combinations(torch.arange(lengths.shape[1]).flip(0), 2).T
    return (1 - (lengths[:, later] - lengths[:, earlier]).sign().mean(1)) / 2


def without_distance(scores: Float[Tensor, "batch query key"]) -> Float[Tensor, "batch query key"]:
    """Scores of every sequence less what the mean score is at their distance.

    Parameters
    ----------
    scores : (batch, query, key)
        As many queries as keys.

    Returns
    -------
    (batch, query, key)
        The mean over sequences of the result is the mean map without its diagonals' means.

    Raises
    ------
    ValueError
        If the maps are not square.

    Notes
    -----
    Kim et al. 2026, first version, take the means off the mean map. Taken off every sequence they leave its own
    scores, whose order can be asked: a bias that is a function of the distance alone leaves no preference on average.

    Examples
    --------
    >>> left = without_distance(torch.tensor([[[9.0, 0.0, 0.0], [1.0, 9.0, 0.0], [0.0, 3.0, 9.0]]]))
    >>> left[0, 2], left[0, 1, 0]
    (tensor([0., 1., 0.]), tensor(-1.))
    """
    mean = scores.mean(0)
    return scores - (mean - without_diagonal_means(mean))
