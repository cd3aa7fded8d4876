"""The stack as it is written: token vectors, streamed in chunks that fit a core's cache."""

import math
from collections.abc import Iterator

import torch

from attention_atlas.positions import rope, rope_frequencies
from attention_atlas.shapes import Float, Tensor
from attention_atlas.simulation.chunk import Seen, attention
from attention_atlas.simulation.model import Model

BLOCK = 16  # torch fills normals in groups of this many; whole groups make a stream independent of how it is cut


class DirectSimulator:
    """Draws token vectors and passes them through the layers; vectors are (sequence, token, d_model).

    Parameters
    ----------
    model : Model
        What to simulate.
    seed : int
        Of all its randomness.
    dtype : torch.dtype
        Precision of the arithmetic; numbers are drawn in float32, so that both precisions see the same tokens.

    Notes
    -----
    The layer of the official code with two savings. A vector is centered once, as centering commutes with mixing and
    with the residual. And it is never normalized: its norm is read off the diagonal of the inner products that the
    scores need anyway, and joins the attention weights, so that a layer is two batched matrix products.
    """

    def __init__(self, model: Model, seed: int, dtype: torch.dtype = torch.float64):
        self.model, self.dtype = model, dtype
        self.chunk = min(800, max(8, 2**19 // (model.tokens * model.d_model)))  # fits a core's cache: at most 2 MB
        self._generator = torch.Generator().manual_seed(seed)
        self._frequencies = rope_frequencies(model.d_model).to(dtype) if model.rope else None

    def draw(self, sequences: int) -> Float[Tensor, "sequence token d_model"]:
        """Token vectors of that many further sequences."""
        model = self.model
        needed = (model.tokens + 1) * model.d_model
        drawn = torch.randn(sequences, -(-needed // BLOCK) * BLOCK, generator=self._generator)
        drawn = drawn[:, :needed].to(self.dtype).reshape(sequences, model.tokens + 1, model.d_model)
        vectors = drawn[:, 1:].add(drawn[:, :1], alpha=model.shared).div_(math.sqrt(model.d_model))
        if model.unit_input:
            vectors /= torch.linalg.vector_norm(vectors, dim=-1, keepdim=True)
        return vectors

    def layers(self, vectors: Float[Tensor, "sequence token d_model"]) -> Iterator[Seen]:
        """What every layer shows of sequences, the first layer first."""
        model = self.model
        if model.normalization == "layernorm":
            vectors = vectors - vectors.mean(-1, keepdim=True)
        for layer in range(model.layers):
            inner = _sequence_last(vectors @ vectors.mT)
            products = inner if self._frequencies is None else self._rotated_products(vectors)
            if model.normalized:
                factors = inner.diagonal().T.rsqrt()
                gaps = (products * factors[:, None]).mul_(factors).sub_(1).mul_(model.scale)
                factors = factors * model.length
            else:
                gaps, factors = products * model.scale, torch.ones_like(inner[0])
            yield Seen(gaps.double(), inner.double)
            if layer < model.layers - 1:
                mixing = attention(gaps, model.causal, model.normalized).mul_(factors)
                if model.residual != "none":
                    mixing.diagonal().add_(1.0 if model.residual == "raw" else factors.T)
                vectors = mixing.permute(2, 0, 1).contiguous() @ vectors

    def _rotated_products(self, vectors: Tensor) -> Tensor:
        rotated = rope(vectors, self._frequencies)
        return _sequence_last(rotated @ rotated.mT)

    def state(self) -> list:
        """Where the random stream stands."""
        return self._generator.get_state().tolist()

    def load(self, state: list) -> None:
        """Go on where a :meth:`state` was taken."""
        self._generator.set_state(torch.tensor(state, dtype=torch.uint8))


def _sequence_last(maps: Tensor) -> Tensor:
    return maps.permute(1, 2, 0).contiguous()
