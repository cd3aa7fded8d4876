"""When does recency show? The mean effect of normalization in layer 2 against the noise of random tokens.

An estimate, no bound: to first order in q = e^(-(1-alpha) sqrt(d)), what a token gives to another one against itself.
"""

import math

import torch

from attention_atlas.shapes import Float64, Tensor
from attention_atlas.simulation.model import Model


def signal_to_noise(d_model: int, alpha: float) -> float:
    """By how many standard deviations layer 2 prefers a key to the one before it.

    Parameters
    ----------
    d_model : int
        Dimension d, at least 2.
    alpha : float
        Expected cosine of two tokens, in [0, 1).

    Returns
    -------
    float
        ``alpha sqrt(d) e^(-(1-alpha) sqrt(d)) / sqrt(2 + 2 alpha - alpha^2)``; keys k and j differ k - j times as much.

    Raises
    ------
    ValueError
        If the dimension or alpha is impossible.

    Notes
    -----
    Derived here, to first order in q. Signal: S_ik - S_ij = sqrt(d) alpha (1-alpha) (k-j) q, from
    :func:`attention_atlas.theory.recency.closed_form.predicted_scores`. Noise: the cosine of two of Kim et al.'s
    tokens varies by (1-alpha) sqrt((1 + alpha (1-alpha) + alpha^2/2) / d) for each of them, so a difference of two
    scores by (1-alpha) sqrt(2 + 2 alpha - alpha^2). Both shrink as 1 - alpha; their ratio does not.

    Examples
    --------
    >>> round(signal_to_noise(64, 0.5), 4)
    0.0442
    """
    model = Model(d_model, alpha)
    root = math.sqrt(model.d_model)
    return alpha * root * math.exp(-(1 - alpha) * root) / math.sqrt(2 + 2 * alpha - alpha**2)


def estimated_recency(tokens: int, d_model: int, alpha: float) -> float:
    """Recency probability of layer 2, if the noise were Gaussian and q small.

    Parameters
    ----------
    tokens, d_model : int
        Length of the sequence, at least 3, and dimension d, at least 2.
    alpha : float
        Expected cosine of two tokens, in [0, 1).

    Returns
    -------
    float
        The mean of ``Phi((k-j) signal_to_noise)`` over all triples j < k < i, Phi being the Gaussian distribution.

    Raises
    ------
    ValueError
        If a size or alpha is impossible.

    Notes
    -----
    Derived here; meant for d of 64 and more, while the probability is below about 0.65. Beyond, the first layer mixes
    tokens so much that the effect saturates; in few dimensions terms of second order count. Neither is in it.

    Examples
    --------
    >>> round(estimated_recency(10, 64, 0.5), 3), estimated_recency(10, 64, 0.0)
    (0.548, 0.5)
    """
    model = Model(d_model, alpha, tokens=tokens)
    ratio = signal_to_noise(model.d_model, model.alpha)
    later, distance = _distances(tokens)
    return ((later * torch.special.ndtr(distance * ratio)).sum() / later.sum()).item()


def _distances(tokens: int) -> tuple[Float64[Tensor, "distance"], Float64[Tensor, "distance"]]:
    """How many triples j < k < i have k - j = 1, 2, ..., and these distances."""
    distance = torch.arange(1, tokens - 1, dtype=torch.float64)
    left = tokens - 1 - distance  # pairs (j, k) at that distance have k = distance + 1 .. S - 1
    return left * (left + 1) / 2, distance
