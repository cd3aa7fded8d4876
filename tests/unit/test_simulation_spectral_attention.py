"""Attention of a given spectrum against dense weights, residuals against tokens, splits against all maps at once."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from attention_atlas.attention import attention_weights, logits
from attention_atlas.masks import causal, dense, none
from attention_atlas.metrics import normalised_entropy, rank_residual
from attention_atlas.simulation import spectral_attention
from attention_atlas.simulation.spectral_attention import (
    Concentration,
    Measured,
    SpectralScores,
    fold_chunks,
    mean_and_error,
)
from attention_atlas.tasks.random_walk import walks
from attention_atlas.theory.localization.collapse import split
from attention_atlas.theory.localization.spectrum import eigenvalues, normal_weights, orthonormal

MASKS = pytest.mark.parametrize("mask", [none, causal], ids=["none", "causal"])


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def maps(number, seed, mask, eta=5.0, deviation=4.0, tokens=7, d_model=13):
    x = walks(number, tokens, d_model, generator(seed), increment=1 / tokens)
    return SpectralScores(x).weights(eta, deviation, dense(mask, tokens))


@MASKS
@pytest.mark.parametrize("shape", ["gaussian", "two-point", "spike"])
@pytest.mark.parametrize(("eta", "deviation"), [(0.0, 0.0), (3.0, 0.0), (0.0, 2.0), (-2.0, 1.5)])
def test_weights_are_those_of_dense_matrices(mask, shape, eta, deviation):
    x = walks(3, 5, 7, generator(), increment=1 / 5)
    w, allowed = normal_weights(eigenvalues(7, eta, deviation, shape=shape)), dense(mask, 5)
    found = SpectralScores(x, shape).weights(eta, deviation, allowed)
    torch.testing.assert_close(found, attention_weights(logits(x @ w, x), allowed), rtol=1e-11, atol=1e-12)
    if deviation:  # negative control: the same eigenvalues in another basis
        basis = orthonormal(7, generator(1))
        rotated = attention_weights(logits(x @ basis @ w @ basis.T, x), allowed)
        assert not torch.allclose(found, rotated, atol=1e-3)


@given(seed=st.integers(0, 2**31), eta=st.floats(-9, 9), deviation=st.floats(0, 9))
@MASKS
def test_the_residual_is_that_of_the_tokens(mask, seed, eta, deviation):
    x = walks(3, 5, 7, generator(seed))
    scores = SpectralScores(x)
    weights = scores.weights(eta, deviation, dense(mask, 5))
    torch.testing.assert_close(scores.residual(weights), rank_residual(weights @ x, x), rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("tokens", [3, 5, 7, 11, 13])
def test_nothing_left_is_a_residual_of_zero_and_never_nan(tokens):
    scores = SpectralScores(walks(53, tokens, 13, generator()))
    found = scores.residual(scores.weights(0.0, 0.0, dense(none, tokens)))
    assert not found.isnan().any() and found.max() < 1e-12
    kept = scores.residual(torch.eye(tokens, dtype=torch.float64).expand(53, -1, -1))
    torch.testing.assert_close(kept, torch.ones_like(kept))


@given(folds=st.integers(2, 9), tokens=st.integers(2, 300))
def test_ten_equal_folds(folds, tokens):
    drawn = list(fold_chunks(10 * folds, tokens))
    ends = [place for place, number in enumerate(drawn) if not number]
    assert len(ends) == 10 and ends[-1] == len(drawn) - 1
    assert [sum(drawn[start:end]) for start, end in zip([0, *ends], ends, strict=False)] == [folds] * 10


@pytest.mark.parametrize("sequences", [0, 10, 19, 25])
def test_what_cannot_be_split_into_folds_is_refused(sequences):
    with pytest.raises(ValueError) as refusal:
        next(fold_chunks(sequences, 7))
    assert str(refusal.value) == f"sequences must be a multiple of 10 from 20 on, got {sequences}"


def test_chunks_fit_into_memory(monkeypatch):
    monkeypatch.setattr(spectral_attention, "ENTRIES", 100)
    assert list(fold_chunks(50, 7)) == [2, 2, 1, 0] * 10
    assert list(fold_chunks(20, 99)) == [1, 1, 0] * 10


@MASKS
def test_concentration_is_the_split_of_all_maps_but_for_a_correction_that_adds_nothing(mask):
    """Corrected or not, both parts and the mean entropy add up to 1."""
    allowed, all_maps = dense(mask, 7), maps(53, 0, mask)
    concentration = Concentration(allowed)
    found = torch.cat([concentration.add(part) for part in all_maps.split(11)])
    torch.testing.assert_close(found, normalised_entropy(all_maps, allowed).nanmean(-1))
    plain, corrected = [part.item() for part in split(all_maps, allowed)], concentration.split()
    assert sum(corrected) == pytest.approx(sum(plain), abs=1e-12)
    assert sum(corrected) + found.mean().item() == pytest.approx(1, abs=1e-12)
    largest, several = allowed.sum(-1).double().log(), allowed.sum(-1) > 1
    mean = all_maps.mean(0)
    missing = torch.where(mean > 0, all_maps.var(0) / 53 / (2 * mean), 0.0).sum(-1)
    of_mean = torch.minimum(torch.special.entr(mean).sum(-1) + missing, largest)  # an entropy, so at most log n
    expected = (1 - of_mean / largest)[several].mean().item()
    assert corrected[0] == pytest.approx(expected, rel=1e-9) and plain[0] - corrected[0] > 1e-3


@MASKS
def test_corrected_splits_of_few_sequences_agree_with_those_of_many(mask):
    """Splits of 50 sequences, 100 times, against 5,000 others: within 4.5 errors, and plain ones far outside."""
    allowed = dense(mask, 13)

    def sharp(seed):
        return maps(5_000, seed, mask, deviation=16.0, tokens=13)

    def corrected(part):
        concentration = Concentration(allowed)
        concentration.add(part)
        return concentration.split()[0]

    def plain(part):
        return split(part, allowed)[0].item()

    def over(size, measure, seed):
        return mean_and_error(torch.tensor([measure(part) for part in sharp(seed).split(size)], dtype=torch.float64))

    many, of_many = corrected(sharp(0)), over(500, plain, 0)[1]
    assert many == pytest.approx(plain(sharp(0)), abs=4.5 * of_many)  # of so many the correction is small
    (found, error), (uncorrected, _) = over(50, corrected, 1), over(50, plain, 1)
    bound = 4.5 * math.hypot(error, of_many)
    assert abs(found - many) < bound < uncorrected - many  # the second: negative control


def test_measured_numbers_are_those_of_all_sequences_with_errors_of_ten_folds():
    allowed, all_maps = dense(causal, 7), maps(50, 0, causal)
    measured, whole = Measured(allowed), Concentration(allowed)
    entropies = whole.add(all_maps)
    parts = []
    for fold in all_maps.split(5):
        concentration = Concentration(allowed)
        concentration.add(fold)
        parts.append(concentration.split())
        for chunk in fold.split(2):
            measured.add(chunk, other=chunk[:, -1, 0])
        measured.close_fold()
    numbers = measured.numbers()
    assert set(numbers) == {"entropy", "other", "by_position", "by_content"}
    assert numbers["entropy"] == pytest.approx(mean_and_error(entropies))
    assert numbers["other"] == pytest.approx(mean_and_error(all_maps[:, -1, 0]))
    for place, name in enumerate(("by_position", "by_content")):
        errors = torch.tensor([part[place] for part in parts], dtype=torch.float64).std().item() / math.sqrt(10)
        assert numbers[name] == pytest.approx((whole.split()[place], errors))
