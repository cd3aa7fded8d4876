"""Regimes and the split of concentration into position and content: dumb cases, the plain loop, properties."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from attention_atlas.checks.margins import random_maps
from attention_atlas.masks import causal, dense, none, sliding_window
from attention_atlas.metrics import normalised_entropy
from attention_atlas.theory.localization.collapse import REGIMES, Criterion, split

MASKS = {"causal": causal, "none": none, "window": sliding_window(3)}


def maps_of(mask, tokens, sequences, seed=0, scale=2.0):
    generator = torch.Generator().manual_seed(seed)
    return random_maps(MASKS[mask], tokens, sequences, scale, generator), dense(MASKS[mask], tokens)


def split_in_loops(maps, allowed):
    sequences, queries, keys = maps.shape
    position, content = [], []
    for query in range(queries):
        count = sum(allowed[query].tolist())
        if count == 1:
            continue
        mean = [sum(maps[s, query, key].item() for s in range(sequences)) / sequences for key in range(keys)]
        position.append(sum(p * math.log(p * count) for p in mean if p) / math.log(count))
        total = 0.0
        for s in range(sequences):
            for key in range(keys):
                if p := maps[s, query, key].item():
                    total += p * math.log(p / mean[key]) / sequences
        content.append(total / math.log(count))
    return sum(position) / len(position), sum(content) / len(content)


def test_uniform_attention_is_not_concentrated():
    assert [part.item() for part in split(*maps_of("causal", 5, 3, scale=0.0))] == pytest.approx([0, 0], abs=1e-15)


def test_one_map_for_all_sequences_is_position_and_nothing_else():
    maps, allowed = maps_of("none", 5, 1)
    position, content = split(maps.expand(7, 5, 5), allowed)
    assert content < 1e-15 and position.item() == pytest.approx(1 - normalised_entropy(maps, allowed).mean().item())


def test_every_sequence_another_key_is_content_and_nothing_else():
    maps = torch.eye(5, dtype=torch.float64)[:, None].expand(5, 5, 5)
    position, content = split(maps, torch.ones(5, 5, dtype=torch.bool))
    assert position < 1e-15 and content.item() == pytest.approx(1)


@pytest.mark.parametrize("mask", MASKS)
def test_equals_the_plain_loop(mask):
    maps, allowed = maps_of(mask, 5, 3)
    assert [part.item() for part in split(maps, allowed)] == pytest.approx(split_in_loops(maps, allowed), rel=1e-11)


@given(
    mask=st.sampled_from(sorted(MASKS)), tokens=st.integers(3, 11), sequences=st.integers(1, 7),
    seed=st.integers(0, 2**31), scale=st.floats(0, 8),
)  # fmt: skip
def test_both_parts_and_the_entropy_make_one(mask, tokens, sequences, seed, scale):
    maps, allowed = maps_of(mask, tokens, sequences, seed, scale)
    parts = torch.stack(split(maps, allowed))
    assert (parts >= 0).all()
    several = allowed.sum(-1) > 1
    assert (parts.sum() + normalised_entropy(maps, allowed)[:, several].mean()).item() == pytest.approx(1, rel=1e-10)


@given(seed=st.integers(0, 2**31), tokens=st.integers(3, 7))
def test_neither_repeating_nor_reordering_the_sequences_matters(seed, tokens):
    maps, allowed = maps_of("causal", tokens, 5, seed)
    other = torch.stack(split(torch.cat([maps.flip(0), maps]), allowed))
    assert torch.allclose(other, torch.stack(split(maps, allowed)), rtol=1e-9, atol=1e-12)


def test_negative_control_shuffled_keys_turn_position_into_content():
    """The entropies stay; what the sequences had in common is gone."""
    maps, allowed = maps_of("none", 7, 1)
    shared, generator = maps.expand(200, 7, 7), torch.Generator().manual_seed(1)
    shuffled = torch.stack([shared[s][:, torch.randperm(7, generator=generator)] for s in range(200)])
    before, after = (torch.stack(split(some, allowed)) for some in (shared, shuffled))
    assert before.sum().item() == pytest.approx(after.sum().item())
    assert before[1] < 1e-12 and after[0] < 0.05 * after[1]


def test_a_mask_that_does_not_fit_is_refused():
    maps, _ = maps_of("none", 5, 3)
    with pytest.raises(ValueError) as refusal:
        split(maps, dense(causal, 5))
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("entropy", "residual", "by_position", "by_content", "regime"),
    [
        (1.0, 0.0, 0.0, 0.0, "rank collapse"),
        (0.2, 0.9, 0.1, 0.7, "entropy collapse"),
        (0.2, 0.05, 0.7, 0.1, "both collapses"),
        (0.9, 0.5, 0.05, 0.05, "localized"),  # half of it is enough
        (0.9, 0.5, 0.04, 0.06, "driven by content"),
        (0.5, 0.1, 0.5, 0.0, "localized"),  # a threshold itself is no collapse
    ],
)
def test_regimes_by_hand(entropy, residual, by_position, by_content, regime):
    assert Criterion().regime(entropy, residual, by_position, by_content) == regime


SHARE = st.floats(0, 1)


@given(entropy=SHARE, residual=SHARE, by_position=SHARE, by_content=SHARE)
def test_every_place_has_one_of_the_regimes_and_strict_thresholds_collapse_nothing(
    entropy, residual, by_position, by_content
):
    assert Criterion().regime(entropy, residual, by_position, by_content) in REGIMES
    free = Criterion(residual=0.0, entropy=0.0, position=0.0)
    assert free.regime(entropy, residual, by_position, by_content) == "localized"


@pytest.mark.parametrize("name", ["residual", "entropy", "position"])
@pytest.mark.parametrize("value", [-0.1, 1.5, math.nan])
def test_an_impossible_threshold_is_refused(name, value):
    with pytest.raises(ValueError, match=rf"^the threshold {name} must be in \[0, 1\], got {value}$"):
        Criterion(**{name: value})
