"""Sums from which means and standard errors over sequences follow, layer by layer."""

from collections.abc import Iterable

import pandas as pd
import torch

from attention_atlas.shapes import Tensor
from attention_atlas.simulation.chunk import Seen, recency
from attention_atlas.simulation.running import Sums

INNER = 2  # the layer whose inner products are kept: the one that the proof speaks about
SMALLEST = 1e-300  # stands for a spread of zero, which has no logarithm


class Moments(Sums):
    """Running sums over sequences.

    Parameters
    ----------
    tokens, layers : int
        Of the model.
    causal : bool
        Whether maps have nothing above the diagonal.
    map_layers : iterable of int
        Layers of which score maps are kept, counted from 1.

    Raises
    ------
    ValueError
        If a layer to keep does not exist.
    """

    def __init__(self, tokens: int, layers: int, causal: bool, map_layers: Iterable[int]):
        if unknown := [layer for layer in map_layers if not 1 <= layer <= layers]:
            raise ValueError(f"maps are kept of layers 1..{layers}, got {unknown[0]}")
        self.causal = causal
        one, map = (), (tokens, tokens)
        shapes = {("recency_probability", layer): one for layer in range(1, layers + 1)}
        shapes |= {("log10_spread", layer): one for layer in range(1, layers + 1)}
        shapes |= {("gap", layer): map for layer in map_layers}
        if INNER in map_layers:
            shapes["inner_product", INNER] = map
        super().__init__(shapes)

    def add(self, chunk: Iterable[Seen]) -> None:
        """Add what the layers of a stack show of one chunk, first layer first."""
        for layer, seen in enumerate(chunk, start=1):
            self.record(("recency_probability", layer), recency(seen.gaps))
            spread = (seen.gaps[-1, -2] - seen.gaps[-1, 0]).abs()
            self.record(("log10_spread", layer), spread.clamp(min=SMALLEST).log10())
            if ("gap", layer) in self.sums:
                self.record(("gap", layer), seen.gaps)
            if ("inner_product", layer) in self.sums:
                self.record(("inner_product", layer), seen.inner())
        self.sequences += seen.gaps.shape[-1]

    def table(self) -> pd.DataFrame:
        """Means over the sequences so far.

        Returns
        -------
        DataFrame
            One row per ``quantity``, ``layer`` and, for maps, ``query`` and ``key`` (all counted from 1; 0 where there
            is none), with ``mean`` and ``standard_error`` over sequences. Quantities: ``recency_probability``;
            ``gap``, the score less the largest possible score of normalized tokens (without normalization the score
            itself); ``log10_spread``, the decimal logarithm of how much the last query's scores on the key before it
            and on the first key differ; ``inner_product`` of the vectors that enter layer 2, not yet normalized.
        """
        frames = [self._frame(*key, *self.mean_and_error(key)) for key in self.sums]
        return pd.concat(frames, ignore_index=True)

    def _frame(self, quantity: str, layer: int, mean: Tensor, error: Tensor) -> pd.DataFrame:
        places = torch.ones_like(mean, dtype=torch.bool)
        if mean.dim() and self.causal:
            places = places.tril()
        index = places.nonzero() + 1 if mean.dim() else torch.zeros(1, 2, dtype=torch.int64)
        columns = {"quantity": quantity, "layer": layer, "query": index[:, 0].tolist(), "key": index[:, 1].tolist()}
        return pd.DataFrame(columns | {"mean": mean[places].tolist(), "standard_error": error[places].tolist()})
