"""Gradient descent on the LocAteR penalty alone: what it makes of random query and key weights.

Derived here: with ``||W||_F^2`` it ends in ``W = c P``, P an orthogonal projection of rank d_head; with ``tr(W^2)`` it
runs away from every start that has an antisymmetric part.
"""

import math
from dataclasses import dataclass

import pandas as pd
import torch

from attention_atlas.shapes import Complex128, Float64, Tensor
from attention_atlas.training.locater import Locater, frobenius_square, trace, trace_square

SETTLED = 1e-12  # gradient's norm relative to the first one, below which nothing moves any more


@dataclass(frozen=True)
class Flow:
    """Where gradient descent starts, what it descends on, and when it stops.

    Parameters
    ----------
    d_model, d_head : int
        Widths; d_head is at most d_model.
    correlation : float
        In [-1, 1], between the entries of W_Q and W_K: 0 for independent ones, 1 for W_K = W_Q and a symmetric W.
    scale : {"frobenius", "trace_square"}
        See :class:`~attention_atlas.training.locater.Locater`.
    scale_weight, mean_weight : float
        Of the penalty, above 0.
    steps, every : int
        Most steps, and how many lie between two rows of the table.
    pace : float
        In (0, 1]: length of a step as a share of the longest one that is sure not to overshoot.
    runaway : float
        Stop when ``||W||_F^2`` exceeds this many times its start, above 1.

    Raises
    ------
    ValueError
        If a value is impossible.
    """

    d_model: int = 32
    d_head: int = 32
    correlation: float = 0.5
    scale: str = "frobenius"
    scale_weight: float = 1.0
    mean_weight: float = 1.0
    steps: int = 1000
    every: int = 10
    pace: float = 1.0
    runaway: float = 100.0

    def __post_init__(self):
        Locater(self.scale_weight, self.mean_weight, scale=self.scale)  # refuses an unknown scale
        if not 1 <= self.d_head <= self.d_model:
            raise ValueError(f"d_head must be between 1 and d_model = {self.d_model}, got {self.d_head}")
        if not -1 <= self.correlation <= 1:
            raise ValueError(f"correlation must lie between -1 and 1, got {self.correlation}")
        if min(self.steps, self.every) < 1:
            raise ValueError(f"steps and every must be at least 1, got {self.steps} and {self.every}")
        if min(self.scale_weight, self.mean_weight) <= 0 or not 0 < self.pace <= 1 or self.runaway <= 1:
            given = f"{self.scale_weight}, {self.mean_weight}, {self.pace} and {self.runaway}"
            raise ValueError(f"both weights must be above 0, pace in (0, 1] and runaway above 1, got {given}")


@dataclass(frozen=True)
class Trajectory:
    """What happened.

    Parameters
    ----------
    table : pandas.DataFrame
        A row per recorded step: ``step``; ``time``, the sum of all step lengths; ``penalty``; ``trace``,
        ``trace_square`` and ``frobenius`` (of W, nothing divided by d); of the d_head eigenvalues that need not be 0
        ``eigenvalue_mean``, ``real_variance`` and ``imaginary_variance``; and ``antisymmetric_share``, the share of
        ``||W||_F^2`` in W's antisymmetric part, 0 to 1.
    spectra : (row, d_head)
        Eigenvalues at those steps. The other d_model - d_head eigenvalues of W are 0.
    outcome : {"settled", "ran away", "out of steps"}
        Why it stopped.
    target : float
        The trace to keep, that of the start.
    query, key : (d_head, d_model)
        The last weights.
    """

    table: pd.DataFrame
    spectra: Complex128[Tensor, "row d_head"]
    outcome: str
    target: float
    query: Float64[Tensor, "d_head d_model"]
    key: Float64[Tensor, "d_head d_model"]


def start(flow: Flow, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Random W_Q and W_K of independent normal entries of variance 1 / d_model, correlated with each other.

    Parameters
    ----------
    flow : Flow
        Widths and correlation.
    generator : torch.Generator
        Source of randomness.

    Returns
    -------
    (d_head, d_model), (d_head, d_model)
        W_Q and W_K in float64. Their trace is ``correlation * d_head`` on average.

    Examples
    --------
    >>> query, key = start(Flow(correlation=1.0), torch.Generator().manual_seed(0))
    >>> torch.equal(query, key)
    True
    """
    shape = 2, flow.d_head, flow.d_model
    query, other = torch.randn(shape, generator=generator, dtype=torch.float64) / math.sqrt(flow.d_model)
    return query, flow.correlation * query + math.sqrt(1 - flow.correlation**2) * other


def descend(flow: Flow, query: Float64[Tensor, "d_head d_model"], key: Float64[Tensor, "d_head d_model"]) -> Trajectory:
    """Gradient descent on the penalty alone.

    Parameters
    ----------
    flow : Flow
        Penalty and stopping rules; its widths and correlation are those of the start and are not looked at.
    query, key : (d_head, d_model)
        W_Q and W_K to start from, as :func:`start` draws them.

    Returns
    -------
    Trajectory
        Table, spectra and why it stopped.

    Notes
    -----
    A step is `pace` divided by an upper bound of the curvature, so it shortens while weights grow, and ``time``
    stays that of the gradient flow.

    Examples
    --------
    >>> flow = Flow(d_model=8, d_head=2)
    >>> end = descend(flow, *start(flow, torch.Generator().manual_seed(0)))
    >>> last = end.table.iloc[-1]
    >>> end.outcome, round(float(last["trace"]) / kept_trace(end.target, 2, 1.0, 1.0), 9)
    ('settled', 1.0)
    """
    locater = Locater(flow.scale_weight, flow.mean_weight, scale=flow.scale)
    target, first_scale = trace(query, key), frobenius_square(query, key)
    query, key = query.clone().requires_grad_(), key.clone().requires_grad_()
    rows, spectra, time, outcome, first_slope = [], [], 0.0, "out of steps", None
    for step in range(flow.steps + 1):
        penalty = locater.of_heads(query, key, target)
        gradients = torch.autograd.grad(penalty, (query, key))
        slope = math.hypot(*(gradient.norm().item() for gradient in gradients))
        first_slope = first_slope or slope
        with torch.no_grad():
            if slope <= SETTLED * first_slope:
                outcome = "settled"
            elif frobenius_square(query, key) > flow.runaway * first_scale:
                outcome = "ran away"
            stops = outcome != "out of steps" or step == flow.steps
            if stops or step % flow.every == 0:
                spectra.append(torch.linalg.eigvals(key @ query.mT))
                rows.append({"step": step, "time": time, "penalty": penalty.item(), **_row(query, key, spectra[-1])})
            if stops:
                break
            length = flow.pace / _curvature(flow, query, key, target)
            for weights, gradient in zip((query, key), gradients, strict=True):
                weights -= length * gradient
            time += length
    return Trajectory(pd.DataFrame(rows), torch.stack(spectra), outcome, target.item(), query.detach(), key.detach())


def kept_trace(target: float, d_head: int, scale_weight: float, mean_weight: float) -> float:
    """Trace of a head's W where the penalty with ``||W||_F^2`` is least.

    Parameters
    ----------
    target : float
        The trace asked for.
    d_head : int
        Width of the head.
    scale_weight, mean_weight : float
        Of the penalty; the second is above 0.

    Returns
    -------
    float
        ``target / (1 + scale_weight / (mean_weight * d_head))``: the scale term takes its share.

    Notes
    -----
    Derived here. There ``W = c P`` with ``c = kept_trace / d_head`` and P an orthogonal projection of rank d_head.

    Examples
    --------
    >>> kept_trace(10.0, d_head=4, scale_weight=1.0, mean_weight=1.0)
    8.0
    """
    return target / (1 + scale_weight / (mean_weight * d_head))


def _row(query: Tensor, key: Tensor, spectrum: Tensor) -> dict[str, float]:
    total, square, norm = (function(query, key).item() for function in (trace, trace_square, frobenius_square))
    return {
        "trace": total,
        "trace_square": square,
        "frobenius": norm,
        "eigenvalue_mean": total / len(query),
        "real_variance": spectrum.real.var(correction=0).item(),
        "imaginary_variance": spectrum.imag.var(correction=0).item(),
        "antisymmetric_share": (1 - square / norm) / 2 if norm else 0.0,
    }


def _curvature(flow: Flow, query: Tensor, key: Tensor, target: Tensor) -> float:
    """Upper bound of the norm of the penalty's Hessian: sum of those of its two terms."""
    scale = sum((weights @ weights.mT).norm() for weights in (query, key))
    mean = query.square().sum() + key.square().sum() + (trace(query, key) - target).abs()
    return (6 * flow.scale_weight * scale + 2 * flow.mean_weight * mean).item()
