"""The solutions pass; every likely mistake is refused with its own message."""

import math
from fractions import Fraction
from itertools import permutations

import pytest
import torch

from attention_atlas.exercises import position_bias_retrieval_task as exercises
from attention_atlas.tasks.copying import copied
from attention_atlas.tasks.retrieval import Task, draw_world
from attention_atlas.tasks.retrieval_tests import conflict_sequences


def refused(check, answer, mistake):
    with pytest.raises(ValueError, match=mistake):
        check(answer)


def test_ceiling_accepts_what_all_orders_give():
    orders = set(permutations([0, 0, 1, 1, 2, 2, 3, 3]))
    differ = Fraction(sum(order[0] != order[7] for order in orders), len(orders))
    assert exercises.check_ceiling(float(differ * Fraction(31, 32))).startswith("Correct")


@pytest.mark.parametrize(
    ("answer", "mistake"),
    [
        (6 / 7, "1 of 32 cases"),
        (1 - 6 / 7 * 31 / 32, "take it from 1"),
        (4 / 7 * 31 / 32, "four times"),
        (6 / 8 * 31 / 32, "not one of 8"),
        (5 / 7 * 31 / 32, "not two"),
        (0.5, "two labels"),
    ],
)
def test_ceiling_names_the_mistake(answer, mistake):
    refused(exercises.check_ceiling, answer, mistake)


def test_last_match_accepts_what_all_orders_give():
    wrong = {}
    for right, other in ((0, 4), (4, 0)):
        orders = sorted(set(permutations([0, 0, 0, 0, 1, 1, 1, 1])))
        lost = 0
        for order in orders:
            vectors = [order[right] if place == other else kind for place, kind in enumerate(order)]
            last = max(place for place, kind in enumerate(vectors) if kind == order[right])
            lost += order[last] != order[right]
        wrong[right] = Fraction(lost, len(orders)) * Fraction(31, 32)
    assert exercises.check_last_match(float(wrong[4] - wrong[0])).startswith("Correct")


def test_last_match_agrees_with_sequences():
    task, generator = Task(noise=0.0), torch.Generator().manual_seed(0)
    world, accuracy = draw_world(task, generator), []
    for right, other in ((0, 4), (4, 0)):
        tokens, targets = conflict_sequences(task, world, right, other, 4_000, generator)
        accuracy.append((copied(tokens, world, "last match") == targets).double().mean().item())
    assert accuracy[1] == 1.0
    assert abs(accuracy[0] - accuracy[1] + 31 / 32 / 35) < 5 * math.sqrt(0.0277 / 4_000)


@pytest.mark.parametrize(
    ("answer", "mistake"),
    [
        (0.0, "the fifth"),
        (31 / 32 / 35, "other way round"),
        (-1 / 35, "1 of 32 cases"),
        (-4 / 7 * 31 / 32, "rarely one of the two"),
        (4 / 7 * 31 / 32, "complete bias to the first"),
        (-0.3, "three more places"),
    ],
)
def test_last_match_names_the_mistake(answer, mistake):
    refused(exercises.check_last_match, answer, mistake)


def test_two_labels_accepts_the_mean_over_both_cases():
    assert exercises.check_two_labels(31 / 32 * math.log(2) + 1 / 32 * math.log(1)).startswith("Correct")


@pytest.mark.parametrize(
    ("answer", "mistake"),
    [
        (math.log(2), "the loss is 0"),
        (31 / 32, "this is in bits$"),
        (1.0, "in bits, and"),
        (math.log(32), "not 32"),
        (math.log(8), "not eight"),
        (0.515625, "its accuracy"),
        (-math.log(0.515625), "logarithm of the mean"),
        (0.1, "probability 1/2"),
    ],
)
def test_two_labels_names_the_mistake(answer, mistake):
    refused(exercises.check_two_labels, answer, mistake)
