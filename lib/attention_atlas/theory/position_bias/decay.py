"""Decay masks: Lemma 4.4 and Theorem 4.5 with explicit constants, and where the peak stands."""

import math
from typing import NamedTuple

from attention_atlas.shapes import Float64, Tensor
from attention_atlas.theory.position_bias.kernels import require_layers
from attention_atlas.theory.position_bias.paths import Distance, log_paths


class DecayConstants(NamedTuple):
    """Logarithms of C_min and C_max of Lemma 4.4."""

    log_lower: float
    log_upper: float


def _require_slope(slope: float) -> None:
    if not 0 <= slope < math.inf:
        raise ValueError(f"the slope of a decay mask must be finite and at least 0, got {slope}")


def _require_positive_slope(slope: float) -> None:
    if not 0 < slope < math.inf:
        raise ValueError(f"the slope must be finite and above 0 (without decay this diverges), got {slope}")


def decay_constants(tokens: int, slope: float, logit_min: float, logit_max: float) -> DecayConstants:
    """Constants for which Lemma 4.4 and Theorem 4.5 hold for every query, the first included, and every slope >= 0.

    Parameters
    ----------
    tokens : int
        Length N of the sequence, at least 1.
    slope : float
        Loss of logit per token, at least 0 (m in the paper).
    logit_min, logit_max : float
        Bounds on the content logits of allowed pairs, I_min and I_max.

    Returns
    -------
    DecayConstants
        ``log C_min = I_min - I_max - log(1 + e^-m + ... + e^-(N-1)m)`` and ``log C_max = I_max - I_min``.

    Raises
    ------
    ValueError
        If the slope is negative or not finite, there are no tokens, or the logits' bounds are in the wrong order.

    Notes
    -----
    Derived here, for Wu et al. 2025, Lemma 4.4. C_min is at least the paper's e^{I_min - I_max} (1 - e^-m), which is
    its limit for many tokens, and is e^{I_min - I_max} / N at m = 0. C_max is the paper's without its denominator,
    which token 1 cannot have.

    Examples
    --------
    >>> [round(math.exp(constant), 3) for constant in decay_constants(tokens=4, slope=0.0, logit_min=1, logit_max=1)]
    [0.25, 1.0]
    """
    _require_slope(slope)
    if tokens < 1:
        raise ValueError(f"a map needs at least 1 token, got {tokens}")
    if not logit_min <= logit_max:
        raise ValueError(f"logit_min must be at most logit_max, got {logit_min} and {logit_max}")
    total = math.fsum(math.exp(-slope * distance) for distance in range(tokens))
    return DecayConstants(logit_min - logit_max - math.log(total), logit_max - logit_min)


def decay_constants_printed(slope: float, logit_min: float, logit_max: float) -> DecayConstants:
    """The constants of the paper's Appendix D; its C_max fails for the first token.

    Parameters
    ----------
    slope : float
        Loss of logit per token, above 0 (m in the paper).
    logit_min, logit_max : float
        Bounds on the content logits of allowed pairs, I_min and I_max.

    Returns
    -------
    DecayConstants
        ``C_min = e^{I_min - I_max} (1 - e^-m)`` and ``C_max = e^{I_max - I_min} / (1 + e^-m)``, as logarithms.

    Raises
    ------
    ValueError
        If the slope is not positive or the logits' bounds are in the wrong order.

    Notes
    -----
    Wu et al. 2025, Appendix D. The denominator of C_max needs two allowed keys, so it holds from token 2 on: A_11 = 1
    exceeds C_max = 1 / (1 + e^-m) for flat logits. Kept for the discrepancy ledger; use :func:`decay_constants`.

    Examples
    --------
    >>> round(math.exp(decay_constants_printed(slope=1.0, logit_min=0.0, logit_max=0.0).log_upper), 3)
    0.731
    """
    _require_positive_slope(slope)
    if not logit_min <= logit_max:
        raise ValueError(f"logit_min must be at most logit_max, got {logit_min} and {logit_max}")
    log_lower = logit_min - logit_max + math.log(-math.expm1(-slope))
    return DecayConstants(log_lower, logit_max - logit_min - math.log1p(math.exp(-slope)))


def decay_score(distance: Distance, layers: int, slope: float) -> Float64[Tensor, "*distance"]:
    """Log of the share that a token at some distance gets, up to factors that do not depend on the distance.

    Parameters
    ----------
    distance : (*distance,)
        x = i - j in tokens, at least 0.
    layers : int
        Number of maps multiplied, t + 1.
    slope : float
        Loss of logit per token, at least 0.

    Returns
    -------
    (*distance,)
        ``L(x) = log[binom(t + x, x) e^{-x m}]`` in nats.

    Raises
    ------
    ValueError
        If the slope is negative or there are no layers.

    Notes
    -----
    Wu et al. 2025, Theorem 4.5. For flat logits and a query far from the first token the share *is* e^L up to a
    factor: P^(t)_ij = (1 - e^-m)^(t+1) e^L(x), the negative binomial distribution (derived here).

    Examples
    --------
    >>> import torch
    >>> int(decay_score(torch.arange(100), layers=4, slope=0.05).argmax())
    58
    """
    _require_slope(slope)
    return log_paths(distance, layers) - slope * distance.double()


def log_decay_bounds(
    distance: Distance,
    layers: int,
    slope: float,
    constants: DecayConstants,
) -> tuple[Float64[Tensor, "*distance"], Float64[Tensor, "*distance"]]:
    """The two bounds between which the share of a token at some distance lies.

    Parameters
    ----------
    distance : (*distance,)
        x = i - j in tokens, at least 0.
    layers : int
        Number of maps multiplied, t + 1; 1 gives Lemma 4.4, the bounds on a single map.
    slope : float
        Loss of logit per token, at least 0.
    constants : DecayConstants
        From :func:`decay_constants`, valid for the maps of all layers.

    Returns
    -------
    lower, upper : (*distance,)
        ``(t+1) log C_min + L(x)`` and ``(t+1) log C_max + L(x)``.

    Raises
    ------
    ValueError
        If the slope is negative or there are no layers.

    Notes
    -----
    Wu et al. 2025, Lemma 4.4 and Theorem 4.5; the powers of the constants are derived here: each of the
    binom(t + x, x) causal paths multiplies t + 1 weights whose decays multiply to e^{-x m}.

    Examples
    --------
    >>> import torch
    >>> constants = decay_constants(tokens=2, slope=0.0, logit_min=0.0, logit_max=0.0)
    >>> [bound.exp().item() for bound in log_decay_bounds(torch.tensor(1), 1, 0.0, constants)]
    [0.5, 1.0]
    """
    score = decay_score(distance, layers, slope)
    return layers * constants.log_lower + score, layers * constants.log_upper + score


def decay_peak(layers: int, slope: float) -> float:
    """How far back the largest share stands under a decay mask.

    Parameters
    ----------
    layers : int
        Number of maps multiplied, t + 1.
    slope : float
        Loss of logit per token, above 0.

    Returns
    -------
    float
        ``x* = t / (e^m - 1)`` tokens. Rounded down it is an exact argmax of L over whole distances (derived here), and
        of the flat rollout's last row while it stays clear of the first token.

    Raises
    ------
    ValueError
        If the slope is not positive or there are no layers.

    Notes
    -----
    Wu et al. 2025, Section 4.3, after Theorem 4.5. L(x) - L(x-1) = log((t + x) / x) - m is at least 0 exactly for
    x <= t / (e^m - 1).

    Examples
    --------
    >>> round(decay_peak(layers=4, slope=0.05), 2)
    58.51
    """
    _require_positive_slope(slope)
    return require_layers(layers) / math.expm1(slope)
