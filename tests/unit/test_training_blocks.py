"""Batches drawn ahead are those of a plain loop, each model's from its own generator, and so is the falling rate."""

import itertools
import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from attention_atlas.training.blocks import batches
from attention_atlas.training.schedule import cosine


def draw(sequences, generator):
    numbers = torch.randn(sequences, 5, generator=generator, dtype=torch.float64)
    return numbers, numbers.sum(1)


def generators(*seeds):
    return [torch.Generator().manual_seed(seed) for seed in seeds]


def first(steps, *seeds, batch=3, block=2):
    return list(itertools.islice(batches(draw, batch, generators(*seeds), block), steps))


def test_batches_are_the_plain_loop():
    found = first(7, 4, 11, batch=3, block=2)
    for model, generator in enumerate(generators(4, 11)):
        for start in range(0, 7, 2):
            numbers, sums = draw(6, generator)
            for step in range(start, min(start + 2, 7)):
                part = slice(3 * (step - start), 3 * (step - start + 1))
                assert torch.equal(found[step][0][model], numbers[part].float())
                assert torch.equal(found[step][1][model], sums[part].float())
    assert found[0][0].shape == (2, 3, 5) and found[0][1].shape == (2, 3)


def test_company_changes_no_models_batches():
    together, alone, other = first(5, 4, 11), first(5, 11), first(5, 12)
    for one, two, three in zip(together, alone, other, strict=True):
        assert torch.equal(one[0][1], two[0][0]) and not torch.equal(two[0][0], three[0][0])


def test_nothing_is_drawn_before_it_is_needed():
    generator = torch.Generator().manual_seed(4)
    steps, before = batches(draw, 3, [generator], 2), generator.get_state()
    assert torch.equal(generator.get_state(), before)
    next(steps)
    drawn = generator.get_state()
    next(steps)
    assert torch.equal(generator.get_state(), drawn) and not torch.equal(drawn, before)
    next(steps)
    assert not torch.equal(generator.get_state(), drawn)


@given(steps=st.integers(1, 10**6), share=st.floats(0, 1))
def test_the_rate_falls_along_half_a_cosine(steps, share):
    step = round(share * steps)
    assert cosine(0, steps) == 1 and cosine(steps, steps) == 0 and 0 <= cosine(step, steps) <= 1
    assert cosine(step, steps) == pytest.approx(math.cos(math.pi * step / (2 * steps)) ** 2, abs=1e-12)
    assert cosine(step, steps) + cosine(steps - step, steps) == pytest.approx(1)
    assert step == steps or cosine(step + 1, steps) <= cosine(step, steps)


@pytest.mark.parametrize(("step", "steps"), [(-1, 5), (6, 5), (0, 0)])
def test_steps_outside_of_the_training_are_refused(step, steps):
    with pytest.raises(ValueError, match=f"got step {step} of {steps}"):
        cosine(step, steps)
