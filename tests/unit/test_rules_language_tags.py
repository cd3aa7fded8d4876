"""Both claims on made-up decoders for which they hold, for which they do not, and of which there are too few."""

import subprocess
import sys

import pandas as pd
import pytest

from attention_atlas import claims, verdicts
from attention_atlas.rules.language_tags import RULES, SURE


def report(seeds=3, profile="paper", **settings):
    """Decoders of two heads: the one has sinks in a third of all sequences, the other has none."""
    rows = []
    for name, numbers in settings.items():
        for seed in range(seeds):
            point = f"{name.replace('_', '-')}-seed{seed}"
            for quantity, value in numbers.items():
                rows += [(point, 1, 0, quantity, "", value + seed / 1e3)]
                rows += [(point, 1, 1, quantity, "", 0.0 if quantity in ("with_lasting", "lasting_sinks") else None)]
            rows.append((point, 1, -1, "lasting_at", "begin", 99.0))
    columns = ["point", "layer", "head", "quantity", "label", "value"]
    return pd.DataFrame(rows, columns=columns).astype({"value": float}).assign(profile=profile)


def shares(tags, others=0.05, **more):
    usual = {"with_lasting": 0.33, "two_tags": tags, "two_others": others}
    return report(rope=usual, post_norm=usual | {"two_tags": 0.3}, **more)


def verdict(claim, table):
    return verdicts.judge(RULES[claim], table)["verdict"]


@pytest.mark.parametrize(
    ("tags", "others", "expected"),
    [(0.3, 0.05, "agrees"), (0.5, 0.05, "differs"), (0.1, 0.05, "differs"), (0.3, 0.35, "differs")],
)
def test_a_share_within_the_bounds_and_above_its_control_agrees(tags, others, expected):
    assert verdict("zhang2025-variance", shares(tags, others)) == expected


def test_a_share_at_the_edge_is_not_sure():
    assert verdict("zhang2025-variance", shares(0.2)) == "agrees in sign"


def test_other_settings_and_heads_without_sinks_do_not_count():
    table = shares(0.3)
    changed = table.copy()
    other = table["point"].str.startswith("post-norm") & (table["quantity"] == "two_tags")
    changed.loc[other, "value"] = 0.9
    rule = RULES["zhang2025-variance"]
    pd.testing.assert_frame_equal(rule.differences(changed), rule.differences(table))


def sinks(kept, usual=0.4, first=0.01, **options):
    counts = {"no_positions_qk_norm": kept, "no_positions": usual, "untrained": first}
    return report(**{name: {"lasting_sinks": value} for name, value in counts.items()}, **options)


@pytest.mark.parametrize(
    ("kept", "usual", "expected"),
    [(0.5, 0.4, "agrees"), (0.25, 0.4, "agrees"), (0.1, 0.4, "differs"), (0.0, 0.4, "differs")],
)
def test_most_sinks_must_stay_and_be_there(kept, usual, expected):
    assert verdict("zhang2025-qk-norm", sinks(kept, usual)) == expected


def test_sinks_that_are_not_there_cannot_be_removed():
    assert verdict("zhang2025-qk-norm", sinks(0.0, usual=0.0, first=0.0)) == "not attempted"
    assert verdict("zhang2025-qk-norm", sinks(0.4, usual=0.4, first=0.5)) == "not attempted"
    unsure = sinks(0.4)
    most = (unsure["point"] == "no-positions-seed0") & (unsure["head"] == 0)
    unsure.loc[most, "value"] = 9.0  # nearly all sinks are those of one seed
    assert verdict("zhang2025-qk-norm", unsure) == "not attempted"


def test_no_more_than_untrained_decoders_have_is_not_enough():
    assert verdict("zhang2025-qk-norm", sinks(0.3, usual=0.4, first=0.35)) == "differs"


def test_too_few_seeds_a_missing_setting_or_a_smaller_profile_settle_nothing():
    assert verdict("zhang2025-qk-norm", sinks(0.5, seeds=1)) == "not attempted"
    assert verdict("zhang2025-qk-norm", sinks(0.5, profile="quick")) == "not attempted"
    assert verdict("zhang2025-qk-norm", shares(0.3)) == "not attempted"
    assert verdict("zhang2025-variance", sinks(0.5)) == "not attempted"


def test_no_sink_at_all_settles_nothing_about_tags():
    table = shares(0.3)
    table.loc[table["quantity"] == "two_tags", "value"] = float("nan")
    assert verdict("zhang2025-variance", table) == "not attempted"


def test_every_rule_is_of_a_claim_and_every_claim_that_this_experiment_settles_has_one():
    settled = {claim.id for claim in claims.load() if claim.needs == "language_tags"}
    assert set(RULES) == settled and len(settled) == 2


def test_sure_is_the_same_for_the_rule_and_for_its_verdict():
    assert SURE == verdicts.SURE


def test_the_rules_load_without_torch():
    code = "import sys, attention_atlas.rules.language_tags; print('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"
