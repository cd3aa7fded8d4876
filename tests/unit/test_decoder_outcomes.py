"""Stored decoders are read setting by setting and seed by seed, and compared seed by seed."""

import math

import pandas as pd
import pytest

from attention_atlas.experiments import language
from attention_atlas.outcomes.decoders import Decoders, learned, passes, stored_settings
from attention_atlas.outcomes.seeded import kept_sizes, largest
from attention_atlas.store import Store, machine, made

COLUMNS = ["step", "layer", "head", "quantity", "value"]


def decoder(loss, entropies=((1.0, 3.0), (5.0, 7.0))):
    """Two layers of two heads: means on the way, every head at the end."""
    rows = [(25, -1, -1, "loss", 4.0), (1600, -1, -1, "loss", loss)]
    for layer, heads in enumerate(entropies):
        rows += [(25, layer, -1, "entropy", 0.5 + layer)]
        rows += [(1600, layer, head, "entropy", value) for head, value in enumerate(heads)]
    return pd.DataFrame(rows, columns=COLUMNS)


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path)


def keep(store, tables, profile="paper"):
    configs, here = language.configurations(profile), machine("cpu")
    for point, table in tables.items():
        store.keep(made(language, point, configs[point], table, profile, 1.0, here))


def test_seeds_layers_and_heads_are_read_and_averaged(store):
    keep(store, {"rope-seed0": decoder(1.0), "rope-seed2": decoder(2.0), "relu-seed0": decoder(1.5, ((2.0, 2.0),))})
    found = Decoders(["relu", "rope"], "smoke", store)
    assert found.seeds("rope") == 2 and found.seeds("relu") == 1
    assert found.by_seed("loss").columns.tolist() == ["relu", "rope"]
    assert found.by_seed("loss")["rope"].tolist() == [1.0, 2.0] and found.by_seed("loss").index.tolist() == [0, 2]
    assert found.by_seed("perplexity").loc[2, "rope"] == pytest.approx(math.exp(2))
    assert found.by_seed("entropy").loc[0].tolist() == [2.0, 4.0]
    assert found.by_seed("entropy", layer=0).loc[0].tolist() == [2.0, 2.0]
    assert found.by_seed("entropy", layer=1)["rope"].tolist() == [6.0, 6.0]
    assert found.by_seed("entropy", layer=1)["relu"].isna().all()  # it has no second layer
    assert found.configs["relu"].attention == "relu" and found.configs["rope"].steps == 1600
    assert (found.end["step"] == 1600).all() and "profile paper" in found.provenance


def test_the_course_of_a_setting_has_a_row_for_every_record(store):
    keep(store, {"rope-seed0": decoder(1.0), "rope-seed1": decoder(2.0)})
    found = Decoders(["rope"], "smoke", store)
    assert found.course("rope", "loss").to_numpy().tolist() == [[4.0, 4.0], [1.0, 2.0]]
    assert found.course("rope", "perplexity").loc[1600, 1] == pytest.approx(math.exp(2))
    assert found.course("rope", "entropy", layer=1)[0].to_dict() == {25: 1.5, 1600: 6.0}
    assert found.course("rope", "eta").empty


def test_means_and_differences_have_their_standard_errors(store):
    losses = {"rope": (1.0, 2.0, 4.0), "relu": (1.5, 2.3)}
    keep(store, {f"{name}-seed{seed}": decoder(loss) for name, of in losses.items() for seed, loss in enumerate(of)})
    found = Decoders(["rope", "relu"], "smoke", store)
    means = found.means("loss")
    assert means.loc["rope", "mean"] == pytest.approx(7 / 3) and means["seeds"].tolist() == [3, 2]
    assert means.loc["relu", "standard_error"] == pytest.approx(0.4)
    apart = found.paired("relu", "rope", "loss")  # .5 and .3: the third seed has no partner
    assert apart["difference"] == pytest.approx(0.4) and apart["seeds"] == 2
    assert apart["standard_error"] == pytest.approx(0.1)
    assert found.paired("rope", "relu", "loss")["difference"] == pytest.approx(-0.4)


def test_one_seed_has_no_standard_error(store):
    keep(store, {"rope-seed0": decoder(1.0), "relu-seed0": decoder(2.0)})
    apart = Decoders(["rope", "relu"], "smoke", store).paired("rope", "relu", "loss")
    assert apart["difference"] == -1 and math.isnan(apart["standard_error"]) and apart["seeds"] == 1


def test_models_of_two_sizes_are_not_averaged(store):
    keep(store, {"rope-seed0": decoder(3.0), "rope-seed1": decoder(3.0)}, "smoke")
    keep(store, {"rope-seed1": decoder(1.0)})
    keep(store, {"relu-seed0": decoder(3.0)}, "smoke")
    assert Decoders(["rope"], "smoke", store).by_seed("loss")["rope"].to_dict() == {1: 1.0}
    assert stored_settings(["qk-norm", "relu", "rope"], store) == ["rope"]
    assert stored_settings(["qk-norm", "relu"], store) == ["relu"]


def test_what_was_asked_otherwise_than_now_does_not_count(store, monkeypatch):
    keep(store, {"rope-seed0": decoder(3.0)})
    assert stored_settings(["rope"], store) == ["rope"]
    monkeypatch.setitem(language.SETTINGS, "rope", {"layers": 3})
    assert stored_settings(["rope"], store) == []


def test_a_setting_of_which_nothing_is_stored_is_trained_small(store):
    found = Decoders(["one-layer-none"], "smoke", store)
    assert found.seeds("one-layer-none") == 1 and found.configs["one-layer-none"].steps == 30
    assert 0 < found.by_seed("loss").loc[0, "one-layer-none"] < math.log(1024) + 1


def test_an_unknown_setting_is_refused_in_one_line(store):
    with pytest.raises(ValueError, match="unknown setting 'two'; allowed: one-layer-none, one-layer-weak"):
        Decoders(["rope", "two"], "smoke", store)


def test_what_was_asked_otherwise_does_not_count(store):
    keep(store, {"rope-seed0": decoder(1.0)})
    keep(store, {"relu-seed0": decoder(1.0)}, "smoke")
    other = language.configurations("paper")["qk-norm-seed0"]
    store.keep(made(language, "decay-seed0", other, decoder(1.0), "paper", 1.0, machine("cpu")))
    assert kept_sizes(language, store) == {"rope-seed0": 2, "relu-seed0": 0}
    assert largest(["decay-seed0", "relu-seed0", "rope-seed0"], kept_sizes(language, store)) == ["rope-seed0"]
    assert largest(["decay-seed0"], kept_sizes(language, store)) == ["decay-seed0"]


def test_numbers_that_a_decoder_learns_and_how_often_it_reads_its_text():
    config = language.Config(layers=1, heads=1, d_model=8, vocabulary=50, tokens=16, steps=30, batch=4, norm="none")
    embedding, attention, mlp = 2 * 50 * 8, 4 * 8 * 8, 2 * 8 * 4 * 8
    assert learned(config) == embedding + attention + mlp + (8 * 16 if config.positions == "learned" else 0)
    assert passes(config, 30 * 4 * 16) == 1 and passes(config, 15 * 4 * 16) == 2
