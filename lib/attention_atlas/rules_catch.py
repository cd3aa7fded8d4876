"""Rules that settle claims of Zhang et al. 2025 by networks that learn to average, or do not."""

import pandas as pd

from attention_atlas.rule import Rule, complete

MODELS = 100  # of the main setting
LEARNED = 0.01  # share of the target's variance below which a loss counts as learned
SINK = 0.2  # mean attention above which a token is one, by the paper's convention


def _in_part(report: pd.DataFrame) -> pd.DataFrame:
    main = report[report["point"].str.fullmatch(r"main-\d+")]
    end = main[main["step"] == main["step"].max()].pivot(index="seed", columns="quantity", values="value")
    if len(end) < MODELS:
        return pd.DataFrame(columns=["difference", "standard_error"])
    learned = end["loss"] < LEARNED * end["target_variance"]
    share, received = learned.mean(), end.loc[learned, "received"]
    error = (share * (1 - share) / len(end)) ** 0.5
    rows = [(share, error), (1 - share, error)]
    if learned.any():
        rows.append((received.mean() - SINK, received.std(ddof=1) / len(received) ** 0.5 if len(received) > 1 else 0.0))
    return complete(pd.DataFrame(rows, columns=["difference", "standard_error"]))


RULES = {
    "zhang2025-success": Rule(
        "of 100 networks of our main setting some learn to average and some do not (loss below 1 % of the target's "
        "variance), and where it is learned the separator receives more than 0.2 of the attention in layer 1; the "
        "share itself is not compared, since the paper's sizes are not known to us",
        _in_part,
    ),
}
