"""The solutions pass; every likely mistake is refused with its own message."""

import pytest
import torch

from attention_atlas.exercises import catch_compression as exercises

MATRIX, READOUT = exercises.layer_and_readout()
PROJECTOR = READOUT @ READOUT.T


def nearest():
    left, sizes, right = torch.linalg.svd(MATRIX)
    return sizes[0] * left[:, :1] @ right[:1]


def test_read_accepts_every_matrix_of_rank_one_with_the_same_outputs():
    assert exercises.check_read(MATRIX @ PROJECTOR / 4).startswith("Correct: rank one")
    other = torch.tensor([[3.0, -1.0, 0.0, 0.0]]).double() + READOUT.T / 4  # also a row whose product with r is 1
    assert exercises.check_read(MATRIX @ READOUT @ other).startswith("Correct: rank one")


@pytest.mark.parametrize(
    ("answer", "mistake"),
    [
        (MATRIX, "the matrix itself, of rank 4"),
        (nearest(), "the nearest matrix of rank one"),
        (MATRIX @ PROJECTOR, "divide by its square"),
        (MATRIX @ PROJECTOR / 2, "not by the length"),
        (PROJECTOR @ MATRIX / 4, "multiply from the right"),
        (torch.zeros(4, 4).double(), "outputs are off by up to 2.8; W r must stay"),
        (MATRIX @ PROJECTOR / 4 + torch.diag(torch.tensor([1.0, 0, 0, 0])).double(), "but the rank is 2"),
        (torch.zeros(4).double(), "a 4 x 4 matrix is asked for, got shape \\(4,\\)"),
    ],
)
def test_read_names_the_mistake(answer, mistake):
    with pytest.raises(ValueError, match=mistake):
        exercises.check_read(answer)


def count(bits, place=8, factors=2):
    """Entries by adding one after the other."""
    left, entries = bits - factors * 16 * 16, 0
    while left >= 16 + place:
        left, entries = left - 16 - place, entries + 1
    return entries


def test_entries_accepts_a_count():
    assert exercises.check_entries(count(2048)).startswith("Correct: a third fewer than the 96")
    assert count(2048, place=0) == 96


@pytest.mark.parametrize(
    ("answer", "mistake"),
    [
        (count(2048, place=0), "places for free"),
        (count(2048, factors=1), "there are two"),
        (count(2048, factors=0), "leaves out the rank-one part"),
        (count(4096), "memory of the whole matrix"),
        (0, "all 256 entries"),
        (65, "count bits: 2048 in all"),
    ],
)
def test_entries_names_the_mistake(answer, mistake):
    with pytest.raises(ValueError, match=mistake):
        exercises.check_entries(answer)
