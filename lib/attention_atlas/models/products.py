"""The two products that an attention head is made of, ``W_Q W_K^T`` and ``W_V W_O``, and models with other ones.

What a head does depends on its four matrices only through these. They are d_model x d_model and multiply a token's
stream, a row, from the right (and ``W_Q W_K^T`` another token's stream from the left).
"""

import math
from dataclasses import replace

import torch

from attention_atlas.compression import Inputs
from attention_atlas.models.averager import Averager, forward
from attention_atlas.shapes import Float, Float64, Tensor

KINDS = ("query_key", "value_output")  # the order along the axis `kind`


def products(parameters: dict[str, Float[Tensor, "..."]]) -> Float64[Tensor, "seed layer kind head row column"]:
    """``W_Q W_K^T`` and ``W_V W_O`` of every layer and head.

    Parameters
    ----------
    parameters : dict of str to (seed, ...)
        Of :class:`attention_atlas.models.averager.Averager`.

    Returns
    -------
    (seed, layer, kind, head, d_model, d_model)
        Kinds in the order of :data:`KINDS`, in float64.

    Examples
    --------
    >>> from attention_atlas.theory.catch_tag_release.construction import catch_tag_release
    >>> torch.linalg.matrix_rank(products(catch_tag_release(40.0, 20.0)[1])).flatten().tolist()
    [1, 1, 1, 1]
    """
    query, key, value, output = (parameters[name].double() for name in ("query", "key", "value", "output"))
    return torch.stack((query @ key.mT, value @ output), 2)


def with_products(
    averager: Averager,
    parameters: dict[str, Float[Tensor, "..."]],
    matrices: Float64[Tensor, "seed layer kind head d_model d_model"],
) -> tuple[Averager, dict[str, Float64[Tensor, "..."]]]:
    """A model with other products.

    Parameters
    ----------
    averager : Averager
        The models' shape.
    parameters : dict of str to (seed, ...)
        Of the models; all but the products is kept.
    matrices : (seed, layer, kind, head, d_model, d_model)
        Their new products, see :func:`products`.

    Returns
    -------
    (Averager, dict)
        Heads are d_model wide: query and value hold the matrices, key and output the identity. In float64.

    Examples
    --------
    >>> from attention_atlas.theory.catch_tag_release.construction import catch_tag_release
    >>> averager, parameters = catch_tag_release(40.0, 20.0)
    >>> wide, same = with_products(averager, parameters, products(parameters))
    >>> wide.width, products(same).equal(products(parameters))
    (5, True)
    """
    d_model = averager.d_model
    identity = torch.eye(d_model, dtype=torch.float64).expand_as(matrices[:, :, 0])
    # a model that divides its logits divides by the root of the head's width, which is another one now
    factor = math.sqrt(d_model / averager.width) if averager.scaled else 1.0
    factors = {
        "query": factor * matrices[:, :, 0], "key": identity, "value": matrices[:, :, 1], "output": identity,
    }  # fmt: skip
    kept = {name: value.double() for name, value in parameters.items()}
    return replace(averager, d_head=d_model), kept | factors


def inputs_of(
    averager: Averager,
    parameters: dict[str, Float[Tensor, "..."]],
    features: Float64[Tensor, "one batch token feature"],
) -> Inputs:
    """What the products of models meet on some sequences.

    Parameters
    ----------
    averager : Averager
        The models' shape.
    parameters : dict of str to (seed, ...)
        Of the models, as they are before compression.
    features : (1, batch, token, feature)
        The calibration sequences.

    Returns
    -------
    Inputs
        Shapes (seed, layer, kind, 1, d_model, d_model), over all tokens. ``W_Q W_K^T`` meets streams as rows and, as
        columns, streams less their mean; ``W_V W_O`` meets streams as rows, and all directions alike as columns.

    Notes
    -----
    Derived here. The mean of the keys adds a number to a query's logits that is the same for all keys, and softmax
    does not see it. This is no approximation; with ReLU attention it would be one.

    Examples
    --------
    >>> from attention_atlas.models.averager import initial
    >>> from attention_atlas.tasks.averaging import Averaging, draw
    >>> generator = torch.Generator().manual_seed(0)
    >>> batch = draw(Averaging(), 100, generator)
    >>> met = inputs_of(Averager(), initial(Averager(), [generator]), batch.features[None])
    >>> [torch.linalg.matrix_rank(moments[0, 0, 0, 0], rtol=1e-6).item() for moments in met]
    [3, 2]
    """
    exact = {name: value.double() for name, value in parameters.items()}
    streams = torch.stack(forward(averager, exact, features).streams[:-1], 1).flatten(2, 3)
    if averager.layernorm:
        streams = torch.nn.functional.layer_norm(streams, streams.shape[-1:])
    centered = streams - streams.mean(2, keepdim=True)
    moments, spread = (x.mT @ x / x.shape[2] for x in (streams, centered))
    alike = torch.eye(averager.d_model, dtype=torch.float64).expand_as(spread)
    rows, columns = torch.stack((moments, moments), 2), torch.stack((spread, alike), 2)
    return Inputs(rows[:, :, :, None], columns[:, :, :, None])


def through_readout(
    matrices: Float64[Tensor, "seed head row d_model"], readout: Float64[Tensor, "seed d_model 1"]
) -> Float64[Tensor, "seed head row d_model"]:
    """What the readout reads of the last layer's ``W_V W_O``: a matrix of rank one, and the same output.

    Parameters
    ----------
    matrices : (seed, head, d_model, d_model)
        ``W_V W_O`` of the last layer.
    readout : (seed, d_model, 1)
        Weights r of the models' answer, not all zero.

    Returns
    -------
    (seed, head, d_model, d_model)
        ``W_V W_O r r^T / ||r||^2``.

    Notes
    -----
    Derived here: ``W_V W_O r r^T r / ||r||^2 = W_V W_O r``, and in a model without MLP nothing but the readout comes
    after the last layer.

    Examples
    --------
    >>> matrix, readout = torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]]).double(), torch.tensor([[[2.0], [0.0]]]).double()
    >>> through_readout(matrix, readout).tolist()
    [[[[1.0, 0.0], [3.0, 0.0]]]]
    """
    return matrices @ (readout @ readout.mT / readout.square().sum((1, 2), keepdim=True))[:, None]


def in_basis(
    averager: Averager, parameters: dict[str, Float[Tensor, "..."]], basis: Float64[Tensor, "seed d_model wide"]
) -> tuple[Averager, dict[str, Float64[Tensor, "..."]]]:
    """The same models in other coordinates, as many or more.

    Parameters
    ----------
    averager : Averager
        The models' shape, without LayerNorm and MLP, which belong to their coordinates.
    parameters : dict of str to (seed, ...)
        Of the models.
    basis : (seed, d_model, wide)
        Orthonormal rows: where each old coordinate lies among the new ones; one for every model, or the same for all.

    Returns
    -------
    (Averager, dict)
        Models of width `wide` with the same attention and output. In float64.

    Raises
    ------
    ValueError
        If the models have LayerNorm or an MLP, or the rows are not orthonormal.

    Notes
    -----
    Derived here. The rank of a product is the same in every basis, the number of its zeros is not.

    Examples
    --------
    >>> from attention_atlas.theory.catch_tag_release.construction import catch_tag_release
    >>> averager, parameters = catch_tag_release(40.0, 20.0)
    >>> wider, same = in_basis(averager, parameters, torch.eye(5, 8, dtype=torch.float64)[None])
    >>> wider.d_model, same["embedding"].shape, averager.width == wider.width
    (8, torch.Size([1, 3, 8]), True)
    """
    if averager.layernorm or averager.mlp:
        got = " and ".join(name for name in ("layernorm", "mlp") if getattr(averager, name))
        raise ValueError(f"models in other coordinates may have neither layernorm nor mlp, got {got}")
    off = (basis @ basis.mT - torch.eye(averager.d_model, dtype=torch.float64)).abs().max().item()
    if off > 1e-9:
        raise ValueError(f"a basis needs orthonormal rows, got products that are off by up to {off:.2g}")
    exact = {name: value.double() for name, value in parameters.items()}
    inner = basis[:, None, None]
    turned = {
        "embedding": exact["embedding"] @ basis,
        **{name: inner.mT @ exact[name] for name in ("query", "key", "value")},
        "output": exact["output"] @ inner,
        "readout": basis.mT @ exact["readout"],
    }
    return replace(averager, d_model=basis.shape[2], d_head=averager.width), turned
