"""A claim's box says what the scorecard says, with the rule that both have."""

import pandas as pd
import pytest

from attention_atlas import claim_boxes as boxes
from attention_atlas import claims, results, verdicts
from attention_atlas.rules.rule import Rule
from attention_atlas.store import Store


@pytest.fixture
def judged(monkeypatch, tmp_path):
    """The box of a claim whose rule finds the differences given."""

    def box(differences, error=0.01):
        found = pd.DataFrame({"difference": differences, "standard_error": [error] * len(differences)})
        rule = Rule("a rises", lambda report: found)
        monkeypatch.setitem(verdicts.RULES, "wu2025-claim-a", rule)
        monkeypatch.setattr(results, "report", lambda name, store: pd.DataFrame({"profile": ["paper"], "at": ["end"]}))
        text = boxes.claim_boxes(["wu2025-claim-a"], Store(tmp_path))["wu2025-claim-a"]
        return text, verdicts.judge(rule, pd.DataFrame({"profile": ["paper"]}))["verdict"]

    return box


@pytest.mark.parametrize(
    ("differences", "verdict"),
    [([0.2, 0.1], "agrees"), ([0.2, 0.03], "agrees in sign"), ([0.2, -0.1], "differs"), ([], "not attempted")],
)
def test_the_verdict_is_that_of_the_rule(judged, differences, verdict):
    text, by_rule = judged(differences)
    text = text.partition("**After the printed")[0]
    assert by_rule == verdict and f"{verdict}</span>" in text
    others = {"agrees", "agrees in sign", "differs", "not attempted"} - {verdict}
    assert not any(f"{other}</span>" in text for other in others)
    assert "a rises" in text


def test_the_least_certain_difference_is_named(judged):
    text, _ = judged([0.2, 0.1])
    assert "is +.100 ± .010 (standard error); it has to exceed .040, 4 standard errors" in text


def test_what_is_known_is_said_while_a_claim_waits(judged):
    text, by_rule = judged([0.2, 0.03, None])
    assert by_rule == "not attempted"
    assert "Known: 2 of 3 differences, all positive, the least certain 3.0 standard errors." in text
    assert "1 of them positive, the least certain −3.0 standard errors" in judged([0.2, -0.03, None])[0]


def test_a_refutation_by_a_part_says_how_little_is_known(judged):
    text, by_rule = judged([0.2, -0.05, None])
    assert by_rule == "differs"
    assert "is −.050 ± .010 (standard error); it lies below zero by more than .040, 4 standard errors, which" in text
    assert "though only 2 of 3 differences are known" in text


def test_what_is_missing_is_folded_with_its_count(monkeypatch, tmp_path):
    found = pd.DataFrame({"difference": [0.2, None], "standard_error": [0.1, None], "missing": [{}, {"rope-6": 2}]})
    monkeypatch.setitem(verdicts.RULES, "wu2025-claim-a", Rule("a rises", lambda report: found))
    monkeypatch.setattr(results, "report", lambda name, store: pd.DataFrame({"profile": ["paper"], "at": ["end"]}))
    text = boxes.claim_boxes(["wu2025-claim-a"], Store(tmp_path))["wu2025-claim-a"]
    assert "; missing: 2 trainings of 1 network." in text
    assert ":::{dropdown} Not trained yet" in text and "`rope-6` (2).\n:::\n::::" in text


def test_a_second_line_judges_the_printed_length_of_training(monkeypatch, tmp_path):
    def differences(report):  # the rule reads what the report calls the end
        value = report[report["at"] == "end"]["value"]
        return pd.DataFrame({"difference": value, "standard_error": 0.01})

    report = pd.DataFrame({"profile": "paper", "at": ["100000", "end"], "value": [-0.2, 0.2]})
    monkeypatch.setitem(verdicts.RULES, "wu2025-claim-a", Rule("a rises", differences))
    monkeypatch.setattr(results, "report", lambda name, store: report)
    end, printed = boxes.claim_boxes(["wu2025-claim-a"], Store(tmp_path))["wu2025-claim-a"].split("**After the printed")
    assert "agrees</span>" in end and "differs</span>" not in end
    assert printed.startswith(" 100,000 steps:** ") and "differs</span>" in printed and "is −.200 ± .010" in printed


def test_a_claim_without_a_rule_is_not_judged(monkeypatch, tmp_path):
    monkeypatch.delitem(verdicts.RULES, "wu2025-claim-a")
    text = boxes.claim_boxes(["wu2025-claim-a"], Store(tmp_path))["wu2025-claim-a"]
    assert "not judged yet" in text and "Rule" not in text


def test_every_lettered_claim_has_a_box_that_closes(tmp_path):
    ids = [claim.id for claim in claims.load() if claim.id.startswith("wu2025")]
    found = boxes.claim_boxes(ids, Store(tmp_path))
    assert list(found) == ids and len(ids) == 8
    for id, text in found.items():
        assert text.startswith(f"::::{{admonition}} Claim ({id[-1]}): ") and text.endswith("\n::::")
        assert "not attempted" in text


def test_the_papers_own_numbers_are_asked_where_they_can_be(tmp_path):
    found = boxes.claim_boxes(["wu2025-claim-b", "wu2025-claim-g"], Store(tmp_path))
    assert "12 of 12 differences are positive, the least is +.006" in found["wu2025-claim-b"]
    assert "own numbers" not in found["wu2025-claim-g"].replace("paper's own numbers fall", "")


def test_an_unknown_claim_is_refused(tmp_path):
    with pytest.raises(ValueError, match="there is no claim 'wu2025-claim-z'"):
        boxes.claim_boxes(["wu2025-claim-z"], Store(tmp_path))
