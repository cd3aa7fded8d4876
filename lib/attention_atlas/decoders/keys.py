"""Trained decoders whose heads know less of every key: a few numbers of it, or all but a few."""

import torch

from attention_atlas.compression import Inputs, truncated
from attention_atlas.decoders.compression import Weights, second_moment
from attention_atlas.models.decoder import Decoder, forward
from attention_atlas.positions import rope, rope_frequencies
from attention_atlas.shapes import Float, Float64, Int, Tensor


def key_inputs(decoder: Decoder, weights: Weights, text: Int[Tensor, "window token"] | None = None) -> Inputs:
    """What ``W_K`` of every head meets: streams on one side, queries from every distance on the other.

    Parameters
    ----------
    decoder : Decoder
        The model's shape, without a norm of queries and keys.
    weights : dict of str to (1, ...)
        Of one model.
    text : (window, token), optional
        The calibration text; without it all directions of the stream are alike.

    Returns
    -------
    Inputs
        Shapes (layer, head, d_model, d_model) and (layer, head, d_head, d_head).

    Raises
    ------
    ValueError
        If the decoder has `qk_norm`: its scores are no product of its matrices.

    Notes
    -----
    Derived here. A query x scores a key y at distance D by ``x W_Q R(D) W_K^T y^T`` with the rotation R(D) of RoPE, or
    none. A change E of ``W_K`` changes these scores by a mean square of ``tr(E^T S E G)``, with S the mean of ``y^T y``
    and G the mean over distances, each as often as a window has it, of ``R(D)^T W_Q^T C W_Q R(D)``, C the mean of
    ``x^T x``. That is the norm that :func:`attention_atlas.compression.truncated` makes smallest, so that one matrix of
    rank r stands for the products at all distances. Without rotation there is one product, ``W_Q W_K^T``, and the
    truncation is its own.

    With softmax and no rotation S is taken about the mean, since what all keys share changes nothing.

    Examples
    --------
    >>> from attention_atlas.models.decoder import initial
    >>> decoder = Decoder(8, layers=2)
    >>> found = key_inputs(decoder, initial(decoder, [torch.Generator().manual_seed(0)]))
    >>> tuple(found.rows.shape), tuple(found.columns.shape)
    ((2, 4, 96, 96), (2, 4, 24, 24))
    """
    if decoder.qk_norm:
        raise ValueError("keys are truncated where scores are products of matrices, got a decoder with qk_norm")
    asking = asked = torch.eye(decoder.d_model, dtype=torch.float64).expand(decoder.layers, -1, -1)
    if text is not None:
        streams = _streams(decoder, weights, text)
        asking = torch.stack([second_moment(stream) for stream in streams])
        shared = decoder.attention == "softmax" and decoder.positions != "rope"
        asked = torch.stack([second_moment(stream - stream.mean(0)) for stream in streams]) if shared else asking
    query = weights["query"][0].double()
    queries = query.mT @ asking[:, None] @ query
    if decoder.positions == "rope":
        queries = _over_distances(queries, decoder.tokens)
    return Inputs(asked[:, None].expand(-1, decoder.heads, -1, -1), queries)


def with_keys_of_rank(weights: Weights, rank: int, inputs: Inputs, removed: bool = False) -> Weights:
    """A decoder whose heads read of every key a few numbers only, whatever the query and the distance.

    Parameters
    ----------
    weights : dict of str to (1, ...)
        Of one decoder.
    rank : int
        How many numbers.
    inputs : Inputs
        What ``W_K`` meets, see :func:`key_inputs`.
    removed : bool
        Whether they are taken away instead, and the rest is kept.

    Returns
    -------
    dict of str to (1, ...)
        All but ``key`` is as it was.

    Raises
    ------
    ValueError
        If a head cannot have that rank.

    Examples
    --------
    >>> from attention_atlas.models.decoder import initial
    >>> decoder = Decoder(8)
    >>> weights = initial(decoder, [torch.Generator().manual_seed(0)])
    >>> smaller = with_keys_of_rank(weights, 2, key_inputs(decoder, weights))
    >>> torch.linalg.matrix_rank(smaller["key"][0, 0] @ weights["query"][0, 0].mT, rtol=1e-4).tolist()
    [2, 2, 2, 2]
    """
    key = weights["key"][0].double()
    kept = truncated(key, rank, inputs)
    return weights | {"key": (key - kept if removed else kept)[None].to(weights["key"].dtype)}


def without_second(weights: Weights, inputs: Inputs) -> Weights:
    """A decoder whose keys lack their second direction: the control for taking away the first.

    Parameters
    ----------
    weights : dict of str to (1, ...)
        Of one decoder, whose heads are two dimensions wide or more.
    inputs : Inputs
        What ``W_K`` meets, see :func:`key_inputs`.

    Returns
    -------
    dict of str to (1, ...)
        All but ``key`` is as it was.

    Examples
    --------
    >>> from attention_atlas.models.decoder import initial
    >>> decoder = Decoder(8)
    >>> weights = initial(decoder, [torch.Generator().manual_seed(0)])
    >>> inputs = key_inputs(decoder, weights)
    >>> first = with_keys_of_rank(without_second(weights, inputs), 1, inputs)
    >>> first["key"].allclose(with_keys_of_rank(weights, 1, inputs)["key"], atol=1e-6)
    True
    """
    key = weights["key"][0].double()
    second = truncated(key, 2, inputs) - truncated(key, 1, inputs)
    return weights | {"key": (key - second)[None].to(weights["key"].dtype)}


def _streams(decoder: Decoder, weights: Weights, text: Tensor) -> list[Float[Tensor, "token d_model"]]:
    """What the attention of every layer reads, all tokens in a row."""
    found = []

    def hook(layer: int, name: str, tensor: Tensor) -> None:
        if name == "read":
            found.append(tensor.flatten(0, 2))

    with torch.no_grad():
        forward(decoder, weights, text[None], hook)
    return found


def _over_distances(
    queries: Float64[Tensor, "layer head d_head d_head"], tokens: int
) -> Float64[Tensor, "layer head d_head d_head"]:
    """Mean of ``R(D)^T Q R(D)`` over the pairs of a query and a key that it sees."""
    width = queries.shape[-1]
    frequencies, unturned = rope_frequencies(width), torch.eye(width, dtype=torch.float64)
    total = torch.zeros_like(queries)
    for distance in range(tokens):
        turn = rope(unturned, frequencies, torch.full((width,), distance))  # a row x becomes x R(D)
        total += (tokens - distance) * (turn.mT @ queries @ turn)
    return total / (tokens * (tokens + 1) / 2)
