"""Checks of the exercise about the fixed vocabulary (Appendix L of Wu et al. 2025).

A check returns one line for a right answer and raises ValueError with the likely mistake for a wrong one.
"""

from collections.abc import Sequence

from attention_atlas.exercises.judge import judge

SIZE = 0.75  # of the noise, and of the shared direction


def check_cosines(answer: Sequence[float]) -> str:
    """Expected cosines of two items: one class in the Gaussian mixture, two classes of the fixed vocabulary.

    Parameters
    ----------
    answer : sequence of float
        The two cosines, in this order, for many dimensions.

    Returns
    -------
    str
        What the right answer shows.

    Raises
    ------
    ValueError
        If one is wrong; the message names the likely mistake.

    Examples
    --------
    >>> check_cosines((0.64, 0.36))
    'Correct: .64 and .36. What makes a class fuzzy in one vocabulary makes classes alike in the other.'
    """
    answer = [float(cosine) for cosine in answer]
    if len(answer) != 2:
        raise ValueError(f"two cosines are asked for, mixture and fixed vocabulary, got {len(answer)}")
    kept, shared = 1 / (1 + SIZE**2), SIZE**2 / (1 + SIZE**2)
    if abs(answer[0] - shared) < 0.01 and abs(answer[1] - kept) < 0.01:
        raise ValueError("the two are swapped: in the mixture a class keeps its mean, which has the larger share")
    common = {
        "this forgets to divide by the squared length, 1 + .75 squared": SIZE**2,
        "this divides by the length, not by its square: a cosine has two vectors": 1 / (1 + SIZE**2) ** 0.5,
        "this is .75 times the right share of the class mean: only squares survive, cross terms vanish": kept * SIZE,
    }
    one_class = common | {"this is one and the same vector: in the mixture each item has noise of its own": 1.0}
    judge(answer[0], kept, one_class, "", "what do two items of one class have in common?", tolerance=0.02)
    two_classes = common | {"this would be two classes without a shared direction": 0.0}
    praise = ".64 and .36. What makes a class fuzzy in one vocabulary makes classes alike in the other."
    return judge(answer[1], shared, two_classes, praise, "what do two classes have in common?", tolerance=0.02)
