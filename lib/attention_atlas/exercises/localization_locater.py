"""Checks of the exercises on LocAteR.

Every check returns one line for a right answer and raises ValueError with the likely mistake for a wrong one.
"""

import torch

from attention_atlas.exercises.judge import judge
from attention_atlas.shapes import Float, Tensor
from attention_atlas.training.locater import frobenius_square, trace, trace_square
from attention_atlas.training.locater_flow import kept_trace

D_MODEL, D_HEAD, TARGET, SCALE_WEIGHT, MEAN_WEIGHT = 64, 16, 12.0, 0.8, 0.1  # of the second exercise


def check_runaway(query: Float[Tensor, "..."], key: Float[Tensor, "..."]) -> str:
    """Query and key weights of width 4 with trace 8 and tr(W^2) of -100 or less.

    Parameters
    ----------
    query, key : (4, 4)
        W_Q and W_K of ``W = W_Q^T W_K``.

    Returns
    -------
    str
        What the right answer shows.

    Raises
    ------
    ValueError
        If they are no such weights; the message names the likely mistake.

    Examples
    --------
    >>> turn = torch.tensor([[0.0, 1.0], [-1.0, 0.0]])
    >>> check_runaway(torch.eye(4), torch.block_diag(2 * torch.eye(2) + 8 * turn, 2 * torch.eye(2)))
    'Correct: trace 8, tr(W^2) = -112; and ||W||_F^2 = 144 is not fooled'
    """
    if query.shape != (4, 4) or key.shape != (4, 4):
        raise ValueError(f"two 4 x 4 matrices are asked for, got shapes {tuple(query.shape)} and {tuple(key.shape)}")
    total, square, norm = (function(query, key).item() for function in (trace, trace_square, frobenius_square))
    weights = query.T @ key
    if abs(total - 8) > 1e-3:
        mistake = "this rotates and does not stretch: add 2 on the diagonal" if abs(total) < 1e-3 else "it should be 8"
        raise ValueError(f"not yet, the trace is {total:g}: {mistake}")
    if torch.allclose(weights, weights.T):
        raise ValueError(f"not yet, tr(W^2) = {square:g}: W is symmetric, and then this is a sum of squares")
    if square > -100:
        mistake = "a larger rotation will do" if square < 0 else "w_ij w_ji must be negative: opposite signs, not one"
        raise ValueError(f"not yet, tr(W^2) = {square:g}: {mistake}")
    return f"Correct: trace 8, tr(W^2) = {square:g}; and ||W||_F^2 = {norm:g} is not fooled"


def check_kept_trace(answer: float) -> str:
    """Trace that LocAteR leaves a head of 16 dimensions in a model of 64: a = 0.8, b = 0.1, target 12.

    Parameters
    ----------
    answer : float
        The trace where the penalty with ``||W||_F^2`` is least.

    Returns
    -------
    str
        What the right answer shows.

    Raises
    ------
    ValueError
        If it is wrong; the message names the likely mistake.

    Examples
    --------
    >>> check_kept_trace(8.0)
    'Correct: a third of the trace is gone; to keep more of it raise b, or aim higher'
    """
    right = kept_trace(TARGET, D_HEAD, SCALE_WEIGHT, MEAN_WEIGHT)
    mistakes = {
        "this is the target: the scale term pulls the trace below it": TARGET,
        "this takes the width of the model: W has rank d_head": kept_trace(TARGET, D_MODEL, SCALE_WEIGHT, MEAN_WEIGHT),
        "this takes a width of 1: the trace is spread over d_head eigenvalues": kept_trace(
            TARGET, 1, SCALE_WEIGHT, MEAN_WEIGHT
        ),
        "this has the two weights the other way around": kept_trace(TARGET, D_HEAD, MEAN_WEIGHT, SCALE_WEIGHT),
        "this is one eigenvalue: the trace is d_head of them": right / D_HEAD,
        "this is what is lost": TARGET - right,
    }
    praise = "a third of the trace is gone; to keep more of it raise b, or aim higher"
    return judge(answer, right, mistakes, praise, "minimize a t^2 / d_head + b (t - 12)^2 over t")
