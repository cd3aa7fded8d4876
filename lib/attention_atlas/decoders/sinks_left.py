"""What is left of the attention of a decoder that was changed: of its sinks, and of everything beside them."""

from typing import NamedTuple

import pandas as pd
import torch

from attention_atlas.decoders.measures import decoder_records
from attention_atlas.models.decoder import Decoder
from attention_atlas.shapes import Bool, Float, Int, Tensor
from attention_atlas.sinks import attention_received, sinks_zhang2025, widely_seen


class Maps(NamedTuple):
    """Attention of one layer, and the tokens that get much of it."""

    weights: Float[Tensor, "batch head query key"]
    sinks: Bool[Tensor, "batch head key"]  # by Zhang et al. 2025
    lasting: Bool[Tensor, "batch head key"]  # those of them that at least half of the queries see
    strongest: Int[Tensor, "batch head"]  # of all tokens that so many see, the one that gets most


def maps_of(
    decoder: Decoder, weights: dict[str, Float[Tensor, "..."]], text: Int[Tensor, "window token"]
) -> list[Maps]:
    """Attention of every layer of one decoder.

    Parameters
    ----------
    decoder : Decoder
        The model's shape.
    weights : dict of str to (1, ...)
        Of one model.
    text : (window, token)
        What it reads.

    Returns
    -------
    list of Maps
        From the first layer on.

    Examples
    --------
    >>> from attention_atlas.models.decoder import initial
    >>> decoder = Decoder(8, layers=2)
    >>> found = maps_of(decoder, initial(decoder, [torch.Generator().manual_seed(0)]), torch.arange(6).reshape(2, 3))
    >>> len(found), tuple(found[0].weights.shape), tuple(found[0].sinks.shape)
    (2, (2, 4, 3, 3), (2, 4, 3))
    """
    found = []
    decoder_records(decoder, weights, text, lambda record: found.append(described(record.weights)))
    return found


def described(weights: Float[Tensor, "batch head query key"]) -> Maps:
    """Causal maps with the tokens that get much attention.

    Parameters
    ----------
    weights : (batch, head, query, key)
        Attention weights.

    Examples
    --------
    >>> found = described(torch.eye(3)[None, None])
    >>> found.sinks.tolist(), found.lasting.tolist()  # one query alone sees the last token
    ([[[True, True, True]]], [[[True, True, False]]])
    """
    allowed = torch.ones(weights.shape[-2:], dtype=torch.bool).tril()
    seen = widely_seen(allowed)
    sinks, received = sinks_zhang2025(weights, allowed), attention_received(weights, allowed)
    return Maps(weights, sinks, sinks & seen, received[..., seen].argmax(-1))


def left(after: Maps, before: Maps) -> dict[str, float]:
    """How much of the attention of one layer is as before.

    Parameters
    ----------
    after, before : Maps
        Of the same text, at least two tokens.

    Returns
    -------
    dict
        Means over sequences and heads.

        - ``sinks_kept``: share of the sinks before that still are; ``lasting_kept``: of lasting ones; NaN if none was.
        - ``lasting_sinks``: how many a head has.
        - ``strongest``: mean attention that the strongest token gets; ``strongest_kept``: how often it is the same one.
        - ``overlap``: mean over queries of ``sum_j min(A_ij, B_ij)``, in [0, 1]; 1 if nothing has changed.
        - ``overlap_beside``: the same of what is not given to the strongest token of before, divided by its sum; of
          queries with such attention in both.

    Notes
    -----
    All of it ours, but the sinks, which are those of Zhang et al. 2025. The overlap is one less the total variation.

    Examples
    --------
    >>> first = described(torch.tensor([[1.0, 0.0], [0.875, 0.125]])[None, None])
    >>> found = left(described(torch.eye(2)[None, None]), first)
    >>> found["sinks_kept"], found["overlap"], found["overlap_beside"]
    (1.0, 0.5625, 1.0)
    """
    allowed = torch.ones(after.weights.shape[-2:], dtype=torch.bool).tril()
    received = attention_received(after.weights, allowed).gather(-1, after.strongest[..., None])
    beside = [
        maps.weights.scatter(-1, before.strongest[..., None, None].expand(-1, -1, len(allowed), 1), 0)
        for maps in (after, before)
    ]
    totals = [part.sum(-1) for part in beside]
    rows = (totals[0] > 0) & (totals[1] > 0)
    shares = [part[rows] / total[rows][:, None] for part, total in zip(beside, totals, strict=True)]
    return {
        "sinks_kept": after.sinks[before.sinks].double().mean().item(),
        "lasting_sinks": after.lasting.sum(-1).double().mean().item(),
        "lasting_kept": after.sinks[before.lasting].double().mean().item(),
        "strongest": received.mean().item(),
        "strongest_kept": (after.strongest == before.strongest).double().mean().item(),
        "overlap": torch.minimum(after.weights, before.weights).sum(-1).mean().item(),
        "overlap_beside": torch.minimum(*shares).sum(-1).mean().item(),
    }


def all_left(after: list[Maps], before: list[Maps]) -> pd.DataFrame:
    """:func:`left` of every layer, one row for each.

    Parameters
    ----------
    after, before : list of Maps
        As of :func:`maps_of`.

    Examples
    --------
    >>> same = [described(torch.eye(3)[None, None])] * 2
    >>> all_left(same, same)["overlap"].tolist()
    [1.0, 1.0]
    """
    rows = [left(*pair) for pair in zip(after, before, strict=True)]
    return pd.DataFrame(rows).rename_axis("layer").reset_index()
