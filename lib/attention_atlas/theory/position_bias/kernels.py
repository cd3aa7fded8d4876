"""Attention whose content is flat, so that only the mask and the distance decide."""

import math

import torch

from attention_atlas.attention import attention_weights
from attention_atlas.masks import Mask, causal, dense
from attention_atlas.shapes import Float64, Tensor


def require_layers(layers: int) -> int:
    """The paper's t of a rollout of ``layers`` maps, which counts from 0.

    Parameters
    ----------
    layers : int
        Number of maps multiplied, at least 1.

    Returns
    -------
    int
        ``layers - 1``.

    Raises
    ------
    ValueError
        If there are no layers (t < 0).

    Examples
    --------
    >>> require_layers(1)
    0
    """
    if layers < 1:
        raise ValueError(f"layers must be at least 1 (P^(t) is a product of t + 1 maps, t >= 0), got {layers}")
    return layers - 1


def flat_map(tokens: int, mask: Mask = causal, slope: float = 0.0, angle: float = 0.0) -> Float64[Tensor, "query key"]:
    """Attention weights when all content logits are equal, so that only mask and distance decide.

    Parameters
    ----------
    tokens : int
        Length of the sequence, at least 1.
    mask : Mask
        Who may attend to whom.
    slope : float
        Loss of logit per token of distance, at least 0 (the decay mask's m).
    angle : float
        Loss of logit per squared token of distance is ``angle ** 2``; at least 0 (theta_1 of a RoPE-like map).

    Returns
    -------
    (query, key)
        Softmax over the allowed keys of ``-slope |i - j| - angle**2 (i - j)**2``.

    Raises
    ------
    ValueError
        If there are no tokens, or slope or angle is negative or not finite.

    Notes
    -----
    The flat cases of Wu et al. 2025: slope = angle = 0 is the uniform attention behind Theorems 4.1-4.3, a slope that
    of Lemma 4.4, an angle the Gaussian shape between whose multiples Lemma 4.6 encloses a RoPE map.

    Examples
    --------
    >>> flat_map(3)
    tensor([[1.0000, 0.0000, 0.0000],
            [0.5000, 0.5000, 0.0000],
            [0.3333, 0.3333, 0.3333]], dtype=torch.float64)
    """
    if tokens < 1:
        raise ValueError(f"a map needs at least 1 token, got {tokens}")
    for name, value in (("slope", slope), ("angle", angle)):
        if not 0 <= value < math.inf:
            raise ValueError(f"{name} must be a finite number of at least 0, got {value}")
    index = torch.arange(tokens, dtype=torch.float64)
    distance = (index[:, None] - index).abs()
    return attention_weights(-slope * distance - (angle * distance).square(), dense(mask, tokens))


def peak_distance(row: Float64[Tensor, "key"]) -> int:
    """How far back from the last token the largest entry of its row stands.

    Parameters
    ----------
    row : (key,)
        The last row of a causal map or rollout.

    Returns
    -------
    int
        Distance in tokens; of equal entries the nearest.

    Notes
    -----
    The exact counterpart of x* in Wu et al. 2025, Section 4.

    Examples
    --------
    >>> peak_distance(torch.tensor([0.1, 0.5, 0.3, 0.1]).double())
    2
    """
    return int(row.flip(0).argmax())
