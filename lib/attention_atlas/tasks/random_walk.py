"""Tokens that wander: each is the one before it plus noise, or forgets it at once, or anything between."""

import math

import torch

from attention_atlas.shapes import Float64, Tensor
from attention_atlas.simulation.running import whole_blocks


def mixing(tokens: int, persistence: float = 1.0) -> Float64[Tensor, "token step"]:
    """How much of every step is in every token.

    Parameters
    ----------
    tokens : int
        Length of a sequence, at least 2.
    persistence : float
        Share of a token that the next one keeps, in [0, 1]: 1 is the random walk, 0 independent tokens.

    Returns
    -------
    (token, step)
        ``persistence^(token - step)``, and 0 for steps that are still to come.

    Raises
    ------
    ValueError
        If there are fewer than 2 tokens, or the persistence is outside [0, 1].

    Notes
    -----
    Bao et al. 2024 assume the random walk; what lies between it and independent tokens is ours.

    Examples
    --------
    >>> mixing(3, 0.5)
    tensor([[1.0000, 0.0000, 0.0000],
            [0.5000, 1.0000, 0.0000],
            [0.2500, 0.5000, 1.0000]], dtype=torch.float64)
    """
    if tokens < 2:
        raise ValueError(f"a sequence needs at least 2 tokens, got {tokens}")
    if not 0 <= persistence <= 1:
        raise ValueError(f"persistence must be in [0, 1], got {persistence}")
    index = torch.arange(tokens, dtype=torch.float64)
    return (torch.tensor(persistence, dtype=torch.float64) ** (index[:, None] - index).clamp(min=0)).tril()


def walks(
    sequences: int,
    tokens: int,
    d_model: int,
    generator: torch.Generator,
    persistence: float = 1.0,
    increment: float = 1.0,
) -> Float64[Tensor, "sequence token d_model"]:
    """Random sequences of tokens with Gaussian steps.

    Parameters
    ----------
    sequences, tokens, d_model : int
        How many sequences, of how many tokens (at least 2), of which dimension.
    generator : torch.Generator
        Source of randomness.
    persistence : float
        See :func:`mixing`; 1 is the random walk, 0 gives independent tokens.
    increment : float
        Variance of a coordinate of a step, above 0.

    Returns
    -------
    (sequence, token, d_model)
        ``x_i = persistence * x_(i-1) + step_i``, the first token being the first step.

    Raises
    ------
    ValueError
        If a size or a parameter is impossible.

    Notes
    -----
    The strong random walk of Bao et al. 2024 with unit covariance: of another covariance C of the steps, a layer with
    weights W sees what one with ``C^(1/2) W C^(1/2)`` sees here.

    Examples
    --------
    >>> x = walks(2000, 4, 8, torch.Generator().manual_seed(0))
    >>> x.square().mean(dim=(0, 2)).round(decimals=1)
    tensor([1., 2., 3., 4.], dtype=torch.float64)
    """
    if increment <= 0:
        raise ValueError(f"the variance of an increment must be above 0, got {increment}")
    if sequences < 1 or d_model < 1:
        raise ValueError(f"at least 1 sequence and 1 dimension are needed, got {sequences} and {d_model}")
    mixed = mixing(tokens, persistence)  # refuses impossible values
    needed = tokens * d_model
    steps = torch.randn(sequences, whole_blocks(needed), generator=generator, dtype=torch.float64)
    steps = steps[:, :needed].mul_(math.sqrt(increment)).unflatten(1, (tokens, d_model))
    if persistence == 1:
        return torch.cumsum(steps, 1, out=steps)
    return mixed @ steps if persistence else steps
