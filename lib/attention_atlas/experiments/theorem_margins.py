"""How far every statement is from failing on random draws, and how its negative control fails.

The statements are those of ``data/theorems.yml``; their checks are named here once more so that, like every experiment,
this one runs without PyYAML. A test keeps the two in step.
"""

from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd
import torch

from attention_atlas.checks import catch_tag_release, localization, position_bias, recency, retrieval, trigger
from attention_atlas.profiles import check_profile

NAME = "theorem_margins"
REVISION = 1
DRAWS = {"smoke": 8, "quick": 50, "paper": 150}
MODULES = {
    "position_bias": position_bias,
    "recency": recency,
    "retrieval": retrieval,
    "localization": localization,
    "catch_tag_release": catch_tag_release,
    "trigger": trigger,
}
CHECKS = {  # module:check; the control of a check has its name and "_control"
    "wu2025-thm-4.1": "position_bias:causal_collapse",
    "wu2025-thm-4.2": "position_bias:window_collapse",
    "wu2025-thm-4.3": "position_bias:prefix_collapse",
    "wu2025-lem-4.4": "position_bias:decay_bounds",
    "wu2025-thm-4.5": "position_bias:decay_rollout",
    "wu2025-lem-4.6": "position_bias:rope_bounds",
    "wu2025-thm-4.7": "position_bias:rope_rollout",
    "wu2025-lem-I.1": "position_bias:rope_bounds_general",
    "wu2025-thm-I.2": "position_bias:rope_rollout_general",
    "atlas-cesaro": "position_bias:atlas_cesaro",
    "atlas-sharp-collapse": "position_bias:atlas_sharp_collapse",
    "atlas-prefix-floor": "position_bias:prefix_collapse",
    "atlas-walk-row": "position_bias:atlas_walk_row",
    "atlas-walk-peak": "position_bias:atlas_walk_peak",
    "atlas-rope-rollout": "position_bias:rope_rollout",
    "atlas-center-limit": "position_bias:atlas_center_limit",
    "atlas-set-without-places": "retrieval:set_without_places",
    "kim2026-h": "recency:falling_norm",
    "atlas-recency-norm": "recency:falling_norm",
    "atlas-recency-flat": "recency:flat_products",
    "atlas-recency-layer2": "recency:layer_two_recency",
    "atlas-effective-residual": "recency:residual_strength",
    "atlas-gram-reduction": "recency:gram_reduction",
    "atlas-bartlett": "recency:bartlett_law",
    "atlas-early-bias": "recency:early_bias",
    "atlas-early-limit": "recency:early_limit_sign",
    "atlas-bounded-weights": "recency:bounded_weights",
    "atlas-deep-recency": "recency:deep_recency",
    "atlas-recency-rates": "recency:rates",
    "atlas-propagation-moments": "localization:propagation_moments",
    "atlas-propagation-law": "localization:exact_law",
    "atlas-propagation-gaussian": "localization:gaussian_error",
    "atlas-propagation-limit": "localization:propagation_limit",
    "atlas-localized": "localization:localized",
    "atlas-independent-flat": "localization:iid_flat",
    "atlas-spectrum-scale": "localization:spectrum_scale",
    "atlas-entropy-floor": "localization:entropy_floor",
    "atlas-concentration-split": "localization:concentration_split",
    "atlas-locater-traces": "localization:locater_traces",
    "atlas-ctr-bound": "catch_tag_release:error_bound",
    "atlas-ctr-error": "catch_tag_release:worst_numbers",
    "atlas-ctr-outlier": "catch_tag_release:outlier_variant",
    "atlas-ctr-one-layer": "catch_tag_release:one_layer_witness",
    "atlas-ctr-one-layer-best": "catch_tag_release:last_and_multiset",
    "atlas-trigger-softmax": "trigger:softmax_bound",
    "atlas-trigger-relu": "trigger:relu_exact",
    "atlas-trigger-sink": "trigger:sink_necessary",
    "atlas-trigger-flat": "trigger:flat_scores",
}


@dataclass(frozen=True)
class Config:
    """One statement's check or its negative control.

    Parameters
    ----------
    statement
        Id of a statement, one of :data:`CHECKS`.
    control
        Whether the negative control runs in place of the check.
    draws
        Number of random draws, at least 1.
    seed
        Seed of the draws.
    """

    statement: str
    control: bool
    draws: int
    seed: int = 0

    def __post_init__(self):
        if self.statement not in CHECKS:
            raise ValueError(f"unknown statement {self.statement!r}; allowed: {', '.join(CHECKS)}")
        if self.draws < 1:
            raise ValueError(f"draws must be at least 1, got {self.draws}")


def configurations(profile: str) -> dict[str, Config]:
    """Every statement with its check and its control, at the number of draws of a profile."""
    draws = DRAWS[check_profile(profile)]
    return {
        f"{statement}-{'control' if control else 'check'}": Config(statement, control, draws)
        for statement in CHECKS
        for control in (False, True)
    }


def function(config: Config) -> Callable[[int, torch.Generator], pd.DataFrame]:
    """The check of a configuration's statement, or its negative control.

    Examples
    --------
    >>> function(Config("wu2025-thm-4.7", control=True, draws=1)).__name__
    'rope_rollout_control'
    """
    module, name = CHECKS[config.statement].split(":")
    return getattr(MODULES[module], name + ("_control" if config.control else ""))


def run(config: Config) -> pd.DataFrame:
    """Margins of one statement.

    Parameters
    ----------
    config
        Which statement, check or control, how many draws.

    Returns
    -------
    DataFrame
        One row per draw and side: ``statement``, ``control``, ``draw``, ``side`` and ``margin``, negative where the
        conclusion fails, to six digits. What the draws varied is left to the check itself, to keep the store small.

    Examples
    --------
    >>> bool((run(CANARY)["margin"] > 0).all())
    True
    """
    margins = function(config)(config.draws, torch.Generator().manual_seed(config.seed))
    short = [float(f"{margin:.6g}") for margin in margins["margin"]]
    return margins[["draw", "side"]].assign(statement=config.statement, control=config.control, margin=short)


CANARY = Config("wu2025-thm-4.1", control=False, draws=3)
