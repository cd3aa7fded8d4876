"""What is said of the first token as a sink follows its numbers, and settings of one seed are not counted as more."""

import pandas as pd
import pytest

from attention_atlas.words import first_token as words

HERE = {"no-positions": (3, 3), "no-norm": (2, 3), "rope": (0, 3), "long": (0, 1)}
BARE = pd.Series([0.34])


def test_the_headline_counts_settings_and_their_seeds():
    told = words.grown(HERE | {"no-norm": (3, 3)})
    assert "in each of 2 settings, 3 seeds each), those with RoPE and LayerNorm do not" in told
    assert "in none of 2 settings, 1 to 3 seeds each" in told and "6 of 6" not in told
    assert "5 of 6 decoders of 2 settings" in words.grown(HERE)


def test_the_headline_turns_when_a_decoder_with_rope_grows_a_sink():
    turned = words.grown(HERE | {"rope": (1, 3)})
    assert "do not" not in turned and "in 1 of 4 decoders of 2 settings" in turned


def test_the_headline_turns_when_few_decoders_without_positions_do():
    assert "in 1 of 3" in words.grown({"no-positions": (1, 3), "rope": (0, 3)})
    assert words.grown({"no-positions": (0, 3), "rope": (0, 3)}).startswith("No decoder without")


@pytest.mark.parametrize("parts", [HERE, {"no-positions": (0, 3), "rope": (0, 3)}, HERE | {"rope": (1, 3)}])
def test_a_decoder_with_other_positions_and_a_sink_is_told_of(parts):
    assert words.grown(parts, {"rope-no-norm": BARE, "decay": pd.Series([0.1])}).endswith(
        "“RoPE, no norm” does (one seed)"
    )
    assert "does" not in words.grown(parts, {"rope-no-norm": pd.Series([0.19])}).rpartition(")")[2]


def test_settings_that_are_neither_do_not_count_as_either():
    assert words.grown(HERE | {"decay": (1, 1), "learned": (0, 1)}) == words.grown(HERE)


def test_a_missing_setting_leaves_the_sentence_whole():
    assert words.grown({"no-positions": (2, 2)}) == (
        "A sink at the first token grows without positional encoding in the one setting, 2 seeds"
    )
    assert "with RoPE and LayerNorm in the one setting" in words.grown({"rope": (1, 1)})


def test_what_the_first_token_receives_is_that_of_the_strongest_head_of_each_seed():
    heads = pd.DataFrame({"setting": ["rope"] * 4 + ["decay"], "seed": [0, 0, 1, 1, 0], "value": [1, 3, 4, 2, 5]})
    assert {name: most.tolist() for name, most in words.most_received(heads).items()} == {"rope": [3, 4], "decay": [5]}


def test_positions_spare_the_sink_only_if_no_head_has_one():
    below = {"rope": pd.Series([0.08, 0.1]), "decay": pd.Series([0.2])}
    assert words.positions_told(below).endswith("none has a sink there")
    assert "do not spare “RoPE, no norm” the sink" in words.positions_told(below | {"rope-no-norm": BARE})


def test_a_prediction_that_misses_is_said_to_miss():
    assert "misses by 9 points" in words.share_told(1.0, 0.91) and "misses by 9" in words.share_told(0.91, 1.0)
    assert "right within 5 points" in words.share_told(0.95, 0.91)


def test_a_rise_is_told_of_the_layer_that_ends_highest():
    steps = [10, 100, 1000]
    layers = {0: pd.Series([0.3, 0.3, 0.05], steps), 2: pd.Series([0.04, 0.09, 0.2], steps)}
    assert words.rise(layers, 0.04, 1) == (
        "passes twice that by step 100 in layer 3, and ends at .20, the most so far (one seed, measured 3 times)"
    )
    assert words.rise({0: layers[0]}, 0.5, 3) == (
        "never passes twice that in layer 1, and ends at .05 (3 seeds, measured 3 times)"
    )
