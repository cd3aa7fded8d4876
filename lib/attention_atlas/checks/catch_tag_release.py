"""The statements of the chapter on catch, tag, release (after Zhang et al. 2025; derived by us), on random draws.

Every check takes (draws, generator) and returns one row per draw and side, as in
:mod:`attention_atlas.checks.position_bias`; every control breaks one hypothesis and returns the side that must fail.
Side "holds" compares a formula with explicit networks or sums, in decades below TOLERANCE.
"""

import math

import pandas as pd
import torch

from attention_atlas.checks.catch_one_layer import (
    corners,
    last_and_multiset,
    last_and_multiset_control,
    one_layer_witness,
    one_layer_witness_control,
)
from attention_atlas.checks.margins import agreement, real, table, upper_margin, whole
from attention_atlas.models.averager import forward
from attention_atlas.shapes import Tensor
from attention_atlas.tasks.averaging import Batch, placed
from attention_atlas.theory.catch_tag_release import bound, construction, exact_error

__all__ = [
    "error_bound",
    "error_bound_control",
    "last_and_multiset",
    "last_and_multiset_control",
    "one_layer_witness",
    "one_layer_witness_control",
    "outlier_variant",
    "outlier_variant_control",
    "worst_numbers",
    "worst_numbers_control",
]

SETTINGS = 67  # settings (m, n, beta, gamma, x) of one draw, which has one length: 150 draws are 10,050 settings
ROUNDED = 1e-14  # error of a network in float64, as a share of the range of its numbers


def settings(generator: torch.Generator, tagged: bool = True, strong: bool = False) -> pd.DataFrame:
    """Errors of the construction, and what bounds them, at random settings of one random length.

    Parameters
    ----------
    generator : torch.Generator
        Source of randomness.
    tagged : bool
        Whether layer 1 writes its tag.
    strong : bool
        Only settings at which the bound is small: beta and gamma large, and a number before [SEP].

    Returns
    -------
    pandas.DataFrame
        One row per setting: ``tokens``, ``before``, ``after``, ``beta``, ``gamma``; ``span``, the numbers being uniform
        on [0, span]; ``error``, of the network on these numbers, and ``found_worst``, on those that are worst for it;
        ``worst``, the same in closed form; ``sharp`` and ``bound``. Errors are absolute.

    Examples
    --------
    >>> found = settings(torch.Generator().manual_seed(0))
    >>> bool((found["error"] <= found["bound"]).all())
    True
    """
    tokens = whole(3, 64, generator)
    place = torch.randint(int(strong), tokens - 1, (SETTINGS,), generator=generator)
    beta, gamma, span, numbers = (torch.rand(size, generator=generator, dtype=torch.float64) for size in
                                  (SETTINGS, SETTINGS, SETTINGS, (SETTINGS, tokens - 1)))  # fmt: skip
    beta = 20 + 20 * beta if strong else 2 + 38 * beta
    gamma = 10 + 10 * gamma if strong else 20 * gamma
    span = 10 ** (4 * span - 2)
    averager, model = construction.catch_tag_release(beta, gamma)
    model = model if tagged else construction.without_tag(model)

    def run(batch: Batch) -> tuple[Tensor, Tensor]:  # one sequence for each model
        passed = forward(averager, model, batch.features[:, None])
        return (passed.output[:, 0, -1] - batch.target).abs(), passed.weights[1][:, 0, 0, -1]

    error, found = run(placed(span[:, None] * numbers, place))
    negative = exact_error.deviations(found, place) < 0
    worst = negative[torch.arange(tokens) != place[:, None]].view(SETTINGS, -1)  # in the order of the numbers
    weights = construction.retrieval(construction.tags(tokens, place, beta) * tagged, place, gamma)
    before, after = place, tokens - 1 - place
    columns = {
        "tokens": torch.full_like(place, tokens), "before": before, "after": after, "beta": beta, "gamma": gamma,
        "span": span, "error": error, "found_worst": run(placed(span[:, None] * worst, place))[0],
        "worst": span * exact_error.worst_error(weights, place),
        "sharp": span * bound.sharp_bound(before, after, beta, gamma),
        "bound": span * bound.error_bound(before, after, beta, gamma),
    }  # fmt: skip
    return pd.DataFrame({name: values.numpy() for name, values in columns.items()})


def error_bound(draws: int, generator: torch.Generator) -> pd.DataFrame:
    """The bound holds on random numbers, the sharper one on the worst, whose error is the closed form.

    Of a draw's settings the least margin counts; what float64 rounds is taken off every error.
    """

    def draw():
        found = {name: torch.tensor(values) for name, values in settings(generator).items()}
        varied, rounded = dict(tokens=int(found["tokens"][0])), ROUNDED * found["span"]
        rows = [
            dict(**varied, side="upper", margin=upper_margin((found[error] - rounded).clamp(min=0), found[limit].log()))
            for error, limit in (("error", "bound"), ("found_worst", "sharp"))
        ]
        same = agreement(found["found_worst"] / found["span"], found["worst"] / found["span"])
        return [*rows, dict(**varied, side="holds", margin=same)]

    return table(draw() for _ in range(draws))


def error_bound_control(draws: int, generator: torch.Generator) -> pd.DataFrame:
    """Broken: layer 1 writes its tag. Without it the last token cannot tell numbers before [SEP] from those after."""

    def draw():
        found = settings(generator, tagged=False, strong=True)
        margin = (found["bound"] / found["found_worst"]).map(math.log10).min()
        return [dict(tokens=int(found["tokens"][0]), side="upper", margin=margin)]

    return table(draw() for _ in range(draws))


def worst_numbers(draws: int, generator: torch.Generator) -> pd.DataFrame:
    """For any weights the two formulas of the error are what the worst of all vertices, and a plain sum, give.

    Numbers lie in a range that contains 0, or in another one. The former costs its length times TV at most.
    """

    def draw():
        chance = real(0.1, 0.9, generator)
        weights, place, errors, likely, low, high = _range(generator, whole(0, 1, generator) == 1, chance)
        worst = exact_error.worst_error(weights, place, low, high)
        mean, variance = low + (high - low) * chance, (high - low) ** 2 * chance * (1 - chance)
        squared = exact_error.mean_squared_error(weights, place, mean, variance)
        varied = dict(tokens=len(weights), low=low, high=high)
        rows = [dict(**varied, side="holds", margin=agreement(errors.max(), worst)),
                dict(**varied, side="holds", margin=agreement((likely * errors.square()).sum(), squared))]  # fmt: skip
        if low <= 0 <= high:
            length = (high - low) * (-exact_error.deviations(weights, place)).clamp(min=0).sum()
            rows.append(dict(**varied, side="upper", margin=upper_margin(errors, length.log())))
        return rows

    return table(draw() for _ in range(draws))


def worst_numbers_control(draws: int, generator: torch.Generator) -> pd.DataFrame:
    """Broken: the range contains 0. Its length times TV is claimed for a range that does not."""

    def draw():
        weights, place, errors, _, low, high = _range(generator, False)
        length = (high - low) * (-exact_error.deviations(weights, place)).clamp(min=0).sum()
        varied = dict(tokens=len(weights), low=low, high=high)
        return [dict(**varied, side="upper", margin=upper_margin(errors, length.log()))]

    return table(draw() for _ in range(draws))


def _range(generator, with_zero, chance=0.5):
    """Random weights, a place of [SEP], a range, and the errors at all its vertices with their likelihoods."""
    tokens = whole(3, 8, generator)
    place = torch.tensor(whole(0, tokens - 2, generator))
    weights = torch.randn(tokens, generator=generator, dtype=torch.float64).softmax(0)
    near, far = real(0.1, 2, generator), real(0.1, 2, generator)
    low, high = (-near, far) if with_zero else (near, near + far)
    if not with_zero and whole(0, 1, generator):
        low, high = -high, -low
    numbers, likely = corners(tokens - 1, low, high, chance)
    batch = placed(numbers, place.expand(len(numbers)))
    return weights, place, (batch.features[..., 0] @ weights - batch.target).abs(), likely, low, high


def outlier_variant(draws: int, generator: torch.Generator) -> pd.DataFrame:
    """Its error has a bound where a number comes before [SEP]; where none does, little of the answer is left.

    Two upper sides: the error against the bound, and the output against what it can be. Numbers are in [0, 1]. Side
    "holds": weights of the network against the closed form.
    """

    def draw():
        found = _outlier(generator)
        later = found["place"] > 0
        error = ((found["output"] - found["target"]).abs() - ROUNDED).clamp(min=0)[later]
        most = found["kept"] * found["target"][~later]
        return [
            dict(**found["varied"], side="upper", margin=upper_margin(error, found["limit"][later].log())),
            dict(**found["varied"], side="upper", margin=upper_margin(found["output"][~later], most.log())),
            dict(**found["varied"], side="holds", margin=agreement(found["weights"], found["claimed"])),
        ]

    return table(draw() for _ in range(draws))


def outlier_variant_control(draws: int, generator: torch.Generator) -> pd.DataFrame:
    """Broken: a number comes before [SEP]. None does, and the bound for one number before it is claimed."""

    def draw():
        found = _outlier(generator)
        error = (found["output"] - found["target"]).abs()[:1]
        return [dict(**found["varied"], side="upper", margin=upper_margin(error, found["limit"][:1].log()))]

    return table(draw() for _ in range(draws))


def _outlier(generator):
    """The variant at one random setting, with [SEP] at every place, on random numbers."""
    tokens, beta = whole(8, 32, generator), real(3, 20, generator)
    separator, tag = real(1.5, 4, generator), real(1.5, 3, generator)
    gamma = real(5, 20, generator) / ((tag * separator - 1) * (1 + separator) * (tag - 1))
    place = torch.arange(tokens - 1)
    batch = placed(torch.rand(tokens - 1, tokens - 1, generator=generator, dtype=torch.float64), place)
    passed = forward(*construction.outlier_tag(beta, gamma, separator, tag), batch.features[None])
    tagged = construction.outlier_tags(tokens, place, beta, separator, tag)
    return dict(
        varied=dict(tokens=tokens, beta=beta, gamma=gamma, separator=separator, tag=tag), place=place,
        output=passed.output[0, :, -1], target=batch.target, weights=passed.weights[1][0, :, 0, -1],
        claimed=construction.outlier_retrieval(tagged, gamma),
        limit=bound.outlier_bound(place.clamp(min=1), tokens - 1 - place, beta, gamma, separator, tag),
        kept=bound.outlier_kept(tokens, beta, gamma, separator, tag),
    )  # fmt: skip
