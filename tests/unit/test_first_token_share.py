"""The share of the first token is the softmax with one score raised, and odds are found from their mean."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from attention_atlas.attention import attention_weights
from attention_atlas.decoders.first_token_share import odds_of, of_uniform_attention, shares


@given(score=st.floats(-4, 6), tokens=st.integers(2, 23))
def test_shares_are_those_of_a_softmax_with_one_score_raised(score, tokens):
    scores = torch.zeros(tokens, tokens, dtype=torch.float64)
    scores[:, 0] = score
    weights = attention_weights(scores, torch.ones(tokens, tokens).tril().bool())
    torch.testing.assert_close(shares(math.exp(score), tokens), weights[:, 0])


@given(odds=st.floats(0.2, 1e4), tokens=st.integers(2, 200))
def test_shares_fall_so_they_tell_the_place_and_their_mean_tells_the_odds(odds, tokens):
    given_to_first = shares(odds, tokens)
    assert given_to_first[0] == 1 and (given_to_first.diff() < 0).all()
    assert odds_of(given_to_first.mean().item(), tokens) == pytest.approx(odds, rel=1e-5)


def test_odds_of_uniform_attention_are_one():
    assert odds_of(of_uniform_attention(128)["received_first"], 128) == pytest.approx(1, rel=1e-5)


def test_uniform_attention_by_loops():
    tokens = 7
    received = [sum(1 / (query + 1) for query in range(key, tokens)) / (tokens - key) for key in range(tokens)]
    entries = [1 / (query + 1) for query in range(tokens) for _ in range(query + 1)]
    found = of_uniform_attention(tokens)
    assert found["received_first"] == pytest.approx(received[0])
    assert sum(value > 0.2 for value in received) > sum(value > 0.3 for value in received) > 0
    assert found["sinks"] == sum(value > 0.2 for value in received)
    assert found["sinks_gu"] == sum(value > 0.3 for value in received)
    assert found["entries_wu"] == pytest.approx(sum(value > 0.2 for value in entries) / len(entries))


@pytest.mark.parametrize("odds, tokens", [(0.0, 4), (-1.0, 4), (1.0, 0)])
def test_odds_and_tokens_must_be_positive(odds, tokens):
    with pytest.raises(ValueError, match="odds and tokens must be positive, got"):
        shares(odds, tokens)


@pytest.mark.parametrize("received, tokens", [(0.25, 4), (1.0, 4), (0.5, 1), (float("nan"), 4)])
def test_a_mean_that_no_odds_give_is_refused(received, tokens):
    with pytest.raises(ValueError, match="received must lie between 1/tokens and 1"):
        odds_of(received, tokens)
