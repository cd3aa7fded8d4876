"""Scores of the last query along random sequences, and what a softmax and its tangent make of them."""

import dataclasses
import math
from dataclasses import dataclass

import torch

from attention_atlas.shapes import Float64, Tensor
from attention_atlas.simulation.running import Stream, Sums
from attention_atlas.tasks.random_walk import mixing, walks
from attention_atlas.theory.localization.forms import Forms, of_mixing, random_walk
from attention_atlas.theory.localization.propagation import propagates
from attention_atlas.theory.localization.spectrum import Spectrum, apply, eigenvalues, of_eigenvalues

SHOWN = 64  # keys of which numbers are kept, evenly spaced from the first to the last
NUMBERS = 2**21  # random numbers held at once


@dataclass(frozen=True)
class Signal:
    """Tokens and weights of one layer whose last token asks.

    Parameters
    ----------
    tokens, d_model : int
        Length T and dimension d, at least 2 each.
    eta, deviation, rotation : float
        Of the eigenvalues of W, see :func:`attention_atlas.theory.localization.spectrum.eigenvalues`.
    shape : {"gaussian", "two-point", "spike"}
        How the eigenvalues lie around their mean.
    persistence, increment : float
        Of the tokens, see :func:`attention_atlas.tasks.random_walk.walks`.

    Raises
    ------
    ValueError
        If a value is impossible.

    Examples
    --------
    >>> round(Signal(64, 128, eta=2.0, deviation=0.5).spectrum.xi, 5)
    0.28125
    """

    tokens: int
    d_model: int
    eta: float
    deviation: float
    rotation: float = 0.0
    shape: str = "gaussian"
    persistence: float = 1.0
    increment: float = 1.0

    def __post_init__(self):
        self.spectrum, self.forms  # noqa: B018 - both refuse what is impossible

    @property
    def eigenvalues(self):
        """Eigenvalues of W, (d_model,)."""
        return eigenvalues(self.d_model, self.eta, self.deviation, self.rotation, self.shape)

    @property
    def spectrum(self) -> Spectrum:
        """What of W the mean and the variance of a score depend on."""
        found = of_eigenvalues(self.eigenvalues)
        return dataclasses.replace(found, eta=self.eta)

    @property
    def forms(self) -> Forms:
        """What of the tokens they depend on."""
        walk = self.persistence == 1
        forms = random_walk(self.tokens) if walk else of_mixing(mixing(self.tokens, self.persistence))
        return forms.scaled(self.increment)

    @property
    def keys(self) -> list[int]:
        """Keys of which numbers are kept, counted from 1."""
        shown = min(SHOWN, self.tokens)
        return [1 + round(place * (self.tokens - 1) / (shown - 1)) for place in range(shown)]

    @property
    def chunk(self) -> int:
        """Sequences drawn at once."""
        return max(1, NUMBERS // (self.tokens * self.d_model))


class SignalSums(Sums):
    """Running means of what the scores of one query are and do.

    Parameters
    ----------
    signal : Signal
        What is simulated.
    randomness : Stream
        Source of the sequences.

    Examples
    --------
    >>> randomness = Stream()
    >>> sums = SignalSums(Signal(4, 16, eta=0.0, deviation=1.0), randomness)
    >>> sums.draw(2000)
    >>> sums.mean_and_error("propagates")[0].round(decimals=1)
    tensor([0.6000, 0.8000, 0.8000, 0.6000], dtype=torch.float64)
    """

    NAMES = ("propagates", "score", "square", "weight", "sensitivity")  # one number for every key kept

    def __init__(self, signal: Signal, randomness: Stream):
        super().__init__(dict.fromkeys(self.NAMES, (len(signal.keys),)) | {"entropy": ()})
        self.signal, self.randomness = signal, randomness
        self._eigenvalues, self._kept = signal.eigenvalues, torch.tensor(signal.keys) - 1

    def draw(self, number: int) -> None:
        """Add so many new sequences."""
        signal = self.signal
        x = walks(
            number, signal.tokens, signal.d_model, self.randomness, signal.persistence, signal.increment
        )  # (sequence, token, d_model)
        asked = apply(self._eigenvalues, x[:, -1]) / math.sqrt(signal.d_model)
        scores = (x @ asked[:, :, None])[:, :, 0]
        self.add(scores)

    def add(self, scores: Float64[Tensor, "sequence key"]) -> None:
        """Add the scores of some sequences."""
        tokens, kept = self.signal.tokens, self._kept
        centered = scores - scores.mean(1, keepdim=True)
        weights = centered.softmax(1)
        z, shares = centered[:, kept].T, weights[:, kept].T
        self.record("propagates", propagates(centered)[:, kept].T.double())
        self.record("score", z)
        self.record("square", z.square())
        self.record("weight", tokens * shares)
        self.record("sensitivity", shares * (1 - shares) * tokens / (1 - 1 / tokens))
        self.record("entropy", torch.special.entr(weights).sum(1) / math.log(tokens))
        self.sequences += len(scores)
