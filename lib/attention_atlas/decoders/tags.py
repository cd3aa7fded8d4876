"""The sinks of one attention layer: where they sit, what their tags explain, whom they mark, what it tells."""

import math
from collections.abc import Iterable
from typing import NamedTuple

import pandas as pd
import torch

from attention_atlas.catch_criteria import SINK
from attention_atlas.decoders.attention_record import AttentionRecord
from attention_atlas.decoders.layer_measures import GU
from attention_atlas.decoders.linear_probe import probe
from attention_atlas.decoders.sink_places import by_class, by_part, entries_above, most_frequent
from attention_atlas.decoders.tag_components import (
    HeadParts,
    caught,
    dimensions,
    explained_shares,
    head_parts,
    projector,
    random_projector,
)
from attention_atlas.decoders.tag_planes import Plane, plane, sample, separation_within
from attention_atlas.intervals import mean_and_error
from attention_atlas.shapes import Bool, Int, Tensor
from attention_atlas.sink_tags import as_many_others
from attention_atlas.sinks import widely_seen
from attention_atlas.stream_coordinates import turned_outliers, typical_outlier
from attention_atlas.tags import NEGLIGIBLE

ITEMS = 5  # entries of the vocabulary that receive most, most often
ROTATIONS = 3
WHOLE = -1  # head of what belongs to a layer
COLUMNS = ["head", "quantity", "label", "value", "standard_error"]


class SeenText(NamedTuple):
    """The windows that were read."""

    tokens: Int[Tensor, "window token"]
    classes: Int[Tensor, "window token"]  # of :func:`attention_atlas.decoders.sink_places.classes_of`
    vocabulary: tuple[str, ...]
    kinds: Bool[Tensor, "window token"] | None = None  # the corpus's label


def layer_tags(record: AttentionRecord, text: SeenText, points: int, generator: torch.Generator) -> pd.DataFrame:
    """Look at the sinks of one layer.

    Parameters
    ----------
    record : AttentionRecord
        What it computes.
    text : SeenText
        From which.
    points : int
        Tokens of a kind whose places are kept for a picture, for every head that has enough of both.
    generator : torch.Generator
        Draws the controls.

    Returns
    -------
    DataFrame
        One row per ``head`` (-1 for the layer), ``quantity`` and ``label``, with its ``value`` and
        ``standard_error`` over windows (NaN where there is none). Of heads:

        - ``sinks``, ``lasting_sinks``, ``most_received`` (by one token of those that at least half of the queries see),
          ``sinks_gu`` (tokens that receive more than 0.3), ``entries_wu`` (share of the
          entries above 0.2), ``first_zhang``, ``first_gu``, ``first_wu`` (the same of the first token: share of windows
          in which it is a sink, of its entries), ``received_first``, ``tags`` (dimension of the span of all sinks'),
          ``with_lasting`` (share of windows with a lasting sink);
        - those of :func:`attention_atlas.decoders.tag_components.explained_shares`;
        - ``tagged``, ``untagged``: share of tokens, of :func:`attention_atlas.decoders.tag_components.caught`;
          ``separation`` of these along principal directions, with a label for what is looked at (the head's
          ``output``, the output of ``other head``, the stream ``before`` and ``after`` the layer's attention) and for
          the direction: the first, ``1``, and the second, ``2``, of tokens of all windows, and ``within``, the first
          one of each window, mean over windows; ``place`` of single tokens, labels with ``tagged`` or
          ``untagged`` in addition.

        Of layers: ``sinks_at``, ``lasting_at`` and ``most_at`` (the token of ``most_received``), number a head and
        window by label: part of the window or kind of token (:mod:`attention_atlas.decoders.sink_places`);
        ``most_item``: the same by entry of the vocabulary; ``tokens_at``, number of tokens in a window;
        ``outlier`` ratio of the stream that enters (median over windows) and ``outlier_turned`` in random coordinates;
        ``outlier_at``: share of windows whose largest coordinate sits at that part of the window or kind of token,
        ``outlier_common``: at the most frequent coordinate; ``probe``: balanced accuracy for the corpus's label, by
        what is read, see :func:`readable`; none where the corpus gives no label. ``probe_late``: the same for whether
        a token stands in the second half of its window (there ``wrong labels`` are right, since all windows have the
        same).

    Notes
    -----
    Zhang et al. 2025; what is ours: lasting sinks, all controls, and the label. With ReLU attention rows are divided by
    their sum before sinks are looked for.
    """
    heads = [head_parts(record, head) for head in range(record.weights.shape[1])]
    rows = [row for head, parts in enumerate(heads) for row in _of_head(head, parts, record.allowed(), generator)]
    rows += (
        _planes(record, heads, points)
        + _where(heads, text, record.allowed())
        + _outliers(record.stream, text.classes, generator)
    )
    late = (torch.arange(text.tokens.shape[1]) >= text.tokens.shape[1] / 2).expand(text.tokens.shape)
    for quantity, kinds in (("probe", text.kinds), ("probe_late", late)):
        for name, features, labels in readable(record, heads, kinds, generator) if kinds is not None else ():
            rows.append((WHOLE, quantity, name, *probe(features[:, 1:], labels[:, 1:])))  # <s> has no kind
    return pd.DataFrame(rows, columns=COLUMNS)


def readable(
    record: AttentionRecord, heads: list[HeadParts], labels: Bool[Tensor, "window token"], generator: torch.Generator
) -> Iterable[tuple[str, Tensor, Tensor]]:
    """What a probe reads in a layer.

    Parameters
    ----------
    record : AttentionRecord
        Of the layer.
    heads : list of HeadParts
        Of all heads.
    labels : (window, token)
        The corpus's.
    generator : torch.Generator
        Draws the controls.

    Yields
    ------
    str, (window, token, feature), (window, token)
        Name, features and what to tell. ``stream`` is what enters the layer, ``output`` what all heads write, side by
        side. The others split every head's output in each window: ``tags`` lies in the span of its sinks' tags,
        ``without tags`` is the rest; ``lasting`` the same for lasting sinks only; ``others`` for the value vectors of
        as many other tokens as there are sinks, ``random`` for as many random directions. ``wrong labels`` are those
        of other windows.

    Notes
    -----
    The subspace of a window depends on the whole of it, of tags as of all controls.
    """
    yield "stream", record.stream, labels
    output = torch.cat([parts.written for parts in heads], -1)
    yield "output", output, labels
    yield "wrong labels", output, labels.roll(len(labels) // 4, 0)
    splits = {
        "tags": lambda parts: projector(parts.vectors, parts.sinks),
        "lasting": lambda parts: projector(parts.vectors, parts.lasting),
        "others": lambda parts: projector(parts.vectors, _others(parts, generator)),
        "random": lambda parts: random_projector(
            dimensions(projector(parts.vectors, parts.sinks)), parts.vectors.shape[-1], generator
        ),
    }
    for name, keep in splits.items():
        part = torch.cat([parts.written @ keep(parts) for parts in heads], -1)
        yield name, part, labels
        yield f"without {name}", output - part, labels


def _others(parts: HeadParts, generator: torch.Generator) -> Bool[Tensor, "window token"]:
    return as_many_others(parts.sinks.cpu(), generator).to(parts.sinks.device)


def _of_head(head: int, parts: HeadParts, mask: Tensor, generator: torch.Generator) -> list[tuple]:
    first = parts.received[:, 0]
    found = {
        "sinks": parts.sinks.sum(-1),
        "lasting_sinks": parts.lasting.sum(-1),
        "most_received": (parts.received * widely_seen(mask)).amax(-1),
        "sinks_gu": (parts.received > GU).sum(-1),
        "entries_wu": entries_above(parts.shares, mask, SINK),
        "received_first": first,
        "first_zhang": first > SINK,
        "first_gu": first > GU,
        "first_wu": ((parts.shares[..., 0] > SINK) & mask[:, 0]).sum(-1).double() / mask[:, 0].sum(),
        "tags": dimensions(projector(parts.vectors, parts.sinks)),
        "with_lasting": parts.lasting.any(-1),
    }
    found |= explained_shares(parts, generator)
    found |= dict(zip(("tagged", "untagged"), (tokens.double().mean(-1) for tokens in caught(parts)), strict=True))
    return [(head, name, "", *mean_and_error(numbers.double())) for name, numbers in found.items()]


def _planes(record: AttentionRecord, heads: list[HeadParts], points: int) -> list[tuple]:
    before = record.stream.detach().double()
    after = before + sum(
        record.weights[:, head].double() @ record.values[:, head].double() @ record.output[head].double()
        for head in range(len(heads))
    )
    groups = [caught(parts) for parts in heads]
    rows = []
    for head, group in enumerate(groups):
        others = {"other head": heads[(head + 1) % len(heads)].written} if len(heads) > 1 else {}
        spaces = {"output": heads[head].written, **others, "before": before, "after": after}
        found = sample(*group)
        for name, vectors in spaces.items() if found else ():
            chosen = vectors.flatten(0, 1)[found[0]]
            if (chosen - chosen.mean(0)).norm() <= NEGLIGIBLE * chosen.norm():
                continue  # a head that writes the same to all
            looked = plane(chosen, found[1])
            within = separation_within(vectors, *group)
            rows.append((head, "separation", f"{name} within", *mean_and_error(within)))
            numbered = enumerate(looked.separations, start=1)
            rows += [(head, "separation", f"{name} {k}", value, math.nan) for k, value in numbered]
            rows += _points(head, name, looked, points) if points else []
    return rows


def _points(head: int, name: str, looked: Plane, points: int) -> list[tuple]:
    rows = []
    for kind, chosen in (("tagged", looked.tagged), ("untagged", ~looked.tagged)):
        places = looked.places[chosen]
        some = places[torch.arange(min(points, len(places))) * len(places) // min(points, len(places))]
        for k, values in enumerate(some.mT.tolist(), start=1):
            rows += [(head, "place", f"{name} {k} {kind}", value, math.nan) for value in values]
    return rows


def _where(heads: list[HeadParts], text: SeenText, mask: Tensor) -> list[tuple]:
    rows, several = [], len(heads)
    classes, tokens = text.classes.repeat(several, 1), text.tokens.repeat(several, 1)
    chosen = {name: torch.cat([getattr(parts, name) for parts in heads]) for name in ("sinks", "lasting")}
    received = torch.cat([parts.received for parts in heads]) * widely_seen(mask)
    chosen["most"] = torch.nn.functional.one_hot(received.argmax(-1), received.shape[-1]).bool()
    for name, maps in (chosen | {"tokens": torch.ones_like(chosen["sinks"])}).items():
        counts = {f"part {part}": number for part, number in by_part(maps).items()} | by_class(maps, classes)
        rows += [(WHOLE, f"{name}_at", label, number, math.nan) for label, number in counts.items()]
        if name == "most":
            items = most_frequent(maps, tokens, text.vocabulary, ITEMS)
            rows += [(WHOLE, "most_item", label, number, math.nan) for label, number in items.items()]
    return rows


def _outliers(stream: Tensor, classes: Tensor, generator: torch.Generator) -> list[tuple]:
    stream = stream.detach().double()
    turned = turned_outliers(stream, ROTATIONS, generator).mean().item()
    rows = [(WHOLE, "outlier", "", typical_outlier(stream), math.nan), (WHOLE, "outlier_turned", "", turned, math.nan)]
    place = stream.abs().flatten(1).argmax(-1)
    token, coordinate = place // stream.shape[-1], place % stream.shape[-1]
    maps = torch.nn.functional.one_hot(token, stream.shape[1]).bool()
    counts = {f"part {part}": number for part, number in by_part(maps).items()} | by_class(maps, classes)
    rows += [(WHOLE, "outlier_at", label, number, math.nan) for label, number in counts.items()]
    common = torch.bincount(coordinate).max().item() / len(coordinate)
    return [*rows, (WHOLE, "outlier_common", "", common, math.nan)]
