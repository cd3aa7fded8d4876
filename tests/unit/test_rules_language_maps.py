"""Recency of trained decoders is judged with LayerNorm, without a norm and between them, seed by seed."""

import pandas as pd
import pytest

from attention_atlas import ledger, results, scorecard
from attention_atlas.claims import load
from attention_atlas.rules.language_maps import RULES, WITH, WITHOUT, recency_by_seed
from attention_atlas.verdicts import judge

RULE = RULES["kim2026-claim-decoders"]
EARLY = [0.31, 0.33, 0.35]
LATE = [0.71, 0.73, 0.74]


def report(with_norm, without, profile="paper"):
    """Two layers that count, and beside them all that must not: layer 1, heads, other texts, untrained ones, maps."""
    rows = []
    for setting, values in ((WITH, with_norm), (WITHOUT, without)):
        for seed, value in enumerate(values):
            point = f"{setting}-seed{seed}"
            rows += [(point, "text", layer, -1, "recency", value + off) for layer, off in ((1, -0.05), (2, 0.05))]
            rows += [
                (point, "text", 0, -1, "recency", 9.0),
                (point, "text", 1, 0, "recency", 9.0),
                (point, "shuffled", 1, -1, "recency", 9.0),
                (point, "text", 1, -1, "gram_read", 9.0),
                (f"{point}-untrained", "text", 1, -1, "recency", 9.0),
                (f"{setting}-maps", None, None, None, None, None),
            ]
    return pd.DataFrame(rows, columns=["point", "text", "layer", "head", "quantity", "value"]).assign(profile=profile)


def test_both_halves_and_their_difference_have_to_be_positive():
    found = RULE.differences(report(LATE, EARLY))
    assert found["difference"].tolist() == pytest.approx([0.68 / 3, 0.17, 0.68 / 3 + 0.17])
    apart = pd.Series(LATE) - pd.Series(EARLY)
    errors = [pd.Series(LATE).sem(), pd.Series(EARLY).sem(), apart.sem()]
    assert found["standard_error"].tolist() == pytest.approx(errors)
    assert judge(RULE, report(LATE, EARLY))["verdict"] == "agrees"


@pytest.mark.parametrize(
    ("with_norm", "without"),
    [
        pytest.param(LATE, [0.61, 0.62, 0.64], id="recency without a norm"),
        pytest.param(EARLY, [0.21, 0.22, 0.24], id="early bias with LayerNorm"),
        pytest.param(EARLY, LATE, id="the other way around"),
    ],
)
def test_negative_control_half_of_it_is_not_enough(with_norm, without):
    assert judge(RULE, report(with_norm, without))["verdict"] == "differs"


def test_the_difference_is_that_of_seeds_which_both_have():
    found = report(LATE, EARLY)
    other = found[~found["point"].str.startswith(f"{WITHOUT}-seed1")]
    differences = RULE.differences(other)["difference"]
    assert differences.notna().tolist() == [True, False, False]
    assert judge(RULE, other)["verdict"] == "not attempted"


@pytest.mark.parametrize(("with_norm", "without"), [(LATE[:2], EARLY[:2]), (LATE, EARLY[:1]), (LATE, [])])
def test_fewer_than_three_decoders_of_a_kind_settle_nothing(with_norm, without):
    found = report(with_norm, without)
    assert judge(RULE, found)["verdict"] == "not attempted"
    missing = RULE.differences(found)["missing"].tolist()[2]
    assert missing.get(WITHOUT) == 3 - len(without) and missing.get(WITH, 0) == 3 - len(with_norm)


def test_smaller_decoders_do_not_count():
    assert judge(RULE, report(LATE, EARLY, profile="quick"))["verdict"] == "not attempted"


def test_stored_decoders_are_as_the_ledger_says():
    stored = results.report("language_maps")
    with_norm, without = (recency_by_seed(stored, setting) for setting in (WITH, WITHOUT))
    assert min(len(with_norm), len(without)) >= 3
    assert with_norm.min() > 0.5 and without.min() > 0.5  # both kinds prefer late keys, every decoder of them
    apart = with_norm - without
    assert apart.mean() < 4 * apart.sem()  # and those with LayerNorm not more
    assert judge(RULE, stored)["verdict"] == "differs"
    entry = scorecard.explanation("language_maps", {"claim": "kim2026-claim-decoders"})
    assert entry is ledger.named("kim2026-trained-decoders")


def test_each_rule_is_of_a_claim_of_kim_that_this_experiment_settles():
    claims = {claim.id: claim for claim in load()}
    assert all(claims[name].paper == "kim2026" and claims[name].needs == "language_maps" for name in RULES)
