"""The plain network that the ensemble is compared with, itself compared with the library's masks and positions."""

import math

import pytest
import torch
from torch import nn

from attention_atlas import masks, positions
from attention_atlas.attention import attention_weights, logits
from plain_retrieval import PlainNetwork

TOKENS, D_MODEL, LABELS, SEQUENCES = 7, 6, 5, 3
MASKS = {"none": None, "causal": None, "sliding_window": 3, "prefix": 2}


def made(seed=0, **choices) -> PlainNetwork:
    torch.manual_seed(seed)
    return PlainNetwork(D_MODEL, LABELS, **choices).double()


def sequences(seed=0, scale=3.0):
    return scale * torch.randn(
        SEQUENCES, TOKENS, D_MODEL, generator=torch.Generator().manual_seed(seed), dtype=torch.float64
    )


def close(found, expected):
    return torch.allclose(found, expected, rtol=0, atol=1e-13)


def first_map(x, network):
    """The map of the first layer by the library."""
    layer, allowed = network.layers[0], masks.dense(masks.named(network.mask, network.mask_parameter, TOKENS), TOKENS)
    if network.position_encoding == "sin":
        x = x + positions.sinusoidal(TOKENS, D_MODEL)
    queries, keys = layer.query(x), layer.key(x)
    if network.position_encoding == "rope":
        frequencies = positions.rope_frequencies(D_MODEL)
        queries, keys = positions.rope(queries, frequencies), positions.rope(keys, frequencies)
    scores = logits(queries, keys)
    if network.position_encoding == "decay":
        scores = scores + positions.decay_bias(TOKENS, -math.log(0.8))
    return attention_weights(scores, allowed)


@pytest.mark.parametrize(("mask", "parameter"), MASKS.items())
@pytest.mark.parametrize("residual", [False, True])
def test_every_map_obeys_the_mask_and_its_rows_sum_to_one(mask, parameter, residual):
    network = made(depth=3, mask=mask, mask_parameter=parameter, residual=residual)
    scores, maps = network(sequences(), maps=True)
    allowed = masks.dense(masks.named(mask, parameter, TOKENS), TOKENS)
    assert scores.shape == (SEQUENCES, LABELS)
    assert maps.shape == (SEQUENCES, 3, TOKENS, TOKENS)
    assert close(maps.sum(-1), torch.ones(SEQUENCES, 3, TOKENS, dtype=torch.float64))
    assert (maps[..., ~allowed] == 0).all()
    assert (maps[..., allowed] > 0).all()
    assert torch.equal(network(sequences()), scores)


@pytest.mark.parametrize(("mask", "parameter"), MASKS.items())
@pytest.mark.parametrize("encoding", ["none", "sin", "rope", "decay"])
def test_the_first_map_is_that_of_the_library(mask, parameter, encoding):
    network = made(mask=mask, mask_parameter=parameter, position_encoding=encoding)
    maps = network(sequences(), maps=True)[1]
    assert close(maps[:, 0], first_map(sequences(), network))


@pytest.mark.parametrize("encoding", ["sin", "rope", "decay"])
def test_negative_control_another_encoding_gives_another_map(encoding):
    network, without = made(position_encoding=encoding), made(position_encoding="none")
    assert (network(sequences(), maps=True)[1] - without(sequences(), maps=True)[1]).abs().max() > 0.01


@pytest.mark.parametrize("residual", [False, True])
def test_two_layers_and_the_head_equal_the_plain_loop(residual):
    network = made(residual=residual)
    x, (scores, maps) = sequences(), network(sequences(), maps=True)
    for layer, weights in zip(network.layers, maps.unbind(1), strict=True):
        moved = torch.zeros_like(x)
        for b in range(SEQUENCES):
            for i in range(TOKENS):
                moved[b, i] = sum(weights[b, i, j] * (layer.value.weight @ x[b, j]) for j in range(TOKENS))
        x = x + moved if residual else moved
    for b in range(SEQUENCES):
        hidden = x[b, -1]
        for linear in network.hidden:
            hidden = (linear.weight @ hidden + linear.bias).clamp(min=0)
        assert close(scores[b], network.readout.weight @ hidden + network.readout.bias)


def stacks(seeds=2, depth=2):
    """Stacked parameters in the layout of the ensemble, every number different."""
    shapes = {name: (depth, D_MODEL, D_MODEL) for name in ("query", "key", "value")}
    shapes |= {"hidden": (3, D_MODEL, D_MODEL), "hidden_bias": (3, D_MODEL)}
    shapes |= {"readout": (LABELS, D_MODEL), "readout_bias": (LABELS,)}
    generator = torch.Generator().manual_seed(1)
    return {
        name: torch.randn(seeds, *shape, generator=generator, dtype=torch.float64) / 2 for name, shape in shapes.items()
    }


def by_hand(x, held, seed):
    """One attention layer after the other as products with the stacks, written as the ensemble's brief has them."""
    allowed = masks.dense(masks.causal, TOKENS)
    own = {name: stack[seed] for name, stack in held.items()}
    for query, key, value in zip(own["query"], own["key"], own["value"], strict=True):
        x = attention_weights(logits(x @ query, x @ key), allowed) @ (x @ value)
    x = x[:, -1]
    for weight, bias in zip(own["hidden"], own["hidden_bias"], strict=True):
        x = (x @ weight + bias).clamp(min=0)
    return x @ own["readout"].T + own["readout_bias"]


def test_load_takes_the_model_of_that_seed():
    held = stacks()
    network = made()
    for seed in range(2):
        assert torch.allclose(network.load(held, seed)(sequences()), by_hand(sequences(), held, seed), rtol=1e-12)
    assert not torch.allclose(network(sequences()), by_hand(sequences(), held, 0), rtol=0.01)
    assert sum(held[name][0].numel() for name in held) == sum(own.numel() for own in network.parameters())


def test_gradients_come_in_the_layout_of_the_stacks():
    held = {name: stack.requires_grad_() for name, stack in stacks().items()}
    network, targets = made().load(held, 1), torch.tensor([0, 4, 2])
    nn.functional.cross_entropy(network(sequences()), targets).backward()
    nn.functional.cross_entropy(by_hand(sequences(), held, 1), targets).backward()
    found = network.gradients()
    assert found.keys() == held.keys()
    for name, stack in held.items():
        assert found[name].shape == stack.shape[1:]
        assert (found[name] - stack.grad[1]).abs().max() < 1e-13 * found[name].abs().max()
        assert (stack.grad[0] == 0).all()


def test_the_stacks_of_another_network_are_refused():
    with pytest.raises(AssertionError, match="the stacks hold 485 numbers per model, 377 are needed"):
        made(depth=2).load(stacks(depth=3), 0)
    held = stacks()
    held["readout"] = held["readout"].mT
    with pytest.raises(AssertionError, match=r"readout has shape \(6, 5\), \(5, 6\) is needed"):
        made().load(held, 0)
