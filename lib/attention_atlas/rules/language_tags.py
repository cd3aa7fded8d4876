"""Rules that settle claims of Zhang et al. 2025 on language models by small decoders trained on text."""

import math

import pandas as pd

from attention_atlas.rules.rule import Rule, complete, over_seeds

SEEDS = 2  # at least, of every setting
LOW, HIGH = 0.2, 0.4  # the share of a head's output that one or two tags explain
STAY = 0.5  # share of the sinks that QK-norm must leave
SURE = 4  # standard errors, as for verdicts, by which there must be sinks without it
QK_NORM = "no-positions-qk-norm", "no-positions", "untrained"  # where there are sinks, see the rule
NONE = pd.DataFrame(columns=["difference", "standard_error"])


def by_seed(report: pd.DataFrame, setting: str, quantity: str) -> pd.Series:
    """Mean over layers and heads of a quantity, for every seed of a setting.

    Parameters
    ----------
    report : DataFrame
        Stored results of the experiment ``language_tags``.
    setting, quantity : str
        Of which; heads that have no such number are left out.

    Examples
    --------
    >>> rows = {"point": ["rope-seed0"] * 2 + ["rope-seed1"], "head": [0, 1, -1], "quantity": ["sinks"] * 3}
    >>> by_seed(pd.DataFrame(rows | {"value": [1.0, 3.0, 9.0]}), "rope", "sinks").to_dict()
    {0: 2.0}
    """
    rows = report[report["point"].str.fullmatch(rf"{setting}-seed\d+") & (report["quantity"] == quantity)]
    rows = rows[rows["head"] >= 0]
    return rows.groupby(rows["point"].str.rsplit("-seed", n=1).str[1].astype(int))["value"].mean()


def tagged_share(report: pd.DataFrame, setting: str, quantity: str) -> pd.Series:
    """Mean of a quantity over the sequences with a lasting sink, of all heads alike, for every seed of a setting.

    Parameters
    ----------
    report : DataFrame
        As in :func:`by_seed`.
    setting, quantity : str
        Of which; a quantity that there is only in sequences with a lasting sink, such as ``two_tags``.

    Examples
    --------
    >>> rows = {"point": ["rope-seed0"] * 4, "layer": [0] * 4, "head": [0, 0, 1, 1]}
    >>> rows |= {"quantity": ["two_tags", "with_lasting"] * 2, "value": [0.2, 0.75, 0.6, 0.25]}
    >>> tagged_share(pd.DataFrame(rows), "rope", "two_tags").round(6).to_dict()
    {0: 0.3}
    """
    rows = report[report["point"].str.fullmatch(rf"{setting}-seed\d+") & (report["head"] >= 0)]
    wide = rows[rows["quantity"].isin([quantity, "with_lasting"])]
    wide = wide.pivot(index=["point", "layer", "head"], columns="quantity", values="value")
    wide = wide.reindex(columns=[quantity, "with_lasting"]).dropna().reset_index()
    seed = wide["point"].str.rsplit("-seed", n=1).str[1].astype(int)
    total = (wide[quantity] * wide["with_lasting"]).groupby(seed).sum()
    return total / wide["with_lasting"].groupby(seed).sum()


def _variance(report: pd.DataFrame) -> pd.DataFrame:
    tags, others = (tagged_share(report, "rope", name) for name in ("two_tags", "two_others"))
    return complete(*(over_seeds(part, SEEDS) for part in (tags - LOW, HIGH - tags, tags - others)))


def _qk_norm(report: pd.DataFrame) -> pd.DataFrame:
    kept, usual, first = (by_seed(report, name, "lasting_sinks") for name in QK_NORM)
    there = usual - first
    if not there.mean() > SURE * there.std(ddof=1) / math.sqrt(max(there.count(), 1)):
        return NONE  # sinks that are not there cannot be removed
    return complete(*(over_seeds(part, SEEDS) for part in (kept - STAY * usual, kept - first)))


RULES = {
    "zhang2025-variance": Rule(
        "in our usual decoders (RoPE, Pre-LN), over the sequences and heads that have a lasting sink (mean attention "
        "above 0.2, seen by at least half of the queries), the value vectors of the two strongest explain on average "
        "more than 20 % and less than 40 % of what the head writes, and more than those of as many other tokens; the "
        "largest share, up to 70 %, is not compared",
        _variance,
    ),
    "zhang2025-qk-norm": Rule(
        "decoders with QK-norm have more than half as many lasting sinks a head and sequence (mean attention above "
        "0.2, seen by at least half of the queries) as those of the same seeds without it, and more than untrained "
        "ones; unless those without it have more than untrained ones by four standard errors, nothing is settled: "
        "sinks that are not there cannot be removed. Decoders without positions are compared: the first ones with "
        "RoPE had hardly any lasting sink (seen before this rule, but no decoder that is compared here with QK-norm)",
        _qk_norm,
    ),
}
