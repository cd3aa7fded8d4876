"""Phase diagrams: what is offered, every place beside a plain loop with dense weights, and refusals."""

import dataclasses
import json
import math

import pandas as pd
import pytest
import torch

from attention_atlas.attention import attention_weights, logits
from attention_atlas.experiments import localization_phase as experiment
from attention_atlas.experiments.localization_phase import DEVIATIONS, ETAS, Config, configurations, run
from attention_atlas.masks import dense, named
from attention_atlas.metrics import normalised_entropy, rank_residual
from attention_atlas.profiles import PROFILES
from attention_atlas.simulation import spectral_attention
from attention_atlas.store import key
from attention_atlas.tasks.random_walk import walks
from attention_atlas.theory.localization.collapse import split
from attention_atlas.theory.localization.spectrum import eigenvalues, normal_weights

SMALL = Config(5, 7, etas=(-2.0, 0.0, 5.0), deviations=(0.0, 3.0), sequences=50, seed=3)
QUANTITIES = ["entropy", "residual", "by_position", "by_content"]


def test_every_profile_offers_the_same_points_and_larger_ones_more_sequences():
    sizes = [configurations(profile) for profile in PROFILES]
    assert list(sizes[0]) == list(sizes[1]) == list(sizes[2]) and len(sizes[0]) == 9
    for point in sizes[0]:
        same = [dataclasses.replace(size[point], sequences=20) for size in sizes]
        assert same[0] == same[1] == same[2]
        assert sizes[0][point].sequences <= sizes[1][point].sequences <= sizes[2][point].sequences
    assert sizes[0]["T64-d128"].sequences < sizes[1]["T64-d128"].sequences < sizes[2]["T64-d128"].sequences
    assert {(config.etas, config.deviations) for config in sizes[2].values()} == {(ETAS, DEVIATIONS)}
    assert len(set(sizes[2].values())) == 9


def test_the_table_has_a_row_for_every_place_and_quantity():
    table = run(SMALL)
    assert table.columns.tolist() == ["eta", "deviation", "quantity", "mean", "standard_error"]
    expected = [(eta, s, name) for eta in SMALL.etas for s in SMALL.deviations for name in QUANTITIES]
    assert sorted(table[["eta", "deviation", "quantity"]].itertuples(index=False, name=None)) == sorted(expected)
    assert not table.isna().any(axis=None)  # also where nothing is left of the tokens


@pytest.mark.parametrize("mask", ["none", "causal"])
@pytest.mark.parametrize("persistence", [1.0, 0.0])
def test_every_place_is_what_dense_weights_give(mask, persistence):
    config = dataclasses.replace(SMALL, mask=mask, persistence=persistence, shape="two-point")
    table = run(config).set_index(["eta", "deviation", "quantity"])
    allowed = dense(named(mask, None, 5), 5)
    x = walks(50, 5, 7, torch.Generator().manual_seed(3), persistence, 1 / 5)
    for eta in config.etas:
        for deviation in config.deviations:
            w = normal_weights(eigenvalues(7, eta, deviation, shape="two-point"))
            maps = attention_weights(logits(x @ w, x), allowed)
            found = table.loc[eta, deviation]
            each = {
                "entropy": normalised_entropy(maps, allowed).nanmean(-1),
                "residual": rank_residual(maps @ x, x),
            }
            for name, values in each.items():
                assert found.loc[name, "mean"] == pytest.approx(values.mean().item(), abs=1e-9)
                expected = values.std().item() / math.sqrt(50)
                assert found.loc[name, "standard_error"] == pytest.approx(expected, abs=1e-9)
            concentration = sum(split(maps, allowed)).item()
            parts = found.loc["by_position", "mean"] + found.loc["by_content", "mean"]
            assert parts == pytest.approx(concentration, abs=1e-9)


def test_seeds_differ_and_repeat():
    pd.testing.assert_frame_equal(run(SMALL), run(SMALL), check_exact=True)
    assert (run(dataclasses.replace(SMALL, seed=4))["mean"] - run(SMALL)["mean"]).abs().max() > 1e-3


@pytest.mark.parametrize("entries", [25, 75])
def test_the_chunk_changes_rounding_only(entries, monkeypatch):
    whole = run(SMALL)
    monkeypatch.setattr(spectral_attention, "ENTRIES", entries)
    pd.testing.assert_frame_equal(run(SMALL), whole, rtol=1e-9, atol=1e-9)


def test_equal_content_has_one_store_key_and_every_change_another():
    plain = json.loads(json.dumps(dataclasses.asdict(SMALL)))
    restored = Config(**{name: tuple(value) if isinstance(value, list) else value for name, value in plain.items()})
    assert restored == SMALL and key(experiment, restored) == key(experiment, SMALL)
    changes = [{"mask": "causal"}, {"etas": (0.0,)}, {"deviations": (0.0,)}, {"shape": "spike"}, {"seed": 4}]
    assert len({key(experiment, dataclasses.replace(SMALL, **change)) for change in [{}, *changes]}) == 6


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"mask": "prefix"}, "unknown mask 'prefix'; allowed: none, causal"),
        ({"shape": "cauchy"}, "unknown shape 'cauchy'; allowed: gaussian, two-point, spike"),
        ({"tokens": 1}, "tokens and d_model must be at least 2, got 1 and 7"),
        ({"d_model": 1}, "tokens and d_model must be at least 2, got 5 and 1"),
        ({"etas": ()}, "at least one eta and one deviation from 0 on are needed, got () and (0.0, 3.0)"),
        (
            {"deviations": (0.0, -1.0)},
            "at least one eta and one deviation from 0 on are needed, got (-2.0, 0.0, 5.0) and (0.0, -1.0)",
        ),
        ({"sequences": 25}, "sequences must be a multiple of 10 from 20 on, got 25"),
        ({"persistence": 1.5}, "persistence must be in [0, 1], got 1.5"),
    ],
)
def test_refused_in_one_line_that_says_what_was_got(change, message):
    with pytest.raises(ValueError) as refusal:
        dataclasses.replace(SMALL, **change)
    assert str(refusal.value) == message


def test_an_unknown_profile_is_refused():
    with pytest.raises(ValueError) as refusal:
        configurations("huge")
    assert str(refusal.value) == "unknown profile 'huge'; allowed: smoke, quick, paper"
