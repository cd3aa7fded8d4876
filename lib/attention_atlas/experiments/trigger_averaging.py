"""Trigger-conditional averaging, learned: softmax against ReLU attention, many seeds of each.

After the experiments that the abstract of Ran-Milo 2026 names. Models, sizes, training and thresholds are ours.
"""

import math
from dataclasses import dataclass
from functools import partial

import pandas as pd
import torch

from attention_atlas.catch_criteria import LEARNED
from attention_atlas.masks import causal, dense
from attention_atlas.models.averager import Averager, Pass, forward, initial
from attention_atlas.profiles import check_profile
from attention_atlas.shapes import Float, Float64, Tensor
from attention_atlas.sinks import sink_share_gu2025, sinks_zhang2025
from attention_atlas.tasks.trigger_averaging import FIRST_SCORED, TriggerAveraging, TriggerBatch, draw, placed
from attention_atlas.theory.catch_tag_release.necessary_sink import Head, witness
from attention_atlas.training.blocks import batches
from attention_atlas.training.ensemble import Ensemble
from attention_atlas.training.schedule import cosine

NAME = "trigger_averaging"
REVISION = 1
BLOCK = 10  # steps whose sequences are drawn at once
SILENT = 1e-3  # whole weight below which a query of ReLU attention counts as silent
TOLERANCE = 2e-3  # training in float32 differs between processors
RADIUS, CONTENT = 1.0, 0.5  # of the witness: contents up to which errors are measured, and those of its sequence


@dataclass(frozen=True)
class Config:
    """One kind of model, trained from several seeds at once.

    Parameters
    ----------
    attention : {"softmax", "relu"}
        See :class:`attention_atlas.models.averager.Averager`.
    layers, heads, d_model : int
        Of the models.
    tokens, content : int
        Length of sequences, and numbers that a token carries.
    average : {"seen", "before"}
        See :class:`attention_atlas.tasks.trigger_averaging.TriggerAveraging`.
    seeds, steps, batch : int
        How many models, trained for how long on how many sequences a step; at least 1 each.
    learning_rate : float
        Of Adam at the start, above 0; it falls to zero along half a cosine.
    test_sequences : int
        On which models are measured, at least 1; the same for all.

    Raises
    ------
    ValueError
        If a value is impossible.
    """

    attention: str = "softmax"
    layers: int = 1
    heads: int = 1
    d_model: int = 8
    tokens: int = 24
    content: int = 1
    average: str = "seen"
    seeds: int = 50
    steps: int = 2000
    batch: int = 32
    learning_rate: float = 2e-2
    test_sequences: int = 500

    def __post_init__(self):
        for name in ("seeds", "steps", "batch", "test_sequences"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")
        if not self.learning_rate > 0:
            raise ValueError(f"learning_rate must be above 0, got {self.learning_rate}")
        _ = self.task, self.averager  # these refuse what they cannot be

    @property
    def task(self) -> TriggerAveraging:
        """What the models learn."""
        return TriggerAveraging(self.tokens, self.content, average=self.average)

    @property
    def averager(self) -> Averager:
        """The models' shape; their readout has a column for every number of the content."""
        return Averager(self.task.features, self.d_model, self.layers, self.heads, attention=self.attention)


CANARY = Config(seeds=2, steps=30, batch=8, test_sequences=20)
SETTINGS = {
    "softmax": {},
    "relu": {"attention": "relu"},
    "softmax-content3": {"content": 3},
    "softmax-heads2": {"heads": 2},
    "relu-heads2": {"attention": "relu", "heads": 2},
    "softmax-layers2": {"layers": 2},
    "relu-layers2": {"attention": "relu", "layers": 2},
    "softmax-before": {"average": "before"},
}


def configurations(profile: str) -> dict[str, Config]:
    """Every kind of model, by name.

    Parameters
    ----------
    profile : {"smoke", "quick", "paper"}
        2 seeds of 20 steps, 5 of 400, or 50 of 2,000.

    Returns
    -------
    dict
        Name of each setting to its configuration.

    Raises
    ------
    ValueError
        If the profile is unknown.

    Examples
    --------
    >>> list(configurations("paper"))[:3]
    ['softmax', 'relu', 'softmax-content3']
    """
    sizes = {
        "smoke": {"seeds": 2, "steps": 20, "batch": 8, "test_sequences": 20},
        "quick": {"seeds": 5, "steps": 400, "test_sequences": 100},
        "paper": {},
    }[check_profile(profile)]
    return {name: Config(**changes, **sizes) for name, changes in SETTINGS.items()}


def run(config: Config) -> pd.DataFrame:
    """Train and measure the models of one setting.

    Parameters
    ----------
    config : Config
        Which.

    Returns
    -------
    DataFrame
        Columns ``seed``, ``layer`` and ``head`` (counted from 1; 0 for what belongs to the whole model), ``quantity``,
        ``query`` and ``key`` (counted from 0; only of a map, otherwise 0) and ``value``.
        Of a model: ``loss`` as a share of what the answer 0 everywhere loses, and ``loss_trigger`` and
        ``loss_other``, the parts of it; for one softmax layer of one head and a content of 3 numbers also
        ``floor``, the attention to BOS that is proved necessary, and ``at_floor``, what there is of it in its place.
        Of a head: ``bos``, attention of scored queries without trigger to BOS, and ``bos_trigger``, that of triggers;
        ``sinks_zhang2025`` and ``sinks_gu2025``, mean number of sinks of a map at the thresholds 0.2 and 0.3. Of ReLU
        attention also ``total`` and ``total_trigger``, the whole weight of such queries; ``silent``, the share of
        queries without trigger whose whole weight is below 0.001; and the number of sinks with ``_rows`` at the end,
        after rows have been normalized to 1, silent ones to 0.
        Of the first seed: its ``map`` of the first test sequence, and whether each ``query`` is a ``trigger`` there.

    Examples
    --------
    >>> table = run(CANARY)
    >>> table[table["quantity"] == "bos"]["seed"].tolist()
    [0, 1]
    """
    parameters = train(config)
    batch = draw(config.task, config.test_sequences, torch.Generator().manual_seed(10**6))
    rows = [(0, 0, 0, "trigger", query, 0, float(flag)) for query, flag in enumerate(batch.trigger[0])]
    for seed in range(config.seeds):
        own = {name: value[seed : seed + 1] for name, value in parameters.items()}
        with torch.no_grad():
            found = forward(config.averager, own, batch.features.float()[None])
        rows += [(seed, 0, 0, *row) for row in _of_model(config, own, found, batch)]
        for layer, weights in enumerate(found.weights, start=1):
            for head, maps in enumerate(weights[0].double().unbind(1), start=1):
                rows += [(seed, layer, head, *row) for row in _of_head(config, maps, batch)]
                if seed == 0:
                    rows += [(seed, layer, head, *row) for row in _of_map(maps[0])]
    table = pd.DataFrame(rows, columns=["seed", "layer", "head", "quantity", "query", "key", "value"])
    return table.assign(value=[float(f"{value:.5g}") for value in table["value"]])


def models(table: pd.DataFrame) -> pd.DataFrame:
    """One line per model.

    Parameters
    ----------
    table : DataFrame
        Results of :func:`run` with a column ``point``.

    Returns
    -------
    DataFrame
        Indexed by ``point`` and ``seed``: ``learned``, whether the loss is below
        :data:`attention_atlas.catch_criteria.LEARNED`; ``bos_most`` and
        ``bos_least``, attention of queries without trigger to BOS in the head that pays it most, and least; of
        quantities of a head the sum over heads and layers; quantities of the whole model as they are.

    Examples
    --------
    >>> models(run(CANARY).assign(point="canary"))["learned"].tolist()
    [False, False]
    """
    numbers = table[~table["quantity"].isin(["map", "trigger"])]
    per_model = numbers.pivot_table(index=["point", "seed"], columns="quantity", values="value", aggfunc="sum")
    to_bos = numbers[numbers["quantity"] == "bos"].groupby(["point", "seed"])["value"]
    return per_model.assign(learned=per_model["loss"] < LEARNED, bos_most=to_bos.max(), bos_least=to_bos.min())


def train(config: Config) -> dict[str, Float[Tensor, "..."]]:
    """Train the models of one setting, each on sequences of its own.

    Parameters
    ----------
    config : Config
        Which.

    Returns
    -------
    dict of str to (seed, ...)
        Parameters of :func:`attention_atlas.models.averager.forward`, stacked over seeds, the readout being
        (seed, d_model, content).

    Examples
    --------
    >>> train(Config(content=3, seeds=2, steps=1, batch=2))["readout"].shape
    torch.Size([2, 8, 3])
    """
    first = [torch.Generator().manual_seed(2 * seed) for seed in range(config.seeds)]
    data = [torch.Generator().manual_seed(2 * seed + 1) for seed in range(config.seeds)]
    parameters = initial(config.averager, first)
    parameters["readout"] = torch.stack(
        [torch.randn(config.d_model, config.content, generator=g) / math.sqrt(config.d_model) for g in first]
    )

    def losses(current: dict, features: Tensor, target: Tensor) -> Float[Tensor, "seed"]:
        error = output(current, forward(config.averager, current, features)) - target
        return error[:, :, FIRST_SCORED:].square().flatten(1).mean(1)

    ensemble = Ensemble(parameters, losses, config.learning_rate)
    drawn = batches(partial(draw, config.task), config.batch, data, BLOCK)
    for step in range(config.steps):
        ensemble.set_learning_rate(config.learning_rate * cosine(step, config.steps))
        ensemble.step(*next(drawn))
    return ensemble.parameters


def output(parameters: dict[str, Float[Tensor, "..."]], found: Pass) -> Float[Tensor, "seed batch token content"]:
    """Answers read from the last stream, one number for every column of the readout."""
    return found.streams[-1] @ parameters["readout"][:, None]


def layer_head(parameters: dict[str, Float[Tensor, "..."]]) -> Head:
    """The one head of a one-layer softmax model, in the form that :func:`~.necessary_sink.witness` takes.

    Parameters
    ----------
    parameters : dict of str to (1, ...)
        Of one model with one layer and one head.

    Returns
    -------
    Head
        Between features, in float64.

    Examples
    --------
    >>> layer_head(train(Config(content=3, seeds=1, steps=1, batch=2))).values.shape
    torch.Size([6, 3])
    """
    single = {name: value.double()[0] for name, value in parameters.items()}
    query, key, value, out = (single[name][0, 0] for name in ("query", "key", "value", "output"))
    embedding = single["embedding"]
    return Head(embedding @ query @ (embedding @ key).mT, embedding @ value @ out @ single["readout"])


def _of_model(config: Config, parameters: dict, found: Pass, batch: TriggerBatch) -> list[tuple]:
    asked = batch.target[:, FIRST_SCORED:]
    error = (output(parameters, found)[0, :, FIRST_SCORED:].double() - asked).square().mean(-1)
    nothing, flag = asked.square().mean(), batch.trigger[:, FIRST_SCORED:]
    parts = {"loss": error, "loss_trigger": error * flag, "loss_other": error * ~flag}
    rows = [(name, 0, 0, (part.mean() / nothing).item()) for name, part in parts.items()]
    single = (config.attention, config.layers, config.heads, config.average) == ("softmax", 1, 1, "seen")
    if single and config.content >= 3:
        numbers = torch.nn.functional.normalize(batch.features[:1, 1:, : config.content], dim=-1) * CONTENT
        calm = placed(numbers, torch.zeros(1, config.tokens - 1, dtype=torch.bool)).features[0]
        proved = witness(layer_head(parameters), calm, RADIUS)
        rows += [("floor", 0, 0, proved.floor), ("at_floor", 0, 0, proved.attention)]
    return rows


def _of_head(config: Config, maps: Float64[Tensor, "batch query key"], batch: TriggerBatch) -> list[tuple]:
    trigger, total = batch.trigger, maps.sum(-1)
    other = ~trigger & (torch.arange(config.tokens) >= FIRST_SCORED)
    values = {"bos": maps[..., 0][other].mean(), "bos_trigger": maps[..., 0][trigger].mean(), **_sinks(maps)}
    if config.attention == "relu":
        silent = total < SILENT
        normalized = (maps / total[..., None]).masked_fill(silent[..., None], 0)
        values |= {"total": total[other].mean(), "total_trigger": total[trigger].mean()}
        values |= {"silent": silent[other].double().mean()}
        values |= {f"{name}_rows": value for name, value in _sinks(normalized).items()}
    return [(name, 0, 0, value.item()) for name, value in values.items()]


def _sinks(maps: Float64[Tensor, "batch query key"]) -> dict[str, Float64[Tensor, ""]]:
    """Mean number of sinks of a map, by two conventions."""
    mask = dense(causal, maps.shape[-1])
    return {
        "sinks_zhang2025": sinks_zhang2025(maps[:, None], mask).double().sum(-1).mean(),
        "sinks_gu2025": sink_share_gu2025(maps[:, None], mask, threshold=0.3).sum(),
    }


def _of_map(weights: Float64[Tensor, "query key"]) -> list[tuple]:
    return [("map", i, j, weights[i, j].item()) for i in range(len(weights)) for j in range(i + 1)]
