"""Words about recency follow its interval: what is clear, what is not, what was predicted, and of how many."""

import itertools

import pytest

from attention_atlas.experiments.language_maps import SETTINGS
from attention_atlas.outcomes.maps import Interval
from attention_atlas.words.decoders import LABELS
from attention_atlas.words.maps import (
    NOUNS,
    PREDICTED,
    TOO_FEW,
    answer,
    apart,
    beside,
    gram_words,
    meaning,
    mechanism,
    named,
    seen,
    with_interval,
)


def about(mean, seeds=3):
    """Decoders around a mean, which has a short interval if they are three."""
    return Interval(tuple(mean + 0.01 * (seed - (seeds - 1) / 2) for seed in range(seeds)))


LATE, NEITHER, EARLY = KINDS = about(0.6), about(0.51), about(0.4)
FEW = about(0.6, 2)
UP, LEVEL, DOWN = about(0.1), about(0.01), about(-0.1)


def test_every_setting_has_a_name_and_both_kinds_a_prediction():
    assert set(SETTINGS) <= set(LABELS)
    assert set(PREDICTED) <= set(SETTINGS) and set(PREDICTED.values()) <= set(NOUNS)


def test_an_interval_that_is_not_known_is_not_printed():
    assert with_interval(LATE) == ".600\u00a0±\u00a0.025"
    assert with_interval(FEW) == ".595, .605" and with_interval(about(0.6, 1)) == ".600"
    assert with_interval(Interval(())) == "–"


def test_two_decoders_are_given_no_word():
    assert named(LATE).startswith("recency (") and named(NEITHER).startswith("undecided (")
    assert named(FEW) == beside(FEW, "early bias") == ".595, .605"


def test_only_what_is_clear_and_otherwise_than_predicted_is_marked():
    assert "not the prediction" in beside(LATE, "early bias") and "not the prediction" in beside(EARLY, "recency")
    others = beside(LATE, "recency") + beside(NEITHER, "recency") + beside(EARLY, "early bias")
    assert "not the prediction" not in others


def test_a_difference_says_whether_it_is_clear():
    assert apart(DOWN) == "−0.100 ± 0.025" and apart(LEVEL) == "+0.010 ± 0.025, not clear of zero"
    assert apart(about(-0.1, 2)) == "−0.105, −0.095 (2 decoders)"


@pytest.mark.parametrize(("one", "other"), list(itertools.product(KINDS, KINDS)))
def test_an_answer_says_yes_only_if_both_halves_are_there(one, other):
    words = answer(one, other, UP)
    assert words.startswith("Yes") == ((one, other) == (LATE, EARLY))
    assert words.startswith("No") == ((one, other) in ((LATE, LATE), (EARLY, EARLY)))
    assert with_interval(one) in words and with_interval(other) in words and "3 decoders of each kind" in words


@pytest.mark.parametrize(
    ("difference", "said"),
    [
        (UP, "those with LayerNorm more."),
        (DOWN, "those without a norm more."),
        (LEVEL, "not clear of noise."),
        (about(-0.1, 2), "is not known."),
    ],
)
def test_which_of_two_recencies_is_stronger_is_said_by_their_difference(difference, said):
    first = answer(LATE, LATE, difference).split(" The recency")[0]
    assert first.startswith("No: both prefer late keys, ") and first.endswith(said)


@pytest.mark.parametrize("pair", [(FEW, LATE), (LATE, FEW), (FEW, FEW)])
def test_of_two_decoders_no_answer_is_given(pair):
    words = answer(*pair, DOWN)
    assert words.startswith("Not to be said yet") and ".595, .605" in words
    assert ("±" in words) == (LATE in pair)


def test_a_single_decoder_is_called_one():
    alone = about(0.6, 1)
    assert answer(alone, alone, UP).endswith("(a single decoder of each kind).")
    assert answer(LATE, alone, UP).endswith("(3 and 1 decoders; ±: 95 % interval).")


def test_what_an_interval_means_depends_on_the_seeds():
    assert "fewer" not in meaning([3, 5]) and "Student" not in meaning([1, 2])
    assert "Student" in meaning([3, 1]) and "fewer" in meaning([3, 1])


@pytest.mark.parametrize(("start", "none"), list(itertools.product(KINDS, KINDS)))
@pytest.mark.parametrize("scores", [(LATE, LATE), (LATE, NEITHER), (EARLY, EARLY)])
def test_weights_are_named_only_where_products_lean_to_early_keys_in_both_texts(start, none, scores):
    words = mechanism([(start, none)], [scores])
    both_late = scores == (LATE, LATE)
    assert ("heads' weights" in words) == (both_late and start is none is EARLY)
    assert ("theory speaks of is there" in words) == (both_late and start is none is LATE)
    assert ("do not tell" in words) == (both_late and (start is not none or start is NEITHER))


def test_layers_that_show_the_same_are_named_together():
    words = mechanism([(EARLY, LATE), (EARLY, EARLY), (EARLY, LATE)], [(LATE, LATE)] * 3)
    assert words.startswith("scores: late keys with the begin token and without it (layers 2, 3 and 4).")
    assert "early keys with the begin token and late keys without it (layers 2 and 4)" in words
    assert "In layers 2 and 4 the inner products have no clear side" in words
    assert "In layer 3 the heads' weights make the preference" in words


def test_of_two_decoders_no_mechanism_is_told():
    assert mechanism([(EARLY, EARLY), (EARLY, FEW)], [(LATE, LATE)] * 2) == f"there are {TOO_FEW}."


def test_inner_products_turn_the_way_their_interval_lies():
    assert [gram_words(found).split(" (")[0] for found in (*KINDS, FEW)] == [
        "turned to late keys",
        "not turned by an amount clear of noise",
        "turned to early keys",
        "at .595, .605",
    ]


def test_recency_is_there_only_if_it_is_in_all():
    assert [seen(list(pair)) for pair in ((LATE, LATE), (LATE, EARLY), (NEITHER, EARLY))] == [
        "is there",
        "is there in some of them",
        "is not there",
    ]
    assert "fewer than three" in seen([LATE, FEW])
