"""The stack without a d-dimensional vector: sequences as S x S factors of their Gram matrices, at a cost free of d.

Nothing in the stack has weights, so scores depend on the Gram matrix of the tokens alone. For Gaussian tokens that is a
Wishart matrix, whose factor can be drawn directly: standard normals below the diagonal, chi variables on it (Bartlett).
"""

import math
from collections.abc import Iterator
from functools import partial

import numpy as np
import torch

from attention_atlas.shapes import Float64, Tensor
from attention_atlas.simulation.chunk import Seen, Workspaces, attention
from attention_atlas.simulation.model import Model


class GramSimulator:
    """Draws factors and passes them through the layers; factors are (token, coordinate, sequence), float64.

    Parameters
    ----------
    model : Model
        What to simulate.
    seed : int
        Of all its randomness.

    Raises
    ------
    ValueError
        If the model rotates queries and keys, which a Gram matrix does not determine, or has more tokens than
        dimensions, whose Gram matrix has no factor with independent entries.

    Notes
    -----
    Derived here. X = C B / sqrt(d) with C C^T = I + l^2 1 1^T, C and the Bartlett factor B lower triangular, B of
    n = d degrees of freedom, n = d - 1 with LayerNorm: centering removes one dimension and commutes with mixing and
    with the residual. Causal mixing keeps a factor lower triangular; its first token lies along the first coordinate.
    """

    def __init__(self, model: Model, seed: int):
        if model.rope:
            raise ValueError("rotary positions act on coordinates, which the Gram simulator has not; allowed: direct")
        if model.d_model < model.tokens:
            raise ValueError(
                f"the Gram simulator needs d_model of at least {model.tokens}, one per token, got {model.d_model}"
            )
        self.model = model
        tokens, degrees = model.tokens, model.d_model - (model.normalization == "layernorm")
        self.chunk = max(16, 150_000 // tokens**2)  # a workspace of 1.2 MB, near enough to a core
        self._shapes = (degrees - np.arange(tokens)) / 2
        self._below = np.tril_indices(tokens, -1)
        # the coordinate that centering removes counts in the norm before it
        self._more = tokens if model.unit_input and model.normalization == "layernorm" else 0
        covariance = torch.eye(tokens, dtype=torch.float64) + model.shared**2
        self._mixing = torch.linalg.cholesky(covariance) / math.sqrt(model.d_model)
        self._workspaces = Workspaces(torch.float64)
        # two streams, so that neither depends on how many sequences the other has drawn at once
        self._streams = [np.random.Generator(np.random.PCG64(s)) for s in np.random.SeedSequence(seed).spawn(2)]

    def draw(self, sequences: int) -> Float64[Tensor, "token coordinate sequence"]:
        """Factors of the Gram matrices of that many further sequences; overwritten by the next draw."""
        tokens, (normal, gamma) = self.model.tokens, self._streams
        drawn = torch.from_numpy(normal.standard_normal((sequences, len(self._below[0]) + self._more)))
        below, more = drawn.T.contiguous().split([len(self._below[0]), self._more])
        squares = 2 * gamma.standard_gamma(self._shapes, size=(sequences, tokens))
        bartlett, factor = self._held("bartlett", sequences), self._held("factor", sequences)
        bartlett[self._below] = below
        bartlett.diagonal().copy_(torch.from_numpy(squares).sqrt_())
        torch.mm(self._mixing, bartlett.flatten(1), out=factor.view(tokens, -1))
        if self.model.unit_input:
            squares = factor.square().sum(1)
            if self._more:
                squares += (self._mixing @ more).square_()
            factor *= squares.rsqrt_()[:, None]
        return factor

    def layers(self, factor: Float64[Tensor, "token coordinate sequence"]) -> Iterator[Seen]:
        """What every layer shows of sequences, the first layer first; overwritten by the next layer."""
        model, sequences = self.model, factor.shape[-1]
        for layer in range(model.layers):
            gaps, values = self._score(factor)
            inner = partial(self._products, factor, self._held("inner", sequences))
            yield Seen(gaps, inner)
            if layer < model.layers - 1:
                weights = attention(gaps, model.causal, model.normalized, out=self._held("weights", sequences))
                mixed = self._mix(weights, values, self._held(f"mixed {layer % 2}", sequences))
                if model.residual != "none":
                    mixed += factor if model.residual == "raw" else values
                factor = mixed

    def _score(self, factor: Tensor) -> tuple[Tensor, Tensor]:
        """Scores less the largest possible one, and the factor of the normalized tokens.

        Normalized tokens are compared by cos - 1 without cancellation, however near to 1 the cosines are. With f a
        factor row of norm 1, a_i = f_i1 - 1 and r_i its other coordinates,

            cos_ij - 1 = a_i + (1 + a_i) a_j + <r_i, r_j>  with  a_i = -|r_i|^2 / (1 + f_i1),

        so that every term is as small as the result.
        """
        model, sequences = self.model, factor.shape[-1]
        gaps, values = self._held("gaps", sequences), self._held("values", sequences)
        if not model.normalized:
            return self._products(factor, gaps).mul_(model.scale), factor
        squares = torch.square(factor, out=values)
        rest = squares[:, 1:].sum(1)
        total = rest + squares[:, 0]
        inverse = total.rsqrt()
        first = factor[:, 0] * inverse
        less = torch.where(first > 0, -rest / (total * (1 + first)), first - 1)
        torch.mul(factor, (inverse * model.length)[:, None], out=values)
        torch.addcmul((model.scale * less)[:, None], (model.scale * (1 + less))[:, None], less, out=gaps)
        return self._add_products(values, gaps, first=1, scale=model.scale / model.length**2), values

    def _products(self, factor: Tensor, out: Tensor) -> Tensor:
        """Inner products of all tokens."""
        return self._add_products(factor, out.zero_())

    def _add_products(self, factor: Tensor, out: Tensor, first: int = 0, scale: float = 1.0) -> Tensor:
        """Add the scaled inner products of all tokens over the coordinates from `first` on."""
        for c in range(first, self.model.tokens):
            low = c if self.model.causal else 0  # in a triangular factor, earlier tokens have no coordinate c
            column = factor[low:, c]
            out[low:, low:].addcmul_(column[:, None], column, value=scale)
        return out

    def _mix(self, weights: Tensor, values: Tensor, out: Tensor) -> Tensor:
        """The weighted sums of values."""
        out.zero_()
        for key in range(self.model.tokens):
            low, high = (key, key + 1) if self.model.causal else (0, self.model.tokens)
            out[low:, :high].addcmul_(weights[low:, key, None], values[key, :high])
        return out

    def _held(self, name: str, sequences: int) -> Tensor:
        return self._workspaces(name, self.model.tokens, self.model.tokens, sequences)

    def state(self) -> list:
        """Where the random streams stand."""
        return [stream.bit_generator.state for stream in self._streams]

    def load(self, state: list) -> None:
        """Go on where a :meth:`state` was taken."""
        for stream, saved in zip(self._streams, state, strict=True):
            stream.bit_generator.state = saved
