"""What a page says of sinks and tags in trained decoders, chosen from the numbers."""

import math

import pandas as pd

from attention_atlas.rules.language_tags import HIGH, LOW
from attention_atlas.wording import counted, with_error
from attention_atlas.words.decoders import listing

AHEAD = 0.05  # accuracy, or a share, by which one must exceed the other before we say so
TOLD = 0.6  # balanced accuracy above which a label is told at all
LASTING = 0.05  # lasting sinks a head and window below which there are next to none
SPECIAL = 1.25  # outlier ratio over that in random coordinates above which a coordinate is a special one


def grouped(said: dict[str, str]) -> str:
    """What is said of several decoders, once where it is the same.

    Examples
    --------
    >>> grouped({"with RoPE": "it is so", "without": "it is so"})
    'it is so'
    >>> grouped({"with RoPE": "it is so", "longer": "it is so", "without": "it is not"})
    'with RoPE and longer: it is so; without: it is not'
    """
    names = {}
    for name, words in said.items():
        names.setdefault(words, []).append(name)
    if len(names) == 1:
        return next(iter(names))
    return "; ".join(f"{listing(where)}: {words}" for words, where in names.items())


def tags_of_heads(heads: pd.DataFrame) -> str:
    """What the tags of heads with a sink at the first token explain.

    Parameters
    ----------
    heads : DataFrame
        As of :meth:`attention_atlas.outcomes.tags.TagOutcomes.firm_heads`.

    Examples
    --------
    >>> tags_of_heads(pd.DataFrame({"two_tags": [0.9, 0.3], "two_others": [0.2, 0.1]}))
    'In 2 such heads the tag explains 60% of what they write on average (30% to 90%), other tokens 15%'
    >>> tags_of_heads(pd.DataFrame({"two_tags": [], "two_others": []}))
    'So there is no such head whose tag could be looked at'
    """
    if heads.empty:
        return "So there is no such head whose tag could be looked at"
    tags, others = heads["two_tags"], heads["two_others"]
    mean = f"{tags.mean():.0%} of what {'it writes' if len(heads) == 1 else 'they write on average'}"
    ends = f" ({tags.min():.0%} to {tags.max():.0%})" if len(heads) > 1 else ""
    return f"In {counted(len(heads), 'such head')} the tag explains {mean}{ends}, other tokens {others.mean():.0%}"


def place_told(place: dict[str, float]) -> str:
    """Whether the tag of a sink tells where a token stands, by the accuracy of probes in the layer of that sink.

    Parameters
    ----------
    place : dict of str to float
        Balanced accuracy of probes for ``stream``, ``lasting``, ``others`` and ``without tags``.

    Examples
    --------
    >>> print(place_told({"stream": 0.67, "lasting": 0.89, "others": 0.78, "without tags": 0.88}).replace("; ", ";\\n"))
    The tag tells the place better than the stream before it and than other tokens' vectors do;
    but what is left without it tells it too, so the tag is not the only carrier
    >>> place_told({"stream": 0.9, "lasting": 0.8, "others": 0.7, "without tags": 0.6})
    'The tag tells the place no better than the stream before it, so this reading finds no support here'
    """
    if not place["lasting"] > place["stream"] + AHEAD:
        return "The tag tells the place no better than the stream before it, so this reading finds no support here"
    if not place["lasting"] > place["others"] + AHEAD:
        return "The tag tells the place, but other tokens' vectors tell it as well: nothing here is special to the tag"
    words = "The tag tells the place better than the stream before it and than other tokens' vectors do"
    if place["without tags"] > place["lasting"] - AHEAD:
        return f"{words}; but what is left without it tells it too, so the tag is not the only carrier"
    return f"{words}, and than what is left without it"


def level_told(rope: float, without: float | None) -> str:
    """What probes read of the place in heads that have learned nothing: the level to beat.

    Parameters
    ----------
    rope, without : float
        Highest balanced accuracy in a layer of untrained decoders with RoPE and without positions; None if the latter
        are not measured yet.

    Examples
    --------
    >>> level_told(0.72, 0.75)
    'heads that have learned nothing with 75% without positions, which is the level to beat, and with 72% with RoPE'
    >>> print(level_told(0.72, None).replace(", t", ",\\nt"))
    heads that have learned nothing with 72% with RoPE,
    the only ones measured yet: the level to beat is that of untrained ones without positions
    """
    start = "heads that have learned nothing with"
    if without is None:
        end = "the only ones measured yet: the level to beat is that of untrained ones without positions"
        return f"{start} {rope:.0%} with RoPE, {end}"
    return f"{start} {without:.0%} without positions, which is the level to beat, and with {rope:.0%} with RoPE"


def place_reading(place: dict[str, float]) -> str:
    """What the first screen says of the place, as far as :func:`place_told` supports it.

    Examples
    --------
    >>> print(place_reading({"stream": 0.67, "lasting": 0.89, "others": 0.78}).replace(": ", ":\\n"))
    Our reading:
    its share of the attention tells a token how many tokens precede it, and a probe of the tag alone reads the place.
    >>> place_reading({"stream": 0.67, "lasting": 0.6, "others": 0.6})
    ''
    """
    if not place["lasting"] > max(place["stream"], place["others"]) + AHEAD:
        return ""
    return (
        "Our reading: its share of the attention tells a token how many tokens precede it, and a probe of the tag alone"
        " reads the place."
    )


def range_words(share: float) -> str:
    """Where a share lies beside what the paper reports.

    Examples
    --------
    >>> range_words(0.1), range_words(0.3), range_words(0.7), range_words(float("nan"))
    ('below', 'within', 'above', 'not in (there is no such window)')
    """
    if share != share:
        return "not in (there is no such window)"
    return "below" if share < LOW else "within" if share <= HIGH else "above"


def label_told(tags: float, controls: float, rest: float) -> str:
    """Whether a label is in the tags, and only there, by the accuracy of probes.

    Parameters
    ----------
    tags, controls, rest : float
        Of the tags, of the better control, and of what is left without tags.

    Examples
    --------
    >>> print(label_told(0.7, 0.7, 0.9).replace(", ", ",\\n"))
    the tags tell no more than the better control,
    and what is left without them tells it too: the label is not in the tags alone
    >>> label_told(0.9, 0.7, 0.5)
    'the tags tell 20 points more than the better control, and without them little is left'
    """
    if tags != tags:
        return "at this size nothing was read"
    gap = tags - controls
    told = f"{100 * gap:.0f} points more" if gap > AHEAD else "no more"
    left = "what is left without them tells it too: the label is not in the tags alone"
    return f"the tags tell {told} than the better control, and {left if rest > TOLD else 'without them little is left'}"


def stand_apart(own: float, other: float) -> str:
    """Whether tagged tokens stand apart in what a head writes, more than in what another head writes.

    Examples
    --------
    >>> stand_apart(0.9, 0.7)
    'tagged tokens do stand apart in what the head writes'
    """
    if own != own or other != other:
        return "no window has enough of both kinds at this size"
    if own > other + AHEAD:
        return "tagged tokens do stand apart in what the head writes"
    return "the head's own output separates them hardly better than another head's"


def kept_with_qk_norm(
    without: tuple[float, float], with_it: tuple[float, float] | None, untrained: tuple[float, float]
) -> str:
    r"""Whether there are sinks that QK-norm could remove, and how many it leaves.

    Parameters
    ----------
    without, with_it, untrained : (float, float)
        Lasting sinks a head and window, and their standard error over seeds (NaN for one); None if not measured yet.

    Examples
    --------
    >>> kept_with_qk_norm((0.1, 0.003), (0.08, 0.0032), (0.0, 0.0))
    'There are sinks to remove, and 80%\xa0±\xa04% as many are there with it'
    >>> kept_with_qk_norm((0.1, 0.01), None, (0.0, 0.0))
    'There are sinks to remove; the decoder with QK-norm is not measured yet'
    >>> kept_with_qk_norm((0.004, 0.001), (0.001, 0.0), (0.0, 0.0))
    'There is next to no sink that it could remove, so nothing can be said'
    """
    if not without[0] > max(untrained[0], LASTING):
        return "There is next to no sink that it could remove, so nothing can be said"
    if with_it is None:
        return "There are sinks to remove; the decoder with QK-norm is not measured yet"
    part = with_it[0] / without[0]
    error = math.hypot(with_it[1] / without[0], part * without[1] / without[0])
    return f"There are sinks to remove, and {with_error(part, error, '.0%')} as many are there with it"


def outlier_words(ratio: float, turned: float, at_first: float) -> str:
    """Whose the largest coordinate of the stream is, and whether the coordinate is a special one.

    Parameters
    ----------
    ratio, turned : float
        Largest over median coordinate, as it is and in random coordinates.
    at_first : float
        Share of the windows in which it belongs to the first token.

    Examples
    --------
    >>> outlier_words(9.0, 8.5, 0.9)
    'it belongs to <s>, whose vector is long: in random coordinates the ratio is nearly the same'
    >>> outlier_words(9.0, 4.5, 0.1)
    'it moves from token to token, and its coordinate is a special one'
    """
    special = ratio > SPECIAL * turned
    if at_first > 0.5 and not special:
        return "it belongs to <s>, whose vector is long: in random coordinates the ratio is nearly the same"
    where = "belongs to <s>" if at_first > 0.5 else "moves from token to token"
    return f"it {where}, and its coordinate is {'a special one' if special else 'not special'}"
