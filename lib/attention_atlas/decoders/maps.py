"""What is between the first two attention layers of a decoder, and the scores of all: the trace of Kim et al. 2026."""

from typing import NamedTuple

import torch

from attention_atlas.models.decoder import Decoder, forward
from attention_atlas.shapes import Float, Int, Tensor

WAY = ("read", "pooled", "written", "attended", "mlp_read", "left")  # names of models.decoder's hook, in their order
PANELS = (  # of the figure: is it a Gram matrix or a map of scores, of what, in which layer, and its title
    ("gram", "read", 0, r"a  $Y_1 Y_1^\top$"),
    ("score", "", 0, r"b  $Q_1 K_1^\top\!/\sqrt{d}$"),
    ("gram", "pooled", 0, r"c  of $A_1 V_1$"),
    ("gram", "written", 0, r"d  of $A_1 V_1 W_O$"),
    ("gram", "attended", 0, r"e  of $O = A_1 V_1 W_O + X_1$"),
    ("gram", "mlp_read", 0, r"f  of $N(O)$"),
    ("gram", "left", 0, r"g  of $X_2 = \mathrm{FFN} + O$"),
    ("gram", "read", 1, r"h  $Y_2 Y_2^\top$"),
    ("score", "", 1, r"i  $Q_2 K_2^\top\!/\sqrt{d}$"),
)


class Trace(NamedTuple):
    """What a decoder computed of some windows.

    Parameters
    ----------
    scores : list of (window, head, query, key)
        Of every layer before the softmax, with bias and rotation, at all keys.
    vectors : dict
        (layer, name of :data:`WAY`) to (window, token, width): all of the first layer, ``read`` of every layer.
    """

    scores: list[Float[Tensor, "window head query key"]]
    vectors: dict[tuple[int, str], Float[Tensor, "window token width"]]

    def gram(self, layer: int, name: str) -> Float[Tensor, "window query key"]:
        """Inner products of the tokens' vectors."""
        found = self.vectors[layer, name]
        return found @ found.mT


def trace(decoder: Decoder, parameters: dict[str, Float[Tensor, "..."]], windows: Int[Tensor, "window token"]) -> Trace:
    """Read windows and keep scores and the way from layer to layer.

    Parameters
    ----------
    decoder : Decoder
        The model's shape.
    parameters : dict of str to (1, ...)
        Of one model.
    windows : (window, token)
        Short ones: all is kept.

    Returns
    -------
    Trace
        What a token saw does not depend on what follows it, so the beginning of a window is enough for its maps.

    Examples
    --------
    >>> from attention_atlas.models.decoder import initial
    >>> decoder = Decoder(8, tokens=5, layers=2)
    >>> found = trace(decoder, initial(decoder, [torch.Generator().manual_seed(0)]), torch.arange(6).reshape(2, 3))
    >>> len(found.scores), found.scores[1].shape, found.gram(1, "read").shape, len(found.vectors)
    (2, torch.Size([2, 4, 3, 3]), torch.Size([2, 3, 3]), 7)
    """
    kept = Trace([], {})

    def hook(layer: int, name: str, tensor: Tensor) -> None:
        if name == "scores":
            kept.scores.append(tensor[0])
        elif name == "read" or (layer == 0 and name in WAY):
            heads_joined = tensor[0].transpose(1, 2).flatten(2) if name == "pooled" else tensor[0]
            kept.vectors[layer, name] = heads_joined

    with torch.no_grad():
        forward(decoder, parameters, windows[None], hook)
    return kept
