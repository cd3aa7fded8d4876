"""Readings of the official figures meet the right places of our maps, and a wrong model is found out."""

import dataclasses

import pandas as pd
import pytest

from attention_atlas import registry
from attention_atlas.experiments import recency
from attention_atlas.outcomes.readings import FILE, LEVELS, beside

POINTS = recency.configurations("smoke")
READ = pd.read_csv(registry.DATA / FILE)


@pytest.fixture(scope="module")
def runs():
    points = ("first-version-0.4", "rope-causal-0.5", "rope-full-0.0")
    return {point: (POINTS[point], recency.run(POINTS[point])) for point in points}


@pytest.mark.parametrize("point", ["first-version-0.4", "rope-causal-0.5", "rope-full-0.0"])
def test_ours_is_the_official_map_within_what_is_allowed(runs, point):
    found = beside(*runs[point])
    assert len(found) == 4 * 28  # layers, pairs of 8 tokens
    assert ((found.official - found.ours).abs() <= found.allowed).all()


def test_negative_control_the_figure_of_another_alpha_does_not_fit(runs):
    config, table = runs["first-version-0.4"]
    found = beside(dataclasses.replace(config, alpha=0.6), table)
    assert ((found.official - found.ours).abs() > found.allowed).all()


def test_negative_control_the_figure_without_rotation_does_not_fit(runs):
    _, table = runs["rope-full-0.0"]
    causal = table[table["key"] <= table["query"]]
    found = beside(POINTS["first-version-0.0"], causal)
    assert ((found.official - found.ours).abs() > found.allowed).any()


def test_ours_stands_at_its_own_place(runs):
    config, table = runs["first-version-0.4"]
    row = beside(config, table).query("layer == 3 and query == 30 and key == 5").iloc[0]
    found = table.query("quantity == 'gap' and layer == 3 and query == 30 and key == 5").iloc[0]
    assert row.ours == pytest.approx(found["mean"] + 1, abs=1e-12)
    assert row.allowed == pytest.approx(0.5 / LEVELS + 4 * 2**0.5 * found.standard_error, abs=1e-12)


def test_without_a_figure_there_is_nothing():
    for point in ("rope-full-0.5", "maps-d16-residual"):
        assert beside(POINTS[point], pd.DataFrame()).empty


def test_readings_are_levels_of_the_color_map():
    assert ((READ.score * LEVELS - 0.5) % 1).map(lambda rest: min(rest, 1 - rest)).max() < 0.5e-4 * LEVELS
    assert (READ.key < READ["query"]).all()
    assert len(READ) == 32 * 28
