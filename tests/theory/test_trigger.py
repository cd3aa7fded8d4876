"""Softmax with a sink, ReLU without one, and the floor under attention to BOS: by hand, in loops, what breaks it."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from attention_atlas.checks import trigger as checks
from attention_atlas.checks.margins import ROUNDING
from attention_atlas.models.averager import forward
from attention_atlas.tasks.trigger_averaging import TriggerAveraging, draw, placed
from attention_atlas.theory.catch_tag_release.necessary_sink import Head, direction, sink_floor, witness
from attention_atlas.theory.catch_tag_release.trigger import opposed_heads, relu_trigger, softmax_error, softmax_trigger

SEED = st.integers(0, 2**31)


def normal(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def sequences(tokens=7, count=5, seed=0, content=1):
    return draw(TriggerAveraging(tokens, content, chance=0.4), count, torch.Generator().manual_seed(seed))


def calm(tokens, content, norm, seed=0):
    """Features of a sequence without triggers, all contents of one norm."""
    numbers = torch.nn.functional.normalize(normal(1, tokens - 1, content, seed=seed), dim=-1) * norm
    return placed(numbers, torch.zeros(1, tokens - 1, dtype=torch.bool)).features[0]


def anchored(strength, content, values=None):
    """A head that sends all but triggers to BOS with a logit."""
    scores = torch.zeros(content + 3, content + 3, dtype=torch.float64)
    scores[content, content + 1], scores[content + 2, content + 1] = strength, -strength
    return Head(scores, torch.eye(content + 3, content).double() if values is None else values)


def head_in_loops(scores, values, features):
    """Token by token."""
    size, outputs = values.shape[1], []
    for i, query in enumerate(features):
        logits = [float(query @ scores @ features[j]) for j in range(i + 1)]
        powers = [math.exp(logit - max(logits)) for logit in logits]
        shares = [power / sum(powers) for power in powers]
        given = [sum(share * float(features[j] @ values[:, c]) for j, share in enumerate(shares)) for c in range(size)]
        outputs.append(given)
    return torch.tensor(outputs, dtype=torch.float64)


def test_softmax_with_a_sink_by_hand():
    """Two tokens without trigger at strength ln 3: BOS gets 3/4 and 3/5; a trigger averages all three tokens."""
    numbers, flags = (
        torch.tensor([[[4.0], [2.0]], [[4.0], [2.0]]]).double(),
        torch.tensor([[False, False], [False, True]]),
    )
    found = forward(*softmax_trigger(math.log(3)), placed(numbers, flags).features[None])
    assert torch.allclose(found.output[0], torch.tensor([[0.0, 1.0, 1.2], [0.0, 1.0, 2.0]]).double(), atol=1e-12)
    assert found.weights[0][0, 0, 0, :, 0].tolist() == pytest.approx([1, 3 / 4, 3 / 5], abs=1e-12)
    assert softmax_error(math.log(3), 2.0, radius=4.0) == pytest.approx(8 / 5)


def test_relu_attention_by_hand():
    numbers, flags = torch.tensor([[[4.0], [2.0], [9.0]]]).double(), torch.tensor([[False, True, False]])
    found = forward(*relu_trigger(), placed(numbers, flags).features[None])
    assert found.output[0, 0].tolist() == [0, 0, 2, 0]
    assert found.weights[0][0, 0, 0].tolist() == [[0] * 4, [0] * 4, pytest.approx([1 / 3] * 3 + [0]), [0] * 4]


@given(strength=st.floats(0, 15), tokens=st.integers(3, 11), seed=SEED)
def test_softmax_is_exact_at_triggers_and_within_its_bound_elsewhere(strength, tokens, seed):
    batch = sequences(tokens, seed=seed)
    output = forward(*softmax_trigger(strength), batch.features[None]).output[0]
    error = (output - batch.target[..., 0]).abs()
    assert (error[batch.trigger] < 1e-12).all()
    assert (error <= softmax_error(strength, torch.arange(tokens).double()) + 1e-12).all()


@given(strength=st.floats(3, 15), tokens=st.integers(3, 11), seed=SEED)
def test_two_opposed_heads_are_exactly_zero_without_trigger_and_pay_bos_no_more_than_others(strength, tokens, seed):
    batch = sequences(tokens, seed=seed)
    found = forward(*opposed_heads(strength), batch.features[None])
    error = (found.output[0] - batch.target[..., 0]).abs()
    assert (error[~batch.trigger] < 1e-12).all()
    assert (error <= softmax_error(strength, torch.arange(tokens).double()) + 1e-12).all()
    even = 1 / torch.arange(1, tokens + 1).double()
    to_bos = found.weights[0][0, ..., 0].movedim(1, -1)[~batch.trigger]
    assert torch.allclose(to_bos, even.expand(5, -1)[~batch.trigger][:, None].expand(-1, 2))


def test_a_head_is_the_plain_loop():
    scores, values, features = normal(5, 5), normal(5, 2, seed=1), sequences(7, 1, content=2).features
    assert torch.allclose(
        Head(scores, values).output(features)[0], head_in_loops(scores, values, features[0]), atol=1e-12
    )


def test_the_construction_is_a_head():
    batch = sequences(11)
    averager, model = softmax_trigger(3.0)
    assert torch.allclose(
        anchored(3.0, 1).output(batch.features)[..., 0], forward(averager, model, batch.features[None]).output[0]
    )


def test_floor_by_hand():
    assert sink_floor(0.0, 0.5, tokens=5, radius=1.0, room=1.0) == 1
    assert sink_floor(0.1, 0.0, tokens=4, radius=2.0, room=1.0) == pytest.approx(1 - 3 / 2 * 0.1 / 0.5)
    assert sink_floor(0.1, 0.5, tokens=4, radius=2.0, room=1.0) == pytest.approx(1 - 3 / 2 * 0.1 / 0.25)
    assert sink_floor(0.1, 1.0, tokens=4, radius=2.0, room=1.0) == 0  # errors at triggers leave no bound
    assert sink_floor(9.0, 0.0, tokens=4, radius=2.0, room=1.0) == 0


@given(low=st.floats(0, 0.1), more=st.floats(0, 0.1), trigger=st.floats(0, 0.5), room=st.floats(0.1, 1))
def test_larger_errors_and_less_room_lower_the_floor(low, more, trigger, room):
    floor = sink_floor(low, trigger, 7, 1.0, room)
    assert 0 <= floor <= 1
    assert sink_floor(low + more, trigger, 7, 1.0, room) <= floor
    assert sink_floor(low, trigger + more, 7, 1.0, room) <= floor
    assert sink_floor(low, trigger, 7, 1.0, room / 2) <= floor


@given(seed=SEED, content=st.integers(3, 5))
def test_the_direction_is_unseen_by_the_query_and_unmixed_at_the_trigger(seed, content):
    head = Head(normal(content + 3, content + 3, seed=seed), normal(content + 3, content, seed=seed + 1))
    features = calm(5, content, 0.4, seed)
    u = direction(head, features[-1, :content], 5)
    assert u.norm().item() == pytest.approx(1)
    moved = features.clone()
    moved[1:-1, :content] += 0.3 * u
    assert torch.allclose(head.weights(features[None])[0, -1], head.weights(moved[None])[0, -1], atol=1e-12)
    contents, flags = torch.zeros(2, 4, content).double(), torch.tensor([[False, False, False, True]]).expand(2, -1)
    contents[0, :3], contents[1, :3] = 0.7 * u, -0.7 * u
    weights, up_and_down = head.weights(placed(contents, flags).features), head.output(placed(contents, flags).features)
    mass = weights[:, -1, 1:4].sum(-1)  # of both: along u only contents speak, whatever the flags' values are
    slope = u @ head.values[:content].T @ u
    assert ((up_and_down[0, -1] - up_and_down[1, -1]) @ u).item() == pytest.approx((0.7 * mass.sum() * slope).item())


@settings(max_examples=20)
@given(seed=SEED, strength=st.floats(0, 6))
def test_trained_like_heads_keep_the_floor_on_every_sequence(seed, strength):
    """The same query in several companies, some with triggers: content decides its scores, and the floor holds."""
    scores = anchored(strength, 3).scores + 0.2 * normal(6, 6, seed=seed)
    head = Head(scores, 1.3 * torch.eye(6, 3).double() + 0.2 * normal(6, 3, seed=seed + 1))
    for company in range(4):
        features = calm(6, 3, 0.5, seed + 3 + company)
        features[3, -1] = company % 2
        features[-1] = calm(6, 3, 0.5, seed + 2)[-1]
        found = witness(head, features, radius=1.0)
        assert found.attention >= found.floor - 1e-12


def test_the_witness_by_hand():
    """Strength b and unit values: attention to BOS is e^b / (e^b + 3), errors are what is left of it for the moved."""
    found = witness(anchored(math.log(9), 1), calm(4, 1, 0.0), radius=1.0)
    assert found.attention == pytest.approx(9 / 12)
    assert found.errors == pytest.approx((2 / 12, 0.0), abs=1e-12)
    assert found.floor == pytest.approx(1 - 3 / 2 * (2 / 12) / (1 / 2))


def test_what_depends_on_the_query_alone_changes_no_error():
    """A residual stream adds the query's own features; every error is of a difference in which they cancel."""
    head, features = Head(0.3 * normal(6, 6), normal(6, 3, seed=1)), calm(5, 3, 0.4)

    class WithResidual(Head):
        def output(self, features):
            return super().output(features) + features @ normal(6, 3, seed=2)

    residual = WithResidual(head.scores, head.values)
    assert residual.output(features[None]).sub(head.output(features[None])).abs().min() > 1e-3
    assert witness(residual, features, 1.0).errors == pytest.approx(witness(head, features, 1.0).errors)


def test_negative_controls_without_each_hypothesis_the_sink_is_not_there():
    found = checks.sink_necessary_control(30, torch.Generator().manual_seed(0))
    assert set(found.broken) == {"relu_head", "null_head", "opposed_heads"}
    assert (found.margin < -1).all() and (found.error < 0.02).all()


def test_negative_control_a_head_that_leans_on_the_number_needs_little_of_the_sink():
    """Errors on random sequences, not only on those of the proof, while BOS gets a tenth."""
    batch = sequences(9, 200, seed=1)
    for offset in (1e3, 1e5):
        head = checks.leaning_head(9, share=0.1, offset=offset)
        error = (head.output(batch.features)[:, -1] - batch.target[:, -1]).abs()
        to_bos = head.weights(batch.features)[:, -1, 0]
        assert error.max() < 30 / offset and to_bos.sub(0.1).abs().max() < 10 / offset
    flat = anchored(0.0, 1)  # the same length without leaning
    assert witness(flat, calm(9, 1, 0.0), 1.0).floor <= witness(flat, calm(9, 1, 0.0), 1.0).attention


def test_negative_control_places_let_a_query_attend_to_itself():
    """With a place in the scores and a residual, a token's own number is added and subtracted: no sink, no error."""
    tokens, strength = 6, 200.0
    batch = draw(TriggerAveraging(tokens, chance=0.4), 8, torch.Generator().manual_seed(2))
    place = torch.arange(tokens).double() / tokens
    logits = strength * place * (~batch.trigger)[..., None]  # to the latest token, unless there is a trigger
    seen = torch.ones(tokens, tokens, dtype=torch.bool).tril()
    weights = logits.masked_fill(~seen, -torch.inf).softmax(-1)
    number, flag = batch.features[..., 0], batch.trigger
    answers = (weights @ number[..., None])[..., 0] - number * ~flag
    assert (answers - batch.target[..., 0]).abs().max() < 1e-12
    assert weights[..., 2:, 0][~flag[:, 2:]].max() < 1e-12


def test_a_single_number_on_which_scores_depend_leaves_no_direction():
    head = Head(normal(4, 4), normal(4, 1, seed=1))
    with pytest.raises(ValueError) as refusal:
        direction(head, torch.tensor([0.3]).double(), 5)
    assert str(refusal.value) == "contents of 1 numbers leave no direction free of 1 constraints"


def test_a_witness_needs_a_query_without_trigger_and_contents_below_the_radius():
    features = calm(5, 1, 0.5)
    with pytest.raises(ValueError, match=r"contents below 0\.4"):
        witness(anchored(3.0, 1), features, radius=0.4)
    features[-1, -1] = 1
    with pytest.raises(ValueError, match="must be no trigger"):
        witness(anchored(3.0, 1), features, radius=1.0)


@pytest.mark.parametrize(("tokens", "room"), [(2, 1.0), (3, 0.0), (3, 1.5)])
def test_impossible_floors_are_refused(tokens, room):
    with pytest.raises(ValueError, match=f"got {tokens}, {room} and 1.0"):
        sink_floor(0.1, 0.1, tokens, 1.0, room)


@pytest.mark.parametrize("name", [name for name in checks.__all__ if not name.endswith("_control")])
def test_checks_hold_and_say_something(name):
    found = getattr(checks, name)(20, torch.Generator().manual_seed(1))
    assert (found.margin >= -ROUNDING).all()
    if "bound" in found:
        assert (found.bound < 0.5).mean() > 0.3
