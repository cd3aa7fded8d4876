"""Sequences with a separator: by hand, by a plain loop, and what is random about them; rules that ignore its place."""

import itertools

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from attention_atlas.tasks.averaging import FEATURES, Averaging, draw, placed, simple_rules


def source(seed=0):
    return torch.Generator().manual_seed(seed)


def float64(*rows):
    return torch.tensor(rows, dtype=torch.float64)


def drawn(task, sequences=64, seed=0):
    return draw(task, sequences, source(seed))


def test_the_shortest_sequence_by_hand():
    batch = placed(float64([3.0]), torch.tensor([0]))
    assert batch.features.tolist() == [[[0, 1, 1], [3, 1, 0]]]
    assert batch.target.tolist() == [3] and batch.after.tolist() == [[False, True]] and not batch.before.any()
    assert Averaging(tokens=2).places == range(0, 1)


@given(
    numbers=st.lists(st.lists(st.floats(-9, 9), min_size=5, max_size=5), min_size=1, max_size=3),
    places=st.lists(st.integers(0, 4), min_size=3, max_size=3),
)
def test_placing_is_the_plain_loop(numbers, places):
    places = places[: len(numbers)]
    batch = placed(float64(*numbers), torch.tensor(places))
    for row, place, features, target in zip(numbers, places, batch.features.tolist(), batch.target, strict=True):
        tokens = [[x, 1.0, 0.0] for x in row]
        tokens.insert(place, [0.0, 1.0, 1.0])
        assert features == tokens
        assert target.item() == pytest.approx(sum(row[place:]) / (5 - place), abs=1e-12)
    kinds = batch.before.int() + 2 * batch.after.int()
    expected = [[1 if t < place else 2 if t > place else 0 for t in range(6)] for place in places]
    assert kinds.tolist() == expected


@given(tokens=st.integers(2, 11), low=st.floats(-5, 0), width=st.floats(0.1, 5), seed=st.integers(0, 2**31))
def test_drawn_sequences_are_in_range_with_one_separator(tokens, low, width, seed):
    batch = drawn(Averaging(tokens, low, low + width), 17, seed)
    assert batch.features.shape == (17, tokens, FEATURES)
    assert batch.features[..., 2].sum(1).tolist() == [1] * 17
    assert batch.features[..., 2].argmax(1).tolist() == batch.separator.tolist()
    numbers = batch.features[..., 0][batch.before | batch.after]
    assert ((low <= numbers) & (numbers <= low + width)).all() and (batch.features[..., 1] == 1).all()
    assert batch.separator.min() >= 0 and batch.separator.max() <= tokens - 2


def test_every_allowed_place_is_as_likely():
    task = Averaging(tokens=7, least_before=2)
    counts = drawn(task, 40_000).separator.bincount(minlength=7)
    assert counts[:2].sum() == counts[6] == 0 and task.places == range(2, 6)
    deviations = (counts[2:6] - 10_000) / (40_000 * 0.25 * 0.75) ** 0.5
    assert deviations.abs().max() < 4


def test_numbers_have_the_variance_that_is_said():
    task = Averaging(tokens=5, low=-1.0, high=3.0)
    batch = drawn(task, 20_000)
    numbers = batch.features[..., 0][batch.before | batch.after]
    assert numbers.var().item() == pytest.approx(task.variance, rel=0.02) and task.variance == 16 / 12
    assert numbers.mean().item() == pytest.approx(1, abs=0.02)


def test_the_generator_decides_all():
    task = Averaging()
    one, same, other = drawn(task), drawn(task), drawn(task, seed=1)
    assert torch.equal(one.features, same.features) and not torch.equal(one.features, other.features)
    assert not torch.equal(one.separator, other.separator)


def test_what_comes_before_the_separator_does_not_matter():
    numbers = float64([1.0, 2.0, 3.0, 4.0], [-7.0, 9.0, 3.0, 4.0])
    before, after = placed(numbers, torch.tensor([2, 2])).target, placed(numbers, torch.tensor([1, 1])).target
    assert before[0] == before[1] == 3.5 and after[0] != after[1]  # with a control


def test_simple_rules_by_hand():
    rules = simple_rules(Averaging(tokens=4), placed(float64([4.0, 1.0, 2.0]), torch.tensor([1])))
    share = (1 / 3 + 1 / 2 + 1) / 3  # one over the numbers after the separator, averaged over its places
    assert rules["all_numbers"].item() == pytest.approx(7 / 3) and rules["all_tokens"].item() == 7 / 4
    assert rules["last_and_rest"].item() == pytest.approx(2 * share + (1 - share) * 2.5)


def test_of_one_number_all_rules_but_the_zero_are_right():
    rules = simple_rules(Averaging(tokens=2), placed(float64([0.6]), torch.tensor([0])))
    assert rules["all_numbers"].item() == rules["last_and_rest"].item() == 0.6 and rules["all_tokens"].item() == 0.3


@pytest.mark.parametrize("least_before", [0, 3])
def test_last_and_rest_is_the_least_squares_fit_of_the_two(least_before):
    """Of the last number and the mean of the others, with a range that has no mean of zero."""
    task = Averaging(tokens=7, low=-0.5, high=1.0, least_before=least_before)
    batch = drawn(task, 200_000)
    numbers = batch.features[..., 0]
    last = numbers[:, -1]
    columns = torch.stack((last, (numbers.sum(1) - last) / 5, torch.ones_like(last)), 1)
    fit = torch.linalg.lstsq(columns, batch.target[:, None]).solution[:, 0]
    share = sum(1 / (6 - place) for place in task.places) / len(task.places)
    assert fit.tolist() == pytest.approx([share, 1 - share, 0], abs=0.01)
    found = {name: (rule - batch.target).square().mean().item() for name, rule in simple_rules(task, batch).items()}
    best = (columns @ fit - batch.target).square().mean().item()
    assert found["last_and_rest"] == pytest.approx(best, rel=1e-3)
    assert found["last_and_rest"] < min(found["all_numbers"], found["all_tokens"])


def test_rules_do_not_look_at_the_separator():
    task, numbers = Averaging(tokens=6), torch.rand(3, 5, generator=source(), dtype=torch.float64)
    rows = [simple_rules(task, placed(numbers, torch.full((3,), place))) for place in task.places]
    for one, other in itertools.pairwise(rows):
        for name, rule in one.items():
            torch.testing.assert_close(rule, other[name], rtol=0, atol=1e-14)


@pytest.mark.parametrize(
    ("call", "got"),
    [
        (lambda: Averaging(low=1.0, high=1.0), "low < high, got 1.0 and 1.0"),
        (lambda: Averaging(low=float("nan")), "low < high, got nan and 1.0"),
        (lambda: Averaging(tokens=1), "of 1 tokens 0 to -1 can come before the separator, got 0"),
        (lambda: Averaging(tokens=5, least_before=4), "of 5 tokens 0 to 3 can come before the separator, got 4"),
        (lambda: Averaging(least_before=-1), "got -1"),
        (lambda: draw(Averaging(), 0, source()), "at least 1 sequence is needed, got 0"),
        (lambda: placed(torch.zeros(2, 3).double(), torch.tensor([0, 3])), "has 0 to 2 before it, got 0 to 3"),
        (lambda: placed(torch.zeros(2, 3).double(), torch.tensor([-1, 1])), "has 0 to 2 before it, got -1 to 1"),
    ],
)
def test_impossible_tasks_are_refused_in_one_line(call, got):
    with pytest.raises(ValueError, match=got) as refusal:
        call()
    assert "\n" not in str(refusal.value)
