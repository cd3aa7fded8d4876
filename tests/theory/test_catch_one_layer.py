"""One layer: the witness by hand, the best guess as a plain mean over all orders, what beats it and why."""

import itertools

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from attention_atlas.models.averager import Averager, forward, initial
from attention_atlas.tasks.averaging import Averaging, draw, placed
from attention_atlas.theory.catch_tag_release import one_layer
from attention_atlas.theory.catch_tag_release.construction import catch_tag_release
from attention_atlas.theory.catch_tag_release.exact_error import (
    expected_error,
    expected_share,
    mean_squared_error,
    reference_errors,
)

TOKENS = dict(tokens=st.integers(3, 40), least_before=st.integers(0, 3))


def number(value):
    return torch.tensor(value, dtype=torch.float64)


def answers(model, batch):
    return forward(*model, batch.features[None]).output[0, :, -1]


def test_the_witness_of_the_paper_file():
    """(a, SEP, b, c) and (b, SEP, a, c)."""
    batch = one_layer.witness(number([1.0, 5.0, 3.0]), separator=1, first=0, second=1)
    assert batch.features[:, :, 0].tolist() == [[1, 0, 5, 3], [5, 0, 1, 3]]
    assert batch.features[:, :, 2].tolist() == [[0, 1, 0, 0]] * 2 and batch.target.tolist() == [4, 2]


@given(seed=st.integers(0, 2**31), tokens=st.integers(4, 13))
def test_both_sequences_have_the_same_tokens_the_same_last_one_and_targets_apart(seed, tokens):
    generator = torch.Generator().manual_seed(seed)
    numbers = torch.randn(tokens - 1, generator=generator, dtype=torch.float64)
    place = torch.randint(1, tokens - 2, (), generator=generator).item()
    batch = one_layer.witness(numbers, place, place - 1, tokens - 3)
    assert torch.equal(*batch.features[:, -1]) and not torch.equal(*batch.features)
    assert torch.equal(*batch.features[..., 0].sort(1).values)
    gap = (numbers[place - 1] - numbers[tokens - 3]).abs() / (tokens - 1 - place)
    assert (batch.target[0] - batch.target[1]).abs().item() == pytest.approx(gap.item(), rel=1e-9)


@pytest.mark.parametrize("attention", ["softmax", "relu"])
@pytest.mark.parametrize("layernorm", [False, True])
def test_one_layer_gives_one_answer_and_two_layers_give_two(attention, layernorm):
    batch = one_layer.witness(number([1.0, -0.5, 0.3]), 1, 0, 1)
    for layers in (1, 2):
        averager = Averager(layers=layers, attention=attention, layernorm=layernorm, mlp=True)
        model = initial(averager, [torch.Generator().manual_seed(seed) for seed in range(5)])
        model = {name: values.double() for name, values in model.items()}
        first, second = forward(averager, model, batch.features[None]).output[..., -1].unbind(1)
        same = torch.isclose(first, second, rtol=1e-12)
        assert same.all() if layers == 1 else not same.all()


def test_negative_control_the_construction_tells_them_apart():
    batch = one_layer.witness(number([1.0, 5.0, 3.0]), 1, 0, 1)
    assert answers(catch_tag_release(40, 20), batch).tolist() == pytest.approx([4, 2], abs=1e-7)
    assert (answers(one_layer.best_network(4), batch) - batch.target).abs().max() >= abs(1 - 5) / 4


@pytest.mark.parametrize(("first", "second"), [(1, 2), (0, 0), (0, 3), (-1, 2), (0, 4)])
def test_an_exchange_that_changes_nothing_or_the_last_token_is_refused(first, second):
    with pytest.raises(ValueError, match=f"got {first} and {second}$") as refusal:
        one_layer.witness(number([1.0, 2.0, 3.0, 4.0]), 1, first, second)
    assert "\n" not in str(refusal.value)


def test_three_tokens_by_hand():
    """(SEP, x, y) with answer (x+y)/2 or (x, SEP, y) with answer y: the best guess is x/4 + 3y/4."""
    batch = placed(number([[2.0, 6.0], [2.0, 6.0]]), torch.tensor([0, 1]))
    assert one_layer.best_prediction(batch.features).tolist() == [5, 5]
    assert (batch.target - 5).square().tolist() == [1, 1]
    given_n = one_layer.best_error_given(number([1.0, 2.0]), 3, variance=1.0)
    assert given_n.tolist() == [1 / 8, 1 / 8] and one_layer.best_error(3, variance=1.0) == pytest.approx(1 / 8)


@pytest.mark.parametrize(("tokens", "least_before"), [(4, 0), (5, 0), (6, 0), (5, 1), (6, 3)])
def test_the_best_guess_is_the_mean_answer_over_all_orders_and_places(tokens, least_before):
    numbers = torch.randn(tokens - 1, generator=torch.Generator().manual_seed(0), dtype=torch.float64).tolist()
    targets = []
    for order in itertools.permutations(numbers[:-1]):
        for place in range(least_before, tokens - 1):
            after = [*order, numbers[-1]][place:]
            targets.append(sum(after) / len(after))
    batch = placed(number([numbers]), torch.tensor([tokens - 2]))
    found = one_layer.best_prediction(batch.features, least_before).item()
    assert found == pytest.approx(sum(targets) / len(targets), rel=1e-11)


@given(seed=st.integers(0, 2**31))
def test_the_best_guess_sees_no_order_and_no_place(seed):
    generator = torch.Generator().manual_seed(seed)
    batch = draw(Averaging(7), 5, generator)
    order = torch.cat((torch.randperm(6, generator=generator), torch.tensor([6])))
    same = one_layer.best_prediction(batch.features[:, order])
    assert torch.allclose(same, one_layer.best_prediction(batch.features), rtol=1e-9, atol=1e-12)


@given(**TOKENS)
def test_its_error_is_that_of_its_weights_and_the_mean_over_n(tokens, least_before):
    least_before = min(least_before, tokens - 2)
    share = expected_share(tokens, least_before)
    errors = []
    for place in range(least_before, tokens - 1):
        weights = torch.full((tokens,), (1 - share) / (tokens - 2), dtype=torch.float64)
        weights[place], weights[-1] = 0, share
        errors.append(mean_squared_error(weights, torch.tensor(place), mean=3.0, variance=2.0))
    errors = torch.stack(errors)
    after = torch.arange(tokens - 1 - least_before, 0, -1).double()
    assert torch.allclose(errors, one_layer.best_error_given(after, tokens, 2.0, least_before), rtol=1e-9, atol=1e-14)
    assert errors.mean().item() == pytest.approx(one_layer.best_error(tokens, 2.0, least_before), rel=1e-9, abs=1e-14)


@given(**TOKENS, change=st.floats(0.01, 0.5), sign=st.sampled_from([-1, 1]))
def test_no_other_share_of_the_last_number_is_better(tokens, least_before, change, sign):
    least_before = min(least_before, tokens - 3)
    share = expected_share(tokens, least_before) + sign * change
    errors = []
    for place in range(least_before, tokens - 1):
        weights = torch.full((tokens,), (1 - share) / (tokens - 2), dtype=torch.float64)
        weights[place], weights[-1] = 0, share
        errors.append(mean_squared_error(weights, torch.tensor(place), mean=0.0, variance=1.0).item())
    assert sum(errors) / len(errors) > one_layer.best_error(tokens, 1.0, least_before) + change**2 / 2


@pytest.mark.parametrize(("tokens", "least_before"), [(3, 0), (8, 0), (8, 3)])
def test_one_layer_reaches_it(tokens, least_before):
    batch = draw(Averaging(tokens, least_before=least_before), 50, torch.Generator().manual_seed(0))
    best = one_layer.best_prediction(batch.features, least_before)
    model = one_layer.best_network(tokens, least_before)
    assert model[0].layers == 1 and torch.allclose(answers(model, batch), best, rtol=1e-12, atol=1e-15)


@given(tokens=st.integers(4, 200))
def test_more_than_a_mean_and_far_less_than_two_layers(tokens):
    best = one_layer.best_error(tokens, 1.0)
    others = reference_errors(tokens, 0.0, 1.0)
    two = expected_error(tokens, number(40.0), number(20.0), 0.0, 1.0).item()
    assert 0 < two < 1e-9 * best and best < others["global mean"] < others["constant"]


def test_negative_control_the_share_of_another_law_of_places_is_worse():
    batch = draw(Averaging(8, least_before=3), 4000, torch.Generator().manual_seed(0))
    right, wrong = ((one_layer.best_prediction(batch.features, k) - batch.target).square().mean() for k in (3, 0))
    assert right < wrong


@pytest.mark.parametrize("call", [one_layer.best_network, lambda tokens: one_layer.best_error(tokens, 1.0)])
def test_two_tokens_are_refused(call):
    with pytest.raises(ValueError, match=r"^a multiset of other numbers needs at least 3 tokens, got 2$"):
        call(2)
