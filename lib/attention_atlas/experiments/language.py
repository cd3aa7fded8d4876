"""Small decoders trained on text: how well they predict, and where they look, on the way and at the end."""

import functools
import math
import sys
from collections.abc import Iterable
from dataclasses import dataclass, fields

import pandas as pd

from attention_atlas.decoders.measures import text_loss, whole_measures
from attention_atlas.decoders.settings import MAIN, SEEDS, SETTINGS, SIZES
from attention_atlas.decoders.trained import Weights, keep, weights_of
from attention_atlas.digits import rounded
from attention_atlas.models.decoder import Decoder, one
from attention_atlas.profiles import check_profile
from attention_atlas.store import key
from attention_atlas.tasks import language
from attention_atlas.training.language import Training, first_weights
from attention_atlas.training.locater import Locater

NAME = "language"
REVISION = 1

ON_THE_WAY = (
    "entropy", "normalised_entropy", "received_first", "sinks", "recency", "rank_residual", "eta", "xi", "frobenius",
)  # fmt: skip


@dataclass(frozen=True)
class Config:
    """One decoder, what it learns from and how.

    Parameters
    ----------
    corpus : str
        Of :data:`attention_atlas.tasks.corpora.NAMES`.
    vocabulary : int
        Different tokens, as of :func:`attention_atlas.tasks.language.corpus`.
    characters : int, optional
        Only so many of the training text are read.
    digest : str
        Of the encoded corpus; training refuses another one.
    layers, heads, d_model, norm, place, positions, attention, qk_norm
        As of :class:`attention_atlas.models.decoder.Decoder`.
    tokens : int
        Length of a window.
    steps, batch, learning_rate
        As of :class:`attention_atlas.training.language.Training`.
    seed : int
        Of the first weights and of the windows.
    scale_weight, mean_weight : float
        Of LocAteR's penalty; both 0 is no penalty.
    eta : float, optional
        Trace that the penalty keeps, over sqrt(d_head), for every head; by default each head's own at the start.
    scale : {"frobenius", "trace_square"}
        As of :class:`attention_atlas.training.locater.Locater`.
    test_windows : int
        Windows of the validation text on which the loss is taken.
    measured : int
        The first of them, on which attention is measured.
    records : int
        How many times it is measured on its way, the end included.

    Raises
    ------
    ValueError
        If a value is impossible.
    """

    corpus: str = "standard-library"
    vocabulary: int = 1024
    characters: int | None = None
    digest: str = ""
    layers: int = 4
    heads: int = 4
    d_model: int = 96
    norm: str = "layer"
    place: str = "pre"
    positions: str = "rope"
    attention: str = "softmax"
    qk_norm: bool = False
    tokens: int = 128
    steps: int = 1600
    batch: int = 16
    learning_rate: float = 4e-3
    seed: int = 0
    scale_weight: float = 0.0
    mean_weight: float = 0.0
    eta: float | None = None
    scale: str = "frobenius"
    test_windows: int = 400
    measured: int = 48
    records: int = 8

    def __post_init__(self):
        for name in ("steps", "batch", "test_windows", "measured", "records"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")
        self.decoder, self.locater  # refuse impossible values  # noqa: B018

    @property
    def training(self) -> "Config":
        """How the decoder is trained, without what an experiment that goes on from it adds."""
        return Config(**{field.name: getattr(self, field.name) for field in fields(Config)})

    @property
    def decoder(self) -> Decoder:
        """The model's shape."""
        names = ("vocabulary", "tokens", "layers", "heads", "d_model", "norm", "place", "positions", "attention")
        return Decoder(**{name: getattr(self, name) for name in names}, qk_norm=self.qk_norm)

    @property
    def locater(self) -> Locater | None:
        """Its penalty, None without one."""
        if not (self.scale_weight or self.mean_weight):
            return None
        target = None if self.eta is None else self.eta * math.sqrt(self.decoder.d_head)
        return Locater(self.scale_weight, self.mean_weight, target, self.scale)

    @property
    def recorded(self) -> list[int]:
        """Steps after which the model is measured, evenly on a logarithmic scale, the last one among them."""
        first = min(25, self.steps)
        ratio = (self.steps / first) ** (1 / max(self.records - 1, 1))
        return sorted({round(first * ratio**k) for k in range(self.records)} | {self.steps})


TOLERANCE = 0.02  # training in float32 differs between processors; of a canary of few steps the numbers stay near


def configurations(profile: str) -> dict[str, Config]:
    """Every decoder, by name, what the book needs most first: every setting once before any twice.

    Parameters
    ----------
    profile : {"smoke", "quick", "paper"}
        How long they train, and on how much text.

    Returns
    -------
    dict
        Name of each point, such as ``rope-seed0``, to its configuration.

    Raises
    ------
    ValueError
        If the profile is unknown, or no corpus can be had.

    Examples
    --------
    >>> list(configurations("smoke"))[:2]
    ['one-layer-none-seed0', 'one-layer-weak-seed0']
    """
    size, found = SIZES[check_profile(profile)], {}
    order = [(name, seed) for seed in range(SEEDS[0]) for name in MAIN]
    order += [(name, seed) for seed in range(SEEDS[1]) for name in SETTINGS]
    order += [(name, seed) for seed in range(SEEDS[0], SEEDS[1]) for name in MAIN]
    for name, seed in order:
        values = SETTINGS[name] | size | {"seed": seed}
        text = values.get("corpus", Config.corpus), values.get("vocabulary", Config.vocabulary)
        found[f"{name}-seed{seed}"] = Config(**values, digest=_digest(*text, values.get("characters")))
    return found


def run(config: Config) -> pd.DataFrame:
    """Train a decoder and measure it.

    Parameters
    ----------
    config : Config
        Which.

    Returns
    -------
    DataFrame
        One row per ``step``, ``layer``, ``head`` and ``quantity``, with its ``value``; -1 stands for all layers or
        all heads. Quantities are ``loss`` on the test windows and ``training_loss`` since the last record, in nats per
        token, and those of :func:`attention_atlas.decoders.measures.whole_measures`: on the way means over heads of
        :data:`ON_THE_WAY`, at the end all of every head.

    Raises
    ------
    ValueError
        If the corpus here is not the one that the configuration names.

    Examples
    --------
    >>> table = run(CANARY)
    >>> table[table["quantity"] == "loss"]["step"].tolist()
    [20]
    """
    return run_together([config])[0]


def run_together(configs: list[Config], device: str = "cpu") -> list[pd.DataFrame]:
    """Train and measure several decoders at once.

    Parameters
    ----------
    configs : list of Config
        Equal in :func:`alike`.
    device : str
        Such as ``cpu`` or ``cuda``.

    Returns
    -------
    list of DataFrame
        For each, what :func:`run` returns.

    Raises
    ------
    ValueError
        If they are not alike, or the corpus here is not the one that they name.
    """
    first = configs[0]
    if any(alike(config) != alike(first) for config in configs):
        raise ValueError(f"models trained at once must be alike, got {len(set(map(alike, configs)))} kinds")
    text = corpus_of(first)
    seeds, locaters = [config.seed for config in configs], [config.locater for config in configs]
    settings = first.steps, first.learning_rate, first.batch, locaters, device
    training = Training(first.decoder, text.train, seeds, *settings)
    tests = language.consecutive_windows(text.validation, first.tokens + 1, first.test_windows)
    tables = [[] for _ in configs]
    for step in first.recorded:
        learned = training.advance(step - training.steps).tolist()
        parameters = {name: value.cpu() for name, value in training.parameters.items()}
        for place, rows in enumerate(tables):
            model = one(parameters, place)
            loss = text_loss(first.decoder, model, tests)
            rows += [(step, -1, -1, "loss", loss), (step, -1, -1, "training_loss", learned[place])]
            measures = whole_measures(first.decoder, model, tests[: first.measured, :-1])
            rows += _rows(step, measures if step == first.steps else _on_the_way(measures))
    for place, config in enumerate(configs):
        keep(_key(config), one(parameters, place))
    columns = ["step", "layer", "head", "quantity", "value"]
    return [
        pd.DataFrame(rows, columns=columns).assign(value=lambda t: t["value"].map(lambda value: rounded(value, 5)))
        for rows in tables
    ]


def weights(config: Config, trained: bool = True) -> Weights:
    """The weights of a decoder at the end of its training; it is trained now if they are not kept.

    Parameters
    ----------
    config : Config
        Which; what an experiment that goes on from it adds does not matter.
    trained : bool
        False for the weights that its training starts from.
    """
    if not trained:
        return first_weights(config.decoder, [config.seed])
    return weights_of(_key(config.training), lambda: run(config.training))


def corpus_of(config: Config) -> language.Corpus:
    """The text of a configuration.

    Parameters
    ----------
    config : Config
        Its corpus, vocabulary, characters and digest.

    Raises
    ------
    ValueError
        If the corpus here has another digest: it is the text of another version of Python, say.

    Examples
    --------
    >>> len(corpus_of(CANARY).train)
    856
    """
    found = language.corpus(config.corpus, config.vocabulary, config.characters)
    if found.digest != config.digest:
        raise ValueError(f"the corpus {config.corpus} here is {found.digest}, got a configuration for {config.digest}")
    return found


def alike(config: Config) -> tuple:
    """What decoders must have in common to be trained at once.

    Examples
    --------
    >>> alike(Config(seed=1)) == alike(Config(scale_weight=0.1)), alike(Config()) == alike(Config(layers=2))
    (True, False)
    """
    text = config.corpus, config.vocabulary, config.characters, config.digest
    how = config.steps, config.batch, config.learning_rate, config.test_windows, config.measured, config.records
    return config.decoder, *text, *how


def cost(config: Config) -> float:
    """Time that a decoder takes, relative to others: products of its weights with every token.

    Examples
    --------
    >>> cost(Config(layers=6)) > cost(Config())
    True
    """
    products = 12 * config.layers * config.d_model**2 + config.vocabulary * config.d_model
    return config.steps * config.batch * config.tokens * (products + 2 * config.layers * config.tokens * config.d_model)


@functools.cache
def _digest(corpus: str, vocabulary: int, characters: int | None) -> str:
    """What stored results were computed from; for a part of a text, which is never stored, what there is here."""
    if characters is None:
        return language.recorded(corpus, vocabulary)
    try:
        return language.corpus(corpus, vocabulary, characters).digest
    except FileNotFoundError:
        return "absent"  # WikiText-2 where there is none: only its stored results can be had


def _key(config: Config) -> str:
    return key(sys.modules[__name__], config)


def _on_the_way(measures: pd.DataFrame) -> pd.DataFrame:
    kept = measures[measures["quantity"].isin(ON_THE_WAY)]
    means = kept.groupby(["layer", "quantity"], as_index=False)["value"].mean()
    return means.assign(head=-1)


def _rows(step: int, measures: pd.DataFrame) -> Iterable[tuple]:
    return [(step, *row) for row in measures[["layer", "head", "quantity", "value"]].itertuples(index=False)]


CANARY = Config(
    corpus="zen", vocabulary=64, digest=_digest("zen", 64, None), layers=1, heads=2, d_model=16,
    tokens=16, steps=20, batch=4, test_windows=8, measured=4, records=1,
)  # fmt: skip
