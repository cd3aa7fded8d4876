"""Recency in trained decoders in words: intervals, what was found beside what was predicted, and answers.

Where there are fewer than three decoders of a kind no side is named: their numbers stand for themselves.
"""

from typing import Any

from attention_atlas.outcomes.maps import LEAST, Interval
from attention_atlas.wording import counted, probability, signed
from attention_atlas.words.decoders import listing

PREDICTED = {"no-positions": "recency", "no-norm": "early bias"}  # by Kim 2026, from stacks without weights
NOUNS = {"recency": "recency", "early bias": "an early bias", "undecided": "no preference clear of noise"}
ANSWERS = {
    ("recency", "early bias"): "Yes, both halves: recency with LayerNorm, early bias without.",
    ("early bias", "early bias"): "No, not with LayerNorm: both kinds prefer early keys.",
    ("undecided", "undecided"): (
        "We cannot tell: neither the decoders with LayerNorm nor those without show a preference clear of noise."
    ),
}
MORE = {
    1: "those with LayerNorm more",
    0: "and which of them more is not clear of noise",
    -1: "those without a norm more",
    None: "and which of them more is not known",
}
SIDES = {1: "late keys", 0: "no clear side", -1: "early keys"}
TELLS = {  # sides of inner products with the begin token and without it, where the scores lean to late keys
    (1, 1): "what the theory speaks of is there, which does not show that the scores have their preference from it",
    (-1, -1): "the heads' weights make the preference, against the inner products",
}
UNTOLD = (
    "the inner products have no clear side that is the same in both texts, and do not tell where the preference comes "
    "from"
)
TOO_FEW = "fewer than three decoders, so no side is named"


def with_interval(found: Interval) -> str:
    r"""A recency probability and half its interval; of fewer than three decoders the number of each.

    Parameters
    ----------
    found : Interval
        Of probabilities.

    Examples
    --------
    >>> with_interval(Interval((0.59, 0.60, 0.61))), with_interval(Interval((0.5, 0.625))), with_interval(Interval(()))
    ('.600\xa0±\xa0.025', '.500, .625', '–')
    """
    if found.seeds < LEAST:
        return ", ".join(probability(value, 3) for value in found.values) or "–"
    return f"{probability(found.mean, 3)}\u00a0±\u00a0{probability(found.reach, 3)}"


def meaning(seeds: list[int]) -> str:
    """What ± is, of settings with so many decoders.

    Parameters
    ----------
    seeds : list of int
        How many decoders there are of each setting.

    Examples
    --------
    >>> meaning([3, 5])
    '± is half a 95 % interval: Student’s over the decoders, widened by the error of the windows that all of them read'
    >>> meaning([1, 2])
    'there are fewer than three decoders of each kind, so the number of each stands by itself'
    """
    over = (
        "± is half a 95 % interval: Student’s over the decoders, widened by the error of the windows that all of them "
        "read"
    )
    if min(seeds) >= LEAST:
        return over
    if max(seeds) < LEAST:
        return "there are fewer than three decoders of each kind, so the number of each stands by itself"
    return f"{over}; where there are fewer than three decoders the number of each stands by itself"


def apart(found: Interval) -> str:
    """A difference of recency probabilities with half its interval, and whether it is clear of zero.

    Parameters
    ----------
    found : Interval
        Of a difference, seed by seed.

    Examples
    --------
    >>> apart(Interval((-0.26, -0.25, -0.24))), apart(Interval((-0.25, 0.25, 0.75)))
    ('−0.250 ± 0.025', '+0.250 ± 1.242, not clear of zero')
    >>> apart(Interval((0.125,))), apart(Interval(()))
    ('+0.125 (one decoder)', 'no seed in common')
    """
    if not found.seeds:
        return "no seed in common"
    if found.seeds < LEAST:
        return f"{', '.join(signed(value, '+.3f') for value in found.values)} ({counted(found.seeds, 'decoder')})"
    words = f"{signed(found.mean, '+.3f')} ± {found.reach:.3f}"
    return words if found.beyond(0) else f"{words}, not clear of zero"


def named(found: Interval) -> str:
    r"""What was found, with its interval.

    Parameters
    ----------
    found : Interval
        Of a recency probability.

    Examples
    --------
    >>> named(Interval((0.59, 0.60, 0.61))), named(Interval((0.59, 0.60)))
    ('recency (.600\xa0±\xa0.025)', '.590, .600')
    """
    return f"{found.word} ({with_interval(found)})" if found.word else with_interval(found)


def beside(found: Interval, predicted: str) -> str:
    r"""What was found, and whether it is what was predicted.

    Parameters
    ----------
    found : Interval
        Of a recency probability.
    predicted : str
        ``recency`` or ``early bias``.

    Examples
    --------
    >>> beside(Interval((0.59, 0.60, 0.61)), "early bias")
    'recency (.600\xa0±\xa0.025), **not the prediction**'
    >>> beside(Interval((0.59, 0.60, 0.61)), "recency")
    'recency (.600\xa0±\xa0.025)'
    """
    return named(found) + ("" if found.word in ("", "undecided", predicted) else ", **not the prediction**")


def answer(with_norm: Interval, without: Interval, difference: Interval) -> str:
    """Do decoders show what stacks without weights show? In a sentence or two, with their recency probabilities.

    Parameters
    ----------
    with_norm, without : Interval
        Recency probability of decoders without positions, with LayerNorm and without a norm.
    difference : Interval
        With less without, seed by seed.

    Examples
    --------
    >>> late, less = Interval((0.59, 0.60, 0.61)), Interval((-0.02, -0.01, 0.03))
    >>> answer(late, late, less)[:77]
    'No: both prefer late keys, and which of them more is not clear of noise. The '
    """
    found = with_norm.word, without.word
    if "" in found:
        words = "Not to be said yet: there are fewer than three decoders of a kind."
    elif found == ("recency", "recency"):
        words = f"No: both prefer late keys, {MORE[difference.beyond(0)]}."
    else:
        words = ANSWERS.get(found) or (
            f"With LayerNorm: {NOUNS[found[0]]}. Without a norm: {NOUNS[found[1]]}. "
            "The prediction was recency and early bias."
        )
    one, other = with_norm.seeds, without.seeds
    count = f"{one} and {other} decoders" if one != other else f"{one} decoders of each kind"
    count = "a single decoder of each kind" if one == other == 1 else count
    count += "; ±: 95 % interval" if max(one, other) >= LEAST else ""
    means = f"{with_interval(with_norm)} with LayerNorm and {with_interval(without)} without"
    return f"{words} The recency probability is {means} ({count})."


def mechanism(products: list[tuple[Interval, Interval]], scores: list[tuple[Interval, Interval]]) -> str:
    """Which side inner products and scores take, layer by layer, and what that tells of the scores' preference.

    Parameters
    ----------
    products, scores : list of (Interval, Interval)
        Recency probability of the inner products of what a layer reads, and of its scores, from the second layer on;
        with the begin token and without it. What only one of the two texts shows is no reason for anything.

    Examples
    --------
    >>> late, early = Interval((0.59, 0.60, 0.61)), Interval((0.39, 0.40, 0.41))
    >>> mechanism([(early, early)], [(late, late)])  # doctest: +NORMALIZE_WHITESPACE
    "scores: late keys with the begin token and without it (layer 2). Inner products: early keys with the begin token
    and without it (layer 2). In layer 2 the heads' weights make the preference, against the inner products."
    """
    sides = [[tuple(found.beyond(0.5) for found in both) for both in of] for of in (products, scores)]
    if any(None in both for of in sides for both in of):
        return f"there are {TOO_FEW}."
    of_products, of_scores = sides
    told = {layer: TELLS.get(of_products[layer], UNTOLD) for layer, both in enumerate(of_scores) if both == (1, 1)}
    words = [f"In {places} {verdict}." for verdict, places in _by_value(told).items()]
    return " ".join([f"scores: {_taken(of_scores)}. Inner products: {_taken(of_products)}.", *words])


def gram_words(found: Interval) -> str:
    r"""Which way inner products are turned.

    Parameters
    ----------
    found : Interval
        Their recency probability.

    Examples
    --------
    >>> gram_words(Interval((0.39, 0.40, 0.41))), gram_words(Interval((0.4,)))
    ('turned to early keys (.400\xa0±\xa0.025)', 'at .400 (fewer than three decoders, so no side is named)')
    """
    side = found.beyond(0.5)
    if side is None:
        return f"at {with_interval(found)} ({TOO_FEW})"
    words = f"turned to {SIDES[side]}" if side else "not turned by an amount clear of noise"
    return f"{words} ({with_interval(found)})"


def seen(found: list[Interval]) -> str:
    """Whether recency is there in all of some measurements, in some, or in none.

    Parameters
    ----------
    found : list of Interval
        Recency probabilities.

    Examples
    --------
    >>> late, neither = Interval((0.59, 0.60, 0.61)), Interval((0.49, 0.50, 0.51))
    >>> seen([late, late]), seen([late, neither]), seen([neither, neither]), seen([late, Interval((0.6,))])
    ('is there', 'is there in some of them', 'is not there', 'is not to be judged with fewer than three decoders')
    """
    sides = [each.beyond(0.5) for each in found]
    if None in sides:
        return "is not to be judged with fewer than three decoders"
    late = sides.count(1)
    return "is there" if late == len(sides) else "is there in some of them" if late else "is not there"


def _taken(sides: list[tuple[int, int]]) -> str:
    """Sides with the begin token and without it, and the layers that take them."""
    found = {}
    for (one, other), places in _by_value(dict(enumerate(sides))).items():
        same = f"{SIDES[one]} with the begin token and without it"
        found[same if one == other else f"{SIDES[one]} with the begin token and {SIDES[other]} without it"] = places
    return ", ".join(f"{words} ({places})" for words, places in found.items())


def _by_value(layers: dict[int, Any]) -> dict[Any, str]:
    """The layers that have a value, in words; the first of them is the decoder's second."""
    found = {}
    for layer, value in layers.items():
        found.setdefault(value, []).append(str(layer + 2))
    return {value: f"layer{'s' if len(of) > 1 else ''} {listing(of)}" for value, of in found.items()}
