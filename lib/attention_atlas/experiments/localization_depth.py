"""Depth: collapse and localization in stacks of one to six layers, each with its spectrum in a basis of its own. Ours.

Every layer has symmetric weights with the same eigenvalues in another random basis, and no values: ``x <- A x``, plus
the input with a residual, every token rescaled to norm ``sqrt(d)`` with normalization.
"""

import itertools
import math
from dataclasses import dataclass

import pandas as pd
import torch

from attention_atlas.masks import dense, none
from attention_atlas.profiles import check_profile
from attention_atlas.shapes import Float64, Tensor
from attention_atlas.simulation.spectral_attention import Measured, SpectralScores, fold_chunks, mean_and_error
from attention_atlas.tasks.random_walk import walks
from attention_atlas.theory.localization.spectrum import orthonormal

NAME = "localization_depth"
REVISION = 1
SPECTRA = ((0.0, 0.0), (5.0, 0.0), (20.0, 0.0), (80.0, 0.0), (0.0, 4.0), (0.0, 16.0), (20.0, 16.0))  # eta, deviation
NORMALIZATIONS = ("none", "rms")


@dataclass(frozen=True)
class Config:
    """One stack.

    Parameters
    ----------
    tokens, d_model : int
        Length T and dimension d, at least 2 each; the input is a random walk with steps of variance 1/T.
    eta, deviation : float
        Of the eigenvalues of every layer, see :func:`attention_atlas.theory.localization.spectrum.eigenvalues`.
    layers : int
        At least 1.
    residual : bool
        Whether a layer adds its input.
    normalization : {"none", "rms"}
        Whether every token has norm ``sqrt(d)`` after each layer.
    sequences, seed : int
        How many, a multiple of 10 from 20 on, and of which randomness.

    Raises
    ------
    ValueError
        If a value is impossible.
    """

    tokens: int
    d_model: int
    eta: float
    deviation: float
    layers: int = 6
    residual: bool = False
    normalization: str = "none"
    sequences: int = 400
    seed: int = 0

    def __post_init__(self):
        if self.normalization not in NORMALIZATIONS:
            raise ValueError(f"unknown normalization {self.normalization!r}; allowed: {', '.join(NORMALIZATIONS)}")
        if min(self.tokens, self.d_model) < 2 or self.layers < 1:
            got = f"{self.tokens}, {self.d_model} and {self.layers}"
            raise ValueError(f"at least 2 tokens, 2 dimensions and 1 layer are needed, got {got}")
        if self.deviation < 0:
            raise ValueError(f"the deviation must be at least 0, got {self.deviation}")
        next(fold_chunks(self.sequences, self.tokens))  # refuses a number that cannot be split


CANARY = Config(8, 16, 5.0, 2.0, layers=2, residual=True, normalization="rms", sequences=40)


def configurations(profile: str) -> dict[str, Config]:
    """Every stack of the chapter, by name; a smaller profile has fewer sequences.

    Parameters
    ----------
    profile : {"smoke", "quick", "paper"}
        How many sequences: 20, 50 or 400.

    Returns
    -------
    dict
        Name of each stack, such as ``eta20-s0-residual-rms``, to its configuration.

    Raises
    ------
    ValueError
        If the profile is unknown.

    Examples
    --------
    >>> len(configurations("paper"))
    28
    """
    sequences = {"smoke": 20, "quick": 50, "paper": 400}[check_profile(profile)]
    return {
        f"eta{eta:g}-s{deviation:g}-{'residual' if residual else 'plain'}-{normalization}": Config(
            64, 128, eta, deviation, residual=residual, normalization=normalization, sequences=sequences
        )
        for (eta, deviation), residual, normalization in itertools.product(SPECTRA, (False, True), NORMALIZATIONS)
    }


def run(config: Config) -> pd.DataFrame:
    """Measure one stack, layer by layer.

    Parameters
    ----------
    config : Config
        Which.

    Returns
    -------
    DataFrame
        One row per ``layer`` (counted from 1) and ``quantity``, with ``mean`` and ``standard_error`` over sequences.
        Quantities: ``entropy``, ``by_position`` and ``by_content`` of the layer's attention, as
        :func:`attention_atlas.experiments.localization_phase.run` says; ``diversity`` of its output, the share of the
        tokens' norm that is not their mean (0 when all tokens are equal), also of the input, as layer 0.

    Examples
    --------
    >>> table = run(CANARY)
    >>> table[table.quantity == "diversity"]["mean"].round(1).tolist()
    [0.6, 0.3, 0.2]
    """
    generator = torch.Generator().manual_seed(config.seed)
    bases = [orthonormal(config.d_model, generator) for _ in range(config.layers)]
    mask = dense(none, config.tokens)
    measured = [Measured(mask) for _ in bases]
    inputs = []
    for number in fold_chunks(config.sequences, config.tokens):
        if not number:
            for layer in measured:
                layer.close_fold()
            continue
        x = walks(number, config.tokens, config.d_model, generator, increment=1 / config.tokens)
        inputs.append(diversity(x))
        for layer, basis in zip(measured, bases, strict=True):
            weights = SpectralScores(x @ basis).weights(config.eta, config.deviation, mask)
            x = weights @ x + x if config.residual else weights @ x
            if config.normalization == "rms":
                x = x * math.sqrt(config.d_model) / torch.linalg.vector_norm(x, dim=-1, keepdim=True)
            layer.add(weights, diversity=diversity(x))
    rows = [(0, "diversity", *mean_and_error(torch.cat(inputs)))]
    for layer, place in enumerate(measured, start=1):
        rows += [(layer, quantity, *numbers) for quantity, numbers in place.numbers().items()]
    return pd.DataFrame(rows, columns=["layer", "quantity", "mean", "standard_error"])


def diversity(tokens: Float64[Tensor, "sequence token d_model"]) -> Float64[Tensor, "sequence"]:
    """Share of the tokens' norm that is not their mean: 0 when all are equal.

    Parameters
    ----------
    tokens : (sequence, token, d_model)
        Embeddings, not all zero.

    Returns
    -------
    (sequence,)
        ``||X - 1 mean||_F / ||X||_F``, in [0, 1].

    Examples
    --------
    >>> diversity(torch.tensor([[[3.0, 4.0], [3.0, -4.0]]], dtype=torch.float64))
    tensor([0.8000], dtype=torch.float64)
    """
    centered = tokens - tokens.mean(1, keepdim=True)
    return torch.linalg.matrix_norm(centered) / torch.linalg.matrix_norm(tokens)
