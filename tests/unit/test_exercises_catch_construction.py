"""The solutions pass; every likely mistake is refused with its own message."""

import math

import pytest
import torch

from attention_atlas.exercises import catch_construction as exercises
from attention_atlas.models.averager import forward
from attention_atlas.tasks.averaging import Averaging, draw, placed
from attention_atlas.theory.catch_tag_release.construction import catch_tag_release, outlier_tag


def last(model, numbers, place):
    batch = placed(torch.tensor([numbers], dtype=torch.float64), torch.tensor([place]))
    return forward(*model, batch.features[None]), batch


def test_strength_is_what_leaves_a_thousandth_to_the_network():
    found, _ = last(catch_tag_release(60, math.log(2997)), [0.0] * 40, 30)
    assert found.weights[1][0, 0, 0, -1, :30].sum().item() == pytest.approx(1e-3, rel=1e-4)
    assert exercises.check_strength(math.log(2997)).startswith("Correct")


@pytest.mark.parametrize(
    ("answer", "mistake"),
    [
        (math.log(999), "as many numbers"),
        (math.log(333), "changed places"),
        (math.log10(2997), "decimal"),
        (math.log(99.9), "all 30 numbers together"),
        (math.log(2997) / 2, "has the logit -gamma"),
        (20.0, "untagged tokens"),
    ],
)
def test_strength_names_the_mistake(answer, mistake):
    with pytest.raises(ValueError, match=mistake):
        exercises.check_strength(answer)


def test_range_is_the_error_of_the_network():
    errors = []
    for number in (10.0, 10.5, 11.0):
        found, batch = last(catch_tag_release(60, 2), [number], 0)
        errors.append(abs(found.output[0, 0, -1].item() - batch.target.item()))
    assert exercises.check_range(max(errors)).startswith("Correct")
    with pytest.raises(ValueError, match="the worst is the other end"):
        exercises.check_range(errors[0])


@pytest.mark.parametrize(
    ("answer", "mistake"),
    [
        (1 / (1 + math.exp(4)), r"in \[0, 1\]"),
        (11 / (1 + math.exp(6)), "own tag"),
        (11 / (1 + math.exp(2)), "differ by 2 gamma"),
        (11 * math.exp(-4), "odds"),
        (1.0, "find the weight"),
    ],
)
def test_range_names_the_mistake(answer, mistake):
    with pytest.raises(ValueError, match=mistake):
        exercises.check_range(answer)


def test_share_is_what_least_squares_finds():
    batch = draw(Averaging(4), 40_000, torch.Generator().manual_seed(0))
    numbers = batch.features[..., 0]
    columns = torch.stack((numbers[:, -1], numbers[:, :-1].sum(1)), 1)
    share = torch.linalg.lstsq(columns, batch.target[:, None]).solution[0].item()
    assert share == pytest.approx(11 / 18, abs=0.01)
    assert exercises.check_share(11 / 18).startswith("Correct")


@pytest.mark.parametrize(
    ("answer", "mistake"),
    [
        (1 / 3, "alike"),
        (0.5, "one over the mean"),
        (7 / 36, "each"),
        (7 / 18, "together"),
        (3 / 4, "first"),
        (1, "1/n"),
    ],
)
def test_share_names_the_mistake(answer, mistake):
    with pytest.raises(ValueError, match=mistake):
        exercises.check_share(answer)


@pytest.mark.parametrize("s", [1.5, 3.0])
def test_copy_is_where_the_network_starts_to_work(s):
    for v, works in ((0.98, False), (1.02, True)):
        found, batch = last(outlier_tag(20, 400, s, v), [0.9, 0.5, 0.3, 0.7], 2)
        assert (abs(found.output[0, 0, -1].item() - batch.target.item()) < 1e-3) == works
    assert exercises.check_copy(1.0).startswith("Correct")


@pytest.mark.parametrize(
    ("answer", "mistake"),
    [(1 / 3, "same sign"), (4 / 3, "tagged too"), (2.0, "not s \\+ v"), (0.0, "any v above 0"), (0.7, "after layer 1")],
)
def test_copy_names_the_mistake(answer, mistake):
    with pytest.raises(ValueError, match=mistake):
        exercises.check_copy(answer)
