"""Planes that separate what was planted apart, and nothing else."""

import pytest
import torch

from attention_atlas.decoders.tag_planes import LEAST, plane, sample, separation_within


def tokens(apart, count=200, width=7, seed=0):
    vectors = torch.randn(count, width, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    tagged = torch.arange(count) % 3 == 0
    return vectors + apart * tagged[:, None] * torch.ones(width), tagged


def test_tokens_apart_in_one_direction_are_separated_by_the_first():
    found = plane(*tokens(apart=4.0))
    assert found.separations[0] > 0.999 and found.separations[1] < 0.65


def test_negative_control_tokens_of_one_cloud_are_not_separated():
    assert max(max(plane(*tokens(apart=0.0, seed=seed)).separations) for seed in range(5)) < 0.65


def test_directions_know_nothing_of_the_kinds():
    vectors, tagged = tokens(apart=2.0)
    assert torch.equal(plane(vectors, tagged).places, plane(vectors, ~tagged).places)


def test_separation_by_a_loop_over_pairs():
    found = plane(*tokens(apart=1.0, count=41))
    for k, value in enumerate(found.separations):
        high, low = found.places[found.tagged, k].tolist(), found.places[~found.tagged, k].tolist()
        share = sum((a > b) + (a == b) / 2 for a in high for b in low) / len(high) / len(low)
        assert value == pytest.approx(max(share, 1 - share), abs=1e-12)


def test_a_sample_is_even_over_windows_and_none_is_in_it_twice():
    source = torch.Generator().manual_seed(0)
    tagged = torch.rand(11, 53, generator=source) < 0.2
    untagged = ~tagged & (torch.rand(11, 53, generator=source) < 0.5)
    places, kinds = sample(tagged, untagged, most=30)
    assert len(places) == len(set(places.tolist())) == 60 and kinds.tolist() == [True] * 30 + [False] * 30
    assert tagged.flatten()[places[:30]].all() and untagged.flatten()[places[30:]].all()
    assert len(set((places[:30] // 53).tolist())) == 11
    few, _ = sample(tagged, untagged, most=10_000)
    assert len(few) == tagged.sum() + untagged.sum()


def test_too_few_of_a_kind_are_no_sample():
    many, few = torch.ones(1, 100).bool(), torch.arange(100)[None] < LEAST - 1
    assert sample(many, few) is None and sample(few, many) is None
    assert sample(many, torch.arange(100)[None] < LEAST) is not None


def test_one_window_is_looked_at_by_itself():
    source = torch.Generator().manual_seed(0)
    vectors = torch.randn(60, 31, 7, generator=source, dtype=torch.float64)
    tagged = torch.rand(60, 31, generator=source) < 0.4
    tagged[0] = torch.arange(31) < 4  # too few
    apart = 8 * torch.randn(60, 1, 7, generator=source, dtype=torch.float64) * tagged[..., None]
    found, chance = (separation_within(x, tagged, ~tagged) for x in (vectors + apart, vectors))
    assert len(found) == 40 and found.mean() > 0.97
    assert 0.5 < chance.mean() < 0.7  # by chance, of few tokens
    flat, kinds = (vectors + apart).flatten(0, 1), tagged.flatten()
    assert plane(flat, kinds).separations[0] < 0.75  # every window has a direction of its own
