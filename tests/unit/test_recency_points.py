"""Points are read with the configuration that they were found at, and compared by plain arithmetic."""

import math

import pandas as pd
import pytest

from attention_atlas.experiments import recency
from attention_atlas.outcomes import recency_points
from attention_atlas.outcomes.recency_points import Points, beside, printed, setting
from attention_atlas.results import compute
from attention_atlas.store import Store


@pytest.fixture(scope="module")
def empty(tmp_path_factory):
    return Store(tmp_path_factory.mktemp("results"))


def test_a_missing_point_is_computed_at_the_size_asked_for(empty):
    points = Points(["maps-d16-residual"], "smoke", empty)
    (name,) = points.configs
    assert points.configs[name] == recency.configurations("smoke")[name]
    assert points.sequences == "500" and "smoke" in points.provenance


def test_a_stored_point_is_read_at_its_own_size(tmp_path):
    store = Store(tmp_path)
    compute(recency, "control-full-none", "quick", store)
    points = Points(["control-full-none", "control-full-layernorm"], "smoke", store)
    assert [config.sequences for config in points.configs.values()] == [20_000, 500]
    assert points.sequences == "500 to 20,000"


def test_what_is_read_is_what_the_table_says(empty):
    points = Points(["maps-d16-anisotropic"], "smoke", empty)
    table, name = points.tables["maps-d16-anisotropic"], "maps-d16-anisotropic"
    rows = table[table["quantity"] == "recency_probability"]
    assert points.recency(name)["mean"].to_dict() == dict(zip(rows["layer"], rows["mean"], strict=True))
    gap = table[(table.quantity == "gap") & (table.layer == 3) & (table["query"] == 10) & (table["key"] == 1)].iloc[0]
    assert points.score_map(name, 3)[9, 0].item() == pytest.approx(gap["mean"] + 4)  # sqrt(16), the largest score
    assert points.noise(name, 3) == pytest.approx(8 * gap["standard_error"])


def test_a_configuration_is_named_as_in_the_papers_table():
    named = {name: setting(config) for name, config in recency.configurations("paper").items()}
    assert named["maps-d64-plain"] == (0.0, 0, 0, 64)
    assert named["maps-d256-layernorm"] == (0.0, 1, 0, 256)
    assert named["alpha-0.6-raw"] == (0.6, 1, 1, 16)


def test_all_48_printed_numbers_find_ours_and_deviations_are_plain_arithmetic(empty):
    points = Points(recency.group("maps", "smoke"), "smoke", empty)
    both = beside(points)
    assert len(both) == len(printed()) == 48
    row = both[(both.alpha == 0.5) & (both.residual == 1) & (both.d == 16) & (both.layer == 3)].iloc[0]
    ours = points.recency("maps-d16-residual").loc[3]
    theirs = ours["standard_error"] * math.sqrt(500 / 10_000_000)
    combined = math.sqrt(ours["standard_error"] ** 2 + theirs**2 + (1e-4 / math.sqrt(12)) ** 2)
    assert row["paper"] == 0.6610 and row["combined"] == pytest.approx(combined)
    assert row["deviation"] == pytest.approx((ours["mean"] - 0.6610) / combined)
    assert (both["deviation"].abs() < 5).all()  # 500 sequences agree within their errors


def test_negative_control_another_models_numbers_are_far_off(empty, monkeypatch):
    right = printed()
    monkeypatch.setattr(recency_points, "printed", lambda: right.assign(recency_probability=0.7))
    assert (beside(Points(["maps-d64-layernorm"], "smoke", empty))["deviation"].abs() > 5).all()


def test_points_of_ours_have_nothing_beside_them(empty):
    assert beside(Points(["control-full-none"], "smoke", empty)).empty


def test_deviations_of_independent_numbers_would_have_a_root_mean_square_of_one():
    assert recency_points.root_mean_square(pd.Series([1.0, -1.0, 1.0])) == 1


def test_an_unknown_point_is_refused(empty):
    with pytest.raises(ValueError, match="recency has no point 'maps-d17-plain'"):
        Points(["maps-d17-plain"], "smoke", empty)
