"""Training side by side: torch's own Adam on the plain model, company that is not felt, a rate that falls to zero."""

import math

import pytest
import torch

from attention_atlas.models.averager import Averager, forward, initial
from attention_atlas.tasks.averaging import Averaging, draw
from attention_atlas.training.averaging import BLOCK, Training

TASK, STEPS, BATCH, RATE = Averaging(tokens=7), 30, 11, 1e-2
SHAPES = [{}, {"heads": 2, "mlp": True}, {"attention": "relu", "layers": 1, "scaled": True}, {"layernorm": True}]


def made(seeds=(0, 1, 2), steps=STEPS, averager=None, **other):
    return Training(averager or Averager(), TASK, seeds, steps, RATE, BATCH, **other)


def copy(parameters):
    return {name: value.detach().clone() for name, value in parameters.items()}


def test_before_the_first_step_it_is_where_it_starts():
    training = made()
    expected = initial(Averager(), [torch.Generator().manual_seed(2 * seed) for seed in (0, 1, 2)])
    assert training.steps == 0
    for name, value in expected.items():
        assert torch.equal(training.parameters[name].detach(), value)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_it_is_torchs_adam_on_the_same_sequences(shape):
    """One model alone by a plain loop: sequences of its own generator, a cosine by hand."""
    averager, seed = Averager(**shape), 5
    training = made([seed], averager=averager)
    parameters = initial(averager, [torch.Generator().manual_seed(2 * seed)])
    leaves = [value.requires_grad_() for value in parameters.values()]
    optimizer = torch.optim.Adam(leaves, RATE)
    generator, losses = torch.Generator().manual_seed(2 * seed + 1), []
    for step in range(STEPS):
        if step % BLOCK == 0:
            drawn = draw(TASK, BLOCK * BATCH, generator)
        part = slice(step % BLOCK * BATCH, (step % BLOCK + 1) * BATCH)
        features, target = drawn.features[part].float(), drawn.target[part].float()
        optimizer.param_groups[0]["lr"] = RATE * (1 + math.cos(math.pi * step / STEPS)) / 2
        loss = (forward(averager, parameters, features[None]).output[0, :, -1] - target).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert training.advance(STEPS).item() == pytest.approx(sum(losses) / STEPS, rel=1e-4)
    for name, value in parameters.items():
        torch.testing.assert_close(training.parameters[name].detach(), value.detach(), rtol=0, atol=2e-4, msg=name)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_a_model_becomes_the_same_in_any_company(shape):
    together, alone, other = (made(seeds, averager=Averager(**shape)) for seeds in ((4, 1, 7), (1,), (7,)))
    losses = [training.advance(STEPS) for training in (together, alone, other)]
    assert losses[0][1].item() == pytest.approx(losses[1].item(), rel=1e-4)
    for name, value in alone.parameters.items():
        torch.testing.assert_close(together.parameters[name][1].detach(), value[0].detach(), rtol=0, atol=2e-4)
    moved = (other.parameters["query"] - alone.parameters["query"]).abs().max()
    assert moved > 0.1  # negative control: another seed is another model


def test_in_pieces_it_is_the_same():
    whole, pieces = made(), made()
    whole.advance(STEPS)
    for part in (1, BLOCK - 1, 3, STEPS - BLOCK - 3):  # within a block and across two
        pieces.advance(part)
    assert pieces.steps == whole.steps == STEPS
    for name, value in whole.parameters.items():
        assert torch.equal(value, pieces.parameters[name])


def test_the_loss_is_that_of_the_steps_since_it_was_asked():
    training = made(steps=40)
    first, second = training.advance(1), training.advance(1)
    assert not torch.equal(first, second)
    again = made(steps=40)
    torch.testing.assert_close(again.advance(2), (first + second) / 2)


def test_learning_goes_on_until_the_rate_is_zero():
    training = made([0], steps=2 * BLOCK)
    changes = []
    for _ in range(2 * BLOCK):
        before = copy(training.parameters)
        training.advance(1)
        changes.append(max((value - before[name]).abs().max().item() for name, value in training.parameters.items()))
    assert changes[0] == pytest.approx(RATE, rel=1e-3)  # Adam's first step has the size of the rate
    assert 0 < changes[-1] < 0.01 * RATE


def test_more_steps_are_another_schedule():
    """Negative control of the pieces: the end that is announced counts."""
    one, other = made(), made(steps=2 * STEPS)
    one.advance(STEPS)
    other.advance(STEPS)
    assert (one.parameters["readout"] - other.parameters["readout"]).abs().max() > 1e-3


def test_training_lowers_the_error_on_sequences_that_it_has_not_seen():
    training, test = made([0, 1], steps=400), draw(TASK, 500, torch.Generator().manual_seed(2**40))
    errors = []
    for steps in (0, 400):
        training.advance(steps)
        output = forward(Averager(), training.parameters, test.features[None]).output[..., -1]
        errors.append((output - test.target.float()).square().mean(1))
    assert (errors[1] < 0.5 * errors[0]).all()
