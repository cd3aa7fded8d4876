"""Attention sinks while they form: every mask of Wu et al. 2025 in four kinds of network, from the first step on. Ours.

The paper prints sinks of "two-layer networks" and records neither whether these had residual connections, nor in which
convention of variance their tokens were drawn, nor how long they were trained. A point is one of the models of
:mod:`attention_atlas.experiments.retrieval`, step for step, whose sinks are measured on the way.
"""

import itertools

import pandas as pd

from attention_atlas.experiments import retrieval
from attention_atlas.experiments.retrieval import Config
from attention_atlas.profiles import check_profile
from attention_atlas.tasks.retrieval_settings import SINK_MASKS

NAME = "retrieval_sinks"
REVISION = retrieval.REVISION  # and more when this experiment changes: it trains that one's models
SEEDS = 2
TOLERANCE = 0.02  # two of the canary's maps: training in float32 differs between processors
CANARY = Config(residual=True, steps=60, batch=32, test_sequences=50)


def configurations(profile: str) -> dict[str, Config]:
    """Every mask with and without residual, in both conventions of variance; one seed of all before any second.

    Parameters
    ----------
    profile : {"smoke", "quick", "paper"}
        Training of 100, 2,000 or 50,000 steps, sinks of 100, 1,000 or 10,000 sequences.

    Returns
    -------
    dict
        Name of each point, such as ``window-5-residual-text-seed0``, to its configuration.

    Raises
    ------
    ValueError
        If the profile is unknown.

    Examples
    --------
    >>> list(configurations("paper"))[:2]
    ['causal-residual-code-seed0', 'causal-residual-text-seed0']
    """
    steps, tests = {"smoke": (100, 100), "quick": (2_000, 1_000), "paper": (50_000, 10_000)}[check_profile(profile)]
    kinds = itertools.product(range(SEEDS), SINK_MASKS.items(), (True, False), ("code", "text"))
    return {
        f"{label.replace(' ', '-')}-{'residual' if residual else 'plain'}-{scale}-seed{seed}": Config(
            mask=mask, mask_parameter=parameter, residual=residual, scale=scale, seed=seed,
            steps=steps, test_sequences=tests,
        )
        for seed, (label, (mask, parameter)), residual, scale in kinds
    }  # fmt: skip


def run(config: Config) -> pd.DataFrame:
    """Train one model and measure its sinks on the way, on the same sequences every time.

    Parameters
    ----------
    config : attention_atlas.experiments.retrieval.Config
        Which.

    Returns
    -------
    DataFrame
        Columns ``step``, ``quantity`` (``received``, ``sink_gu2025``, ``sink_wu2025``), ``key`` (a token, from 1) and
        ``value``, a share.

    Examples
    --------
    >>> table = run(CANARY)
    >>> table.loc[(table.step == 0) & (table.quantity == "sink_gu2025"), "value"].head(3).tolist()
    [1.0, 0.0, 0.0]
    """
    training = retrieval.prepared([config])
    rows = []
    for step in config.schedule.records():
        if step:
            training.advance(step - training.steps)
        for quantity, shares in training.sinks(config.test_sequences)[0].items():
            rows += [(step, quantity, key, round(share, 6)) for key, share in enumerate(shares.tolist(), 1)]
    return pd.DataFrame(rows, columns=["step", "quantity", "key", "value"])


def report(config: Config, table: pd.DataFrame) -> pd.DataFrame:
    """A result with what tells its network from others: ``label`` of the mask, ``residual``, ``scale``, ``seed``."""
    (label,) = (name for name, mask in SINK_MASKS.items() if mask == (config.mask, config.mask_parameter))
    about = {"label": label, "residual": config.residual, "scale": config.scale, "seed": config.seed}
    return table.rename(columns={"key": "token"}).assign(**about)
