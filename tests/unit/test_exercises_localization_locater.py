"""The solutions pass; every likely mistake is refused with its own message."""

import pytest
import torch

from attention_atlas.exercises import localization_locater as exercises

EYE, TURN = torch.eye(4).double(), torch.zeros(4, 4).double()
TURN[0, 1], TURN[1, 0] = 1, -1


def test_runaway_accepts_a_rotation_split_in_any_way():
    assert exercises.check_runaway(EYE, 2 * EYE + 8 * TURN).startswith("Correct")
    mixing = torch.randn(4, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    assert exercises.check_runaway(mixing, torch.linalg.inv(mixing).T @ (2 * EYE + 8 * TURN)).startswith("Correct")


@pytest.mark.parametrize(
    ("query", "key", "mistake"),
    [
        (EYE, 9 * TURN, "the trace is 0: this rotates and does not stretch"),
        (EYE, EYE + 9 * TURN, "the trace is 4: it should be 8"),
        (EYE, 2 * EYE + 9 * TURN.abs(), "tr\\(W\\^2\\) = 178: W is symmetric"),
        (EYE, 2 * EYE + 3 * TURN, "tr\\(W\\^2\\) = -2: a larger rotation"),
        (EYE, 2 * EYE + 9 * TURN.clamp(min=0), "tr\\(W\\^2\\) = 16: w_ij w_ji must be negative"),
        (torch.eye(3), torch.eye(3), "two 4 x 4 matrices are asked for, got shapes \\(3, 3\\) and \\(3, 3\\)"),
    ],
)
def test_runaway_names_the_mistake(query, key, mistake):
    with pytest.raises(ValueError, match=mistake):
        exercises.check_runaway(query, key)


def least(d_head, a, b, target=12.0):
    """The best of many traces, by the plain formula."""
    traces = torch.linspace(0, target, 120_001, dtype=torch.float64)
    return traces[(a * traces**2 / d_head + b * (traces - target) ** 2).argmin()].item()


def test_kept_trace_accepts_a_search():
    assert exercises.check_kept_trace(least(16, 0.8, 0.1)).startswith("Correct")


@pytest.mark.parametrize(
    ("answer", "mistake"),
    [
        (12, "this is the target"),
        (least(64, 0.8, 0.1), "width of the model"),
        (least(1, 0.8, 0.1), "width of 1"),
        (least(16, 0.1, 0.8), "other way around"),
        (least(16, 0.8, 0.1) / 16, "one eigenvalue"),
        (4, "what is lost"),
        (9, "minimize a t\\^2"),
    ],
)
def test_kept_trace_names_the_mistake(answer, mistake):
    with pytest.raises(ValueError, match=mistake):
        exercises.check_kept_trace(answer)
