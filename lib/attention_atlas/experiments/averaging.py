"""Do networks learn to catch, tag and release? Twenty models a point, in many settings, tested causally at the end.

The task and the two layers are those of Zhang et al. 2025; every size and the optimizer are ours, since the paper's are
not known to us.
"""

from dataclasses import dataclass

import pandas as pd
import torch

from attention_atlas.digits import rounded
from attention_atlas.models.averager import Averager
from attention_atlas.profiles import check_profile
from attention_atlas.tag_tests import measure
from attention_atlas.tasks.averaging import Averaging, draw
from attention_atlas.training.averaging import Training

NAME = "averaging"
REVISION = 1
SETTINGS = {  # what differs from the main setting
    "main": {},
    "width-4": {"d_model": 4}, "width-16": {"d_model": 16}, "width-32": {"d_model": 32},
    "tokens-8": {"tokens": 8}, "tokens-32": {"tokens": 32},
    "positive": {"low": 0.0}, "wide-range": {"low": -4.0, "high": 4.0},
    "slow": {"learning_rate": 1e-3}, "fast": {"learning_rate": 1e-2},
    "scaled": {"scaled": True}, "two-heads": {"heads": 2}, "layernorm": {"layernorm": True}, "mlp": {"mlp": True},
    "relu": {"attention": "relu"}, "one-layer": {"layers": 1},
}  # fmt: skip
BLOCKS = 5
TEST_SEED = 2**40  # of the test sequences; torch reads the low 32 bits, so 0, an even seed: training data have odd ones


@dataclass(frozen=True)
class Config:
    """Models of one setting.

    Parameters
    ----------
    tokens, low, high
        Of :class:`attention_atlas.tasks.averaging.Averaging`.
    d_model, layers, heads, attention, scaled, layernorm, mlp
        Of :class:`attention_atlas.models.averager.Averager`.
    learning_rate, steps, batch
        Of :class:`attention_atlas.training.averaging.Training`.
    first_seed, seeds : int
        Which models, at least 1.
    tests : int
        Sequences on which a model is measured.
    records : int
        How many times it is measured on its way; 0 for at the end only.

    Raises
    ------
    ValueError
        If a value is impossible.
    """

    tokens: int = 16
    low: float = -1.0
    high: float = 1.0
    d_model: int = 8
    layers: int = 2
    heads: int = 1
    attention: str = "softmax"
    scaled: bool = False
    layernorm: bool = False
    mlp: bool = False
    learning_rate: float = 3e-3
    steps: int = 4000
    batch: int = 128
    first_seed: int = 0
    seeds: int = 20
    tests: int = 2000
    records: int = 0

    def __post_init__(self):
        for name in ("steps", "batch", "seeds", "tests"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")
        self.task, self.averager  # refuse impossible values  # noqa: B018

    @property
    def task(self) -> Averaging:
        """What is learned."""
        return Averaging(self.tokens, self.low, self.high)

    @property
    def averager(self) -> Averager:
        """The models' shape."""
        names = ("d_model", "layers", "heads", "attention", "scaled", "layernorm", "mlp")
        return Averager(**{name: getattr(self, name) for name in names})

    @property
    def recorded(self) -> list[int]:
        """Steps after which models are measured, evenly on a logarithmic scale, the last one among them."""
        if self.records < 2:
            return [self.steps]
        first = min(25, self.steps)
        ratio = (self.steps / first) ** (1 / (self.records - 1))
        return sorted({round(first * ratio**k) for k in range(self.records)})


TOLERANCE = 0.02  # training in float32 differs between processors; of a canary of few steps the numbers stay near
CANARY = Config(steps=60, batch=32, seeds=2, tests=200)


def configurations(profile: str) -> dict[str, Config]:
    """Every block of models, by name, the main setting first, then one block of every setting, then the others.

    Parameters
    ----------
    profile : {"smoke", "quick", "paper"}
        Blocks of 2, 4 or 20 models, trained for 40, 1,000 or 4,000 steps.

    Returns
    -------
    dict
        Name of each point, such as ``main-0``, to its configuration.

    Raises
    ------
    ValueError
        If the profile is unknown.

    Examples
    --------
    >>> list(configurations("paper"))[4:7], len(configurations("paper"))
    (['main-4', 'width-4-0', 'width-16-0'], 80)
    """
    seeds, steps, tests = {"smoke": (2, 40, 200), "quick": (4, 1000, 1000), "paper": (20, 4000, 2000)}[
        check_profile(profile)
    ]
    order = [("main", block) for block in range(BLOCKS)]
    order += [(name, block) for block in range(BLOCKS) for name in SETTINGS if name != "main"]
    return {
        f"{name}-{block}": Config(
            **SETTINGS[name], steps=steps, seeds=seeds, first_seed=seeds * block, tests=tests,
            records=16 if name == "main" else 0,
        )
        for name, block in order
    }  # fmt: skip


def run(config: Config) -> pd.DataFrame:
    """Train the models of one configuration and measure them.

    Parameters
    ----------
    config : Config
        What to train.

    Returns
    -------
    DataFrame
        One row per ``seed``, ``step`` and ``quantity``, with its ``value``. Quantities are those of
        :func:`attention_atlas.tag_tests.measure`, and ``target_variance``, the mean squared error of the best constant.

    Examples
    --------
    >>> table = run(CANARY)
    >>> sorted(table["seed"].unique().tolist()), table["step"].unique().tolist()
    ([0, 1], [60])
    """
    seeds = range(config.first_seed, config.first_seed + config.seeds)
    training = Training(config.averager, config.task, seeds, config.steps, config.learning_rate, config.batch)
    batch = draw(config.task, config.tests, torch.Generator().manual_seed(TEST_SEED))
    variance = batch.target.var(correction=0).item()
    rows = []
    for step in config.recorded:
        training.advance(step - training.steps)
        with torch.no_grad():
            numbers = measure(config.averager, training.parameters, config.task, batch)
        for name, values in numbers.items():
            rows += [(seed, step, name, rounded(v, 5)) for seed, v in zip(seeds, values.tolist(), strict=True)]
        rows += [(seed, step, "target_variance", rounded(variance, 5)) for seed in seeds]
    return pd.DataFrame(rows, columns=["seed", "step", "quantity", "value"])
