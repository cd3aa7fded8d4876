"""Coordinates in which to look at a stream of embeddings: where tokens differ most, and none in particular."""

from typing import NamedTuple

import torch

from attention_atlas.metrics import outlier_ratio
from attention_atlas.shapes import Bool, Float, Tensor
from attention_atlas.theory.localization.spectrum import orthonormal


class Principal(NamedTuple):
    """Embeddings in the directions along which they differ most."""

    places: Float[Tensor, "*batch token direction"]  # less the mean token, largest direction first
    directions: Float[Tensor, "*batch direction d_model"]  # orthonormal rows; the largest entry of each is above 0
    shares: Float[Tensor, "*batch direction"]  # of the variance, falling, with the sum 1


def principal(embeddings: Float[Tensor, "*batch token d_model"]) -> Principal:
    """Principal components of the tokens' embeddings.

    Parameters
    ----------
    embeddings : (*batch, token, d_model)
        Of one layer; sequences that are to share directions are folded into the token axis.

    Returns
    -------
    Principal
        As many directions as the smaller of tokens and d_model.

    Raises
    ------
    ValueError
        If all tokens are equal.

    Examples
    --------
    >>> found = principal(torch.tensor([[0.0, 1.0], [4.0, 1.0], [2.0, 2.0], [2.0, 0.0]]))
    >>> found.directions.tolist(), found.shares.tolist(), found.places[:, 0].tolist()
    ([[1.0, 0.0], [0.0, 1.0]], [0.800000011920929, 0.20000000298023224], [-2.0, 2.0, 0.0, 0.0])
    """
    centered = embeddings - embeddings.mean(-2, keepdim=True)
    _, sizes, directions = torch.linalg.svd(centered, full_matrices=False)
    total = sizes.square().sum(-1, keepdim=True)
    if (total == 0).any():
        raise ValueError("principal components need tokens that differ, got equal ones")
    largest = directions.abs().argmax(-1, keepdim=True)
    directions = directions * directions.gather(-1, largest).sign()
    return Principal(centered @ directions.mT, directions, sizes.square() / total)


def separation(places: Float[Tensor, "token"], tagged: Bool[Tensor, "token"]) -> float:
    """How well one coordinate tells two kinds of token apart.

    Parameters
    ----------
    places : (token,)
        The coordinate.
    tagged : (token,)
        Which tokens are of the one kind; some are, some are not.

    Returns
    -------
    float
        Probability that a token of one kind lies above one of the other kind, ties counting one half, in the direction
        that is likelier: 1/2 if the coordinate says nothing, 1 if a threshold separates all.

    Raises
    ------
    ValueError
        If there are not both kinds.

    Notes
    -----
    The area under the ROC curve, or one less it.

    Examples
    --------
    >>> separation(torch.tensor([0.0, 1.0, 2.0, 3.0]), torch.tensor([False, True, False, True]))
    0.75
    """
    if tagged.all() or not tagged.any():
        raise ValueError(f"separation needs tokens of both kinds, got {int(tagged.sum())} of {len(tagged)} tagged")
    low, high = places[~tagged].double(), places[tagged].double()
    order = low.sort().values
    below = torch.searchsorted(order, high) + torch.searchsorted(order, high, right=True)
    share = below.double().mean().item() / (2 * len(low))
    return max(share, 1 - share)


def typical_outlier(embeddings: Float[Tensor, "sequence token d_model"]) -> float:
    """Outlier ratio of a layer in a typical sequence.

    Parameters
    ----------
    embeddings : (sequence, token, d_model)
        Of one layer.

    Returns
    -------
    float
        Median over sequences of the largest :func:`attention_atlas.metrics.outlier_ratio` of their tokens. Sequences in
        which half of all coordinates are 0 have no ratio and are left out; NaN if none is left.

    Examples
    --------
    >>> typical_outlier(torch.tensor([[[1.0, -2.0, 1.0]], [[0.0, 0.0, 5.0]], [[1.0, 8.0, 1.0]], [[-9.0, 1.0, 1.0]]]))
    8.0
    """
    kept = embeddings[embeddings.abs().flatten(1).median(1).values > 0]
    return outlier_ratio(kept).amax(-1).median().item() if len(kept) else float("nan")


def turned_outliers(
    embeddings: Float[Tensor, "sequence token d_model"], rotations: int, generator: torch.Generator
) -> Float[Tensor, "rotation"]:
    """The same in random coordinates: what the ratio is if no coordinate is special.

    Parameters
    ----------
    embeddings : (sequence, token, d_model)
        Of one layer, float64.
    rotations : int
        How many, at least 1.
    generator : torch.Generator
        Source of randomness.

    Returns
    -------
    (rotation,)
        :func:`typical_outlier` in each of so many bases, of :func:`~.spectrum.orthonormal`.

    Raises
    ------
    ValueError
        If there are no rotations.

    Examples
    --------
    >>> layer = torch.tensor([[[1.0, 100.0], [2.0, -100.0]]], dtype=torch.float64)
    >>> typical_outlier(layer), (turned_outliers(layer, 5, torch.Generator().manual_seed(0)) < 10).sum().item()
    (50.0, 5)
    """
    if rotations < 1:
        raise ValueError(f"at least 1 rotation is needed, got {rotations}")
    turns = (orthonormal(embeddings.shape[-1], generator) for _ in range(rotations))
    return torch.tensor([typical_outlier(embeddings @ turn) for turn in turns], dtype=torch.float64)
