"""What a page says of the first token as a sink: in which decoders it grows, when, and beside which positions."""

from collections.abc import Iterable

import pandas as pd

from attention_atlas.catch_criteria import SINK
from attention_atlas.outcomes.tags import FIRM, TagOutcomes
from attention_atlas.wording import counted, probability
from attention_atlas.words.decoders import LABELS, listing

NAMES = LABELS | {"untrained": "RoPE, untrained", "untrained-no-positions": "no positions, untrained"}
WITHOUT = ("no-positions", "no-norm", "no-positions-qk-norm", "post-norm")  # positional encoding
OTHERS = ("learned", "decay", "rope-no-norm")  # neither without positions nor with RoPE and LayerNorm
NEAR = 0.05  # share of the tokens by which a prediction may miss


def rise(layers: dict[int, pd.Series], level: float, seeds: int) -> str:
    """How the attention that the first token receives grows while decoders are trained.

    Parameters
    ----------
    layers : dict of int to Series
        Of every layer, from 0 on: the attention by step. The one where most is received in the end is told of.
    level : float
        Of uniform attention.
    seeds : int
        Of how many decoders it is the mean.

    Examples
    --------
    >>> steps = [100, 1000, 8000]
    >>> print(rise({0: pd.Series([0.04, 0.05], steps[:2]), 1: pd.Series([0.04, 0.1, 0.1], steps)}, 0.04, 3))
    passes twice that by step 1,000 in layer 2, and ends at .10 (3 seeds, measured 3 times)
    >>> print(rise({0: pd.Series([0.04, 0.05, 0.06], steps)}, 0.04, 1))
    never passes twice that in layer 1, and ends at .06, the most so far (one seed, measured 3 times)
    """
    layer, course = max(layers.items(), key=lambda item: item[1].iloc[-1])
    above = course.index[course > 2 * level]
    when = f"passes twice that by step {above[0]:,}" if len(above) else "never passes twice that"
    most = ", the most so far" if len(course) > 1 and course.iloc[-1] > course.iloc[:-1].max() else ""
    basis = f"{counted(seeds, 'seed')}, measured {len(course)} times"
    return f"{when} in layer {layer + 1}, and ends at {probability(course.iloc[-1], 2)}{most} ({basis})"


def having(found: TagOutcomes, settings: list[str]) -> dict[str, tuple[int, int]]:
    """How many decoders of each setting have some head with ``<s>`` for a sink in most windows, and of how many."""
    table = found.single_heads(settings).groupby(["setting", "seed"])["first_zhang"].max().gt(FIRM)
    return {name: (int(table[name].sum()), len(table[name])) for name in settings}


def counts(parts: dict[str, tuple[int, int]]) -> str:
    """Of each setting, in how many decoders.

    Examples
    --------
    >>> counts({"rope": (0, 2), "no-norm": (1, 1)})
    'RoPE, Pre-LN: 0 of 2; no positions, no norm: 1 of 1'
    """
    return "; ".join(f"{NAMES[name]}: {some} of {of}" for name, (some, of) in parts.items())


def seeds_each(seeds: Iterable[int]) -> str:
    """How many seeds there are of every setting.

    Examples
    --------
    >>> seeds_each([3, 3]), seeds_each([2, 1, 3]), seeds_each([1])
    ('3 seeds each', '1 to 3 seeds each', 'one seed')
    """
    found = list(seeds)
    least, most = min(found), max(found)
    if least < most:
        return f"{least} to {most} seeds each"
    return counted(least, "seed") + (" each" if len(found) > 1 else "")


def in_settings(parts: dict[str, tuple[int, int]]) -> str:
    """In how many settings something is found: those of one seed start alike and read the same, and do not count twice.

    Parameters
    ----------
    parts : dict of str to (int, int)
        As of :func:`having`, at least one setting.

    Examples
    --------
    >>> in_settings({"rope": (0, 3), "relu": (0, 2)}), in_settings({"rope": (3, 3)})
    ('in none of 2 settings, 2 to 3 seeds each', 'in the one setting, 3 seeds')
    >>> in_settings({"no-norm": (3, 3), "post-norm": (2, 2)}), in_settings({"no-norm": (3, 3), "post-norm": (1, 2)})
    ('in each of 2 settings, 2 to 3 seeds each', 'in 4 of 5 decoders of 2 settings, 2 to 3 seeds each')
    """
    some, of = (sum(pair[place] for pair in parts.values()) for place in (0, 1))
    each = seeds_each(pair[1] for pair in parts.values())
    if 0 < some < of:
        return f"in {some} of {of} decoders of {counted(len(parts), 'setting')}, {each}"
    if len(parts) == 1:
        return f"{'in the one setting' if some else 'not in the one setting'}, {each}"
    return f"in {'each' if some else 'none'} of {len(parts)} settings, {each}"


def grown(parts: dict[str, tuple[int, int]], others: dict[str, pd.Series] | None = None) -> str:
    """Where the first token becomes a sink, in one sentence.

    Parameters
    ----------
    parts : dict of str to (int, int)
        As of :func:`having`; those of :data:`OTHERS` are left out.
    others : dict of str to Series
        As of :func:`most_received`; those of :data:`OTHERS` that have a head above Zhang's threshold are told of.

    Examples
    --------
    >>> parts = {"no-positions": (2, 2), "no-norm": (1, 1), "rope": (0, 2), "relu": (0, 2)}
    >>> others = {"rope-no-norm": pd.Series([0.3]), "decay": pd.Series([0.1])}
    >>> print(grown(parts, others).replace("), ", "),\\n").replace("; ", ";\\n"))
    Decoders without positional encoding grow a sink at the first token (in each of 2 settings, 1 to 2 seeds each),
    those with RoPE and LayerNorm do not (in none of 2 settings, 2 seeds each);
    “RoPE, no norm” does (one seed)
    >>> grown({"no-positions": (0, 1), "rope": (0, 1)})
    'No decoder without positional encoding or with RoPE and LayerNorm grows a sink at the first token'
    """
    without = {name: parts[name] for name in parts if name in WITHOUT}
    rope = {name: parts[name] for name in parts if name not in (*WITHOUT, *OTHERS)}
    sinks = {name: most for name, most in (others or {}).items() if name in OTHERS and (most > SINK).any()}
    also = "".join(f"; “{NAMES[name]}” does ({counted(len(most), 'seed')})" for name, most in sinks.items())
    (some, of), (some_rope, _) = ([sum(p) for p in zip(*of.values(), strict=True)] or [0, 0] for of in (without, rope))
    if not some + some_rope:
        none = "No decoder without positional encoding or with RoPE and LayerNorm"
        return f"{none} grows a sink at the first token{also}"
    if some > of / 2 and rope and not some_rope:
        return (
            f"Decoders without positional encoding grow a sink at the first token ({in_settings(without)}), those with"
            f" RoPE and LayerNorm do not ({in_settings(rope)})" + also
        )
    where = {"without positional encoding": without, "with RoPE and LayerNorm": rope}
    told = [f"{words} {in_settings(found)}" for words, found in where.items() if found]
    return f"A sink at the first token grows {'; '.join(told)}" + also


def most_received(heads: pd.DataFrame) -> dict[str, pd.Series]:
    """What the first token receives in the head that gives it most, of every setting and seed.

    Parameters
    ----------
    heads : DataFrame
        Columns ``setting``, ``seed`` and ``value``, one row for each head.

    Examples
    --------
    >>> heads = pd.DataFrame({"setting": ["decay"] * 3, "seed": [0, 0, 1], "value": [0.1, 0.3, 0.2]})
    >>> most_received(heads)["decay"].tolist()
    [0.3, 0.2]
    """
    most = heads.groupby(["setting", "seed"], sort=False)["value"].max()
    return {name: most[name] for name in most.index.get_level_values("setting").unique()}


def positions_told(most: dict[str, pd.Series]) -> str:
    """What the first token receives in decoders with positions, and whether positions spare them the sink.

    Parameters
    ----------
    most : dict of str to Series
        As of :func:`most_received`, of decoders with some encoding.

    Examples
    --------
    >>> print(positions_told({"rope": pd.Series([0.08, 0.1]), "decay": pd.Series([0.16])}).replace(": n", ":\\nn"))
    “RoPE, Pre-LN” .09 (2 seeds), “decay bias” .16 (one seed):
    none has a sink there
    >>> positions_told({"rope-no-norm": pd.Series([0.34])})
    '“RoPE, no norm” .34 (one seed): positions alone do not spare “RoPE, no norm” the sink'
    """
    told = [
        f"“{NAMES[name]}” {probability(found.mean(), 2)} ({counted(len(found), 'seed')})"
        for name, found in most.items()
    ]
    sinks = [f"“{NAMES[name]}”" for name, found in most.items() if (found > SINK).any()]
    end = f"positions alone do not spare {listing(sinks)} the sink" if sinks else "none has a sink there"
    return f"{', '.join(told)}: {end}"


def share_told(predicted: float, found: float) -> str:
    """Whether one number for all tokens predicts how many of them attend to the first one.

    Parameters
    ----------
    predicted, found : float
        Share of the tokens that give it more than Zhang's threshold.

    Examples
    --------
    >>> share_told(1.0, 0.86)
    'The prediction misses by 14 points: ω is not the same for all tokens'
    >>> share_told(0.88, 0.86)
    'The prediction is right within 5 points'
    """
    gap = abs(predicted - found)
    if gap > NEAR:
        return f"The prediction misses by {100 * gap:.0f} points: ω is not the same for all tokens"
    return f"The prediction is right within {100 * NEAR:.0f} points"
