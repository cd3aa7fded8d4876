"""Every sentence on compressed decoders follows its numbers."""

import pandas as pd
import pytest

from attention_atlas.words import decoder_compression as words

LESS = pd.Series({"difference": -0.3, "standard_error": 0.1, "seeds": 3})
MORE, NONE, ONE = LESS * [-1, 1, 1], LESS * [0.1, 1, 1], LESS * [1, 1, 1 / 3]


def test_budgets():
    assert [words.eighths(size) for size in (0.125, 0.5, None)] == ["1/8", "4/8", "more than 7/8"]


def test_verdicts_by_sign_and_error():
    assert [words.verdict(apart).split()[0] for apart in (LESS, NONE, MORE, ONE)] == [
        "helps",
        "makes",
        "harms",
        "cannot",
    ]
    assert words.helped({("a", "1/8"): LESS, ("b", "1/8"): MORE, ("a", "1/4"): NONE}) == (
        "it helps a at 1/8; it harms b at 1/8"
    )
    assert "no verdict yet" in words.helped({("a", "1/8"): ONE}) and "no verdict yet" in words.helped({})
    assert words.helped({("a", "1/8"): NONE}) == "no difference is beyond two standard errors"


def test_the_headline_says_where_a_low_rank_term_changes_nothing():
    told = words.headline({"entries": 0.5, "sum": 0.5, "low_rank": None})
    assert "as many with a low-rank term" in told and told.endswith("low rank alone more than 7/8")
    assert "6/8 with a low-rank term" in words.headline({"entries": 0.5, "sum": 0.75, "low_rank": 0.5})
    assert words.headline({"entries": None, "sum": None, "low_rank": None}).count("as many") == 2


def test_lasting_sinks_are_told_of_those_decoders_that_have_them():
    assert "Next to no" in words.lasting_words({"a": 0.01, "b": 0.0})
    assert "are only in “b”" in words.lasting_words({"a": 0.01, "b": 0.2})
    assert "Every" in words.lasting_words({"a": 0.1, "b": 0.2})
    assert "only in “b”" in words.unlike_large({"a": 0.01, "b": 0.2}, 8)
    assert "in few heads" in words.unlike_large({"a": 0.1, "b": 0.2}, 8)


@pytest.mark.parametrize(
    "numbers, said",
    [((0.1, 0.8, 0.9), "Sinks go with the first direction"), ((0.1, 0.4, 0.9), "not the only one"),
     ((0.1, 0.8, 0.4), "not the only"),
     ((0.3, 0.8, 0.9), "not the work of one")],
)  # fmt: skip
def test_one_direction(numbers, said):
    assert said in words.one_direction(*numbers)


def test_the_claim_by_rank():
    seeds = {"a": 3, "b": 2}
    assert words.low_rank_claim({"a": 4.0, "b": 1.0}, seeds, 4, 24).startswith("holds here")
    assert words.low_rank_claim({"a": 5.0, "b": 1.0}, seeds, 4, 24).startswith("holds for b only")
    assert words.low_rank_claim({"a": 5.0, "b": None}, seeds, 4, 24).startswith("does not hold")


def test_one_seed_settles_no_claim():
    told = words.low_rank_claim({"a": 4.0, "b": 1.0}, {"a": 3, "b": 1}, 4, 24)
    assert told == "is not judged yet: there is one seed only of b"


def test_what_stays_of_lasting_sinks_is_told_decoder_by_decoder():
    of = {"alone": ".8", "gone": "0", "second": ".9", "rank": "more than 16"}
    told = words.lasting_by_direction({"a": of, "b": of | {"gone": ".3"}})
    assert told.count("from rank more than 16 on") == 2 and "in “b” .8" in told and ".3 without it" in told
