"""Recency in trained decoders in words: intervals, what was found beside what was predicted, and answers."""

from attention_atlas.outcomes.maps import Interval
from attention_atlas.wording import probability, signed

LABELS = {
    "no-positions": "LayerNorm, no positions",
    "no-norm": "no norm, no positions",
    "rope": "LayerNorm, RoPE",
    "rms-norm": "RMSNorm, no positions",
    "post-norm": "post-LayerNorm, no positions",
    "decay": "LayerNorm, decay bias",
}
PREDICTED = {"no-positions": "recency", "no-norm": "early bias"}  # by Kim 2026, from stacks without weights
NOUNS = {"recency": "recency", "early bias": "an early bias", "undecided": "no preference clear of noise"}
ANSWERS = {
    ("recency", "early bias"): "Yes, both halves: recency with LayerNorm, early bias without.",
    ("recency", "recency"): (
        "Half of it. With LayerNorm there is recency, but without any norm there is recency too. What decides the "
        "sign in the stack without weights does not decide it in a decoder that has learned to read."
    ),
    ("recency", "undecided"): (
        "Half of it. With LayerNorm there is recency; without a norm our decoders do not show an early bias, nor can "
        "we exclude it."
    ),
    ("early bias", "early bias"): "No, not with LayerNorm: early bias with it and without.",
    ("undecided", "undecided"): (
        "We cannot tell: neither the decoders with LayerNorm nor those without show a preference clear of noise."
    ),
}
MECHANISMS = {  # of inner products and scores
    ("recency", "recency"): (
        "inner products and scores both lean to late keys; what the theory speaks of is there, which does not show "
        "that the scores have their preference from it"
    ),
    ("undecided", "recency"): (
        "the scores prefer late keys, and the inner products of what they are made from have no clear side, so it is "
        "the work of the heads' weights"
    ),
    ("early bias", "recency"): (
        "the scores prefer late keys although the inner products of what they are made from lean to early ones, so it "
        "is the work of the heads' weights"
    ),
}


def with_interval(found: Interval) -> str:
    r"""A recency probability and half its interval.

    Parameters
    ----------
    found : Interval
        Its ends are NaN where nothing is known of them.

    Examples
    --------
    >>> with_interval(Interval(0.625, 0.5, 0.75, 3)), with_interval(Interval(0.5, float("nan"), float("nan"), 1))
    ('.625\xa0±\xa0.125', '.500')
    """
    half = "" if found.high != found.high else f"\u00a0±\u00a0{probability(found.high - found.mean, 3)}"
    return probability(found.mean, 3) + half


def meaning(seeds: list[int]) -> str:
    """What an interval is, of settings with so many decoders.

    Parameters
    ----------
    seeds : list of int
        How many decoders there are of each setting.

    Examples
    --------
    >>> meaning([3, 5])
    '95 % intervals over the decoders (Student)'
    >>> meaning([1, 1])
    'four standard errors over windows, so they speak of single decoders only'
    """
    over, single = "95 % intervals over the decoders (Student)", "four standard errors over windows"
    if min(seeds) > 1:
        return over
    if max(seeds) == 1:
        return f"{single}, so they speak of single decoders only"
    return f"{over}; where there is a single one, {single}, which speak of it only"


def apart(found: Interval) -> str:
    """A difference of recency probabilities with half its interval, and whether it is clear of zero.

    Parameters
    ----------
    found : Interval
        Of a difference.

    Examples
    --------
    >>> apart(Interval(-0.25, -0.375, -0.125, 3)), apart(Interval(0.25, -0.25, 0.75, 3))
    ('−0.250 ± 0.125', '+0.250 ± 0.500, not clear of zero')
    """
    words = f"{signed(found.mean, '+.3f')} ± {found.high - found.mean:.3f}"
    return words if found.beyond(0) else f"{words}, not clear of zero"


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
    >>> beside(Interval(0.625, 0.5625, 0.6875, 3), "early bias")
    'recency (.625\xa0±\xa0.062), **not the prediction**'
    >>> beside(Interval(0.625, 0.25, 1.0, 3), "recency")
    'undecided (.625\xa0±\xa0.375)'
    """
    words = f"{found.word} ({with_interval(found)})"
    return words if found.word in ("undecided", predicted) else f"{words}, **not the prediction**"


def answer(with_norm: Interval, without: Interval) -> str:
    """Do decoders show what stacks without weights show? In a sentence or two, with their recency probabilities.

    Parameters
    ----------
    with_norm, without : Interval
        Recency probability of decoders without positions, with LayerNorm and without a norm.

    Examples
    --------
    >>> words = answer(Interval(0.625, 0.5625, 0.6875, 2), Interval(0.375, 0.3125, 0.4375, 2))
    >>> words[:62], words[62:]  # doctest: +NORMALIZE_WHITESPACE
    ('Yes, both halves: recency with LayerNorm, early bias without. ',
     'The mean recency probability is .625 with LayerNorm and .375 without (2 decoders of each kind).')
    """
    found = with_norm.word, without.word
    words = ANSWERS.get(found) or (
        f"With LayerNorm: {NOUNS[found[0]]}. Without a norm: {NOUNS[found[1]]}. "
        "The prediction was recency and early bias."
    )
    one, other = with_norm.seeds, without.seeds
    count = f"{one} and {other} decoders" if one != other else f"{one} decoders of each kind"
    count = "a single decoder of each kind" if one == other == 1 else count
    means = f"{probability(with_norm.mean, 3)} with LayerNorm and {probability(without.mean, 3)} without"
    return f"{words} The mean recency probability is {means} ({count})."


def mechanism(products: Interval, scores: Interval) -> str:
    r"""Inner products or weights: what makes the scores' preference?

    Parameters
    ----------
    products, scores : Interval
        Recency probability of the inner products of what layers read, and of their scores.

    Examples
    --------
    >>> mechanism(Interval(0.25, 0.125, 0.375, 3), Interval(0.375, 0.25, 0.4375, 3))
    'inner products have an early bias and scores an early bias (.250\xa0±\xa0.125 and .375\xa0±\xa0.062)'
    """
    found = products.word, scores.word
    words = MECHANISMS.get(found) or f"inner products have {NOUNS[found[0]]} and scores {NOUNS[found[1]]}"
    return f"{words} ({with_interval(products)} and {with_interval(scores)})"


def gram_words(found: Interval) -> str:
    r"""Which way inner products are turned.

    Parameters
    ----------
    found : Interval
        Their recency probability.

    Examples
    --------
    >>> gram_words(Interval(0.25, 0.125, 0.375, 3))
    'turned to early keys (.250\xa0±\xa0.125)'
    """
    words = {1: "turned to late keys", 0: "not turned by an amount clear of noise", -1: "turned to early keys"}
    return f"{words[found.beyond(0.5)]} ({with_interval(found)})"
