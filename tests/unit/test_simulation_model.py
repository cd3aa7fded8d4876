"""What a stack without weights may be: impossible values are refused in one line; scales as the definition has them."""

import math

import pytest
import torch

from attention_atlas.simulation.chunk import attention, recency
from attention_atlas.simulation.direct import DirectSimulator
from attention_atlas.simulation.gram import GramSimulator
from attention_atlas.simulation.model import Model
from attention_atlas.simulation.moments import Moments
from attention_atlas.simulation.stream import simulate

MODEL = Model(d_model=13, alpha=0.5, layers=2, tokens=5)


@pytest.mark.parametrize(
    ("call", "got"),
    [
        pytest.param(lambda: Model(13, -0.1), r"in \[0, 1\), got -0.1", id="alpha < 0"),
        pytest.param(lambda: Model(13, 1.0), r"in \[0, 1\), got 1.0", id="alpha = 1"),
        pytest.param(lambda: Model(13, math.nan), r"in \[0, 1\), got nan", id="alpha not a number"),
        pytest.param(lambda: Model(13, 0.5, tokens=2), "at least 3 tokens, got 2", id="S < 3"),
        pytest.param(lambda: Model(13, 0.5, layers=0), "at least 1, got 0", id="no layer"),
        pytest.param(lambda: Model(0, 0.5, "none"), "at least 1 .* none, got 0", id="no dimension"),
        pytest.param(lambda: Model(1, 0.5), "at least 2 .* layernorm, got 1", id="centering leaves nothing"),
        pytest.param(
            lambda: Model(13, 0.5, "batchnorm"),
            "'batchnorm'; allowed: none, layernorm, rmsnorm, l2",
            id="norm",
        ),
        pytest.param(
            lambda: Model(13, 0.5, residual="gated"), "'gated'; allowed: none, raw, normalized", id="residual"
        ),
        pytest.param(lambda: Model(13, 0.5, "none", "normalized"), "got none; allowed: residual none", id="N(x)"),
        pytest.param(lambda: Model(13, 0.5, rope=True), "even d_model, got 13", id="odd d with RoPE"),
        pytest.param(lambda: GramSimulator(Model(14, 0.5, rope=True), 0), "allowed: direct", id="RoPE asked of Gram"),
        pytest.param(lambda: GramSimulator(Model(4, 0.5, tokens=5), 0), "at least 5, .*, got 4", id="d < S"),
        pytest.param(lambda: simulate(MODEL, 5, simulator="wishart"), "'wishart'; allowed: gram", id="simulator"),
        pytest.param(lambda: simulate(MODEL, 1), "at least 2 sequences, got 1", id="one sequence has no error"),
        pytest.param(lambda: simulate(MODEL, 5, chunk=0), "at least 1 sequence, got 0", id="chunk < 1"),
        pytest.param(lambda: simulate(MODEL, 5, map_layers=[1, 3]), r"layers 1\.\.2, got 3", id="layer too deep"),
        pytest.param(lambda: Moments(5, 2, True, [0]), r"layers 1\.\.2, got 0", id="layers count from 1"),
    ],
)
def test_refused_in_one_line_that_says_what_was_got(call, got):
    with pytest.raises(ValueError, match=got) as refusal:
        call()
    assert "\n" not in str(refusal.value)


def test_the_narrowest_models_are_not_refused():
    for model in (Model(1, 0.0, "none", tokens=3, layers=1), Model(2, 0.999, tokens=3), Model(14, 0.5, rope=True)):
        DirectSimulator(model, 0)
    GramSimulator(Model(5, 0.5, tokens=5), 0)


@pytest.mark.parametrize(
    ("normalization", "length", "scale"),
    [("none", None, 1 / 7), ("layernorm", 7.0, 7.0), ("rmsnorm", 7.0, 7.0), ("l2", 1.0, 1.0)],
)
def test_scales_are_those_of_the_definition(normalization, length, scale):
    model = Model(49, 0.2, normalization)
    assert model.scale == pytest.approx(scale, abs=1e-15)
    assert model.offset == (0.0 if normalization == "none" else model.scale)
    assert length is None or model.length == length
    assert model.shared == pytest.approx(0.5, abs=1e-15)


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        pytest.param([0.0, 1.0, 2.0, 3.0, 4.0], 1.0, id="scores that rise with the key are pure recency"),
        pytest.param([4.0, 3.0, 2.0, 1.0, 0.0], 0.0, id="scores that fall with the key prefer early tokens"),
        pytest.param([1.0, 1.0, 1.0, 1.0, 1.0], 0.0, id="a tie is not higher"),
    ],
)
def test_dumb_cases_of_recency(row, expected):
    scores = torch.tensor(row).double().expand(5, 5)[:, :, None].expand(5, 5, 3)
    assert recency(scores).tolist() == [expected] * 3


@pytest.mark.parametrize("causal", [True, False])
def test_attention_is_the_softmax_along_keys_whatever_is_taken_off(causal):
    gaps = torch.randn(5, 5, 7, generator=torch.Generator().manual_seed(0)).double() - 5
    seen = torch.ones(5, 5, dtype=torch.bool).tril(0 if causal else 5)
    plain = gaps.masked_fill(~seen[:, :, None], -torch.inf).softmax(1)
    for bounded in (True, False):
        torch.testing.assert_close(attention(gaps, causal, bounded), plain, rtol=0, atol=1e-15)
    assert not torch.allclose(attention(gaps, not causal, True), plain, atol=1e-3)  # negative control


def test_huge_scores_that_are_not_bounded_do_not_overflow():
    weights = attention(torch.tensor([[0.0, 0.0], [2000.0, 1000.0]])[:, :, None], causal=True, bounded=False)
    assert weights[:, :, 0].tolist() == [[1, 0], [1, 0]]
