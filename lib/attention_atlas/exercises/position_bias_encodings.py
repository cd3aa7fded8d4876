"""Checks of the exercises about decay, rotation and design (Section 4.3 of Wu et al. 2025).

Every check returns one line for a right answer and raises ValueError with the likely mistake for a wrong one.
"""

import math
from collections.abc import Sequence

from attention_atlas.exercises.judge import judge
from attention_atlas.theory.position_bias.paths import least_cost, mean_cost
from attention_atlas.theory.position_bias.rope_score import rope_peak
from attention_atlas.theory.position_bias.walk import cumulants, step_kernel, walk_peak

CLOSE = 1e-3  # relative: answers are computed or copied to a few digits


def check_slope(answer: float) -> str:
    """Slope of a decay mask whose peak lies 100 tokens back in 12 layers.

    Parameters
    ----------
    answer : float
        m in nats per token.

    Returns
    -------
    str
        What the right answer shows.

    Raises
    ------
    ValueError
        If it is another number; the message names the likely mistake.

    Examples
    --------
    >>> check_slope(math.log(1.11))
    'Correct: each token of distance costs a factor of 0.901, so a gentle slope reaches far in 12 layers.'
    """
    slope = math.log1p(11 / 100)
    mistakes = {
        "this takes t = 12: t counts from 0, so 12 layers are t = 11": math.log1p(12 / 100),
        "this is e^m - 1: take the logarithm of 1 + t/x (the two agree for small m only)": 11 / 100,
        "the sign is wrong: m is the loss per token, a positive number": -slope,
        "this is the factor e^-m per token of distance: the slope is minus its logarithm": math.exp(-slope),
    }
    praise = "each token of distance costs a factor of 0.901, so a gentle slope reaches far in 12 layers."
    return judge(answer, slope, mistakes, praise, "solve 100 = t / (e^m - 1) for m", tolerance=CLOSE)


def check_paths(answer: int) -> str:
    """Number of ways to go back exactly 5 tokens in 4 causal layers.

    Parameters
    ----------
    answer : int
        The number.

    Returns
    -------
    str
        What the right answer shows.

    Raises
    ------
    ValueError
        If it is another number; the message names the likely mistake.

    Examples
    --------
    >>> check_paths(56)
    'Correct: 56 paths, and under a decay mask each of them costs the same e^-5m.'
    """
    mistakes = {
        "this takes t = 4 (or counts all distances up to 5): four layers are t = 3": math.comb(4 + 5, 5),
        "this forbids staying in place: a token may look at itself, so a step may be 0": math.comb(4, 3),
        "these are free choices in every layer: the four steps must add up to exactly 5": 5**4,
        "these are five free choices among four: the four steps must add up to exactly 5": 4**5,
    }
    praise = "56 paths, and under a decay mask each of them costs the same e^-5m."
    return judge(
        answer,
        math.comb(3 + 5, 5),
        mistakes,
        praise,
        "count the ordered sums of four numbers >= 0 to 5",
        tolerance=CLOSE,
    )


def check_first_token(answer: Sequence[int]) -> str:
    """Layers until token 1 of 64 has more than half of the last token's context at m = 0.2, without and with residual.

    Parameters
    ----------
    answer : pair of int
        Layers without a residual and with one of strength 1.

    Returns
    -------
    str
        What the right answer shows.

    Raises
    ------
    ValueError
        If a number is wrong; the message names the likely mistake.

    Examples
    --------
    >>> check_first_token((17, 34))
    'Correct: a residual of strength 1 halves every step, so the first token wins twice as late.'
    """
    answer = tuple(answer)
    if answer == (17, 34):
        return "Correct: a residual of strength 1 halves every step, so the first token wins twice as late."
    mistakes = {
        (
            14,
            28,
        ): "this is the estimate (N-1)(e^m-1)(1+r): multiply the maps, the last stretch takes longer",
        (16, 33): "these are values of t: the question asks for layers, t + 1",
        (9, 16): "here token 1 has become the largest share: wait until it holds more than half",
        (34, 17): "the two are swapped: a residual slows the walk down",
        (17, 17): "the residual is missing in the second number: a layer is (A + I)/2, not A",
    }
    raise ValueError(mistakes.get(answer, f"multiply (A + rI)/(1+r) until its corner exceeds 0.5, got {answer}"))


def check_step_costs(answer: Sequence[float]) -> str:
    """Least, mean and largest sum of squared steps over all paths of 4 layers that go back 12 tokens.

    Parameters
    ----------
    answer : three floats
        (least, mean, largest) in squared tokens.

    Returns
    -------
    str
        What the right answer shows.

    Raises
    ------
    ValueError
        If a number is wrong; the message names the likely mistake.

    Examples
    --------
    >>> check_step_costs((36, 64.8, 144))
    'Correct: the printed exponent x^2 is the cost of the worst path, four times that of the best.'
    """
    least, mean, largest = answer
    if math.isclose(least, 48):
        raise ValueError("48 shares the distance among t = 3 steps: four layers make t + 1 = 4 steps")
    if not math.isclose(least, 36):
        raise ValueError(f"the least cost is that of equal steps, x^2 / (t + 1), got {least:g}")
    if not math.isclose(largest, 144):
        raise ValueError(f"the largest cost is that of one step of 12 and three of 0, got {largest:g}")
    if math.isclose(mean, 90):
        raise ValueError("90 is the middle of least and largest: average over all paths instead")
    if math.isclose(mean, 50.4):  # every step at least 1
        raise ValueError("50.4 leaves out the paths with a step of 0: a token may look at itself")
    if not math.isclose(mean, 64.8):
        raise ValueError(f"the mean cost averages over all 455 ordered sums of four numbers >= 0 to 12, got {mean:g}")
    return "Correct: the printed exponent x^2 is the cost of the worst path, four times that of the best."


def check_longest(answer: int) -> str:
    """Longest sequence to which Lemma 4.6 applies for theta_1 = 0.01 and equal content.

    Parameters
    ----------
    answer : int
        Number of tokens.

    Returns
    -------
    str
        What the right answer shows.

    Raises
    ------
    ValueError
        If it is another number; the message names the likely mistake.

    Examples
    --------
    >>> check_longest(315)
    'Correct: 315 tokens; the usual theta_1 = 1 leaves 4.'
    """
    mistakes = {
        314: "N tokens have distances up to N - 1: one more token fits",
        629: "this allows a full turn: from half a turn on the cosine rises again, the bound is pi",
        158: "this stops at a quarter turn: the bounds on the cosine hold up to half a turn, pi",
        4: "this is the answer for theta_1 = 1",
    }
    if answer == 315:
        return "Correct: 315 tokens; the usual theta_1 = 1 leaves 4."
    raise ValueError(mistakes.get(answer, f"the condition is (N - 1) theta_1 <= pi, got {answer}"))


def check_walk(answer: float) -> str:
    """Peak that the walk formula predicts for a RoPE-like map with theta_1 squared 0.002 and 9 layers.

    Parameters
    ----------
    answer : float
        Distance in tokens, to a tenth.

    Returns
    -------
    str
        What the right answer shows.

    Raises
    ------
    ValueError
        If it is another number; the message names the likely mistake.

    Examples
    --------
    >>> check_walk(106.0)
    'Correct: 106.0 tokens; the printed curve says 43.'
    """
    angle, layers = 0.002**0.5, 9
    kernel = step_kernel(1024, angle=angle)
    mean, variance, third = cumulants(kernel)
    right = walk_peak(kernel, layers)
    printed = rope_peak(layers, angle)
    mistakes = {
        "this is the mean of the walk: its peak lies third / (2 variance) before it": layers * mean,
        "this takes t steps: nine layers are nine steps, t + 1": right - mean,
        "the correction is the same for every depth: subtract it once": layers * (mean - third / (2 * variance)),
        "this is the argmax of the paper's L(x): use the three cumulants of one step": float(printed),
        "this is L(x) with x^2/(t+1): use the cumulants of one step": float(rope_peak(layers, angle, least_cost)),
        "this is L(x) with the mean cost: use the cumulants of one step": float(rope_peak(layers, angle, mean_cost)),
    }
    praise = f"{right:.1f} tokens; the printed curve says {printed}."
    return judge(
        answer, right, mistakes, praise, "compute mean, variance and third cumulant of one step", tolerance=CLOSE
    )


def check_window(answer: int) -> str:
    """Width of a sliding window that carries the peak as far per layer as a decay mask with m = 0.05.

    Parameters
    ----------
    answer : int
        Width in tokens, the token itself included.

    Returns
    -------
    str
        What the right answer shows.

    Raises
    ------
    ValueError
        If it is another number; the message names the likely mistake.

    Examples
    --------
    >>> check_window(40)
    'Correct: both step back 19.5 tokens a layer in the mean.'
    """
    mistakes = {
        20: "this is a window as wide as the mean step: the mean of an even window is half its reach, (w - 1) / 2",
        21: "this is a window as wide as the mean step: the mean of an even window is half its reach, (w - 1) / 2",
        39: "this takes w / 2 for the mean step: a window of w tokens has steps 0 .. w - 1",
        41: "this takes 1 / m for the mean step: it is 1 / (e^m - 1)",
    }
    if answer == 40:
        return "Correct: both step back 19.5 tokens a layer in the mean."
    raise ValueError(mistakes.get(answer, f"equate (w - 1) / 2 and 1 / (e^m - 1), got {answer}"))


def check_residual_layers(answer: int) -> str:
    """Layers that bring the peak of a decay mask with m = 0.1 and residual 1 to 95 tokens back, or just beyond.

    Parameters
    ----------
    answer : int
        Number of layers.

    Returns
    -------
    str
        What the right answer shows.

    Raises
    ------
    ValueError
        If it is another number; the message names the likely mistake.

    Examples
    --------
    >>> check_residual_layers(23)
    'Correct: 23 layers do with the residual what 11 do without; doubling them falls 2 tokens short.'
    """
    mistakes = {
        11: "this ignores the residual: with r = 1 every other step stays in place",
        20: "this brings the mean of the walk to 95: the peak lies a little before the mean",
        22: "this doubles the 11 layers without a residual: the peak then lies at 93, compute it",
    }
    if answer == 23:
        return "Correct: 23 layers do with the residual what 11 do without; doubling them falls 2 tokens short."
    raise ValueError(mistakes.get(answer, f"use the mean step / (1 + r), then check the exact peak, got {answer}"))
