"""Smaller matrices: of low rank, with few entries, and sums of the two, at equal numbers stored.

Every function takes any number of matrices at once; a matrix multiplies rows from the right: its rows are inputs, its
columns outputs. Those of a transformer are in :mod:`attention_atlas.models.products`.
"""

from typing import NamedTuple

import torch

from attention_atlas.shapes import Bool, Float, Float64, Tensor

NEGLIGIBLE = 1e-10  # share of the largest eigenvalue of a moment below which a direction is never used


class Inputs(NamedTuple):
    """What products meet in use: a change D of one matters by ``||rows^(1/2) D columns^(1/2)||_F``."""

    rows: Float64[Tensor, "*batch row row"]  # mean of x^T x over the streams x that multiply it from the left
    columns: Float64[Tensor, "*batch column column"]  # the same of what multiplies it from the right


def singular_values(
    matrices: Float64[Tensor, "*batch row column"], inputs: Inputs | None = None
) -> Float64[Tensor, "*batch value"]:
    """Singular values of matrices, as they are or as their inputs see them.

    Parameters
    ----------
    matrices : (*batch, row, column)
        Any.
    inputs : Inputs, optional
        What they meet; then these are the singular values of ``rows^(1/2) M columns^(1/2)``.

    Returns
    -------
    (*batch, value)
        From the largest on.

    Examples
    --------
    >>> matrix = torch.diag(torch.tensor([5.0, 2.0])).double()
    >>> met = Inputs(torch.diag(torch.tensor([0.0, 1.0])).double(), torch.eye(2).double())
    >>> singular_values(matrix).tolist(), singular_values(matrix, met).tolist()
    ([5.0, 2.0], [2.0, 0.0])
    """
    return torch.linalg.svdvals(matrices if inputs is None else _seen(matrices, inputs)[0])


def truncated(
    matrices: Float64[Tensor, "*batch row column"], rank: int, inputs: Inputs | None = None
) -> Float64[Tensor, "*batch row column"]:
    """The nearest matrices of a rank.

    Parameters
    ----------
    matrices : (*batch, row, column)
        Any.
    rank : int
        The largest allowed; 0 gives zero.
    inputs : Inputs, optional
        What they meet: nearest is then what changes ``rows^(1/2) M columns^(1/2)`` least, and directions that no input
        has are dropped.

    Returns
    -------
    (*batch, row, column)
        ``rank * (row + column)`` numbers to store, as two factors.

    Raises
    ------
    ValueError
        If the rank is negative or more than a matrix can have.

    Notes
    -----
    The best in the Frobenius norm (Eckart and Young 1936). With inputs the same in their norm: derived here, a common
    step of data-aware compression.

    Examples
    --------
    >>> matrix = torch.diag(torch.tensor([5.0, 2.0])).double()
    >>> met = Inputs(torch.diag(torch.tensor([0.0, 1.0])).double(), torch.eye(2).double())
    >>> truncated(matrix, 1).diagonal().tolist(), truncated(matrix, 1, met).diagonal().tolist()
    ([5.0, 0.0], [0.0, 2.0])
    """
    most = min(matrices.shape[-2:])
    if not 0 <= rank <= most:
        raise ValueError(f"rank must be between 0 and {most}, got {rank}")
    if inputs is not None:
        seen, rows_back, columns_back = _seen(matrices, inputs)
        return rows_back @ truncated(seen, rank) @ columns_back
    left, sizes, right = torch.linalg.svd(matrices, full_matrices=False)
    return (left[..., :rank] * sizes[..., None, :rank]) @ right[..., :rank, :]


def pruned(
    matrices: Float64[Tensor, "*batch row column"], entries: int, inputs: Inputs | None = None
) -> Float64[Tensor, "*batch row column"]:
    """Matrices of which only some entries are kept, the others set to zero.

    Parameters
    ----------
    matrices : (*batch, row, column)
        Any.
    entries : int
        How many of each matrix are kept.
    inputs : Inputs, optional
        What they meet; without it the largest entries are kept, with it the rule of Wanda.

    Returns
    -------
    (*batch, row, column)
        Kept entries are unchanged; of equal ones the first is kept.

    Raises
    ------
    ValueError
        If a matrix has fewer entries, or Wanda cannot keep equally many of every column.

    Notes
    -----
    Wanda (Sun et al. 2024, on pruning) keeps, of all weights that lead to one output, those with the largest
    ``|W_ij| ||x_i||``, where ``||x_i||`` is the norm of input i over the calibration tokens. Our matrices multiply rows
    from the right: inputs are rows, outputs are columns, and ``||x_i||^2`` is proportional to ``inputs.rows[i, i]``.
    That it is applied to products, ``W_Q W_K^T`` among them, is ours; Wanda prunes the factors.

    Examples
    --------
    >>> matrix = torch.tensor([[3.0, 4.0], [1.0, 2.0]]).double()
    >>> met = Inputs(torch.diag(torch.tensor([1.0, 100.0])).double(), torch.eye(2).double())
    >>> pruned(matrix, 2).tolist(), pruned(matrix, 2, met).tolist()
    ([[3.0, 4.0], [0.0, 0.0]], [[0.0, 0.0], [1.0, 2.0]])
    """
    rows, columns = matrices.shape[-2:]
    if not 0 <= entries <= rows * columns:
        raise ValueError(f"between 0 and {rows * columns} entries can be kept, got {entries}")
    if inputs is None:
        flat = matrices.flatten(-2)
        return (flat * _largest(flat.abs(), entries)).unflatten(-1, (rows, columns))
    if entries % columns:
        raise ValueError(f"Wanda keeps equally many of {columns} columns, got {entries} entries")
    scores = matrices.abs() * inputs.rows.diagonal(dim1=-2, dim2=-1).clamp(min=0).sqrt()[..., None]
    return matrices * _largest(scores.mT, entries // columns).mT


def low_rank_plus_sparse(
    matrices: Float64[Tensor, "*batch row column"],
    rank: int,
    entries: int,
    inputs: Inputs | None = None,
    rounds: int = 10,
) -> Float64[Tensor, "*batch row column"]:
    """Matrices as a sum of one of low rank and one of few entries.

    Parameters
    ----------
    matrices : (*batch, row, column)
        Any.
    rank, entries : int
        Of the two parts; with 0 entries it is :func:`truncated`, with rank 0 :func:`pruned`.
    inputs : Inputs, optional
        What they meet, for both parts.
    rounds : int
        How often each part is fitted to what the other leaves, at least 1. The low-rank part is the first and the last.

    Returns
    -------
    (*batch, row, column)
        The sum; see :func:`stored_numbers`.

    Raises
    ------
    ValueError
        As in :func:`truncated` and :func:`pruned`, or if there are no rounds.

    Notes
    -----
    Alternating projections. Without inputs no step takes the sum further away in the Frobenius norm; with inputs the
    two parts follow two rules, and Wanda's may. A few entries of what no input sees are seen, so the low-rank part must
    have the last word: it mends as much of that as its rank allows.

    Examples
    --------
    >>> matrix = torch.tensor([[1.0, 1, 1], [1, 1, 2], [1, 1, 1]]).double()
    >>> low_rank_plus_sparse(matrix, 1, 1, rounds=50).allclose(matrix)
    True
    """
    if rounds < 1:
        raise ValueError(f"at least 1 round is needed, got {rounds}")
    low = truncated(matrices, rank, inputs)
    for _ in range(rounds if rank and entries else 1):
        sparse = pruned(matrices - low, entries, inputs)
        low = truncated(matrices - sparse, rank, inputs)
    return low + sparse


def stored_numbers(rows: int, columns: int, rank: int, entries: int) -> int:
    """How many numbers a low-rank part and a sparse one need together.

    Parameters
    ----------
    rows, columns : int
        Of the matrix.
    rank, entries : int
        Of its parts.

    Returns
    -------
    int
        ``rank * (rows + columns) + entries``. *Where* the kept entries are is not counted; it favors the sparse part.

    Examples
    --------
    >>> stored_numbers(8, 8, rank=1, entries=16), stored_numbers(8, 8, rank=4, entries=0)
    (32, 64)
    """
    return rank * (rows + columns) + entries


def _largest(scores: Float[Tensor, "*batch place"], count: int) -> Bool[Tensor, "*batch place"]:
    order = scores.argsort(dim=-1, descending=True, stable=True)
    return torch.zeros_like(scores, dtype=torch.bool).scatter(-1, order[..., :count], True)


def _seen(matrices: Tensor, inputs: Inputs) -> tuple[Tensor, Tensor, Tensor]:
    """Matrices as their inputs see them, and what leads back from the left and from the right."""
    (rows, rows_back), (columns, columns_back) = (_root(moments) for moments in inputs)
    return rows @ matrices @ columns, rows_back, columns_back


def _root(moments: Float64[Tensor, "*batch side side"]) -> tuple[Tensor, Tensor]:
    """The root of moments, and its inverse on the directions that occur."""
    sizes, directions = torch.linalg.eigh(moments)
    occurs = sizes > NEGLIGIBLE * sizes.amax(-1, keepdim=True)
    roots = torch.where(occurs, sizes, 0).sqrt()
    inverse = torch.where(occurs, 1 / torch.where(occurs, roots, 1), 0)
    return tuple((directions * values[..., None, :]) @ directions.mT for values in (roots, inverse))
