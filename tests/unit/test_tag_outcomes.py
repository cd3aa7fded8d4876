"""Stored runs are read by setting and seed, heads one by one, and windows with a lasting sink alike."""

import math

import pandas as pd
import pytest

from attention_atlas import results
from attention_atlas.experiments import language_tags
from attention_atlas.outcomes.tags import TagOutcomes, looked_at
from attention_atlas.store import Store

NAN = float("nan")
PLACES = [(1, "tagged", 1.0), (1, "tagged", 2.0), (2, "tagged", 3.0), (2, "tagged", 4.0)]
PLACES += [(1, "untagged", 5.0), (2, "untagged", 6.0)]


def rows(value):
    base = [(0, 0, "sinks", "", value), (0, 1, "sinks", "", value + 1), (1, 0, "sinks", "", value + 2)]
    base += [(0, -1, "probe", "tags", 0.9), (1, -1, "probe", "tags", 0.7), (0, -1, "probe", "output", 0.8)]
    of_heads = {"received_first": 0.1, "first_zhang": 0.3, "with_lasting": 0.25, "two_tags": 0.2}
    base += [(0, 0, name, "", value * share) for name, share in of_heads.items()]  # seed 1 has three times as much
    base += [(0, 1, "received_first", "", 0.05), (0, 1, "first_zhang", "", 0.0)]
    base += [(0, 1, "with_lasting", "", 0.75), (0, 1, "two_tags", "", 0.8)]
    base += [(0, 1, "place", f"output {k} {kind}", number) for k, kind, number in PLACES]
    return pd.DataFrame(base, columns=["layer", "head", "quantity", "label", "value"]).assign(standard_error=NAN)


@pytest.fixture
def store(tmp_path):
    store = Store(tmp_path)
    for seed, value in enumerate((1.0, 3.0)):
        point = f"rope-seed{seed}"
        config = language_tags.configurations("paper")[point]
        store.put(language_tags, point, config, rows(value), "paper", 1.0)
    return store


def test_stored_runs_are_read_by_setting_and_seed(store, monkeypatch):
    monkeypatch.setattr(results, "_run", None)  # nothing is computed
    outcomes = TagOutcomes(["rope"], "smoke", store)
    assert (
        outcomes.seeds("rope") == 2 and outcomes.configs["rope"] == language_tags.configurations("paper")["rope-seed0"]
    )
    assert outcomes.heads("rope", "sinks").loc[0].tolist() == [2, 3] and outcomes.heads("rope", "sinks").loc[1, 0] == 4
    layers = outcomes.layers("rope", "sinks")
    assert layers["mean"].tolist() == [2.5, 4]
    assert layers["least"].tolist() == [1.5, 3] and layers["most"].tolist() == [3.5, 5]
    assert outcomes.mean("rope", "sinks") == (3.0, 1.0)
    assert outcomes.labels("rope", "probe").to_dict() == {"tags": 0.8, "output": 0.8}
    assert outcomes.layers("rope", "probe", "output")["mean"].tolist() == [0.8]


def test_an_unknown_setting_is_refused():
    with pytest.raises(ValueError) as refusal:
        TagOutcomes(["alibi"], "smoke")
    words = "unknown setting 'alibi'; allowed: rope, no-positions, no-norm, qk-norm, "
    assert str(refusal.value).startswith(words)


def test_heads_are_ranked_by_what_the_first_token_receives(store):
    outcomes = TagOutcomes(["rope"], "smoke", store)
    heads = outcomes.single_heads(["rope"])
    assert heads[["seed", "layer", "head"]].values.tolist()[:2] == [[1, 0, 0], [0, 0, 0]]
    assert heads["sinks"].tolist()[0] == 3 and math.isnan(heads["received_first"].iloc[-1])
    firm = outcomes.firm_heads(["rope"])
    assert firm[["seed", "layer", "head"]].values.tolist() == [[1, 0, 0]]
    assert firm["first_zhang"].item() == pytest.approx(0.9)


def test_windows_with_a_lasting_sink_count_alike(store):
    """Seed 0: 0.2 in a quarter of the windows of one head, 0.8 in three quarters of another's; seed 1: both alike."""
    mean, error = TagOutcomes(["rope"], "smoke", store).where_lasting("rope", "two_tags")
    by_seed = [0.25 * 0.2 + 0.75 * 0.8, (0.75 * 0.6 + 0.75 * 0.8) / 1.5]
    assert mean == pytest.approx(sum(by_seed) / 2) and error == pytest.approx(abs(by_seed[0] - by_seed[1]) / 2)


def test_every_number_of_heads_and_none_of_layers(store):
    outcomes = TagOutcomes(["rope"], "smoke", store)
    assert sorted(outcomes.every("rope", "sinks")) == [1, 2, 3, 3, 4, 5] and outcomes.every("rope", "probe") == []
    assert outcomes.read("rope", "probe", 0) == {"output": 0.8, "tags": 0.9}


def test_a_picture_has_the_tokens_that_were_kept(store):
    outcomes = TagOutcomes(["rope"], "smoke", store)
    assert outcomes.pictured() == {"rope": (0, 1)}
    plane = outcomes.plane("rope", "output")
    assert plane[plane["tagged"]][["first", "second"]].values.tolist()[:2] == [[1, 3], [2, 4]]
    assert plane.loc[~plane["tagged"], "first"].tolist()[:1] == [5]


def test_what_is_looked_at_falls_back_where_the_least_is_not_stored(store):
    assert looked_at(["rope", "relu"], ["rope"], store) == ["rope"]
    assert looked_at(["rope", "relu"], ["relu"], store) == ["relu"]
