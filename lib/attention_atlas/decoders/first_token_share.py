"""How a sink at the first token tells the place: its share of the attention falls with the number of tokens seen. Ours.

Notes
-----
Derived here: let the first token weigh ``odds`` times as much as each other one, ``exp(score) / mean exp(score)``. Then
the i-th token (from 1) gives it the share ``odds / (odds + i - 1)``, which falls strictly with i, and of what the head
writes the first token's value vector has that coefficient. With ``odds = 1`` attention is uniform.
"""

import torch

from attention_atlas.catch_criteria import SINK
from attention_atlas.decoders.layer_measures import GU
from attention_atlas.shapes import Float, Tensor
from attention_atlas.sinks import attention_received, sink_share_wu2025, sinks_zhang2025

MOST = 1e9  # odds beyond which the first token gets all there is
HALVINGS = 100


def shares(odds: float, tokens: int) -> Float[Tensor, "token"]:
    """What each token of a window gives to the first one.

    Parameters
    ----------
    odds : float
        Weight of the first token as a multiple of each other's, positive.
    tokens : int
        Length of the window, positive.

    Raises
    ------
    ValueError
        If one of them is not positive.

    Examples
    --------
    >>> shares(3.0, 4)
    tensor([1.0000, 0.7500, 0.6000, 0.5000], dtype=torch.float64)
    """
    if odds <= 0 or tokens <= 0:
        raise ValueError(f"odds and tokens must be positive, got {odds} and {tokens}")
    weight = torch.tensor(odds, dtype=torch.float64)
    return weight / (weight + torch.arange(tokens))


def odds_of(received: float, tokens: int) -> float:
    """The odds with which the first token receives so much on average.

    Parameters
    ----------
    received : float
        Mean attention from all tokens of the window, between ``1 / tokens`` and 1.
    tokens : int
        Length of the window, 2 or more.

    Raises
    ------
    ValueError
        If no odds give that mean.

    Examples
    --------
    >>> round(odds_of(shares(25.0, 128).mean().item(), 128), 6)
    25.0
    """
    if tokens < 2 or not 1 / tokens < received < 1:
        raise ValueError(f"received must lie between 1/tokens and 1, and tokens be 2 or more, got {received}, {tokens}")
    low, high = 0.0, MOST
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if shares(middle, tokens).mean() < received else (low, middle)
    return high


def of_uniform_attention(tokens: int) -> dict[str, float]:
    """What measures of sinks come to if every token attends evenly to all that it sees.

    Parameters
    ----------
    tokens : int
        Length of the window.

    Returns
    -------
    dict
        By the names that :func:`attention_atlas.decoders.tags.layer_tags` has for them.

    Examples
    --------
    >>> {name: round(value, 3) for name, value in of_uniform_attention(3).items()}
    {'received_first': 0.611, 'sinks': 3, 'sinks_gu': 3, 'entries_wu': 1.0, 'first_wu': 1.0}
    """
    even = torch.ones(tokens, tokens).tril() / torch.arange(1, tokens + 1)[:, None]
    causal = even > 0
    received = attention_received(even, causal)
    return {
        "received_first": received[0].item(),
        "sinks": int(sinks_zhang2025(even[None, None], causal).sum()),
        "sinks_gu": int((received > GU).sum()),
        "entries_wu": (((even > SINK) & causal).sum() / causal.sum()).item(),
        "first_wu": sink_share_wu2025(even[None, None], causal)[0].item(),
    }
