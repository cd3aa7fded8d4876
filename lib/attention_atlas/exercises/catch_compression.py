"""Checks of the exercises on compressed catch, tag and release.

Every check returns one line for a right answer and raises ValueError with the likely mistake for a wrong one.
"""

import torch

from attention_atlas.compression import truncated
from attention_atlas.exercises.judge import judge
from attention_atlas.shapes import Float, Float64, Tensor

SIDE, NUMBER_BITS, PLACE_BITS = 16, 16, 8  # of the second exercise


def layer_and_readout() -> tuple[Float64[Tensor, "4 4"], Float64[Tensor, "4 1"]]:
    """``W_V W_O`` of a last layer, and the readout r after it.

    Examples
    --------
    >>> matrix, readout = layer_and_readout()
    >>> torch.linalg.matrix_rank(matrix).item(), readout.norm().item()
    (4, 2.0)
    """
    matrix = torch.tensor([[9, 0, 1, 0], [0, 7, 0, 2], [1, 0, 1, 1], [0, 2, 1, -1]], dtype=torch.float64)
    return matrix, torch.tensor([[0.0], [0.0], [1.6], [1.2]], dtype=torch.float64)


def check_read(answer: Float[Tensor, "..."]) -> str:
    """A matrix of rank one in place of that of :func:`layer_and_readout`, with the same outputs.

    Parameters
    ----------
    answer : (4, 4)
        The matrix.

    Returns
    -------
    str
        What the right answer shows.

    Raises
    ------
    ValueError
        If it is no such matrix; the message names the likely mistake.

    Examples
    --------
    >>> matrix, readout = layer_and_readout()
    >>> check_read(matrix @ readout @ readout.T / 4)
    'Correct: rank one, the same outputs, though a share 0.97 of the squares is gone'
    """
    matrix, readout = layer_and_readout()
    answer, projector = answer.double(), readout @ readout.T
    if answer.shape != matrix.shape:
        raise ValueError(f"a 4 x 4 matrix is asked for, got shape {tuple(answer.shape)}")
    mistakes = {
        "this is the matrix itself, of rank 4": matrix,
        "this is the nearest matrix of rank one: its large directions are not the one that is read": truncated(
            matrix, 1
        ),
        "r has the length 2: divide by its square": matrix @ projector,
        "divide by the square of r's length, not by the length": matrix @ projector / 2,
        "r acts on what comes out of the matrix: multiply from the right": projector @ matrix / 4,
    }
    for mistake, wrong in mistakes.items():
        if torch.allclose(answer, wrong, rtol=1e-3, atol=1e-3):
            raise ValueError(f"not yet: {mistake}")
    off = (answer @ readout - matrix @ readout).abs().max().item()
    if off > 1e-6:
        raise ValueError(f"not yet: outputs are off by up to {off:.2g}; W r must stay what it was")
    if (rank := torch.linalg.matrix_rank(answer, rtol=1e-6).item()) != 1:
        raise ValueError(f"not yet: the outputs are right, but the rank is {rank}")
    gone = ((matrix - answer).square().sum() / matrix.square().sum()).item()
    return f"Correct: rank one, the same outputs, though a share {gone:.2f} of the squares is gone"


def check_entries(answer: float) -> str:
    """Entries beside a rank-one part in half the memory of a 16 x 16 matrix, places counted.

    Parameters
    ----------
    answer : float
        How many, if a number takes 16 bits and a place 8.

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
    >>> check_entries(64)
    'Correct: a third fewer than the 96 of our count, which takes places for free'
    """
    half, low_rank = SIDE**2 * NUMBER_BITS // 2, 2 * SIDE * NUMBER_BITS
    each = NUMBER_BITS + PLACE_BITS
    mistakes = {
        "this takes the places for free": (half - low_rank) // NUMBER_BITS,
        "this counts one factor of the rank-one part, there are two": (half - low_rank // 2) // each,
        "this leaves out the rank-one part": half // each,
        "this is for the memory of the whole matrix": (2 * half - low_rank) // each,
        "this counts all 256 entries of the low-rank part": 0,
    }
    praise = "a third fewer than the 96 of our count, which takes places for free"
    return judge(answer, (half - low_rank) // each, mistakes, praise, "count bits: 2048 in all", tolerance=0)
