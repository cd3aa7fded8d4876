"""Who may attend to whom: masks as pure functions of (query, key), and the directed graphs that they draw.

Tokens are counted from 0 here and from 1 in the papers: the first token is 0 in code, token 1 in Wu et al. 2025.
An edge (j, i) of the graph means "query i attends to key j": information flows from j to i.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import torch

from attention_atlas.shapes import Bool, Int, Tensor


@dataclass(frozen=True)
class Mask:
    """A rule that says which keys a query may attend to; rules compose with ``&`` and ``|``.

    Parameters
    ----------
    name : str
        What the mask is called in tables and errors.
    predicate : callable
        Takes two index tensors (query, key) that broadcast and returns a bool tensor, True where attention is allowed.
    least_tokens : int
        The shortest sequence for which the rule makes sense, at least 1.

    Raises
    ------
    ValueError
        If ``least_tokens`` is below 1.

    Examples
    --------
    A mask of one's own, and a mask made of two:

    >>> even_keys = Mask("even_keys", lambda query, key: (key % 2 == 0) | (key == query))
    >>> dense(causal & even_keys, 4).int()
    tensor([[1, 0, 0, 0],
            [1, 1, 0, 0],
            [1, 0, 1, 0],
            [1, 0, 1, 1]], dtype=torch.int32)
    """

    name: str
    predicate: Callable[[Tensor, Tensor], Tensor] = field(repr=False)
    least_tokens: int = 1

    def __post_init__(self):
        if self.least_tokens < 1:
            raise ValueError(f"mask {self.name}: least_tokens must be at least 1, got {self.least_tokens}")

    def __call__(self, query: Int[Tensor, "..."], key: Int[Tensor, "..."]) -> Bool[Tensor, "..."]:
        return self.predicate(query, key)

    def __and__(self, other: "Mask") -> "Mask":
        least_tokens = max(self.least_tokens, other.least_tokens)
        return Mask(f"({self.name} & {other.name})", lambda q, k: self(q, k) & other(q, k), least_tokens)

    def __or__(self, other: "Mask") -> "Mask":
        least_tokens = max(self.least_tokens, other.least_tokens)
        return Mask(f"({self.name} | {other.name})", lambda q, k: self(q, k) | other(q, k), least_tokens)


causal = Mask("causal", lambda query, key: key <= query)
none = Mask("none", lambda query, key: (query == query) & (key == key))  # all True, in the broadcast shape


def sliding_window(width: int) -> Mask:
    """Causal attention to the last ``width`` tokens, the query itself included.

    Parameters
    ----------
    width : int
        Number of tokens in the window, at least 2: with 1 a token sees itself only and nothing ever moves.

    Returns
    -------
    Mask
        Allows ``query - width < key <= query``.

    Raises
    ------
    ValueError
        If ``width`` is below 2.

    Notes
    -----
    The sliding-window mask of Wu et al. 2025 (Section 3, Theorem 4.2), where w >= 2.

    Examples
    --------
    >>> dense(sliding_window(2), 4).int()
    tensor([[1, 0, 0, 0],
            [1, 1, 0, 0],
            [0, 1, 1, 0],
            [0, 0, 1, 1]], dtype=torch.int32)
    """
    if width < 2:
        raise ValueError(f"a sliding window needs a width of at least 2, got {width}")
    return Mask(f"sliding_window({width})", lambda query, key: (query - width < key) & (key <= query))


def prefix(length: int) -> Mask:
    """Attention among the first ``length`` tokens in both directions, causal for all others.

    Parameters
    ----------
    length : int
        Number of prefix tokens (K in Wu et al. 2025), at least 1; 1 is the causal mask.

    Returns
    -------
    Mask
        Allows ``key < length or key <= query``; refused for sequences shorter than the prefix.

    Raises
    ------
    ValueError
        If ``length`` is below 1.

    Notes
    -----
    The prefix mask of Wu et al. 2025 (Section 3, Theorem 4.3).

    Examples
    --------
    >>> dense(prefix(2), 4).int()
    tensor([[1, 1, 0, 0],
            [1, 1, 0, 0],
            [1, 1, 1, 0],
            [1, 1, 1, 1]], dtype=torch.int32)
    """
    if length < 1:
        raise ValueError(f"a prefix needs a length of at least 1, got {length}")
    return Mask(f"prefix({length})", lambda query, key: (key < length) | (key <= query), least_tokens=length)


def named(name: str, parameter: int | None, tokens: int) -> Mask:
    """The mask that a config or a notebook asks for by name, checked against the length of its sequences.

    Parameters
    ----------
    name : {"none", "causal", "sliding_window", "prefix"}
        Which mask.
    parameter : int or None
        Width of the window or length of the prefix in tokens; None for the two masks that take none.
    tokens : int
        Length of the sequences that the mask is meant for.

    Returns
    -------
    Mask
        The mask.

    Raises
    ------
    ValueError
        If the name is unknown, the parameter is missing, unneeded or out of range, or the sequence is too short.

    Examples
    --------
    >>> named("sliding_window", 5, tokens=17)
    Mask(name='sliding_window(5)', least_tokens=1)
    """
    plain, parametrized = {"none": none, "causal": causal}, {"sliding_window": sliding_window, "prefix": prefix}
    if name not in plain | parametrized:
        raise ValueError(f"unknown mask {name!r}; allowed: {', '.join(plain | parametrized)}")
    if (parameter is None) != (name in plain):
        takes = "no parameter" if name in plain else "one whole number as its parameter"
        raise ValueError(f"mask {name!r} takes {takes}, got {parameter}")
    mask = plain[name] if name in plain else parametrized[name](parameter)
    _refuse_short(mask, tokens)
    return mask


def _refuse_short(mask: Mask, tokens: int) -> None:
    """Raise ValueError if the mask makes no sense for a sequence of so few tokens."""
    if tokens < mask.least_tokens:
        raise ValueError(f"mask {mask.name} needs at least {mask.least_tokens} tokens, got {tokens}")


def dense(mask: Mask, tokens: int) -> Bool[Tensor, "query key"]:
    """The mask as a matrix: True where the query may attend to the key.

    Parameters
    ----------
    mask : Mask
        The rule.
    tokens : int
        Length of the sequence.

    Returns
    -------
    (query, key)
        One row per query, ``tokens`` x ``tokens``.

    Raises
    ------
    ValueError
        If the sequence is shorter than the mask allows.

    Examples
    --------
    >>> dense(causal, 3).int()
    tensor([[1, 0, 0],
            [1, 1, 0],
            [1, 1, 1]], dtype=torch.int32)
    """
    _refuse_short(mask, tokens)
    index = torch.arange(tokens)
    return mask(index[:, None], index[None, :])


def edges(mask: Mask, tokens: int) -> Int[Tensor, "edge 2"]:
    """The mask as a directed graph, one (source, target) row per allowed pair.

    Parameters
    ----------
    mask : Mask
        The rule.
    tokens : int
        Length of the sequence, the number of nodes.

    Returns
    -------
    (edge, 2)
        Source (key j) and target (query i) of every edge, ordered by source; a token that attends to itself is a loop.

    Raises
    ------
    ValueError
        If the sequence is shorter than the mask allows.

    Notes
    -----
    Wu et al. 2025, Section 3: edge (j, i) means "token i attends to token j".

    Examples
    --------
    >>> edges(sliding_window(2), 3).tolist()
    [[0, 0], [0, 1], [1, 1], [1, 2], [2, 2]]
    """
    return dense(mask, tokens).T.nonzero()


def steps_from(mask: Mask, tokens: int, source: int) -> Int[Tensor, "tokens"]:
    """Number of layers that information needs to travel from one token to every other.

    Parameters
    ----------
    mask : Mask
        The rule.
    tokens : int
        Length of the sequence.
    source : int
        The token where the information starts, from 0.

    Returns
    -------
    (tokens,)
        Length in edges of the shortest path from the source; 0 at the source, -1 where there is no path.

    Raises
    ------
    ValueError
        If the source is not a token of the sequence or the sequence is shorter than the mask allows.

    Notes
    -----
    From the first token through a sliding window of width w the farthest token is ceil((N-1)/(w-1)) steps away:
    the r of Wu et al. 2025, Theorem 4.2.

    Examples
    --------
    >>> steps_from(sliding_window(3), 6, source=0).tolist()
    [0, 1, 1, 2, 2, 3]
    >>> steps_from(causal, 4, source=2).tolist()
    [-1, -1, 0, 1]
    """
    if not 0 <= source < tokens:
        raise ValueError(f"source must be one of 0..{tokens - 1}, got {source}")
    allowed = dense(mask, tokens)
    steps = torch.full((tokens,), -1)
    front, step = torch.tensor([source]), 0
    while len(front):
        steps[front] = step
        front = (allowed[:, front].any(1) & (steps < 0)).nonzero()[:, 0]
        step += 1
    return steps


def center_nodes(mask: Mask, tokens: int) -> list[int]:
    """The tokens whose information can reach every token, given enough layers.

    Parameters
    ----------
    mask : Mask
        The rule.
    tokens : int
        Length of the sequence.

    Returns
    -------
    list of int
        Tokens from which every token can be reached, ascending, from 0; empty if there is none.

    Raises
    ------
    ValueError
        If the sequence is shorter than the mask allows.

    Notes
    -----
    The center nodes of Wu et al. 2025, Section 4, where cumulative attention collapses to: token 1 under a causal
    mask and under a sliding window, tokens 1..K under a prefix mask (Theorems 4.1-4.3).

    Examples
    --------
    >>> center_nodes(prefix(2), 5)
    [0, 1]
    """
    reachable = (dense(mask, tokens) | torch.eye(tokens, dtype=torch.bool)).float()
    for _ in range(tokens.bit_length()):  # each squaring doubles the length of the paths that count
        reachable = (reachable @ reachable).clamp(max=1)
    return (reachable > 0).all(0).nonzero()[:, 0].tolist()
