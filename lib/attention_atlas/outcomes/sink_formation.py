"""How far sinks lie from the paper's while they form, by kind of network: which networks may its figures be of?"""

import pandas as pd

from attention_atlas.outcomes.sink_baselines import CONVENTIONS
from attention_atlas.outcomes.sink_comparison import BY_WIDTH, PREFIXES, printed_sinks
from attention_atlas.tasks.retrieval_settings import SINK_MASKS

ALL = "all masks"
GROUPS = {"causal": BY_WIDTH[-1:], "windows": BY_WIDTH[:-1], "prefixes": tuple(PREFIXES), ALL: tuple(SINK_MASKS)}
STATE = ["residual", "scale", "quantity", "step"]  # what the paper does not record, and one choice of it


def distances_over_training(report: pd.DataFrame) -> pd.DataFrame:
    """Root mean square distance of sinks from the paper's over training.

    Parameters
    ----------
    report : DataFrame
        Of the experiment ``retrieval_sinks``, as :func:`attention_atlas.results.report` has it; may be empty. Only its
        ``paper`` profile is read.

    Returns
    -------
    DataFrame
        Columns ``residual``, ``scale``, ``quantity`` (a convention), ``step``, ``label`` (a key of
        :data:`attention_atlas.tasks.retrieval_settings.SINK_MASKS` or of :data:`GROUPS`), ``distance`` of the mean over
        seeds, a share, and ``seeds``, how many every mask has at least. A group is there if all of its masks are known.

    Examples
    --------
    >>> distances_over_training(pd.DataFrame()).empty
    True
    """
    if report.empty or not (report["profile"] == "paper").any():
        return pd.DataFrame(columns=[*STATE, "label", "distance", "seeds"])
    ours = report[(report["profile"] == "paper") & report["quantity"].isin(CONVENTIONS)]
    ours = ours.groupby([*STATE, "label", "token"])["value"].agg(["mean", "count"]).reset_index()
    ours = ours.merge(printed_sinks(), on=["label", "token"])
    ours["square"] = (ours["mean"] - ours["paper"]) ** 2
    single = ours.groupby([*STATE, "label"]).agg(square=("square", "mean"), seeds=("count", "min")).reset_index()
    parts = [single, *(_together(single, group) for group in GROUPS if group not in SINK_MASKS)]
    found = pd.concat(parts, ignore_index=True)
    return found.assign(distance=found["square"] ** 0.5)[[*STATE, "label", "distance", "seeds"]]


def _together(single: pd.DataFrame, group: str) -> pd.DataFrame:
    """Masks as one, each with the same number of tokens."""
    rows = single[single["label"].isin(GROUPS[group])].groupby(STATE)
    joined = rows.agg(square=("square", "mean"), seeds=("seeds", "min"), masks=("label", "count")).reset_index()
    return joined[joined["masks"] == len(GROUPS[group])].drop(columns="masks").assign(label=group)


def nearest(found: pd.DataFrame, label: str = ALL) -> pd.Series | None:
    """The state of trained networks whose sinks lie nearest to the paper's; None if none is known.

    Parameters
    ----------
    found : DataFrame
        As :func:`distances_over_training` gives it.
    label : str
        Mask or group that is looked at.

    Examples
    --------
    >>> rows = [[True, "code", "sink_gu2025", step, ALL, step / 1e4, 2] for step in (0, 100, 1_000)]
    >>> found = pd.DataFrame(rows, columns=[*STATE, "label", "distance", "seeds"])
    >>> int(nearest(found)["step"]), nearest(found, "window 5")
    (100, None)
    """
    rows = found[(found["label"] == label) & (found["step"] > 0)]
    return None if rows.empty else rows.loc[rows["distance"].idxmin()]


def at_state(found: pd.DataFrame, state: pd.Series, label: str) -> float:
    """Distance of one mask or group in a given state.

    Examples
    --------
    >>> row = [True, "code", "sink_gu2025", 100, ALL, 0.2, 2]
    >>> found = pd.DataFrame([row], columns=[*STATE, "label", "distance", "seeds"])
    >>> at_state(found, found.iloc[0], ALL)
    0.2
    """
    rows = found[(found[STATE] == state[STATE]).all(axis=1) & (found["label"] == label)]
    return float(rows["distance"].iloc[0])
