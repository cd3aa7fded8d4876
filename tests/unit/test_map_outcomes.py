"""How a page reads the maps' numbers: intervals over seeds, one seed by itself, differences seed by seed, refusals."""

import math

import pandas as pd
import pytest
import torch

from attention_atlas.experiments import language_maps
from attention_atlas.outcomes.maps import (
    QUANTITIES,
    Interval,
    LanguageMaps,
    by_place,
    first_key,
    interval,
    stored_settings,
)
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


def test_three_seeds_make_an_interval_and_fewer_stand_for_themselves(filled):
    maps = LanguageMaps(["no-positions", "no-norm"], "smoke", filled)
    assert maps.seeds("no-positions") == 3 and maps.seeds("no-norm") == 1
    first, second = maps.by_layer("no-positions")
    assert first.mean == pytest.approx(0.51) and second.mean == pytest.approx(0.61)
    assert second.reach == pytest.approx(math.hypot(4.303 * 0.01 / math.sqrt(3), 1.96 * 0.01))
    alone = maps.mean("no-norm")
    assert alone.values == pytest.approx((0.35,)) and alone.beyond(0.5) is None and alone.word == ""
    assert maps.mean("no-positions").word == "recency" and first.word == "undecided"
    apart = maps.mean("no-positions", less="no-norm")  # seed 0 alone is in both
    assert apart.values == pytest.approx((0.25,)) and apart.error == pytest.approx(0.01 * math.sqrt(2))
    changed = maps.change("no-norm", "shuffled", "text")
    assert maps.change("no-norm", "text", "shuffled").mean == pytest.approx(-0.2)
    assert changed.mean == pytest.approx(0.2) and changed.error == pytest.approx(0.01 * math.sqrt(2))
    assert maps.heads("no-positions") == {"recency": 3, "early bias": 0, "undecided": 3}
    assert maps.heads("no-norm") == {"recency": 0, "early bias": 2, "undecided": 0}
    assert maps.configs["no-norm"] == language_maps.configurations("paper")["no-norm-seed0"]
    assert maps.maps("no-norm")["score_0"].nan_to_num().tolist() == [[1, 0], [2, 3]]


def test_what_is_not_stored_is_computed_for_one_seed(tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(language_maps, "run", lambda config: asked.append(config) or rows([[0.5, 0.5], [0.6, 0.6]], 0))
    maps = LanguageMaps(["rope"], "smoke", Store(tmp_path))
    assert [config.trained for config in asked] == [True, False] and maps.seeds("rope") == 1
    assert "computed live" in maps.provenance


def test_a_setting_is_there_with_its_maps_and_as_it_is_asked_for_now(filled):
    assert stored_settings(["no-positions", "no-norm", "rope"], filled) == ["no-norm"]  # the other has no maps
    points, table = language_maps.configurations("paper"), rows([[0.5, 0.5], [0.6, 0.6]], 0)
    filled.put(language_maps, "no-positions-maps", points["no-positions-maps"], table, "paper", 1.0)
    small = language_maps.configurations("smoke")
    for name in ("rope-seed0", "rope-maps"):  # of another size
        filled.put(language_maps, name, small[name], table, "smoke", 1.0)
    for name in ("decay-seed0", "decay-maps"):  # what was asked otherwise
        filled.put(language_maps, name, points[name.replace("decay", "post-norm")], table, "paper", 1.0)
    assert stored_settings(["no-positions", "no-norm", "rope", "decay"], filled) == ["no-positions", "no-norm"]
    assert stored_settings(["rope", "decay"], filled) == ["rope"]


def test_models_of_two_sizes_are_not_averaged(filled):
    small = language_maps.configurations("smoke")["no-norm-seed1"]
    filled.put(language_maps, "no-norm-seed1", small, rows([[0.9, 0.9], [0.9, 0.9]], 1), "smoke", 1.0)
    assert LanguageMaps(["no-norm"], "smoke", filled).seeds("no-norm") == 1


def test_what_is_left_is_that_of_the_layer_where_it_is_most_beside_its_floor(tmp_path, monkeypatch):
    left = [[9.0, 1.0, 0.9], [0.4, 0.5, 0.6], [0.6, 0.1, 0.2]]  # of each layer: left, floor, share; the first is out
    cells = [("text", layer, -1, name, value, math.nan) for layer, row in enumerate(left)
             for name, value in zip(("left", "floor", "share"), row, strict=True)]  # fmt: skip
    table = pd.DataFrame(cells, columns=["text", "layer", "head", "quantity", "value", "standard_error"])
    monkeypatch.setattr(language_maps, "run", lambda config: table)
    assert LanguageMaps(["rope"], "smoke", Store(tmp_path)).left("rope") == pytest.approx((6.0, 0.2))


def test_every_panel_has_the_number_of_its_own_quantity_and_layer(tmp_path, monkeypatch):
    numbers = {(layer, name): 0.1 * layer + 0.01 * place for place, name in enumerate(set(QUANTITIES.values()))
               for layer in (0, 1)}  # fmt: skip
    cells = [("text", layer, -1, name, value, 0.0) for (layer, name), value in numbers.items()]
    table = pd.DataFrame(cells, columns=["text", "layer", "head", "quantity", "value", "standard_error"])
    monkeypatch.setattr(language_maps, "run", lambda config: table)
    found = LanguageMaps(["no-norm"], "smoke", Store(tmp_path)).panels("no-norm")
    assert len(found) == 9
    assert found["score", 1].mean == numbers[1, "recency"] and found["read", 1].mean == numbers[1, "gram_read"]
    assert found["mlp_read", 0].mean == numbers[0, "gram_mlp_read"]


def test_places_are_means_over_the_same_distances():
    map = torch.randn(7, 7, generator=torch.Generator().manual_seed(3)).double()
    plain = [sum(map[key + gap, key].item() for gap in (1, 2, 3)) / 3 for key in range(4)]
    assert by_place(map, 3).tolist() == pytest.approx(plain)
    size = map[torch.ones(7, 7).tril(-1).bool()].std().item()
    assert first_key(map, 3) == pytest.approx((plain[0] - sum(plain) / 4) / size)
    assert first_key(torch.zeros(5, 5).double(), 2) == 0
    with pytest.raises(ValueError, match="distances must be 1 to 6, so that a key is seen at all of them, got 7"):
        by_place(map, 7)


def test_the_impossible_is_refused_in_one_line(tmp_path):
    with pytest.raises(ValueError, match="unknown setting 'alibi'; allowed: no-positions, no-norm"):
        LanguageMaps(["alibi"], "smoke", Store(tmp_path))
    with pytest.raises(ValueError, match="known of at most 5 decoders, got 6"):
        interval([0.5] * 6, 0.1)


def test_two_decoders_that_coincide_decide_nothing():
    twins = Interval((0.6, 0.6))
    assert math.isnan(twins.reach) and twins.beyond(0.5) is None and twins.word == "" and twins.mean == 0.6
    assert Interval((0.6, 0.6, 0.6)).word == "recency"
    nothing = Interval(())
    assert math.isnan(nothing.mean) and nothing.seeds == 0 and nothing.beyond(0.5) is None


def test_windows_that_all_decoders_read_are_no_less_noisy_for_it():
    found = (0.52, 0.52, 0.52)
    assert Interval(found, 0.001).word == "recency" and Interval(found, 0.02).word == "undecided"


def test_student_intervals_hold_the_truth_as_often_as_they_say():
    draws = torch.randn(2000, 3, generator=torch.Generator().manual_seed(0)).tolist()
    held = [interval(values, 0.0).beyond(0.0) == 0 for values in draws]
    assert sum(held) / 2000 == pytest.approx(0.95, abs=0.02)
