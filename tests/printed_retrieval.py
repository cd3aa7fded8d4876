"""Models of the retrieval experiment that show given gaps and sinks, for tests that need results without training."""

from collections.abc import Iterator

import pandas as pd

from attention_atlas.experiments import retrieval
from attention_atlas.experiments.retrieval import Config
from attention_atlas.outcomes.retrieval_names import USUAL

KEY = ["train_bias", "mask", "position_encoding", "depth", "residual"]
OFFSETS = (-2, -1, 0, 1, 2)


def models(
    gaps: pd.DataFrame | None = None,
    sinks: pd.DataFrame | None = None,
    seeds: int = 5,
    profile: str = "paper",
    spread: float = 1e-4,
    vocabulary: str = "gaussian_mixture",
) -> Iterator[tuple[str, Config, pd.DataFrame]]:
    """Point, configuration and table of every model that has one of the gaps or sinks.

    The seeds of a setting lie `spread` apart, their mean is what is given: columns as in the reference files, with
    ``value`` for gaps and ``sink_percent`` for sinks.
    """
    for point, config in retrieval.configurations(profile).items():
        usual = all(getattr(config, name) == value for name, value in USUAL.items())
        if not usual or config.seed >= seeds or config.vocabulary != vocabulary:
            continue
        offset = spread * OFFSETS[config.seed] if seeds > 1 else 0.0
        rows = []
        if gaps is not None and config.mask_parameter is None:
            mine = gaps[(gaps[KEY] == pd.Series({name: getattr(config, name) for name in KEY})).all(axis=1)]
            for row in mine.drop_duplicates("gap").itertuples():
                rows.append((row.gap, -1, row.value + offset))
        if sinks is not None and _has_sinks(config):
            same = sinks["mask_parameter"].isna() if config.mask_parameter is None else (
                sinks["mask_parameter"] == config.mask_parameter
            )  # fmt: skip
            for row in sinks[(sinks["mask"] == config.mask) & same].itertuples():
                rows.append(("sink_gu2025", row.token, row.sink_percent / 100 + offset))
        if rows:
            shown = [(config.steps, quantity, -1, -1, token, value) for quantity, token, value in rows]
            yield point, config, pd.DataFrame(shown, columns=["step", "quantity", "layer", "query", "key", "value"])


def report(*parts: Iterator[tuple[str, Config, pd.DataFrame]]) -> pd.DataFrame:
    """What :func:`attention_atlas.results.report` would say of such models, all of them at the profile paper."""
    tables = [retrieval.report(config, table) for part in parts for _, config, table in part]
    return pd.concat(tables, ignore_index=True).assign(profile="paper")


def _has_sinks(config: Config) -> bool:
    shape = config.train_bias, config.position_encoding, config.depth, config.residual
    return shape == ("unbiased", "none", 2, True)
