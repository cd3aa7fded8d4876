"""Claims in words: the papers' own numbers satisfy them, turned numbers do not, and half a table settles nothing."""

import pandas as pd
import pytest

from attention_atlas import claims, scorecard, verdicts

RECENCY = ("kim2026-claim-early", "kim2026-claim-layernorm", "kim2026-claim-residual", "kim2026-claim-anisotropy")


def report() -> pd.DataFrame:
    """What a run at full size reports: the printed numbers, and sweeps over alpha that rise by hand."""
    printed = next(r for r in scorecard.REFERENCES if r.experiment == "recency").table()
    sweep = [
        {"alpha": alpha, "residual": residual, "layer": layer, "recency_probability": 0.5 + alpha / 10}
        for alpha in (0.0, 0.2, 0.4, 0.6, 0.8)
        for residual in (0, 1)
        for layer in (1, 2, 3, 4)
        if alpha or residual  # the remaining one is printed
    ]
    table = pd.concat([printed, pd.DataFrame(sweep).assign(layernorm=1, d=16)], ignore_index=True)
    return table.assign(standard_error=0.0001, profile="paper")


def verdict(id: str, table: pd.DataFrame) -> str:
    return verdicts.judge(verdicts.RULES[id], table)["verdict"]


def test_every_rule_belongs_to_a_claim():
    assert set(verdicts.RULES) <= {claim.id for claim in claims.load()}


@pytest.mark.parametrize("id", RECENCY)
def test_the_printed_numbers_satisfy_the_papers_claims(id):
    assert verdict(id, report()) == "agrees"


@pytest.mark.parametrize("id", RECENCY)
def test_numbers_mirrored_at_one_half_contradict_them(id):
    table = report()
    assert verdict(id, table.assign(recency_probability=1 - table["recency_probability"])) == "differs"


@pytest.mark.parametrize("id", RECENCY)
def test_a_difference_within_four_standard_errors_is_no_difference(id):
    found = verdicts.judge(verdicts.RULES[id], report())
    wide = report().assign(standard_error=0.0001 * found["ours"] / found["tolerance"] * 1.01)
    assert verdict(id, wide) == "differs"
    narrow = report().assign(standard_error=0.0001 * found["ours"] / found["tolerance"] * 0.99)
    assert verdict(id, narrow) == "agrees"


@pytest.mark.parametrize("id", RECENCY)
def test_a_missing_number_or_a_smaller_profile_settles_nothing(id):
    assert verdict(id, report().assign(profile="quick")) == "not attempted"
    assert verdict(id, pd.DataFrame()) == "not attempted"
    table = report()
    asked = (table["layer"] == 4) & (table["d"] == 16) & table["alpha"].isin([0.0, 0.5])
    assert verdict(id, table[~asked]) == "not attempted"


def test_by_hand():
    without, weakened = 0.6382, 0.5931  # layer 2 at d = 16; the smallest difference is at d = 64: .5544 - .5457
    found = verdicts.judge(verdicts.RULES["kim2026-claim-residual"], report())
    assert found["ours"] == pytest.approx(0.5544 - 0.5457) and found["ours"] < without - weakened
    assert found["tolerance"] == pytest.approx(4 * 2**0.5 * 0.0001)
