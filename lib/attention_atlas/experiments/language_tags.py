"""What sinks write in decoders trained on text: where they sit, what their tags explain, whom they mark, what it tells.

Goes on from the decoders of :mod:`attention_atlas.experiments.language`.
"""

import dataclasses
from dataclasses import dataclass

import pandas as pd
import torch

from attention_atlas.decoders.attention_record import AttentionRecord
from attention_atlas.decoders.measures import decoder_records
from attention_atlas.decoders.sink_places import classes_of
from attention_atlas.decoders.tags import SeenText, layer_tags
from attention_atlas.digits import rounded
from attention_atlas.experiments import language
from attention_atlas.shapes import Int, Tensor
from attention_atlas.tasks.language import consecutive_windows

NAME = "language_tags"
REVISION = language.REVISION  # and more when this experiment changes: it measures that one's weights
SETTINGS = (
    "rope", "no-positions", "no-norm", "qk-norm", "relu", "no-positions-qk-norm", "post-norm",
    "learned", "decay", "rope-no-norm",
)  # fmt: skip
UNTRAINED = {"untrained": "rope", "untrained-no-positions": "no-positions"}  # with the first weights of which setting
SEEDS = 3
SHOWN = 60  # tokens of a kind in a picture


@dataclass(frozen=True)
class Config(language.Config):
    """One decoder, and the text on which its sinks are looked at.

    Parameters
    ----------
    windows : int
        Of the validation text, at least 2, evenly spread over it; a probe is fitted on the first half of them.
    trained : bool
        Whether it has learned; else it has its first weights.
    points : int
        Tokens of a kind whose places are kept for a picture, of the head that has lasting sinks most often.

    Raises
    ------
    ValueError
        If a value is impossible.

    Notes
    -----
    All other parameters are those of :class:`attention_atlas.experiments.language.Config`.
    """

    windows: int = 192
    trained: bool = True
    points: int = 0

    def __post_init__(self):
        super().__post_init__()
        if self.windows < 2:
            raise ValueError(f"windows must be at least 2, got {self.windows}")
        if self.points < 0:
            raise ValueError(f"points must be at least 0, got {self.points}")


TOLERANCE = 1e-3  # the canary is not trained: rounding of float32
CANARY = Config(**dataclasses.asdict(language.CANARY) | {"windows": 8, "trained": False})


def configurations(profile: str) -> dict[str, Config]:
    """The decoders that are looked at, by name.

    Parameters
    ----------
    profile : {"smoke", "quick", "paper"}
        Which of the decoders, and how much text.

    Returns
    -------
    dict
        ``rope-seed0`` and so on as in :mod:`attention_atlas.experiments.language`; those of :data:`UNTRAINED` have
        their first weights.

    Raises
    ------
    ValueError
        If the profile is unknown.

    Examples
    --------
    >>> list(configurations("smoke"))[:3], len(configurations("smoke"))
    (['rope-seed0', 'no-positions-seed0', 'no-norm-seed0'], 37)
    """
    offered = language.configurations(profile)
    windows = {"smoke": 6, "quick": 48, "paper": 192}[profile]
    found = {}
    for seed in range(SEEDS):
        names = [*SETTINGS, *UNTRAINED] + ([] if seed else ["long"])
        for name in names:
            values = dataclasses.asdict(offered[f"{UNTRAINED.get(name, name)}-seed{seed}"])
            points = SHOWN if seed == 0 and name in ("rope", "no-positions") else 0
            trained = name not in UNTRAINED
            found[f"{name}-seed{seed}"] = Config(**values, windows=windows, trained=trained, points=points)
    return found


def run(config: Config) -> pd.DataFrame:
    """Look at the sinks of one decoder.

    Parameters
    ----------
    config : Config
        Which.

    Returns
    -------
    DataFrame
        That of :func:`attention_atlas.decoders.tags.layer_tags` for every ``layer``.

    Raises
    ------
    ValueError
        If the corpus here is not the one that the configuration names.

    Notes
    -----
    Zhang et al. 2025; what is ours: lasting sinks, all controls, and the label. With ReLU attention rows are divided by
    their sum before sinks are looked for.

    Examples
    --------
    >>> table = run(CANARY)
    >>> table[table["quantity"] == "sinks"][["layer", "head"]].values.tolist()
    [[0, 0], [0, 1]]
    """
    corpus = language.corpus_of(config)
    tokens = spread(corpus.validation, config.tokens, config.windows)
    kinds = None if corpus.kinds is None else spread(corpus.kinds, config.tokens, config.windows) == 1
    text = SeenText(tokens, classes_of(corpus.vocabulary)[tokens], corpus.vocabulary, kinds)
    weights, tables = language.weights(config, config.trained), []

    def visit(record: AttentionRecord) -> None:
        table = layer_tags(record, text, config.points, torch.Generator().manual_seed(record.layer))
        table.insert(0, "layer", record.layer)
        tables.append(table)

    decoder_records(config.decoder, weights, tokens, visit)
    table = _one_picture(pd.concat(tables, ignore_index=True))
    return table.assign(
        **{name: table[name].map(lambda value: rounded(value, 4)) for name in ("value", "standard_error")}
    )


def cost(config: Config) -> float:
    """Time that a decoder takes beside others, its training left out."""
    return config.windows * config.layers * config.heads


def spread(text: Int[Tensor, "token"], length: int, count: int) -> Int[Tensor, "window length"]:
    """Windows of a text that do not overlap, evenly spread over it; all of them if there are not so many.

    Parameters
    ----------
    text : (token,)
        A part of a corpus.
    length : int
        Tokens of a window: ``<s>`` and ``length - 1`` of the text.
    count : int
        How many windows.

    Examples
    --------
    >>> spread(torch.arange(1, 9), 3, 2)
    tensor([[0, 1, 2],
            [0, 5, 6]])
    """
    windows = consecutive_windows(text, length)
    count = min(count, len(windows))
    return windows[torch.arange(count) * len(windows) // count]


def _one_picture(table: pd.DataFrame) -> pd.DataFrame:
    """Without the places of single tokens, but for the head that has a lasting sink in most windows."""
    places = table["quantity"] == "place"
    if not places.any():
        return table
    heads = table.set_index(["layer", "head"])
    shown = heads.index[heads["quantity"] == "place"].unique()
    often = heads.loc[heads["quantity"] == "with_lasting", "value"].reindex(shown)
    layer, head = often.idxmax()
    return table[~places | ((table["layer"] == layer) & (table["head"] == head))].reset_index(drop=True)
