"""Claims in words: the papers' own numbers satisfy them, turned numbers do not, and half a table settles nothing."""

import functools

import pandas as pd
import pytest

import printed_retrieval
from attention_atlas import claims, verdicts
from attention_atlas.references import REFERENCES
from attention_atlas.rules import rule

RECENCY = ("kim2026-claim-early", "kim2026-claim-layernorm", "kim2026-claim-residual", "kim2026-claim-anisotropy")


def report() -> pd.DataFrame:
    """What a run at full size reports: the printed numbers, and sweeps over alpha that rise by hand."""
    printed = next(r for r in REFERENCES if r.experiment == "recency").table()
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
    assert verdict(id, wide) == "agrees in sign"
    narrow = report().assign(standard_error=0.0001 * found["ours"] / found["tolerance"] * 0.99)
    assert verdict(id, narrow) == "agrees"


@pytest.mark.parametrize("id", RECENCY)
def test_a_missing_number_or_a_smaller_profile_settles_nothing(id):
    assert verdict(id, report().assign(profile="quick")) == "not attempted"
    assert verdict(id, pd.DataFrame()) == "not attempted"
    table = report()
    asked = (table["layer"] == 4) & (table["d"] == 16) & table["alpha"].isin([0.0, 0.5])
    assert verdict(id, table[~asked]) == "not attempted"


RETRIEVAL = tuple(f"wu2025-claim-{letter}" for letter in "abcdefgh")


@functools.cache  # a report on 240 networks; nobody changes it in place
def retrieval_report(flip: bool = False, without: str = "", spread: float = 1e-6) -> pd.DataFrame:
    """What trained networks would report if they showed the printed gaps and sinks, or the opposite."""
    gaps, sinks = (reference.table() for reference in REFERENCES[:2])
    if flip:  # longer for shorter, first for last: what the claims deny
        gaps = gaps.assign(value=-gaps["value"])
        sinks = sinks.assign(sink_percent=100 - sinks["sink_percent"])
    if without:
        gaps, sinks = gaps[gaps["position_encoding"] != without], sinks[sinks["mask"] != without]
    fixed = gaps.assign(value=-gaps["value"] if flip else gaps["value"])  # the opposite of what the mixture shows
    both = {"gaussian_mixture": gaps, "fixed": fixed}
    return printed_retrieval.report(
        *(printed_retrieval.models(g, sinks, spread=spread, vocabulary=name) for name, g in both.items())
    )


@pytest.fixture(scope="module")
def printed() -> pd.DataFrame:
    return retrieval_report().assign(sampling_error=0.0)  # the printed sinks are shares without a sample


@pytest.mark.parametrize("id", RETRIEVAL)
def test_the_papers_own_bars_and_stems_satisfy_its_claims(printed, id):
    assert verdict(id, printed) == "agrees"


@pytest.mark.parametrize("id", [id for id in RETRIEVAL if id != "wu2025-claim-c"])
def test_bars_upside_down_contradict_them(id):
    assert verdict(id, retrieval_report(flip=True).assign(sampling_error=0.0)) == "differs"


def test_large_gaps_between_middle_and_last_contradict_claim_c(printed):
    turned = printed["quantity"].replace({"middle_vs_last": "first_vs_last", "first_vs_last": "middle_vs_last"})
    assert verdict("wu2025-claim-c", printed.assign(quantity=turned)) == "differs"


@pytest.mark.parametrize("id", RETRIEVAL)
def test_a_claim_waits_for_every_network_that_it_speaks_of(printed, id):
    lacking = retrieval_report(without="prefix" if id.endswith("g") else "rope")
    assert verdict(id, lacking) == "not attempted"
    assert verdict(id, printed[printed["seed"] == 0]) == "not attempted"  # one seed has no error


def test_seeds_that_scatter_make_a_claim_uncertain(printed):
    wide = retrieval_report(spread=0.05)
    assert verdict("wu2025-claim-a", wide.assign(sampling_error=0.0)) == "agrees in sign"


def test_the_size_of_the_test_bounds_certainty(printed):
    # five seeds that agree to the last digit are still measured on 10,000 sequences each
    assert verdict("wu2025-claim-a", printed.assign(sampling_error=0.01)) == "agrees in sign"


@functools.cache
def under(vocabulary: str, factor: float = 0.5, spread: float = 1e-4) -> pd.DataFrame:
    gaps = REFERENCES[0].table()
    gaps = gaps.assign(value=factor * gaps["value"])
    return printed_retrieval.report(printed_retrieval.models(gaps, vocabulary=vocabulary, spread=spread))


def both(*fixed: pd.DataFrame) -> pd.DataFrame:
    return pd.concat([under("gaussian_mixture", 1.0), *fixed], ignore_index=True)


@pytest.mark.parametrize(("factor", "expected"), [(0.5, "agrees"), (-0.5, "differs")])
def test_claim_h_compares_the_signs_of_two_vocabularies(factor, expected):
    assert verdict("wu2025-claim-h", both(under("fixed", factor))) == expected
    assert verdict("wu2025-claim-h", under("gaussian_mixture", 1.0)) == "not attempted"


@pytest.mark.parametrize("letter", ["f", "h"])
def test_a_network_that_is_not_stored_under_either_vocabulary_keeps_a_claim_waiting(letter):
    """Eleven settings that happen to be stored do not settle it, even if all of them have their sign."""
    table = both(under("fixed"))
    some = table[(table["train_bias"] != "first_and_last") | (table["position_encoding"] != "rope")]
    found = verdicts.judge(verdicts.RULES[f"wu2025-claim-{letter}"], some)
    assert found["verdict"] == "not attempted"
    vocabularies = 2 if letter == "h" else 1
    assert len(found["missing"]) == 2 * vocabularies and set(found["missing"].values()) == {2}
    assert "first_and_last-none-rope-2-residual" in found["missing"]
    assert f"missing: {4 * vocabularies} trainings of {2 * vocabularies} networks" in found["reason"]


def test_claim_h_needs_two_seeds_of_every_network_and_not_of_those_without_places():
    table = both(under("fixed"))
    one = (table["seed"] > 0) & (table["setting"] == "fixed") & (table["train_bias"] == "last")
    found = verdicts.judge(verdicts.RULES["wu2025-claim-h"], table[~one])
    assert found["verdict"] == "not attempted" and set(found["missing"].values()) == {1}
    placeless = (table["mask"] == "none") & (table["position_encoding"] == "none")
    assert placeless.any() and verdict("wu2025-claim-h", table[~placeless]) == "agrees"


def test_claim_h_counts_a_network_once_and_a_sign_within_its_error_as_lost():
    table = both(under("fixed"))
    gaps = REFERENCES[0].table()
    keys = ["train_bias", "mask", "position_encoding", "depth", "residual"]
    voters = len(gaps[gaps["value"].abs() >= 0.05][keys].drop_duplicates())
    found = verdicts.judge(verdicts.RULES["wu2025-claim-h"], table)
    assert found["ours"] == pytest.approx(0.5)
    assert found["standard_error"] == pytest.approx(0.5 / voters**0.5) and voters < 38
    unsure = table["sampling_error"].where(table["setting"] == "gaussian_mixture", 1.0)
    assert verdict("wu2025-claim-h", table.assign(sampling_error=unsure)) == "differs"


def test_what_refutes_a_part_of_a_claim_refutes_it_before_all_is_known(printed):
    """Every difference is said to be positive, so one clearly below zero is enough; one above zero is not."""
    last = printed[(printed["train_bias"] == "first_and_last") & (printed["mask"] == "causal")]
    assert verdict("wu2025-claim-f", last) == "not attempted"
    turned = last.assign(value=-last["value"])
    found = verdicts.judge(verdicts.RULES["wu2025-claim-f"], turned)
    assert found["verdict"] == "differs" and found["ours"] < -found["tolerance"]
    assert (found["known"], found["of"]) == (4, 8) and "more are not known" in found["reason"]
    assert verdict("wu2025-claim-f", turned[turned["seed"] == 0]) == "not attempted"  # one seed refutes nothing
    assert verdict("wu2025-claim-f", turned.assign(sampling_error=1.0)) == "not attempted"  # nor does what is unsure


@pytest.mark.parametrize(
    ("differences", "expected"),
    [
        ([0.2, None], "not attempted"),
        ([0.2, -0.03, None], "not attempted"),  # below zero by three standard errors
        ([0.2, -0.05, None], "differs"),
        ([None, None], "not attempted"),
        ([0.2, -0.03], "differs"),  # all are known, so the least certain of them decides, as ever
    ],
)
def test_only_a_clear_refutation_is_a_verdict_on_a_part(differences, expected):
    table = pd.DataFrame({"difference": differences, "standard_error": 0.01}, dtype=float)
    assert (
        verdicts.judge(rule.Rule("", lambda report: table), pd.DataFrame({"profile": ["paper"]}))["verdict"] == expected
    )


def test_at_the_printed_length_a_rule_reads_what_the_trajectory_showed_then(printed):
    early = printed.assign(value=-printed["value"], at="100000")
    whole = pd.concat([printed, early], ignore_index=True)
    assert verdict("wu2025-claim-f", whole) == "agrees"
    assert verdict("wu2025-claim-f", verdicts.at_printed_length(whole)) == "differs"
    assert verdict("wu2025-claim-f", verdicts.at_printed_length(printed)) == "not attempted"


@pytest.mark.parametrize(("difference", "expected"), [(0.0, "differs"), (0.1, "agrees"), (-0.1, "differs")])
def test_a_difference_without_error_is_as_it_is(difference, expected):
    table = pd.DataFrame({"difference": [difference, 0.2], "standard_error": [0.0, 0.01]})
    found = verdicts.judge(rule.Rule("", lambda report: table), pd.DataFrame({"profile": ["paper"]}))
    assert found["verdict"] == expected


def test_by_hand():
    without, weakened = 0.6382, 0.5931  # layer 2 at d = 16; the smallest difference is at d = 64: .5544 - .5457
    found = verdicts.judge(verdicts.RULES["kim2026-claim-residual"], report())
    assert found["ours"] == pytest.approx(0.5544 - 0.5457) and found["ours"] < without - weakened
    assert found["tolerance"] == pytest.approx(4 * 2**0.5 * 0.0001)


LOCALIZATION = ("bao2024-localization", "bao2024-collapses")


def phase_report(turned: bool = False) -> pd.DataFrame:
    """A diagram as the claims have it: localized without variance at a mean away from zero; or the opposite."""
    narrow = {"entropy": 0.8, "residual": 0.4, "by_position": 0.15, "by_content": 0.05}
    wide = {"entropy": 0.5, "residual": 0.6, "by_position": 0.05, "by_content": 0.45}
    if turned:
        narrow = {"entropy": 0.3, "residual": 0.05, "by_position": 0.05, "by_content": 0.65}
    places = [(eta, 0.0, narrow) for eta in (5.0, 10.0, 20.0, 40.0, 80.0)] + [(20.0, 16.0, wide)]
    rows = [(eta, s, quantity, value) for eta, s, numbers in places for quantity, value in numbers.items()]
    table = pd.DataFrame(rows, columns=["eta", "deviation", "quantity", "mean"])
    other = table.assign(point="T64-d128-causal", mean=0.0)  # another diagram takes no part
    return pd.concat([table.assign(point="T64-d128"), other]).assign(standard_error=0.001, profile="paper")


@pytest.mark.parametrize("id", LOCALIZATION)
def test_a_localized_diagram_satisfies_the_claims_and_a_turned_one_contradicts_them(id):
    assert verdict(id, phase_report()) == "agrees"
    assert verdict(id, phase_report(turned=True)) == "differs"


@pytest.mark.parametrize("id", LOCALIZATION)
@pytest.mark.parametrize("eta", [5.0, 10.0, 20.0, 40.0, 80.0])
def test_every_mean_away_from_zero_has_to_be_there_and_to_satisfy_them(id, eta):
    table = phase_report()
    here = (table["eta"] == eta) & (table["deviation"] == 0) & (table["point"] == "T64-d128")
    assert verdict(id, table[~here]) == "not attempted"
    broken = {"bao2024-localization": "by_position", "bao2024-collapses": "entropy"}[id]
    table.loc[here & (table["quantity"] == broken), "mean"] = 0.01
    assert verdict(id, table) == "differs"


def test_more_position_at_a_large_variance_contradicts_localization_alone():
    table = phase_report()
    table.loc[(table["deviation"] == 16) & (table["quantity"] == "by_position"), "mean"] = 0.2
    assert [verdict(id, table) for id in LOCALIZATION] == ["differs", "agrees"]
