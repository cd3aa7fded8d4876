"""The registry of statements: every entry complete, every check and control real, every mistake refused in one line."""

from pathlib import Path

import pytest
import torch
import yaml

from attention_atlas import ledger, registry, theorems
from attention_atlas.experiments import theorem_margins

STATEMENTS = theorems.load()
PAPER = (
    "wu2025-thm-4.1 wu2025-thm-4.2 wu2025-thm-4.3 wu2025-lem-4.4 wu2025-thm-4.5 wu2025-lem-4.6 wu2025-thm-4.7 "
    "wu2025-lem-I.1 wu2025-thm-I.2"
)
ENTRY = yaml.safe_load(theorems.PATH.read_text())[0]


def written(folder: Path, *entries: dict) -> Path:
    path = folder / "broken.yml"
    path.write_text(yaml.safe_dump(list(entries)))
    return path


def defects(statements) -> list[str]:
    """What is missing behind the statements: functions and tests that do not exist."""
    found = []
    for theorem in statements:
        for attempt, name in (
            (theorems.resolve, theorem.check),
            (theorems.resolve, theorem.control),
            (registry.check_test, theorem.check_test),
            (registry.check_test, theorem.control_test),
        ):
            try:
                attempt(name)
            except ValueError as error:
                found.append(f"{theorem.id}: {error}")
    return found


def test_the_nine_statements_of_the_paper_are_there():
    assert " ".join(theorem.id for theorem in STATEMENTS if theorem.origin == "paper") == PAPER
    assert all(theorem.id.startswith("atlas-") for theorem in STATEMENTS if theorem.origin == "derived here")


def test_every_statement_has_a_check_a_control_and_their_tests():
    assert defects(STATEMENTS) == []


def test_a_control_is_not_its_check():
    assert all(
        theorem.control != theorem.check and theorem.control_test != theorem.check_test for theorem in STATEMENTS
    )


def test_every_repair_is_in_the_ledger():
    assert all(ledger.named(theorem.repair).status == "verified" for theorem in STATEMENTS if theorem.repair)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("check", "attention_atlas.checks.position_bias:nothing"),
        ("check", "attention_atlas.checks.nowhere:causal_collapse"),
        ("control", "attention_atlas.checks.position_bias:ROUNDING"),
        ("check_test", "tests/theory/nowhere.py::test_causal_collapse"),
        ("control_test", "tests/unit/test_theorems.py::test_that_nobody_wrote"),
        ("control_test", "tests/unit/test_theorems.py::defects"),
    ],
)
def test_negative_control_a_name_that_leads_nowhere_is_found(tmp_path, field, value):
    good = {"check": "math:gcd", "control": "math:lcm"} | dict.fromkeys(
        ("check_test", "control_test"), "tests/unit/test_theorems.py::test_every_repair_is_in_the_ledger"
    )
    assert defects(theorems.load(written(tmp_path, ENTRY | good))) == []
    theorems.load.cache_clear()
    (line,) = defects(theorems.load(written(tmp_path, ENTRY | good | {field: value})))
    assert value in line and "\n" not in line


@pytest.mark.parametrize("field", ["check", "control", "check_test", "control_test", "broken", "statement", "origin"])
@pytest.mark.parametrize("how", ["missing", "empty"])
def test_negative_control_a_field_left_out_is_refused(tmp_path, field, how):
    entry = {name: value for name, value in ENTRY.items() if name != field} | ({field: ""} if how == "empty" else {})
    with pytest.raises(ValueError, match=f"broken.yml, entry 'wu2025-thm-4.1': field '{field}' is {how}"):
        theorems.load(written(tmp_path, entry))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"origin": "folklore"}, "'origin' is 'folklore'; allowed: paper, official code, derived here, ours"),
        ({"paper": "wu2024"}, "'paper' is 'wu2024'; allowed: wu2025, kim2026, zhang2025, bao2024"),
        ({"page": "elsewhere"}, "'page' is 'elsewhere'; allowed: "),
        ({"proof": "obvious"}, "unknown field 'proof'; allowed: id, paper"),
        ({"title": 4.1}, "'title' holds 4.1; allowed: text"),
    ],
)
def test_impossible_values_are_refused_with_entry_and_field(tmp_path, change, message):
    with pytest.raises(ValueError, match=f"entry 'wu2025-thm-4.1': .*{message}") as refusal:
        theorems.load(written(tmp_path, ENTRY | change))
    assert "\n" not in str(refusal.value)


def test_an_id_used_twice_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"id 'wu2025-thm-4\.1' is used 2 times"):
        theorems.load(written(tmp_path, ENTRY, ENTRY))


@pytest.mark.parametrize("text", ["", "statement: one", "- just text", "- {id: [}"])
def test_what_is_no_list_of_entries_is_refused(tmp_path, text):
    path = tmp_path / "broken.yml"
    path.write_text(text)
    with pytest.raises(ValueError, match=r"broken\.yml (is not YAML|holds no list of entries)") as refusal:
        theorems.load(path)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("check", "control", "verdict"),
    [
        pytest.param([0.0, 2.0], [-1.0], "holds", id="equality holds"),
        pytest.param([-1e-10], [-1.0], "holds", id="rounding is not a failure"),
        pytest.param([3.0, -1e-8], [-1.0], "fails", id="one draw is enough"),
        pytest.param([3.0, float("nan")], [-1.0], "fails", id="not a number proves nothing"),
        pytest.param([1.0], [0.5, -1e-10], "control does not fail", id="the control must fail beyond rounding"),
        pytest.param(
            [1.0], [0.5, float("nan")], "control does not fail", id="not a number is no failure of the control"
        ),
        pytest.param([], [-1.0], "not attempted", id="no check"),
        pytest.param([1.0], [], "not attempted", id="no control"),
    ],
)
def test_judging_margins(check, control, verdict):
    assert theorems.judge(check, control) == verdict


@pytest.mark.parametrize("theorem", STATEMENTS, ids=lambda theorem: theorem.id)
def test_every_statement_holds_and_its_control_fails_on_a_few_draws(theorem):
    points = theorem_margins.configurations("smoke")
    tables = {name: theorem_margins.run(points[f"{theorem.id}-{name}"]) for name in ("check", "control")}
    assert theorems.judge(tables["check"]["margin"], tables["control"]["margin"]) == "holds"
    assert set(tables["check"]) >= {"statement", "control", "draw", "side", "margin"}
    assert not tables["check"]["control"].any() and tables["control"]["control"].all()


def test_the_experiment_runs_the_registry_s_checks():
    named = {theorem.id: (theorems.resolve(theorem.check), theorems.resolve(theorem.control)) for theorem in STATEMENTS}
    run = {
        id: tuple(theorem_margins.function(theorem_margins.Config(id, control, draws=1)) for control in (False, True))
        for id in theorem_margins.CHECKS
    }
    assert run == named


def test_points_have_the_same_names_in_every_profile():
    points = [list(theorem_margins.configurations(profile)) for profile in ("smoke", "quick", "paper")]
    assert points[0] == points[1] == points[2] and len(points[0]) == 2 * len(STATEMENTS)


def test_a_run_is_repeatable_and_its_seed_matters():
    first, again = theorem_margins.run(theorem_margins.CANARY), theorem_margins.run(theorem_margins.CANARY)
    other = theorem_margins.run(theorem_margins.Config("wu2025-thm-4.1", control=False, draws=3, seed=1))
    assert first.equals(again) and not first.equals(other)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"statement": "wu2025-thm-9.9"}, "unknown statement 'wu2025-thm-9.9'; allowed: wu2025-thm-4.1"),
        ({"draws": 0}, "got 0"),
    ],
)
def test_impossible_configurations_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        theorem_margins.Config(**{"statement": "wu2025-thm-4.1", "control": False, "draws": 3, **change})


def test_an_unknown_profile_is_refused():
    with pytest.raises(ValueError, match="unknown profile 'huge'; allowed: smoke, quick, paper"):
        theorem_margins.configurations("huge")


def test_the_caller_s_random_numbers_are_left_alone():
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    theorem_margins.run(theorem_margins.CANARY)
    assert torch.equal(torch.rand(1), expected)
