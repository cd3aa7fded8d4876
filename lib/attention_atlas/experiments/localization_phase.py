"""Phase diagrams over mean and deviation of the query-key eigenspectrum, with the full softmax.

A point is a whole diagram: one length, dimension and mask, and every combination of eta and deviation on the same
random sequences. Steps have variance 1/T, so that eta is the drift of a score along the sequence, whatever T.
"""

import itertools
from dataclasses import dataclass

import pandas as pd
import torch

from attention_atlas import masks
from attention_atlas.profiles import check_profile
from attention_atlas.simulation.spectral_attention import Measured, SpectralScores, fold_chunks
from attention_atlas.tasks.random_walk import walks
from attention_atlas.theory.localization.spectrum import SHAPES

NAME = "localization_phase"
REVISION = 1
ETAS = (-80.0, -20.0, -5.0, 0.0, 1.25, 2.5, 5.0, 10.0, 20.0, 40.0, 80.0, 160.0, 320.0)
DEVIATIONS = (0.0, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0)
SIZES = ((16, 128), (64, 32), (64, 128), (64, 512), (256, 128), (1024, 128))  # tokens, d_model


@dataclass(frozen=True)
class Config:
    """One diagram.

    Parameters
    ----------
    tokens, d_model : int
        Length T and dimension d, at least 2 each.
    etas, deviations : tuple of float
        Of the eigenvalues, see :func:`attention_atlas.theory.localization.spectrum.eigenvalues`.
    mask : {"none", "causal"}
        Who sees whom.
    persistence : float
        Of the tokens, see :func:`attention_atlas.tasks.random_walk.walks`; 0 gives independent ones, of variance 1/T.
    shape : {"gaussian", "two-point", "spike"}
        How the eigenvalues lie around their mean.
    sequences, seed : int
        How many, a multiple of 10 from 20 on, and of which randomness.

    Raises
    ------
    ValueError
        If a value is impossible.
    """

    tokens: int
    d_model: int
    etas: tuple[float, ...] = ETAS
    deviations: tuple[float, ...] = DEVIATIONS
    mask: str = "none"
    persistence: float = 1.0
    shape: str = "gaussian"
    sequences: int = 400
    seed: int = 0

    def __post_init__(self):
        if self.mask not in ("none", "causal"):
            raise ValueError(f"unknown mask {self.mask!r}; allowed: none, causal")
        if self.shape not in SHAPES:
            raise ValueError(f"unknown shape {self.shape!r}; allowed: {', '.join(SHAPES)}")
        if min(self.tokens, self.d_model) < 2:
            raise ValueError(f"tokens and d_model must be at least 2, got {self.tokens} and {self.d_model}")
        if not self.etas or not self.deviations or min(self.deviations) < 0:
            got = f"{self.etas} and {self.deviations}"
            raise ValueError(f"at least one eta and one deviation from 0 on are needed, got {got}")
        next(fold_chunks(self.sequences, self.tokens))  # refuses a number that cannot be split
        if not 0 <= self.persistence <= 1:
            raise ValueError(f"persistence must be in [0, 1], got {self.persistence}")


CANARY = Config(8, 16, (0.0, 5.0), (0.0, 4.0), sequences=40)


def configurations(profile: str) -> dict[str, Config]:
    """Every diagram of the chapter, by name; a smaller profile has fewer sequences and shorter ones.

    Parameters
    ----------
    profile : {"smoke", "quick", "paper"}
        How many sequences: 20, 100 or 1,000 (fewer where they are long).

    Returns
    -------
    dict
        Name of each diagram, such as ``T64-d128``, to its configuration.

    Raises
    ------
    ValueError
        If the profile is unknown.

    Examples
    --------
    >>> configurations("quick")["T64-d128"].sequences
    100
    """
    sequences = {"smoke": 20, "quick": 100, "paper": 1000}[check_profile(profile)]
    fewer = {256: 5, 1024: 50}  # sequences that are this long are so many times fewer

    def config(tokens, d_model, **changes):
        return Config(tokens, d_model, sequences=max(20, sequences // fewer.get(tokens, 1)), **changes)

    return (
        {"T64-d128": config(64, 128)}
        | {f"T{tokens}-d{d}": config(tokens, d) for tokens, d in SIZES if (tokens, d) != (64, 128)}
        | {"T64-d128-causal": config(64, 128, mask="causal")}
        | {"T64-d128-independent": config(64, 128, persistence=0.0)}
        | {"T64-d128-two-point": config(64, 128, shape="two-point")}
    )


def run(config: Config) -> pd.DataFrame:
    """Measure one diagram.

    Parameters
    ----------
    config : Config
        Which.

    Returns
    -------
    DataFrame
        One row per ``eta``, ``deviation`` and ``quantity``, with ``mean`` and ``standard_error`` over sequences.
        Quantities: ``entropy``, normalized; ``residual``, the rank residual; ``by_position`` and ``by_content``, the
        two parts of what is missing from the entropy.

    Examples
    --------
    >>> table = run(CANARY)
    >>> table[(table.eta == 0) & (table.deviation == 0)]["mean"].abs().round(6).tolist()
    [1.0, 0.0, 0.0, 0.0]
    """
    generator = torch.Generator().manual_seed(config.seed)
    mask = masks.dense(masks.named(config.mask, None, config.tokens), config.tokens)
    places = list(itertools.product(config.etas, config.deviations))
    measured = [Measured(mask) for _ in places]
    for number in fold_chunks(config.sequences, config.tokens):
        if not number:
            for place in measured:
                place.close_fold()
            continue
        x = walks(number, config.tokens, config.d_model, generator, config.persistence, 1 / config.tokens)
        scores = SpectralScores(x, config.shape)
        for place, (eta, deviation) in zip(measured, places, strict=True):
            weights = scores.weights(eta, deviation, mask)
            place.add(weights, residual=scores.residual(weights))
    rows = [
        (eta, deviation, quantity, *numbers)
        for (eta, deviation), place in zip(places, measured, strict=True)
        for quantity, numbers in place.numbers().items()
    ]
    return pd.DataFrame(rows, columns=["eta", "deviation", "quantity", "mean", "standard_error"])
