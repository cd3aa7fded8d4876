"""Checks of the exercises on compressed decoders.

Every check returns one line for a right answer and raises ValueError with the likely mistake for a wrong one.
"""

import torch

from attention_atlas.exercises.judge import judge
from attention_atlas.shapes import Float64, Tensor

ROWS, COLUMNS = 96, 384  # of the matrix of the first exercise, of which half of the numbers may be stored


def check_rank(answer: float) -> str:
    """The largest rank that stores at most half of the numbers of a 96 x 384 matrix.

    Parameters
    ----------
    answer : float
        The rank.

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
    >>> check_rank(38)
    'Correct: 38 of 96 directions; of a 96 x 96 matrix half the numbers are 24 of 96, a quarter'
    """
    half, each = ROWS * COLUMNS // 2, ROWS + COLUMNS
    mistakes = {
        "half the rank is not half the numbers: each rank needs a row and a column, 96 + 384": ROWS // 2,
        "this stores a little more than half: round down": half // each + 1,
        "this stores as much as the matrix has": 2 * half // each,
        "this counts a column for each rank, and no row": half // ROWS,
    }
    praise = "38 of 96 directions; of a 96 x 96 matrix half the numbers are 24 of 96, a quarter"
    return judge(answer, half // each, mistakes, praise, "each rank needs 96 + 384 numbers", tolerance=0)


def turning_head() -> tuple[Float64[Tensor, "3 2"], Float64[Tensor, "3 2"]]:
    """``W_Q`` and ``W_K`` of a head with one pair of coordinates, which RoPE turns.

    Examples
    --------
    >>> query, key = turning_head()
    >>> query.T @ query
    tensor([[16.,  0.],
            [ 0.,  1.]], dtype=torch.float64)
    """
    query = torch.tensor([[4.0, 0.0], [0.0, 1.0], [0.0, 0.0]], dtype=torch.float64)
    key = torch.tensor([[1.0, 0.0], [0.0, 3.0], [0.0, 0.0]], dtype=torch.float64)
    return query, key


def check_lost(answer: float) -> str:
    """Share of the squares of all products that the best ``W_K`` of rank one loses, all angles alike.

    Parameters
    ----------
    answer : float
        For :func:`turning_head`.

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
    >>> check_lost(0.1)
    'Correct: over all angles queries have no direction, and the singular values of W_K alone decide'
    """
    query, key = turning_head()
    sizes = torch.linalg.svdvals(key).square()
    still = torch.linalg.svdvals(query @ key.T).square()
    mistakes = {
        "this is the product without rotation; at a right angle it is another one": (still[1] / still.sum()).item(),
        "this is what is kept": (sizes[0] / sizes.sum()).item(),
        "take squares of the singular values": (sizes.sqrt()[1] / sizes.sqrt().sum()).item(),
        "divide by the sum of both squares": (sizes[1] / sizes[0]).item(),
    }
    praise = "over all angles queries have no direction, and the singular values of W_K alone decide"
    return judge(answer, (sizes[1] / sizes.sum()).item(), mistakes, praise, "what is the mean of R^T Q R over angles?")
