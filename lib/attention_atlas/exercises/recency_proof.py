"""Checks of the exercises on the proof of Kim et al. 2026's recency and on what depth makes of it.

Every check returns one line for a right answer and raises ValueError with the likely mistake for a wrong one.
Tokens and layers in the messages are counted from 1, as on the pages.
"""

import math
from collections.abc import Sequence

import torch

from attention_atlas.exercises.judge import judge
from attention_atlas.theory.recency.closed_form import inner_products, predicted_scores, recency_effect
from attention_atlas.theory.recency.deep import uniform_gram
from attention_atlas.theory.recency.limits import early_limit

SHRINKING = {"no residual": 4.0, "post-norm": 16 / 9}  # of 1 - cos, per layer
MILLION = 1e6


def check_worked_example(answer: float) -> str:
    """Layer-2 score of query 3 on key 2: three orthonormal tokens, scores 1 and 0, a residual of strength 1.

    Parameters
    ----------
    answer : float
        The score, a cosine.

    Returns
    -------
    str
        What the right answer shows.

    Raises
    ------
    ValueError
        If the score is wrong; the message names the likely mistake.

    Examples
    --------
    >>> check_worked_example(0.1508)
    'Correct: on key 1 it is .132, because the output of token 1 is longer'
    """
    three = {"tokens": 3, "d_model": 1, "alpha": 0.0}  # so that u = e and v = 1
    first, right, _ = predicted_scores(**three, residual=1.0)[2].tolist()
    misprint = (2 + 2 * math.e) / math.sqrt((1 + (1 + 2 * math.e) ** 2) * (1 + 1 + 2 + 2 * math.e**2))
    mistakes = {
        "this is the score on key 1": first,
        "the residual is missing: add each token to its own mixture": predicted_scores(**three)[2, 1].item(),
        "this is the inner product: divide it by both norms": inner_products(**three, residual=1.0)[2, 1].item(),
        "this has 2 + 2e^2 for the square of token 3's own weight, which is (2 + 2e)^2": misprint,
    }
    praise = f"on key 1 it is {first:.3f}".replace("0.", ".") + ", because the output of token 1 is longer"
    hint = "times e + 2, the output of token 3 has the weights 1, 1 and 2 + 2e"
    return judge(answer, right, mistakes, praise, hint, tolerance=2e-3)


def check_strongest_alpha(answer: float) -> str:
    """The alpha at which h(10) / h(1) - 1 is largest, for d = 64 without a residual.

    Parameters
    ----------
    answer : float
        To two digits.

    Returns
    -------
    str
        What the right answer shows.

    Raises
    ------
    ValueError
        If it is another alpha; the message names the likely mistake.

    Examples
    --------
    >>> check_strongest_alpha(0.69)
    'Correct: similar tokens share more, but there is less left to average away'
    """
    alphas = torch.linspace(0, 0.999, 1000, dtype=torch.float64)
    tenth, second = (
        alphas[torch.stack([recency_effect(token, 64, alpha.item())[-1] for alpha in alphas]).argmax()].item()
        for token in (10, 2)
    )
    mistakes = {
        "this maximizes the approximation for small effects, and here the effect is not small": 1 - 1 / 8,
        "this is where token 2 gains most: take token 10": second,
        "alpha = 1 makes all tokens one, and nothing is left to compare": 1.0,
    }
    praise = "similar tokens share more, but there is less left to average away"
    return judge(answer, tenth, mistakes, praise, "evaluate recency_effect on a grid of alphas", tolerance=0.01)


def check_mixed_twice(answer: float) -> str:
    """Score of query 4 on key 1 less that on key 3, layer 3, uniform attention to orthonormal tokens, no scaling.

    Parameters
    ----------
    answer : float
        The difference of two inner products.

    Returns
    -------
    str
        What the right answer shows.

    Raises
    ------
    ValueError
        If it is wrong; the message names the likely mistake.

    Examples
    --------
    >>> check_mixed_twice(1 / 9)
    'Correct: the second mixing makes the row fall, and nothing later makes it rise again'
    """
    grams = uniform_gram(4, 4, 0.0)
    once, right, thrice = (gram[3, 0] - gram[3, 2] for gram in grams[1:])
    averaging = torch.ones(4, 4, dtype=torch.float64).tril() / torch.arange(1, 5, dtype=torch.float64)[:, None]
    half = averaging @ grams[1]
    mistakes = {
        "this is layer 2, whose rows are flat: mix once more": once.item(),
        "this is layer 4: the tokens that enter layer 3 have been mixed twice": thrice.item(),
        "the query is mixed twice here, the keys only once": (half[3, 0] - half[3, 2]).item(),
        "this is key 3 less key 1": -right.item(),
    }
    praise = "the second mixing makes the row fall, and nothing later makes it rise again"
    return judge(float(answer), right.item(), mistakes, praise, "with the averaging C it is in C C (C C)^T, row 4")


def check_millionth(answer: Sequence[int]) -> str:
    """Layers until 1 - cos is at most a millionth of what it was, in the limit of nearly equal tokens.

    Parameters
    ----------
    answer : sequence of int
        Without a residual, post-norm, and pre-norm; for the last, how many times deeper.

    Returns
    -------
    str
        What the right answer shows.

    Raises
    ------
    ValueError
        If a number is wrong; the message names which and the likely mistake.

    Examples
    --------
    >>> check_millionth([10, 25, 1_000_000])
    'Correct: a residual on normalized tokens costs a factor of 2.4; a raw one takes away the exponential'
    """
    if len(answer) != 3:
        raise ValueError(f"three numbers are asked for (no residual, post-norm, pre-norm), got {len(answer)}")
    for layers, (name, factor) in zip(answer, SHRINKING.items(), strict=False):
        exact = math.log(MILLION) / math.log(factor)
        mistakes = {
            f"{name}: this is for distances, and 1 - cos goes with their squares": math.ceil(2 * exact),
            f"{name}: rounded down, it is not there yet": math.floor(exact),
        }
        judge(layers, math.ceil(exact), mistakes, "", f"{name}: the factor per layer is {1 / factor:.4g}", 0)
    mistakes = {
        "pre-norm: this is for distances, which fall as 1 / sqrt(t)": MILLION**2,
        "pre-norm: this takes its power law for an exponential": math.ceil(math.log(MILLION)),
    }
    praise = "a residual on normalized tokens costs a factor of 2.4; a raw one takes away the exponential"
    return judge(answer[2], MILLION, mistakes, praise, "pre-norm: 1 - cos falls as 1 / t", 0)


def check_first_two(answer: float) -> str:
    """Recency probability at infinite depth without normalization, d = 16 and alpha = .5, by drawing two tokens.

    Parameters
    ----------
    answer : float
        To 5 %, which takes some 100,000 pairs.

    Returns
    -------
    str
        What the right answer shows.

    Raises
    ------
    ValueError
        If it is wrong; the message names the likely mistake.

    Examples
    --------
    >>> check_first_two(0.0172)
    'Correct: two tokens decide the sign of all 120 triples'
    """
    right = early_limit(16, 0.5)
    mistakes = {
        "these tokens share no direction: add l c with l = 1": early_limit(16, 0.0),
        "this is how often early tokens win": 1 - right,
        "this compares the two norms: compare <x_1, x_2> with the squared norm of x_1": 0.5,
    }
    praise = f"two tokens decide the sign of all {math.comb(10, 3)} triples"
    return judge(answer, right, mistakes, praise, "how often is <x_1, x_2> above the squared norm of x_1?", 0.05)
