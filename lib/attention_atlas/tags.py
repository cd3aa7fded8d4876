"""Tags: what a sink writes into every token that attends to it, and how much of a head's output that is."""

import torch

from attention_atlas.shapes import Float, Tensor

NEGLIGIBLE = 1e-6  # singular value, relative to the largest, below which a direction is none


def tag_subspace(tags: Float[Tensor, "*batch sink d_model"]) -> Float[Tensor, "*batch sink d_model"]:
    """Orthonormal directions that span the tags of some sinks.

    Parameters
    ----------
    tags : (*batch, sink, d_model)
        Value vectors of the sinks after the output matrix, ``x_j W_V W_O``.

    Returns
    -------
    (*batch, sink, d_model)
        Rows of length 1, orthogonal to each other; rows of zeros where tags depend on each other or vanish.

    Notes
    -----
    Zhang et al. 2025: a token that attends to sink j receives ``A_ij`` times this vector, the tag.

    Examples
    --------
    >>> tag_subspace(torch.tensor([[3.0, 4.0], [6.0, 8.0]])).abs().round(decimals=3)
    tensor([[0.6000, 0.8000],
            [0.0000, 0.0000]])
    """
    _, sizes, directions = torch.linalg.svd(tags, full_matrices=False)
    kept = sizes > NEGLIGIBLE * sizes.amax(-1, keepdim=True).clamp(min=torch.finfo(tags.dtype).tiny)
    rows = torch.zeros_like(tags)
    rows[..., : directions.shape[-2], :] = directions * kept[..., None]
    return rows


def tag_part(
    written: Float[Tensor, "*#batch token d_model"], basis: Float[Tensor, "*#batch sink d_model"]
) -> Float[Tensor, "*#batch token d_model"]:
    """The part of what is written to every token that lies in the tag subspace.

    Parameters
    ----------
    written : (*batch, token, d_model)
        What a head, or a layer, adds to the stream.
    basis : (*batch, sink, d_model)
        Of :func:`tag_subspace`.

    Examples
    --------
    >>> tag_part(torch.tensor([[2.0, 3.0]]), torch.tensor([[0.0, 1.0]]))
    tensor([[0., 3.]])
    """
    return written @ basis.mT @ basis


def explained_variance(
    written: Float[Tensor, "*#batch token d_model"], basis: Float[Tensor, "*#batch sink d_model"]
) -> Float[Tensor, "..."]:
    """Share of what a head writes that tags explain.

    Parameters
    ----------
    written : (*batch, token, d_model)
        Output O of the head, one row for each token.
    basis : (*batch, sink, d_model)
        Of :func:`tag_subspace`.

    Returns
    -------
    (*batch,)
        ``||P O||_F^2 / ||O||_F^2`` in [0, 1]; NaN for a head that writes nothing.

    Notes
    -----
    Zhang et al. 2025, version 2: one or two tags explain 20-40 % of a head's output, up to 70 %. That squares are
    taken without subtracting the mean is our reading.

    Examples
    --------
    >>> explained_variance(torch.tensor([[2.0, 1.0], [0.0, 2.0]]), torch.tensor([[1.0, 0.0]]))
    tensor(0.4444)
    """
    return tag_part(written, basis).square().sum((-2, -1)) / written.square().sum((-2, -1))
