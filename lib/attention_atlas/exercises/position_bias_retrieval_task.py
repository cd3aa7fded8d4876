"""Checks of the exercises about the retrieval task of Wu et al. 2025.

Every check returns one line for a right answer and raises ValueError with the likely mistake for a wrong one.
"""

import math
from itertools import combinations

from attention_atlas.exercises.judge import judge
from attention_atlas.tasks.copying import guessing
from attention_atlas.tasks.retrieval import Task

BURSTINESS = 2  # of the exercise about the ceiling; the page has 4


def check_ceiling(answer: float) -> str:
    """Largest expected gap if every class comes twice in a sequence instead of four times.

    Parameters
    ----------
    answer : float
        The ceiling for 8 items, 32 labels and burstiness 2.

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
    >>> check_ceiling(0.830357)
    'Correct: fewer repetitions, more conflicts. With every class once the ceiling would be 31/32.'
    """
    task = Task(burstiness=BURSTINESS)
    n, differ = task.items, 1 - 1 / task.labels
    right = (n - BURSTINESS) / (n - 1) * differ
    return judge(
        answer,
        right,
        {
            "two classes may still have one label, in 1 of 32 cases": (n - BURSTINESS) / (n - 1),
            "this is the share without a conflict, take it from 1": 1 - right,
            "this is the ceiling with every class four times": (n - 4) / (n - 1) * differ,
            "the second place is one of the 7 others, not one of 8": (n - BURSTINESS) / n * differ,
            "of the 7 other places one is left for the first place's class, not two": (n - 1 - BURSTINESS)
            / (n - 1)
            * differ,
        },
        "fewer repetitions, more conflicts. With every class once the ceiling would be 31/32.",
        "the gap can only come from sequences whose two places have two labels",
    )


def check_last_match(answer: float) -> str:
    """The gap first-middle of a network that copies the label of the last item of the query's class.

    Parameters
    ----------
    answer : float
        Expected accuracy with the first item right minus that with the middle one right.

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
    >>> check_last_match(-0.0276786)
    'Correct: complete bias to the end, and almost no gap between first and middle.'
    """
    task = Task()
    n, middle, differ = task.items, task.place("middle"), 1 - 1 / task.labels
    places = [{0, *rest} for rest in combinations(range(1, n), task.burstiness - 1)]  # of the first item's class
    wrong = sum(max(of_class | {middle}) == middle and middle not in of_class for of_class in places) / len(places)
    ceiling = (n - task.burstiness) / (n - 1) * differ
    return judge(
        answer,
        -wrong * differ,
        {
            "the middle item is the fifth: if three more of the class stand before it, it is the last match": 0.0,
            "this is the other way round: the middle item is never wrong when it is right": wrong * differ,
            "two classes may still have one label, in 1 of 32 cases": -wrong,
            "later items of the query's class are there too; the last match is rarely one of the two places": -ceiling,
            "this is complete bias to the first place; the network copies from the last match": ceiling,
        },
        "complete bias to the end, and almost no gap between first and middle.",
        "the query's class has three more places among the seven others; when is the middle item the last match?",
    )


def check_two_labels(answer: float) -> str:
    """Loss of a network that knows which labels a sequence holds, but not which of them is the query's.

    Parameters
    ----------
    answer : float
        Expected cross-entropy in nats, on the main task trained everywhere.

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
    >>> check_two_labels(0.671486)
    'Correct: above this loss a network need not have compared a single vector.'
    """
    task = Task()
    accuracy, right = guessing(task)["a label of the sequence"]
    return judge(
        answer,
        right,
        {
            "in 1 of 32 sequences the two classes have one label, and the loss is 0": math.log(2),
            "this is in bits": right / math.log(2),
            "this is in bits, and in 1 of 32 sequences the two classes have one label": 1.0,
            "this network knows which two labels are possible, not 32": math.log(task.labels),
            "there are two classes in a sequence, not eight": math.log(task.items),
            "this is its accuracy": accuracy,
            "the mean of the logarithm is not the logarithm of the mean": -math.log(accuracy),
        },
        "above this loss a network need not have compared a single vector.",
        "two classes, four items each; the query is of either with probability 1/2",
    )
