"""Every setting has a name; differences are put into words by their standard errors."""

import math

import pandas as pd
import pytest

from attention_atlas.decoders.settings import SETTINGS
from attention_atlas.words.decoders import LABELS, beside, change, ended, listing, side, sides, spread, where


def paired(difference, error=0.1, seeds=3):
    return pd.Series({"difference": difference, "standard_error": error, "seeds": seeds})


ONE, NONE = paired(0.3, math.nan, 1), paired(math.nan, math.nan, 0)


def test_every_setting_has_a_name():
    assert list(LABELS) and set(LABELS) == set(SETTINGS)


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (paired(0.0213, 0.0049), "+0.021\u00a0±\u00a00.005 (3 seeds)"),
        (paired(-0.3, 0.1, 5), "−0.300\u00a0±\u00a00.100 (5 seeds)"),
        (ONE, "+0.300 (one seed)"),
        (NONE, "no seed in common"),
    ],
)
def test_change(found, expected):
    assert change(found) == expected


@pytest.mark.parametrize(
    ("found", "expected"),
    [(paired(0.21), 1), (paired(-0.21), -1), (paired(0.2), 0), (paired(-0.1), 0), (ONE, None), (NONE, None)],
)
def test_side_needs_more_than_two_standard_errors_and_two_seeds(found, expected):
    assert side(found) == expected


def test_sides_names_each_once():
    found = {"a": paired(1), "b": paired(-1), "c": paired(0.1), "d": paired(2), "e": ONE}
    assert sides(found) == "lower with b; higher with a and d; too close to tell with c; not known with e"
    assert sides({"two layers": paired(1)}, "at") == "higher at two layers"


def test_listing():
    assert listing(["a"]) == "a" and listing(["a", "b"]) == "a and b" and listing(["a", "b", "c"]) == "a, b and c"


def test_where_says_yes_of_one_strength_and_nothing_of_single_seeds():
    found = {"on A": {"weak": paired(1), "strong": paired(-1)}, "on B": {"weak": paired(0.1)}, "on C": {"weak": ONE}}
    assert where(found, 1) == "yes, on A; not on B; not known yet, on C"
    assert where({"on A": found["on A"], "on B": found["on A"]}, -1) == "yes, on A and on B"
    assert where({"on B": found["on B"]}, -1) == "not on B" and where({"on C": {}}, 1) == "not known yet, on C"


def test_an_error_is_printed_where_there_is_one():
    assert spread(pd.Series({"mean": 2.0, "standard_error": 0.5}), ".1f") == "2.0\u00a0±\u00a00.5"
    assert spread(pd.Series({"mean": 2.0, "standard_error": math.nan}), ".2f") == "2.00"


def test_the_end_counts_those_that_a_bigram_model_equals():
    floors = {"unigram": 300.0, "bigram": 50.0}
    words = ended(pd.Series({"rope": 50.0, "relu": 20.0, "long": 70.0}), floors)
    assert words.startswith("3 settings end at perplexities of 20.0 to 70.0")
    assert words.endswith("not below the bigram model: “RoPE, Pre-LN” and “RoPE, longer training”")
    assert "not below" not in ended(pd.Series([20.0, 49.9]), floors)
    assert ended(pd.Series([20.0]), floors).startswith("one setting ends at a perplexity of 20.0, beside 300 ")
    assert ended(pd.Series([], dtype=float), {}) == "no decoder is trained yet"


def test_a_loss_is_better_worse_or_not_to_be_told():
    words = [beside(found).split(",")[0] for found in (paired(-1), paired(1), paired(0.1))]
    assert words == ["better", "worse", "not to be told from it"]
    assert beside(ONE) == "+0.300 (one seed)"
