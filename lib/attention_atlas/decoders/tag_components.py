"""One head's output in two parts: what lies along the tags of its sinks, and the rest; with what to compare that to.

All vectors are in the head's own d_head coordinates: ``W_O = L Q`` with orthonormal rows of Q, so that ``v L`` has the
lengths and angles of ``v W_O``.
"""

from typing import NamedTuple

import torch

from attention_atlas.decoders.attention_record import AttentionRecord
from attention_atlas.shapes import Bool, Float, Int, Tensor
from attention_atlas.sink_tags import as_many_others
from attention_atlas.sinks import attention_received, sinks_zhang2025, widely_seen
from attention_atlas.tags import NEGLIGIBLE

CAUGHT, FREE = 0.5, 0.1  # share of its attention that a tagged token gives a sink at least, an untagged one at most


class HeadParts(NamedTuple):
    """One head on a batch of windows, in float64."""

    shares: Float[Tensor, "window query key"]  # attention; rows sum to 1, with ReLU attention too, or are 0
    written: Float[Tensor, "window token d_head"]  # what the head adds to every token
    vectors: Float[Tensor, "window token d_head"]  # what a token would write if it were given all attention
    received: Float[Tensor, "window token"]  # mean attention from the queries that see a token
    sinks: Bool[Tensor, "window token"]  # by Zhang et al. 2025
    lasting: Bool[Tensor, "window token"]  # those that at least half of the queries see (ours)


def head_parts(record: AttentionRecord, head: int) -> HeadParts:
    """What is needed of one head.

    Parameters
    ----------
    record : AttentionRecord
        What its layer computes.
    head : int
        From 0 on.

    Returns
    -------
    HeadParts
        In float64: whether tags depend on each other must not be decided by rounding.

    Examples
    --------
    >>> weights = torch.tensor([[1.0, 0.0], [0.5, 0.5]])[None, None]
    >>> vectors = torch.tensor([[3.0, 4.0], [1.0, 0.0]])[None]
    >>> parts = head_parts(AttentionRecord(0, vectors, weights.log(), weights, vectors[None], torch.eye(2)[None]), 0)
    >>> parts.received.tolist(), parts.lasting.tolist()
    ([[0.75, 0.5]], [[True, True]])
    """
    mask, weights = record.allowed(), record.weights[:, head].detach().double()
    triangle = torch.linalg.qr(record.output[head].detach().double().mT, mode="r").R.mT
    vectors = record.values[:, head].detach().double() @ triangle
    shares = weights / weights.sum(-1, keepdim=True).clamp(min=torch.finfo(weights.dtype).tiny)
    sinks = sinks_zhang2025(shares[:, None], mask)[:, 0]
    lasting = sinks & widely_seen(mask)
    return HeadParts(shares, weights @ vectors, vectors, attention_received(shares, mask), sinks, lasting)


def strongest(
    received: Float[Tensor, "window token"], chosen: Bool[Tensor, "window token"], count: int
) -> Bool[Tensor, "window token"]:
    """Of the chosen tokens of each window those that receive most.

    Parameters
    ----------
    received : (window, token)
        Mean attention.
    chosen : (window, token)
        Such as sinks.
    count : int
        How many at most.

    Examples
    --------
    >>> strongest(torch.tensor([[0.3, 0.4, 0.9]]), torch.tensor([[True, True, False]]), 1)
    tensor([[False,  True, False]])
    """
    order = received.masked_fill(~chosen, -1).argsort(dim=-1, descending=True, stable=True)
    return (order.argsort(-1) < count) & chosen


def projector(
    vectors: Float[Tensor, "*window token d_head"], chosen: Bool[Tensor, "*window token"]
) -> Float[Tensor, "*window d_head d_head"]:
    """The map that keeps what lies in the span of the chosen vectors.

    Parameters
    ----------
    vectors : (*window, token, d_head)
        In float64.
    chosen : (*window, token)
        Which of them; none at all give the map to 0.

    Notes
    -----
    From the eigenvectors of the chosen vectors' d_head x d_head sum of squares, which is quicker than a decomposition
    of the vectors where there are many windows; the same span as of :func:`attention_atlas.tags.tag_subspace`.

    Examples
    --------
    >>> projector(torch.tensor([[3.0, 4.0], [1.0, 0.0]]), torch.tensor([True, False]))
    tensor([[0.3600, 0.4800],
            [0.4800, 0.6400]])
    """
    rows = vectors * chosen[..., None]
    sizes, directions = torch.linalg.eigh(rows.mT @ rows)
    kept = sizes > (NEGLIGIBLE**2 * sizes[..., -1:]).clamp(min=torch.finfo(sizes.dtype).tiny)
    return (directions * kept[..., None, :]) @ directions.mT


def random_projector(
    dimensions: Int[Tensor, "window"], d_head: int, generator: torch.Generator
) -> Float[Tensor, "window d_head d_head"]:
    """Maps that keep as many random directions, the same chance for each; drawn for every window anew.

    Parameters
    ----------
    dimensions : (window,)
        How many directions, from 0 to d_head.
    d_head : int
        Of how many.
    generator : torch.Generator
        Source of randomness.

    Examples
    --------
    >>> maps = random_projector(torch.tensor([0, 2]), 5, torch.Generator().manual_seed(0))
    >>> maps.diagonal(dim1=1, dim2=2).sum(-1).round(decimals=6).tolist()
    [0.0, 2.0]
    """
    drawn = torch.randn(len(dimensions), d_head, d_head, generator=generator, dtype=torch.float64)
    directions = torch.linalg.qr(drawn).Q
    kept = torch.arange(d_head) < dimensions[:, None]
    return (directions * kept[:, None, :]) @ directions.mT


def kept_share(
    written: Float[Tensor, "window token d_head"], keep: Float[Tensor, "#window d_head d_head"]
) -> Float[Tensor, "window"]:
    """Share of the squares of what is written that a projector keeps; NaN for a head that writes nothing.

    Examples
    --------
    >>> kept_share(torch.tensor([[[2.0, 1.0], [0.0, 2.0]]]), torch.tensor([[[1.0, 0.0], [0.0, 0.0]]]))
    tensor([0.4444])
    """
    return (written @ keep).square().sum((-2, -1)) / written.square().sum((-2, -1))


def best_share(
    written: Float[Tensor, "window token d_head"], dimensions: Int[Tensor, "window"]
) -> Float[Tensor, "window"]:
    """The most that so many directions can keep of what is written in each window: the bound of every other choice.

    Parameters
    ----------
    written : (window, token, d_head)
        In float64.
    dimensions : (window,)
        How many directions, from 0 to d_head.

    Examples
    --------
    >>> best_share(torch.tensor([[[2.0, 0.0], [0.0, 1.0]]]), torch.tensor([1]))
    tensor([0.8000])
    """
    sizes = torch.linalg.eigvalsh(written.mT @ written).clamp(min=0).flip(-1)
    sums = torch.nn.functional.pad(sizes.cumsum(-1), (1, 0))
    return sums.gather(-1, dimensions[:, None])[:, 0] / sizes.sum(-1)


def common_projector(written: Float[Tensor, "window token d_head"], count: int) -> Float[Tensor, "1 d_head d_head"]:
    """The map that keeps the directions along which most is written, the same ones for all windows.

    Examples
    --------
    >>> common_projector(torch.tensor([[[2.0, 0.0]], [[0.0, 1.0]]]), 1)
    tensor([[[1., 0.],
             [0., 0.]]])
    """
    flat = written.flatten(0, 1)
    directions = torch.linalg.eigh(flat.mT @ flat).eigenvectors[:, -count:]
    return (directions @ directions.mT)[None]


def centered(vectors: Float[Tensor, "window token d_head"]) -> Float[Tensor, "window token d_head"]:
    """Less the mean over the tokens of each window; 0 where nothing but rounding is left."""
    apart = vectors - vectors.mean(-2, keepdim=True)
    size, left = (x.square().sum((-2, -1), keepdim=True) for x in (vectors, apart))
    return apart * (left > NEGLIGIBLE**2 * size)


def explained_shares(parts: HeadParts, generator: torch.Generator) -> dict[str, Float[Tensor, "window"]]:
    """What the tags of a head's sinks explain of its output in each window, and what other directions do.

    Parameters
    ----------
    parts : HeadParts
        Of one head.
    generator : torch.Generator
        Draws the tokens of the controls.

    Returns
    -------
    dict of str to (window,)
        ``explained`` by the tags of all sinks; ``explained_centered``: with the mean over tokens taken off the output
        and off the value vectors; ``explained_others`` by as many other tokens; ``best`` by as many best directions of
        this window; ``best_1``, ``best_2``: by the best one and two; ``common_1``, ``common_2``: by the best one and
        two of all windows together; ``explained_lasting`` by lasting sinks only. These are 0 where there is no sink.

        NaN where there is no lasting sink: ``one_tag`` and ``two_tags`` by the strongest one and (at most) two of
        them; ``two_centered``, ``two_others``, ``two_best``: as above, for these two.

    Notes
    -----
    Zhang et al. 2025, version 2, say that one or two tags explain 20-40 % of a head's output, up to 70 %.

    Examples
    --------
    >>> parts = HeadParts(*torch.ones(4, 1, 2, 2).double().unbind(), *torch.tensor([[[True, False]]] * 2).unbind())
    >>> parts = parts._replace(received=torch.tensor([[0.9, 0.1]]).double())
    >>> explained_shares(parts, torch.Generator().manual_seed(0))["one_tag"].round(decimals=9).tolist()
    [1.0]
    """
    written, vectors = parts.written, parts.vectors
    pair = strongest(parts.received, parts.lasting, 2)
    found = {}
    for prefix, chosen in (("explained", parts.sinks), ("two", pair)):
        by_tags = projector(vectors, chosen)
        found[f"{prefix}_tags"] = kept_share(written, by_tags)
        others = as_many_others(chosen.cpu(), generator).to(chosen.device)
        found[f"{prefix}_others"] = kept_share(written, projector(vectors, others))
        found[f"{prefix}_best"] = best_share(written, dimensions(by_tags))
        found[f"{prefix}_centered"] = kept_share(centered(written), projector(centered(vectors), chosen))
    found["explained"], found["best"] = found.pop("explained_tags"), found.pop("explained_best")
    found["explained_lasting"] = kept_share(written, projector(vectors, parts.lasting))
    found["one_tag"] = kept_share(written, projector(vectors, strongest(parts.received, parts.lasting, 1)))
    for count in (1, 2):
        found[f"best_{count}"] = best_share(written, torch.full((len(written),), count, device=written.device))
        found[f"common_{count}"] = kept_share(written, common_projector(written, count))
    without = ~parts.lasting.any(-1)
    return {
        name: shares.masked_fill(without, torch.nan) if name.startswith(("one_", "two_")) else shares
        for name, shares in found.items()
    }


def dimensions(keep: Float[Tensor, "window d_head d_head"]) -> Int[Tensor, "window"]:
    """How many directions a projector keeps.

    Examples
    --------
    >>> dimensions(torch.eye(3)[None])
    tensor([3])
    """
    return keep.diagonal(dim1=-2, dim2=-1).sum(-1).round().long()


def caught(parts: HeadParts) -> tuple[Bool[Tensor, "window token"], Bool[Tensor, "window token"]]:
    """Which tokens are tagged and which are not, of those that see a sink.

    Parameters
    ----------
    parts : HeadParts
        Of one head.

    Returns
    -------
    (window, token), (window, token)
        Tokens that give some sink more than :data:`CAUGHT` of their attention, and tokens that give every sink less
        than :data:`FREE`. Tokens before the first sink, and sinks themselves, are neither.

    Examples
    --------
    >>> shares = torch.tensor([[1.0, 0.0, 0.0], [0.9, 0.1, 0.0], [0.05, 0.0, 0.95]]).double()[None]
    >>> empty, sinks = torch.zeros(1, 3, 2).double(), torch.tensor([[True, False, False]])
    >>> [tokens.tolist() for tokens in caught(HeadParts(shares, empty, empty, empty[..., 0], sinks, sinks))]
    [[[False, True, False]], [[False, False, True]]]
    """
    given = (parts.shares * parts.sinks[:, None, :]).amax(-1)
    there = (parts.sinks.cumsum(-1) > 0) & ~parts.sinks
    return there & (given > CAUGHT), there & (given < FREE)
