"""Checks of the exercises on the signal propagation probability of Bao et al. 2024, as this book reconstructs it.

Every check returns one line for a right answer and raises ValueError with the likely mistake for a wrong one.
Tokens in the messages are counted from 1, as on the page.
"""

import math

from attention_atlas.exercises.judge import judge
from attention_atlas.theory.localization.forms import random_walk
from attention_atlas.theory.localization.propagation import drift_window, moments
from attention_atlas.theory.localization.spectrum import Spectrum


def check_window(answer: float) -> str:
    """Share of an endless random walk that propagates a signal when all eigenvalues are equal and eta = 5.

    Parameters
    ----------
    answer : float
        In [0, 1].

    Returns
    -------
    str
        What the right answer shows.

    Raises
    ------
    ValueError
        If the share is wrong; the message names the likely mistake.

    Examples
    --------
    >>> check_window(0.2)
    'Correct: a stronger drift narrows the window, it does not move its near edge away from the middle'
    """
    start, end = drift_window(5.0)
    mistakes = {
        "this is where the window ends, counted from the start of the sequence": end,
        "later tokens score too high and are clipped at 1: use the upper bound as well": 1 - start,
        "earlier tokens score too low and are clipped at 0: only one side of the middle counts": 2 * (end - start),
    }
    praise = "a stronger drift narrows the window, it does not move its near edge away from the middle"
    return judge(answer, end - start, mistakes, praise, "solve 0 < (theta - 1/2) eta < 1 for theta", tolerance=1e-3)


def check_variance(answer: float) -> str:
    """Variance of the centered score of the last of three tokens of a random walk, W being the identity.

    Parameters
    ----------
    answer : float
        The variance.

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
    >>> check_variance(8 / 3)
    'Correct: it does not depend on the dimension; the mean, sqrt(d), does'
    """
    forms, spectrum = random_walk(3), Spectrum(eta=1.0, xi=1.0)  # of the identity, whatever eta is
    right = moments(forms, spectrum)[1][-1].item()
    product, covariance = forms.product[-1].item(), forms.covariance[-1].item()
    mistakes = {
        "this takes key and query for independent: add S^2 tr W^2 / d": product,
        "this is the variance of the raw score: subtract the mean over all keys first": 2 * 3.0**2,
        "this is the standard deviation": math.sqrt(right),
        "the query's variance is missing: it is 3, one for every step": product / 3 + covariance**2,
    }
    praise = "it does not depend on the dimension; the mean, sqrt(d), does"
    return judge(
        answer, right, mistakes, praise, "the key less the mean token is (step 2 + 2 step 3) / 3", tolerance=1e-3
    )


def check_deviation(answer: float) -> str:
    """Standard deviation of the eigenvalues at which the middle token propagates with probability .1, eta = 0.

    Parameters
    ----------
    answer : float
        Of symmetric W, along an endless walk; to 1 %.

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
    >>> check_deviation(13.67)
    'Correct: from there on the probability falls as one over the deviation, at every token'
    """
    spread = 1 / 0.25334710  # of the score over T: Phi(1 / spread) = .6
    right = spread * math.sqrt(12)
    mistakes = {
        "this is xi: the deviation is its root": right**2,
        "this is the standard deviation of the score over T: it is sqrt(xi / 12) at the middle": spread,
        "this has the factor 7/12, which belongs to the two ends: put theta = 1/2": spread * math.sqrt(12 / 7),
        "at eta = 0 half of the scores are below the window: Phi(1/s) - 1/2 = .1": math.sqrt(12) / 0.12566135,
    }
    praise = "from there on the probability falls as one over the deviation, at every token"
    hint = "at theta = 1/2 and eta = 0 the probability is Phi(1/s) - 1/2 with s^2 = xi / 12"
    return judge(answer, right, mistakes, praise, hint, tolerance=0.01)
