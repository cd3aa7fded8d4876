"""What is left of trained decoders, of what they predict and of their sinks, if their matrices are made smaller. Ours.

Decoders of :mod:`attention_atlas.experiments.language` are compressed without further training.
"""

import dataclasses
import math
from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd
import torch

from attention_atlas.decoders.compression import Weights, compressed, inputs_of
from attention_atlas.decoders.keys import key_inputs, with_keys_of_rank, without_second
from attention_atlas.decoders.measures import text_loss, whole_measures
from attention_atlas.decoders.sinks_left import Maps, all_left, maps_of
from attention_atlas.digits import rounded
from attention_atlas.experiments import language
from attention_atlas.models.decoder import Decoder
from attention_atlas.profiles import check_profile
from attention_atlas.shapes import Int, Tensor
from attention_atlas.tasks.language import consecutive_windows, windows

NAME = "language_compression"
REVISION = language.REVISION  # and more when this experiment changes: it measures that one's weights
SETTINGS = ("rope", "no-positions")
SEEDS = 3
KINDS = {"entries": 0.0, "sum": 0.25, "low_rank": 1.0}  # share of the numbers that is for the low-rank part
METHODS = ("plain", "weighted")
CALIBRATION_SEED = 2**31  # of the windows from which weighted methods know their inputs
FEW = {"budgets": (0.25, 0.5), "ranks": (0, 1, 4), "removed": (1,)}
WHOLE = ("received_first", "sinks", "explained", "outlier_ratio")  # what is kept of the decoder's other measures


@dataclass(frozen=True)
class Config(language.Config):
    """One trained decoder, and on what it is compressed and measured.

    Parameters
    ----------
    calibration : int
        Windows of the training text from which weighted methods know their inputs, at least 1.
    compared : int
        Windows of the validation text, the first ones, on which the loss is taken, at least 1.
    mapped : int
        The first of them, on which attention is compared, at least 1.
    budgets : tuple of float
        Numbers stored of all linear maps, as shares in [0, 1].
    ranks, removed : tuple of int
        Of keys that are kept, and of those that are taken away; what a head is too narrow for is left out.
    **rest
        As of :class:`attention_atlas.experiments.language.Config`.

    Raises
    ------
    ValueError
        If a value is impossible, or the decoder has a norm of queries and keys.
    """

    calibration: int = 64
    compared: int = 100
    mapped: int = 16
    budgets: tuple[float, ...] = tuple(eighth / 8 for eighth in range(1, 8))
    ranks: tuple[int, ...] = (0, 1, 2, 4, 8, 16)
    removed: tuple[int, ...] = (1, 2, 4)

    def __post_init__(self):
        super().__post_init__()
        for name in ("calibration", "compared", "mapped"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")
        if not all(0 <= share <= 1 for share in self.budgets):
            raise ValueError(f"budgets must lie in [0, 1], got {self.budgets}")
        if min((*self.ranks, *self.removed), default=0) < 0:
            raise ValueError(f"ranks must be at least 0, got {self.ranks} and {self.removed}")
        if self.qk_norm:
            raise ValueError("keys are truncated where scores are products of matrices, got qk_norm=True")


TOLERANCE = 0.05  # training in float32 differs between processors, and a sink is there or not


def configurations(profile: str) -> dict[str, Config]:
    """The decoders, by name.

    Parameters
    ----------
    profile : {"smoke", "quick", "paper"}
        Size of the decoders' training.

    Returns
    -------
    dict
        Name of each point, that of the trained decoder, to its configuration; every setting once before any twice.

    Raises
    ------
    ValueError
        If the profile is unknown.

    Examples
    --------
    >>> list(configurations("paper"))[:3]
    ['rope-seed0', 'no-positions-seed0', 'rope-seed1']
    """
    sizes = {
        "smoke": FEW | {"calibration": 2, "compared": 4, "mapped": 2},
        "quick": {"calibration": 16, "compared": 20, "mapped": 4},
        "paper": {},
    }[check_profile(profile)]
    trained = language.configurations(profile)
    points = [f"{setting}-seed{seed}" for seed in range(SEEDS) for setting in SETTINGS]
    return {point: Config(**dataclasses.asdict(trained[point]), **sizes) for point in points}


def run(config: Config) -> pd.DataFrame:
    """Compress one trained decoder in every way; it is trained now if its weights are not here.

    Parameters
    ----------
    config : Config
        Which.

    Returns
    -------
    DataFrame
        One row per ``part``, ``method``, ``kind``, ``size`` and ``layer``.

        - ``part``: ``none`` (the decoder as it is), ``all`` (every linear map of every block) or ``keys`` (of every
          head, see :func:`attention_atlas.decoders.keys.with_keys_of_rank`).
        - ``method``: ``plain``, or ``weighted`` by what the matrices meet on the calibration windows.
        - ``kind``: of all maps ``entries``, ``low_rank`` or ``sum``, with a quarter of the numbers for the low-rank
          part; of keys ``kept`` or ``removed``, or the control ``second``, where
          the first direction is kept and the second taken away.
        - ``size``: numbers stored at most, as a share; of keys the rank. ``stored``: the share that is stored, as
          ranks and entries are whole numbers; of keys NaN.
        - ``loss``: on the text, in nats per token, the same in every layer; ``received_first``, ``sinks``,
          ``explained`` and ``outlier_ratio`` of :func:`attention_atlas.decoders.layer_measures.layer_measures`, means
          over heads; and those of :func:`attention_atlas.decoders.sinks_left.left`.

    Raises
    ------
    ValueError
        If the corpus here is not the one that the configuration names.

    Examples
    --------
    >>> table = run(CANARY)
    >>> table[["part", "method", "kind"]].drop_duplicates().shape
    (13, 3)
    """
    text = language.corpus_of(config.training)
    weights = language.weights(config)
    tests = consecutive_windows(text.validation, config.tokens + 1, config.compared)
    source = torch.Generator().manual_seed(CALIBRATION_SEED)
    calibration = windows(text.train, config.tokens, config.calibration, source)
    before = maps_of(config.decoder, weights, tests[: config.mapped, :-1])
    tables = [
        measure(config.decoder, changed, tests, before).assign(**names)
        for names, changed in variants(config, weights, calibration)
    ]
    table = pd.concat(tables, ignore_index=True)
    names = ["part", "method", "kind", "size", "stored", "layer"]
    numbers = [name for name in table.columns if name not in names]
    table[numbers] = table[numbers].map(lambda value: rounded(value, 4))
    return table[names + numbers]


def variants(
    config: Config, weights: Weights, calibration: Int[Tensor, "window token"]
) -> Iterator[tuple[dict[str, str | float], Weights]]:
    """One decoder, and what is made of it.

    Parameters
    ----------
    config : Config
        The model's shape, the budgets and the ranks.
    weights : dict of str to (1, ...)
        Of one model.
    calibration : (window, token)
        From which weighted methods know their inputs.

    Yields
    ------
    (dict, dict of str to (1, ...))
        ``part``, ``method``, ``kind``, ``size`` and ``stored`` of :func:`run`, and the weights.

    Examples
    --------
    >>> from attention_atlas.models.decoder import initial
    >>> config = Config(vocabulary=8, layers=1, heads=2, d_model=16, budgets=(0.5,), ranks=(1,), removed=())
    >>> weights = initial(config.decoder, [torch.Generator().manual_seed(0)])
    >>> [names["kind"] for names, _ in variants(config, weights, torch.arange(6).reshape(2, 3))]
    ['none', 'entries', 'sum', 'low_rank', 'entries', 'sum', 'low_rank', 'kept', 'second', 'kept', 'second']
    """
    decoder = config.decoder
    yield _name("none", "none", "none", 1.0, 1.0), weights
    met = dict(zip(METHODS, (None, inputs_of(decoder, weights, calibration)), strict=True))
    for method, inputs in met.items():
        for kind, low in KINDS.items():
            for size in config.budgets:
                smaller, stored = compressed(weights, size, low, inputs)
                yield _name("all", method, kind, size, stored), smaller
    for method, text in zip(METHODS, (None, calibration), strict=True):
        inputs = key_inputs(decoder, weights, text)
        for kind, ranks in (("kept", config.ranks), ("removed", config.removed)):
            for rank in (rank for rank in ranks if rank <= decoder.d_head):
                changed = with_keys_of_rank(weights, rank, inputs, removed=kind == "removed")
                yield _name("keys", method, kind, rank, math.nan), changed
        yield _name("keys", method, "second", 1, math.nan), without_second(weights, inputs)


def measure(decoder: Decoder, weights: Weights, tests: Int[Tensor, "window next"], before: list[Maps]) -> pd.DataFrame:
    """What one decoder predicts, and where it looks.

    Parameters
    ----------
    decoder : Decoder
        The model's shape.
    weights : dict of str to (1, ...)
        Of one model.
    tests : (window, token + 1)
        Windows, each with the token after it.
    before : list of Maps
        Attention of the decoder as it was, on the first windows.

    Returns
    -------
    DataFrame
        One row per ``layer``; the numbers of :func:`run`.

    Examples
    --------
    >>> from attention_atlas.models.decoder import initial
    >>> decoder, tests = Decoder(8, layers=2), torch.arange(6).reshape(2, 3)
    >>> weights = initial(decoder, [torch.Generator().manual_seed(0)])
    >>> measure(decoder, weights, tests, maps_of(decoder, weights, tests[:1, :-1]))["overlap"].tolist()
    [1.0, 1.0]
    """
    read = tests[: len(before[0].weights), :-1]
    compared = all_left(maps_of(decoder, weights, read), before)
    found = whole_measures(decoder, weights, read)
    means = found[found["quantity"].isin(WHOLE)].pivot_table("value", "layer", "quantity", "mean")
    return compared.join(means[list(WHOLE)], on="layer").assign(loss=text_loss(decoder, weights, tests))


def _name(part: str, method: str, kind: str, size: float, stored: float) -> dict[str, str | float]:
    return {"part": part, "method": method, "kind": kind, "size": float(size), "stored": round(stored, 4)}


CANARY = Config(**dataclasses.asdict(language.CANARY), **FEW, calibration=4, compared=8, mapped=4)
