"""Two layers, solved exactly: the norm of a token's output falls with its position, and normalizing gives recency.

The first layer's inputs are idealized: all have the norm of a normalized token and all pairs the cosine alpha. o_j is
the layer's output at token j in units of that norm, r the strength of the residual: o_j = r x_j + sum_l P_jl x_l.
With u = e^sqrt(d) and v = e^(alpha sqrt(d)), token j gives itself u / D_j and every earlier one v / D_j,
D_j = u + (j-1) v. Only v / u = e^(-(1-alpha) sqrt(d)) is ever computed, so no size overflows.
"""

import math

import torch

from attention_atlas.shapes import Float64, Tensor


def _require(tokens: int, d_model: int, alpha: float, residual: float = 0.0) -> None:
    """Refuse sizes and strengths that do not exist."""
    if tokens < 2:
        raise ValueError(f"recency needs at least 2 tokens, got {tokens}")
    if d_model < 1:
        raise ValueError(f"d_model must be at least 1, got {d_model}")
    if not 0 <= alpha < 1:
        raise ValueError(f"alpha, the cosine of two tokens, must be in [0, 1), got {alpha}")
    if not 0 <= residual < math.inf:
        raise ValueError(f"the residual's strength must be a finite number of at least 0, got {residual}")


def _shares(tokens: int, d_model: int, alpha: float) -> tuple[Float64[Tensor, "token"], Float64[Tensor, "token"]]:
    """What token j gives to each earlier token, v / D_j, and to all of them, (j-1) v / D_j."""
    ratio = math.exp(-(1 - alpha) * math.sqrt(d_model))
    before = torch.arange(tokens, dtype=torch.float64)
    each = ratio / (1 + before * ratio)
    return each, before * each


def recency_effect(tokens: int, d_model: int, alpha: float, residual: float = 0.0) -> Float64[Tensor, "token"]:
    """By how much more every token is scored in layer 2 than the first one, because its output is shorter.

    Parameters
    ----------
    tokens, d_model : int
        Length of the sequence, at least 2, and dimension d, at least 1.
    alpha : float
        Cosine of every pair of tokens, in [0, 1).
    residual : float
        Strength r of the residual in units of a normalized token, at least 0.

    Returns
    -------
    (token,)
        ``h(j) / h(1) - 1 = S_ij / S_i1 - 1`` for j = 1..S, whatever the query i > j: 0 for the first token and rising.
        Exact to rounding even where it is far below the 1e-16 to which ``h`` itself is known.

    Raises
    ------
    ValueError
        If a size, alpha or the residual is impossible.

    Notes
    -----
    Derived here. With x_j = (j-1) v / D_j and q = v / u, 1/h(1)^2 = (1+r)^2 and
    1/h(1)^2 - 1/h(j)^2 = (1-alpha) x_j [2r + q + (1-q)(2 - x_j)]. For small q the effect is
    (1-alpha)(j-1) q / (1+r): a residual weakens it, and a large d postpones it.

    Examples
    --------
    >>> recency_effect(3, d_model=64, alpha=0.5)
    tensor([0.0000, 0.0090, 0.0177], dtype=torch.float64)
    >>> recency_effect(3, d_model=4096, alpha=0.0)
    tensor([0.0000e+00, 1.6038e-28, 3.2076e-28], dtype=torch.float64)
    """
    _require(tokens, d_model, alpha, residual)
    _, earlier = _shares(tokens, d_model, alpha)
    ratio = math.exp(-(1 - alpha) * math.sqrt(d_model))
    drop = (1 - alpha) * earlier * (2 * residual + ratio + (1 - ratio) * (2 - earlier))
    return torch.expm1(-torch.log1p(-drop / (1 + residual) ** 2) / 2)


def h(tokens: int, d_model: int, alpha: float, residual: float = 0.0) -> Float64[Tensor, "token"]:
    """How much normalization enlarges every token after the first layer: one over the norm of its output.

    Parameters
    ----------
    tokens, d_model : int
        Length S of the sequence, at least 2, and dimension d, at least 1.
    alpha : float
        Cosine of every pair of tokens, in [0, 1).
    residual : float
        Strength r of the residual in units of a normalized token, at least 0; the official curves have 0 and 1.

    Returns
    -------
    (token,)
        ``h(j) = 1 / ||o_j||`` for j = 1..S, from ``1 / (1 + r)`` upwards.

    Raises
    ------
    ValueError
        If a size, alpha or the residual is impossible.

    Notes
    -----
    Kim et al. 2026, official code: 1/h(j)^2 = r^2 + 2 r alpha + alpha + (1-alpha)(2 r u + v)/D_j
    + (1-alpha)(u^2 - u v)/D_j^2. That it rises strictly with j is proved in the book. Here it is computed from
    :func:`recency_effect`, which does not overflow.

    Examples
    --------
    >>> round(h(10, d_model=64, alpha=0.5)[-1].item(), 4)
    1.0724
    """
    return (1 + recency_effect(tokens, d_model, alpha, residual)) / (1 + residual)


def inner_products(tokens: int, d_model: int, alpha: float, residual: float = 0.0) -> Float64[Tensor, "query key"]:
    """Inner products of the first layer's outputs: flat along every row before the diagonal.

    Parameters
    ----------
    tokens, d_model : int
        Length of the sequence, at least 2, and dimension d, at least 1.
    alpha : float
        Cosine of every pair of tokens, in [0, 1).
    residual : float
        Strength r of the residual in units of a normalized token, at least 0.

    Returns
    -------
    (query, key)
        ``<o_i, o_j>``, symmetric: ``(1+r) [(1+r) alpha + (1-alpha) v / D_i]`` for j < i, without j, and ``1 / h(i)^2``
        on the diagonal. Times d (with L2 normalization: times 1) for the outputs themselves.

    Raises
    ------
    ValueError
        If a size, alpha or the residual is impossible.

    Notes
    -----
    Derived here. Token i gives all tokens up to j < i the same weight, so it does not see how token j mixed them.

    Examples
    --------
    >>> inner_products(3, d_model=4, alpha=0.5)
    tensor([[1.0000, 0.6345, 0.6060],
            [0.6345, 0.8034, 0.6060],
            [0.6060, 0.6060, 0.7109]], dtype=torch.float64)
    """
    _require(tokens, d_model, alpha, residual)
    each, _ = _shares(tokens, d_model, alpha)
    later = torch.arange(tokens).expand(tokens, tokens)
    flat = (1 + residual) * ((1 + residual) * alpha + (1 - alpha) * each)[torch.maximum(later, later.T)]
    norms = h(tokens, d_model, alpha, residual) ** -2
    return flat.diagonal_scatter(norms)


def predicted_scores(
    tokens: int, d_model: int, alpha: float, residual: float = 0.0, normalized: bool = True
) -> Float64[Tensor, "query key"]:
    """Scores of the second layer, before its softmax.

    Parameters
    ----------
    tokens, d_model : int
        Length of the sequence, at least 2, and dimension d, at least 1.
    alpha : float
        Cosine of every pair of tokens, in [0, 1).
    residual : float
        Strength r of the residual in units of a normalized token, at least 0.
    normalized : bool
        Whether the second layer normalizes its inputs to norm sqrt(d). Without it the rows are flat before the
        diagonal: normalization is all that makes recency.

    Returns
    -------
    (query, key)
        ``sqrt(d) <o_i, o_j> h(i) h(j)``, or ``sqrt(d) <o_i, o_j>``, for j <= i; NaN at later keys.

    Raises
    ------
    ValueError
        If a size, alpha or the residual is impossible.

    Notes
    -----
    Derived here. The rows rise strictly with j, but from (1-alpha) sqrt(d) = 36 on by less than float64 can show;
    :func:`recency_effect` still does.

    Examples
    --------
    >>> round(predicted_scores(10, d_model=64, alpha=0.5)[9, 0].item(), 3)
    4.357
    """
    products = inner_products(tokens, d_model, alpha, residual)
    growth = h(tokens, d_model, alpha, residual) if normalized else torch.ones(tokens, dtype=torch.float64)
    scores = math.sqrt(d_model) * products * growth[:, None] * growth
    return scores.masked_fill(torch.ones_like(scores).triu(1).bool(), math.nan)


def effective_residual(d_model: int, alpha: float) -> float:
    """Strength of the official simulation's residual at its first layer.

    Parameters
    ----------
    d_model : int
        Dimension d, at least 1.
    alpha : float
        Expected cosine of two tokens, in [0, 1).

    Returns
    -------
    float
        ``1 / sqrt((1-alpha) d)``: the raw tokens have a mean squared norm of 1 / (1-alpha), normalized ones of d.

    Raises
    ------
    ValueError
        If the dimension or alpha is impossible.

    Notes
    -----
    Derived here from the official code of Kim et al. 2026, which adds the raw input where the r = 1 curve of h(j)
    assumes the normalized one.

    Examples
    --------
    >>> round(effective_residual(64, 0.5), 2)
    0.18
    """
    _require(2, d_model, alpha)
    return 1 / math.sqrt((1 - alpha) * d_model)
