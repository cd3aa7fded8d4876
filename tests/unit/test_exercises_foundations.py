"""The right answer passes and every likely mistake is refused in its own words; each answer is derived anew here."""

import math

import pytest
import torch

from attention_atlas.exercises import foundations as check
from attention_atlas.masks import Mask, prefix, sliding_window

HARMONIC = sum(1 / n for n in range(1, 18))
FACTORIAL = math.lgamma(17)  # log 16!

# check, arguments beside the answer, right answer, {wrong answer: what the message says}
SCALAR = {
    "mean entropy": (
        check.check_mean_entropy,
        {"tokens": 16},
        FACTORIAL / 16,
        {
            math.log(16): "last row only",
            FACTORIAL / 16 / math.log(2): "bits",
            FACTORIAL: "sum",
            FACTORIAL / 15: "first row",
        },
    ),
    "received by the first token": (
        check.check_received_by_first,
        {"tokens": 17},
        HARMONIC / 17,
        {HARMONIC: "sum", 1 / 17: "last query", (HARMONIC - 1) / 17: "query 1", (HARMONIC - 1) / 16: "all N"},
    ),
    "layers for a window": (
        check.check_layers_for_window,
        {"tokens": 32_768, "width": 4_096},
        9,
        {8: "moves information by w - 1"},
    ),
    "layers for a window, short last step": (
        check.check_layers_for_window,
        {"tokens": 12, "width": 3},
        6,
        {5: "round up", 4: "includes the token itself"},
    ),
    "layers for a window, tokens counted for steps": (
        check.check_layers_for_window,
        {"tokens": 13, "width": 4},
        4,
        {5: "count the steps"},
    ),
    "layers with a residual": (
        check.check_layers_with_residual,
        {"residual": 1.0, "share": 0.01},
        17,
        {7: "without the residual", 14: "rule of thumb", 16: "t \\+ 1 maps"},
    ),
}


@pytest.mark.parametrize(("judge", "given", "right", "mistakes"), SCALAR.values(), ids=SCALAR)
def test_scalar_answers(judge, given, right, mistakes):
    assert judge(right, **given).startswith("Correct: ")
    for wrong, message in mistakes.items():
        with pytest.raises(ValueError, match=message):
            judge(wrong, **given)
    with pytest.raises(ValueError, match="no mistake that we know"):
        judge(-1, **given)


def test_the_number_of_layers_with_a_residual_is_the_smallest_that_does():
    def kept(layers):
        return float(torch.linalg.matrix_power(torch.tensor([[1.0, 0.0], [0.25, 0.75]]).double(), layers)[1, 1])

    assert kept(17) <= 0.01 < kept(16)


def test_product_order():
    first = torch.tensor([[1.0, 0.0, 0.0], [0.9, 0.1, 0.0], [0.2, 0.5, 0.3]])
    second = torch.tensor([[1.0, 0.0, 0.0], [0.4, 0.6, 0.0], [0.1, 0.7, 0.2]])
    given = {"maps": torch.stack([first, second]), "query": 3, "key": 1}
    right = 0.1 * 1 + 0.7 * 0.9 + 0.2 * 0.2
    assert check.check_product_order(right, **given).startswith("Correct: ")
    wrong = {
        0.2 * 1 + 0.5 * 0.4 + 0.3 * 0.1: "later layer from the left",
        0.2: "first layer only",
        0.1: "last layer only",
        0.15: "mean of the maps",
        0.02: "entrywise",
        0.5: "no mistake that we know",
    }
    for answer, message in wrong.items():
        with pytest.raises(ValueError, match=message):
            check.check_product_order(answer, **given)


def test_center_nodes():
    keeps_two = sliding_window(4) | Mask("first_two", lambda query, key: key < 2)
    given = {"mask": keeps_two, "tokens": 12}
    assert check.check_center_nodes([2, 1], 1, **given).startswith("Correct: ")
    mistakes = {
        (0, 1): "indices from 0",
        (1,): "token 2 also",
        (1, 2, 3): "from token 3",
    }
    for nodes, message in mistakes.items():
        with pytest.raises(ValueError, match=message):
            check.check_center_nodes(list(nodes), 1, **given)
    for layers, message in {2: "count arcs", 4: "shortest way"}.items():
        with pytest.raises(ValueError, match=message):
            check.check_center_nodes([1, 2], layers, **given)


def test_a_prefix_reaches_as_far_as_the_nearest_of_its_tokens():
    narrow = sliding_window(2) | (Mask("first", lambda q, k: k < 3) & Mask("queries", lambda q, k: q < 3))
    assert check.check_center_nodes([1, 2, 3], 4, narrow, 7).startswith("Correct: ")
    assert check.check_center_nodes([1, 2], 1, prefix(2), 7).startswith("Correct: ")
