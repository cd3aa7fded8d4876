"""Why depth ends in the center nodes of the mask: a set that cannot be left, and how fast it is found. Derived here."""

import math

import torch

from attention_atlas.masks import Mask, center_nodes, steps_from
from attention_atlas.rollout import rollout_trajectory
from attention_atlas.shapes import Float, Float64, Tensor


def steps_to_centers(mask: Mask, tokens: int) -> int:
    """The most layers that any token needs to hear from its nearest center node.

    Parameters
    ----------
    mask : Mask
        Who may attend to whom.
    tokens : int
        Length of the sequence.

    Returns
    -------
    int
        The r of the bound: 1 for a causal mask, ceil((N-1) / (w-1)) for a sliding window.

    Raises
    ------
    ValueError
        If the mask has no center node, or nothing but center nodes: then the bound says nothing.

    Examples
    --------
    >>> from attention_atlas.masks import sliding_window
    >>> steps_to_centers(sliding_window(3), 8)
    4
    """
    centers = _proper_centers(mask, tokens)
    return int(torch.stack([steps_from(mask, tokens, center) for center in centers]).amin(0).max())


def outside_share(maps: Float[Tensor, "layer query key"], mask: Mask) -> Float64[Tensor, "layer"]:
    """Largest share of any token's context that comes from outside the mask's center nodes, after each layer.

    Parameters
    ----------
    maps : (layer, query, key)
        Attention maps, each row a distribution.
    mask : Mask
        Whose center nodes count.

    Returns
    -------
    (layer,)
        Shares in [0, 1] of P^(0), P^(1), ...

    Raises
    ------
    ValueError
        If the mask has no center node, or nothing but center nodes.

    Examples
    --------
    >>> from attention_atlas.masks import causal
    >>> outside_share(torch.tensor([[[1.0, 0.0], [0.5, 0.5]]] * 2), causal)
    tensor([0.5000, 0.2500], dtype=torch.float64)
    """
    outside = torch.ones(maps.shape[-1], dtype=torch.bool)
    outside[_proper_centers(mask, maps.shape[-1])] = False
    return rollout_trajectory(maps)[..., outside].sum(-1).amax(-1)


def log_center_bound(epsilon: float, steps: int, layers: int) -> Float64[Tensor, "layer"]:
    """Logarithm of the bound (1 - eps^r)^floor((t+1)/r) on the share outside the center nodes.

    Parameters
    ----------
    epsilon : float
        Smallest allowed weight of all layers, in (0, 1].
    steps : int
        The r of :func:`steps_to_centers`, at least 1.
    layers : int
        For 1 to this many layers.

    Returns
    -------
    (layer,)
        Natural logarithms; entry t belongs to P^(t).

    Raises
    ------
    ValueError
        If an argument is out of its range.

    Notes
    -----
    Derived here: no edge leads out of the center nodes, and from any token a path of at most r steps leads into them.

    Examples
    --------
    >>> log_center_bound(0.5, 2, 4).exp()
    tensor([1.0000, 0.7500, 0.7500, 0.5625], dtype=torch.float64)
    """
    if not 0 < epsilon <= 1:
        raise ValueError(f"epsilon must lie in (0, 1], got {epsilon}")
    if steps < 1 or layers < 1:
        raise ValueError(f"steps and layers must be at least 1, got {steps} and {layers}")
    blocks = torch.arange(1, layers + 1, dtype=torch.float64).div(steps, rounding_mode="floor")
    kept = math.log1p(-(epsilon**steps)) if epsilon < 1 else -math.inf
    return torch.where(blocks > 0, blocks * kept, 0.0)


def _proper_centers(mask: Mask, tokens: int) -> list[int]:
    centers = center_nodes(mask, tokens)
    if not 0 < len(centers) < tokens:
        raise ValueError(f"needs a mask with some center nodes and some other tokens, got {len(centers)} of {tokens}")
    return centers
