"""Cards and tables of the back matter: every field printed, every number computed, the MyST well formed."""

import math
import re

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from attention_atlas import cards, ledger, scorecard, scorecard_text, theorems

STATEMENTS, ENTRIES = theorems.load(), ledger.load()
NAN = float("nan")


def margins(statement: str, check: list[float], control: list[float]) -> pd.DataFrame:
    """One row per draw, as the experiment theorem_margins stores them."""
    sides = [(False, check), (True, control)]
    lines = [(statement, broken, draw, margin) for broken, values in sides for draw, margin in enumerate(values)]
    return pd.DataFrame(lines, columns=["statement", "control", "draw", "margin"])


def row(**changed) -> dict:
    """A row of the scorecard that nothing is stored for."""
    empty = {"paper": "wu2025", "item": "Figure 2: accuracy gap", "configuration": "mask causal, depth 2",
             "reported": 0.1, "ours": NAN, "standard_error": NAN, "seeds": NAN, "profile": "", "tolerance": NAN,
             "reason": "no stored result of the experiment retrieval_gaps", "verdict": "not attempted"}  # fmt: skip
    return empty | changed


def rows(*lines: dict) -> pd.DataFrame:
    return pd.DataFrame([row(**line) for line in lines], columns=list(scorecard.COLUMNS))


def faults(text: str) -> list[str]:
    """What a MyST parser would stumble over: headings in an output, fences left open, ragged tables."""
    found, open_fences, width = [], [], 0
    for line in text.splitlines():
        fence = re.match(r"(:{3,}|`{3,})(.*)", line)
        if fence and fence[2]:
            open_fences.append(fence[1])
        elif fence and (not open_fences or open_fences.pop() != fence[1]):
            found.append(f"closes nothing: {line}")
        cells = line.count("|") if line.startswith("|") else 0
        if width and cells and cells != width:
            found.append(f"ragged: {line}")
        width = cells
        if re.match(r"#+ ", line):
            found.append(f"heading: {line}")
    return found + [f"left open: {fence}" for fence in open_fences]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        pytest.param("# Title", "heading: # Title", id="a heading"),
        pytest.param(":::{card}\n", "left open: :::", id="an open card"),
        pytest.param("::::{card}\n:::", "closes nothing: :::", id="the wrong fence"),
        pytest.param("| a | b |\n| a |", "ragged: | a |", id="a short line"),
    ],
)
def test_negative_control_faulty_text_is_noticed(text, fault):
    assert fault in faults(text)


@pytest.mark.parametrize(
    ("check", "control", "expected"),
    [
        pytest.param([0.5, 0.25], [-1.0, -2.0], ("holds", 0.25, 2, 2, 2), id="holds"),
        pytest.param([0.5, -0.25], [-1.0], ("fails", -0.25, 2, 1, 1), id="one draw fails"),
        pytest.param([0.5], [-1.0, 0.5, -1e-12], ("holds", 0.5, 1, 1, 3), id="the control fails in some draws"),
        pytest.param([0.5], [0.5], ("control does not fail", 0.5, 1, 0, 1), id="a check that cannot fail"),
    ],
)
def test_numbers_by_hand(check, control, expected):
    found = cards.numbers(margins("a", check, control), "a")
    assert (found.verdict, found.smallest, found.draws, found.failing, found.control_draws) == expected


def test_two_sides_of_one_draw_count_once():
    table = pd.concat([margins("a", [0.5, 0.1], [-1.0]), margins("a", [0.2, 0.3], [-2.0]), margins("b", [-9.0], [0.0])])
    assert cards.numbers(table, "a") == cards.Numbers("holds", 0.1, 2, 1, 1)


def test_without_draws_nothing_is_said():
    found = cards.numbers(margins("a", [1.0], [-1.0]), "b")
    assert found.verdict == "not attempted" and math.isnan(found.smallest) and found.draws == 0


@pytest.mark.parametrize(
    ("number", "text"),
    [(0.0, "0"), (-5e-10, "0"), (1.0, "1"), (0.0412, "0.041"), (-0.25, "-0.25"), (13.28, "13"), (232.4, "232"),
     (2.57e-6, "2.6 × 10⁻⁶"), (-3e-4, "-3.0 × 10⁻⁴"), (NAN, "–")],
)  # fmt: skip
def test_short_numbers(number, text):
    assert cards.short(number).replace("\u00a0", " ") == text


@given(st.floats(-1e4, 1e4).filter(lambda number: abs(number) >= 1e-9))
def test_a_short_number_is_the_number(number):
    text = cards.short(number).replace("\u00a0×\u00a010", "e")
    read = float(text.translate(str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")))
    assert read == pytest.approx(number, rel=0.06)


def test_every_anchor_is_its_own_and_a_valid_target():
    found = [cards.anchor("card", t.id) for t in STATEMENTS] + [cards.anchor("ledger", e.id) for e in ENTRIES]
    assert len(found) == len(set(found))
    assert all(re.fullmatch("[a-z0-9-]+", name) for name in found)


@pytest.mark.parametrize("theorem", STATEMENTS, ids=lambda theorem: theorem.id)
def test_a_card_prints_every_field_of_its_statement(theorem):
    card = cards.theorem_card(theorem, margins(theorem.id, [0.125], [-1.0, -2.0]), '<svg\n\naria-label="a strip"/>')
    for text in (theorem.label, theorem.title, theorem.statement, theorem.hypotheses, theorem.conclusion, theorem.check,
                 theorem.control, theorem.broken, theorem.check_test, theorem.control_test, theorem.repair,
                 f'"atlas-origin">{theorem.origin}<', f"/_executed/{theorem.page}`", "**0.12** in 1 draws",
                 "**2 of 2** draws", '<svg aria-label="a strip"/>'):  # fmt: skip
        assert text in card
    assert faults(card) == []
    assert (theorem.margin in card) == (theorem.margin != theorems.Theorem.margin)
    assert ("**Repaired.**" in card) == bool(theorem.repair)


@pytest.mark.parametrize("printed", [True, False])
def test_a_repaired_statement_is_not_said_to_hold(printed):
    theorem = next(theorem for theorem in STATEMENTS if bool(theorem.repair) != printed)
    card = cards.theorem_card(theorem, margins(theorem.id, [0.5], [-1.0]), "<svg/>")
    assert (cards.verdict("holds") in card) == printed
    assert (cards.verdict("holds only as repaired") in card) != printed


def test_a_failing_check_is_shown_as_failing():
    theorem = next(theorem for theorem in STATEMENTS if theorem.repair)
    assert cards.verdict("fails") in cards.theorem_card(theorem, margins(theorem.id, [-0.5], [-1.0]), "<svg/>")


def test_the_contents_link_to_every_card():
    tables = cards.theorem_contents(STATEMENTS, margins("none", [], [])), cards.ledger_contents(ENTRIES)
    for kind, text, items in zip(("card", "ledger"), tables, (STATEMENTS, ENTRIES), strict=True):
        assert faults(text) == [] and len(text.splitlines()) == len(items) + 2
        assert all(f"<{cards.anchor(kind, item.id)}>`" in text for item in items)


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.id)
def test_a_card_prints_both_variants_and_what_they_were_measured_to_do(entry):
    card = cards.ledger_card(entry, STATEMENTS)
    for text in (entry.title, entry.place_in_text, entry.variant_text, entry.variant_code, entry.effect_with_numbers,
                 entry.why, cards.WINNERS[entry.reproduces], *(f"`{name}`" for name in entry.measured)):  # fmt: skip
        assert text in card
    assert faults(card) == [] and "[[" not in card
    assert (f".venv/bin/python -m pytest {entry.test}" in card) == (entry.status == "verified")
    assert ("https://github.com/" in card) == (entry.place_in_code != "none")
    assert ('"atlas-origin">official code<' in card) == (entry.place_in_code != "none")


COMMITS = {"wu2025": ("3967a93",), "kim2026": ("d68cf47", "4aaf9e8")}  # current code, and Kim et al.'s first version


def test_code_is_linked_at_the_commit_that_the_entry_names():
    for entry in ENTRIES:
        if entry.place_in_code != "none":
            commit = entry.place_in_code.rpartition(" at ")[2]
            assert commit in COMMITS[entry.paper]
            assert f"({cards.OFFICIAL_CODE[entry.paper]}/tree/{commit})" in cards.ledger_card(entry)


def test_a_card_names_the_statements_that_need_the_repair():
    entry = ledger.named("wu2025-rope-exponent")
    assert "{ref}`Theorem 4.7 <card-wu2025-thm-4-7>`" in cards.ledger_card(entry, STATEMENTS)
    assert "need the repair" not in cards.ledger_card(entry)


@pytest.mark.parametrize(
    ("verdicts", "sentence"),
    [
        ([], "0 of 0 statements, claims and numbers are checked so far."),
        (["not attempted"] * 2, "0 of 2 statements, claims and numbers are checked so far; 2 to go."),
        (["agrees"] * 2, "2 of 2 statements, claims and numbers are checked so far: 2 agree."),
        (["differs", "differs", "agrees in sign", "not attempted"],
         "3 of 4 statements, claims and numbers are checked so far: "
         "1 agrees in sign, 2 differ (the ledger says why); 1 to go."),
    ],
)  # fmt: skip
def test_the_scorecard_in_one_sentence(verdicts, sentence):
    table = pd.DataFrame(
        {"paper": "x", "item": "Figure 1: gap", "configuration": range(len(verdicts)), "verdict": verdicts}
    )
    table = table.astype({"configuration": str})
    assert scorecard_text.sentence(table) == sentence
    assert scorecard_text.sentence(pd.concat([table, table.assign(item="Figure 9: gap")])) == sentence  # printed twice


def test_the_signs_in_one_sentence():
    ours = {"ours": [0.1, 0.1, -0.1, None], "standard_error": [0.01, None, 0.01, None]}
    gap = {"paper": "wu2025", "item": "Figure 4: accuracy gap", "profile": "paper", "configuration": list("abcd")}
    words = scorecard_text.signs_sentence(pd.DataFrame(gap | ours | {"reported": 0.2}))
    assert "prints 4 different gaps" in words and "3 of them of settings that we have trained" in words
    assert "Of these 2 (67 %) have the same sign in ours, 1 of them by two standard errors" in words
    nothing = pd.DataFrame(gap | {"ours": [math.nan] * 4, "standard_error": math.nan, "reported": 0.2})
    assert scorecard_text.signs_sentence(nothing).endswith("none of them of settings that we have trained.")


def test_every_row_is_in_one_section():
    table = scorecard.rows()
    parts = [part for _, _, part in scorecard_text.sections(table)]
    assert sorted(place for part in parts for place in part.index) == list(table.index)
    names = [(paper, name) for paper, name, _ in scorecard_text.sections(table)]
    assert len(names) == len(set(names)) and names[0] == ("wu2025", "Statements")


def test_every_section_is_well_formed_and_prints_every_row():
    for _, name, part in scorecard_text.sections(scorecard.rows()):
        text = scorecard_text.section_table(name, part)
        tables = sum(line.startswith("| ---") for line in text.splitlines())
        assert faults(text) == []
        assert sum(line.startswith("|") for line in text.splitlines()) == len(part) + 2 * tables


def test_what_is_not_attempted_is_folded_and_says_what_it_waits_for():
    text = scorecard_text.section_table("Figure 2", rows({}, {"configuration": "mask causal, depth 6"}))
    assert text.startswith("::::{dropdown} Figure 2: 2 of 2 not attempted\nWaiting for `retrieval_gaps`.")
    assert "In all rows: mask causal." in text and "| depth | reported |" in text and "| 6 | 0.1 |" in text
    beyond = rows({"reason": "no stored result of the experiment large_pretrained_models"})
    assert "\nWaiting for large pretrained models (out of scope here)." in scorecard_text.section_table("Probe", beyond)


def test_what_has_a_verdict_stands_open_with_its_reason_and_ledger_link():
    judged = {"ours": 0.2, "standard_error": 0.01, "seeds": 5, "profile": "paper", "tolerance": 0.03}
    lines = rows(
        judged | {"verdict": "agrees in sign", "reason": "2 standard errors"},
        judged | {"verdict": "differs", "ours": -0.2, "reason": "too far; ledger: wu2025-gap-ceiling"},
        {"configuration": "mask causal, depth 10"},
    )
    text = scorecard_text.section_table("Figure 2", lines)
    before, _, folded = text.partition("::::{dropdown}")
    assert "tolerance 0.03" in before and "profile paper" in before
    assert f"| {cards.verdict('differs')} | (2) |" in before
    assert "2. too far; {ref}`ledger: wu2025-gap-ceiling <ledger-wu2025-gap-ceiling>`" in before
    assert "1 of 3 not attempted" in folded and "–" not in folded


def test_a_part_that_some_configurations_lack_is_a_dash():
    text = scorecard_text.section_table(
        "Figure 2", rows({}, {"configuration": "mask none, position_encoding rope, depth 2"})
    )
    assert "| mask | position encoding | reported |" in text and "| causal | – | 0.1 |" in text


def test_a_sentence_is_not_taken_apart():
    claim = {"item": "Section 5: wu2025-claim-a", "configuration": "Without residuals, depth moves the bias."}
    text = scorecard_text.section_table("Claims", rows(claim | {"reported": "holds"}))
    assert "| Section\u00a05 | Without residuals, depth moves the bias. | holds |" in text
