"""Both constructions: dumb cases, plain loops over explicit matrices, properties, what breaks them."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from attention_atlas.models.averager import forward
from attention_atlas.tasks.averaging import Averaging, draw, placed
from attention_atlas.theory.catch_tag_release.construction import (
    TAG,
    catch_tag_release,
    outlier_retrieval,
    outlier_tag,
    outlier_tags,
    retrieval,
    tags,
    without_tag,
)

CASE = dict(tokens=st.integers(2, 13), share=st.floats(0, 1), seed=st.integers(0, 2**31))


def number(value):
    return torch.tensor(value, dtype=torch.float64)


def sequences(tokens, share, seed, count=3):
    """Several sequences with [SEP] at the same place."""
    generator = torch.Generator().manual_seed(seed)
    numbers = torch.rand(count, tokens - 1, generator=generator, dtype=torch.float64)
    return placed(numbers, torch.full((count,), round(share * (tokens - 2))))


def answer(model, batch):
    return forward(*model, batch.features[None]).output[0, :, -1]


def softmax(logits):
    largest = max(logits)
    powers = [math.exp(logit - largest) for logit in logits]
    return [power / sum(powers) for power in powers]


def in_loops(features, beta, gamma):
    """The four coordinates of the paper file, token by token: number, constant, [SEP], tag."""
    stream = [[x, one, sep, 0.0] for x, one, sep in features]
    tagged = []
    for i, token in enumerate(stream):
        weights = softmax([beta * token[1] * other[2] for other in stream[: i + 1]])
        tagged.append([*token[:3], sum(w * other[2] for w, other in zip(weights, stream, strict=False))])
    weights = softmax([gamma * tagged[-1][1] * (other[3] - 2 * other[2]) for other in tagged])
    return sum(w * other[0] for w, other in zip(weights, tagged, strict=True)), weights


def outlier_in_loops(features, beta, gamma, s, v):
    """Number and tag only."""
    stream = [(x, s if sep else -1.0) for x, _, sep in features]
    tagged = []
    for i, (x, tag) in enumerate(stream):
        weights = softmax([-beta * tag * other for _, other in stream[: i + 1]])
        tagged.append((x, tag + v * sum(w * other for w, (_, other) in zip(weights, stream, strict=False))))
    weights = softmax([gamma * tagged[-1][1] * tag for _, tag in tagged])
    return sum(w * x for w, (x, _) in zip(weights, tagged, strict=True)), weights


def test_one_number_after_the_separator_is_given_back():
    batch = placed(number([[7.0, -5.0, 3.0]]), torch.tensor([2]))
    assert answer(catch_tag_release(40, 20), batch).item() == pytest.approx(3, abs=1e-7)
    assert answer(outlier_tag(), batch).item() == 3


def test_without_release_all_tokens_are_averaged_and_the_separator_is_a_zero():
    batch = placed(number([[7.0, -5.0, 3.0]]), torch.tensor([2]))
    assert answer(catch_tag_release(40, 0), batch).item() == pytest.approx(5 / 4)


@pytest.mark.parametrize(("beta", "gamma"), [(40.0, 20.0), (3.0, 2.0), (0.0, 5.0), (-1.0, 0.5)])
@pytest.mark.parametrize("place", [0, 2, 5])
def test_the_construction_is_the_plain_loop(beta, gamma, place):
    batch = sequences(7, place / 5, seed=0, count=1)
    expected, weights = in_loops(batch.features[0].tolist(), beta, gamma)
    found = forward(*catch_tag_release(beta, gamma), batch.features[None])
    assert found.output[0, 0, -1].item() == pytest.approx(expected, rel=1e-12)
    assert found.weights[1][0, 0, 0, -1].tolist() == pytest.approx(weights, rel=1e-9, abs=1e-300)


@pytest.mark.parametrize("setting", [(20.0, 3.0, 3.0, 2.0), (1.0, 0.3, 1.5, 1.2), (0.5, 0.2, 0.7, 0.4)])
@pytest.mark.parametrize("place", [0, 2, 5])
def test_the_variant_is_the_plain_loop(setting, place):
    batch = sequences(7, place / 5, seed=0, count=1)
    expected, weights = outlier_in_loops(batch.features[0].tolist(), *setting)
    found = forward(*outlier_tag(*setting), batch.features[None])
    assert found.output[0, 0, -1].item() == pytest.approx(expected, rel=1e-12)
    assert found.weights[1][0, 0, 0, -1].tolist() == pytest.approx(weights, rel=1e-9, abs=1e-300)


@pytest.mark.parametrize("model", [catch_tag_release(40, 20), outlier_tag()], ids=["construction", "variant"])
def test_all_four_products_have_rank_one(model):
    _, parameters = model
    for left, right in (("query", "key"), ("value", "output")):
        first, second = parameters[left][0, :, 0], parameters[right][0, :, 0]
        product = first @ (second.mT if right == "key" else second)
        assert torch.linalg.matrix_rank(product).tolist() == [1, 1]


@given(**CASE, beta=st.floats(-5, 60), gamma=st.floats(0, 30))
def test_tags_and_weights_have_their_closed_form(tokens, share, seed, beta, gamma):
    batch = sequences(tokens, share, seed)
    found = forward(*catch_tag_release(beta, gamma), batch.features[None])
    tagged = tags(tokens, batch.separator, number([beta] * 3))
    assert torch.allclose(found.streams[1][0, ..., TAG], tagged, rtol=1e-12, atol=1e-300)
    weights = retrieval(tagged, batch.separator, number([gamma] * 3))
    assert torch.allclose(found.weights[1][0, :, 0, -1], weights, rtol=1e-9, atol=0)


@given(**CASE, beta=st.floats(0.01, 20), gamma=st.floats(0, 2), s=st.floats(0, 5), v=st.floats(0, 4))
def test_the_variant_has_its_closed_form(tokens, share, seed, beta, gamma, s, v):
    batch = sequences(tokens, share, seed)
    found = forward(*outlier_tag(beta, gamma, s, v), batch.features[None])
    tagged = outlier_tags(tokens, batch.separator, beta, s, v)
    assert torch.allclose(found.streams[1][0, ..., 1], tagged, rtol=1e-10, atol=1e-12)
    assert torch.allclose(found.weights[1][0, :, 0, -1], outlier_retrieval(tagged, gamma), rtol=1e-8, atol=1e-12)


@given(tokens=st.integers(2, 40), share=st.floats(0, 1), beta=st.floats(0, 60))
def test_tags_start_at_the_separator_and_fall_slowly(tokens, share, beta):
    place = round(share * (tokens - 2))
    alpha = tags(tokens, torch.tensor(place), number(beta))
    assert (alpha[:place] == 0).all() and (alpha[place:] > 0).all() and (alpha.diff()[place:] <= 0).all()
    assert (1 - alpha[place:] <= torch.arange(place, tokens).double() * math.exp(-beta) + 1e-15).all()


@given(**CASE)
def test_the_order_of_the_numbers_before_the_separator_does_not_matter(tokens, share, seed):
    batch = sequences(tokens, share, seed)
    place = batch.separator[0].item()
    turned = batch.features.clone()
    turned[:, :place] = turned[:, :place].flip(1)
    for model in (catch_tag_release(3, 2), outlier_tag(0.5, 0.3)):
        assert torch.allclose(answer(model, batch), forward(*model, turned[None]).output[0, :, -1], rtol=1e-12)


def test_many_settings_at_once_are_each_alone():
    batch = draw(Averaging(7, 0, 1), 5, torch.Generator().manual_seed(0))
    beta, gamma = number([1.0, 5.0, 30.0]), number([2.0, 0.0, 9.0])
    together = forward(*catch_tag_release(beta, gamma), batch.features[None]).output
    for found, b, g in zip(together, beta.tolist(), gamma.tolist(), strict=True):
        assert torch.allclose(found[:, -1], answer(catch_tag_release(b, g), batch), rtol=1e-12)
    both = forward(*outlier_tag(beta, 0.1, 2.0, gamma), batch.features[None]).output
    assert torch.allclose(both[1, :, -1], answer(outlier_tag(5.0, 0.1, 2.0, 0.0), batch), rtol=1e-12)


def mean_squared(model, batch):
    return (answer(model, batch) - batch.target).square().mean().item()


BATCH = draw(Averaging(32, 0, 1), 2000, torch.Generator().manual_seed(0))


@pytest.mark.parametrize(
    ("beta", "gamma", "least", "most"),
    [(40, 20, 1e-18, 1e-15), (10, 20, 6e-8, 12e-8), (5, 20, 1e-3, 1.4e-3), (40, 0, 7.5e-3, 9e-3)],
)
def test_errors_at_the_four_settings_of_the_paper_file(beta, gamma, least, most):
    assert least < mean_squared(catch_tag_release(beta, gamma), BATCH) < most


def test_negative_control_without_the_tag_layer_one_attends_as_before_and_the_answer_is_the_mean_of_all():
    averager, model = catch_tag_release(40, 20)
    kept = model["value"].clone()
    with_tag, without = (forward(averager, m, BATCH.features[None]) for m in (model, without_tag(model)))
    assert torch.equal(model["value"], kept)
    assert torch.equal(with_tag.weights[0], without.weights[0]) and not without.written[0].any()
    mean = BATCH.features[..., 0].sum(1) / 31
    assert torch.allclose(without.output[0, :, -1], mean, rtol=1e-12)
    assert mean_squared((averager, without_tag(model)), BATCH) > 1e12 * mean_squared((averager, model), BATCH)


def test_the_variant_fails_exactly_when_the_separator_comes_first():
    numbers = torch.rand(31, 31, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    batch = placed(numbers, torch.arange(31))
    error = (answer(outlier_tag(), batch) - batch.target).abs()
    assert error[1:].max() < 1e-14 and answer(outlier_tag(), batch)[0] < 1e-20
    assert error[0].item() == pytest.approx(batch.target[0].item())
    assert (answer(catch_tag_release(40, 20), batch) - batch.target).abs()[
        0
    ] < 1e-14  # of the construction it is the best


@pytest.mark.parametrize(("s", "v"), [(3.0, 0.5), (3.0, 0.9), (0.5, 1.5)])
def test_negative_control_a_small_tag_or_outlier_does_not_do(s, v):
    batch = sequences(16, 0.5, seed=0, count=1)
    error = (answer(outlier_tag(20, 10, s, v), batch) - batch.target).abs().item()
    assert error > 0.01


@pytest.mark.parametrize("place", [-1, 3, 7])
@pytest.mark.parametrize(
    "call",
    [
        lambda place: tags(4, place, number(1.0)),
        lambda place: outlier_tags(4, place, 1.0),
        lambda place: retrieval(torch.zeros(4, dtype=torch.float64), place, number(1.0)),
    ],
)
def test_a_separator_without_a_number_after_it_is_refused(call, place):
    with pytest.raises(ValueError, match=rf"^\[SEP\] among 4 tokens stands at 0 to 2, got {place} to {place}$"):
        call(torch.tensor(place))
