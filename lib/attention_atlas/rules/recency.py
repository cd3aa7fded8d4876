"""Rules that settle the claims of Kim et al. 2026 by recency probabilities."""

import math
from itertools import pairwise

import pandas as pd

from attention_atlas.rules.rule import Rule, complete


def _probabilities(
    report: pd.DataFrame, setting: dict, layers: tuple[int, ...], widths: tuple[int, ...]
) -> pd.DataFrame:
    """Recency probabilities of one setting, layer by layer and width by width; missing ones are not a number."""
    wanted = report[(report[list(setting)] == pd.Series(setting)).all(axis=1)].set_index(["d", "layer"])
    index = pd.MultiIndex.from_product([widths, layers])
    return wanted[["recency_probability", "standard_error"]].reindex(index).reset_index(drop=True)


def _above(high: pd.DataFrame, low: pd.DataFrame | float) -> pd.DataFrame:
    """Recency probabilities less others, or less a number."""
    if not isinstance(low, pd.DataFrame):
        low = high.assign(recency_probability=low, standard_error=0.0)
    return pd.DataFrame(
        {
            "difference": high["recency_probability"] - low["recency_probability"],
            "standard_error": high["standard_error"].combine(low["standard_error"], math.hypot),
        }
    )


def _setting(alpha: float, layernorm: int = 1, residual: int = 0) -> dict:
    return {"alpha": alpha, "layernorm": layernorm, "residual": residual}


def _early(report: pd.DataFrame) -> pd.DataFrame:
    found = _above(_probabilities(report, _setting(0.0, layernorm=0), (3, 4), (16, 64)), 0.5)
    return complete(found.assign(difference=-found["difference"]))


def _recency(report: pd.DataFrame) -> pd.DataFrame:
    return complete(_above(_probabilities(report, _setting(0.5), (2, 3, 4), (16, 64)), 0.5))


def _weaker(report: pd.DataFrame) -> pd.DataFrame:
    without, with_residual = (
        _probabilities(report, _setting(0.5, residual=residual), (2, 3, 4), (16, 64)) for residual in (0, 1)
    )
    return complete(_above(without, with_residual), _above(with_residual, 0.5))


def _amplified(report: pd.DataFrame) -> pd.DataFrame:
    steps = []
    for residual in (0, 1):
        curve = [
            _probabilities(report, _setting(alpha, residual=residual), (2, 3, 4), (16,))
            for alpha in (0.0, 0.2, 0.4, 0.6, 0.8)
        ]
        steps += [_above(high, low) for low, high in pairwise(curve)]
    return complete(*steps)


RULES = {
    "kim2026-claim-early": Rule(
        "without LayerNorm (alpha 0, no residual) the recency probability is below 1/2 in layers 3 and 4 at d = 16 and "
        "64 (layers 1 and 2 have no preference, by symmetry and by proof)",
        _early,
    ),
    "kim2026-claim-layernorm": Rule(
        "with LayerNorm (alpha 0.5, no residual) it is above 1/2 in layers 2, 3 and 4 at d = 16 and 64 (at alpha 0 and "
        "d = 64, or at d = 1024, it is not visible)",
        _recency,
    ),
    "kim2026-claim-residual": Rule(
        "a residual lowers it and leaves it above 1/2, in layers 2, 3 and 4 at d = 16 and 64, alpha 0.5", _weaker
    ),
    "kim2026-claim-anisotropy": Rule(
        "it rises with every step of alpha from 0 to 0.8, in layers 2, 3 and 4 at d = 16, with and without residual",
        _amplified,
    ),
}
