"""The measurements on one text: of every layer, of every token, and of attention that is even."""

from pathlib import Path
from typing import NamedTuple

import pandas as pd
import torch

from attention_atlas.decoders.attention_record import AttentionRecord
from attention_atlas.decoders.layer_measures import WHOLE_LAYER, layer_measures
from attention_atlas.probe.source import Source, refuse_infinite
from attention_atlas.shapes import Bool, Float, Int, Tensor
from attention_atlas.sinks import attention_received, sinks_zhang2025

TOKENS = 512  # measured if nothing else is asked
SEED = 0  # of the tokens that serve as the control for tags
# What a map without scores has: it neither writes nor prefers.
OF_MAPS = (
    "entropy", "normalised_entropy", "received_first", "sinks", "lasting_sinks", "sinks_elsewhere", "sink_first_gu",
    "sink_first_wu",
)  # fmt: skip


class Probed(NamedTuple):
    """What the probe found.

    Parameters
    ----------
    name, facts : str, dict of str to str
        Of the source.
    names : list of str
        The tokens as text.
    layers : DataFrame
        Columns ``layer`` (its block, from 0; blocks without attention are not there), ``head`` (from 0; -1 for the
        whole layer), ``quantity``, ``value``.
    uniform : DataFrame
        Columns ``layer``, ``quantity``, ``value``: the same of attention that is even over all allowed tokens.
    received : (layer, token)
        Mean attention that every token receives from the queries that see it, mean over heads.
    even : (layer, token)
        The same of even attention.
    sink_heads : (layer, token)
        Number of heads of which the token is a sink (Zhang et al. 2025, above 0.2).
    least_sum : float
        The smallest sum of a row of attention weights: below 1 where a learned sink takes its part.
    surprise : (prediction,)
        In nats, at every token but the first.
    """

    name: str
    facts: dict[str, str]
    names: list[str]
    layers: pd.DataFrame
    uniform: pd.DataFrame
    received: Float[Tensor, "layer token"]
    even: Float[Tensor, "layer token"]
    sink_heads: Int[Tensor, "layer token"]
    least_sum: float
    surprise: Float[Tensor, "prediction"]


def read(path: Path) -> str:
    """The text of a file, or one line that says what is wrong with it."""
    path = Path(path)
    if not path.is_file():
        raise ValueError(f"no such text file: {path}")
    try:
        text = path.read_text(encoding="utf-8-sig")  # what some editors put first is no text
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not a text in UTF-8: byte {error.start} does not belong there") from error
    if not text.strip():
        raise ValueError(f"the text is empty: {path}")
    return text


def beginning(source: Source, text: str, count: int | None = None) -> Int[Tensor, "token"]:
    """The first tokens of a text.

    Parameters
    ----------
    source : Source
        Whose tokens.
    text : str
        Not empty.
    count : int, optional
        How many at most; 512 or as many as the model's context allows by default.

    Raises
    ------
    ValueError
        If more tokens are asked for than the model takes, or less than two; or if the text has less than two of its
        own, without what the tokenizer adds.
    """
    limit = source.context
    if count is not None and count < 2:
        raise ValueError(f"attention needs at least 2 tokens, got --tokens {count}")
    if count is not None and limit is not None and count > limit:
        raise ValueError(f"{source.name} takes at most {limit} tokens at a time, got --tokens {count}")
    count = count or min(TOKENS, limit or TOKENS)
    size = 16 * count  # a book is not put into tokens for the sake of its first page
    while len(found := source.tokens(text[:size])) < count + 16 and size < len(text):
        size *= 4
    if (own := len(found) - source.added) < 2:
        raise ValueError(f"attention needs a text of at least 2 tokens, got {max(own, 0)}")
    return found[:count]


def measure(source: Source, tokens: Int[Tensor, "token"]) -> Probed:
    """Run a model once over a text and measure every attention layer while it is there.

    Parameters
    ----------
    source : Source
        The model.
    tokens : (token,)
        At least two.

    Returns
    -------
    Probed
        All numbers; no attention map is kept.

    Raises
    ------
    ValueError
        If attention, what enters a layer or what the model predicts is not finite.
    """
    others = torch.Generator().manual_seed(SEED)
    tables, uniform, received, even, sinks, sums = [], [], [], [], [], []
    known: list[tuple[Tensor, pd.DataFrame, Tensor]] = []  # masks met so far; the layers of a model have one or two

    def visit(record: AttentionRecord) -> None:
        refuse_infinite(source.name, f"the residual stream that enters layer {record.layer}", record.stream)
        refuse_infinite(source.name, f"the attention of layer {record.layer}", record.weights)
        for part in (record.values, record.output):
            refuse_infinite(source.name, f"what the heads of layer {record.layer} write", part)
        mask = record.allowed()
        tables.append(layer_measures(record, others).assign(layer=record.layer))
        heads = record.weights[0]  # one by one: checks and masks make copies
        received.append(torch.stack([attention_received(weights, mask) for weights in heads]).mean(0))
        sinks.append(sum(sinks_zhang2025(weights[None, None], mask)[0, 0].int() for weights in heads))
        sums.append(heads.sum(-1).min().item())
        found = next((entry for entry in known if torch.equal(entry[0], mask)), None)
        if found is None:
            found = (mask, *_uniform(mask))
            known.append(found)
        uniform.append(found[1].assign(layer=record.layer))
        even.append(found[2])

    surprise = source.records(tokens, visit)
    last = tables[-1]["layer"].iloc[0]
    refuse_infinite(source.name, f"what the model predicts, after the attention of layer {last},", surprise)
    columns = ["layer", "head", "quantity", "value"]
    return Probed(
        name=source.name,
        facts=source.facts,
        names=source.names(tokens),
        layers=pd.concat(tables, ignore_index=True)[columns],
        uniform=pd.concat(uniform, ignore_index=True)[[name for name in columns if name != "head"]],
        received=torch.stack(received),
        even=torch.stack(even),
        sink_heads=torch.stack(sinks),
        least_sum=min(sums),
        surprise=surprise,
    )


def _uniform(mask: Bool[Tensor, "query key"]) -> tuple[pd.DataFrame, Float[Tensor, "token"]]:
    """The measures of a map that is even over what the mask allows, and what each token receives there."""
    weights = mask.double() / mask.sum(-1, keepdim=True)
    nothing = torch.zeros(1, 1, len(mask), 1, dtype=torch.float64, device=mask.device)
    record = AttentionRecord(
        0, nothing[0], torch.zeros_like(weights)[None, None], weights[None, None], nothing, nothing[0, :, :1], mask
    )
    table = layer_measures(record, torch.Generator().manual_seed(SEED))
    table = table[(table["head"] != WHOLE_LAYER) & table["quantity"].isin(OF_MAPS)]
    return table[["quantity", "value"]], attention_received(weights, mask)
