"""Trigger-conditional averaging by hand: softmax with a sink, ReLU attention without, and two softmax heads.

Tokens have the features of :mod:`attention_atlas.tasks.trigger_averaging`, average "seen". All of it is derived here:
the full text of Ran-Milo 2026 was not at hand.
"""

import torch

from attention_atlas.models.averager import Averager
from attention_atlas.shapes import Float64, Tensor

NUMBER, CONSTANT, BOS, TRIGGER, ANSWER = range(5)  # coordinates of the constructions


def softmax_trigger(strength: float) -> tuple[Averager, dict[str, Float64[Tensor, "..."]]]:
    """One softmax layer with a sink: every token but a trigger attends to BOS.

    Parameters
    ----------
    strength : float
        Logit beta of BOS for a query that is no trigger.

    Returns
    -------
    (Averager, dict)
        The model and its parameters in float64.

    Notes
    -----
    Derived here. ``Q K^T = beta (e_const - e_trigger) e_bos^T`` and ``V O = e_num e_answer^T``, both of rank one.
    Exact at triggers, whose logits are all 0; off by at most :func:`softmax_error` elsewhere.

    Examples
    --------
    >>> from attention_atlas.models.averager import forward
    >>> from attention_atlas.tasks.trigger_averaging import placed
    >>> batch = placed(torch.tensor([[[3.0], [1.0], [5.0]]]).double(), torch.tensor([[False, True, False]]))
    >>> forward(*softmax_trigger(20.0), batch.features[None]).output[0, 0].round(decimals=6).tolist()
    [0.0, 0.0, 1.333333, 0.0]
    """
    averager, model = _empty("softmax", heads=1)
    model["query"][0, 0, 0, CONSTANT, 0], model["query"][0, 0, 0, TRIGGER, 0] = strength, -strength
    model["key"][0, 0, 0, BOS, 0] = 1
    return averager, model


def relu_trigger() -> tuple[Averager, dict[str, Float64[Tensor, "..."]]]:
    """One layer of ReLU attention without any sink: only triggers attend, to all tokens alike.

    Returns
    -------
    (Averager, dict)
        The model and its parameters in float64.

    Notes
    -----
    Derived here. ``Q K^T = e_trigger e_const^T`` and ``V O = e_num e_answer^T``. Logits are 1 for a trigger and 0 for
    others, so with the division by the number of tokens seen it is exact, at finite weights.

    Examples
    --------
    >>> from attention_atlas.models.averager import forward
    >>> from attention_atlas.tasks.trigger_averaging import placed
    >>> batch = placed(torch.tensor([[[3.0], [1.0], [5.0]]]).double(), torch.tensor([[False, True, False]]))
    >>> found = forward(*relu_trigger(), batch.features[None])
    >>> found.output[0, 0], found.weights[0][0, 0, 0].sum(-1)
    (tensor([0.0000, 0.0000, 1.3333, 0.0000], dtype=torch.float64), tensor([0., 0., 1., 0.], dtype=torch.float64))
    """
    averager, model = _empty("relu", heads=1)
    model["query"][0, 0, 0, TRIGGER, 0] = model["key"][0, 0, 0, CONSTANT, 0] = 1
    return averager, model


def opposed_heads(strength: float) -> tuple[Averager, dict[str, Float64[Tensor, "..."]]]:
    """Two softmax heads of opposite signs: where there is no trigger they cancel, and neither needs a sink there.

    Parameters
    ----------
    strength : float
        Logit of BOS for a trigger in the second head.

    Returns
    -------
    (Averager, dict)
        The model and its parameters in float64.

    Notes
    -----
    Derived here. The first head attends to all tokens alike and adds their mean; the second does the same and
    subtracts it, but for a trigger, which attends to BOS. Exactly 0 where there is no trigger; at a trigger that sees i
    numbers of size at most R it is off by at most :func:`softmax_error`.

    Examples
    --------
    >>> from attention_atlas.models.averager import forward
    >>> from attention_atlas.tasks.trigger_averaging import placed
    >>> batch = placed(torch.tensor([[[3.0], [1.0], [5.0]]]).double(), torch.tensor([[False, True, False]]))
    >>> forward(*opposed_heads(20.0), batch.features[None]).output[0, 0].round(decimals=6).tolist()
    [0.0, 0.0, 1.333333, 0.0]
    """
    averager, model = _empty("softmax", heads=2)
    model["query"][0, 0, 1, TRIGGER, 0], model["key"][0, 0, 1, BOS, 0] = strength, 1
    model["output"][0, 0, 1, 0, ANSWER] = -1
    return averager, model


def softmax_error(strength: float, numbers: float | Float64[Tensor, "*batch"], radius: float = 1.0):
    """Largest output of :func:`softmax_trigger` where there is no trigger and the answer is 0.

    Parameters
    ----------
    strength : float
        beta of the construction.
    numbers : float or (*batch)
        How many tokens the query sees, BOS not counted: its place, counted from 0.
    radius : float
        Size R that no number exceeds.

    Returns
    -------
    float or (*batch)
        ``R i / (e^beta + i)``, reached if all numbers are R.

    Examples
    --------
    >>> softmax_error(0.0, 3.0)
    0.75
    """
    return radius * numbers / (torch.tensor(strength, dtype=torch.float64).exp().item() + numbers)


def _empty(attention: str, heads: int) -> tuple[Averager, dict[str, Tensor]]:
    """Features as they are, every head adding the number to the answer, no attention logits yet."""
    averager = Averager(features=4, d_model=5, layers=1, heads=heads, d_head=1, attention=attention)
    model = {name: torch.zeros(1, *shape, dtype=torch.float64) for name, shape in averager.shapes.items()}
    model["embedding"][0, :, :4] = torch.eye(4, dtype=torch.float64)
    model["value"][0, 0, :, NUMBER, 0] = model["output"][0, 0, :, 0, ANSWER] = model["readout"][0, ANSWER] = 1
    return averager, model
