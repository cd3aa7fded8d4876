"""The discrepancy ledger: verified entries have a test that runs them, open ones state no number."""

import ast

import pytest
import yaml

from attention_atlas import files, ledger, registry

ENTRIES = ledger.load()
ITEMS = yaml.safe_load(ledger.PATH.read_text())
VERIFIED, OPEN = (next(item for item in ITEMS if item["status"] == status) for status in ledger.STATUSES)


def unbacked(entries) -> list[str]:
    """Verified entries whose test does not exist, or never compares with what the ledger states."""
    found = []
    for entry in entries:
        if entry.status != "verified":
            continue
        try:
            registry.check_test(entry.test)
        except ValueError as error:
            found.append(f"{entry.id}: {error}")
            continue
        path, _, name = entry.test.partition("::")
        tree = ast.parse((files.ROOT / path).read_text())
        test = next(node for node in tree.body if getattr(node, "name", None) == name)
        if not any(isinstance(node, ast.Constant) and node.value == entry.id for node in ast.walk(test)):
            found.append(f"{entry.id}: {name} never names it")
    return found


def test_every_verified_entry_has_a_test_that_names_it():
    assert unbacked(ENTRIES) == []


def test_every_paper_has_an_entry():
    assert {entry.paper for entry in ENTRIES} == set(registry.PAPERS)


@pytest.mark.parametrize(
    "test", ["tests/ledger/nowhere.py::test_not_res", "tests/ledger/test_wu2025.py::test_nothing", VERIFIED["test"]]
)
def test_negative_control_a_verified_entry_without_its_own_test_is_found(tmp_path, test):
    path = tmp_path / "broken.yml"
    path.write_text(yaml.safe_dump([VERIFIED | {"id": "wu2025-invented", "test": test}]))
    assert len(unbacked(ledger.load(path))) == 1


@pytest.mark.parametrize(
    ("item", "change", "message"),
    [
        (VERIFIED, {"test": ""}, "a verified entry needs the fields 'test' and 'measured'"),
        (VERIFIED, {"measured": {}}, "a verified entry needs the fields 'test' and 'measured'"),
        (VERIFIED, {"effect": "About half."}, "field 'effect' must name each of"),
        (VERIFIED, {"effect": VERIFIED["effect"] + " [[unknown]]"}, "field 'effect' must name each of"),
        (VERIFIED, {"status": "probable"}, "field 'status' is 'probable'; allowed: verified, open"),
        (VERIFIED, {"reproduces": "both"}, "field 'reproduces' is 'both'; allowed: text, code, neither, undecided"),
        (VERIFIED, {"explains": {"mask": "causal"}}, "field 'explains' needs the key 'experiment'"),
        (OPEN, {"measured": {"gap": {"value": 1, "tolerance": 0}}}, "an open entry states no number"),
        (OPEN, {"test": "tests/ledger/test_wu2025.py::test_not_res"}, "an open entry states no number"),
    ],
)
def test_impossible_entries_are_refused_in_one_line(tmp_path, item, change, message):
    path = tmp_path / "broken.yml"
    path.write_text(yaml.safe_dump([item | change]))
    with pytest.raises(ValueError, match=f"broken.yml, entry '{item['id']}': {message}".replace("[", r"\[")) as refusal:
        ledger.load(path)
    assert "\n" not in str(refusal.value)


def test_a_negative_tolerance_is_refused(tmp_path):
    path = tmp_path / "broken.yml"
    measured = {name: number | {"tolerance": -0.1} for name, number in VERIFIED["measured"].items()}
    path.write_text(yaml.safe_dump([VERIFIED | {"measured": measured}]))
    with pytest.raises(ValueError, match=r"a tolerance is not negative, got -0\.1"):
        ledger.load(path)


def test_the_effect_is_printed_with_its_numbers():
    for entry in ENTRIES:
        assert "[[" not in entry.effect_with_numbers
    assert "1 with `--not_res`" in ledger.named("wu2025-not-res").effect_with_numbers


@pytest.mark.parametrize(
    ("computed", "lines"),
    [
        pytest.param({"residual_by_default": 0.0, "residual_with_flag": 1.0}, 0, id="as stated"),
        pytest.param({"residual_by_default": 0.0, "residual_with_flag": 0.0}, 1, id="another number"),
        pytest.param({"residual_by_default": 0.0}, 1, id="one missing"),
        pytest.param({"residual_by_default": 0.0, "residual_with_flag": float("nan")}, 1, id="not a number"),
        pytest.param({"residual_by_default": 0.0, "residual_with_flag": 1.0, "more": 1.0}, 1, id="one too many"),
    ],
)
def test_disagreements(computed, lines):
    assert len(ledger.disagreements(ledger.named("wu2025-not-res"), computed)) == lines


def test_an_unknown_entry_is_refused():
    with pytest.raises(ValueError, match="unknown ledger entry 'wu2025-nothing'; allowed: wu2025-input-variance"):
        ledger.named("wu2025-nothing")
