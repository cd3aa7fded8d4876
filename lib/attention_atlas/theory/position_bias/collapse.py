"""How fast cumulative attention collapses onto the first tokens: Theorems 4.1-4.3 with explicit constants.

epsilon is always a lower bound on every allowed attention weight. Bounds come as natural logarithms in the layout of
``rollout_trajectory``, (layer, key), and hold for every query; where a statement says nothing they are 0 (share <= 1).
"""

import math

import torch

from attention_atlas.masks import Mask, dense
from attention_atlas.shapes import Float, Float64, Tensor
from attention_atlas.theory.position_bias.kernels import require_layers


def epsilon_from_logits(mask: Mask, tokens: int, bound: float) -> float:
    """Smallest weight that attention can give to an allowed key if all logits are bounded.

    Parameters
    ----------
    mask : Mask
        Who may attend to whom.
    tokens : int
        Length of the sequence.
    bound : float
        Largest absolute logit, at least 0 and finite.

    Returns
    -------
    float
        ``1 / (1 + (n - 1) exp(2 bound))``, n being the most keys that one query may attend to.

    Raises
    ------
    ValueError
        If the bound is negative or not finite.

    Notes
    -----
    Where the epsilon of Wu et al. 2025, Theorems 4.1-4.3 comes from: under A1 the logits are bounded. The value is
    derived here and attained by one logit of -bound among n - 1 of +bound.

    Examples
    --------
    >>> from attention_atlas.masks import causal
    >>> epsilon_from_logits(causal, tokens=8, bound=0.0)
    0.125
    """
    if not 0 <= bound < math.inf:
        raise ValueError(f"the bound on the logits must be a finite number of at least 0, got {bound}")
    most = int(dense(mask, tokens).sum(-1).max())
    return 1 / (1 + (most - 1) * math.exp(2 * bound))


def measured_epsilon(maps: Float[Tensor, "*layer query key"], mask: Mask) -> float:
    """Smallest weight that these maps give to an allowed key.

    Parameters
    ----------
    maps : (*layer, query, key)
        Attention maps.
    mask : Mask
        The mask that made them.

    Returns
    -------
    float
        The largest epsilon for which Theorems 4.1-4.3 apply to these maps.

    Notes
    -----
    Wu et al. 2025, proofs of Theorems 4.1-4.3.

    Examples
    --------
    >>> from attention_atlas.masks import causal
    >>> measured_epsilon(torch.tensor([[1.0, 0.0], [0.25, 0.75]]), causal)
    0.25
    """
    return maps[..., dense(mask, maps.shape[-1])].min().item()


def window_steps(tokens: int, width: int) -> int:
    """Layers that a sliding window needs until the last token has heard from the first.

    Parameters
    ----------
    tokens : int
        Length of the sequence, at least 1.
    width : int
        Width of the window in tokens, at least 2.

    Returns
    -------
    int
        ``ceil((N - 1) / (w - 1))``, and 1 for a single token.

    Raises
    ------
    ValueError
        If the width is below 2 or there are no tokens.

    Notes
    -----
    The r of Wu et al. 2025, Theorem 4.2.

    Examples
    --------
    >>> window_steps(tokens=17, width=5)
    4
    """
    if width < 2 or tokens < 1:
        raise ValueError(f"a window needs a width of at least 2 and 1 token or more, got {width} and {tokens}")
    return max(1, math.ceil((tokens - 1) / (width - 1)))


def _require_epsilon(epsilon: float, most: int) -> None:
    """Refuse an epsilon that no row of ``most`` allowed weights can have; uniform rows reach 1 / most."""
    if not 0 < epsilon <= (1 + 1e-12) / most:
        raise ValueError(f"epsilon must be in (0, 1/{most}] ({most} weights of at least that sum to 1), got {epsilon}")


def log_causal_bound(epsilon: float, tokens: int, layers: int) -> Float64[Tensor, "layer key"]:
    """Upper bound on every token's share under a causal mask, as published.

    Parameters
    ----------
    epsilon : float
        Lower bound on the allowed weights, in (0, 1/N].
    tokens, layers : int
        Length N of the sequence and number of maps multiplied.

    Returns
    -------
    (layer, key)
        ``log[(1 - epsilon) (1 - (j-1) epsilon)^t]`` for t = 0 .. layers - 1 and tokens j = 2..N; 0 for the first token.

    Raises
    ------
    ValueError
        If epsilon is out of range or there are no layers.

    Notes
    -----
    Wu et al. 2025, Theorem 4.1, with the constant C = 1 - epsilon of its proof. The case of no prefix (K = 1).

    Examples
    --------
    >>> log_causal_bound(0.25, tokens=3, layers=2).exp()
    tensor([[1.0000, 0.7500, 0.7500],
            [1.0000, 0.5625, 0.3750]], dtype=torch.float64)
    """
    return log_prefix_bound(epsilon, tokens, 1, layers)


def log_window_bound(epsilon: float, tokens: int, width: int, layers: int) -> Float64[Tensor, "layer key"]:
    """Upper bound on every token's share under a sliding window, as published, with C = 1.

    Parameters
    ----------
    epsilon : float
        Lower bound on the allowed weights, in (0, 1/min(w, N)].
    tokens, width, layers : int
        Length N of the sequence, width w of the window, number of maps multiplied.

    Returns
    -------
    (layer, key)
        ``log (1 - (j-1) epsilon^r)^(t / 2r)`` for t = 0 .. layers - 1 and tokens j = 1..N, r = :func:`window_steps`.

    Raises
    ------
    ValueError
        If epsilon or the width is out of range or there are no layers.

    Notes
    -----
    Wu et al. 2025, Theorem 4.2. C = 1 is derived here and serves every t >= 0; C = 1 - epsilon does not (four tokens,
    width 2, uniform weights: P^(1)_32 = 0.5, but 0.5 (1 - 0.5^3)^(1/6) = 0.489).

    Examples
    --------
    >>> log_window_bound(0.5, tokens=3, width=2, layers=5)[-1].exp()
    tensor([1.0000, 0.7500, 0.5000], dtype=torch.float64)
    """
    t, steps = require_layers(layers), window_steps(tokens, width)
    _require_epsilon(epsilon, min(width, tokens))
    before = torch.arange(tokens, dtype=torch.float64)
    return torch.arange(t + 1, dtype=torch.float64)[:, None] / (2 * steps) * torch.log1p(-before * epsilon**steps)


def log_prefix_bound(epsilon: float, tokens: int, length: int, layers: int) -> Float64[Tensor, "layer key"]:
    """Upper bound on the share of every token outside the prefix, as published.

    Parameters
    ----------
    epsilon : float
        Lower bound on the allowed weights, in (0, 1/N].
    tokens, length, layers : int
        Length N of the sequence, length K of the prefix, number of maps multiplied.

    Returns
    -------
    (layer, key)
        ``log[(1 - epsilon) (1 - (j-K) epsilon)^t]`` for tokens j > K; 0 for the prefix.

    Raises
    ------
    ValueError
        If epsilon is out of range, the prefix is empty or longer than the sequence, or there are no layers.

    Notes
    -----
    Wu et al. 2025, Theorem 4.3, with C = 1 - epsilon (derived here as in Theorem 4.1).

    Examples
    --------
    >>> log_prefix_bound(0.25, tokens=3, length=2, layers=2).exp()
    tensor([[1.0000, 1.0000, 0.7500],
            [1.0000, 1.0000, 0.5625]], dtype=torch.float64)
    """
    t = require_layers(layers)
    if not 1 <= length <= tokens:
        raise ValueError(f"the prefix length must be in 1..{tokens}, the number of tokens, got {length}")
    _require_epsilon(epsilon, tokens)
    before = (torch.arange(tokens, dtype=torch.float64) - (length - 1)).clamp(min=0)
    # C = 1 - epsilon belongs to the tokens outside the prefix; epsilon = 1 is a single token, which is inside.
    first = (before > 0).double() * (math.log1p(-epsilon) if tokens > 1 else 0.0)
    return first + torch.arange(t + 1)[:, None] * torch.log1p(-before * epsilon)


def prefix_floor(first_map: Float[Tensor, "query key"], length: int) -> Float64[Tensor, "prefix"]:
    """Share that every prefix token keeps in every token's context, whatever the depth.

    Parameters
    ----------
    first_map : (query, key)
        The first layer's map A^(0), made with a prefix mask.
    length : int
        Length K of the prefix.

    Returns
    -------
    (prefix,)
        ``min_i A^(0)_ik`` for k = 1..K: at least epsilon.

    Raises
    ------
    ValueError
        If the prefix is empty or longer than the sequence.

    Notes
    -----
    The kappa of Wu et al. 2025, Theorem 4.3; this value is derived here. P^(t)_ik is an average of A^(0)_1k..A^(0)_Nk,
    so it is never below their smallest: not only in the limit but for every t.

    Examples
    --------
    >>> prefix_floor(torch.tensor([[0.5, 0.5, 0.0], [0.75, 0.25, 0.0], [0.25, 0.5, 0.25]]).double(), length=2)
    tensor([0.2500, 0.2500], dtype=torch.float64)
    """
    if not 1 <= length <= first_map.shape[-1]:
        raise ValueError(f"the prefix length must be in 1..{first_map.shape[-1]}, the number of tokens, got {length}")
    return first_map[:, :length].double().amin(0)


def log_sharp_bound(epsilon: float, tokens: int, layers: int, steps: int = 1) -> Float64[Tensor, "layer key"]:
    """A stronger upper bound than the three published ones, in one formula.

    Parameters
    ----------
    epsilon : float
        Lower bound on the allowed weights; ``epsilon ** steps`` must be in (0, 1/N].
    tokens, layers : int
        Length N of the sequence and number of maps multiplied.
    steps : int
        Layers r until every token has heard from all before it: 1 for causal and prefix masks,
        :func:`window_steps` for a window.

    Returns
    -------
    (layer, key)
        ``log (1 - (j-1) epsilon^r)^floor((t+1) / r)`` for t = 0 .. layers - 1 and tokens j = 1..N (a prefix: j > K).

    Raises
    ------
    ValueError
        If epsilon or the steps are out of range or there are no layers.

    Notes
    -----
    Derived here. Among the keys of a query i >= j are all j - 1 tokens before j, so one block of r layers leaves at
    most 1 - (j-1) epsilon^r of the attention at j or later, whatever the prefix; P^(t) has floor((t+1)/r) blocks.

    Examples
    --------
    >>> log_sharp_bound(0.25, tokens=3, layers=2).exp()
    tensor([[1.0000, 0.7500, 0.5000],
            [1.0000, 0.5625, 0.2500]], dtype=torch.float64)
    """
    t = require_layers(layers)
    if steps < 1:
        raise ValueError(f"steps must be at least 1, got {steps}")
    _require_epsilon(epsilon**steps, tokens)
    blocks = torch.arange(1, t + 2)[:, None] // steps
    return blocks * torch.log1p(-torch.arange(tokens, dtype=torch.float64) * epsilon**steps)
