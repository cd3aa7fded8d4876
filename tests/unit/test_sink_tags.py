"""Value vectors are what full attention would write; what sinks explain is what loops over sequences say."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from attention_atlas.models.averager import Averager, forward, initial
from attention_atlas.sink_tags import as_many_others, explained_by, sinks_of, value_vectors
from attention_atlas.tag_tests import separator_tags
from attention_atlas.tasks.averaging import Averaging, draw
from attention_atlas.theory.catch_tag_release.construction import catch_tag_release

SHAPES = [{}, {"heads": 2, "layernorm": True}, {"heads": 2, "layers": 3, "mlp": True}]


def drawn(averager, scale=1.5):
    generators = [torch.Generator().manual_seed(seed) for seed in (0, 1)]
    parameters = {name: scale * value.double() for name, value in initial(averager, generators).items()}
    batch = draw(Averaging(tokens=7), 5, torch.Generator().manual_seed(2))
    return parameters, batch, forward(averager, parameters, batch.features[None])


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_what_heads_write_is_attention_on_value_vectors(shape):
    averager = Averager(**shape)
    parameters, _, found = drawn(averager)
    for layer in range(averager.layers):
        values = value_vectors(averager, parameters, found.streams[layer], layer)
        torch.testing.assert_close(found.weights[layer] @ values, found.written[layer])


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_the_separators_value_vector_is_its_tag(shape):
    averager = Averager(**shape)
    parameters, batch, found = drawn(averager)
    values, tags = value_vectors(averager, parameters, found.streams[0], 0), separator_tags(averager, parameters)
    for sequence, place in enumerate(batch.separator.tolist()):
        torch.testing.assert_close(values[:, sequence, :, place], tags)


def test_sinks_are_columns_with_a_large_mean():
    averager = Averager(heads=2)
    weights = drawn(averager, scale=2.0)[2].weights
    found = sinks_of(forward(averager, *drawn_features(averager)), 1, threshold=0.3)
    assert found.shape == (2, 5, 2, 7) and found.any() and not found.all()
    for place in range(7):
        means = weights[1][..., place:, place].mean(-1)
        assert torch.equal(found[..., place], means > 0.3)


def drawn_features(averager):
    parameters, batch, _ = drawn(averager, scale=2.0)
    return parameters, batch.features[None]


def test_what_sinks_explain_is_the_plain_loop():
    averager = Averager(heads=2)
    parameters, _, found = drawn(averager, scale=2.0)
    values, sinks = value_vectors(averager, parameters, found.streams[1], 1), sinks_of(found, 1)
    shares = explained_by(found.written[1], values, sinks)
    for place in [(m, s, h) for m in range(2) for s in range(5) for h in range(2)]:
        written, tags = found.written[1][place], values[place][sinks[place]]
        fit = (tags.T @ torch.linalg.pinv(tags.T) @ written.T).T if len(tags) else torch.zeros_like(written)
        expected = fit.square().sum() / written.square().sum()
        assert shares[place].item() == pytest.approx(expected.item(), abs=1e-9)


def test_none_explain_nothing_and_all_explain_all():
    parameters, _, found = drawn(Averager())
    values = value_vectors(Averager(), parameters, found.streams[0], 0)
    for some in (False, True):
        shares = explained_by(found.written[0], values, torch.full(values.shape[:-1], some))
        torch.testing.assert_close(shares, torch.full_like(shares, float(some)))


def test_in_the_construction_the_separator_explains_all_and_others_nothing():
    model, batch = catch_tag_release(60, 40), draw(Averaging(tokens=12, least_before=1), 31, torch.Generator())
    found = forward(*model, batch.features[None])
    values = value_vectors(*model, found.streams[0], 0)
    is_separator = torch.arange(12) == batch.separator[:, None]
    for chosen, share in ((is_separator, 1.0), (~is_separator, 0.0)):
        shares = explained_by(found.written[0], values, chosen[None, :, None])
        assert shares.flatten().tolist() == pytest.approx([share] * 31)
    assert (sinks_of(found, 0)[0, :, 0] & is_separator).any(-1).all()


@given(
    rows=st.lists(st.lists(st.booleans(), min_size=7, max_size=7), min_size=1, max_size=3), seed=st.integers(0, 2**31)
)
def test_others_are_others_and_as_many(rows, seed):
    chosen = torch.tensor(rows)
    others = as_many_others(chosen, torch.Generator().manual_seed(seed))
    assert not (others & chosen).any()
    expected = torch.minimum(chosen.sum(1), (~chosen).sum(1))
    assert torch.equal(others.sum(1), expected)


def test_others_are_drawn_without_preference():
    chosen = torch.tensor([True, False, False, False, False]).expand(8000, 5)
    shares = as_many_others(chosen, torch.Generator().manual_seed(0)).double().mean(0)
    assert shares[0] == 0 and (shares[1:] - 0.25).abs().max() < 4 * (0.25 * 0.75 / 8000) ** 0.5


@pytest.mark.parametrize("layer", [-1, 2])
def test_unknown_layers_are_refused_in_one_line(layer):
    parameters, _, found = drawn(Averager())
    with pytest.raises(ValueError, match=f"layer must be one of 0 to 1, got {layer}") as refusal:
        value_vectors(Averager(), parameters, found.streams[0], layer)
    assert "\n" not in str(refusal.value)
