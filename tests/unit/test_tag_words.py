"""Every sentence on sinks and tags follows its numbers, and turns when they turn."""

import pandas as pd
import pytest

from attention_atlas.words import tags as words

NAN = float("nan")


def test_one_head_is_told_of_in_the_singular():
    one = pd.DataFrame({"two_tags": [0.9], "two_others": [0.4]})
    assert words.tags_of_heads(one) == "In one such head the tag explains 90% of what it writes, other tokens 40%"


PLACE = {"stream": 0.6, "lasting": 0.9, "others": 0.7, "without tags": 0.6}


@pytest.mark.parametrize(
    "changed, said",
    [
        ({}, "and than what is left without it"),
        ({"without tags": 0.9}, "not the only carrier"),
        ({"others": 0.88}, "nothing here is special to the tag"),
        ({"stream": 0.88}, "finds no support"),
        ({"lasting": NAN}, "finds no support"),
    ],
)
def test_what_the_tag_tells_of_the_place_needs_its_controls(changed, said):
    place = PLACE | changed
    assert said in words.place_told(place)
    supported = "tag alone reads the place" in words.place_reading(place)
    assert supported == (said not in ("finds no support", "nothing here is special to the tag"))


@pytest.mark.parametrize("share, said", [(0.19, "below"), (0.21, "within"), (0.4, "within"), (0.41, "above")])
def test_the_papers_range(share, said):
    assert words.range_words(share) == said


def test_labels_beside_controls():
    assert "no more than the better control" in words.label_told(0.8, 0.78, 0.9)
    assert "7 points more" in words.label_told(0.85, 0.78, 0.9)
    assert "little is left" in words.label_told(0.85, 0.78, 0.55) and "nothing was read" in words.label_told(NAN, 0, 0)


def test_tagged_tokens_beside_another_head():
    assert "do stand apart" in words.stand_apart(0.93, 0.75) and "hardly better" in words.stand_apart(0.76, 0.75)
    assert "no window" in words.stand_apart(NAN, NAN)


def test_qk_norm_is_judged_only_where_there_are_sinks():
    none = (0.0, 0.0)
    assert "nothing can be said" in words.kept_with_qk_norm((0.03, 0.0), (0.03, 0.0), none)
    assert "nothing can be said" in words.kept_with_qk_norm((0.2, 0.0), (0.2, 0.0), (0.3, 0.0))
    assert "50% as many" in words.kept_with_qk_norm((0.2, NAN), (0.1, 0.01), none)
    assert "not measured yet" in words.kept_with_qk_norm((0.2, 0.0), None, none)


def test_how_many_sinks_stay_has_the_error_of_a_ratio():
    """Two means with 3 % and 4 % of error have a ratio with 5 %."""
    assert "100%\u00a0±\u00a05%" in words.kept_with_qk_norm((0.2, 0.006), (0.2, 0.008), (0.0, 0.0))


def test_the_level_to_beat_is_that_of_untrained_decoders_without_positions():
    assert "75% without positions, which is the level" in words.level_told(0.7, 0.75)
    assert "not measured" not in words.level_told(0.7, 0.75)
    assert "70% with RoPE, the only ones measured yet" in words.level_told(0.7, None)


@pytest.mark.parametrize(
    "numbers, said",
    [((9, 8.5, 0.9), "whose vector is long"), ((9, 5, 0.9), "belongs to <s>, and its coordinate is a special one"),
     ((9, 8.5, 0.1), "moves from token to token, and its coordinate is not special")],
)  # fmt: skip
def test_outliers(numbers, said):
    assert said in words.outlier_words(*numbers)


def test_what_is_the_same_is_said_once():
    assert words.grouped({"a": "x", "b": "y", "c": "x"}) == "a and c: x; b: y"
