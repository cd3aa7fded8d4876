"""Our gaps stand beside the right bars, whatever is stored of them."""

import math

import pandas as pd
import pytest

from attention_atlas.claim_boxes import printed_report
from attention_atlas.experiments import retrieval
from attention_atlas.outcomes import retrieval_gaps
from attention_atlas.outcomes.retrieval_gaps import (
    agreement_words,
    beside,
    changes,
    gap_words,
    row,
    same_sign,
    vocabularies,
)
from attention_atlas.outcomes.retrieval_names import GAPS
from attention_atlas.outcomes.retrieval_points import GAP_KEY, printed_gaps


def trained(gaps, end=200_000, seed=0, profile="paper", **setting):
    """What `report` gives of one network whose gaps are `gaps` after 100,000 steps, and twice that at the end."""
    pairs = list(zip(GAPS, gaps, strict=True))
    rows = [(step, gap, -1, size * value) for step, size in ((100_000, 1), (end, 2)) for gap, value in pairs]
    table = pd.DataFrame(rows, columns=["step", "quantity", "key", "value"])
    return retrieval.report(retrieval.Config(seed=seed, **setting), table).assign(profile=profile)


def test_every_printed_bar_has_one_row_even_with_nothing_trained():
    table = beside(pd.DataFrame())
    assert len(table) == len(printed_gaps()) == len(table[GAP_KEY].drop_duplicates())
    assert table["mean"].isna().all() and not table["paper"].isna().any()


def test_ours_stand_beside_their_own_bars_only():
    report = pd.concat([trained((0.1, 0.2, 0.3), seed=0), trained((0.3, 0.4, 0.5), seed=1)])
    table = beside(report)
    mine = table[table["mean"].notna()].set_index("gap")
    assert set(mine.index) == set(GAPS) and (mine["position_encoding"] == "none").all()
    assert (mine["train_bias"] == "unbiased").all() and (mine["depth"] == 2).all() and (mine["residual"] == 0).all()
    first = mine.loc["first_vs_middle"]
    assert first["mean"] == pytest.approx(0.4) and first["printed_length"] == pytest.approx(0.2)
    assert (first["least"], first["most"], first["seeds"], first["steps"]) == pytest.approx((0.2, 0.6, 2, 200_000))
    assert first["standard_error"] == pytest.approx(0.2)  # of 0.2 and 0.6: deviation 0.2 sqrt 2, over sqrt 2


def test_one_seed_has_no_standard_error():
    one = row(beside(trained((0.1, 0.2, 0.3))), gap="first_vs_last", position_encoding="none", depth=2, residual=0)
    assert one["mean"] == pytest.approx(0.4) and math.isnan(one["standard_error"]) and one["seeds"] == 1


def test_the_largest_profile_counts():
    report = pd.concat([trained((0.3, 0.3, 0.3)), trained((0.1, 0.1, 0.1), profile="quick", seed=1)])
    table = beside(report)
    assert len(table) == len(printed_gaps())
    assert table["mean"].dropna().tolist() == pytest.approx([0.6] * 3)


def test_negative_control_other_networks_stay_out():
    others = [{"mask": "prefix", "mask_parameter": 2}, {"scale": "text"}, {"varied": "world"}, {"vocabulary": "fixed"}]
    for setting in others:
        assert beside(trained((0.1, 0.2, 0.3), **setting))["mean"].isna().all(), setting


def test_rows_are_chosen_by_their_setting():
    table = beside(pd.DataFrame(), train_bias=["first", "last"], gap="middle_vs_last")
    assert (
        set(table["train_bias"]) == {"first", "last"} and set(table["gap"]) == {"middle_vs_last"} and len(table) == 12
    )


def test_vocabularies_do_not_mix():
    report = pd.concat([trained((0.1, 0.2, 0.3)), trained((0.2, 0.1, -0.1), vocabulary="fixed")])
    table = vocabularies(report, train_bias="unbiased").dropna(subset="mean").set_index("gap")
    assert table["mixture"].to_dict() == pytest.approx(dict(zip(GAPS, (0.2, 0.4, 0.6), strict=True)))
    assert table["mean"].to_dict() == pytest.approx(dict(zip(GAPS, (0.4, 0.2, -0.2), strict=True)))
    assert same_sign(table, "mixture") == (2, 3, 3)
    assert "paper" not in table


def test_the_papers_own_numbers_come_back():
    table = beside(printed_report())
    assert (table["paper"] == table["mean"]).all() and (table["standard_error"] == 0).all()
    same, known, count = same_sign(table)
    assert same == known == count == (printed_gaps()["value"].abs() >= retrieval_gaps.LARGE).sum()


def test_agreement_is_said_as_it_is():
    table = pd.DataFrame({"paper": [0.2, -0.2], "mean": [math.nan, math.nan]})
    assert agreement_words(table) == "none of the 2 is trained yet"


def test_changes_add_errors_in_squares():
    numbers = {"paper": 0.5, "mean": 0.4, "standard_error": 0.03, "printed_length": 0.2, "printed_length_error": 0.0}
    low = pd.Series(numbers) * 0 + pd.Series({**dict.fromkeys(numbers, 0.0), "standard_error": 0.04})
    assert changes(pd.Series(numbers), low) == ["+.500", "+.200 ± .000", "+.400 ± .050"]


@pytest.mark.parametrize(
    ("value", "words"), [(1.0, "+1.000"), (-0.0004, ".000"), (-0.0005001, "−.001"), (0.5536, "+.554")]
)
def test_gaps_are_printed_as_in_the_paper(value, words):
    assert gap_words(value) == words


@pytest.mark.parametrize("setting", [{"gap": "first_vs_last"}, {"gap": "last_vs_first"}])
def test_a_setting_that_is_not_one_row_is_refused(setting):
    with pytest.raises(ValueError, match="a setting has one row, got"):
        row(beside(pd.DataFrame()), **setting)
