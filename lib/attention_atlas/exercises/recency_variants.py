"""Checks of the exercises about the recency chapter's variants: Gram factors, other normalizations, rotary positions.

Every check returns one line for a right answer and raises ValueError with the likely mistake for a wrong one.
Tokens and layers in the messages are counted from 1, as on the pages.
"""

import math
from collections.abc import Sequence

import torch

from attention_atlas.exercises.judge import judge
from attention_atlas.metrics import without_diagonal_means
from attention_atlas.shapes import Float64, Tensor
from attention_atlas.theory.recency.closed_form import h, recency_effect
from attention_atlas.theory.recency.gram import equicorrelated, gram_layer

DEGREES = (16, 10)  # dimension with LayerNorm and number of tokens
COSINE = 0.5
L2_TOKENS = 10
HALF_SPLIT = 8  # dimensions


def check_degrees(answer: int) -> str:
    """Degrees of freedom of the last entry on the diagonal of the Bartlett factor, d = 16, LayerNorm, 10 tokens.

    Parameters
    ----------
    answer : int
        The degrees of freedom of its square.

    Returns
    -------
    str
        What the right answer shows.

    Raises
    ------
    ValueError
        If the number is wrong; the message names the likely mistake.

    Examples
    --------
    >>> check_degrees(6)
    'Correct: centering takes one of 16 dimensions, the 9 tokens before the last one another 9.'
    """
    d_model, tokens = DEGREES
    return judge(
        answer,
        d_model - 1 - (tokens - 1),
        {
            "centering takes one dimension as well": d_model - (tokens - 1),
            "9 tokens come before the last one, not 10": d_model - 1 - tokens,
            "that is the first entry; every token before takes one direction away": d_model - 1,
            "that is the first entry without centering": d_model,
        },
        "centering takes one of 16 dimensions, the 9 tokens before the last one another 9.",
        "count the directions that are left for the part of token 10 that no other token has",
        tolerance=0,
    )


def check_gram_layer(answer: float) -> str:
    """Squared norm of the second of two unit tokens with cosine 1/2 after one layer with L2 normalization.

    Parameters
    ----------
    answer : float
        Entry (2, 2) of the Gram matrix M G M^T.

    Returns
    -------
    str
        What the right answer shows.

    Raises
    ------
    ValueError
        If the number is wrong; the message names the likely mistake.

    Examples
    --------
    >>> check_gram_layer(0.764996)
    'Correct: the mean of two vectors that differ is shorter than they are, and no vector was needed to see it.'
    """
    gram = equicorrelated(2, COSINE)
    _, weights, after = gram_layer(gram, 1, "l2")
    mixed = weights @ gram
    return judge(
        answer,
        after[1, 1].item(),
        {
            "this is M G: the map acts on both sides, M G M^T": mixed[1, 1].item(),
            "this is the inner product with token 1": after[1, 0].item(),
            "this is the norm, not its square": math.sqrt(after[1, 1].item()),
            "this leaves out the cross term 2 p q cos": weights[1].square().sum().item(),
            "these are equal weights: token 2's score on itself is 1, on token 1 it is 1/2": 0.75,
        },
        "the mean of two vectors that differ is shorter than they are, and no vector was needed to see it.",
        "the weights of token 2 are the softmax of (1/2, 1)",
    )


def check_l2_effect(answer: float) -> str:
    """By how much layer 2 prefers key 9 to key 1 in row 10 with L2 normalization, alpha = 0, no residual.

    Parameters
    ----------
    answer : float
        ``S_10,9 / S_10,1 - 1`` by the closed form.

    Returns
    -------
    str
        What the right answer shows.

    Raises
    ------
    ValueError
        If the number is wrong; the message names the likely mistake.

    Examples
    --------
    >>> check_l2_effect(1.7322)
    'Correct: softer attention averages more, so lengths fall more. LayerNorm at d = 64 has 0.3 % here.'
    """
    soft, sharp = (recency_effect(L2_TOKENS, d, 0.0)[-2].item() for d in (1, 64))
    return judge(
        answer,
        soft,
        {
            "this is key 10, the query itself; its last earlier key is 9": recency_effect(L2_TOKENS, 1, 0.0)[-1].item(),
            "this is the ratio, take 1 off": 1 + soft,
            "this is LayerNorm at d = 64: with L2 the scores are cosines, u = e and v = 1": sharp,
            "this is 1/h^2: the score goes with h": h(L2_TOKENS, 1, 0.0)[-2].item() ** -2,
            "this has the square of h: in row 10 only h(9) and h(1) differ, and each enters once": (1 + soft) ** 2 - 1,
        },
        f"softer attention averages more, so lengths fall more. LayerNorm at d = 64 has {100 * sharp:.1f} % here.",
        "put u = e, v = 1 and D_9 = e + 8 into h(j)",
    )


def relative_plus_query() -> Float64[Tensor, "query key"]:
    """The map of the exercise, ``1 / (i - j) + i`` for 4 tokens counted from 1; NaN on the diagonal and above.

    Examples
    --------
    >>> relative_plus_query()[3]
    tensor([4.3333, 4.5000, 5.0000,    nan], dtype=torch.float64)
    """
    index = torch.arange(1, 5, dtype=torch.float64)
    distance = index[:, None] - index
    return (1 / distance + index[:, None]).masked_fill(distance <= 0, torch.nan)


def check_left_over(answer: float) -> str:
    """Root mean square of what is left of ``1 / (i - j) + i``, j < i, 4 tokens, without its diagonals' means.

    Parameters
    ----------
    answer : float
        Over the 6 entries.

    Returns
    -------
    str
        What the right answer shows.

    Raises
    ------
    ValueError
        If the number is wrong; the message names the likely mistake.

    Examples
    --------
    >>> check_left_over(0.645497)
    'Correct: the part 1 / (i - j) is gone whatever it is; only what changes along a diagonal stays.'
    """
    map = relative_plus_query()
    below = ~map.isnan()

    def size(left):
        return left[below].square().mean().sqrt().item()

    left = without_diagonal_means(map)
    return judge(
        answer,
        size(left),
        {
            "a query's own offset is no function of the distance, it does not cancel": 0.0,
            "this takes off the mean of the whole map": size(map - map[below].mean()),
            "this takes off the mean of every row; a distance is a diagonal": size(map - map.nanmean(1, keepdim=True)),
            "this takes off the mean of every column": size(map - map.nanmean(0)),
            "this is the sum of squares: divide by 6, take the root": left[below].square().sum().item(),
            "this is the mean square, take the root": left[below].square().mean().item(),
            "this is the root of the sum: divide by 6 first": left[below].square().sum().sqrt().item(),
        },
        "the part 1 / (i - j) is gone whatever it is; only what changes along a diagonal stays.",
        "the diagonals have 3, 2 and 1 entries",
    )


def check_half_split(answer: Sequence[int]) -> str:
    """The order of 8 coordinates in which half-split rotary pairs become interleaved ones.

    Parameters
    ----------
    answer : sequence of int
        `order`, counted from 0, such that ``x[..., order]`` has the pairs (0, 1), (2, 3), ... where x has
        (0, 4), (1, 5), ...

    Returns
    -------
    str
        What the right answer shows.

    Raises
    ------
    ValueError
        If the order is wrong; the message names the likely mistake.

    Examples
    --------
    >>> check_half_split([0, 4, 1, 5, 2, 6, 3, 7])
    'Correct: it only renames coordinates. No weightless stack on isotropic tokens can tell.'
    """
    order, d = [int(coordinate) for coordinate in answer], HALF_SPLIT
    right = torch.arange(d).view(2, -1).T.flatten().tolist()
    if order == right:
        return "Correct: it only renames coordinates. No weightless stack on isotropic tokens can tell."
    if sorted(order) != list(range(d)):
        raise ValueError(f"an order names each of the coordinates 0 to {d - 1} once, got {order}")
    if order == torch.tensor(right).argsort().tolist():
        raise ValueError("this is the way back, from interleaved to half-split")
    pairs = [tuple(order[place : place + 2]) for place in range(0, d, 2)]
    if set(pairs) == {(low, low + d // 2) for low in range(d // 2)}:
        raise ValueError("the pairs are right, but each pair keeps its frequency: pair l goes to place l")
    if {frozenset(pair) for pair in pairs} == {frozenset((low, low + d // 2)) for low in range(d // 2)}:
        raise ValueError("the pairs are right, but the order in a pair is the direction of the rotation")
    raise ValueError(f"not this order: places 0 and 1 hold the first pair, coordinates 0 and {d // 2}; got {order}")
