"""Recency in a stack without weights: every simulation of Kim et al. 2026 at full size, and how far it reaches.

Points are named after their group:

- ``maps``: the score maps and recency probabilities of the paper's figures (10,000,000 sequences of 10 tokens);
- ``alpha``: its sweeps over alpha at d = 16, without and with residual (the same size);
- ``first-version``: 50 tokens scaled to norm 1, from the paper's first version (100,000 sequences);
- ``rope``: the same with rotary positions, causal or not (100,000 sequences, by vectors);
- ``norm``, ``placement``, ``depth``, ``grid``, ``control``: ours.
"""

import dataclasses
import functools
import itertools
from dataclasses import dataclass

import pandas as pd
import torch

from attention_atlas import files
from attention_atlas.profiles import check_profile
from attention_atlas.shapes import Float64, Tensor
from attention_atlas.simulation.model import Model
from attention_atlas.simulation.moments import Moments
from attention_atlas.simulation.stream import SIMULATORS, simulate

NAME = "recency"
REVISION = 1
SETTINGS = {  # the four rows of the paper's figures
    "plain": {"alpha": 0.0, "normalization": "none"},
    "layernorm": {"alpha": 0.0},
    "anisotropic": {"alpha": 0.5},
    "residual": {"alpha": 0.5, "residual": "raw"},
}
ALPHAS = (0.0, 0.2, 0.4, 0.6, 0.8)
DEEP = (1, 2, 4, 8, 16, 32, 64)


@dataclass(frozen=True)
class Config(Model):
    """A model and how it is simulated.

    Parameters
    ----------
    sequences, seed : int
        How many sequences, at least 2, and of which randomness.
    simulator : {"gram", "direct", "direct32"}
        See :func:`attention_atlas.simulation.stream.simulate`.
    map_layers : tuple of int
        Layers of which score maps are kept, counted from 1.

    Raises
    ------
    ValueError
        If a value is impossible, there is no such layer, or the simulator cannot simulate the model.
    """

    sequences: int = 10_000
    seed: int = 0
    simulator: str = "gram"
    map_layers: tuple[int, ...] = (1, 2, 3, 4)

    def __post_init__(self):
        super().__post_init__()
        if self.simulator not in SIMULATORS:
            raise ValueError(f"unknown simulator {self.simulator!r}; allowed: {', '.join(SIMULATORS)}")
        SIMULATORS[self.simulator](self.model, self.seed)  # refuses a model that it cannot simulate
        Moments(self.tokens, self.layers, self.causal, self.map_layers)  # refuses a layer that is not there

    @property
    def model(self) -> Model:
        """The model alone."""
        return Model(**{field.name: getattr(self, field.name) for field in dataclasses.fields(Model)})


CANARY = Config(16, 0.5, residual="raw", layers=3, tokens=5, sequences=500, map_layers=(1, 2))


def configurations(profile: str) -> dict[str, Config]:
    """Every simulation of the book, by name; a smaller profile has fewer sequences.

    Parameters
    ----------
    profile : {"smoke", "quick", "paper"}
        How many sequences: 500, 20,000, or what the paper has (10,000,000; 100,000 of 50 tokens).

    Returns
    -------
    dict
        Name of each point, such as ``maps-d16-anisotropic``, to its configuration.

    Raises
    ------
    ValueError
        If the profile is unknown.

    Examples
    --------
    >>> configurations("paper")["maps-d1024-residual"].sequences
    10000000
    """
    # the paper's points have a seed each, so that their errors are independent; ours share theirs, for smooth curves
    full, long, ours, deep = {
        "smoke": (500, 50, 500, 100),
        "quick": (20_000, 2_000, 20_000, 5_000),
        "paper": (10_000_000, 100_000, 1_000_000, 200_000),
    }[check_profile(profile)]
    first = {"normalization": "l2", "residual": "raw", "tokens": 50, "unit_input": True, "sequences": long}
    rope = first | {"rope": True, "simulator": "direct"}
    wide = {"sequences": ours, "layers": 8}
    far = {"sequences": deep, "layers": 64, "map_layers": DEEP}
    flat = {"sequences": ours, "layers": 3, "map_layers": (1, 2, 3)}  # without a mask float64 ends after three layers
    short = far | {"layers": 32, "map_layers": DEEP[:-1]}  # without normalization float64 ends before 64 layers
    return (
        {
            f"maps-d{d}-{setting}": Config(d, **values, sequences=full, seed=seed)
            for seed, (d, (setting, values)) in enumerate(itertools.product((16, 64, 256, 1024), SETTINGS.items()))
        }
        | {f"alpha-{a}-none": Config(16, a, sequences=full, seed=100 + s) for s, a in enumerate(ALPHAS[1:])}
        | {f"alpha-{a}-raw": Config(16, a, residual="raw", sequences=full, seed=200 + s) for s, a in enumerate(ALPHAS)}
        | {f"first-version-{alpha}": Config(64, alpha, **first) for alpha in ALPHAS}
        | {f"rope-causal-{alpha}": Config(64, alpha, **rope) for alpha in (0.0, 0.5)}
        | {f"rope-full-{alpha}": Config(64, alpha, causal=False, **rope) for alpha in (0.0, 0.5)}
        | {
            f"norm-d{d}-{norm}-{alpha}": Config(d, alpha, norm, **wide)
            for d, norm, alpha in itertools.product((16, 64), ("none", "layernorm", "rmsnorm", "l2"), (0.0, 0.5))
        }
        | {
            f"placement-d{d}-{residual}": Config(d, 0.5, residual=residual, **far)
            for d, residual in itertools.product((16, 64), ("none", "raw", "normalized"))
        }
        | {f"depth-layernorm-{alpha}": Config(16, alpha, **far) for alpha in (0.0, 0.9)}
        | {f"depth-none-{alpha}": Config(16, alpha, "none", **short) for alpha in (0.0, 0.5, 0.9)}
        | {
            f"grid-d{d}-{alpha / 10}": Config(d, alpha / 10, sequences=deep, layers=16, map_layers=())
            for d, alpha in itertools.product((16, 32, 64, 128, 256), range(10))
        }
        | {f"control-full-{norm}": Config(16, 0.5, norm, causal=False, **flat) for norm in ("none", "layernorm")}
    )


def group(name: str, profile: str) -> list[str]:
    """Names of the points of a group.

    Raises
    ------
    ValueError
        If there is no such group.

    Examples
    --------
    >>> group("control", "smoke")
    ['control-full-none', 'control-full-layernorm']
    """
    points = configurations(profile)
    if found := [point for point in points if point.startswith(f"{name}-")]:
        return found
    groups = dict.fromkeys(point.split("-")[0] for point in points)
    raise ValueError(f"unknown group {name!r}; allowed: {', '.join(groups)}")


def run(config: Config) -> pd.DataFrame:
    """Simulate one configuration, resuming where an earlier run was stopped.

    Parameters
    ----------
    config : Config
        What to simulate.

    Returns
    -------
    DataFrame
        As :meth:`attention_atlas.simulation.moments.Moments.table` says.

    Examples
    --------
    >>> table = run(CANARY)
    >>> table[table.quantity == "recency_probability"]["mean"].round(1).tolist()
    [0.5, 0.6, 0.6]
    """
    digest = files.digest(f"{REVISION} {config}".encode())[:16]
    return simulate(
        config.model,
        config.sequences,
        config.seed,
        config.simulator,
        config.map_layers,
        checkpoint=files.ROOT / "data" / "checkpoints" / f"{NAME}-{digest}.json",
    ).table()


def report(config: Config, table: pd.DataFrame) -> pd.DataFrame:
    """The recency probabilities of one result as ``data/reference/kim2026_recency_probability.csv`` has them.

    Parameters
    ----------
    config, table
        A configuration and what :func:`run` found; nothing comes of one that is not in the paper's current version.

    Returns
    -------
    DataFrame
        Columns ``figure``, ``alpha``, ``layernorm``, ``residual``, ``d``, ``layer``, ``recency_probability``,
        ``standard_error``, ``sequences``; empty for a configuration of ours.
    """
    found = table[table["quantity"] == "recency_probability"]
    if config.model not in _official():
        found = found[:0]
    shown = {setting: Config(16, **values).model for setting, values in SETTINGS.items()}
    main = dataclasses.replace(config.model, d_model=16) in shown.values()
    sweep = "alpha_residual" if config.residual == "raw" else "alpha"
    pair = "d16_d64" if config.d_model < 256 else "d256_d1024"
    return pd.DataFrame(
        {
            "figure": [f"{pair}_layers{12 if layer < 3 else 34}" if main else sweep for layer in found["layer"]],
            "alpha": config.alpha,
            "layernorm": int(config.normalization == "layernorm"),
            "residual": int(config.residual == "raw"),
            "d": config.d_model,
            "layer": found["layer"].tolist(),
            "recency_probability": found["mean"].tolist(),
            "standard_error": found["standard_error"].tolist(),
            "sequences": config.sequences,
        }
    )


@functools.cache
def _official() -> set[Model]:
    """The models of the paper's current version."""
    return {config.model for point, config in configurations("paper").items() if point.startswith(("maps-", "alpha-"))}


def score_map(config: Config, table: pd.DataFrame, layer: int, quantity: str = "score") -> Float64[Tensor, "query key"]:
    """The mean map of one layer, NaN where a query may not look.

    Parameters
    ----------
    config, table
        A configuration and what :func:`run` found.
    layer : int
        One of the configuration's ``map_layers``.
    quantity : {"score", "gap", "inner_product", "standard_error"}
        Mean scores; the same less the largest possible score; mean inner products of the vectors that enter layer 2
        (no other is kept); standard errors of the mean scores.

    Returns
    -------
    (query, key)
        Means over sequences.

    Raises
    ------
    ValueError
        If no such map is kept.
    """
    if quantity not in ("score", "gap", "inner_product", "standard_error"):
        raise ValueError(f"unknown map {quantity!r}; allowed: score, gap, inner_product, standard_error")
    inner = quantity == "inner_product"
    found = table[(table["quantity"] == ("inner_product" if inner else "gap")) & (table["layer"] == layer)]
    if found.empty:
        kept = [2] if inner else list(config.map_layers)
        raise ValueError(f"no {quantity} map of layer {layer} is kept; kept: layers {kept}")
    means = found["standard_error" if quantity == "standard_error" else "mean"].tolist()
    query, key = (torch.tensor(found[name].tolist()) - 1 for name in ("query", "key"))
    shown = torch.full((config.tokens, config.tokens), torch.nan, dtype=torch.float64)
    shown[query, key] = torch.tensor(means, dtype=torch.float64)
    return shown + config.offset if quantity == "score" else shown
