"""What a page says of compressed decoders, chosen from the numbers."""

from collections.abc import Mapping

import pandas as pd

from attention_atlas.words.decoders import listing, side
from attention_atlas.words.tags import LASTING


def eighths(size: float | None) -> str:
    """A budget as people write it; None if the largest was not enough.

    Examples
    --------
    >>> eighths(0.375), eighths(None)
    ('3/8', 'more than 7/8')
    """
    return "more than 7/8" if size is None else f"{8 * size:.0f}/8"


def helped(found: Mapping[tuple[str, str], pd.Series]) -> str:
    """Where a low-rank term helps a sparse one, and where it harms.

    Parameters
    ----------
    found : mapping
        Decoder and budget, in words, to the difference that the term makes to the loss, as of
        :meth:`attention_atlas.outcomes.decoder_compression.CompressedDecoders.paired`.

    Examples
    --------
    >>> less = pd.Series({"difference": -0.3, "standard_error": 0.1, "seeds": 3})
    >>> helped({("RoPE", "1/8"): less, ("RoPE", "1/4"): less, ("RoPE", "1/2"): less * [-1, 1, 1]})
    'it helps RoPE at 1/8 and RoPE at 1/4; it harms RoPE at 1/2'
    >>> helped({("RoPE", "1/8"): less * [1, 9, 1]}), helped({("RoPE", "1/8"): less * [1, 1, 1 / 3]})
    ('no difference is beyond two standard errors', 'with one seed of each decoder there is no verdict yet')
    """
    sides = {where: side(apart) for where, apart in found.items()}
    if set(sides.values()) <= {None}:
        return "with one seed of each decoder there is no verdict yet"
    told = []
    for verb, sign in (("helps", -1), ("harms", 1)):
        places = [f"{decoder} at {size}" for (decoder, size), found_side in sides.items() if found_side == sign]
        told += [f"it {verb} {listing(places)}"] if places else []
    return "; ".join(told) or "no difference is beyond two standard errors"


def verdict(apart: pd.Series) -> str:
    """What a low-rank term does, in a cell of a table.

    Examples
    --------
    >>> verdict(pd.Series({"difference": -0.3, "standard_error": 0.1, "seeds": 3}))
    'helps'
    """
    words = {-1: "helps", 0: "makes no difference that we can tell", 1: "harms", None: "cannot be judged by one seed"}
    return words[side(apart)]


def headline(enough: Mapping[str, float | None]) -> str:
    """How many numbers each kind of compression needs.

    Parameters
    ----------
    enough : mapping
        ``entries``, ``sum`` and ``low_rank`` to the smallest budget that is enough; None if none is.

    Examples
    --------
    >>> print(headline({"entries": 0.75, "sum": 0.625, "low_rank": None}).replace(", ", ",\\n"))
    few entries need 6/8 of the numbers to keep the perplexity within a tenth,
    5/8 with a low-rank term beside them,
    low rank alone more than 7/8
    >>> print(headline({"entries": 0.625, "sum": 0.625, "low_rank": 0.625}).replace(", ", ",\\n"))
    few entries need 5/8 of the numbers to keep the perplexity within a tenth,
    as many with a low-rank term beside them,
    low rank alone as many
    """
    entries = enough["entries"]
    term, alone = ("as many" if enough[kind] == entries else eighths(enough[kind]) for kind in ("sum", "low_rank"))
    return (
        f"few entries need {eighths(entries)} of the numbers to keep the perplexity within a tenth, {term} with a"
        f" low-rank term beside them, low rank alone {alone}"
    )


def lasting_words(most: Mapping[str, float]) -> str:
    """Which decoders have lasting sinks, and so what is said of sinks.

    Parameters
    ----------
    most : mapping
        Decoder to its lasting sinks a head and window, in the layer that has most of them.

    Examples
    --------
    >>> lasting_words({"RoPE": 0.01, "no positions": 0.3})
    'Sinks that last, seen by at least half of the queries, there are only in “no positions”; others sit near the end'
    >>> lasting_words({"RoPE": 0.01})
    'Next to no sink lasts, that is, is seen by at least half of the queries; sinks sit near the end of a window'
    >>> lasting_words({"RoPE": 0.1})
    'Every decoder has some sinks that last, that is, are seen by at least half of the queries'
    """
    some = [name for name, value in most.items() if value > LASTING]
    if not some:
        none = "Next to no sink lasts, that is, is seen by at least half of the queries"
        return f"{none}; sinks sit near the end of a window"
    if len(some) == len(most):
        return "Every decoder has some sinks that last, that is, are seen by at least half of the queries"
    where = listing(_quoted(some))
    return f"Sinks that last, seen by at least half of the queries, there are only in {where}; others sit near the end"


def _quoted(names: list[str]) -> list[str]:
    return [f"“{name}”" for name in names]


def lasting_by_direction(kept: Mapping[str, Mapping[str, str]]) -> str:
    """What is left of lasting sinks when keys lose directions.

    Parameters
    ----------
    kept : mapping
        Decoder with lasting sinks to what stays of them, in words: with the first direction ``alone``, with it
        ``gone``, with the ``second`` gone; and the ``rank`` from which on nine tenths stay.

    Examples
    --------
    >>> print(lasting_by_direction({"RoPE": {"alone": ".8", "gone": "0", "second": ".9", "rank": "4"}}))
    in “RoPE” .8 of them stay with that one number, 0 without it, .9 without the second; nine tenths from rank 4 on
    >>> lasting_by_direction({})
    'no decoder has enough of them to ask this'
    """
    told = [
        f"in “{name}” {of['alone']} of them stay with that one number, {of['gone']} without it,"
        f" {of['second']} without the second; nine tenths from rank {of['rank']} on"
        for name, of in kept.items()
    ]
    return "; ".join(told) or "no decoder has enough of them to ask this"


def unlike_large(most: Mapping[str, float], outlier: float) -> str:
    """What our decoders have of lasting sinks and of outliers, as a clause.

    Parameters
    ----------
    most : mapping
        As of :func:`lasting_words`.
    outlier : float
        Largest over median coordinate of the stream, the most in any layer of any decoder.

    Examples
    --------
    >>> unlike_large({"RoPE": 0.01, "no positions": 0.3}, 9.6)
    'ours have such sinks only in “no positions”, and coordinates at most 10 times the median'
    >>> unlike_large({"RoPE": 0.01}, 9.6)
    'ours have next to no such sinks, and coordinates at most 10 times the median'
    """
    some = [name for name, value in most.items() if value > LASTING]
    if len(some) == len(most):
        sinks = "such sinks in few heads"
    else:
        sinks = f"such sinks only in {listing(_quoted(some))}" if some else "next to no such sinks"
    return f"ours have {sinks}, and coordinates at most {outlier:.0f} times the median"


def one_direction(gone: float, alone: float, second: float) -> str:
    """Whether one direction of the keys makes the sinks, by how many there are, as multiples of the decoder's own.

    Parameters
    ----------
    gone : float
        The most in any decoder without the first direction.
    alone : float
        The fewest with that direction alone.
    second : float
        The fewest without the second direction.

    Examples
    --------
    >>> one_direction(0.1, 0.8, 0.9)[:55]
    'Sinks go with the first direction of the keys: with it '
    >>> one_direction(0.5, 0.8, 0.9)
    'Sinks are not the work of one direction: without it there still are some'
    """
    if gone >= 0.2:
        return "Sinks are not the work of one direction: without it there still are some"
    if min(alone, second) <= 0.5:
        return "Without that one direction there are next to no sinks, but it is not the only one that they need"
    return (
        "Sinks go with the first direction of the keys: with it alone there are at least half as many, without it there"
        " are next to none, and without the second one at least half are still there. It does not settle which tokens"
        " they are"
    )


def low_rank_claim(captured: Mapping[str, float | None], seeds: Mapping[str, int], low: int, of: int) -> str:
    """Whether keys of low rank keep the sinks, as a clause after "the claim".

    Parameters
    ----------
    captured : mapping
        Decoder to the smallest rank that is enough; None if none is.
    seeds : mapping
        Decoder to how many of it there are; one is not enough for a verdict.
    low, of : int
        What counts as low, and all directions.

    Examples
    --------
    >>> low_rank_claim({"RoPE": 16.0, "no positions": 2.0}, {"RoPE": 3, "no positions": 2}, 4, 24)
    'holds for no positions only in the sense of that rule'
    >>> low_rank_claim({"RoPE": None}, {"RoPE": 3}, 4, 24)
    'does not hold here in the sense of that rule: 4 of 24 directions do not keep nine tenths of the sinks'
    >>> low_rank_claim({"RoPE": 2.0}, {"RoPE": 1}, 4, 24)
    'is not judged yet: there is one seed only of RoPE'
    """
    if single := [name for name, count in seeds.items() if count < 2]:
        return f"is not judged yet: there is one seed only of {listing(single)}"
    fit = [name for name, rank in captured.items() if rank is not None and rank <= low]
    if not fit:
        words = f"{low} of {of} directions do not keep nine tenths of the sinks"
        return f"does not hold here in the sense of that rule: {words}"
    if len(fit) == len(captured):
        return f"holds here in the sense of that rule: at most {low} of {of} directions keep nine tenths of the sinks"
    return f"holds for {listing(fit)} only in the sense of that rule"
