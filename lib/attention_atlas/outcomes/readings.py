"""The score maps of Kim et al. 2026, first version, as its figures show them, beside ours."""

import math

import pandas as pd

from attention_atlas import registry
from attention_atlas.experiments.recency import Config, score_map

FILE = "reference/kim2026_first_version_maps.csv"
LEVELS = 256  # colors between 0 and 1


def beside(config: Config, table: pd.DataFrame) -> pd.DataFrame:
    """Mean scores read off the official figure of a configuration, and ours at the same places.

    Parameters
    ----------
    config, table
        One of the points ``first-version-*`` or ``rope-*`` of the experiment, and what its run found.

    Returns
    -------
    DataFrame
        Columns ``layer``, ``query``, ``key`` (counted from 1), ``official``, ``ours`` and ``allowed``: half a level of
        the color map plus four standard errors of the difference of two means over as many sequences as ours. The
        figures cannot show a score below 0; where ours is, it is compared as 0. Empty if there is no such figure.

    Notes
    -----
    Kim et al. 2026, official code at 4aaf9e8, figures l2norm, l2norm_alpha and rope_*; 100,000 sequences. How they were
    read: ``data/reference/README.md``.

    Examples
    --------
    >>> beside(Config(16, 0.5), pd.DataFrame()).empty
    True
    """
    read = pd.read_csv(registry.DATA / FILE)
    same = (read["rope"] == config.rope) & (read["causal"] == config.causal) & (read["alpha"] == config.alpha)
    if (config.normalization, config.residual, config.d_model, config.tokens) != ("l2", "raw", 64, 50):
        same &= False
    found = read.loc[same, ["layer", "query", "key"]].assign(official=read.loc[same, "score"])
    places = list(zip(found["layer"], found["query"] - 1, found["key"] - 1, strict=True))
    layers = found["layer"].unique().tolist()
    scores = {layer: score_map(config, table, layer) for layer in layers}
    errors = {layer: score_map(config, table, layer, "standard_error") for layer in layers}
    found["ours"] = [max(scores[layer][query, key].item(), 0.0) for layer, query, key in places]
    noise = [math.sqrt(2) * errors[layer][query, key].item() for layer, query, key in places]
    found["allowed"] = [0.5 / LEVELS + 4 * error for error in noise]
    return found.reset_index(drop=True)
