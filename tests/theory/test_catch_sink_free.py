"""Averaging by a tag without a sink: the MLP makes all tags equal, and without it they are not."""

import pytest
import torch

from attention_atlas.masks import causal, dense
from attention_atlas.models.averager import forward
from attention_atlas.sinks import sinks_zhang2025
from attention_atlas.tag_tests import measure
from attention_atlas.tasks.averaging import Averaging, draw, placed
from attention_atlas.theory.catch_tag_release.construction import TAG, catch_tag_release
from attention_atlas.theory.catch_tag_release.sink_free import sink_free


def batch(tokens, sequences=500, seed=0):
    return draw(Averaging(tokens), sequences, torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("tokens", [2, 3, 16, 61])
def test_it_averages_at_every_length_up_to_its_own(tokens):
    for length in {2, tokens // 2 + 1, tokens}:
        some = batch(length)
        error = forward(*sink_free(tokens, 40.0), some.features[None]).output[0, :, -1] - some.target
        assert error.abs().max() < 1e-13


def test_every_tag_is_one_or_none():
    some = batch(17)
    tags = forward(*sink_free(17, 40.0), some.features[None]).streams[1][0, ..., TAG]
    torch.testing.assert_close(tags, (~some.before).double(), atol=1e-12, rtol=0)


def test_the_first_layer_is_uniform_and_what_the_separator_receives_is_what_anyone_in_its_place_would():
    some = batch(16)
    found = forward(*sink_free(16, 40.0), some.features[None])
    uniform = torch.ones(16, 16, dtype=torch.float64).tril() / torch.arange(1, 17)[:, None]
    torch.testing.assert_close(found.weights[0][0, :, 0], uniform.expand(500, -1, -1))
    later = placed(torch.rand(4, 15, dtype=torch.float64), torch.tensor([2, 5, 9, 13]))
    weights = forward(*sink_free(16, 40.0), later.features[None]).weights[0][0]
    mask = dense(causal, 16)
    sinks = sinks_zhang2025(weights, mask)
    for sequence, place in enumerate(later.separator.tolist()):
        received = sum(1 / i for i in range(place + 1, 17)) / (16 - place)
        assert received < 0.2 and not sinks[sequence, 0, place]


def test_without_the_mlp_the_same_weights_do_not_average():
    """The control: tags 1/i through one softmax favor the first tokens after the separator."""
    some = batch(16)
    averager, parameters = catch_tag_release(0.0, 40.0)
    plain = forward(averager, parameters, some.features[None]).output[0, :, -1]
    assert (plain - some.target).square().mean() > 0.01
    strong = catch_tag_release(0.0, 40.0 * 16)
    assert (forward(*strong, some.features[None]).output[0, :, -1] - some.target).square().mean() > 0.01


def test_it_follows_its_tag_as_the_construction_does():
    task, some = Averaging(16), batch(16)
    numbers = measure(*sink_free(16, 40.0), task, some)
    assert numbers["loss"] < 1e-20 and numbers["mass"] > 1 - 1e-12
    assert numbers["received"] < 0.35 < measure(*catch_tag_release(40.0, 20.0), task, some)["received"]


def test_longer_sequences_than_promised_break_it():
    some = batch(40)
    error = forward(*sink_free(4, 40.0), some.features[None]).output[0, :, -1] - some.target
    assert error.square().mean() > 1e-4


def test_one_token_is_refused():
    with pytest.raises(ValueError, match="at least 2 tokens are needed, got 1"):
        sink_free(1, 40.0)
