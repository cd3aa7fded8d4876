"""Train decoders of one shape on text, side by side, each on windows of its own and with a penalty of its own."""

from collections.abc import Sequence

import torch

from attention_atlas.models.decoder import Decoder, forward, initial
from attention_atlas.shapes import Float, Int, Tensor
from attention_atlas.tasks.language import windows
from attention_atlas.training.ensemble import Ensemble
from attention_atlas.training.locater import Locater, trace
from attention_atlas.training.schedule import cosine

WARM_UP = 0.05  # share of the training in which the learning rate rises


def losses(logits: Float[Tensor, "seed batch token vocabulary"], text: Int[Tensor, "seed_or_1 batch next"]) -> Tensor:
    """Cross-entropy of every prediction.

    Parameters
    ----------
    logits : (seed, batch, token, vocabulary)
        Of the token that follows each of the first ones.
    text : (seed or 1, batch, token + 1)
        What was read, and the token after it.

    Returns
    -------
    (seed, batch, token)
        In nats.

    Examples
    --------
    >>> losses(torch.zeros(1, 1, 2, 8), torch.tensor([[[0, 3, 5]]])).exp()
    tensor([[[8., 8.]]])
    """
    targets = text[..., 1:].expand(len(logits), -1, -1)
    found = torch.nn.functional.cross_entropy(logits.flatten(0, 2), targets.flatten(), reduction="none")
    return found.unflatten(0, targets.shape)


def first_weights(decoder: Decoder, seeds: Sequence[int]) -> dict[str, Float[Tensor, "..."]]:
    """The weights that training starts from.

    Parameters
    ----------
    decoder : Decoder
        The models' shape.
    seeds : sequence of int
        One model each.

    Returns
    -------
    dict of str to (seed, ...)
        Of :func:`attention_atlas.models.decoder.initial`, from the even numbers; the odd ones draw the windows.

    Examples
    --------
    >>> first_weights(Decoder(7, layers=1), [0, 1])["mlp_gain"].shape
    torch.Size([2, 1, 96])
    """
    return initial(decoder, [torch.Generator().manual_seed(2 * seed) for seed in seeds])


class Training:
    """Decoders on their way, each with randomness of its own: company changes no model but in rounding.

    Parameters
    ----------
    decoder : Decoder
        Their shape.
    text : (token,)
        What they learn from, as of :func:`attention_atlas.tasks.language.corpus`.
    seeds : sequence of int
        One model each; it settles the first weights and which windows are read.
    steps : int
        Of the whole training; the learning rate rises in the first twentieth and falls along half a cosine to zero.
    learning_rate : float
        Of Adam, at its highest.
    batch : int
        Windows in a step, each of ``decoder.tokens`` tokens and the one to predict after them.
    locaters : sequence of Locater, optional
        A penalty for each model, or None for a model without one. Where its target is None, the traces of the first
        weights are kept.
    device : str
        Where they are trained.

    Examples
    --------
    >>> training = Training(Decoder(7, tokens=4, layers=1), torch.arange(1, 7).repeat(9), [0, 1], 40, 1e-2, batch=8)
    >>> first, later = training.advance(20), training.advance(20)
    >>> (later < first).tolist(), training.steps
    ([True, True], 40)
    """

    def __init__(
        self,
        decoder: Decoder,
        text: Int[Tensor, "token"],
        seeds: Sequence[int],
        steps: int,
        learning_rate: float,
        batch: int = 16,
        locaters: Sequence[Locater | None] | None = None,
        device: str = "cpu",
    ):
        self.decoder, self.steps = decoder, 0
        self._text, self._last, self._rate, self._batch, self._device = text, steps, learning_rate, batch, device
        parameters = first_weights(decoder, seeds)
        self._data = [torch.Generator().manual_seed(2 * seed + 1) for seed in seeds]
        kept = trace(parameters["query"].mT, parameters["key"].mT).to(device)  # (seed, layer, head)
        self._locaters = [
            (locater, start if locater.target_trace is None else torch.full_like(start, locater.target_trace))
            if locater
            else None
            for locater, start in zip(locaters or [None] * len(seeds), kept, strict=True)
        ]
        self.ensemble = Ensemble(
            {name: value.to(device) for name, value in parameters.items()}, self._losses, learning_rate
        )

    @property
    def parameters(self) -> dict[str, Float[Tensor, "..."]]:
        """The present ones, stacked over models."""
        return self.ensemble.parameters

    def advance(self, steps: int) -> Float[Tensor, "seed"]:
        """Train that many steps on, and return each model's mean loss in them, penalty included."""
        for _ in range(steps):
            rise = min(1.0, (self.steps + 1) / max(1, WARM_UP * self._last))
            self.ensemble.set_learning_rate(self._rate * rise * cosine(self.steps, self._last))
            drawn = [windows(self._text, self.decoder.tokens + 1, self._batch, source) for source in self._data]
            self.ensemble.step(torch.stack(drawn).to(self._device))
            self.steps += 1
        return self.ensemble.mean_loss()

    def _losses(self, parameters: dict, text: Int[Tensor, "seed batch next"]) -> Float[Tensor, "seed"]:
        found = losses(forward(self.decoder, parameters, text[..., :-1]), text).mean((1, 2))
        if not any(self._locaters):
            return found
        query, key = parameters["query"].mT, parameters["key"].mT
        added = [
            kept[0].of_heads(query[place], key[place], kept[1]).sum() if kept else found.new_zeros(())
            for place, kept in enumerate(self._locaters)
        ]
        return found + torch.stack(added)
