"""The task: by hand, beside the plain loop, properties, refusals."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from attention_atlas.tasks.trigger_averaging import FIRST_SCORED, TriggerAveraging, draw, placed


def test_by_hand_both_averages():
    numbers = torch.tensor([[[3.0], [1.0], [5.0], [7.0]]], dtype=torch.float64)
    trigger = torch.tensor([[False, True, False, True]])
    seen, before = placed(numbers, trigger), placed(numbers, trigger, "before")
    assert seen.target[0, :, 0].tolist() == pytest.approx([0, 0, 4 / 3, 0, 16 / 5])
    assert before.target[0, :, 0].tolist() == [0, 0, 3, 0, 4]  # 3, then the mean of 3 and 5
    assert seen.features[0].tolist() == [[0, 1, 1, 0], [3, 1, 0, 0], [1, 1, 0, 1], [5, 1, 0, 0], [7, 1, 0, 1]]
    assert before.features[0, :, 0].tolist() == [0, 3, 0, 5, 0]
    assert seen.trigger.tolist() == [[False, False, True, False, True]]


@pytest.mark.parametrize("average", ["seen", "before"])
def test_targets_are_the_plain_loop(average):
    batch = draw(TriggerAveraging(11, content=3, chance=0.4, average=average), 7, torch.Generator().manual_seed(0))
    assert batch.features.shape == (7, 11, 6) and batch.target.shape == (7, 11, 3)
    for features, target in zip(batch.features, batch.target, strict=True):
        for i, token in enumerate(features):
            if not token[-1]:
                assert target[i].tolist() == [0] * 3
                continue
            contents = [f[:3] for f in features[: i + 1]] if average == "seen" else [
                f[:3] for f in features[:i] if not f[-1] and not f[-2]
            ]  # fmt: skip
            assert torch.allclose(target[i], sum(contents) / len(contents), atol=1e-12)


@given(tokens=st.integers(3, 13), chance=st.floats(0.05, 0.95), seed=st.integers(0, 2**31))
def test_bos_comes_first_once_and_nothing_is_asked_before_there_are_numbers(tokens, chance, seed):
    batch = draw(TriggerAveraging(tokens, chance=chance), 5, torch.Generator().manual_seed(seed))
    assert (batch.features[..., 1] == 1).all()
    assert batch.features[:, 0, 2].eq(1).all() and not batch.features[:, 1:, 2].any()
    assert not batch.trigger[:, :FIRST_SCORED].any() and not batch.target[:, :FIRST_SCORED].any()
    assert batch.features[..., 0].abs().max() <= 1 and not batch.features[:, 0, 0].any()


def test_triggers_come_as_often_as_asked():
    batch = draw(TriggerAveraging(22, chance=0.3), 2000, torch.Generator().manual_seed(0))
    assert batch.trigger[:, FIRST_SCORED:].double().mean().item() == pytest.approx(0.3, abs=4 * (0.21 / 40_000) ** 0.5)


def test_the_generator_decides():
    task = TriggerAveraging(7)
    first, again, other = (draw(task, 3, torch.Generator().manual_seed(seed)) for seed in (0, 0, 1))
    assert torch.equal(first.features, again.features) and not torch.equal(first.features, other.features)


def test_negative_control_the_two_averages_differ():
    numbers, trigger = (
        torch.rand(2, 6, 1, dtype=torch.float64),
        torch.tensor([[False, True, False, False, True, False]]),
    )
    seen, before = (placed(numbers, trigger.expand(2, -1), average).target for average in ("seen", "before"))
    assert (seen - before).abs().max() > 0.01


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"tokens": 2}, "at least 3 tokens are needed, got 2"),
        ({"content": 0}, "a token needs at least 1 number, got 0"),
        ({"chance": 0.0}, "the chance of a trigger must be in \\(0, 1\\), got 0.0"),
        ({"chance": 1.0}, "got 1.0"),
        ({"average": "all"}, "unknown average 'all'; allowed: seen, before"),
    ],
)
def test_impossible_tasks_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        TriggerAveraging(**change)


def test_impossible_sequences_are_refused():
    numbers, first = torch.zeros(3, 2, 1).double(), torch.tensor([[True, False]]).expand(3, -1)
    with pytest.raises(ValueError, match="is no trigger, got one in 3 sequences"):
        placed(numbers, first)
    with pytest.raises(ValueError, match="unknown average 'all'"):
        placed(numbers, ~first, "all")
    with pytest.raises(ValueError, match="at least 1 sequence is needed, got 0"):
        draw(TriggerAveraging(), 0, torch.Generator())
