"""The statements about trigger-conditional averaging, on random draws; all of them are derived here.

Every check takes (draws, generator) and returns one row per draw and side, as in
:mod:`attention_atlas.checks.position_bias`; every control breaks one hypothesis and returns the side that must fail.
Side "holds" compares a formula with what the layer gives, in decades below TOLERANCE.
"""

import math
from dataclasses import dataclass

import pandas as pd
import torch

from attention_atlas.checks.margins import agreement, real, table, upper_margin, whole
from attention_atlas.models.averager import forward
from attention_atlas.shapes import Float64, Tensor
from attention_atlas.tasks.trigger_averaging import TriggerAveraging, draw, placed
from attention_atlas.theory.catch_tag_release.necessary_sink import Head, direction, witness
from attention_atlas.theory.catch_tag_release.trigger import relu_trigger, softmax_error, softmax_trigger

__all__ = [
    "flat_scores",
    "flat_scores_control",
    "relu_exact",
    "relu_exact_control",
    "sink_necessary",
    "sink_necessary_control",
    "softmax_bound",
    "softmax_bound_control",
]

RADIUS = 1.0  # of contents: scale changes nothing, since it can be moved into the weights


def softmax_bound(draws: int, generator: torch.Generator) -> pd.DataFrame:
    """With the sink the answer is exact at triggers, and within R i / (e^beta + i) of 0 elsewhere, which is reached."""

    def row():
        strength, radius, tokens = real(0, 12, generator), real(0.1, 10, generator), whole(3, 24, generator)
        averager, model = softmax_trigger(strength)
        batch = draw(TriggerAveraging(tokens), 8, generator)
        scaled = placed(radius * batch.features[:, 1:, :1], batch.trigger[:, 1:])
        output = forward(averager, model, scaled.features[None]).output[0]
        bound = softmax_error(strength, torch.arange(tokens).double(), radius)
        margins = [("upper", upper_margin(output[:, 1:].abs() * ~scaled.trigger[:, 1:], bound[1:].log()))]
        if scaled.trigger.any():
            margins.append(("holds", agreement(output[scaled.trigger], scaled.target[scaled.trigger][:, 0])))
        largest = placed(radius * torch.ones_like(batch.features[:1, 1:, :1]), torch.zeros(1, tokens - 1).bool())
        margins.append(("holds", agreement(forward(averager, model, largest.features[None]).output[0, 0], bound)))
        return [dict(tokens=tokens, strength=strength, side=side, margin=margin) for side, margin in margins]

    return table(row() for _ in range(draws))


def softmax_bound_control(draws: int, generator: torch.Generator) -> pd.DataFrame:
    """Broken: BOS has no key of its own. The same strength spent on all tokens alike leaves their mean."""

    def row():
        strength, tokens = real(3, 12, generator), whole(3, 24, generator)
        averager, model = softmax_trigger(strength)
        model["key"] = torch.zeros_like(model["key"])
        model["key"][..., 1, 0] = 1  # the constant
        numbers = 0.5 + 0.5 * torch.rand(1, tokens - 1, 1, generator=generator, dtype=torch.float64)
        batch = placed(numbers, torch.zeros(1, tokens - 1).bool())
        output = forward(averager, model, batch.features[None]).output[0, 0, 1:].abs()
        bound = softmax_error(strength, torch.arange(1, tokens).double())
        return [dict(tokens=tokens, strength=strength, side="upper", margin=upper_margin(output, bound.log()))]

    return table(row() for _ in range(draws))


def relu_exact(draws: int, generator: torch.Generator) -> pd.DataFrame:
    """ReLU attention gives the very targets; triggers spread their weight evenly and all others have none at all."""

    def row():
        tokens, (averager, model) = whole(3, 24, generator), relu_trigger()
        return _relu_row(tokens, forward, averager, model, generator)

    return table(row() for _ in range(draws))


def relu_exact_control(draws: int, generator: torch.Generator) -> pd.DataFrame:
    """Broken: weights sum to 1. The same queries and keys under a softmax average everywhere."""

    def row():
        tokens, (_, model), (averager, _) = whole(3, 24, generator), relu_trigger(), softmax_trigger(0.0)
        return _relu_row(tokens, forward, averager, model, generator)

    return table(row() for _ in range(draws))


def _relu_row(tokens, forward, averager, model, generator):
    batch = draw(TriggerAveraging(tokens, chance=real(0.1, 0.9, generator)), 8, generator)
    batch = placed(batch.features[:, 1:, :1], batch.trigger[:, 1:] | (torch.arange(1, tokens) == tokens - 1))
    found = forward(averager, model, batch.features[None])
    even = torch.ones(tokens, tokens, dtype=torch.float64).tril() / torch.arange(1, tokens + 1)[:, None]
    margins = (
        agreement(found.output[0], batch.target[..., 0]),
        agreement(found.weights[0][0, :, 0], even * batch.trigger[..., None]),
    )
    return [dict(tokens=tokens, side="holds", margin=margin) for margin in margins]


def sink_necessary(draws: int, generator: torch.Generator) -> pd.DataFrame:
    """A softmax head for contents of 3 numbers or more: what does not go to BOS is bounded by the layer's errors.

    Random weights; only the size of the values is chosen, so that the errors at triggers leave a bound at all.
    """

    def row():
        tokens, size = whole(4, 12, generator), whole(3, 5, generator)
        scores = _anchored(_normal(generator, size + 3, size + 3) * real(0, 0.7, generator), generator)
        head = Head(scores, _values(size, generator))
        features = _sequence(tokens, size, real(0.05, 0.6, generator), generator)
        head = _averaging(head, direction(head, features[-1, :size], tokens), tokens, generator)
        return [dict(tokens=tokens, content=size, **_upper(witness(head, features, RADIUS)))]

    return table(row() for _ in range(draws))


def sink_necessary_control(draws: int, generator: torch.Generator) -> pd.DataFrame:
    """Broken in turn: weights sum to 1 (ReLU attention), all tokens are seen (a null key besides), it is one head."""
    kinds = (_relu_head, _null_head, _opposed_heads)

    def row(kind):
        tokens, size = whole(4, 12, generator), whole(3, 5, generator)
        head = kind(size, generator)
        features = _sequence(tokens, size, real(0.05, 0.6, generator), generator)
        along = torch.nn.functional.normalize(_normal(generator, size), dim=0)
        found = witness(head, features, RADIUS, along)
        return [dict(tokens=tokens, content=size, broken=kind.__name__.strip("_"), **_upper(found))]

    return table(row(kinds[number % len(kinds)]) for number in range(draws))


def flat_scores(draws: int, generator: torch.Generator) -> pd.DataFrame:
    """The same for contents of any size if scores depend on flags only, with all of the radius as room."""

    def row():
        tokens, size = whole(4, 12, generator), whole(1, 3, generator)
        scores = torch.zeros(size + 3, size + 3, dtype=torch.float64)
        scores[size:, size:] = real(0, 1, generator) * _normal(generator, 3, 3)
        along = torch.nn.functional.normalize(_normal(generator, size), dim=0)
        head = _averaging(Head(_anchored(scores, generator), _values(size, generator)), along, tokens, generator)
        features = _sequence(tokens, size, 0.0, generator)
        return [dict(tokens=tokens, content=size, **_upper(witness(head, features, RADIUS, along)))]

    return table(row() for _ in range(draws))


def flat_scores_control(draws: int, generator: torch.Generator) -> pd.DataFrame:
    """Broken: scores depend, if ever so little, on the number; large values make up for it."""

    def row():
        tokens, share, offset = whole(4, 12, generator), real(0.1, 0.5, generator), 10 ** real(3, 5, generator)
        features = _sequence(tokens, 1, 0.0, generator, triggers=0.0)
        along = torch.ones(1, dtype=torch.float64)
        found = witness(leaning_head(tokens, share, offset), features, RADIUS, along)
        return [dict(tokens=tokens, share=share, offset=offset, **_upper(found))]

    return table(row() for _ in range(draws))


def leaning_head(tokens: int, share: float, offset: float) -> Head:
    """A head for single numbers whose last query does without much of BOS, by scores that lean on the number.

    Parameters
    ----------
    tokens : int
        Length T of the sequence for whose last token it is made.
    share : float
        Attention to BOS when all numbers are 0, in (0, 1).
    offset : float
        Size of the values, far above 1.

    Returns
    -------
    Head
        At a trigger it gives the answer exactly. Elsewhere a larger number is worth more, by the value's slope a, but
        gets less weight, by ``exp(-a x / offset)``; the two cancel up to terms of order 1/offset.

    Examples
    --------
    >>> batch = placed(torch.tensor([[[1.0], [-0.5], [0.7]]]).double(), torch.zeros(1, 3).bool())
    >>> head = leaning_head(4, share=0.25, offset=1e4)
    >>> bool(head.output(batch.features)[0, -1].abs() < 1e-3), round(head.weights(batch.features)[0, -1, 0].item(), 3)
    (True, 0.25)
    """
    numbers = tokens - 1
    slope = numbers / tokens / (1 - share)
    scores, values = torch.zeros(4, 4, dtype=torch.float64), torch.zeros(4, 1, dtype=torch.float64)
    scores[1, 0], scores[3, 0] = -slope / offset, slope / offset
    scores[1, 2] = math.log(numbers * share / (1 - share))
    values[0], values[1], values[2] = slope, offset, -offset / share
    return Head(scores, values)


@dataclass(frozen=True)
class ReluHead(Head):
    """Weights ``max(0, logit)`` over the number of tokens seen."""

    def weights(self, features: Float64[Tensor, "batch token feature"]) -> Float64[Tensor, "batch query key"]:
        """Attention of every query."""
        logits = (features @ self.scores @ features.mT).relu().tril()
        return logits / torch.arange(1, features.shape[1] + 1)[:, None]


@dataclass(frozen=True)
class NullHead(Head):
    """A softmax head with one more key, of value 0, that is no token."""

    null: Float64[Tensor, "feature"] | None = None  # logit of the null key for each feature of the query

    def weights(self, features: Float64[Tensor, "batch token feature"]) -> Float64[Tensor, "batch query key"]:
        """Attention of every query to the tokens."""
        logits = features @ self.scores @ features.mT
        seen = torch.ones(logits.shape[-2:], dtype=torch.bool).tril()
        logits = torch.cat((logits.masked_fill(~seen, -torch.inf), (features @ self.null)[..., None]), -1)
        return logits.softmax(-1)[..., :-1]


@dataclass(frozen=True)
class TwoHeads(Head):
    """A head and another one whose output is added; attention is that of the first."""

    other: Head | None = None

    def output(self, features: Float64[Tensor, "batch token feature"]) -> Float64[Tensor, "batch token content"]:
        """What both heads give to every query."""
        return super().output(features) + self.other.output(features)


def _relu_head(size: int, generator: torch.Generator) -> Head:
    """As constructed, with a leak: queries without trigger attend too, a little."""
    scores, values = _flags_only(size)
    scores[size, size], scores[size + 2, size] = 10 ** real(-4, -2, generator), 1
    return ReluHead(scores, values)


def _null_head(size: int, generator: torch.Generator) -> Head:
    scores, values = _flags_only(size)
    null = torch.zeros(size + 3, dtype=torch.float64)
    null[size] = real(7, 12, generator)
    null[size + 2] = -null[size] - 5
    return NullHead(scores, values, null)


def _opposed_heads(size: int, generator: torch.Generator) -> Head:
    """Not quite opposed: the second is smaller by a hundredth at most."""
    scores, values = _flags_only(size)
    second = scores.clone()
    second[size + 2, size + 1] = real(5, 10, generator)
    return TwoHeads(scores, values, Head(second, (10 ** real(-4, -2, generator) - 1) * values))


def _flags_only(size: int) -> tuple[Tensor, Tensor]:
    return torch.zeros(size + 3, size + 3, dtype=torch.float64), torch.eye(size + 3, size, dtype=torch.float64)


def _averaging(head: Head, along: Tensor, tokens: int, generator: torch.Generator) -> Head:
    """The head with the content's values scaled so that a trigger's answer along a direction is off by 30 % at most."""
    flags = torch.zeros(1, tokens - 1, dtype=torch.bool)
    flags[0, -1] = True
    contents = torch.stack([side * RADIUS * along.expand(tokens - 1, -1) for side in (1, -1)])
    contents[:, -1] = 0
    outputs = head.output(placed(contents, flags.expand(2, -1)).features)[:, -1]
    gain = ((outputs[0] - outputs[1]) @ along / (2 * RADIUS)).item()
    values = head.values.clone()
    values[: len(along)] *= (tokens - 2) / tokens * real(0.7, 1.3, generator) / gain
    return Head(head.scores, values)


def _anchored(scores: Tensor, generator: torch.Generator) -> Tensor:
    """Scores with a logit for BOS, of any strength, at queries without trigger."""
    anchor = torch.zeros_like(scores)
    anchor[-3, -2], anchor[-1, -2] = 1, -1  # of the constant and of the trigger
    return scores + real(0, 8, generator) * anchor


def _values(size: int, generator: torch.Generator) -> Tensor:
    """Contents nearly as they are, and anything for the flags."""
    near = torch.eye(size, dtype=torch.float64) + 0.3 / math.sqrt(size) * _normal(generator, size, size)
    return torch.cat((near, real(0, 3, generator) * _normal(generator, 3, size)))


def _sequence(tokens: int, size: int, radius: float, generator: torch.Generator, triggers: float = 0.3) -> Tensor:
    """Features of a random sequence of contents of one norm, whose last token is no trigger."""
    contents = radius * torch.nn.functional.normalize(_normal(generator, 1, tokens - 1, size), dim=-1)
    flags = torch.rand(1, tokens - 1, generator=generator) < triggers
    flags[:, 0] = flags[:, -1] = False
    return placed(contents, flags).features[0]


def _normal(generator: torch.Generator, *shape: int) -> Tensor:
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def _upper(found) -> dict:
    """Attention that does not go to BOS beside its bound."""
    bound = 1 - found.floor
    margin = upper_margin(torch.tensor(1 - found.attention).double(), torch.tensor(bound).double().log())
    return dict(error=max(found.errors), bound=bound, attention=found.attention, side="upper", margin=margin)
