"""Trained decoders whose linear maps are all made smaller alike.

How a matrix is made smaller is in :mod:`attention_atlas.compression`; here is which ones, and what they meet.
"""

import torch

from attention_atlas.compression import Inputs, low_rank_plus_sparse, stored_numbers
from attention_atlas.models.decoder import Decoder, forward
from attention_atlas.shapes import Float, Float64, Int, Tensor

MATRICES = ("query", "key", "value", "output", "mlp_in", "mlp_out")  # linear maps of a block; the rest stays whole
JOINED = ("query", "key", "value")  # heads side by side make one matrix, d_model x d_model

Weights = dict[str, Float[Tensor, "..."]]


def matrices_of(weights: Weights) -> dict[str, Float64[Tensor, "layer row column"]]:
    """Linear maps of all blocks, heads joined as they are stored in practice.

    Parameters
    ----------
    weights : dict of str to (1, ...)
        Of one :class:`attention_atlas.models.decoder.Decoder`.

    Returns
    -------
    dict of str to (layer, row, column)
        For each of :data:`MATRICES`; rows are inputs, columns are outputs. In float64.

    Examples
    --------
    >>> from attention_atlas.models.decoder import initial
    >>> found = matrices_of(initial(Decoder(8), [torch.Generator().manual_seed(0)]))
    >>> [tuple(found[name].shape) for name in ("query", "output", "mlp_in")]
    [(4, 96, 96), (4, 96, 96), (4, 96, 384)]
    """
    found = {name: weights[name][0].double() for name in MATRICES}
    found |= {name: found[name].transpose(1, 2).flatten(2) for name in JOINED}
    return found | {"output": found["output"].flatten(1, 2)}


def with_matrices(weights: Weights, matrices: dict[str, Float64[Tensor, "layer row column"]]) -> Weights:
    """A decoder with other linear maps.

    Parameters
    ----------
    weights : dict of str to (1, ...)
        Of one decoder; all that is not among the matrices is kept.
    matrices : dict of str to (layer, row, column)
        Some or all of :func:`matrices_of`.

    Returns
    -------
    dict of str to (1, ...)
        In the precision of the weights.

    Examples
    --------
    >>> from attention_atlas.models.decoder import initial
    >>> weights = initial(Decoder(8), [torch.Generator().manual_seed(0)])
    >>> all(value.equal(weights[name]) for name, value in with_matrices(weights, matrices_of(weights)).items())
    True
    """
    heads = weights["query"].shape[2]
    changed = {}
    for name, matrix in matrices.items():
        if name in JOINED:
            matrix = matrix.unflatten(2, (heads, -1)).transpose(1, 2)
        elif name == "output":
            matrix = matrix.unflatten(1, (heads, -1))
        changed[name] = matrix[None].to(weights[name].dtype)
    return weights | changed


def inputs_of(decoder: Decoder, weights: Weights, text: Int[Tensor, "window token"]) -> dict[str, Inputs]:
    """What every linear map of a decoder multiplies while it reads a text.

    Parameters
    ----------
    decoder : Decoder
        The model's shape.
    weights : dict of str to (1, ...)
        Of one model, as it is before compression.
    text : (window, token)
        The calibration text.

    Returns
    -------
    dict of str to Inputs
        For each of :data:`MATRICES`, shapes (layer, row, row) and (layer, column, column): mean of ``x^T x`` over all
        tokens, and the identity, since all outputs are alike.

    Examples
    --------
    >>> from attention_atlas.models.decoder import initial
    >>> decoder = Decoder(8, layers=2)
    >>> found = inputs_of(decoder, initial(decoder, [torch.Generator().manual_seed(0)]), torch.arange(6).reshape(2, 3))
    >>> tuple(found["mlp_out"].rows.shape), torch.linalg.matrix_rank(found["query"].rows[0]).item()
    ((2, 384, 384), 6)
    """
    moments = {name: [] for name in MATRICES}

    def hook(layer: int, name: str, tensor: Tensor) -> None:
        if name == "read":
            for part in JOINED:
                moments[part].append(second_moment(tensor.flatten(0, 2)))
        elif name == "pooled":
            moments["output"].append(second_moment(tensor.transpose(2, 3).flatten(3).flatten(0, 2)))
        elif name == "mlp_read":
            moments["mlp_in"].append(second_moment(tensor.flatten(0, 2)))
            inside = torch.nn.functional.gelu(tensor.flatten(0, 2) @ weights["mlp_in"][0, layer])
            moments["mlp_out"].append(second_moment(inside))

    with torch.no_grad():
        forward(decoder, weights, text[None], hook)
    matrices = matrices_of(weights)
    alike = {
        name: torch.eye(matrix.shape[2], dtype=torch.float64).expand(len(matrix), -1, -1)
        for name, matrix in matrices.items()
    }
    return {name: Inputs(torch.stack(moments[name]), alike[name]) for name in MATRICES}


def shape(rows: int, columns: int, stored: float, low: float) -> tuple[int, int]:
    """Rank and entries that a number of stored numbers allows.

    Parameters
    ----------
    rows, columns : int
        Of the matrix.
    stored : float
        Numbers to store at most, as a share of rows times columns, in [0, 1].
    low : float
        Share of them that is for the low-rank part, in [0, 1].

    Returns
    -------
    (int, int)
        The largest rank that its share allows; and, unless the low-rank part may take all, as many entries as are left,
        equally many for every column, as Wanda needs it.

    Raises
    ------
    ValueError
        If a share is impossible.

    Examples
    --------
    >>> shape(96, 96, 0.5, 0.25), shape(96, 96, 0.5, 0.0), shape(96, 96, 0.5, 1.0)
    ((6, 3456), (0, 4608), (24, 0))
    """
    for name, share in (("stored", stored), ("low", low)):
        if not 0 <= share <= 1:
            raise ValueError(f"{name} must lie in [0, 1], got {share}")
    numbers = round(stored * rows * columns, 6)
    rank = int(low * numbers // (rows + columns))
    left = 0 if low == 1 else int(numbers - stored_numbers(rows, columns, rank, 0))
    return rank, left // columns * columns


def compressed(
    weights: Weights, stored: float, low: float = 0.0, inputs: dict[str, Inputs] | None = None
) -> tuple[Weights, float]:
    """A decoder whose linear maps are all made smaller alike, as sums of a low-rank and a sparse matrix.

    Parameters
    ----------
    weights : dict of str to (1, ...)
        Of one decoder.
    stored : float
        Numbers to store at most, as a share of what the matrices have.
    low : float
        Share of them that is for the low-rank part: 0 is pruning, 1 is low rank alone.
    inputs : dict of str to Inputs, optional
        What the matrices meet, see :func:`inputs_of`; without it the largest entries and singular values are kept.

    Returns
    -------
    (dict of str to (1, ...), float)
        The decoder, and the share that is stored indeed: ranks and entries are whole numbers. Where the entries are is
        not counted.

    Raises
    ------
    ValueError
        If a share is impossible.

    Notes
    -----
    Each matrix is compressed for the inputs that it had in the whole decoder; those that it gets from smaller matrices
    before it are others.

    Examples
    --------
    >>> from attention_atlas.models.decoder import initial
    >>> weights = initial(Decoder(8), [torch.Generator().manual_seed(0)])
    >>> smaller, share = compressed(weights, stored=0.5)
    >>> (smaller["query"] == 0).float().mean().item(), share
    (0.5, 0.5)
    """
    changed, kept, whole = {}, 0, 0
    for name, matrix in matrices_of(weights).items():
        size = matrix.shape[1:]
        form = shape(*size, stored, low)
        changed[name] = low_rank_plus_sparse(matrix, *form, None if inputs is None else inputs[name])
        kept, whole = kept + stored_numbers(*size, *form), whole + size.numel()
    return with_matrices(weights, changed), kept / whole


def second_moment(rows: Float[Tensor, "token width"]) -> Float64[Tensor, "width width"]:
    """Mean of ``x^T x`` over rows x.

    Examples
    --------
    >>> second_moment(torch.tensor([[1.0, 0.0], [1.0, 2.0]])).tolist()
    [[1.0, 1.0], [1.0, 2.0]]
    """
    exact = rows.double()
    return exact.mT @ exact / len(exact)
