"""What a page says of two ways to count sinks, and of the networks whose sinks lie nearest to the paper's."""

import pandas as pd

from attention_atlas.outcomes.sink_formation import ALL, at_state, nearest
from attention_atlas.tasks.retrieval_settings import SINK_MASKS
from attention_atlas.words.decoders import listing

COUNTS = {"sink_gu2025": "Gu et al.'s count", "sink_wu2025": "the printed formula"}
NOTHING = "not trained yet"


def points(share: float) -> str:
    """A distance of shares in percentage points.

    Examples
    --------
    >>> points(0.1234)
    '12.3'
    """
    return f"{100 * share:.1f}"


def nearer_words(far: pd.DataFrame) -> str:
    """Which count lies nearer to the paper, over all tokens and mask by mask, and whether the two ways agree.

    Parameters
    ----------
    far : DataFrame
        As :func:`attention_atlas.outcomes.sink_comparison.distances` gives it; may be empty.

    Examples
    --------
    >>> rows = {"causal": [0.1, 0.2], "window 5": [0.4, 0.2], "prefix 2": [0.1, 0.2], "all": [0.25, 0.2]}
    >>> print(nearer_words(pd.DataFrame(rows, index=list(COUNTS)).T).replace(". ", ".\\n").replace(": ", ":\\n"))
    Distance over all tokens of the 3 masks that are trained:
    25.0 by Gu et al.'s count and 20.0 by the printed formula.
    Mask by mask, Gu et al.'s count is nearer under 2 of 3.
    The two disagree, so neither count is singled out.
    >>> nearer_words(pd.DataFrame())
    'None of the networks with residual is trained yet, so this page cannot say which count is nearer.'
    """
    if far.empty:
        return "None of the networks with residual is trained yet, so this page cannot say which count is nearer."
    near, masks = far.loc["all"].idxmin(), len(far) - 1
    wins = int((far["sink_gu2025"] < far["sink_wu2025"]).drop("all").sum())
    over_all = [f"{points(far.loc['all', count])} by {name}" for count, name in COUNTS.items()]
    agree = (2 * wins > masks) == (near == "sink_gu2025")
    said = f"Both favor {COUNTS[near]}" if agree else "The two disagree, so neither count is singled out"
    return (
        f"Distance over all tokens of the {masks} masks that are trained: {' and '.join(over_all)}."
        f" Mask by mask, {COUNTS['sink_gu2025']} is nearer under {wins} of {masks}. {said}."
    )


def state_words(state: pd.Series) -> str:
    """A kind of network, a length of training and a way to count, in words.

    Examples
    --------
    >>> state_words(pd.Series({"residual": False, "scale": "text", "step": 2000, "quantity": "sink_gu2025"}))
    "no residual, variance as in the text, step 2,000, Gu et al.'s count"
    """
    residual = "residual" if state["residual"] else "no residual"
    return f"{residual}, variance as in the {state['scale']}, step {state['step']:,}, {COUNTS[state['quantity']]}"


def formation_words(found: pd.DataFrame, end: pd.DataFrame) -> str:
    """Which one state lies nearest to all printed stems, and whether it fits them.

    Parameters
    ----------
    found : DataFrame
        As :func:`attention_atlas.outcomes.sink_formation.distances_over_training` gives it.
    end : DataFrame
        Distances at the end of training, as :func:`attention_atlas.outcomes.sink_comparison.distances` gives them.

    Examples
    --------
    >>> formation_words(pd.DataFrame(columns=["label", "step"]), pd.DataFrame())
    'Not all of these networks are trained yet.'
    """
    best = nearest(found)
    if best is None:
        return "Not all of these networks are trained yet."
    own = pd.DataFrame([nearest(found, label) for label in SINK_MASKS])
    end_words = f", against {points(end.loc['all', 'sink_gu2025'])} at the end of training" if len(end) else ""
    return (
        f"Nearest to all stems at once: {state_words(best)}, at {points(best['distance'])} points{end_words}."
        f" Mask by mask the nearest states have {listing(_shared(own))},"
        f" after {own['step'].min():,} to {own['step'].max():,} steps,"
        f" at {points(own['distance'].min())} to {points(own['distance'].max())} points."
    )


def _shared(states: pd.DataFrame) -> list[str]:
    """How often some states have each of the choices that the paper does not record."""
    chosen = {
        "a residual connection": states["residual"].astype(bool),
        "the text's variance": states["scale"] == "text",
        COUNTS["sink_gu2025"]: states["quantity"] == "sink_gu2025",
    }
    return [f"{name} in {int(found.sum())} of {len(states)}" for name, found in chosen.items()]


def formation_rows(found: pd.DataFrame, end: pd.DataFrame) -> list[list[str]]:
    """A row for every mask, and one for all: distances at the end of training, in the best common state, in its own.

    Parameters
    ----------
    found, end : DataFrame
        As of :func:`formation_words`.

    Examples
    --------
    >>> formation_rows(pd.DataFrame(columns=["label", "step"]), pd.DataFrame())[0]
    ['causal', '–', '–', '–', 'not trained yet']
    """
    best, lines = nearest(found), []
    for label in (*SINK_MASKS, ALL):
        own, there = nearest(found, label), "all" if label == ALL else label
        last = points(end.loc[there, "sink_gu2025"]) if there in end.index else "–"
        common = "–" if best is None else points(at_state(found, best, label))
        words = ("–", NOTHING) if own is None else (points(own["distance"]), state_words(own))
        lines.append([label, last, common, *words])
    return lines


def seeds_words(found: pd.DataFrame) -> str:
    """Over how many seeds the sinks are means.

    Examples
    --------
    >>> seeds_words(pd.DataFrame({"seeds": [1, 2]})), seeds_words(pd.DataFrame({"seeds": [2]}))
    ('means over 1 to 2 seeds', 'means over 2 seeds')
    >>> seeds_words(pd.DataFrame({"seeds": []}))
    'no network is trained yet'
    """
    if found.empty:
        return "no network is trained yet"
    counts = dict.fromkeys(f"{count:.0f}" for count in (found["seeds"].min(), found["seeds"].max()))
    return "one seed each" if list(counts) == ["1"] else f"means over {' to '.join(counts)} seeds"
