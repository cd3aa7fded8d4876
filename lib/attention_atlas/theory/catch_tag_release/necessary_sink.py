"""When a sink is necessary: the floor that small errors put under a softmax head's attention to BOS.

Tokens have the features of :mod:`attention_atlas.tasks.trigger_averaging`, average "seen". All of it is derived here:
the full text of Ran-Milo 2026 was not at hand.
"""

from dataclasses import dataclass
from typing import NamedTuple

import torch

from attention_atlas.shapes import Float64, Tensor
from attention_atlas.tasks.trigger_averaging import placed


@dataclass(frozen=True)
class Head:
    """One softmax head without positions, and all that follows it being linear.

    Parameters
    ----------
    scores : (feature, feature)
        ``W_Q W_K^T`` between features: logits are query features times this times key features.
    values : (feature, content)
        What a token gives to the output, ``W_V W_O`` and the readout in one.

    Notes
    -----
    What a query adds to its own output besides attention (residual stream, biases, anything that is a function of its
    own features) is no part of this: it cancels in :func:`witness`.

    Examples
    --------
    >>> head = Head(torch.zeros(4, 4).double(), torch.eye(4, 1).double())
    >>> batch = placed(torch.tensor([[[3.0], [1.0]]]).double(), torch.tensor([[False, True]]))
    >>> head.output(batch.features)[0, :, 0]
    tensor([0.0000, 1.5000, 1.3333], dtype=torch.float64)
    """

    scores: Float64[Tensor, "feature feature"]
    values: Float64[Tensor, "feature content"]

    def weights(self, features: Float64[Tensor, "batch token feature"]) -> Float64[Tensor, "batch query key"]:
        """Attention of every query."""
        logits = features @ self.scores @ features.mT
        seen = torch.ones(logits.shape[-2:], dtype=torch.bool).tril()
        return logits.masked_fill(~seen, -torch.inf).softmax(-1)

    def output(self, features: Float64[Tensor, "batch token feature"]) -> Float64[Tensor, "batch token content"]:
        """What attention gives to every query."""
        return self.weights(features) @ (features @ self.values)


class Witness(NamedTuple):
    """Errors of a layer on six sequences, and what they say about one query's attention."""

    errors: tuple[float, float]  # half the change of the output that should not be there: at other queries, at triggers
    floor: float  # least attention to BOS that these errors allow
    attention: float  # the query's attention to BOS


def sink_floor(error: float, trigger_error: float, tokens: int, radius: float, room: float) -> float:
    """Least attention that a query without trigger pays to BOS, if a single softmax head makes small errors.

    Parameters
    ----------
    error, trigger_error : float
        Errors that the layer does not exceed at queries without trigger, and at triggers.
    tokens : int
        Length T of the longest sequence, at least 3.
    radius : float
        Size R of contents up to which this is so.
    room : float
        R less the size r of the contents of the sequence in question; R itself if scores do not depend on contents.

    Returns
    -------
    float
        ``1 - (T-1)/(T-2) error / (room ((T-2)/T - trigger_error/R))``, or 0 if that is negative.

    Raises
    ------
    ValueError
        If the sequence is too short or there is no room.

    Notes
    -----
    Derived here, for contents of at least three numbers or scores that depend on flags only; see the book's page.

    Examples
    --------
    >>> round(sink_floor(0.01, 0.01, tokens=24, radius=1.0, room=0.5), 4)
    0.9769
    """
    if tokens < 3 or not 0 < room <= radius:
        raise ValueError(f"needs at least 3 tokens and 0 < room <= radius, got {tokens}, {room} and {radius}")
    slope = (tokens - 2) / tokens - trigger_error / radius
    return max(0.0, 1 - (tokens - 1) / (tokens - 2) * error / (room * slope)) if slope > 0 else 0.0


def direction(head: Head, content: Float64[Tensor, "content"], tokens: int) -> Float64[Tensor, "content"]:
    """A direction in which contents can move unseen by a query's scores, and unmixed with what flags do at a trigger.

    Parameters
    ----------
    head : Head
        Of the layer.
    content : (content,)
        What the query carries; it is no trigger.
    tokens : int
        Length of the trigger's sequence.

    Returns
    -------
    (content,)
        Unit vector u. The query's logits do not change along it; of a trigger with content 0 either the logits do not
        change, or u is orthogonal to D: the value of a token with content 0, less the mean value of BOS and the
        trigger itself.

    Raises
    ------
    ValueError
        If there is none, as for a single number on which the scores depend.

    Examples
    --------
    >>> flat = Head(torch.zeros(4, 4).double(), torch.eye(4, 1).double())
    >>> direction(flat, torch.tensor([0.5]).double(), 5)
    tensor([1.], dtype=torch.float64)
    """
    size = len(content)
    query = _token(content, trigger=0.0)
    asking = (query @ head.scores)[:size]
    trigger = _token(torch.zeros_like(content), trigger=1.0)
    constraints = [asking]
    if (trigger @ head.scores)[:size].any():
        batch = placed(*_constant(torch.zeros_like(content), tokens, trigger=True))
        weights, values = head.weights(batch.features)[0, -1], batch.features[0] @ head.values
        rest = torch.tensor([0, tokens - 1])  # BOS and the trigger itself
        constraints.append(values[1] - weights[rest] @ values[rest] / weights[rest].sum())
    constraints = [constraint / constraint.norm() for constraint in constraints if constraint.any()]
    if not constraints:
        return torch.eye(size, dtype=torch.float64)[0]
    _, stretch, basis = torch.linalg.svd(torch.stack(constraints))
    rank = int((stretch > 1e-9).sum())
    if rank == size:
        raise ValueError(f"contents of {size} numbers leave no direction free of {rank} constraints")
    return basis[rank]


def witness(
    head: Head,
    features: Float64[Tensor, "token feature"],
    radius: float,
    along: Float64[Tensor, "content"] | None = None,
) -> Witness:
    """The floor under a query's attention to BOS that follows from errors on six sequences.

    Parameters
    ----------
    head : Head
        Of the layer.
    features : (token, feature)
        A sequence of at least 3 tokens whose last is no trigger: the query.
    radius : float
        Size R of contents, above that of all in the sequence.
    along : (content,), optional
        A unit vector that serves as :func:`direction`, which is the default.

    Returns
    -------
    Witness
        Errors are measured along differences, so nothing that depends on the query alone enters.

    Raises
    ------
    ValueError
        If the last token is a trigger, a content is too large, or as :func:`direction` says.

    Notes
    -----
    Derived here. The pairs: all earlier contents moved by ``+-(R-r) u``; the same where all earlier tokens equal the
    query; and a trigger with content 0 after ``+-R u`` throughout, where the answer must move by 2R (T-2)/T along u.

    Examples
    --------
    >>> strong = Head(torch.zeros(4, 4).double(), torch.eye(4, 1).double())
    >>> strong.scores[1:, 2] = torch.tensor([9.0, 0.0, -9.0])  # to BOS from all but triggers
    >>> batch = placed(torch.zeros(1, 4, 1).double(), torch.zeros(1, 4).bool())
    >>> found = witness(strong, batch.features[0], radius=1.0)
    >>> round(found.floor, 5), round(found.attention, 5)
    (0.99918, 0.99951)
    """
    tokens, size = len(features), features.shape[1] - 3
    content = features[:, :size]
    if features[-1, -1] or not content.norm(dim=1).max() < radius:
        raise ValueError(f"the last token must be no trigger and contents below {radius}, got {features[-1].tolist()}")
    u = direction(head, content[-1], tokens) if along is None else along
    room = radius - content.norm(dim=1).max().item()
    errors = []
    for earlier in (features, placed(*_constant(content[-1], tokens, trigger=False)).features[0]):
        moved = torch.zeros_like(earlier)
        moved[1:-1, :size] = room * u
        errors.append(_change(head, earlier + moved, earlier - moved).norm().item() / 2)
    up, down = (_trigger_after(side * radius * u, tokens) for side in (1, -1))
    trigger_error = abs((_change(head, up, down) @ u).item() / 2 - radius * (tokens - 2) / tokens)
    floor = sink_floor(max(errors), trigger_error, tokens, radius, room)
    return Witness((max(errors), trigger_error), floor, head.weights(features[None])[0, -1, 0].item())


def _change(head: Head, up: Tensor, down: Tensor) -> Float64[Tensor, "content"]:
    outputs = head.output(torch.stack((up, down)))[:, -1]
    return outputs[0] - outputs[1]


def _trigger_after(content: Tensor, tokens: int) -> Float64[Tensor, "token feature"]:
    """BOS, tokens of one content, and a trigger with content 0."""
    features = placed(*_constant(content, tokens, trigger=True)).features[0]
    features[-1, : len(content)] = 0
    return features


def _constant(content: Tensor, tokens: int, trigger: bool) -> tuple[Tensor, Tensor]:
    """Numbers and triggers of a sequence of equal contents whose last token may be a trigger."""
    flags = torch.zeros(1, tokens - 1, dtype=torch.bool)
    flags[0, -1] = trigger
    return content.expand(1, tokens - 1, -1).clone(), flags


def _token(content: Tensor, trigger: float) -> Float64[Tensor, "feature"]:
    return torch.cat((content, torch.tensor([1.0, 0.0, trigger], dtype=torch.float64)))
