"""How a page reads the maps' numbers: intervals over seeds, one seed by itself, differences seed by seed, refusals."""

import math

import pandas as pd
import pytest
import torch

from attention_atlas.experiments import language_maps
from attention_atlas.map_outcomes import Interval, LanguageMaps, interval
from attention_atlas.store import Store


def rows(values, seed):
    """Numbers of two layers with two heads: recency of layer, head."""
    found = []
    for text, more in (("text", 0.0), ("shuffled", 0.2)):
        for layer, heads in enumerate(values):
            cells = [(-1, sum(heads) / 2), *enumerate(heads)]
            found += [(text, layer, head, "recency", value + more + seed / 100, 0.01) for head, value in cells]
    return pd.DataFrame(found, columns=["text", "layer", "head", "quantity", "value", "standard_error"])


@pytest.fixture
def filled(tmp_path):
    store, points = Store(tmp_path), language_maps.configurations("paper")
    for setting, deep in (("no-positions", [0.7, 0.5]), ("no-norm", [0.4, 0.3])):
        for seed in range(3 if setting == "no-positions" else 1):
            for end in ("", "-untrained"):
                name = f"{setting}-seed{seed}{end}"
                store.put(language_maps, name, points[name], rows([[0.5, 0.5], deep], seed), "paper", 1.0)
    table = pd.DataFrame({"query": [0, 1, 1], "key": [0, 0, 1], "score_0": [1.0, 2.0, 3.0]})
    store.put(language_maps, "no-norm-maps", points["no-norm-maps"], table, "paper", 1.0)
    return store


def test_seeds_make_an_interval_and_one_seed_has_its_windows(filled):
    maps = LanguageMaps(["no-positions", "no-norm"], "smoke", filled)
    assert maps.seeds("no-positions") == 3 and maps.seeds("no-norm") == 1
    first, second = maps.by_layer("no-positions")
    assert first.mean == pytest.approx(0.51) and second.mean == pytest.approx(0.61)
    assert second.high - second.mean == pytest.approx(4.303 * 0.01 / math.sqrt(3))
    alone = maps.mean("no-norm")
    assert alone == pytest.approx((0.35, 0.31, 0.39, 1)) and alone.word == "early bias"
    assert maps.mean("no-positions").word == "recency" and first.word == "undecided"
    apart = maps.mean("no-positions", less="no-norm")  # seed 0 alone is in both
    assert apart.seeds == 1 and apart.mean == pytest.approx(0.25) and apart.beyond(0) == 1
    changed = maps.change("no-norm", "shuffled", "text")
    assert changed.mean == pytest.approx(0.2) and changed.high - changed.mean == pytest.approx(0.04 * math.sqrt(2))
    assert maps.heads("no-positions") == {"recency": 3, "early bias": 0, "undecided": 3}
    assert maps.configs["no-norm"] == language_maps.configurations("paper")["no-norm-seed0"]
    assert maps.maps("no-norm")["score_0"].nan_to_num().tolist() == [[1, 0], [2, 3]]


def test_what_is_not_stored_is_computed_for_one_seed(tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(language_maps, "run", lambda config: asked.append(config) or rows([[0.5, 0.5], [0.6, 0.6]], 0))
    maps = LanguageMaps(["rope"], "smoke", Store(tmp_path))
    assert [config.trained for config in asked] == [True, False] and maps.seeds("rope") == 1
    assert "computed live" in maps.provenance


def test_the_impossible_is_refused_in_one_line(tmp_path):
    with pytest.raises(ValueError, match="unknown setting 'alibi'; allowed: no-positions, no-norm"):
        LanguageMaps(["alibi"], "smoke", Store(tmp_path))
    with pytest.raises(ValueError, match="needs 1 to 5 seeds, got 0"):
        interval([], 0.1)


def test_student_intervals_hold_the_truth_as_often_as_they_say():
    draws = torch.randn(2000, 3, generator=torch.Generator().manual_seed(0)).tolist()
    held = [interval(values, 0.0).beyond(0.0) == 0 for values in draws]
    assert sum(held) / 2000 == pytest.approx(0.95, abs=0.02)
    assert Interval(0.0, math.nan, math.nan, 1).beyond(0.5) == 0
