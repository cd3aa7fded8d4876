"""Parts of a head's output beside least squares and the published function, bounds that hold, and a planted tag."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from attention_atlas.attention import attention_weights
from attention_atlas.decoders.attention_record import AttentionRecord
from attention_atlas.decoders.layer_measures import layer_measures
from attention_atlas.decoders.tag_components import (
    best_share,
    caught,
    centered,
    common_projector,
    dimensions,
    explained_shares,
    head_parts,
    kept_share,
    projector,
    random_projector,
    strongest,
)
from attention_atlas.tags import tag_subspace

WINDOWS, HEADS, TOKENS, D_HEAD, D_MODEL = 3, 2, 13, 5, 11


def randn(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def drawn(seed=0, scale=3.0, relu=False):
    scores = scale * randn(WINDOWS, HEADS, TOKENS, TOKENS, seed=seed)
    allowed = torch.ones(TOKENS, TOKENS).tril().bool()
    weights = scores.relu() * allowed if relu else attention_weights(scores, allowed)
    values = randn(WINDOWS, HEADS, TOKENS, D_HEAD, seed=seed + 1)
    stream = randn(WINDOWS, TOKENS, D_MODEL, seed=seed + 2)
    return AttentionRecord(0, stream, scores, weights, values, randn(HEADS, D_HEAD, D_MODEL, seed=seed + 3))


def shares_of(parts, seed=0):
    return explained_shares(parts, torch.Generator().manual_seed(seed))


def by_least_squares(written, tags):
    if not len(tags):
        return 0.0
    rest = written.T - tags.T @ torch.linalg.lstsq(tags.T, written.T, driver="gelsd").solution
    return 1 - (rest.square().sum() / written.square().sum()).item()


@pytest.mark.parametrize("seed", [0, 7])
def test_a_head_by_loops_in_the_coordinates_of_the_stream(seed):
    record = drawn(seed)
    for head in range(HEADS):
        parts = head_parts(record, head)
        found = shares_of(parts)
        for b in range(WINDOWS):
            map = record.weights[b, head]
            received = [sum(map[i, j].item() for i in range(j, TOKENS)) / (TOKENS - j) for j in range(TOKENS)]
            sinks = [j for j in range(TOKENS) if received[j] > 0.2]
            lasting = [j for j in sinks if TOKENS - j >= TOKENS / 2]
            assert parts.sinks[b].nonzero()[:, 0].tolist() == sinks
            assert parts.lasting[b].nonzero()[:, 0].tolist() == lasting
            vectors = record.values[b, head] @ record.output[head]
            written = map @ vectors
            assert parts.written[b].norm(dim=-1).tolist() == pytest.approx(written.norm(dim=-1).tolist(), rel=1e-9)
            pair = sorted(lasting, key=lambda j: -received[j])[:2]
            expected = {"explained": sinks, "explained_lasting": lasting, "two_tags": pair, "one_tag": pair[:1]}
            for name, chosen in expected.items():
                share = by_least_squares(written, vectors[chosen])
                share = math.nan if name.startswith(("one", "two")) and not lasting else share
                assert found[name][b].item() == pytest.approx(share, abs=1e-9, nan_ok=True), name
            apart, marks = written - written.mean(0), vectors - vectors.mean(0)
            assert found["explained_centered"][b].item() == pytest.approx(
                by_least_squares(apart, marks[sinks]), abs=1e-9
            )
            sizes = torch.linalg.svdvals(written).square()
            assert found["best_2"][b].item() == pytest.approx((sizes[:2].sum() / sizes.sum()).item(), abs=1e-9)


def test_what_is_explained_is_what_layer_measures_say():
    record = drawn()
    table = layer_measures(record, torch.Generator()).set_index(["head", "quantity"])["value"]
    for head in range(HEADS):
        found, parts = shares_of(head_parts(record, head)), head_parts(record, head)
        assert found["explained"].mean().item() == pytest.approx(table[head, "explained"], abs=1e-9)
        assert found["explained_lasting"].mean().item() == pytest.approx(table[head, "explained_by_lasting"], abs=1e-9)
        assert parts.lasting.sum(-1).double().mean().item() == pytest.approx(table[head, "lasting_sinks"], abs=1e-12)


@given(seed=st.integers(0, 2**31), scale=st.sampled_from([0.5, 3.0, 9.0]))
def test_no_directions_explain_more_than_as_many_best_ones(seed, scale):
    found = shares_of(head_parts(drawn(seed % 1000, scale), 0), seed)
    slack = 1 + 1e-9
    assert (found["explained"] <= found["best"] * slack).all()
    assert (found["explained_lasting"] <= found["explained"] * slack).all()
    known = ~found["two_tags"].isnan()
    assert (found["one_tag"][known] <= found["two_tags"][known] * slack).all()
    assert (found["two_tags"][known] <= found["two_best"][known] * slack).all()
    assert (found["common_1"] <= found["best_1"] * slack).all() and (found["common_2"] <= found["best_2"] * slack).all()
    assert (found["common_1"] <= found["common_2"] * slack).all()


def test_projectors_are_those_of_the_tag_subspace_and_keep_whole_directions():
    vectors, chosen = randn(4, 7, D_HEAD), randn(4, 7, seed=1) > 0.3
    chosen[0], chosen[1] = False, True
    vectors[2, 1:] = 2 * vectors[2, :1]  # all in one direction
    chosen[2] = True
    found = projector(vectors, chosen)
    basis = tag_subspace(vectors * chosen[..., None])
    assert torch.allclose(found, basis.mT @ basis, atol=1e-9)
    assert dimensions(found).tolist()[:3] == [0, D_HEAD, 1]
    assert torch.allclose(found @ found, found, atol=1e-9)


def test_random_directions_keep_their_share_on_average_and_no_more():
    maps = random_projector(torch.tensor([3]).expand(400), 7, torch.Generator().manual_seed(0))
    assert dimensions(maps).tolist() == [3] * 400 and torch.allclose(maps @ maps, maps, atol=1e-9)
    kept = kept_share(randn(1, 11, 7).expand(400, -1, -1), maps)
    assert kept.mean().item() == pytest.approx(3 / 7, abs=5 * kept.std().item() / 20)


def test_best_directions_of_nothing_are_nothing_and_of_all_are_all():
    written = randn(3, 7, 5)
    assert best_share(written, torch.tensor([0, 5, 2]))[:2].tolist() == pytest.approx([0, 1], abs=1e-12)


def test_common_directions_are_those_of_all_windows_together():
    written = randn(3, 7, 5)
    _, _, directions = torch.linalg.svd(written.flatten(0, 1))
    expected = directions[:2].mT @ directions[:2]
    assert torch.allclose(common_projector(written, 2)[0], expected, atol=1e-9)


def test_the_strongest_of_the_chosen():
    received, chosen = randn(5, 11), randn(5, 11, seed=1) > 0.5
    for count in (0, 1, 2, 11):
        found = strongest(received, chosen, count)
        for b in range(5):
            best = sorted(chosen[b].nonzero()[:, 0].tolist(), key=lambda j: -received[b, j])[:count]
            assert found[b].nonzero()[:, 0].tolist() == sorted(best)


def test_a_head_that_writes_the_same_to_all_has_nothing_centered():
    assert centered(torch.ones(1, 3, 2).double() / 3).abs().max() == 0
    assert centered(randn(2, 5, 3)).mean(-2).abs().max() < 1e-12


def planted(strength):
    """One token receives as much as asked for from all later ones; the rest is even."""
    weights = torch.zeros(1, 1, TOKENS, TOKENS).double()
    for i in range(TOKENS):
        weights[..., i, : i + 1] = (1 - strength) / (i + 1)
        weights[..., i, 0] += strength
    values = randn(1, 1, TOKENS, D_HEAD)
    output = randn(1, D_HEAD, D_MODEL, seed=1)
    return AttentionRecord(0, randn(1, TOKENS, D_MODEL), weights.log(), weights, values, output)


def test_a_planted_sink_explains_and_other_tokens_do_not():
    parts = head_parts(planted(0.95), 0)
    found = shares_of(parts)
    assert parts.sinks.sum() == 1 and found["one_tag"] > 0.95 and found["explained_others"] < 0.8
    tagged, untagged = caught(parts)
    assert tagged.sum() == TOKENS - 1 and not untagged.any()


def test_negative_control_even_attention_has_no_lasting_sink_late_and_catches_nobody():
    parts = head_parts(planted(0.0), 0)
    assert parts.lasting[0, 1:].sum() == 0
    assert not caught(parts._replace(sinks=torch.zeros_like(parts.sinks)))[0].any()


def test_who_is_caught_by_a_loop():
    record = drawn(3, scale=5.0)
    parts = head_parts(record, 1)
    tagged, untagged = caught(parts)
    assert tagged.any() and untagged.any()
    for b in range(WINDOWS):
        sinks = parts.sinks[b].nonzero()[:, 0].tolist()
        for i in range(TOKENS):
            given = [record.weights[b, 1, i, j].item() for j in sinks if j < i]
            seen = bool(given) and i not in sinks
            assert tagged[b, i].item() == (seen and max(given) > 0.5)
            assert untagged[b, i].item() == (seen and max(given) < 0.1)


def test_rows_of_relu_attention_are_divided_before_sinks_are_looked_for():
    record = drawn(relu=True)
    record.weights[0, 0, 4] = 0  # an empty row
    parts = head_parts(record, 0)
    assert set(parts.shares.sum(-1).flatten().round(decimals=9).tolist()) == {0.0, 1.0}
    less = head_parts(record._replace(weights=record.weights / 100), 0)
    assert (less.sinks == parts.sinks).all() and torch.allclose(100 * less.written, parts.written)
