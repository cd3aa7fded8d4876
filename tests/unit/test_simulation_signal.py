"""Scores of the last query: a plain loop with dense weights, and the exact law of what is counted."""

import dataclasses
import itertools
import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from attention_atlas.simulation import signal as module
from attention_atlas.simulation.running import Stream
from attention_atlas.simulation.signal import SHOWN, Signal, SignalSums
from attention_atlas.tasks.random_walk import walks
from attention_atlas.theory.localization.exact_law import exact
from attention_atlas.theory.localization.propagation import moments
from attention_atlas.theory.localization.spectrum import normal_weights, of_weights

SIGNALS = {
    "walk": Signal(5, 7, eta=1.0, deviation=0.5),
    "rotating": Signal(7, 6, eta=-1.0, deviation=0.3, rotation=0.5),
    "forgetful": Signal(5, 7, eta=2.0, deviation=0.5, shape="spike", persistence=0.6, increment=0.2),
    "independent": Signal(3, 11, eta=2.0, deviation=0.5, shape="two-point", persistence=0.0),
}
each = pytest.mark.parametrize("signal", SIGNALS.values(), ids=SIGNALS)


def stream(seed=0):
    randomness = Stream()
    randomness.manual_seed(seed)
    return randomness


def drawn(signal, number, seed=0):
    sums = SignalSums(signal, stream(seed))
    sums.draw(number)
    return sums


def test_equal_scores_are_uniform_and_pass_every_signal():
    sums = SignalSums(SIGNALS["walk"], stream())
    sums.add(torch.full((3, 5), 7.0, dtype=torch.float64))
    found = {name: sums.mean_and_error(name)[0].tolist() for name in sums.sums}
    assert found["propagates"] == found["weight"] == pytest.approx([1] * 5)
    assert found["sensitivity"] == pytest.approx([1] * 5) and found["entropy"] == pytest.approx(1)
    assert found["score"] == found["square"] == [0] * 5 and sums.sequences == 3


@each
def test_against_a_plain_loop_over_sequences_and_keys(signal):
    number, tokens = 11, signal.tokens
    x = walks(number, tokens, signal.d_model, stream(), signal.persistence, signal.increment)
    w = normal_weights(signal.eigenvalues)
    values = {name: torch.zeros(number, tokens, dtype=torch.float64) for name in SignalSums.NAMES}
    entropies = []
    for s in range(number):
        scores = [(x[s, i] @ w @ x[s, -1]).item() / math.sqrt(signal.d_model) for i in range(tokens)]
        z = [score - sum(scores) / tokens for score in scores]
        shares = [math.exp(score) / sum(map(math.exp, z)) for score in z]
        entropies.append(-sum(share * math.log(share) for share in shares) / math.log(tokens))
        for i in range(tokens):
            values["propagates"][s, i] = -1 < z[i] < tokens - 1
            values["score"][s, i], values["square"][s, i] = z[i], z[i] ** 2
            values["weight"][s, i] = tokens * shares[i]
            values["sensitivity"][s, i] = tokens * shares[i] * (1 - shares[i]) / (1 - 1 / tokens)
    sums = drawn(signal, number)
    for name, expected in values.items():
        mean, error = sums.mean_and_error(name)
        torch.testing.assert_close(mean, expected.mean(0), rtol=1e-10, atol=1e-12)
        torch.testing.assert_close(error, expected.std(0) / number**0.5, rtol=1e-6, atol=1e-7)
    assert sums.mean_and_error("entropy")[0].item() == pytest.approx(sum(entropies) / number, rel=1e-10)


@each
def test_the_spectrum_is_that_of_dense_weights(signal):
    dense = of_weights(normal_weights(signal.eigenvalues, torch.Generator().manual_seed(1)))
    for name in ("eta", "xi", "frobenius"):
        assert getattr(signal.spectrum, name) == pytest.approx(getattr(dense, name), abs=1e-12)


def farthest(signal, found, number):
    """Mean and variance of scores and the exact law of what propagates, in standard errors of the simulation."""
    mean, variance = moments(signal.forms, signal.spectrum)
    law = exact(signal.forms, signal.eigenvalues)
    (score, error), (square, of_square) = found.mean_and_error("score"), found.mean_and_error("square")
    share = found.mean_and_error("propagates")[0]
    of_share = (law * (1 - law) / number).sqrt() + 1e-9
    distances = [
        (score - mean).abs() / error,
        (square - variance - mean.square()).abs() / of_square,
        (share - law).abs() / of_share,
    ]
    return max(distance.max().item() for distance in distances)


@pytest.mark.parametrize(
    "signal",
    [
        Signal(5, 23, eta=1.0, deviation=0.5),
        Signal(7, 22, eta=-1.0, deviation=0.3, rotation=0.5),
        Signal(5, 23, eta=2.0, deviation=1.0, persistence=0.6, increment=0.5),
    ],
    ids=["walk", "rotating", "forgetful"],
)
def test_simulation_meets_the_exact_law(signal):
    found = drawn(signal, 20_000, seed=3)
    assert farthest(signal, found, 20_000) < 4.5
    control = dataclasses.replace(signal, eta=signal.eta + 0.3)  # negative control, by the same test
    assert farthest(control, found, 20_000) > 4.5


@given(tokens=st.integers(2, 4096))
def test_keys_are_different_and_reach_from_the_first_to_the_last(tokens):
    keys = Signal(tokens, 2, eta=0.0, deviation=1.0).keys
    assert keys[0] == 1 and keys[-1] == tokens and len(keys) == min(tokens, SHOWN)
    assert all(later > earlier for earlier, later in itertools.pairwise(keys))


def test_kept_keys_are_those_of_the_whole_sequence(monkeypatch):
    signal = Signal(13, 7, eta=1.0, deviation=0.5)
    whole = drawn(signal, 7)
    monkeypatch.setattr(module, "SHOWN", 5)
    some = drawn(signal, 7)
    assert signal.keys == [1, 4, 7, 10, 13]
    for name in SignalSums.NAMES:
        assert some.sums[name].equal(whole.sums[name][:, ::3])
    assert some.sums["entropy"].equal(whole.sums["entropy"])


@pytest.mark.parametrize("cuts", [(1, 22), (7, 7, 9), (1,) * 23])
@each
def test_the_chunk_changes_rounding_only(signal, cuts):
    whole, parts = drawn(signal, 23), SignalSums(signal, stream())
    for number in cuts:
        parts.draw(number)
    assert parts.sequences == 23
    for name in whole.sums:
        torch.testing.assert_close(parts.sums[name], whole.sums[name], rtol=1e-10, atol=1e-10)
    assert not drawn(signal, 23, seed=1).sums["score"].allclose(whole.sums["score"])  # negative control


def test_chunks_fit_into_memory(monkeypatch):
    monkeypatch.setattr(module, "NUMBERS", 100)
    assert SIGNALS["walk"].chunk == 2 and Signal(11, 13, eta=0.0, deviation=1.0).chunk == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"tokens": 1}, "a sequence needs at least 2 tokens, got 1"),
        ({"d_model": 1}, "d_model must be at least 2, and even with a rotation, got 1"),
        ({"rotation": 0.5}, "d_model must be at least 2, and even with a rotation, got 7"),
        ({"deviation": -0.5}, "deviation and rotation must be at least 0, got -0.5 and 0.0"),
        ({"eta": math.inf}, None),
        ({"shape": "cauchy"}, "unknown shape 'cauchy'; allowed: gaussian, two-point, spike"),
        ({"persistence": 1.5}, "persistence must be in [0, 1], got 1.5"),
        ({"increment": 0.0}, "the variance of an increment must be above 0, got 0.0"),
    ],
)
def test_refused_in_one_line_that_says_what_was_got(change, message):
    with pytest.raises(ValueError) as refusal:
        dataclasses.replace(SIGNALS["walk"], **change)
    if message is None:
        assert str(refusal.value).startswith("a spectrum needs finite numbers, got inf")
    else:
        assert str(refusal.value) == message
