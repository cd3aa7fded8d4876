"""Probes beside another solver, their error beside the bootstrap, and features that know nothing."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from attention_atlas.decoders.linear_probe import PENALTY, balanced_accuracy, fit, probe, says


def drawn(windows=37, tokens=11, features=5, signal=1.0, seed=0):
    generator = torch.Generator().manual_seed(seed)
    labels = torch.rand(windows, tokens, generator=generator) < 0.3
    noise = torch.randn(windows, tokens, features, generator=generator, dtype=torch.float64)
    noise[..., 0] += signal * labels
    return noise, labels


@pytest.mark.parametrize(("labels", "kept"), [([0, 1], [0, 1]), ([1, 0], [1, 0])])
def test_one_feature_that_is_the_label_is_read(labels, kept):
    truth = torch.tensor(labels).bool()
    found = says(fit(truth[:, None].double(), truth), torch.tensor(kept)[:, None].double())
    assert found.tolist() == [bool(x) for x in kept]


def test_weights_are_the_minimum_that_another_solver_finds():
    features, labels = drawn()
    x, truth = features.flatten(0, 1), labels.flatten()
    x[:, 2] = 100 * x[:, 2] - 7  # another scale and another mean change nothing
    count, ones = len(truth), int(truth.sum())
    weight = np.array([0.5 / ones if t else 0.5 / (count - ones) for t in truth])
    mean = weight @ x.numpy()
    deviation = np.sqrt(weight @ (x.numpy() - mean) ** 2)
    rows = np.vstack([np.sqrt(weight)[:, None] * (x.numpy() - mean) / deviation, math.sqrt(PENALTY) * np.eye(5)])
    target = np.concatenate([np.sqrt(weight) * (2.0 * truth.numpy() - 1), np.zeros(5)])
    expected = np.linalg.lstsq(rows, target, rcond=None)[0] / deviation
    found = fit(x, truth)
    assert found[:-1].tolist() == pytest.approx(expected.tolist(), rel=1e-9)
    assert found[-1].item() == pytest.approx(-(mean @ expected), rel=1e-9)


def test_both_classes_count_the_same_however_rare_one_is():
    features, labels = drawn(windows=400, signal=2.0)
    x, truth = features.flatten(0, 1), labels.flatten()
    again = torch.cat([x, x[~truth], x[~truth]]), torch.cat([truth, truth[~truth], truth[~truth]])
    assert fit(*again).tolist() == pytest.approx(fit(x, truth).tolist(), rel=1e-9)


def test_a_constant_feature_is_ignored():
    features, labels = drawn()
    x, truth = features.flatten(0, 1), labels.flatten()
    x[:, 3] = 5.0
    found, without = fit(x, truth), fit(x[:, [0, 1, 2, 4]], truth)
    assert found[3] == 0 and found[[0, 1, 2, 4, 5]].tolist() == pytest.approx(without.tolist(), rel=1e-9)


def test_balanced_accuracy_by_a_loop():
    features, labels = drawn()
    said = features[..., 0] > 0.5
    pairs = list(zip(said.flatten().tolist(), labels.flatten().tolist(), strict=True))
    shares = [sum(s == t for s, t in pairs if t == kind) / sum(t == kind for _, t in pairs) for kind in (True, False)]
    assert balanced_accuracy(said, labels).value == pytest.approx(sum(shares) / 2, abs=1e-12)


@given(constant=st.booleans(), seed=st.integers(0, 99))
def test_saying_always_the_same_has_one_half(constant, seed):
    _, labels = drawn(seed=seed)
    said = torch.full_like(labels, constant)
    assert balanced_accuracy(said, labels) == (pytest.approx(0.5, abs=1e-12), pytest.approx(0, abs=1e-12))


def test_the_error_is_that_of_a_bootstrap_over_windows_and_not_over_tokens():
    features, labels = drawn(windows=101)
    said = features[..., 0] > 0.5
    said[::3], said[1::3] = labels[::3], ~labels[1::3]  # windows differ from each other
    source, values = torch.Generator().manual_seed(3), []
    for _ in range(800):
        some = torch.randint(101, (101,), generator=source)
        values.append(balanced_accuracy(said[some], labels[some]).value)
    assert balanced_accuracy(said, labels).standard_error == pytest.approx(np.std(values), rel=0.1)
    alone = balanced_accuracy(said.reshape(-1, 1), labels.reshape(-1, 1)).standard_error  # every token a window
    assert balanced_accuracy(said, labels).standard_error > 1.2 * alone


def test_a_probe_is_tested_on_windows_that_it_has_not_seen():
    features, labels = drawn(windows=20, tokens=3, features=60, signal=0.0)
    half = features[:10].flatten(0, 1), labels[:10].flatten()
    seen = balanced_accuracy(says(fit(*half), features[:10]), labels[:10]).value
    assert seen > 0.95  # more features than examples: what it has seen it knows by heart
    assert abs(probe(features, labels).value - 0.5) < 0.25


def test_signal_is_found_and_noise_is_not():
    found = probe(*drawn(windows=201, signal=3.0))
    assert found.value > 0.9 and found.standard_error < 0.02
    for seed in range(3):
        noise = probe(*drawn(windows=201, signal=0.0, seed=seed))
        assert abs(noise.value - 0.5) < 5 * noise.standard_error


def test_negative_control_labels_of_other_windows_are_not_read():
    features, labels = drawn(windows=201, signal=3.0)
    other = probe(features, labels.roll(50, 0))
    assert abs(other.value - 0.5) < 5 * other.standard_error


def test_one_class_or_one_window_is_refused_in_one_line():
    features, labels = drawn()
    with pytest.raises(ValueError) as refusal:
        fit(features.flatten(0, 1), torch.zeros(407).bool())
    assert str(refusal.value) == "a probe needs examples of both classes, got 0 of 407 True"
    with pytest.raises(ValueError) as refusal:
        balanced_accuracy(labels, torch.ones_like(labels))
    assert str(refusal.value) == "balanced accuracy needs both classes, got one"
    with pytest.raises(ValueError) as refusal:
        probe(features[:1], labels[:1])
    assert str(refusal.value) == "a probe is fitted on some windows and tested on others, got 1"
