"""What every token would write if it were given all the attention, and what the sinks among them explain."""

import torch

from attention_atlas.catch_criteria import SINK
from attention_atlas.models.averager import Averager, Pass
from attention_atlas.shapes import Bool, Float, Tensor
from attention_atlas.sinks import sinks_zhang2025
from attention_atlas.tags import explained_variance, tag_subspace


def value_vectors(
    averager: Averager,
    parameters: dict[str, Float[Tensor, "..."]],
    stream: Float[Tensor, "seed *batch token d_model"],
    layer: int,
) -> Float[Tensor, "seed *batch head token d_model"]:
    """Value vectors of tokens after the output matrix.

    Parameters
    ----------
    averager : Averager
        The models' shape.
    parameters : dict of str to (seed, ...)
        Of the models.
    stream : (seed, *batch, token, d_model)
        What enters the layer, such as ``streams[layer]`` of :func:`attention_atlas.models.averager.forward`.
    layer : int
        From 0 on.

    Returns
    -------
    (seed, *batch, head, token, d_model)
        ``x_j W_V W_O``. If token j is a sink, this is its tag.

    Raises
    ------
    ValueError
        If there is no such layer.

    Examples
    --------
    >>> from attention_atlas.models.averager import forward
    >>> from attention_atlas.tasks.averaging import placed
    >>> from attention_atlas.theory.catch_tag_release.construction import catch_tag_release
    >>> model = catch_tag_release(40, 20)
    >>> found = forward(*model, placed(torch.tensor([[9.0, 1.0]]).double(), torch.tensor([1])).features[None])
    >>> value_vectors(*model, found.streams[0], layer=0)[0, 0, 0].tolist()
    [[0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 1.0, 0.0], [0.0, 0.0, 0.0, 0.0, 0.0]]
    """
    if not 0 <= layer < averager.layers:
        raise ValueError(f"layer must be one of 0 to {averager.layers - 1}, got {layer}")
    if averager.layernorm:
        stream = torch.nn.functional.layer_norm(stream, stream.shape[-1:])
    value, output = parameters["value"][:, layer], parameters["output"][:, layer]
    return torch.einsum("s...td,shde,shef->s...htf", stream, value, output)


def sinks_of(found: Pass, layer: int, threshold: float = SINK) -> Bool[Tensor, "seed batch head key"]:
    """Which tokens are the sinks of each head in each sequence, by the convention of Zhang et al. 2025.

    Parameters
    ----------
    found : Pass
        What models compute, of :func:`attention_atlas.models.averager.forward`; softmax attention, of all tokens.
    layer : int
        From 0 on.
    threshold : float
        Of :func:`attention_atlas.sinks.sinks_zhang2025`.

    Returns
    -------
    (seed, batch, head, key)
        True where the mean attention from all queries that see the token exceeds the threshold.

    Examples
    --------
    >>> weights = torch.eye(3).expand(1, 1, 1, 3, 3)
    >>> sinks_of(Pass(torch.zeros(1, 1, 3), (weights,), (), ()), layer=0)[0, 0, 0]
    tensor([True, True, True])
    """
    weights = found.weights[layer]
    causal = torch.ones(weights.shape[-2:], dtype=torch.bool, device=weights.device).tril()
    return sinks_zhang2025(weights.flatten(0, 1), causal, threshold).unflatten(0, weights.shape[:2])


def as_many_others(chosen: Bool[Tensor, "*batch token"], generator: torch.Generator) -> Bool[Tensor, "*batch token"]:
    """The control: as many tokens as are chosen, drawn from those that are not (all of these if they are fewer).

    Parameters
    ----------
    chosen : (*batch, token)
        Such as sinks.
    generator : torch.Generator
        Source of randomness.

    Examples
    --------
    >>> as_many_others(torch.tensor([[True, False], [False, False]]), torch.Generator().manual_seed(0))
    tensor([[False,  True],
            [False, False]])
    """
    order = torch.rand(chosen.shape, generator=generator, dtype=torch.float64) + 2 * chosen
    rank = order.argsort(-1).argsort(-1)
    return (rank < chosen.sum(-1, keepdim=True)) & ~chosen


def explained_by(
    written: Float[Tensor, "*batch token d_model"],
    values: Float[Tensor, "*batch token d_model"],
    chosen: Bool[Tensor, "*batch token"],
) -> Float[Tensor, "*batch"]:
    """Share of what a head writes into a sequence that the value vectors of some of its tokens explain.

    Parameters
    ----------
    written : (*batch, token, d_model)
        What the head adds to every token.
    values : (*batch, token, d_model)
        Of :func:`value_vectors`.
    chosen : (*batch, token)
        Which tokens: the sinks, whose value vectors are tags, or others as a control.

    Returns
    -------
    (*batch,)
        :func:`attention_atlas.tags.explained_variance` by the span of the chosen vectors: 0 if none is chosen, NaN for
        a head that writes nothing.

    Notes
    -----
    Zhang et al. 2025. What the share says depends on the head: where ``W_V W_O`` has rank one, any token explains all.

    Examples
    --------
    >>> values = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    >>> explained_by(torch.tensor([[1.0, 0.0], [0.8, 0.2]]), values, torch.tensor([True, False]))
    tensor(0.9762)
    """
    return explained_variance(written, tag_subspace(values * chosen[..., None]))
