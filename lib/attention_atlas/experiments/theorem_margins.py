"""How far every statement is from failing on random draws, and how its negative control fails.

It reads the registry of statements, so unlike other experiments it needs PyYAML; it is a float64 job of seconds.
"""

from dataclasses import dataclass

import pandas as pd
import torch

from attention_atlas import theorems

NAME = "theorem_margins"
REVISION = 1
DRAWS = {"smoke": 8, "quick": 50, "paper": 1000}


@dataclass(frozen=True)
class Config:
    """One statement's check or its negative control.

    Parameters
    ----------
    statement
        Id of a statement in ``data/theorems.yml``.
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
        theorems.named(self.statement)
        if self.draws < 1:
            raise ValueError(f"draws must be at least 1, got {self.draws}")


def configurations(profile: str) -> dict[str, Config]:
    """Every statement with its check and its control, at the number of draws of a profile."""
    if profile not in DRAWS:
        raise ValueError(f"unknown profile {profile!r}; allowed: {', '.join(DRAWS)}")
    return {
        f"{theorem.id}-{'control' if control else 'check'}": Config(theorem.id, control, DRAWS[profile])
        for theorem in theorems.load()
        for control in (False, True)
    }


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
        conclusion fails, to six digits. What the draws varied is left to the check itself: a thousand rows are stored.

    Examples
    --------
    >>> bool((run(CANARY)["margin"] > 0).all())
    True
    """
    theorem = theorems.named(config.statement)
    function = theorems.resolve(theorem.control if config.control else theorem.check)
    margins = function(config.draws, torch.Generator().manual_seed(config.seed))
    short = [float(f"{margin:.6g}") for margin in margins["margin"]]
    return margins[["draw", "side"]].assign(statement=theorem.id, control=config.control, margin=short)


CANARY = Config("wu2025-thm-4.1", control=False, draws=3)
