"""Ours beside the paper's, both conventions; rules judge the excess over uniform attention and nothing else."""

import math

import pandas as pd
import pytest

from attention_atlas import verdicts
from attention_atlas.experiments.retrieval import Config, report
from attention_atlas.outcomes.sink_comparison import (
    BEYOND_GEOMETRY,
    BY_WIDTH,
    PREFIXES,
    distances,
    first_of_all,
    printed_sinks,
    sinks_beside,
)
from attention_atlas.tasks.retrieval_settings import SINK_MASKS

NOTHING = pd.DataFrame()
UNIFORM = sinks_beside(NOTHING).set_index(["label", "quantity", "token"])


def made(excess, labels=SINK_MASKS, seeds=3, convention=None, profile="paper", residual=True, step=200_000):
    """A report of networks that receive so much more than uniform attention, and have the paper's sinks by one way."""
    paper = printed_sinks().set_index(["label", "token"])["paper"]
    parts = []
    for label in labels:
        mask, parameter = SINK_MASKS[label]
        for seed in range(seeds):
            config = Config(mask=mask, mask_parameter=parameter, residual=residual, seed=seed)
            rows = []
            for token in range(1, 18):
                shift = excess(label, token) + 1e-5 * (seed - 1)
                rows.append((step, "received", token, UNIFORM.loc[(label, "received", token), "uniform_least"] + shift))
                for name in ("sink_gu2025", "sink_wu2025"):
                    rows.append((step, name, token, paper[label, token] + (0 if name == convention else 0.1)))
            table = pd.DataFrame(rows, columns=["step", "quantity", "key", "value"])
            parts.append(report(config, table).assign(profile=profile))
    return pd.concat(parts, ignore_index=True)


def claimed(label, token):
    """What the claim says, geometry taken away."""
    if label in PREFIXES:
        return 0.05 if token <= PREFIXES[label] else -0.01
    return 0.01 * (1 + BY_WIDTH.index(label)) if token == 1 else -0.001


def verdict(part, table):
    return verdicts.judge(BEYOND_GEOMETRY[part], table)["verdict"]


def test_every_printed_stem_finds_its_mask():
    table = printed_sinks()
    assert len(table) == 7 * 17 and table["label"].notna().all() and set(table["label"]) == set(SINK_MASKS)


def test_without_models_the_paper_and_the_baseline_stay():
    table = sinks_beside(NOTHING)
    assert len(table) == 7 * 17 * 3 and table["mean"].isna().all() and table["uniform_most"].notna().all()
    assert table.loc[table["quantity"] == "received", "paper"].isna().all()


def test_ours_stand_in_the_row_of_their_mask_and_token():
    table = sinks_beside(made(lambda label, token: token / 1000, labels=["window 9"], seeds=1))
    known = table[table["mean"].notna() & (table["quantity"] == "received")]
    assert set(known["label"]) == {"window 9"}
    difference = known["mean"] - known["uniform_least"]
    assert difference.tolist() == pytest.approx([t / 1000 - 1e-5 for t in known["token"]])
    assert known["standard_error"].isna().all()  # of a single seed


def test_seeds_span_the_whisker():
    table = sinks_beside(made(claimed, labels=["causal"]))
    row = table[(table["quantity"] == "received") & table["mean"].notna()].iloc[0]
    assert row["seeds"] == 3 and row["most_seed"] - row["least_seed"] == pytest.approx(2e-5)


def test_largest_profile_is_shown():
    both = pd.concat([made(claimed), made(lambda *_: 0.5, profile="smoke")])
    assert sinks_beside(both)["mean"].equals(sinks_beside(made(claimed))["mean"])


def test_residual_and_length_of_training_are_chosen():
    assert sinks_beside(made(claimed, residual=False))["mean"].isna().all()
    assert sinks_beside(made(claimed, residual=False), residual=False)["mean"].notna().all()
    assert sinks_beside(made(claimed), at="100000")["mean"].isna().all()
    assert sinks_beside(made(claimed, step=100_000), at="100000")["mean"].notna().all()


@pytest.mark.parametrize("convention", ["sink_gu2025", "sink_wu2025"])
def test_distance_is_zero_by_the_convention_that_made_the_figures(convention):
    found = distances(sinks_beside(made(claimed, convention=convention)))
    assert found.index.tolist() == [*SINK_MASKS, "all"]
    other = ({"sink_gu2025", "sink_wu2025"} - {convention}).pop()
    assert found[convention].tolist() == pytest.approx([0] * 8, abs=1e-9)
    assert found[other].tolist() == pytest.approx([0.1] * 8)


def test_distance_counts_known_masks_only():
    found = distances(sinks_beside(made(claimed, labels=["prefix 2"])))
    assert found.index.tolist() == ["prefix 2", "all"]
    assert found.loc["all"].tolist() == found.loc["prefix 2"].tolist()


def test_part_of_the_first_token():
    assert math.isnan(first_of_all(pd.Series([0.0, 0.0])))
    assert math.isnan(first_of_all(pd.Series([math.nan])))
    assert first_of_all(pd.Series([1.0, 3.0])) == 0.25


@pytest.mark.parametrize("part", BEYOND_GEOMETRY)
def test_rules_agree_with_what_the_claim_says(part):
    assert verdict(part, made(claimed)) == "agrees"


def but(label, token, value):
    return lambda a, b: value if (a, b) == (label, token) else claimed(a, b)


@pytest.mark.parametrize(
    ("part", "excess"),
    [
        ("first", but("causal", 1, -0.01)),
        ("first", but("window 5", 1, 0.0)),
        ("wider", but("window 9", 1, 0.9)),
        ("wider", but("causal", 1, 0.02)),
        ("prefix", but("prefix 6", 6, -0.01)),
        ("prefix", but("prefix 2", 1, -0.01)),
    ],
)
def test_negative_control_one_token_settles_a_rule(part, excess):
    assert verdict(part, made(excess)) != "agrees"


@pytest.mark.parametrize("part", BEYOND_GEOMETRY)
def test_geometry_alone_does_not_agree(part):
    assert verdict(part, made(lambda *_: 0.0)) != "agrees"


@pytest.mark.parametrize(
    ("part", "missing"), [("first", "causal"), ("first", "window 13"), ("wider", "window 9"), ("prefix", "prefix 4")]
)
def test_rules_wait_for_all_that_they_need(part, missing):
    assert verdict(part, made(claimed, labels=[label for label in SINK_MASKS if label != missing])) == "not attempted"
    assert verdict(part, made(claimed, seeds=1)) == "not attempted"
    assert verdict(part, NOTHING) == "not attempted"


@pytest.mark.parametrize(
    ("part", "excess", "labels"),
    [
        ("first", but("causal", 1, -0.01), ["causal"]),
        ("wider", but("window 5", 1, 0.9), ["window 5", "window 9"]),
        ("prefix", but("prefix 2", 2, -0.01), ["prefix 2"]),
    ],
)
def test_one_mask_clearly_below_refutes_a_part_before_the_others_are_trained(part, excess, labels):
    found = verdicts.judge(BEYOND_GEOMETRY[part], made(excess, labels=labels))
    assert found["verdict"] == "differs" and found["ours"] < -found["tolerance"] and found["missing"]
    assert verdict(part, made(excess, labels=labels, seeds=1)) == "not attempted"
    assert verdict(part, made(claimed, labels=labels)) == "not attempted"  # above zero, the others have to be known


def test_what_waits_is_named_with_the_seeds_it_lacks():
    found = verdicts.judge(BEYOND_GEOMETRY["first"], made(claimed, labels=["causal"]))
    names = [f"unbiased-sliding_window{width}-none-2-residual" for width in (5, 9, 13)]
    assert found["missing"] == dict.fromkeys(names, 2)


def test_prefix_rule_needs_no_windows():
    assert verdict("prefix", made(claimed, labels=PREFIXES)) == "agrees"
