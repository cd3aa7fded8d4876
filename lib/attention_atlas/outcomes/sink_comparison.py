"""The sinks of Wu et al. 2025 beside ours by both conventions, and what is left of them without the mask's geometry."""

import math
from collections.abc import Callable
from itertools import pairwise

import pandas as pd

from attention_atlas import registry
from attention_atlas.masks import named
from attention_atlas.outcomes.retrieval_names import setting_name
from attention_atlas.outcomes.retrieval_tables import at_largest_profile, of_sink_networks, over_seeds
from attention_atlas.outcomes.sink_baselines import CONVENTIONS, uniform_sinks
from attention_atlas.rules.retrieval import SEEDS, USUAL
from attention_atlas.rules.rule import Rule, complete
from attention_atlas.tasks.retrieval_settings import SINK_MASKS

BY_WIDTH = ("window 5", "window 9", "window 13", "causal")  # a window of all tokens is the causal mask
PREFIXES = {label: length for label, (mask, length) in SINK_MASKS.items() if mask == "prefix"}
NUMBERS = ["mean", "standard_error", "least_seed", "most_seed", "seeds", "steps"]


def printed_sinks() -> pd.DataFrame:
    """Figures 10-12 of the paper: columns ``label`` (of a mask), ``token`` and ``paper``, a share.

    Examples
    --------
    >>> printed_sinks()["paper"].head(2).tolist()
    [0.435, 0.122]
    """
    table = pd.read_csv(registry.DATA / "reference" / "wu2025_attention_sinks.csv")
    return pd.DataFrame({"label": _labels(table), "token": table["token"], "paper": table["sink_percent"] / 100})


def _labels(table: pd.DataFrame) -> pd.Series:
    """Names of masks, from a name and a parameter that may be missing."""
    names = {(mask, parameter or 0): label for label, (mask, parameter) in SINK_MASKS.items()}
    parameters = table["mask_parameter"].astype(float).fillna(0).astype(int)
    pairs = zip(table["mask"], parameters, strict=True)
    return pd.Series([names.get(pair) for pair in pairs], table.index, dtype=object)


def sinks_beside(report: pd.DataFrame, at: str = "end", residual: bool = True) -> pd.DataFrame:
    """The paper's sinks, ours and those of uniform attention, token by token, for every mask of Figures 10-12.

    Parameters
    ----------
    report : DataFrame
        Of models, as :class:`attention_atlas.outcomes.retrieval_points.Models` has it; may be empty.
    at : {"end", "100000"}
        Length of training.
    residual : bool
        Whether the networks of two layers have residual connections.

    Returns
    -------
    DataFrame
        Columns ``label`` (of a mask), ``token``, ``quantity`` (``received``, ``sink_gu2025``,
        ``sink_wu2025``); ``paper`` (the same printed value beside both conventions, NaN beside ``received``);
        ``uniform_least`` and ``uniform_most``; ``mean``, ``standard_error``, ``least_seed``, ``most_seed``, ``seeds``
        and ``steps`` of ours at the largest profile there is, NaN where no model is known. Shares, not percent.

    Examples
    --------
    >>> table = sinks_beside(pd.DataFrame()).set_index(["label", "quantity", "token"])
    >>> table.loc[("window 9", "sink_gu2025", 1), ["paper", "uniform_least", "mean"]].tolist()
    [0.9997, 1.0, nan]
    """
    uniform = [uniform_sinks(named(*mask, 17), 17).assign(label=label) for label, mask in SINK_MASKS.items()]
    table = pd.concat(uniform, ignore_index=True).rename(columns={"least": "uniform_least", "most": "uniform_most"})
    table = table.merge(printed_sinks(), on=["label", "token"])
    table["paper"] = table["paper"].where(table["quantity"].isin(CONVENTIONS))
    ours = _ours(report, at, residual)
    return table.merge(ours, how="left", on=["label", "token", "quantity"]).astype(dict.fromkeys(NUMBERS, float))


def _ours(report: pd.DataFrame, at: str, residual: bool) -> pd.DataFrame:
    found = of_sink_networks(over_seeds(report, at), residual)
    found = found.rename(columns={"least": "least_seed", "most": "most_seed"})
    found = found[found["quantity"].isin(("received", *CONVENTIONS))]
    keys = ["label", "token", "quantity"]
    found = at_largest_profile(found.assign(label=_labels(found)), keys)
    return found[[*keys, *NUMBERS]].astype({"token": int})


def distances(table: pd.DataFrame) -> pd.DataFrame:
    """Root mean square distance of ours from the paper's sinks, by convention.

    Parameters
    ----------
    table : DataFrame
        As :func:`sinks_beside` gives it.

    Returns
    -------
    DataFrame
        One row per known mask and, last and if any is known, one named ``all`` over all their tokens; columns
        ``sink_gu2025`` and ``sink_wu2025``, in the unit of the shares.

    Examples
    --------
    >>> distances(sinks_beside(pd.DataFrame()))
    Empty DataFrame
    Columns: [sink_gu2025, sink_wu2025]
    Index: []
    """
    known = table[table["quantity"].isin(CONVENTIONS) & table["mean"].notna()]
    known = known.assign(square=(known["mean"] - known["paper"]) ** 2)
    squares = {}
    for label in [name for name in SINK_MASKS if name in set(known["label"])] + (["all"] if len(known) else []):
        rows = known if label == "all" else known[known["label"] == label]
        squares[label] = rows.groupby("quantity")["square"].mean() ** 0.5
    return pd.DataFrame(squares, index=list(CONVENTIONS), dtype=float).T


def first_of_all(shares: pd.Series) -> float:
    """Token 1's part of the sinks of all tokens, which come in order; NaN if there are none.

    Examples
    --------
    >>> first_of_all(pd.Series([0.5, 0.25, 0.25]))
    0.5
    """
    total = shares.sum()
    return float(shares.iloc[0] / total) if total else math.nan


def excess(table: pd.DataFrame) -> pd.DataFrame:
    """Mean weight received less that under uniform attention.

    Parameters
    ----------
    table : DataFrame
        As :func:`sinks_beside` gives it.

    Returns
    -------
    DataFrame
        By ``label`` and ``token``: ``difference`` and its ``standard_error``, NaN where no model is known.

    Examples
    --------
    >>> excess(sinks_beside(pd.DataFrame())).isna().all(axis=None).item()
    True
    """
    found = table[table["quantity"] == "received"].set_index(["label", "token"])
    return pd.DataFrame(
        {"difference": found["mean"] - found["uniform_least"], "standard_error": found["standard_error"]}
    )


def first_words(gains: pd.DataFrame, label: str = "causal") -> str:
    """Whether training gives the first token more or less than uniform attention does, as a sentence.

    Parameters
    ----------
    gains : DataFrame
        As :func:`excess` gives it.
    label : str
        A key of :data:`attention_atlas.tasks.retrieval_settings.SINK_MASKS`.

    Examples
    --------
    >>> tokens = pd.MultiIndex.from_tuples([("causal", 1), ("causal", 2)])
    >>> gains = pd.DataFrame({"difference": [-0.0138, 0.0192], "standard_error": [0.0005, 0.0009]}, tokens)
    >>> print(first_words(gains).replace(", ", ",\\n", 1))
    Under the causal mask our trained networks give token 1 *less* than uniform attention does,
    by 1.38 ± 0.05 percentage points on average; token 2 gains most.
    """
    mine = gains.loc[label]
    if mine["difference"].isna().any():
        return f"Our networks with the {label} mask are not trained yet."
    difference, error = 100 * mine.loc[1]
    size = f"{abs(difference):.2f}" + (" (one seed)" if math.isnan(error) else f" ± {error:.2f}")
    most = mine["difference"].idxmax()
    unsure = not abs(difference) > 2 * error  # also of one seed
    side = ("*less*" if difference < 0 else "*more*") + (", though not surely," if unsure else "")
    return (
        f"Under the {label} mask our trained networks give token 1 {side} than uniform attention does, "
        f"by {size} percentage points on average; token {most} gains most."
    )


def _excess(report: pd.DataFrame) -> pd.DataFrame:
    """As :func:`excess`, and under ``missing`` what is not trained yet of each mask, as rules say it."""
    table = sinks_beside(report)
    seeds = table[table["quantity"] == "received"].set_index(["label", "token"])["seeds"].fillna(0).astype(int)
    usual = {name: value for name, value in USUAL.items() if name not in ("mask", "residual")}
    names = {
        label: setting_name(mask=mask, mask_parameter=parameter, residual=True, **usual)
        for label, (mask, parameter) in SINK_MASKS.items()
    }
    missing = [{names[label]: SEEDS - n} if n < SEEDS else {} for (label, _), n in seeds.items()]
    return excess(table).assign(missing=pd.Series(missing, seeds.index))


def _first(report: pd.DataFrame) -> pd.DataFrame:
    return complete(_excess(report).loc[[(label, 1) for label in BY_WIDTH]])


def _wider(report: pd.DataFrame) -> pd.DataFrame:
    excess = _excess(report)
    steps = []
    for narrow, wide in pairwise(excess.loc[(label, 1)] for label in BY_WIDTH):
        error = math.hypot(narrow["standard_error"], wide["standard_error"])
        step = {"difference": wide["difference"] - narrow["difference"], "standard_error": error}
        steps.append(step | {"missing": narrow["missing"] | wide["missing"]})
    return complete(pd.DataFrame(steps))


def _prefix(report: pd.DataFrame) -> pd.DataFrame:
    places = [(label, token) for label, length in PREFIXES.items() for token in range(1, length + 1)]
    return complete(_excess(report).loc[places])


def _rule(words: str, differences: Callable[[pd.DataFrame], pd.DataFrame]) -> Rule:
    return Rule(f"mean weight received less that under uniform attention: {words}", differences)


# The parts of claim g about networks of two layers with residual, each with the geometry of its mask taken away.
BEYOND_GEOMETRY = {
    "first": _rule("positive at token 1, under the causal mask and every window", _first),
    "wider": _rule("larger at token 1 the wider the window, from 5 to 9 to 13 to the causal mask", _wider),
    "prefix": _rule("positive at every token of every prefix", _prefix),
}
