"""Attention maps of weights with a given eigenspectrum: every query of random sequences, and what the maps do.

Scores are linear in the two numbers of a symmetric spectrum, its mean and its spread. So the two parts of the scores
are computed once for a whole diagram.
"""

import math
from collections.abc import Iterator

import torch

from attention_atlas.attention import attention_weights
from attention_atlas.metrics import entropy
from attention_atlas.shapes import Bool, Float64, Tensor
from attention_atlas.theory.localization.spectrum import standardized

FOLDS = 10
ENTRIES = 2**20  # of maps held at once


def fold_chunks(sequences: int, tokens: int) -> Iterator[int]:
    """How many sequences to draw next, ten folds of them in pieces that fit into memory; 0 where a fold ends.

    Parameters
    ----------
    sequences, tokens : int
        How many in all, a multiple of 10 from 20 on, and their length.

    Raises
    ------
    ValueError
        If they cannot be split into folds.

    Examples
    --------
    >>> list(fold_chunks(20, 8)) == [2, 0] * 10
    True
    """
    if sequences < 2 * FOLDS or sequences % FOLDS:
        raise ValueError(f"sequences must be a multiple of {FOLDS} from {2 * FOLDS} on, got {sequences}")
    for _ in range(FOLDS):
        left = sequences // FOLDS
        while left:
            number = max(1, min(left, ENTRIES // tokens**2))
            yield number
            left -= number
        yield 0


class SpectralScores:
    """Scores of one layer with symmetric weights, whatever the mean and the deviation of their eigenvalues.

    Parameters
    ----------
    tokens : (sequence, token, d_model)
        Token vectors, in the basis of the weights.
    shape : {"gaussian", "two-point", "spike"}
        How the eigenvalues lie around their mean.

    Notes
    -----
    With eigenvalues ``eta / sqrt(d) + deviation * g_k``, g of mean 0 and variance 1, the scores ``X W X^T / sqrt(d)``
    are ``eta * drift + deviation * spread`` with ``drift = X X^T / d`` and ``spread = X diag(g) X^T / sqrt(d)``.

    Examples
    --------
    >>> SpectralScores(torch.eye(2, dtype=torch.float64)[None], "two-point").spread[0]
    tensor([[-0.7071,  0.0000],
            [ 0.0000,  0.7071]], dtype=torch.float64)
    """

    def __init__(self, tokens: Float64[Tensor, "sequence token d_model"], shape: str = "gaussian"):
        d_model = tokens.shape[-1]
        centered = tokens - tokens.mean(1, keepdim=True)  # rows of weights sum to 1, so the mean passes unchanged
        self._inner = centered @ centered.mT
        self.drift = tokens @ tokens.mT / d_model
        self.spread = (tokens * standardized(d_model, shape)) @ tokens.mT / math.sqrt(d_model)

    def weights(
        self, eta: float, deviation: float, mask: Bool[Tensor, "query key"]
    ) -> Float64[Tensor, "sequence query key"]:
        """Attention at one mean and deviation of the eigenvalues.

        Parameters
        ----------
        eta, deviation : float
            See :func:`attention_atlas.theory.localization.spectrum.eigenvalues`.
        mask : (query, key)
            True where attention is allowed.
        """
        return attention_weights(eta * self.drift + deviation * self.spread, mask)

    def residual(self, weights: Float64[Tensor, "sequence query key"]) -> Float64[Tensor, "sequence"]:
        """Rank residual of ``weights @ tokens`` against the tokens, from their inner products.

        See :func:`attention_atlas.metrics.rank_residual`, which needs the tokens themselves.
        """
        centered = weights - weights.mean(1, keepdim=True)
        left = ((centered @ self._inner) * centered).sum((1, 2)).clamp(min=0)  # rounding, where nothing is left
        return (left / self._inner.diagonal(dim1=1, dim2=2).sum(1)).sqrt()


class Concentration:
    """Entropy of attention and its two causes, position and content, over many sequences.

    Parameters
    ----------
    mask : (query, key)
        True where attention is allowed.

    Examples
    --------
    >>> concentration = Concentration(torch.ones(2, 2, dtype=torch.bool))
    >>> concentration.add(torch.eye(2, dtype=torch.float64).expand(3, 2, 2))
    tensor([0., 0., 0.], dtype=torch.float64)
    >>> concentration.split()
    (1.0, 0.0)
    """

    def __init__(self, mask: Bool[Tensor, "query key"]):
        self.sequences = 0
        self._largest = mask.sum(-1).double().log()
        self._several = self._largest > 0  # a query with one key has no choice
        self._sum = torch.zeros(mask.shape, dtype=torch.float64)
        self._squares = torch.zeros_like(self._sum)
        self._entropy = torch.zeros(len(mask), dtype=torch.float64)

    def add(self, weights: Float64[Tensor, "sequence query key"]) -> Float64[Tensor, "sequence"]:
        """Add the maps of some sequences.

        Parameters
        ----------
        weights : (sequence, query, key)
            Attention weights.

        Returns
        -------
        (sequence,)
            Normalized entropy of each, averaged over its queries.
        """
        nats = entropy(weights)
        self.sequences += len(weights)
        self._sum += weights.sum(0)
        self._squares += weights.square().sum(0)
        self._entropy += nats.sum(0)
        return (nats / self._largest)[:, self._several].mean(1)

    def split(self) -> tuple[float, float]:
        """What position and what content explains, as :func:`attention_atlas.theory.localization.collapse.split` says.

        The mean map of finitely many sequences looks more concentrated than the mean of all. To first order its
        entropy is too low by the sum over keys of ``variance of the mean / (2 mean)``, which is given back.
        """
        mean = self._sum / self.sequences
        noise = (self._squares / self.sequences - mean.square()).clamp(min=0) / max(self.sequences - 1, 1)
        missing = torch.where(mean > 0, noise / (2 * mean), 0.0).sum(-1)
        of_mean = torch.minimum(entropy(mean) + missing, self._largest)
        by_position = ((self._largest - of_mean) / self._largest)[self._several].mean()
        by_content = ((of_mean - self._entropy / self.sequences) / self._largest)[self._several].mean()
        return by_position.item(), by_content.item()


class Measured:
    """Means over sequences, with errors, of what attention at one place of a diagram is and does.

    Parameters
    ----------
    mask : (query, key)
        True where attention is allowed.
    """

    def __init__(self, mask: Bool[Tensor, "query key"]):
        self._mask, self._all, self._fold = mask, Concentration(mask), Concentration(mask)
        self._each, self._parts = {}, []

    def add(self, weights: Float64[Tensor, "sequence query key"], **others: Float64[Tensor, "sequence"]) -> None:
        """Add the maps of some sequences, and any other numbers that each sequence has."""
        self._fold.add(weights)
        for name, values in {"entropy": self._all.add(weights), **others}.items():
            self._each.setdefault(name, []).append(values)

    def close_fold(self) -> None:
        """End a fold: the split of the concentration is an average of no single numbers, so folds give its error."""
        self._parts.append(self._fold.split())
        self._fold = Concentration(self._mask)

    def numbers(self) -> dict[str, tuple[float, float]]:
        """Mean and standard error of ``entropy``, ``by_position``, ``by_content`` and all other numbers added."""
        each = {name: torch.cat(values) for name, values in self._each.items()}
        found = {name: mean_and_error(values) for name, values in each.items()}
        folds = torch.tensor(self._parts, dtype=torch.float64).T
        errors = [mean_and_error(part)[1] for part in folds]
        parts = zip(self._all.split(), errors, strict=True)
        return found | dict(zip(("by_position", "by_content"), parts, strict=True))


def mean_and_error(values: Float64[Tensor, "number"]) -> tuple[float, float]:
    """Mean of several numbers and its standard error.

    Examples
    --------
    >>> mean_and_error(torch.tensor([1.0, 3.0], dtype=torch.float64))
    (2.0, 1.0)
    """
    return values.mean().item(), (values.std() / math.sqrt(len(values))).item()
