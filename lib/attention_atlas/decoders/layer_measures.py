"""What is measured on one attention layer, of any model: its entropy, its sinks, its tags, its recency, its stream."""

import math

import numpy as np
import pandas as pd
import torch

from attention_atlas.decoders.attention_record import AttentionRecord
from attention_atlas.metrics import entropy, normalised_entropy, outlier_ratio, rank_residual
from attention_atlas.shapes import Bool, Float, Int, Tensor
from attention_atlas.sink_tags import as_many_others
from attention_atlas.sinks import attention_received, sink_share_wu2025, sinks_zhang2025, widely_seen
from attention_atlas.tags import NEGLIGIBLE, explained_variance, tag_subspace

GU = 0.3  # threshold of Gu et al. 2025; the others of this book use 0.2
WHOLE_LAYER = -1  # stands for the head of what belongs to no head


def layer_measures(record: AttentionRecord, others: torch.Generator) -> pd.DataFrame:
    """Measure one attention layer.

    Parameters
    ----------
    record : AttentionRecord
        What the layer computed on a batch of sequences.
    others : torch.Generator
        Source of randomness of the control for tags, on the CPU.

    Returns
    -------
    DataFrame
        Columns ``head`` (from 0; -1 for the whole layer), ``quantity`` and ``value``. Means over sequences unless said
        otherwise. For each head:

        - ``entropy`` in nats, ``normalised_entropy`` in [0, 1]: mean over the queries that see two keys or more.
        - ``received_first``: mean attention that the first token receives from the queries that see it.
        - ``sinks``: number of sinks in a sequence (Zhang et al. 2025, above 0.2); ``sinks_elsewhere``: of those, not
          the first token; ``sink_first_gu``: share of sequences in which the first token receives more than 0.3
          (Gu et al. 2025); ``sink_first_wu``: share of its entries above 0.2 (formula printed by Wu et al. 2025);
          ``lasting_sinks``: those of ``sinks`` that at least half of the queries see (ours).
        - ``recency``: of the scores, see :func:`recency`; NaN with less than three tokens.
        - ``explained``: share of what the head writes that its sinks' tags explain, 0 in a sequence without sink;
          ``explained_sequences_with_sinks``: mean over sequences with a sink only, NaN if there is none;
          ``explained_centered``: after the mean over tokens is taken off what is written and off the value vectors,
          NaN where nothing is left;
          ``explained_by_others``: by as many other tokens, the control; ``explained_by_lasting``: by the tags of
          lasting sinks only; ``tags``: dimension of the tags' span.

        For the whole layer, of the stream that enters it:

        - ``outlier_ratio``: its largest coordinate over its median one; ``outlier_at_first``: share of sequences in
          which that one belongs to the first token; ``stream_norm_first`` and ``stream_norm_rest``: length of the
          first token's vector, mean length of the others'.
        - ``rank_residual``: of what all heads write together, against the stream that enters; NaN if all tokens are
          equal.

    Raises
    ------
    ValueError
        If there are less than two tokens, or the shapes do not fit each other or the mask.

    Notes
    -----
    Entropy: Bao et al. 2024. Sinks: see :mod:`attention_atlas.sinks`. Tags and outlier features: Zhang et al. 2025.
    Recency: Kim et al. 2026. Rows that do not sum to 1 (ReLU attention) are divided by their sum for the entropy, and
    left out where they are empty. Near the end of a text few queries see a token: the last one is a sink by Zhang et
    al. if it gives itself more than 0.2.

    Heads are measured one by one; nothing of size (head, token, d_model) is made. Tags and what is written live in the
    row space of the head's output matrix, so that they are compared there, in d_head coordinates.

    Examples
    --------
    >>> weights = torch.tensor([[1.0, 0.0], [0.5, 0.5]])[None, None]
    >>> vectors = torch.tensor([[3.0, 4.0], [1.0, 0.0]])[None]
    >>> record = AttentionRecord(0, vectors, weights.log(), weights, vectors[None], torch.eye(2)[None])
    >>> table = layer_measures(record, torch.Generator().manual_seed(0))
    >>> table[table["quantity"].isin(["normalised_entropy", "sinks", "outlier_ratio"])].values.tolist()
    [[0, 'normalised_entropy', 1.0], [0, 'sinks', 2.0], [-1, 'outlier_ratio', 4.0]]
    """
    mask = record.allowed()
    _check(record, mask)
    rows, total = [], torch.zeros_like(record.stream, dtype=torch.promote_types(record.stream.dtype, torch.float32))
    for head in range(record.weights.shape[1]):
        weights, scores, values = (
            x[:, head].detach().to(total.dtype) for x in (record.weights, record.scores, record.values)
        )
        matrix = record.output[head].detach().to(total.dtype)
        sinks = sinks_zhang2025(weights[:, None], mask)[:, 0]
        lasting = sinks & widely_seen(mask)
        numbers = _attention(weights, mask, sinks) | {"recency": recency(scores, mask)}
        numbers |= {"lasting_sinks": lasting.sum(-1).double().mean().item()}
        numbers |= _tags(weights, values, matrix, sinks, lasting, others)
        rows += [(head, quantity, value) for quantity, value in numbers.items()]
        total += weights @ values @ matrix
    rows += [(WHOLE_LAYER, *row) for row in _stream(record.stream.detach().to(total.dtype), total).items()]
    return pd.DataFrame(rows, columns=["head", "quantity", "value"])


def recency(scores: Float[Tensor, "batch query key"], mask: Bool[Tensor, "query key"]) -> float:
    """Probability that a query scores the later of two earlier keys higher, among the keys that it may attend to.

    Parameters
    ----------
    scores : (batch, query, key)
        Pre-softmax attention scores; ignored where ``key >= query`` or the mask is False.
    mask : (query, key)
        True where attention is allowed.

    Returns
    -------
    float
        Share in [0, 1] of the triples; a tie counts as "not higher". NaN if there is none.

    Notes
    -----
    Under a causal mask it is :func:`attention_atlas.metrics.recency_probability` exactly, here in memory of one
    (query, key) map for each sequence and at some 3 comparisons a nanosecond: a text of 512 tokens has 22 million
    triples.

    Examples
    --------
    >>> recency(torch.arange(4.0).expand(1, 4, 4), torch.ones(4, 4).bool())
    1.0
    """
    allowed = mask.tril(-1)
    pairs = allowed.sum(-1)
    triples = int((pairs * (pairs - 1) // 2).sum()) * len(scores)
    if not triples:
        return math.nan
    # Keys lead and queries follow, so that one later key is compared with all earlier ones in long contiguous runs.
    later, earlier = (
        scores.masked_fill(~allowed, never).permute(2, 1, 0).contiguous().cpu().numpy()
        for never in (-math.inf, math.inf)
    )
    hits = sum(np.count_nonzero(later[k, k + 1 :] > earlier[:k, k + 1 :]) for k in range(1, len(later) - 1))
    return int(hits) / triples


def _check(record: AttentionRecord, mask: Tensor) -> None:
    batch, heads, queries, keys = record.weights.shape
    if queries < 2:
        raise ValueError(f"a layer is measured on sequences of at least 2 tokens, got {queries}")
    expected = {
        "stream": (batch, keys, record.output.shape[-1]),
        "scores": (batch, heads, queries, keys),
        "values": (batch, heads, keys, record.output.shape[1]),
        "output": (heads, *record.output.shape[1:]),
    }
    for name, shape in expected.items():
        if (got := tuple(getattr(record, name).shape)) != shape:
            raise ValueError(f"{name} of layer {record.layer} must have shape {shape} beside its weights, got {got}")


def _attention(weights: Tensor, mask: Tensor, sinks: Tensor) -> dict[str, float]:
    total = weights.sum(-1)
    shares = weights / total.clamp(min=torch.finfo(weights.dtype).tiny)[..., None]
    counted = (mask.sum(-1) > 1) & (total > 0)
    received = attention_received(weights, mask)[:, 0]
    return {
        "entropy": entropy(shares)[counted].mean().item(),
        "normalised_entropy": normalised_entropy(shares, mask)[counted].mean().item(),
        "received_first": received.mean().item(),
        "sinks": sinks.sum(-1).double().mean().item(),
        "sink_first_gu": (received > GU).double().mean().item(),
        "sink_first_wu": sink_share_wu2025(weights[:, None], mask)[0].item(),
        "sinks_elsewhere": sinks[:, 1:].sum(-1).double().mean().item(),
    }


def _tags(
    weights: Tensor,
    values: Tensor,
    matrix: Float[Tensor, "d_head d_model"],
    sinks: Bool[Tensor, "batch token"],
    lasting: Bool[Tensor, "batch token"],
    others: torch.Generator,
) -> dict[str, float]:
    # With W_O = L Q and orthonormal rows of Q, lengths and angles of v W_O are those of v L. In float64: whether tags
    # depend on each other must not be decided by rounding.
    triangle = torch.linalg.qr(matrix.double().mT, mode="r").R.mT
    vectors = values.double() @ triangle
    written = weights.double() @ vectors
    explained, dimensions = explained_by_rows(written, vectors, sinks)
    apart = written - written.mean(-2, keepdim=True)
    size, left = (x.square().sum((-2, -1), keepdim=True) for x in (written, apart))
    apart = apart * (left > NEGLIGIBLE**2 * size)  # of a head that writes the same to all, rounding would be left
    centered, _ = explained_by_rows(apart, vectors - vectors.mean(-2, keepdim=True), sinks)
    control, _ = explained_by_rows(written, vectors, as_many_others(sinks.cpu(), others).to(sinks.device))
    by_lasting, _ = explained_by_rows(written, vectors, lasting)
    return {
        "explained": explained.nanmean().item(),
        "explained_sequences_with_sinks": explained[sinks.any(-1)].nanmean().item(),
        "explained_centered": centered.nanmean().item(),
        "explained_by_others": control.nanmean().item(),
        "explained_by_lasting": by_lasting.nanmean().item(),
        "tags": dimensions.double().mean().item(),
    }


def explained_by_rows(
    written: Float[Tensor, "batch token d_head"],
    vectors: Float[Tensor, "batch token d_head"],
    chosen: Bool[Tensor, "batch token"],
) -> tuple[Float[Tensor, "batch"], Int[Tensor, "batch"]]:
    """Share of what is written that the vectors of chosen tokens explain, and the dimension of their span.

    Parameters
    ----------
    written, vectors : (batch, token, d_head)
        What a head writes to every token, and what every token would write if it were given all the attention.
    chosen : (batch, token)
        Which tokens.

    Returns
    -------
    (batch,), (batch,)
        As :func:`attention_atlas.sink_tags.explained_by` has it, and the number of independent chosen vectors.

    Notes
    -----
    The decomposition is of the chosen rows alone, of which there are few, and not of all tokens' with zeros between.

    Examples
    --------
    >>> values = torch.tensor([[[1.0, 0.0], [0.0, 1.0]]])
    >>> explained_by_rows(torch.tensor([[[1.0, 0.0], [0.8, 0.2]]]), values, torch.tensor([[True, False]]))
    (tensor([0.9762]), tensor([1]))
    """
    most = max(int(chosen.sum(-1).max()), 1)
    first = chosen.to(torch.uint8).argsort(dim=-1, descending=True, stable=True)[:, :most, None]
    rows = vectors.gather(1, first.expand(-1, -1, vectors.shape[-1])) * chosen.gather(1, first[..., 0])[..., None]
    basis = tag_subspace(rows)
    return explained_variance(written, basis), basis.any(-1).sum(-1)


def _stream(stream: Tensor, written: Float[Tensor, "batch token d_model"]) -> dict[str, float]:
    lengths = stream.norm(dim=-1)
    known = (stream.abs().flatten(1).median(-1).values > 0).nonzero()[:, 0]
    ratio = outlier_ratio(stream[known])
    apart = (stream != stream[:, :1]).any(-1).any(-1)  # sequences in which some token differs from the first
    return {
        "outlier_ratio": ratio.amax(-1).mean().item(),
        "outlier_at_first": (ratio.argmax(-1) == 0).double().mean().item(),
        "rank_residual": rank_residual(written[apart], stream[apart]).mean().item(),
        "stream_norm_first": lengths[:, 0].mean().item(),
        "stream_norm_rest": lengths[:, 1:].mean().item(),
    }
