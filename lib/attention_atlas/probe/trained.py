"""The decoder that the project trained and ships, as the probe wants a model: needs no network and no transformers."""

from dataclasses import dataclass

import torch

from attention_atlas.decoders.measures import decoder_records
from attention_atlas.models import shipped
from attention_atlas.probe.source import Visit
from attention_atlas.shapes import Float, Int, Tensor


@dataclass(frozen=True)
class Trained:
    """A shipped decoder: a :class:`~attention_atlas.probe.source.Source`."""

    shipped: shipped.Shipped

    @property
    def name(self) -> str:
        """Of its file."""
        return self.shipped.name

    @property
    def context(self) -> int:
        """As long as the windows that it was trained on."""
        return self.shipped.decoder.tokens

    @property
    def added(self) -> int:
        """The one that begins a window."""
        return 1

    @property
    def facts(self) -> dict[str, str]:
        """Of its shape and its training."""
        decoder, count = self.shipped.decoder, sum(value.numel() for value in self.shipped.parameters.values())
        return {
            "architecture": f"decoder of Attention Atlas, {decoder.place}-norm ({decoder.norm}), {decoder.positions}",
            "blocks": str(decoder.layers),
            "heads": str(decoder.heads),
            "d_model": str(decoder.d_model),
            "parameters": f"{count / 1e6:,.1f} million",
            "context": f"{decoder.tokens} tokens",
        }

    def tokens(self, text: str) -> Int[Tensor, "token"]:
        """The text in tokens, after the one that begins a window."""
        return self.shipped.encode(text)

    def names(self, tokens: Int[Tensor, "token"]) -> list[str]:
        """Every token as text."""
        return [self.shipped.vocabulary[token] for token in tokens.tolist()]

    def records(self, tokens: Int[Tensor, "token"], visit: Visit) -> Float[Tensor, "prediction"]:
        """Hand every attention layer to ``visit``; returns the surprise in nats at every token but the first."""
        logits = decoder_records(self.shipped.decoder, self.shipped.parameters, tokens[None], visit)[0]
        return torch.nn.functional.cross_entropy(logits[:-1], tokens[1:], reduction="none")


def load() -> Trained:
    """The decoder that the project ships."""
    return Trained(shipped.load())
