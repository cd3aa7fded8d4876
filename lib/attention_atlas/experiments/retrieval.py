"""Where trained networks look for an answer: every controlled experiment of Wu et al. 2025, one model a result.

A point is one model: a setting and a seed. Its table is the trajectory of its training, so the gap between two places
can be read at any length of training, from the same model.
"""

import dataclasses
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pandas as pd

from attention_atlas import files
from attention_atlas.models.attention_only import AttentionOnly
from attention_atlas.outcomes.retrieval_names import PRINTED_STEPS, setting_name
from attention_atlas.outcomes.retrieval_tables import model_report
from attention_atlas.profiles import check_profile
from attention_atlas.tasks.retrieval import Task
from attention_atlas.tasks.retrieval_settings import BIASES, in_order
from attention_atlas.training.retrieval import Training
from attention_atlas.training.trajectory import Schedule, trajectory

NAME = "retrieval"
REVISION = 1
ENOUGH = 0.95  # accuracy on novel classes at which a training ends; chosen before the first, never from a gap
VARIED = ("everything", "world")


@dataclass(frozen=True)
class Config:
    """One model, how it is trained and how it is measured.

    Parameters
    ----------
    train_bias : {"unbiased", "first", "middle", "last", "first_and_last"}
        Places of the items about which training asks.
    mask, mask_parameter, position_encoding, depth, residual
        See :class:`attention_atlas.models.attention_only.AttentionOnly`.
    vocabulary, scale
        See :class:`attention_atlas.tasks.retrieval.Task`.
    seed : int
        Of everything that is drawn, at least 0.
    varied : {"everything", "world"}
        Whether the seed draws everything, or classes and labels only while first weights and the order of the
        sequences are those of seed 0, as in the *official code*.
    initial_scale : float
        Factor on the first weights of the attention layers, above 0.
    steps : int
        Longest training. It ends earlier at a multiple of 100,000 steps, the paper's length, at which the accuracy on
        novel classes is at least 0.95: the network has learned to answer from the context.
    batch, learning_rate, weight_decay
        Of the training.
    test_sequences : int
        Of each kind of test, at least 1.
    maps : bool
        Whether mean attention maps are kept.

    Raises
    ------
    ValueError
        If a value is none of these.
    """

    train_bias: str = "unbiased"
    mask: str = "causal"
    mask_parameter: int | None = None
    position_encoding: str = "none"
    depth: int = 2
    residual: bool = False
    vocabulary: str = "gaussian_mixture"
    scale: str = "code"
    seed: int = 0
    varied: str = "everything"
    initial_scale: float = 1.0
    steps: int = PRINTED_STEPS
    batch: int = 128
    learning_rate: float = 1e-3
    weight_decay: float = 1e-6
    test_sequences: int = 10_000
    maps: bool = False

    def __post_init__(self):
        if self.train_bias not in BIASES:
            raise ValueError(f"unknown train_bias {self.train_bias!r}; allowed: {', '.join(BIASES)}")
        if self.varied not in VARIED:
            raise ValueError(f"unknown varied {self.varied!r}; allowed: {', '.join(VARIED)}")
        for name, least in (("seed", 0), ("batch", 1), ("test_sequences", 1)):
            if getattr(self, name) < least:
                raise ValueError(f"{name} must be at least {least}, got {getattr(self, name)}")
        if not self.initial_scale > 0:
            raise ValueError(f"initial_scale must be above 0, got {self.initial_scale}")
        if not self.learning_rate > 0 or not self.weight_decay >= 0:
            got = f"{self.learning_rate} and {self.weight_decay}"
            raise ValueError(f"learning_rate must be above 0 and weight_decay at least 0, got {got}")
        self.model.bias(self.task.tokens)  # these refuse what they cannot take
        self.schedule.records()

    @property
    def model(self) -> AttentionOnly:
        """The network's shape."""
        return AttentionOnly(
            depth=self.depth, mask=self.mask, mask_parameter=self.mask_parameter,
            position_encoding=self.position_encoding, residual=self.residual,
        )  # fmt: skip

    @property
    def schedule(self) -> Schedule:
        """How long it is trained."""
        return Schedule(self.steps, PRINTED_STEPS, ENOUGH)

    @property
    def task(self) -> Task:
        """The sequences that it is trained on."""
        task = Task(vocabulary=self.vocabulary, scale=self.scale)
        return dataclasses.replace(task, places=tuple(task.place(name) for name in BIASES[self.train_bias]))


report = model_report
TOLERANCE = 0.0051  # one of the canary's 200 test sequences: training in float32 differs between processors
CANARY = Config(residual=True, steps=60, batch=32, test_sequences=200)


def configurations(profile: str) -> dict[str, Config]:
    """Every model of the book, by name, in the order in which the book needs them.

    Parameters
    ----------
    profile : {"smoke", "quick", "paper"}
        Training of at most 100, 2,000 or 300,000 steps, tests of 200, 1,000 or 10,000 sequences.

    Returns
    -------
    dict
        Name of each point, such as ``unbiased-causal-none-2-residual-seed0``, to its configuration.

    Raises
    ------
    ValueError
        If the profile is unknown.

    Examples
    --------
    >>> next(iter(configurations("paper")))
    'unbiased-causal-none-2-residual-seed0'
    """
    return dict(_every(check_profile(profile)))


@cache  # 360 models, each checked when it is made; whoever reads results asks for all three profiles
def _every(profile: str) -> dict[str, Config]:
    steps, tests = {"smoke": (100, 200), "quick": (2_000, 1_000), "paper": (300_000, 10_000)}[profile]
    size = {"steps": steps, "test_sequences": tests}
    configs = (Config(**values, **size) for values in in_order())
    return {_name(config): config for config in configs}


def _name(config: Config) -> str:
    """Name of a point: what it is trained on, mask, encoding, depth, and whatever is not as usual."""
    parts = [setting_name(
        config.vocabulary, config.train_bias, config.mask, config.position_encoding, config.depth, config.residual,
        config.mask_parameter,
    )]  # fmt: skip
    parts += ["text"] if config.scale == "text" else []
    parts += ["world"] if config.varied == "world" else []
    parts += [f"rate{config.learning_rate:g}"] if config.learning_rate != Config.learning_rate else []
    parts += [f"initial{config.initial_scale:g}"] if config.initial_scale != 1 else []
    return "-".join([*parts, f"seed{config.seed}"])


def run(config: Config) -> pd.DataFrame:
    """Train and measure one model.

    Parameters
    ----------
    config : Config
        Which.

    Returns
    -------
    DataFrame
        As :func:`attention_atlas.training.retrieval.trajectory` says.

    Examples
    --------
    >>> table = run(CANARY)
    >>> table[table.quantity == "loss"].step.tolist()
    [60]
    """
    return run_together([config])[0]


def run_together(configs: list[Config], device: str = "cpu") -> list[pd.DataFrame]:
    """Train and measure several models at once, which takes less time than one after the other.

    Parameters
    ----------
    configs : list of Config
        Equal in :func:`alike`.
    device : str
        Such as ``cpu`` or ``cuda``.

    Returns
    -------
    list of DataFrame
        For each, what :func:`run` returns: to rounding on the CPU; other sequences on another device.

    Raises
    ------
    ValueError
        If they are not alike.
    """
    tables = run_resumable(configs, device)
    forget(configs, device)
    return tables


def run_resumable(configs: list[Config], device: str = "cpu") -> list[pd.DataFrame]:
    """As :func:`run_together`, but the checkpoint stays until it is told to :func:`forget`, once the result is safe.

    Parameters
    ----------
    configs, device
        As there.
    """
    first = configs[0]
    if any(alike(config) != alike(first) for config in configs):
        raise ValueError(f"models trained at once must be alike, got {len(set(map(alike, configs)))} kinds")
    checkpoint = _checkpoint(configs, device)
    return trajectory(prepared(configs, device), first.schedule, first.test_sequences, first.maps, checkpoint)


def forget(configs: list[Config], device: str = "cpu") -> None:
    """Remove the checkpoint of some models, if there is one."""
    _checkpoint(configs, device).unlink(missing_ok=True)


def prepared(configs: list[Config], device: str = "cpu") -> Training:
    """Models before their first step.

    Parameters
    ----------
    configs, device
        As of :func:`run_together`.

    Examples
    --------
    >>> sinks = prepared([Config(residual=True)]).sinks(10)[0]
    >>> round(sinks["received"][0].item(), 3)  # as under uniform attention
    0.202
    """
    first = configs[0]
    return Training(
        [config.model for config in configs],
        [config.task for config in configs],
        [(config.seed, config.seed if config.varied == "everything" else 0) for config in configs],
        first.batch, first.learning_rate, first.weight_decay, device, [config.initial_scale for config in configs],
    )  # fmt: skip


def alike(config: Config) -> tuple:
    """What models must have in common to be trained at once.

    Examples
    --------
    >>> alike(Config(seed=1)) == alike(Config(mask="none")), alike(Config()) == alike(Config(depth=6))
    (True, False)
    """
    own = config.model.shape, config.vocabulary, config.batch, config.learning_rate, config.weight_decay
    return *own, config.steps, config.test_sequences, config.maps


def cost(config: Config) -> float:
    """Time that a model takes, relative to others: layers that look from every token cost, the last one does not.

    Examples
    --------
    >>> cost(Config(depth=6)) > 3 * cost(Config())
    True
    """
    return config.steps * (2 if config.position_encoding == "rope" else 1) * max(config.depth - 1.2, 0.1)


def _checkpoint(configs: list[Config], device: str) -> Path:
    digest = files.digest(f"{REVISION} {device} {configs}".encode())[:16]
    return files.ROOT / "data" / "checkpoints" / f"{NAME}-{digest}.pt"
