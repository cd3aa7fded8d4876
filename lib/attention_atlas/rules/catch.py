"""Rules that settle claims of Zhang et al. 2025 by networks that learn to average, or do not."""

import pandas as pd

from attention_atlas.catch_criteria import LEARNED, SINK
from attention_atlas.rules.rule import Rule, complete

MODELS = 100  # of the main setting
WIDTHS, KEPT = (8, 16), 0.9  # of compressed networks; share of the attention that a truncation keeps


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


def _low_rank(report: pd.DataFrame) -> pd.DataFrame:
    kinds = {"whole": (report["method"] == "none"), "cut": (report["method"] == "weighted") & (report["rank"] == 1)}
    kinds["cut"] &= (report["product"] == "query_key_1") & (report["entries"] == 0)
    parts = []
    for width in WIDTHS:
        of_width = report["point"].str.startswith(f"width-{width}-")
        rows = {name: report[chosen & of_width].set_index("seed") for name, chosen in kinds.items()}
        learned = rows["cut"].index
        kept = rows["cut"]["attention"] - KEPT * rows["whole"]["attention"].reindex(learned)
        for values in (rows["cut"]["received"] - SINK, kept):
            parts.append((values.mean(), values.std(ddof=1) / max(len(values), 1) ** 0.5))
    return complete(pd.DataFrame(parts, columns=["difference", "standard_error"]))


RULES = {
    "zhang2025-low-rank": Rule(
        "networks of width 8 and 16 that learned to average keep the sink when W_Q W_K^T of layer 1 is truncated to "
        "rank one: the separator receives more than 0.2 of the attention, and tokens after it give it more than nine "
        "tenths of what they gave before (the creation of the sink only: not the task, which needs other ranks)",
        _low_rank,
    ),
    "zhang2025-success": Rule(
        "of 100 networks of our main setting some learn to average and some do not (loss below 1 % of the target's "
        "variance), and where it is learned the separator receives more than 0.2 of the attention in layer 1; the "
        "share itself is not compared, since the paper's sizes are not known to us",
        _in_part,
    ),
}
