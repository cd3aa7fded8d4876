"""The stack as it is written: token vectors, streamed in chunks that fit a core's cache."""

import math
from collections.abc import Iterator

import torch

from attention_atlas.positions import rope, rope_frequencies
from attention_atlas.shapes import Float, Tensor
from attention_atlas.simulation.chunk import Seen, Workspaces, attention
from attention_atlas.simulation.model import Model
from attention_atlas.simulation.running import whole_blocks


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

    Gaps are cosines less 1 and so end at the rounding of 1: where tokens have collapsed further than the precision of
    `dtype`, as they do in deep normalized stacks, only the Gram simulator still orders the scores.
    """

    def __init__(self, model: Model, seed: int, dtype: torch.dtype = torch.float64):
        self.model, self.dtype = model, dtype
        self.chunk = min(800, max(8, 2**19 // (model.tokens * model.d_model)))  # fits a core's cache: at most 2 MB
        self._generator = torch.Generator().manual_seed(seed)
        self._frequencies = rope_frequencies(model.d_model).to(dtype) if model.rope else None
        self._held = Workspaces(dtype)

    def draw(self, sequences: int) -> Float[Tensor, "sequence token d_model"]:
        """Token vectors of that many further sequences; overwritten by the next draw."""
        model = self.model
        needed = (model.tokens + 1) * model.d_model
        drawn = self._held("drawn", sequences, whole_blocks(needed), dtype=torch.float32)
        drawn = drawn.normal_(std=1 / math.sqrt(model.d_model), generator=self._generator)
        drawn = drawn[:, :needed].unflatten(1, (-1, model.d_model)).to(self.dtype)
        vectors = self._held("vectors", sequences, model.tokens, model.d_model)
        torch.add(drawn[:, 1:], drawn[:, :1], alpha=model.shared, out=vectors)
        if model.unit_input:
            vectors /= torch.linalg.vector_norm(vectors, dim=-1, keepdim=True)
        return vectors

    def layers(self, vectors: Float[Tensor, "sequence token d_model"]) -> Iterator[Seen]:
        """What every layer shows of sequences, the first layer first; overwritten by the next layer."""
        model, sequences = self.model, len(vectors)
        if model.normalization == "layernorm":
            mean = vectors.mean(-1, keepdim=True)
            vectors = torch.sub(vectors, mean, out=self._held("centered", *vectors.shape))
        for layer in range(model.layers):
            inner = self._products(vectors, "inner")
            products = inner
            if self._frequencies is not None:
                products = self._products(rope(vectors, self._frequencies), "rotated")
            gaps, factors = self._map("gaps", sequences), 1.0
            if model.normalized:
                inverse = inner.diagonal().T.rsqrt()
                torch.mul(products, inverse[:, None], out=gaps).mul_(inverse).sub_(1).mul_(model.scale)
                factors = inverse * model.length
            else:
                torch.mul(products, model.scale, out=gaps)
            yield Seen(self._held("shown", *gaps.shape, dtype=torch.float64).copy_(gaps), inner.double)
            if layer < model.layers - 1:
                weights = attention(gaps, model.causal, model.normalized, out=self._map("weights", sequences))
                weights *= factors
                if model.residual != "none":
                    weights.diagonal().add_(1.0 if model.residual == "raw" else factors.T)
                mixing = self._held("mixing", sequences, model.tokens, model.tokens).copy_(weights.permute(2, 0, 1))
                vectors = torch.bmm(mixing, vectors, out=self._held(f"mixed {layer % 2}", *vectors.shape))

    def _products(self, vectors: Tensor, name: str) -> Tensor:
        """Inner products of all tokens of a sequence, the sequence last."""
        products = self._held("products", len(vectors), self.model.tokens, self.model.tokens)
        torch.bmm(vectors, vectors.mT, out=products)
        return self._map(name, len(vectors)).copy_(products.permute(1, 2, 0))

    def _map(self, name: str, sequences: int) -> Tensor:
        return self._held(name, self.model.tokens, self.model.tokens, sequences)

    def state(self) -> list:
        """Where the random stream stands."""
        return self._generator.get_state().tolist()

    def load(self, state: list) -> None:
        """Go on where a :meth:`state` was taken."""
        self._generator.set_state(torch.tensor(state, dtype=torch.uint8))
