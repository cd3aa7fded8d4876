"""Words about recency follow its interval: what is clear, what is not, what was predicted, and of how many."""

import itertools
import math

import pytest

from attention_atlas.experiments.language_maps import SETTINGS
from attention_atlas.outcomes.maps import Interval
from attention_atlas.words.maps import (
    LABELS,
    NOUNS,
    PREDICTED,
    answer,
    apart,
    beside,
    gram_words,
    meaning,
    mechanism,
    with_interval,
)

LATE, NEITHER, EARLY = (Interval(mean, mean - 0.05, mean + 0.05, 3) for mean in (0.6, 0.51, 0.4))
KINDS = LATE, NEITHER, EARLY


def test_every_setting_has_a_name_and_both_kinds_a_prediction():
    assert set(LABELS) == set(SETTINGS) and len(set(LABELS.values())) == len(LABELS)
    assert set(PREDICTED) <= set(SETTINGS) and set(PREDICTED.values()) <= set(NOUNS)


def test_an_interval_that_is_not_known_is_not_printed():
    assert with_interval(LATE) == ".600\u00a0±\u00a0.050"
    assert with_interval(Interval(0.6, math.nan, math.nan, 1)) == ".600"


def test_only_what_is_clear_and_otherwise_than_predicted_is_marked():
    assert "not the prediction" in beside(LATE, "early bias") and "not the prediction" in beside(EARLY, "recency")
    assert "not the prediction" not in beside(LATE, "recency") + beside(NEITHER, "recency") + beside(
        EARLY, "early bias"
    )


def test_a_difference_says_whether_it_is_clear():
    assert apart(Interval(-0.2, -0.3, -0.1, 3)) == "−0.200 ± 0.100"
    assert apart(Interval(0.2, -0.1, 0.5, 3)) == "+0.200 ± 0.300, not clear of zero"


@pytest.mark.parametrize(("one", "other"), list(itertools.product(KINDS, KINDS)))
def test_an_answer_says_yes_only_if_both_halves_are_there(one, other):
    words = answer(one, other)
    assert words.startswith("Yes") == ((one, other) == (LATE, EARLY))
    assert words.startswith("Half") == (one is LATE and other is not EARLY)
    assert f"{one.mean:.3f}"[1:] in words and f"{other.mean:.3f}"[1:] in words and "3 decoders" in words


def test_a_single_decoder_is_called_one():
    alone = LATE._replace(seeds=1)
    assert answer(alone, alone).endswith("(a single decoder of each kind).")
    assert answer(LATE, alone).endswith("(3 and 1 decoders).")


def test_what_an_interval_means_depends_on_the_seeds():
    assert "windows" not in meaning([2, 3]) and "Student" not in meaning([1, 1])
    assert "Student" in meaning([3, 1]) and "windows" in meaning([3, 1])


@pytest.mark.parametrize(("products", "scores"), list(itertools.product(KINDS, KINDS)))
def test_weights_are_named_only_where_products_do_not_lean_the_way_scores_do(products, scores):
    words = mechanism(products, scores)
    assert ("the work of the heads' weights" in words) == (scores is LATE and products is not LATE)
    assert words.endswith(f"({with_interval(products)} and {with_interval(scores)})")


def test_inner_products_turn_the_way_their_interval_lies():
    assert [gram_words(found).split(" (")[0] for found in KINDS] == [
        "turned to late keys",
        "not turned by an amount clear of noise",
        "turned to early keys",
    ]
