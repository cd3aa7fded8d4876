"""Stacks: what is offered, every layer beside a plain loop with dense weights, and refusals."""

import dataclasses
import json
import math

import pandas as pd
import pytest
import torch

from attention_atlas.attention import attention_weights, logits
from attention_atlas.experiments import localization_depth as experiment
from attention_atlas.experiments.localization_depth import Config, configurations, diversity, run
from attention_atlas.masks import dense, none
from attention_atlas.metrics import normalised_entropy
from attention_atlas.profiles import PROFILES
from attention_atlas.simulation import spectral_attention
from attention_atlas.store import key
from attention_atlas.tasks.random_walk import walks
from attention_atlas.theory.localization.collapse import split
from attention_atlas.theory.localization.spectrum import eigenvalues, normal_weights

SMALL = Config(5, 7, 3.0, 2.0, layers=3, residual=True, normalization="rms", sequences=50, seed=3)


def test_diversity_by_hand():
    tokens = torch.tensor([[[1.0, 2.0], [1.0, 2.0]], [[1.0, 0.0], [-1.0, 0.0]]], dtype=torch.float64)
    assert diversity(tokens).tolist() == [0, 1]


def test_every_profile_offers_the_same_points_and_larger_ones_more_sequences():
    sizes = [configurations(profile) for profile in PROFILES]
    assert list(sizes[0]) == list(sizes[1]) == list(sizes[2]) and len(sizes[0]) == 7 * 2 * 2
    for point in sizes[0]:
        same = [dataclasses.replace(size[point], sequences=20) for size in sizes]
        assert same[0] == same[1] == same[2]
        assert sizes[0][point].sequences < sizes[1][point].sequences < sizes[2][point].sequences
    assert len(set(sizes[2].values())) == 28


def test_the_table_has_a_row_for_every_layer_and_quantity():
    table = run(SMALL)
    assert table.columns.tolist() == ["layer", "quantity", "mean", "standard_error"]
    names = ("entropy", "diversity", "by_position", "by_content")
    expected = [(0, "diversity")] + [(layer, name) for layer in (1, 2, 3) for name in names]
    assert sorted(table[["layer", "quantity"]].itertuples(index=False, name=None)) == sorted(expected)
    assert not table.isna().any(axis=None)


@pytest.mark.parametrize("residual", [False, True])
@pytest.mark.parametrize("normalization", ["none", "rms"])
def test_every_layer_is_what_dense_weights_give(residual, normalization):
    config = dataclasses.replace(SMALL, residual=residual, normalization=normalization)
    table = run(config).set_index(["layer", "quantity"])
    generator, allowed = torch.Generator().manual_seed(3), dense(none, 5)
    matrices = [normal_weights(eigenvalues(7, 3.0, 2.0), generator) for _ in range(3)]
    x = walks(50, 5, 7, generator, increment=1 / 5)

    def same(layer, name, values):
        expected = (values.mean().item(), values.std().item() / math.sqrt(50))
        assert tuple(table.loc[(layer, name), ["mean", "standard_error"]]) == pytest.approx(expected, abs=1e-9)

    same(0, "diversity", diversity(x))
    for layer, w in enumerate(matrices, start=1):
        maps = attention_weights(logits(x @ w, x), allowed)
        new = torch.stack([a @ tokens + (tokens if residual else 0) for a, tokens in zip(maps, x, strict=True)])
        x = new / new.square().mean(-1, keepdim=True).sqrt() if normalization == "rms" else new
        same(layer, "diversity", diversity(x))
        same(layer, "entropy", normalised_entropy(maps, allowed).mean(-1))
        parts = table.loc[(layer, "by_position"), "mean"] + table.loc[(layer, "by_content"), "mean"]
        assert parts == pytest.approx(sum(split(maps, allowed)).item(), abs=1e-9)


def test_without_scores_tokens_are_equal_after_one_layer_unless_a_residual_keeps_them():
    for residual, left in ((False, 0.0), (True, 0.2)):
        table = run(Config(5, 7, 0.0, 0.0, layers=1, residual=residual, sequences=20))
        found = table[(table.quantity == "diversity") & (table.layer == 1)]["mean"].item()
        assert found < 1e-9 if left == 0 else found > left


def test_seeds_differ_and_repeat():
    pd.testing.assert_frame_equal(run(SMALL), run(SMALL), check_exact=True)
    assert (run(dataclasses.replace(SMALL, seed=4))["mean"] - run(SMALL)["mean"]).abs().max() > 1e-3


@pytest.mark.parametrize("entries", [25, 75])
def test_the_chunk_changes_rounding_only(entries, monkeypatch):
    whole = run(SMALL)
    monkeypatch.setattr(spectral_attention, "ENTRIES", entries)
    pd.testing.assert_frame_equal(run(SMALL), whole, rtol=1e-9, atol=1e-9)


def test_equal_content_has_one_store_key_and_every_change_another():
    restored = Config(**json.loads(json.dumps(dataclasses.asdict(SMALL))))
    assert restored == SMALL and key(experiment, restored) == key(experiment, SMALL)
    changes = [{"layers": 2}, {"residual": False}, {"normalization": "none"}, {"eta": 1.0}, {"seed": 4}]
    assert len({key(experiment, dataclasses.replace(SMALL, **change)) for change in [{}, *changes]}) == 6


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"normalization": "layernorm"}, "unknown normalization 'layernorm'; allowed: none, rms"),
        ({"tokens": 1}, "at least 2 tokens, 2 dimensions and 1 layer are needed, got 1, 7 and 3"),
        ({"d_model": 1}, "at least 2 tokens, 2 dimensions and 1 layer are needed, got 5, 1 and 3"),
        ({"layers": 0}, "at least 2 tokens, 2 dimensions and 1 layer are needed, got 5, 7 and 0"),
        ({"deviation": -1.0}, "the deviation must be at least 0, got -1.0"),
        ({"sequences": 10}, "sequences must be a multiple of 10 from 20 on, got 10"),
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
