"""What every check of an exercise does with a number: praise it, name the mistake behind it, or say neither applies."""

import math


def judge(
    answer: float, right: float, mistakes: dict[str, float], praise: str, hint: str = "", tolerance: float = 5e-4
) -> str:
    """Praise the right answer, name the mistake that gives this one, or give a hint.

    Parameters
    ----------
    answer, right : float
        A student's number and the right one.
    mistakes : dict
        What went wrong, in words, to the number that it leads to.
    praise : str
        What the right answer shows.
    hint : str
        Where to start, for an answer that no known mistake explains.
    tolerance : float
        Largest relative difference that counts as equal; 0 for whole numbers.

    Returns
    -------
    str
        "Correct: ...".

    Raises
    ------
    ValueError
        If the answer is wrong; the message names the likely mistake.

    Examples
    --------
    >>> judge(0.5, 0.5, {}, "one half")
    'Correct: one half'
    >>> judge(2.0, 0.5, {"this is its reciprocal": 2.0}, "one half")
    Traceback (most recent call last):
    ValueError: not yet, got 2: this is its reciprocal
    """
    if math.isclose(answer, right, rel_tol=tolerance, abs_tol=tolerance * 1e-3):
        return f"Correct: {praise}"
    for mistake, wrong in mistakes.items():
        if math.isclose(answer, wrong, rel_tol=tolerance, abs_tol=tolerance * 1e-3):
            raise ValueError(f"not yet, got {answer:g}: {mistake}")
    raise ValueError(f"not yet, got {answer:g}: {hint or 'this is not the answer and no mistake that we know'}")
