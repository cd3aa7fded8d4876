"""Points are read with the configuration that they were found at, and formulas stand beside the keys they belong to."""

import math

import pandas as pd
import pytest
import torch

from attention_atlas.experiments import localization
from attention_atlas.experiments.localization import Config
from attention_atlas.outcomes.localization_points import (
    Points,
    chance_beyond,
    formulas,
    gaussian_errors,
    standardized,
    summary,
)
from attention_atlas.results import compute
from attention_atlas.store import Store
from attention_atlas.theory.localization.exact_law import exact
from attention_atlas.theory.localization.propagation import finite, limit

NAME = "grid-T16-d32-late"


@pytest.fixture(scope="module")
def empty(tmp_path_factory):
    return Store(tmp_path_factory.mktemp("results"))


@pytest.fixture(scope="module")
def points(empty):
    return Points([NAME, "persistence-0.0"], "smoke", empty)


def test_a_missing_point_is_computed_at_the_size_asked_for(points):
    assert points.configs[NAME] == localization.configurations("smoke")[NAME]
    assert points.sequences == "200" and "smoke" in points.provenance


def test_a_stored_point_is_read_at_its_own_size(tmp_path):
    store = Store(tmp_path)
    compute(localization, NAME, "quick", store)
    mixed = Points([NAME, "grid-T16-d32-early"], "smoke", store)
    assert [config.sequences for config in mixed.configs.values()] == [2000, 200]
    assert mixed.sequences == "200 to 2,000"
    assert mixed.beside()["sequences"].tolist() == [2000] * 16 + [200] * 16


def test_an_unknown_point_is_refused(empty):
    with pytest.raises(ValueError, match="no point 'grid'"):
        Points(["grid"], "smoke", empty)


def test_what_is_read_is_what_the_table_says(points):
    table = points.tables[NAME]
    rows = table[table["quantity"] == "sensitivity"]
    assert points.rows(NAME, "sensitivity")["mean"].to_dict() == dict(zip(rows["key"], rows["mean"], strict=True))


def test_formulas_of_all_keys_are_those_of_the_theory():
    config = Config(5, 8, eta=1.0, deviation=0.5)
    table = formulas(config)
    position = torch.arange(1, 6, dtype=torch.float64) / 5
    expected = {
        "finite": finite(config.forms, config.spectrum),
        "exact": exact(config.forms, config.eigenvalues),
        "limit": limit(position, config.spectrum),
    }
    assert table["key"].tolist() == [1, 2, 3, 4, 5]
    for name, values in expected.items():
        assert table[name].to_numpy() == pytest.approx(values.numpy(), abs=1e-12)


def test_keys_left_out_do_not_move_the_bounds():
    config = Config(131, 16, eta=1.0, deviation=0.5)
    whole = exact(config.forms, config.eigenvalues)
    table = formulas(config)
    assert len(table) == 64 and table["key"].iloc[[0, -1]].tolist() == [1, 131]
    assert table["exact"].to_numpy() == pytest.approx(whole[torch.tensor(config.keys) - 1].numpy(), abs=1e-9)


@pytest.mark.parametrize("other", [{"persistence": 0.5}, {"increment": 0.25}])
def test_only_a_walk_with_unit_steps_has_the_limit(other):
    table = formulas(Config(5, 8, eta=1.0, deviation=0.5, **other))
    assert table["limit"].isna().all() and table[["finite", "exact"]].notna().all(axis=None)


def test_simulation_stands_beside_the_formula_of_its_own_key(points):
    both = points.beside()
    assert list(both["point"].unique()) == [NAME, "persistence-0.0"]
    part = both[both["point"] == NAME]
    assert part["mean"].tolist() == points.rows(NAME, "propagates")["mean"].tolist()
    assert part["exact"].tolist() == formulas(points.configs[NAME])["exact"].tolist()
    assert standardized(both).abs().max() < 5
    turned = part.assign(exact=part["exact"].to_numpy()[::-1])  # the control: keys in the wrong order
    assert standardized(turned).abs().max() > 5
    assert points.beside([NAME]).equals(part)


def test_a_summary_is_plain_arithmetic():
    rows = [
        ("b", 0.5, 0.4, 0.45, 0.1),
        ("b", 0.2, 0.5, 0.55, 0.5),
        ("b", 0.3, 0.3, 0.3, 0.3),
        ("a", 1.0, 1.0, 1.0, 0.0),
    ]
    table = pd.DataFrame(rows, columns=["point", "mean", "finite", "exact", "limit"]).assign(tokens=3, d_model=5)
    found = summary(table)
    assert list(found.index) == ["b", "a"]
    assert found.loc["b"].tolist() == pytest.approx([3, 5, 0.3, 0.1, 0.05, 0.3])
    assert found.loc["a"].tolist() == [3, 5, 0, 0, 0, 1]


def test_standardized_leaves_out_what_hardly_ever_or_nearly_always_happens():
    table = pd.DataFrame(
        {"sequences": 1000, "mean": [0.03, 0.03, 0.97, 0.98, 0.0, 1.0], "exact": [0.025, 0.0249, 0.97, 0.976, 0.0, 1.0]}
    )
    found = standardized(table)
    assert list(found.index) == [0, 2]
    assert found.iloc[0] == pytest.approx(0.005 / math.sqrt(0.025 * 0.975 / 1000))


def test_chance_is_that_of_both_tails():
    draws = torch.randn(200_000, generator=torch.Generator().manual_seed(0))
    assert chance_beyond(2.0, 200_000) == pytest.approx((draws.abs() > 2).sum().item(), rel=0.03)


def test_without_the_law_all_else_is_the_same(points):
    whole, quick = points.beside([NAME]), points.beside([NAME], law=False)
    assert quick["exact"].isna().all() and whole["exact"].notna().all()
    pd.testing.assert_frame_equal(quick.drop(columns="exact"), whole.drop(columns="exact"))


@pytest.mark.parametrize(("deviation", "power"), [(0.5, 1.0), (0.0, 0.5)])
def test_the_gaussian_error_falls_with_the_dimension_and_slower_where_eigenvalues_are_equal(deviation, power):
    coarse, fine = gaussian_errors(16, 2.0, deviation, [256, 1024])
    assert math.log(coarse / fine) / math.log(4) == pytest.approx(power, abs=0.12)


def test_the_gaussian_error_is_the_largest_between_the_two_columns():
    config = Config(16, 32, eta=2.0, deviation=0.5)
    table = formulas(config)
    largest = (table["exact"] - table["finite"]).abs().max()
    assert gaussian_errors(16, 2.0, 0.5, [32]) == pytest.approx([largest], rel=1e-12)
