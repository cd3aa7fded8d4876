"""A rollout as a random walk: far from the first token every layer is one independent step toward the past.

With flat content a query attends to distance s with a weight that does not depend on the query, as long as the first
token is far. Then P^(t) is the distribution of a sum of t + 1 steps, and its peak follows from three cumulants of one
step. Derived here; the paper does not have it.
"""

import torch

from attention_atlas.masks import causal, sliding_window
from attention_atlas.shapes import Float64, Tensor
from attention_atlas.theory.position_bias.kernels import flat_map, require_layers


def step_kernel(
    tokens: int, slope: float = 0.0, angle: float = 0.0, width: int | None = None, residual: float = 0.0
) -> Float64[Tensor, "step"]:
    """Probability of every step length of one layer with flat content.

    Parameters
    ----------
    tokens : int
        Number of step lengths 0 .. tokens - 1 that are kept, at least 1.
    slope, angle : float
        Decay per token and root of the decay per squared token, as in :func:`~.kernels.flat_map`.
    width : int, optional
        Width of a sliding window, at least 2: steps of ``width`` tokens and more are impossible.
    residual : float
        Strength r >= 0 of the residual connection: with probability r / (1 + r) the walk stays where it is.

    Returns
    -------
    (step,)
        Probabilities that sum to 1.

    Raises
    ------
    ValueError
        If an argument is out of its range.

    Notes
    -----
    The last row of ``flat_map``, read backwards.

    Examples
    --------
    >>> step_kernel(3, width=2, residual=1.0)
    tensor([0.7500, 0.2500, 0.0000], dtype=torch.float64)
    """
    if not 0 <= residual < float("inf"):
        raise ValueError(f"the residual strength must be a finite number of at least 0, got {residual}")
    mask = causal if width is None else sliding_window(width)
    kernel = flat_map(tokens, mask, slope, angle)[-1].flip(0) / (1 + residual)
    kernel[0] += residual / (1 + residual)
    return kernel


def cumulants(kernel: Float64[Tensor, "step"]) -> tuple[float, float, float]:
    """Mean, variance and third cumulant of one step.

    Parameters
    ----------
    kernel : (step,)
        Probabilities of the step lengths 0, 1, 2, ...

    Returns
    -------
    mean, variance, third : float
        In tokens, tokens squared, tokens cubed.

    Raises
    ------
    ValueError
        If the kernel is not a probability distribution.

    Examples
    --------
    >>> cumulants(torch.tensor([0.5, 0.5]).double())
    (0.5, 0.25, 0.0)
    """
    if kernel.min() < 0 or abs(kernel.sum().item() - 1) > 1e-9:
        raise ValueError(f"a step kernel holds probabilities that sum to 1, got the sum {kernel.sum().item():.6g}")
    steps = torch.arange(len(kernel), dtype=torch.float64)
    mean = kernel @ steps
    centred = steps - mean
    return mean.item(), (kernel @ centred**2).item(), (kernel @ centred**3).item()


def angle_of_mean_step(mean: float, tokens: int) -> float:
    """The angle of a RoPE-like map whose layers look back by a given distance on average.

    Parameters
    ----------
    mean : float
        Mean step in tokens, above 0 and below (tokens - 1) / 2, which no angle at all would give.
    tokens : int
        Number of step lengths kept, as in :func:`step_kernel`.

    Returns
    -------
    float
        The angle in radians per token, about 0.56 / mean.

    Raises
    ------
    ValueError
        If no angle gives that mean step.

    Examples
    --------
    >>> round(angle_of_mean_step(10.0, 400), 4)
    0.0547
    """
    if not 0 < mean < (tokens - 1) / 2:
        raise ValueError(f"the mean step must lie between 0 and {(tokens - 1) / 2:g} for {tokens} tokens, got {mean}")
    low, high = 1e-9, 40.0  # at 40 radians a step of 1 has weight e^-1600, which is 0 in float64
    for _ in range(100):  # bisection of a falling function, to the last bit
        middle = (low * high) ** 0.5
        low, high = (middle, high) if cumulants(step_kernel(tokens, angle=middle))[0] > mean else (low, middle)
    return low


def walk_peak(kernel: Float64[Tensor, "step"], layers: int) -> float:
    """How far back the largest share stands, from three cumulants of one step.

    Parameters
    ----------
    kernel : (step,)
        Probabilities of the step lengths, for instance :func:`step_kernel`.
    layers : int
        Number of maps multiplied n, t + 1 in the paper's P^(t).

    Returns
    -------
    float
        ``n mean - third / (2 variance)`` in tokens, not confined to the sequence.

    Raises
    ------
    ValueError
        If the kernel is no distribution or has no spread, or there are no layers.

    Notes
    -----
    Derived here: the mode of a sum of n independent steps to first order in 1/n (Edgeworth). For a decay mask it is
    t / (e^m - 1) - 1/2, the middle of the interval that ends at the paper's x*. What is neglected is of the order of
    a step's standard deviation over n. Not good for: one or two layers (no bell yet); a residual with few layers (an
    atom at 0 beside the bell), where the argmax of :func:`walk_row` still is exact; a bell that reaches the first
    token, above all without any decay or window: then everything runs to token 1 (Theorem 4.1).

    Examples
    --------
    >>> round(walk_peak(step_kernel(400, angle=0.001**0.5), layers=11), 1)  # the exact argmax is 186
    186.1
    """
    require_layers(layers)
    mean, variance, third = cumulants(kernel)
    if variance <= 0:
        raise ValueError("a step of fixed length has no spread, so the peak has no correction: the variance is 0")
    return layers * mean - third / (2 * variance)


def walk_row(kernel: Float64[Tensor, "step"], layers: int, tokens: int) -> Float64[Tensor, "distance"]:
    """Distribution of the whole distance covered in all layers, cut at the length of the sequence.

    Parameters
    ----------
    kernel : (step,)
        Probabilities of the step lengths 0, 1, 2, ...
    layers : int
        Number of maps multiplied, t + 1.
    tokens : int
        Number of distances 0 .. tokens - 1 to return, at least 1.

    Returns
    -------
    (distance,)
        The ``layers``-fold convolution of the kernel. What is missing to a sum of 1 has walked past the first token.

    Raises
    ------
    ValueError
        If there are no layers or no tokens.

    Notes
    -----
    Derived here. For flat content, a kernel of the sequence's own length and any residual or window, the true row
    (read backwards) is nowhere below this one, and the two differ in total by what is missing here to a sum of 1: a
    query near the first token divides the same weights by a smaller sum.

    Examples
    --------
    >>> walk_row(torch.tensor([0.5, 0.5]).double(), layers=2, tokens=4)
    tensor([0.2500, 0.5000, 0.2500, 0.0000], dtype=torch.float64)
    """
    require_layers(layers)
    if tokens < 1:
        raise ValueError(f"a row needs at least 1 token, got {tokens}")
    # Directly, not by Fourier transform: shares of 1e-30 keep all their digits because nothing is subtracted.
    padded = torch.nn.functional.pad(kernel[:tokens], (0, max(0, tokens - len(kernel))))
    back = torch.arange(tokens)[:, None] - torch.arange(tokens)
    step = torch.where(back >= 0, padded[back.clamp(min=0)], 0.0)
    row = padded
    for _ in range(layers - 1):
        row = step @ row
    return row
