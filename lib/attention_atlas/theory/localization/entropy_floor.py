"""The least entropy that attention can have when its logits are small (Zhai et al. 2023)."""

import math

import torch

from attention_atlas.shapes import Float64, Tensor


def entropy_floor(size: Float64[Tensor, "*batch"] | float, tokens: int) -> Float64[Tensor, "*batch"]:
    """Least entropy of a softmax over T logits of a given Euclidean norm.

    Parameters
    ----------
    size : (*batch)
        At least the norm of a query's logits, at least 0; :func:`logit_size` bounds it by norms of weights and tokens.
    tokens : int
        Number T of keys, at least 2.

    Returns
    -------
    (*batch)
        ``log(1 + (T-1) b) + s sqrt(T (T-1)) b / (1 + (T-1) b)`` nats, ``b = exp(-s sqrt(T / (T-1)))``: log T at size
        0, falling to 0 as e^-s.

    Raises
    ------
    ValueError
        If the size is negative or there are fewer than 2 tokens.

    Notes
    -----
    Zhai et al. 2023, Theorem 3.1, which Bao et al. 2024 set beside theirs. It is reached by one logit above T - 1
    equal ones. A constant added to all logits changes nothing: norms of logits less their mean may be used.

    Examples
    --------
    >>> entropy_floor(torch.tensor([0.0, 4.0], dtype=torch.float64), 8)
    tensor([2.0794, 0.4719], dtype=torch.float64)
    """
    size = torch.as_tensor(size, dtype=torch.float64)
    if tokens < 2 or (size < 0).any():
        raise ValueError(f"at least 2 tokens and a norm of at least 0 are needed, got {tokens} and {size.min():g}")
    others = (tokens - 1) * torch.exp(-size * math.sqrt(tokens / (tokens - 1)))
    return torch.log1p(others) + size * math.sqrt(tokens / (tokens - 1)) * others / (1 + others)


def lowest_logits(size: float, tokens: int) -> Float64[Tensor, "key"]:
    """The logits of this norm whose softmax has the least entropy.

    Parameters
    ----------
    size : float
        Their norm.
    tokens : int
        Their number T, at least 2.

    Returns
    -------
    (key,)
        One above T - 1 equal ones; their mean is 0.

    Raises
    ------
    ValueError
        If there are fewer than 2 tokens.

    Notes
    -----
    Zhai et al. 2023, Theorem 3.1: where the bound is tight.

    Examples
    --------
    >>> lowest_logits(2.0, 4)
    tensor([ 1.7321, -0.5774, -0.5774, -0.5774], dtype=torch.float64)
    """
    if tokens < 2:
        raise ValueError(f"at least 2 tokens are needed, got {tokens}")
    logits = torch.full((tokens,), -size / math.sqrt(tokens * (tokens - 1)), dtype=torch.float64)
    logits[0] = size * math.sqrt((tokens - 1) / tokens)
    return logits


def logit_size(
    weights: Float64[Tensor, "d_model d_model"], tokens: Float64[Tensor, "*batch token d_model"]
) -> Float64[Tensor, "*batch"]:
    """A bound on the norm of every query's logits, from norms of weights and tokens alone.

    Parameters
    ----------
    weights : (d_model, d_model)
        W of the logits ``x_i^T W x_j / sqrt(d)``.
    tokens : (*batch, token, d_model)
        Sequences.

    Returns
    -------
    (*batch)
        ``||W||_2 ||X||_2^2 / sqrt(d)``, spectral norms.

    Notes
    -----
    The product in Zhai et al. 2023, Theorem 3.1, with the division by ``sqrt(d)`` that logits have here.

    Examples
    --------
    >>> logit_size(torch.eye(4).double(), torch.eye(4).double())
    tensor(0.5000, dtype=torch.float64)
    """
    return (
        torch.linalg.matrix_norm(weights, 2)
        * torch.linalg.matrix_norm(tokens, 2).square()
        / math.sqrt(weights.shape[-1])
    )
