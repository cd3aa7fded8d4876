"""The scorecard: verdicts by hand, every printed number exactly once, nothing that differs without a reason."""

import dataclasses
import json
import math
import subprocess
import sys
from types import ModuleType

import numpy as np
import pandas as pd
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

import printed_retrieval
from attention_atlas import claims, ledger, results, scorecard, theorems
from attention_atlas.experiments import recency, retrieval
from attention_atlas.references import KIM_SEQUENCES, REFERENCES, Reference

NAN = float("nan")


@dataclasses.dataclass(frozen=True)
class Point:
    """A configuration of an experiment that is only stored, never run."""

    name: str = "all"


def store(folder, experiment: str, table: pd.DataFrame, profile: str = "paper") -> results.Store:
    stored = results.Store(folder)
    if experiment == "recency":  # keeps more than the paper tabulates, so results are as it stores them
        for point, config in recency.configurations(profile).items():
            key = recency.report(config, PROBABILITY)[KEYS]  # empty where the paper prints nothing
            mine = key.merge(table.rename(columns={"recency_probability": "mean"}))
            if len(mine):
                mine = mine.assign(quantity="recency_probability", query=0, key=0)
                stored.put(recency, point, dataclasses.replace(config, sequences=5), mine, profile, 0.0)
        return stored
    if experiment == "retrieval":
        kinds = {"gaps": table} if "gap" in table else {"sinks": table}
        for point, config, mine in printed_retrieval.models(**kinds, profile=profile):
            stored.put(retrieval, point, config, mine, profile, 0.0)
        return stored
    module = ModuleType(experiment)
    module.NAME, module.REVISION = experiment, 1
    stored.put(module, "all", Point(), table, profile, 0.0)
    return stored


KEYS = ["alpha", "layernorm", "residual", "d"]
PROBABILITY = pd.DataFrame({"quantity": ["recency_probability"], "layer": 1, "mean": 0.5, "standard_error": 0.1})


def as_if_run(reference: Reference, shift: float = 0.0) -> pd.DataFrame:
    """A stored table that repeats the printed numbers with a shift: each configuration once, without its figure."""
    table = reference.table().drop(columns="figure")
    table = table.drop_duplicates([column for column in table if column != reference.value])
    if reference.experiment == "retrieval":  # stored model by model, which the scorecard summarizes
        return table.assign(**{reference.value: table[reference.value] + shift})
    mean = table[reference.value] + shift
    return table.drop(columns=reference.value).assign(
        **{reference.ours: mean, "standard_error": 0.0001, reference.runs: 5}
    )


@pytest.mark.parametrize(
    ("reported", "ours", "error", "tolerance", "neutral", "verdict"),
    [
        pytest.param(0.25, 0.25, 0.0, 0.0, 0.0, "agrees", id="equal, no tolerance"),
        pytest.param(0.25, 0.375, 0.01, 0.125, 0.0, "agrees", id="at the edge of the tolerance"),
        pytest.param(0.25, 0.376, 0.01, 0.125, 0.0, "agrees in sign", id="just beyond it"),
        pytest.param(-0.25, -0.5, 0.01, 0.1, 0.0, "agrees in sign", id="both negative"),
        pytest.param(0.25, -0.5, 0.01, 0.1, 0.0, "differs", id="opposite signs"),
        pytest.param(0.9, 0.1, 0.06, 0.1, 0.0, "differs", id="a sign within two standard errors is no sign"),
        pytest.param(0.0, 0.05, 0.01, 0.1, 0.0, "agrees", id="zero reported, near zero"),
        pytest.param(0.0, 0.5, 0.01, 0.1, 0.0, "differs", id="zero reported has no sign to agree with"),
        pytest.param(0.6, 0.9, 0.01, 0.1, 0.5, "agrees in sign", id="sign counted from one half"),
        pytest.param(0.6, 0.4, 0.01, 0.1, 0.5, "differs", id="both positive, on two sides of one half"),
        pytest.param(43.5, 20.0, 0.1, 0.3, None, "differs", id="a percentage has no sign"),
        pytest.param(0.25, NAN, 0.01, 0.1, 0.0, "not attempted", id="nothing of ours"),
        pytest.param(0.25, 0.25, NAN, NAN, 0.0, "not attempted", id="a single seed has no error"),
    ],
)
def test_judging_by_hand(reported, ours, error, tolerance, neutral, verdict):
    assert scorecard.judge(reported, ours, error, tolerance, neutral) == verdict


@pytest.mark.parametrize(("reported", "tolerance"), [(NAN, 0.1), (0.25, -0.1)])
def test_what_cannot_be_judged_is_refused(reported, tolerance):
    with pytest.raises(ValueError, match=r"not a number|not negative, got -0\.1"):
        scorecard.judge(reported, 0.25, 0.01, tolerance)


@given(st.floats(-1, 1), st.floats(-1, 1), st.floats(0, 0.5), st.floats(0, 0.5))
def test_the_verdict_does_not_know_which_place_is_called_first(reported, ours, error, tolerance):
    assert scorecard.judge(reported, ours, error, tolerance) == scorecard.judge(-reported, -ours, error, tolerance)


@given(st.floats(-1, 1), st.floats(-1, 1), st.floats(0, 0.5), st.floats(0, 0.5), st.floats(0, 0.5))
def test_a_wider_tolerance_never_turns_agreement_away(reported, ours, error, tolerance, more):
    if scorecard.judge(reported, ours, error, tolerance) == "agrees":
        assert scorecard.judge(reported, ours, error, tolerance + more) == "agrees"


def test_every_printed_number_is_one_row(tmp_path):
    rows = scorecard.rows(results.Store(tmp_path))
    assert tuple(rows.columns) == scorecard.COLUMNS
    assert not rows.duplicated(["paper", "item", "configuration"]).any()
    for reference in REFERENCES:
        mine = rows[rows["item"].str.endswith(f": {reference.quantity}")]
        assert mine["reported"].tolist() == reference.table()[reference.value].tolist()
        for line, row in zip(reference.table().astype(object).to_dict("records"), mine.itertuples(), strict=True):
            assert row.item.startswith(f"Figure {line.pop('figure')}:")
            del line[reference.value]
            known = {name: value for name, value in line.items() if value == value}
            parts = (f"{name} {value}".removesuffix(".0") for name, value in known.items())
            assert row.configuration == ", ".join(parts)
    statements = [theorem.label for theorem in theorems.load() if theorem.origin == "paper"]
    assert rows["item"].tolist().count("Theorem 4.1") == 1 and len(statements) == 9
    printed = sum(len(reference.table()) for reference in REFERENCES)
    assert len(rows) == printed + len(statements) + len(claims.load())


def test_figures_that_share_a_bar_print_one_value():
    table = REFERENCES[0].table()
    columns = [column for column in table if column not in ("figure", "value")]
    shared = table.groupby(columns)["value"].agg(["size", "nunique"])
    assert (shared["nunique"] == 1).all() and (shared["size"] == 2).sum() == 36


def test_without_results_nothing_is_attempted(tmp_path):
    rows = scorecard.rows(results.Store(tmp_path))
    assert set(rows["verdict"]) == {"not attempted"} and rows["ours"].isna().all()
    assert rows["reason"].str.contains("needs the experiment|no stored result of the experiment").all()


@pytest.mark.parametrize("reference", REFERENCES, ids=lambda reference: reference.quantity)
def test_repeating_the_printed_numbers_agrees_and_a_shift_does_not(tmp_path, reference):
    item = f": {reference.quantity}"
    for folder, shift, agrees in (("same", 0.0, True), ("far", 7.0, False)):
        rows = scorecard.rows(store(tmp_path / folder, reference.experiment, as_if_run(reference, shift)))
        mine = rows[rows["item"].str.endswith(item)]
        assert len(mine) == len(reference.table())
        assert (mine["verdict"] == "agrees").all() == (mine["verdict"] == "agrees").any() == agrees
        assert (mine["seeds"] == 5).all() and (mine["profile"] == "paper").all()
        settled = [claim.id for claim in claims.load() if claim.needs == reference.experiment]
        others = rows[~rows["item"].str.endswith((item, *settled))]
        assert (others["verdict"] == "not attempted").all()


def test_tolerances_by_hand():
    gaps, sinks, recency = (reference.tolerance for reference in REFERENCES)
    assert gaps(0.01, 5) == pytest.approx(2 * 0.01 * math.sqrt(2) + 0.0005)  # as many seeds as the paper
    assert gaps(0.01, 20) == pytest.approx(2 * math.hypot(0.01, 0.02) + 0.0005)  # the paper's error is twice ours
    assert sinks(0.0, 5) == pytest.approx(0.1)
    assert recency(0.001, 10**7) == pytest.approx(4 * 0.001 * math.sqrt(2) + 0.00005)  # as many as the paper
    assert recency(0.001, 10**5) == pytest.approx(4 * math.hypot(0.001, 0.0001) + 0.00005)  # its error is a tenth


@pytest.mark.parametrize(
    ("seeds", "profile", "reason"), [(1, "paper", "one seed"), (5, "quick", "stored at the profile quick only")]
)
def test_what_is_too_little_to_judge_is_not_attempted(tmp_path, seeds, profile, reason):
    reference, held = REFERENCES[0], results.Store(tmp_path)
    for point, config, table in printed_retrieval.models(as_if_run(reference), seeds=seeds, profile=profile):
        held.put(retrieval, point, config, table, profile, 0.0)
    rows = scorecard.rows(held)
    mine = rows[rows["item"].str.endswith(reference.quantity)]
    assert set(mine["verdict"]) == {"not attempted"} and mine["reason"].str.contains(reason).all()
    assert mine["ours"].notna().all()


def test_a_row_answered_twice_or_without_a_column_is_refused(tmp_path):
    reference, experiment = REFERENCES[1], "asked_twice"
    known = dataclasses.replace(reference, experiment=experiment, summarize=lambda report: report, ours="mean")
    table = as_if_run(known)
    with pytest.raises(ValueError, match="asked_twice answers causal, 1 twice"):
        scorecard._reference_rows(known, pd.concat([table, table]).assign(profile="paper"))
    with pytest.raises(ValueError, match="asked_twice lacks the column 'seeds'; needed: mask, mask_parameter"):
        scorecard._reference_rows(known, table.drop(columns="seeds").assign(profile="paper"))


def test_a_row_that_differs_needs_a_ledger_entry_that_explains_it(tmp_path, monkeypatch):
    reference = REFERENCES[1]
    table = as_if_run(reference)
    table.loc[table["mask"] == "prefix", "sink_percent"] += 7
    held = store(tmp_path / "results", reference.experiment, table)
    items = [{**item, "explains": {}} for item in yaml.safe_load(ledger.PATH.read_text())]

    def read_ledger(name: str) -> None:
        path = tmp_path / name
        path.write_text(yaml.safe_dump(items))
        entries = ledger.load(path)
        monkeypatch.setattr(scorecard.ledger, "load", lambda: entries)

    load = ledger.load
    read_ledger("silent.yml")
    with pytest.raises(
        ValueError, match=r"wu2025, Figure 12: attention sink in percent \(mask prefix.* without a ledger entry"
    ):
        scorecard.validate(scorecard.rows(held))

    # The same rows pass once an entry of the ledger says that it explains them, and only these rows.
    monkeypatch.setattr(scorecard.ledger, "load", load)
    item = next(item for item in items if item["id"] == "wu2025-sink-convention")
    item["explains"] = {"experiment": reference.experiment, "mask": "prefix"}
    read_ledger("ledger.yml")
    rows = scorecard.rows(held)
    scorecard.validate(rows)
    explained = rows[rows["reason"].str.endswith("ledger: wu2025-sink-convention")]
    assert len(explained) == 51 and explained["configuration"].str.startswith("mask prefix").all()


def scaled_gaps(folder, factor: float, **chosen) -> results.Store:
    """As if the printed gaps of some settings came out so many times as large, and all others as printed."""
    reference = REFERENCES[0]
    table = as_if_run(reference)
    mine = (table[list(chosen)] == pd.Series(chosen)).all(axis=1)
    assert mine.any()
    return store(folder, "retrieval", table.assign(value=table["value"].where(~mine, factor * table["value"])))


def test_the_ledger_as_it_stands_excuses_no_gap_but_those_it_speaks_of(tmp_path):
    known = {"position_encoding": "decay", "depth": 2, "residual": 1, "train_bias": "unbiased"}
    rows = scorecard.rows(scaled_gaps(tmp_path / "known", -1, **known))
    differing = rows[rows["verdict"] == "differs"]
    explained = differing[differing["item"].str.endswith("gap")]
    assert len(explained) and explained["reason"].str.endswith("ledger: wu2025-decay-residual").all()
    scorecard.validate(explained)
    for number, other in enumerate(
        (
            {"train_bias": "last"},
            known | {"depth": 6},
            known | {"position_encoding": "none"},
            known | {"residual": 0, "depth": 6},
        )
    ):
        rows = scorecard.rows(scaled_gaps(tmp_path / str(number), -1, **other))
        with pytest.raises(ValueError, match=r"Figure .*: accuracy gap .* differs without a ledger entry"):
            scorecard.validate(rows)


def test_a_number_of_the_right_sign_and_another_size_needs_a_ledger_entry_too_and_a_claim_does_not(tmp_path):
    rows = scorecard.rows(scaled_gaps(tmp_path, 0.5, position_encoding="none", depth=6))
    smaller = rows[rows["verdict"] == "agrees in sign"]
    assert len(smaller) and smaller["configuration"].str.contains("position_encoding none, depth 6").all()
    with pytest.raises(ValueError, match=r"Figure .*: accuracy gap .*depth 6.* agrees in sign without a ledger entry"):
        scorecard.validate(smaller)
    scorecard.validate(smaller.assign(reported="holds"))


@pytest.mark.parametrize(
    ("reported", "ours", "error", "verdict"),
    [
        (0.2, 0.2, 0.05, "agrees"),  # a tolerance of .119
        (0.1, 0.1, 0.05, "not attempted"),  # the tolerance exceeds the number itself
        (-0.1, -0.1, 0.05, "not attempted"),
        (0.01, 0.01, 0.005, "agrees"),  # a tolerance of .012 is small, whatever the number
        (0.01, 0.01, 0.01, "not attempted"),
        (0.1, 0.3, 0.05, "agrees in sign"),  # without power only agreement is worthless
        (0.1, -0.3, 0.05, "differs"),
    ],
)
def test_a_tolerance_above_the_number_itself_has_no_power(reported, ours, error, verdict):
    found = {"ours": ours, "standard_error": error, "seeds": 2, "profile": "paper", "note": ""}
    judged = scorecard._judged(REFERENCES[0], reported, found)
    assert judged["verdict"] == verdict
    assert ("too uncertain" in judged["reason"]) == (verdict == "not attempted")


def test_power_is_counted_from_the_neutral_value_and_in_the_unit_of_the_number():
    gaps, sinks, recency = REFERENCES
    found = {"standard_error": 0.5, "seeds": 2, "profile": "paper", "note": ""}
    assert scorecard._judged(sinks, 0.1, found | {"ours": 0.2})["verdict"] == "agrees"  # 1.3 % is small, in percent
    assert scorecard._judged(sinks, 0.1, found | {"ours": 0.2, "standard_error": 1.0})["verdict"] == "not attempted"
    wide = found | {"ours": 0.55, "standard_error": 0.02, "seeds": KIM_SEQUENCES}  # a tolerance of .113
    assert scorecard._judged(recency, 0.55, wide)["verdict"] == "not attempted"  # .05 from no preference
    assert scorecard._judged(recency, 0.65, wide | {"ours": 0.65})["verdict"] == "agrees"
    assert (gaps.floor, sinks.floor, recency.floor) == (0.02, 2.0, 0.02)


def test_a_bar_that_two_figures_print_is_one_number(tmp_path):
    rows = scorecard.rows(results.Store(tmp_path))
    assert len(rows) - len(scorecard.distinct(rows)) == 36
    gaps = rows[rows["item"].str.endswith("accuracy gap")]
    assert (len(gaps), len(scorecard.distinct(gaps))) == (162, 126)
    sinks = rows[rows["item"].str.endswith("percent")]
    assert len(scorecard.distinct(sinks)) == len(sinks)


def test_large_gaps_are_counted_once_by_their_sign(tmp_path):
    printed = REFERENCES[0].table()
    keys = [column for column in printed if column not in ("figure", "value")]
    large = printed.drop_duplicates(keys).query("abs(value) >= 0.05")
    assert scorecard.signs(scorecard.rows(results.Store(tmp_path))) == (0, 0, 0, len(large))
    turned = large.query("train_bias == 'last'")
    rows = scorecard.rows(scaled_gaps(tmp_path / "turned", -1, train_bias="last"))
    same = len(large) - len(turned)
    assert scorecard.signs(rows) == (same, same, len(large), len(large))


def test_every_paper_makes_claims_and_a_claim_without_its_experiment_is_refused(tmp_path):
    assert {claim.paper for claim in claims.load()} == {"wu2025", "kim2026", "zhang2025", "bao2024"}
    items = yaml.safe_load(claims.PATH.read_text())
    del items[2]["needs"]
    path = tmp_path / "claims.yml"
    path.write_text(yaml.safe_dump(items))
    with pytest.raises(ValueError, match=r"claims\.yml, entry 'wu2025-claim-c': field 'needs' is missing"):
        claims.load(path)


def margins(check: float, control: float, id: str) -> pd.DataFrame:
    rows = [(id, broken, draw, margin) for broken, margin in ((False, check), (True, control)) for draw in range(3)]
    return pd.DataFrame(rows, columns=["statement", "control", "draw", "margin"])


@pytest.mark.parametrize(
    ("id", "check", "control", "verdict"),
    [
        pytest.param("wu2025-thm-4.1", 0.3, -2.0, "agrees", id="holds, and the control fails"),
        pytest.param("wu2025-thm-4.1", 0.0, -2.0, "agrees", id="holds with equality"),
        pytest.param("wu2025-thm-4.1", -0.3, -2.0, "differs", id="a bound is broken"),
        pytest.param("wu2025-thm-4.1", 0.3, 0.2, "differs", id="the control does not fail"),
        pytest.param("wu2025-thm-4.7", 0.3, -2.0, "differs", id="holds only as repaired"),
    ],
)
def test_statements_are_judged_by_their_margins(tmp_path, id, check, control, verdict):
    rows = scorecard.rows(store(tmp_path, "theorem_margins", margins(check, control, id)))
    row = rows[rows["item"] == theorems.named(id).label].iloc[0]
    assert (row["verdict"], row["ours"], row["seeds"], row["profile"]) == (verdict, check, 3, "paper")
    if theorems.named(id).repair:
        scorecard.validate(rows)
    elif verdict == "differs":
        with pytest.raises(ValueError, match="differs without a ledger entry"):
            scorecard.validate(rows)


def test_the_scorecard_as_it_stands_is_valid():
    scorecard.validate(scorecard.rows())


def test_the_summary_counts_every_row(tmp_path):
    rows = scorecard.rows(results.Store(tmp_path))
    lines = scorecard.summary(rows).splitlines()
    assert [line.partition(":")[0] for line in lines] == ["wu2025", "kim2026", "zhang2025", "bao2024", "total"]
    assert lines[-1] == f"total: {len(rows)} rows: 0 agrees, 0 agrees in sign, 0 differs, {len(rows)} not attempted"


def test_json_has_every_row_and_no_nan(tmp_path):
    reference = REFERENCES[2]
    rows = scorecard.rows(store(tmp_path, reference.experiment, as_if_run(reference)))
    read = json.loads(scorecard.to_json(rows), parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))
    assert len(read) == len(rows) and set(read[0]) == set(scorecard.COLUMNS)
    back = pd.DataFrame(read)
    assert back["verdict"].tolist() == rows["verdict"].tolist()
    assert np.allclose(back["ours"].astype(float), rows["ours"].astype(float), equal_nan=True)


def test_it_is_a_light_import():
    code = (
        "import sys; from attention_atlas import scorecard; print('torch' in sys.modules, 'matplotlib' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "False False\n"
