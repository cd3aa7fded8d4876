"""Sentences say what a plain count over models and bars says, and no model means no number."""

import math

import numpy as np
import pandas as pd
import pytest

from attention_atlas.experiments import retrieval
from attention_atlas.outcomes.retrieval_names import GAPS, sides
from attention_atlas.outcomes.retrieval_points import GAP_KEY
from attention_atlas.words.emergence import (
    at_both_lengths,
    emerged_words,
    lengths_words,
    path_words,
    scales_words,
    seeds_words,
    shift_words,
    spread,
    steps_in_words,
    turned_words,
    used_words,
)

NONE, DECAY = "unbiased-causal-none-2-residual-seed0", "unbiased-causal-decay-2-residual-seed0"
NONE_1, TEXT = NONE.replace("seed0", "seed1"), NONE.replace("seed0", "text-seed0")


def report(gaps, profile="paper"):
    """Of models by name: their gaps, all three alike, at the measured steps."""
    configs, parts = retrieval.configurations("paper"), []
    for name, curve in gaps.items():
        rows = [(step, gap, value) for step, value in curve.items() for gap in GAPS]
        for gap in GAPS:
            for side, sign in zip(sides(gap), (1, -1), strict=True):
                rows += [(step, side, 0.5 + sign * value / 2) for step, value in curve.items()]
        table = pd.DataFrame(rows, columns=["step", "quantity", "value"]).assign(layer=-1, query=-1, key=-1)
        parts.append(retrieval.report(configs[name], table).assign(profile=profile))
    return pd.concat(parts, ignore_index=True)


LONG = {NONE: {100_000: 0.1, 200_000: 0.3}, NONE_1: {100_000: 0.2, 200_000: 0.5}, DECAY: {100_000: 0.2}}


def bars(paper, early, end, steps=200_000):
    """Gaps of one network each, as `at_both_lengths` has them."""
    key = [["unbiased", "causal", "none", depth, 1, "first_vs_last"] for depth in range(len(paper))]
    table = pd.DataFrame(key, columns=GAP_KEY)
    return table.assign(paper=paper, printed_length=early, mean=end, steps=steps)


def emerged(*steps):
    return pd.DataFrame({"emerged": np.array(steps, dtype=float)})


def printed(*gaps, name="run"):
    points = [f"{name}-{number}" for number in range(len(gaps))]
    return pd.DataFrame({"point": points, "printed": np.array(gaps, dtype=float)})


def test_the_paper_stands_beside_ours_at_both_lengths_and_the_text_convention_apart():
    models = report(LONG | {TEXT: {100_000: 0.9, 200_000: 0.9}})
    table = at_both_lengths(models).set_index(["position_encoding", "gap"])
    assert len(table) == 6
    row = table.loc["none", "first_vs_middle"]
    assert row["paper"] == 0.247 and row["seeds"] == 2 and row["steps"] == 200_000
    assert row["printed_length"] == pytest.approx(0.15) and row["mean"] == pytest.approx(0.4)
    assert row["standard_error"] == pytest.approx(0.1)
    row = table.loc["decay", "first_vs_last"]
    assert row["printed_length"] == row["mean"] == 0.2 and row["steps"] == 100_000 and row["paper"] == -0.164
    assert at_both_lengths(models, "text")["mean"].tolist() == [0.9] * 3


def test_only_models_of_the_papers_size_that_reached_the_printed_length_are_compared():
    assert at_both_lengths(report(LONG, "quick")).empty and at_both_lengths(report({NONE: {50_000: 0.3}})).empty
    assert at_both_lengths(pd.DataFrame()).empty and at_both_lengths(report(LONG), "text").empty
    small = pd.concat([report({NONE: {100_000: 0.9}}, "quick"), report({NONE: {100_000: 0.1}})], ignore_index=True)
    assert at_both_lengths(small)["mean"].tolist() == [0.1] * 3


def test_lengths_against_a_plain_count():
    paper, early, end = (0.2, -0.3, 0.05, 0.04, -0.2), (0.1, 0.1, -0.1, 0.03, 0.1), (0.19, -0.1, 0.2, 0.5, -0.3)
    words = lengths_words(bars(paper, early, end))
    off_early = [abs(a - b) for a, b in zip(early, paper, strict=True)]
    off_end = [abs(a - b) for a, b in zip(end, paper, strict=True)]
    nearer = sum(b < a for a, b in zip(off_early, off_end, strict=True))
    assert f"at the end in {nearer} of 5 gaps, nearer to ours at 100,000 steps in {5 - nearer}." in words
    assert f"On average they are .{1000 * sum(off_end) / 5:03.0f} and .{1000 * sum(off_early) / 5:03.0f} apart" in words
    assert words.endswith("Of 4 gaps that the paper prints with a size of .05 or more, "
                          "1 have its sign at 100,000 steps and 4 at the end")  # fmt: skip


def test_lengths_that_do_not_differ_are_not_compared():
    table = bars([0.2, 0.2], [0.1, 0.1], [0.1, 0.3])
    table["steps"] = [100_000, 200_000]
    assert "in 1 of 1 gaps" in lengths_words(table)
    for nothing in (table[:1], table[:0], at_both_lengths(pd.DataFrame())):
        assert lengths_words(nothing).startswith("No model has been trained beyond the printed length yet")


@pytest.mark.parametrize(("code", "text", "nearer"), [(0.15, 0.3, "code"), (0.5, 0.3, "text")])
def test_the_nearer_scale(code, text, nearer):
    ours, theirs = bars([0.2, 0.2], 0.0, [code, 9.0]), bars([0.2], 0.0, [text])
    words = scales_words(ours, theirs)
    assert words.startswith("Over the 1 gaps that both have,") and words.endswith(f": the {nearer}'s is nearer")
    assert f".{1000 * abs(code - 0.2):03.0f} with the code's convention and .100 with the text's" in words


def test_scales_without_a_common_gap_are_not_settled():
    for ours, theirs in ((bars([0.2], 0.0, 0.1), bars([], [], [])), (bars([0.2], 0.0, 0.1), bars([0.3], 0.0, 0.1))):
        assert scales_words(ours, theirs) == "Not settled: no gap is known in both conventions yet"


@pytest.mark.parametrize(
    ("runs", "usual", "words"),
    [
        ((0.31, 0.29), (0.1, 0.2), "+0.150 at 100,000: beyond their range of .100"),
        ((0.24, 0.24), (0.1, 0.2), "+0.090 at 100,000: within their range of .100"),
        ((0.0, 0.0, math.nan), (0.1, 0.2, math.nan), "−0.150 at 100,000: beyond their range of .100"),
        ((0.25, 0.25), (0.0, 0.5), "+0.000 at 100,000: within their range of .500"),
        ((0.25,), (0.0, 0.5), "not enough models yet"),
        ((0.0, math.nan), (0.1, 0.2), "not enough models yet"),
        ((), (0.1, 0.2), "not enough models yet"),
        ((math.nan,), (0.1, 0.2), "not enough models yet"),
        ((0.3,), (0.1, math.nan), "not enough models yet"),
    ],
)
def test_a_shift_is_beyond_or_within_the_range_of_the_usual_runs(runs, usual, words):
    assert shift_words(printed(*runs), printed(*usual, name="usual")) == words


def test_a_run_is_not_compared_with_itself():
    usual = printed(0.1, 0.2, name="usual")
    shared = pd.concat([usual[:1], printed(0.5, 0.7)])  # as seed 0, which draws the same either way
    assert shift_words(shared, usual) == shift_words(printed(0.5, 0.7), usual)
    assert shift_words(shared, usual).startswith("+0.450 ")
    assert shift_words(shared[:2], usual) == shift_words(usual, usual) == "not enough models yet"
    assert seeds_words(usual, shared) == seeds_words(usual, printed(0.5, 0.7))
    assert seeds_words(usual, shared[:2]).startswith("Not settled")


def test_deviations_of_seeds_are_of_samples():
    everything, world = (0.1, 0.3, 0.2, math.nan), (0.15, 0.19)
    deviations = [math.sqrt(0.02 / 2), math.sqrt(2 * 0.02**2)]
    assert seeds_words(printed(*everything, name="usual"), printed(*world)) == (
        f"The gap first − last at 100,000 steps has a standard deviation of .{1000 * deviations[0]:03.0f} over 3 runs"
        f" that vary everything and of .{1000 * deviations[1]:03.0f} over 2 runs that vary the world only"
    )
    for few in ((printed(0.1), printed(0.1, 0.2)), (printed(0.1, 0.2), printed(0.1, math.nan)), (printed(),) * 2):
        few = few[0].assign(point="usual"), few[1]
        assert seeds_words(*few) == "Not settled: there are not yet two runs of both kinds"


def test_models_that_use_the_context():
    words = emerged_words(emerged(5e4, 1e5, 2e5, math.nan), missing=3)
    assert words == (
        "In 2 of 4 trained models the context is used by step 100,000, in 3 by the end;"
        " it begins at step 50,000 to 200,000; 3 are not trained yet"
    )
    assert emerged_words(emerged(math.nan)).endswith("in 0 by the end")
    assert emerged_words(emerged(), missing=3) == "No model is trained yet"
    used = emerged(5e4, math.nan).assign(accuracy_end=[0.9, 0.5])
    assert used_words(used).startswith("1 of 2 models use the context at the end; their accuracy")
    assert used_words(used[:0]) == "no model is trained yet"


def test_models_that_turned_by_gap():
    rows = pd.DataFrame({"turned": [True, False]})
    words = turned_words({"first_vs_last": rows, "middle_vs_last": ~rows[:1]})
    assert words.endswith("before: 1 of 2 for first − last, 0 of 1 for middle − last")
    assert turned_words({"first_vs_last": rows[:0]}) == "No model is trained yet"


def test_spread_leaves_out_what_is_not_known():
    assert spread(pd.DataFrame({"end": [0.25, math.nan]})) == ".250"
    assert spread(pd.DataFrame({"end": [math.nan]})) == "not trained yet"
    found = [spread(pd.DataFrame({"end": [value]})) for value in (0.1234, -0.0126, 0.0, -0.0002)]
    assert found == [".123", "−.013", ".000", ".000"]


@pytest.mark.parametrize(
    ("steps", "words"),
    [([], "not trained yet"), ([math.nan] * 2, "never"), ([2e4], "20,000"), ([2e4, 2e4], "20,000"),
     ([5e4, 2e4], "20,000 to 50,000"), ([2e4, math.nan], "20,000, never in 1")],
)  # fmt: skip
def test_steps_in_words(steps, words):
    assert steps_in_words(emerged(*steps)) == words


def test_a_path_that_turns_is_told_from_one_that_does_not():
    """Two networks, one of which ends early and keeps its last gap."""
    paths = pd.DataFrame({"a": [0.1, -0.5, 0.3], "b": [0.1, -0.1, math.nan]}, index=[100, 10_000, 200_000])
    assert path_words(paths, "Networks").startswith("Networks have their least gap, −.300, at step 10,000, and +.100")
    assert path_words(paths, "Networks").endswith("as the mask has it.")
    assert path_words(paths[:2], "Networks").endswith("and −.300 at the end.")
    assert path_words(paths.abs(), "Networks").endswith("at the end.")


def test_no_network_has_no_path():
    assert path_words(pd.DataFrame(), "Networks") == "Networks: not trained yet."
