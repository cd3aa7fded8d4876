"""The experiment that trains decoders: its points, its table, its refusals."""

from dataclasses import replace

import pytest

from attention_atlas.decoders import settings as decoder_settings
from attention_atlas.experiments import language, language_tags
from attention_atlas.store import key


def test_points_are_the_same_at_every_size_and_what_is_needed_most_comes_first():
    points = [list(language.configurations(profile)) for profile in ("smoke", "quick", "paper")]
    assert points[0] == points[1] == points[2]
    assert len(set(points[0])) == 5 * len(decoder_settings.SETTINGS)
    first = points[0][: 3 * len(decoder_settings.MAIN)]
    assert first == [f"{name}-seed{seed}" for seed in range(3) for name in decoder_settings.MAIN]


def test_settings_survive_every_size():
    """What a setting is about must not be lost where a size has its own steps."""
    smoke, paper = (language.configurations(profile) for profile in ("smoke", "paper"))
    assert smoke["no-norm-seed0"].norm == paper["no-norm-seed0"].norm == "none"
    assert smoke["one-layer-strong-seed1"].scale_weight == paper["one-layer-strong-seed1"].scale_weight == 1e-2
    assert (smoke["long-seed0"].steps, paper["long-seed0"].steps) == (30, 8000)


def test_the_same_model_gets_the_same_numbers_alone_and_in_company():
    pair = [replace(language.CANARY, records=3), replace(language.CANARY, records=3, scale_weight=0.1)]
    together, alone = language.run_together(pair), language.run(pair[1])
    assert (together[1]["value"] - alone["value"]).abs().max() < 1e-3
    assert (together[0]["value"] - alone["value"]).abs().max() > 1e-3
    assert alone["step"].unique().tolist() == pair[0].recorded


def test_on_the_way_means_over_heads_and_at_the_end_every_head():
    table = language.run(replace(language.CANARY, records=2, steps=40))
    assert table["step"].unique().tolist() == [25, 40]
    way, end = (table[(table["step"] == step) & (table["quantity"] == "entropy")] for step in (25, 40))
    assert way["head"].tolist() == [-1] and end["head"].tolist() == [0, 1]
    assert set(table[table["step"] == 25]["quantity"]) == {*language.ON_THE_WAY, "loss", "training_loss"}


def test_another_corpus_is_refused():
    with pytest.raises(ValueError, match=r"the corpus zen here is [0-9a-f]{16}, got a configuration for 0123"):
        language.run(replace(language.CANARY, digest="0123"))


def test_unlike_models_are_refused():
    with pytest.raises(ValueError, match="models trained at once must be alike, got 2 kinds"):
        language.run_together([language.CANARY, replace(language.CANARY, layers=2)])


@pytest.mark.parametrize("name", ["steps", "batch", "test_windows", "measured", "records"])
def test_impossible_numbers_are_refused(name):
    with pytest.raises(ValueError, match=f"{name} must be at least 1, got 0"):
        replace(language.CANARY, **{name: 0})


def test_a_target_is_in_units_of_the_head():
    assert language.Config().locater is None
    assert language.Config(scale_weight=1.0).locater.target_trace is None
    assert language.Config(mean_weight=1.0, eta=2.0, d_model=64).locater.target_trace == 8.0


def test_weights_belong_to_a_revision_and_not_to_who_goes_on_from_them(monkeypatch):
    asked = []
    monkeypatch.setattr(language, "weights_of", lambda key, train: asked.append(key) or {})
    language.weights(language.CANARY)
    language.weights(replace(language_tags.CANARY, windows=9, trained=True))
    assert asked[0] == asked[1] == key(language, language.CANARY)
    monkeypatch.setattr(language, "REVISION", language.REVISION + 1)
    language.weights(language.CANARY)
    assert asked[2] != asked[0]  # so they are trained anew
