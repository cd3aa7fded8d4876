"""What the model of the tokens contributes to a score: two numbers for every key.

A key's score, less the mean score of all keys, is a bilinear form ``u^T W v / sqrt(d)``. Coordinate by coordinate
``(u, v)`` is a pair of Gaussians, v the query and u the key less the mean key. So the tokens enter through the
covariance of the two and the product of their variances only; the weights W enter through their spectrum.
"""

from dataclasses import dataclass

import torch

from attention_atlas.shapes import Float64, Tensor


@dataclass(frozen=True, eq=False)
class Forms:
    """Second moments of centered keys and one query.

    Parameters
    ----------
    covariance : (key,)
        Covariance of a coordinate of the centered key u with that of the query v.
    product : (key,)
        Variance of u times variance of v.
    """

    covariance: Float64[Tensor, "key"]
    product: Float64[Tensor, "key"]

    @property
    def tokens(self) -> int:
        """Number of keys."""
        return len(self.covariance)

    def scaled(self, increment: float) -> "Forms":
        """The same for steps of another variance.

        Parameters
        ----------
        increment : float
            Variance of a coordinate of a step, above 0.

        Examples
        --------
        >>> random_walk(3).scaled(2.0).product / random_walk(3).product
        tensor([4., 4., 4.], dtype=torch.float64)
        """
        if increment <= 0:
            raise ValueError(f"the variance of an increment must be above 0, got {increment}")
        return Forms(self.covariance * increment, self.product * increment**2)


def of_mixing(mixing: Float64[Tensor, "token step"], query: int = -1) -> Forms:
    """Moments of any tokens that are mixtures of independent steps of variance 1.

    Parameters
    ----------
    mixing : (token, step)
        How much of every step is in every token.
    query : int
        Which token asks, counted from 0; by default the last.

    Returns
    -------
    Forms
        One pair of moments for every key.

    Raises
    ------
    ValueError
        If there is no such token.

    Notes
    -----
    Derived here. Token i less the mean token is ``sum_s c_s xi_s`` with ``c = M_i - mean_j M_j``, the query
    ``sum_s q_s xi_s``: the moments are ``c.q`` and ``(c.c)(q.q)``.

    Examples
    --------
    >>> of_mixing(torch.eye(2).double()).covariance
    tensor([-0.5000,  0.5000], dtype=torch.float64)
    """
    if not -len(mixing) <= query < len(mixing):
        raise ValueError(f"the query must be one of {len(mixing)} tokens, got {query}")
    centered, asking = mixing - mixing.mean(0), mixing[query]
    return Forms(centered @ asking, centered.square().sum(1) * asking.square().sum())


def random_walk(tokens: int) -> Forms:
    """Moments of the random walk with steps of variance 1, the last token asking.

    Parameters
    ----------
    tokens : int
        Length T, at least 2.

    Returns
    -------
    Forms
        With i = 1..T, ``covariance = i - (T+1)/2`` and ``product = [i(i-1)(2i-1) + (T-i)(T-i+1)(2(T-i)+1)] / (6 T)``.

    Raises
    ------
    ValueError
        If there are fewer than 2 tokens.

    Notes
    -----
    Derived here, for the strong random walk of Bao et al. 2024.

    Examples
    --------
    >>> random_walk(3).covariance
    tensor([-1.,  0.,  1.], dtype=torch.float64)
    """
    _check(tokens)
    i = torch.arange(1, tokens + 1, dtype=torch.float64)
    left = tokens - i
    squares = i * (i - 1) * (2 * i - 1) + left * (left + 1) * (2 * left + 1)
    return Forms(i - (tokens + 1) / 2, squares / (6 * tokens))


def independent(tokens: int) -> Forms:
    """Moments of independent tokens of variance 1, the last token asking: equal for all keys but the query itself.

    Parameters
    ----------
    tokens : int
        Length T, at least 2.

    Returns
    -------
    Forms
        ``covariance = -1/T``, for the last key ``1 - 1/T``; ``product = 1 - 1/T``.

    Raises
    ------
    ValueError
        If there are fewer than 2 tokens.

    Notes
    -----
    Derived here; the negative control of the random walk.

    Examples
    --------
    >>> independent(4).covariance
    tensor([-0.2500, -0.2500, -0.2500,  0.7500], dtype=torch.float64)
    """
    _check(tokens)
    covariance = torch.full((tokens,), -1 / tokens, dtype=torch.float64)
    covariance[-1] += 1
    return Forms(covariance, torch.full_like(covariance, 1 - 1 / tokens))


def _check(tokens: int) -> None:
    if tokens < 2:
        raise ValueError(f"a sequence needs at least 2 tokens, got {tokens}")
