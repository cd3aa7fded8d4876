"""What a linear map can read off some features: a probe fitted on half of the windows of a text, tested on the rest."""

import math
from typing import NamedTuple

import torch

from attention_atlas.shapes import Bool, Float, Tensor

PENALTY = 1e-3  # of the squared weights, beside a mean squared error over features of variance 1
ROUNDING = 1e-7  # of float32; a feature that varies less, beside its size, is constant


class Score(NamedTuple):
    """Balanced accuracy of a probe and its standard error over windows."""

    value: float
    standard_error: float


def fit(features: Float[Tensor, "example feature"], labels: Bool[Tensor, "example"]) -> Float[Tensor, "feature_and_1"]:
    """Weights of a linear probe, by least squares on the targets 1 and -1; both classes count the same.

    Parameters
    ----------
    features : (example, feature)
        What the probe reads.
    labels : (example,)
        What it shall say; some are True, some are not.

    Returns
    -------
    (feature + 1,)
        In float64: a weight for each feature and the constant; the probe says True where the sum is above 0.

    Raises
    ------
    ValueError
        If there are not both classes.

    Notes
    -----
    Features are divided by their standard deviation first, and squared weights cost :data:`PENALTY`. Without it this is
    Fisher's linear discriminant. Ours: which classifier Zhang et al. 2025 fit is not known to us.

    Examples
    --------
    >>> fit(torch.tensor([[0.0], [1.0], [3.0]]), torch.tensor([False, False, True])).round(decimals=2).tolist()
    [0.74, -1.3]
    """
    if labels.all() or not labels.any():
        raise ValueError(f"a probe needs examples of both classes, got {int(labels.sum())} of {len(labels)} True")
    x, target = features.double(), 2 * labels.double() - 1
    share = labels.double().mean()
    weight = torch.where(labels, 1 / (2 * share), 1 / (2 * (1 - share))) / len(labels)
    mean = weight @ x
    apart = x - mean
    scale = (weight @ apart.square()).sqrt()
    known = scale > ROUNDING * (weight @ x.square()).sqrt()
    scale = torch.where(known, scale, 1.0)
    apart = apart / scale * known  # a constant feature gets the weight 0, not that of its rounding
    gram = apart.mT @ (weight[:, None] * apart) + PENALTY * torch.eye(x.shape[1], dtype=torch.float64, device=x.device)
    found = torch.linalg.solve(gram, apart.mT @ (weight * target)) / scale
    return torch.cat([found, -(mean @ found)[None]])  # targets have the weighted mean 0


def says(probe: Float[Tensor, "feature_and_1"], features: Float[Tensor, "*batch feature"]) -> Bool[Tensor, "*batch"]:
    """What a probe of :func:`fit` says.

    Examples
    --------
    >>> says(torch.tensor([0.74, -1.30]), torch.tensor([[1.0], [2.0]]))
    tensor([False,  True])
    """
    return features.to(probe.dtype) @ probe[:-1] + probe[-1] > 0


def balanced_accuracy(said: Bool[Tensor, "window token"], labels: Bool[Tensor, "window token"]) -> Score:
    """Mean of the two classes' accuracies, so that a probe that always says the same has 1/2.

    Parameters
    ----------
    said, labels : (window, token)
        What a probe says, and what is right.

    Returns
    -------
    Score
        The standard error takes windows as independent of each other and tokens of one window as not: the sum over
        windows of squared first-order contributions (the linearized, cluster-robust error of a ratio).

    Raises
    ------
    ValueError
        If there are not both classes.

    Examples
    --------
    >>> labels = torch.tensor([[True, False], [True, False]])
    >>> balanced_accuracy(torch.tensor([[True, False], [True, True]]), labels)
    Score(value=0.75, standard_error=0.25)
    """
    value, apart = 0.0, torch.zeros(len(labels), dtype=torch.float64, device=labels.device)
    for chosen, right in ((labels, labels & said), (~labels, ~labels & ~said)):
        counts, hits = chosen.sum(-1).double(), right.sum(-1).double()
        total = counts.sum()
        if not total:
            raise ValueError("balanced accuracy needs both classes, got one")
        share = hits.sum() / total
        value += share.item() / 2
        apart += (hits - share * counts) / total / 2
    windows = len(labels)
    error = math.sqrt(apart.square().sum().item() * windows / (windows - 1)) if windows > 1 else math.nan
    return Score(value, error)


def probe(features: Float[Tensor, "window token feature"], labels: Bool[Tensor, "window token"]) -> Score:
    """How well a linear map tells the label of a token, on windows that it was not fitted on.

    Parameters
    ----------
    features : (window, token, feature)
        What it reads of each token.
    labels : (window, token)
        What it shall say.

    Returns
    -------
    Score
        Of the second half of the windows; fitted on the first half.

    Raises
    ------
    ValueError
        If there are less than two windows, or not both classes in both halves.

    Examples
    --------
    >>> labels = torch.tensor([[True, False], [False, True]])
    >>> probe(labels[..., None].float(), labels).value
    1.0
    """
    half = len(labels) // 2
    if not half:
        raise ValueError(f"a probe is fitted on some windows and tested on others, got {len(labels)}")
    weights = fit(features[:half].flatten(0, 1), labels[:half].flatten())
    return balanced_accuracy(says(weights, features[half:]), labels[half:])
