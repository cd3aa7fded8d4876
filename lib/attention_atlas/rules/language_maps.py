"""The rule that settles by decoders trained on text what Kim et al. 2026 say of LayerNorm in Transformer decoders."""

import pandas as pd

from attention_atlas.rules.rule import Rule, complete, over_seeds

WITH, WITHOUT = "no-positions", "no-norm"
LEAST = 3  # decoders of each kind, and of seeds that both have


def recency_by_seed(report: pd.DataFrame, setting: str) -> pd.Series:
    """Recency probability of the scores of trained decoders on text, mean over heads and all layers but the first.

    Parameters
    ----------
    report : DataFrame
        Stored results of the experiment ``language_maps``; untrained decoders, shuffled text and single heads are
        left out.
    setting : str
        Of its settings.

    Returns
    -------
    Series
        By seed.

    Examples
    --------
    >>> rows = {"point": ["no-norm-seed0"] * 2, "text": "text", "layer": [0, 1], "head": -1, "quantity": "recency"}
    >>> recency_by_seed(pd.DataFrame(rows | {"value": [0.5, 0.7]}), "no-norm").to_dict()
    {0: 0.7}
    """
    seed = report["point"].str.extract(rf"^{setting}-seed(\d+)$")[0]
    wanted = seed.notna() & (report["text"] == "text") & (report["quantity"] == "recency")
    wanted &= (report["head"] == -1) & (report["layer"] > 0)
    return report.loc[wanted, "value"].astype(float).groupby(seed[wanted].astype(int)).mean()


def _decoders(report: pd.DataFrame) -> pd.DataFrame:
    with_norm, without = found = [recency_by_seed(report, setting) for setting in (WITH, WITHOUT)]
    missing = {name: LEAST - len(of) for name, of in zip((WITH, WITHOUT), found, strict=True) if len(of) < LEAST}
    parts = with_norm - 0.5, 0.5 - without, with_norm - without
    return complete(*(over_seeds(part, LEAST, missing) for part in parts))


RULES = {
    "kim2026-claim-decoders": Rule(
        "in decoders trained on text without positions, the recency probability of the scores, mean over heads and "
        "over layers 2 and on, is above 1/2 with LayerNorm, below 1/2 without a norm, and higher with LayerNorm than "
        "without, seed by seed, of three seeds at least (that the claim should hold in trained decoders of both kinds "
        "is our reading of it, and the rule was written down when these results had been seen)",
        _decoders,
    ),
}
