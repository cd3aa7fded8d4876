"""What one attention layer without positions cannot do, on random networks and in plain sums.

Checks and controls as in :mod:`attention_atlas.checks.catch_tag_release`, which names them.
"""

import itertools
import math

import pandas as pd
import torch

from attention_atlas.checks.margins import agreement, lower_margin, real, table, whole
from attention_atlas.models.averager import ATTENTION, Averager, forward, initial
from attention_atlas.shapes import Float64, Tensor
from attention_atlas.tasks.averaging import placed
from attention_atlas.theory.catch_tag_release import construction, one_layer


def corners(
    count: int, low: float, high: float, chance: float
) -> tuple[Float64[Tensor, "sequence number"], Float64[Tensor, "sequence"]]:
    """All sequences of a number that has two values, and how likely each is.

    Parameters
    ----------
    count : int
        Length of the sequences.
    low, high : float
        The two values.
    chance : float
        Of the second one.

    Returns
    -------
    (sequence, number), (sequence,)
        ``2^count`` sequences, and their probabilities.

    Examples
    --------
    >>> corners(1, 0.0, 5.0, 0.25)
    (tensor([[0.],
            [5.]], dtype=torch.float64), tensor([0.7500, 0.2500], dtype=torch.float64))
    """
    is_high = torch.tensor(list(itertools.product((0.0, 1.0), repeat=count)), dtype=torch.float64)
    return low + (high - low) * is_high, ((1 - chance) + (2 * chance - 1) * is_high).prod(1)


def one_layer_witness(draws: int, generator: torch.Generator) -> pd.DataFrame:
    """Random networks of one layer, scaled to answer between the two targets: one error is half their distance.

    Of one or two heads, softmax or ReLU, with or without LayerNorm and MLP; the two outputs agree.
    """

    def draw():
        batch = _witness(generator)
        averager, model = _one_layer(generator)
        output = forward(averager, model, batch.features[None]).output[0, :, -1]
        first, second = batch.target
        wanted = first + real(0, 1, generator) * (second - first)
        error = (output * wanted / output[0] - batch.target).abs().max()
        varied = dict(tokens=batch.features.shape[1], attention=averager.attention)
        return [
            dict(**varied, side="lower", margin=lower_margin(error, ((first - second).abs() / 2).log())),
            dict(**varied, side="holds", margin=agreement(output[1:], output[:1])),
        ]

    return table(draw() for _ in range(draws))


def one_layer_witness_control(draws: int, generator: torch.Generator) -> pd.DataFrame:
    """Broken: one layer. The construction has two, and errs on neither sequence."""

    def draw():
        batch = _witness(generator)
        model = construction.catch_tag_release(real(30, 40, generator), real(15, 20, generator))
        error = (forward(*model, batch.features[None]).output[0, :, -1] - batch.target).abs().max()
        floor = (batch.target[0] - batch.target[1]).abs() / 2
        return [dict(tokens=batch.features.shape[1], side="lower", margin=lower_margin(error, floor.log()))]

    return table(draw() for _ in range(draws))


def _witness(generator):
    tokens = whole(4, 16, generator)
    place = whole(1, tokens - 3, generator)
    numbers = torch.randn(tokens - 1, generator=generator, dtype=torch.float64)
    first, second = whole(0, place - 1, generator), whole(place, tokens - 3, generator)
    return one_layer.witness(numbers, place, first, second)


def _one_layer(generator):
    """A random network of one layer, its shape included."""
    heads = whole(1, 2, generator)
    averager = Averager(
        d_model=heads * whole(2, 4, generator), layers=1, heads=heads, attention=ATTENTION[whole(0, 1, generator)],
        scaled=whole(0, 1, generator) == 1, layernorm=whole(0, 1, generator) == 1, mlp=whole(0, 1, generator) == 1,
    )  # fmt: skip
    return averager, {name: values.double() for name, values in initial(averager, [generator]).items()}


def last_and_multiset(draws: int, generator: torch.Generator) -> pd.DataFrame:
    """The best guess is the conditional mean, its error is the closed form, one layer reaches it and none does better.

    Compared with plain sums over all orders, all places of [SEP] and all sequences of a two-valued number. The lower
    side is a random network of one layer, scaled as suits it best.
    """

    def draw():
        tokens, least_before = whole(3, 6, generator), whole(0, 1, generator)
        least_before = min(least_before, tokens - 3)
        varied = dict(tokens=tokens, least_before=least_before)
        rows = [dict(**varied, side="holds", margin=_conditional_mean(generator, tokens, least_before, least_before))]

        low, high, chance = real(-2, 0, generator), real(0.1, 2, generator), real(0.2, 0.8, generator)
        batch, likely = _two_valued(tokens, least_before, low, high, chance)
        best = one_layer.best_error(tokens, (high - low) ** 2 * chance * (1 - chance), least_before)

        def last(averager, model):
            return forward(averager, model, batch.features[None]).output[0, :, -1]

        reached = (likely * (last(*one_layer.best_network(tokens, least_before)) - batch.target).square()).sum()
        rows.append(dict(**varied, side="holds", margin=agreement(reached, torch.tensor(best, dtype=torch.float64))))
        output = last(*_one_layer(generator))
        scale = (likely * output * batch.target).sum() / (likely * output.square()).sum()
        other = (likely * (scale * output - batch.target).square()).sum()
        return [*rows, dict(**varied, side="lower", margin=math.log10(other / best))]

    return table(draw() for _ in range(draws))


def last_and_multiset_control(draws: int, generator: torch.Generator) -> pd.DataFrame:
    """Broken: the place of [SEP] is as supposed. It is never first, but the share of uniform places is claimed."""

    def draw():
        tokens = whole(3, 6, generator)
        margin = _conditional_mean(generator, tokens, least_before=1, supposed=0)
        return [dict(tokens=tokens, side="holds", margin=margin)]

    return table(draw() for _ in range(draws))


def _conditional_mean(generator, tokens, least_before, supposed):
    """Agreement of the best guess with the mean answer over all orders of the other numbers and all places."""
    numbers = torch.randn(tokens - 1, generator=generator, dtype=torch.float64)
    orders = torch.tensor([(*order, tokens - 2) for order in itertools.permutations(range(tokens - 2))])
    places = torch.arange(least_before, tokens - 1)
    batch = placed(numbers[orders].repeat_interleave(len(places), 0), places.repeat(len(orders)))
    return agreement(batch.target.mean(), one_layer.best_prediction(batch.features[:1], supposed)[0])


def _two_valued(tokens, least_before, low, high, chance):
    """All sequences of a number that is high with one chance, else low, with all places of [SEP]; their likelihoods."""
    numbers, likely = corners(tokens - 1, low, high, chance)
    places = torch.arange(least_before, tokens - 1)
    batch = placed(numbers.repeat_interleave(len(places), 0), places.repeat(len(numbers)))
    return batch, likely.repeat_interleave(len(places)) / len(places)
