"""The first token's tag, taken away or held constant while a decoder reads: do later layers use it? Ours."""

from collections.abc import Sequence

import torch

from attention_atlas.shapes import Float, Tensor

WAYS = ("none", "constant", "other direction", "other direction, constant")


class TagEdit:
    """A hook for :func:`attention_atlas.models.decoder.forward` that changes what some heads add of the first token.

    Head h writes ``A_i1 v_1`` of the first token into token i, and ``A_ij v_j`` of the others. Only the first part
    changes: its coefficient becomes 0 (no tag), or its mean over the tokens of the window (a tag that tells no place).

    Parameters
    ----------
    heads : sequence of (int, int)
        Layer and head, both from 0 on.
    way : {"none", "constant", "other direction", "other direction, constant"}
        No tag; a constant one; or the control of either: the tag stays, and what would have been taken from it is taken
        along the value vector of another token of the window, made as long as the first token's.
    generator : torch.Generator
        Draws the other tokens.

    Raises
    ------
    ValueError
        If the way is unknown.

    Notes
    -----
    The weights stay as they are, so that the edit touches nothing but the tag: later layers then read another stream.

    Examples
    --------
    >>> from attention_atlas.models.decoder import Decoder, forward, initial
    >>> decoder, source = Decoder(9, tokens=5, layers=2, heads=2, d_model=8), torch.Generator().manual_seed(0)
    >>> parameters, text = initial(decoder, [source]), torch.randint(9, (1, 3, 5), generator=source)
    >>> edited = forward(decoder, parameters, text, TagEdit([(0, 1)], "none", source))
    >>> (forward(decoder, parameters, text) - edited).abs().max() > 0
    tensor(True)
    """

    def __init__(self, heads: Sequence[tuple[int, int]], way: str, generator: torch.Generator):
        if way not in WAYS:
            raise ValueError(f"unknown way {way!r}; allowed: {', '.join(WAYS)}")
        self._heads, self._way, self._generator = list(heads), way, generator
        self._values = self._weights = None

    def __call__(self, layer: int, name: str, tensor: Tensor) -> Tensor | None:
        """Of everything on the way, only ``pooled`` is changed."""
        heads = [head for at, head in self._heads if at == layer]
        if not heads:
            return None
        if name == "value":
            self._values = tensor
        elif name == "weights":
            self._weights = tensor
        elif name == "pooled":
            changed = tensor.clone()
            for head in heads:
                changed[:, :, head] += self._added(self._weights[:, :, head], self._values[:, :, head])
            return changed
        return None

    def _added(self, weights: Tensor, values: Tensor) -> Float[Tensor, "seed batch token d_head"]:
        share, tag = weights[..., 0], values[:, :, 0]
        kept = share.mean(-1, keepdim=True) if self._way.endswith("constant") else 0.0
        direction = tag
        if self._way.startswith("other"):
            tokens = values.shape[2]
            chosen = torch.randint(1, tokens, values.shape[:2], generator=self._generator)[..., None, None]
            other = values.gather(2, chosen.expand(-1, -1, 1, values.shape[3])).squeeze(2)
            direction = other * (tag.norm(dim=-1) / other.norm(dim=-1))[..., None]
        return (kept - share)[..., None] * direction[:, :, None]
