"""The solutions pass; every likely mistake is refused with its own message."""

import math

import pytest
import torch

from attention_atlas.decoders.compression import shape
from attention_atlas.exercises import language_compressed_decoders as exercises


def test_rank_accepts_what_the_library_stores():
    assert exercises.check_rank(shape(96, 384, 0.5, 1.0)[0]).startswith("Correct: 38 of 96")
    assert shape(96, 96, 0.5, 1.0)[0] == 24  # what the praise says of a square one


@pytest.mark.parametrize(
    ("answer", "mistake"),
    [
        (48, "half the rank is not half the numbers"),
        (39, "a little more than half"),
        (shape(96, 384, 1.0, 1.0)[0], "as much as the matrix has"),
        (192, "and no row"),
        (20, "each rank needs 96 \\+ 384 numbers$"),
    ],
)
def test_rank_names_the_mistake(answer, mistake):
    with pytest.raises(ValueError, match=mistake):
        exercises.check_rank(answer)


def lost_at(angle, rank_one):
    """Squares of the product at an angle, and of its difference from that of other keys."""
    query, key = exercises.turning_head()
    turn = torch.tensor([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]]).double()
    product, other = query @ turn @ key.T, query @ turn @ rank_one.T
    return (product - other).square().sum().item(), product.square().sum().item()


def test_lost_accepts_the_mean_over_many_angles_of_the_best_of_many():
    key = exercises.turning_head()[1]
    shares = []
    for direction in torch.linspace(0, math.pi, 181).tolist():
        kept = torch.tensor([[math.cos(direction), math.sin(direction)]]).double()
        pairs = [lost_at(2 * math.pi * place / 60, key @ kept.T @ kept) for place in range(60)]
        shares.append(sum(pair[0] for pair in pairs) / sum(pair[1] for pair in pairs))
    assert exercises.check_lost(min(shares)).startswith("Correct")


@pytest.mark.parametrize(
    ("answer", "mistake"),
    [
        (9 / 25, "without rotation"),
        (0.9, "what is kept"),
        (1 / 4, "take squares"),
        (1 / 9, "sum of both squares"),
        (0.5, "mean of R"),
    ],
)
def test_lost_names_the_mistake(answer, mistake):
    with pytest.raises(ValueError, match=mistake):
        exercises.check_lost(answer)
