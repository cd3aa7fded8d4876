"""A transformer that averages the numbers after [SEP] by a tag, and without a sink: an MLP does what the sink did."""

import dataclasses

import torch

from attention_atlas.models.averager import Averager
from attention_atlas.shapes import Float64, Tensor
from attention_atlas.theory.catch_tag_release.construction import CONSTANT, TAG, catch_tag_release


def sink_free(tokens: int, gamma: float) -> tuple[Averager, dict[str, Float64[Tensor, "..."]]]:
    """Two layers whose first attends to all tokens alike.

    Parameters
    ----------
    tokens : int
        Longest sequence, at least 2.
    gamma : float
        How strongly the last token attends to tagged tokens in layer 2.

    Returns
    -------
    (Averager, dict)
        The model, with an MLP, and its parameters in float64.

    Raises
    ------
    ValueError
        If there are fewer tokens.

    Notes
    -----
    Derived here. With beta = 0 in the construction token i (from 1 on) gets the tag ``1/i`` if it comes after [SEP],
    and 0 if before. The tags differ, and no softmax over multiples of them averages evenly. But every tag other than 0
    is at least ``1/T``, so the MLP's ``relu(T tag) - relu(T tag - 1)`` is exactly 1 for all of them, and 0 for no tag.
    From there on it is the construction with whole tags.

    Examples
    --------
    >>> from attention_atlas.models.averager import forward
    >>> from attention_atlas.tasks.averaging import placed
    >>> batch = placed(torch.tensor([[9.0, 1.0, 2.0]]).double(), torch.tensor([1]))
    >>> found = forward(*sink_free(4, 40.0), batch.features[None])
    >>> found.output[0, :, -1], found.weights[0][0, 0, 0, -1]
    (tensor([1.5000], dtype=torch.float64), tensor([0.2500, 0.2500, 0.2500, 0.2500], dtype=torch.float64))
    """
    if tokens < 2:
        raise ValueError(f"at least 2 tokens are needed, got {tokens}")
    averager, parameters = catch_tag_release(0.0, gamma)
    averager = dataclasses.replace(averager, mlp=True)
    wide, over, tag = range(3)  # hidden units: T tag, T tag - 1, tag
    shapes = averager.shapes
    enter, leave = (torch.zeros(1, *shapes[name], dtype=torch.float64) for name in ("mlp_in", "mlp_out"))
    enter[0, 0, TAG, [wide, over, tag]] = torch.tensor([tokens, tokens, 1.0], dtype=torch.float64)
    enter[0, 0, CONSTANT, over] = -1
    leave[0, 0, [wide, over, tag], TAG] = torch.tensor([1.0, -1.0, -1.0], dtype=torch.float64)
    return averager, parameters | {"mlp_in": enter, "mlp_out": leave}
