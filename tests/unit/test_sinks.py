"""The three sink conventions: the uniform baseline, a case by hand, the plain loop, where they agree and where not."""

import inspect

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from attention_atlas.attention import attention_weights, check_weights
from attention_atlas.masks import causal, dense, none, prefix, sliding_window
from attention_atlas.sinks import attention_received, sink_share_gu2025, sink_share_wu2025, sinks_zhang2025


def randn(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def uniform(mask, tokens):
    return attention_weights(torch.zeros(tokens, tokens, dtype=torch.float64), dense(mask, tokens))


@pytest.mark.parametrize(
    ("mask", "printed"),
    [
        pytest.param(causal, [0.202], id="causal"),
        pytest.param(sliding_window(5), [0.457, 0.297, 0.237, 0.210, 0.200, 0.200], id="window 5"),
        pytest.param(sliding_window(9), [0.314, 0.216, 0.172], id="window 9"),
        pytest.param(sliding_window(13), [0.245, 0.174], id="window 13"),
        pytest.param(prefix(2), [0.173, 0.173], id="prefix 2"),
    ],
)
def test_uniform_attention_over_17_tokens_sits_on_the_threshold_of_the_papers(mask, printed):
    received = attention_received(uniform(mask, 17), dense(mask, 17))
    assert received[: len(printed)].tolist() == pytest.approx(printed, abs=5e-4)


def test_the_uniform_baseline_of_the_first_token_is_a_harmonic_number():
    harmonic = sum(1 / i for i in range(1, 18)) / 17
    assert attention_received(uniform(causal, 17), dense(causal, 17))[0].item() == pytest.approx(harmonic, abs=1e-15)
    # So without any learning the first token is a sink in every map at 0.2, and in none at 0.21.
    maps = uniform(causal, 17).expand(2, 3, 17, 17)
    assert sink_share_gu2025(maps, dense(causal, 17), threshold=0.2)[0] == 1
    assert sink_share_gu2025(maps, dense(causal, 17), threshold=0.21)[0] == 0


def test_the_three_conventions_differ_on_one_map_worked_out_by_hand():
    """A window of 2 over 7 tokens: each token keeps .9 for itself and gives .1 to the one before; the first has itself.

    Token 1 (1-based) is seen by 2 queries, which give it 1 and .1, and is followed or equalled by 7.
    """
    mask = dense(sliding_window(2), 7)
    weights = (0.9 * torch.eye(7) + 0.1 * torch.eye(7).roll(-1, 1)).tril()
    weights[0] = torch.eye(7)[0]
    weights = weights.expand(1, 1, 7, 7)
    assert weights.sum(-1).flatten().tolist() == pytest.approx([1] * 7)
    assert sink_share_gu2025(weights, mask)[0] == 1  # (1 + .1) / 2 = .55 > .2
    assert sink_share_wu2025(weights, mask)[0] == 0.5  # one of two entries above .2
    assert not sinks_zhang2025(weights, mask)[0, 0, 0]  # (1 + .1) / 7 = .157 < .2


def test_the_conventions_equal_the_plain_loop():
    for mask in (causal, sliding_window(3), prefix(3), none):
        allowed = dense(mask, 7)
        weights = attention_weights(3 * randn(2, 3, 7, 7), allowed)
        for j in range(7):
            seen = [i for i in range(7) if allowed[i, j]]
            columns = weights[..., j].flatten(0, 1).tolist()
            gu = sum(sum(c[i] for i in seen) / len(seen) > 0.2 for c in columns) / 6
            wu = sum(sum(c[i] > 0.2 for i in seen) / len(seen) for c in columns) / 6
            zhang = [sum(c[j:]) / (7 - j) > 0.2 for c in columns]
            assert sink_share_gu2025(weights, allowed)[j].item() == pytest.approx(gu, abs=1e-14)
            assert sink_share_wu2025(weights, allowed)[j].item() == pytest.approx(wu, abs=1e-14)
            assert sinks_zhang2025(weights, allowed)[..., j].flatten().tolist() == zhang


@given(seed=st.integers(0, 2**31), threshold=st.floats(0, 0.9))
def test_under_a_causal_mask_zhang_averaged_over_maps_is_gu(seed, threshold):
    mask = dense(causal, 7)
    weights = attention_weights(2 * randn(3, 2, 7, 7, seed=seed), mask)
    zhang = sinks_zhang2025(weights, mask, threshold).double().mean((0, 1))
    assert torch.allclose(sink_share_gu2025(weights, mask, threshold), zhang, rtol=0, atol=1e-15)


def test_negative_control_under_a_prefix_zhang_is_not_gu():
    mask = dense(prefix(5), 7)
    weights = attention_weights(3 * randn(5, 3, 7, 7), mask)
    gu, zhang = sink_share_gu2025(weights, mask), sinks_zhang2025(weights, mask).double().mean((0, 1))
    assert (gu - zhang).abs().max() > 0.1


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: attention_received(uniform(none, 3), dense(causal, 3)), "0 where the mask is False"),
        (lambda: attention_received(torch.zeros(3, 3), torch.eye(3).roll(1, 1).tril().bool()), "key 1 is seen by no"),
        (
            lambda: inspect.unwrap(check_weights)(torch.zeros(2, 3, 5), dense(none, 5)),
            r"\(3, 5\), got \(5, 5\)",
        ),
        *[
            (lambda f=f, t=t: f(uniform(causal, 3)[None, None], dense(causal, 3), t), rf"\[0, 1\), got {t}")
            for f in (sink_share_gu2025, sink_share_wu2025, sinks_zhang2025)
            for t in (-0.1, 1.0)
        ],
        (lambda: sinks_zhang2025(torch.ones(1, 1, 3, 2) / 2, torch.ones(3, 2).bool()), "square maps, got 3 x 2"),
    ],
)
def test_impossible_input_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
