"""The signal propagation probability by simulation: every key of the last query, tangent and softmax.

Points are named after their group; all are ours, since the paper tabulates none:

- ``grid``: 72 combinations of length, dimension and spectrum, where simulation meets formula;
- ``dimension``: one spectrum at 8 to 1024 dimensions, ``length``: the same at 16 to 2048 tokens;
- ``persistence``: from independent tokens to the random walk;
- ``shape``: eigenvalues of other shapes with the same mean and deviation;
- ``drift``: steps of variance 1/T, with which eta is the drift of a score along the whole sequence.
"""

import dataclasses
import itertools
from dataclasses import dataclass

import pandas as pd

from attention_atlas import files
from attention_atlas.profiles import check_profile
from attention_atlas.simulation.running import Stream, stream
from attention_atlas.simulation.signal import Signal, SignalSums

NAME = "localization"
REVISION = 1
SPECTRA = {  # of the grid: eta, deviation, rotation of the eigenvalues
    "uniform": (0.0, 0.25, 0.0),
    "spread": (0.0, 1.0, 0.0),
    "concentrated": (2.0, 0.0, 0.0),
    "late": (2.0, 0.5, 0.0),
    "early": (-1.0, 0.5, 0.0),
    "narrow": (4.0, 0.5, 0.0),
    "rotating": (0.0, 0.5, 0.5),
    "turning": (2.0, 0.5, 1.0),
}
SIZES = ((16, 64, 256), (32, 128, 512))  # tokens, d_model
LARGE = 2**15  # numbers in a sequence, beyond which there are fewer sequences in proportion


@dataclass(frozen=True)
class Config(Signal):
    """A layer's scores and how often they are drawn.

    Parameters
    ----------
    sequences : int
        How many, at least 2.
    seed : int
        Of all randomness.

    Raises
    ------
    ValueError
        If a value is impossible.
    """

    sequences: int = 1000
    seed: int = 0

    def __post_init__(self):
        super().__post_init__()
        if self.sequences < 2:
            raise ValueError(f"a standard error needs at least 2 sequences, got {self.sequences}")


CANARY = Config(8, 16, eta=1.0, deviation=0.5, sequences=400)


def configurations(profile: str) -> dict[str, Config]:
    """Every simulation of the chapter, by name; a smaller profile has fewer sequences.

    Parameters
    ----------
    profile : {"smoke", "quick", "paper"}
        How many sequences: 200, 2,000 or 40,000, and fewer where one has more than 32,768 numbers.

    Returns
    -------
    dict
        Name of each point, such as ``grid-T64-d128-late``, to its configuration.

    Raises
    ------
    ValueError
        If the profile is unknown.

    Examples
    --------
    >>> len([point for point in configurations("paper") if point.startswith("grid")])
    72
    """
    sequences = {"smoke": 200, "quick": 2_000, "paper": 40_000}[check_profile(profile)]
    late = {"eta": 2.0, "deviation": 0.5}
    points = {
        f"grid-T{tokens}-d{d}-{name}": Config(tokens, d, *spectrum, sequences=sequences)
        for (name, spectrum), tokens, d in itertools.product(SPECTRA.items(), *SIZES)
    }
    points |= {f"dimension-{d}": Config(64, d, **late, sequences=sequences) for d in (16, 64, 256, 1024)}
    points |= {f"length-{tokens}": Config(tokens, 128, **late, sequences=sequences) for tokens in (16, 128, 1024, 2048)}
    points |= {f"persistence-{p}": Config(64, 128, 2.0, 0.25, persistence=p) for p in (0.0, 0.5, 0.9, 0.98, 1.0)}
    points |= {f"shape-{shape}": Config(64, 128, **late, shape=shape) for shape in ("gaussian", "two-point", "spike")}
    drifts = itertools.product((0.0, 5.0, 20.0), (0.0, 4.0, 16.0))
    points |= {f"drift-{eta:g}-{s:g}": Config(64, 128, eta, s, increment=1 / 64) for eta, s in drifts}
    return {
        name: dataclasses.replace(
            config, seed=seed, sequences=sequences // max(1, config.tokens * config.d_model // LARGE)
        )
        for seed, (name, config) in enumerate(points.items())
    }


def run(config: Config) -> pd.DataFrame:
    """Simulate one configuration, resuming where an earlier run was stopped.

    Parameters
    ----------
    config : Config
        What to simulate.

    Returns
    -------
    DataFrame
        One row per ``quantity`` and ``key`` (counted from 1, at most 64 of them; 0 where there is none), with ``mean``
        and ``standard_error`` over sequences. Quantities: ``propagates``, whether the tangent is not clipped; ``score``
        and ``square``, the centered score and its square; ``weight``, T times the softmax weight; ``sensitivity``, the
        derivative of that weight with regard to its score, in units of what it is at equal scores; ``entropy`` of the
        query's attention as a share of log T.

    Examples
    --------
    >>> table = run(CANARY)
    >>> table[table.quantity == "propagates"]["mean"].round(1).tolist()
    [0.2, 0.2, 0.4, 0.7, 0.9, 0.9, 0.9, 0.8]
    """
    signal = Signal(**{field.name: getattr(config, field.name) for field in dataclasses.fields(Signal)})
    randomness = Stream()
    randomness.manual_seed(config.seed)
    sums = SignalSums(signal, randomness)
    digest = files.digest(f"{REVISION} {config}".encode())[:16]
    checkpoint = files.ROOT / "data" / "checkpoints" / f"{NAME}-{digest}.json"
    question = {"signal": dataclasses.asdict(signal), "seed": config.seed, "chunk": signal.chunk}
    stream(sums.draw, sums, randomness, config.sequences, signal.chunk, question, checkpoint)
    frames = []
    for quantity in sums.sums:
        mean, error = sums.mean_and_error(quantity)
        keys = signal.keys if mean.dim() else [0]
        numbers = {"mean": mean.reshape(-1).tolist(), "standard_error": error.reshape(-1).tolist()}
        frames.append(pd.DataFrame({"quantity": quantity, "key": keys} | numbers))
    return pd.concat(frames, ignore_index=True)
