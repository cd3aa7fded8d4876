"""What is measured on one trained decoder and a text, layer by layer."""

from collections.abc import Callable
from dataclasses import asdict

import pandas as pd
import torch

from attention_atlas.decoders.attention_record import AttentionRecord
from attention_atlas.decoders.layer_measures import layer_measures
from attention_atlas.models.decoder import Decoder, forward
from attention_atlas.shapes import Float, Int, Tensor
from attention_atlas.training.language import losses
from attention_atlas.training.locater import head_spectrum

AT_ONCE = 50  # windows in one forward pass
SEED = 0  # of the tokens that are drawn as controls


def text_loss(decoder: Decoder, parameters: dict[str, Float[Tensor, "..."]], text: Int[Tensor, "window next"]) -> float:
    """Mean cross-entropy of a text.

    Parameters
    ----------
    decoder : Decoder
        The model's shape.
    parameters : dict of str to (1, ...)
        Of one model.
    text : (window, token + 1)
        Windows, each with the token after it.

    Returns
    -------
    float
        In nats per token; its exponential is the perplexity.

    Examples
    --------
    >>> from attention_atlas.models.decoder import initial
    >>> decoder = Decoder(8, layers=1)
    >>> parameters = initial(decoder, [torch.Generator().manual_seed(0)]) | {"unembedding": torch.zeros(1, 96, 8)}
    >>> round(torch.tensor(text_loss(decoder, parameters, torch.arange(6).reshape(2, 3))).exp().item(), 3)
    8.0
    """
    with torch.no_grad():
        found = [losses(forward(decoder, parameters, part[None, :, :-1]), part[None]) for part in text.split(AT_ONCE)]
    return torch.cat(found, 1).mean().item()


def decoder_records(
    decoder: Decoder,
    parameters: dict[str, Float[Tensor, "..."]],
    text: Int[Tensor, "window token"],
    visit: Callable[[AttentionRecord], None],
) -> Float[Tensor, "window token vocabulary"]:
    """Read a text, and hand on what each attention layer computes; nothing of a layer is kept after it.

    Parameters
    ----------
    decoder : Decoder
        The model's shape.
    parameters : dict of str to (1, ...)
        Of one model.
    text : (window, token)
        What it reads.
    visit : callable
        Given the record of every layer in turn.

    Returns
    -------
    (window, token, vocabulary)
        Logits of the token that follows each token.

    Examples
    --------
    >>> from attention_atlas.models.decoder import initial
    >>> decoder, seen = Decoder(8, tokens=3), []
    >>> parameters = initial(decoder, [torch.Generator().manual_seed(0)])
    >>> logits = decoder_records(decoder, parameters, torch.arange(6).reshape(2, 3), seen.append)
    >>> [record.layer for record in seen], seen[0].weights.shape
    ([0, 1, 2, 3], torch.Size([2, 4, 3, 3]))
    """
    held = {}

    def hook(layer: int, name: str, tensor: Tensor) -> None:
        if name in ("stream", "value", "scores", "weights"):
            held[name] = tensor[0]
        if name == "pooled":
            read = (held[part] for part in ("stream", "scores", "weights", "value"))
            visit(AttentionRecord(layer, *read, parameters["output"][0, layer]))
            held.clear()

    with torch.no_grad():
        return forward(decoder, parameters, text[None], hook)[0]


def whole_measures(
    decoder: Decoder, parameters: dict[str, Float[Tensor, "..."]], text: Int[Tensor, "window token"]
) -> pd.DataFrame:
    """All that is measured on the attention of one decoder.

    Parameters
    ----------
    decoder : Decoder
        The model's shape.
    parameters : dict of str to (1, ...)
        Of one model.
    text : (window, token)
        What it reads.

    Returns
    -------
    DataFrame
        One row per ``layer``, ``head`` and ``quantity``, with its ``value``: those of
        :func:`attention_atlas.decoders.layer_measures.layer_measures`, head -1 for a whole layer, and
        ``eta``, ``xi`` and ``frobenius`` of :func:`attention_atlas.training.locater.head_spectrum`.

    Examples
    --------
    >>> from attention_atlas.models.decoder import initial
    >>> decoder = Decoder(8, tokens=5, layers=1, heads=1)
    >>> parameters = initial(decoder, [torch.Generator().manual_seed(0)])
    >>> table = whole_measures(decoder, parameters, torch.arange(15).reshape(3, 5) % 8)
    >>> table[table["quantity"] == "eta"].shape
    (1, 4)
    """
    tables, others = [], torch.Generator().manual_seed(SEED)

    def visit(record: AttentionRecord) -> None:
        tables.append(layer_measures(record, others).assign(layer=record.layer))

    decoder_records(decoder, parameters, text, visit)
    for layer in range(decoder.layers):
        pairs = zip(parameters["query"][0, layer].mT, parameters["key"][0, layer].mT, strict=True)
        spectra = [asdict(head_spectrum(*pair)) for pair in pairs]
        rows = [(head, name, value) for head, found in enumerate(spectra) for name, value in found.items()]
        tables.append(pd.DataFrame(rows, columns=["head", "quantity", "value"]).assign(layer=layer))
    return pd.concat(tables, ignore_index=True)[["layer", "head", "quantity", "value"]]
