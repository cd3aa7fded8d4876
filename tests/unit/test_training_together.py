"""Alone and together are compared for every seed and parameter, and a difference is found where there is one."""

import pytest

from attention_atlas.models.attention_only import AttentionOnly
from attention_atlas.tasks.retrieval import Task
from attention_atlas.training import together
from attention_atlas.training.retrieval import CHUNK, Training
from attention_atlas.training.together import together_or_alone


def test_one_model_together_is_one_alone():
    apart, moved = together_or_alone(AttentionOnly(), Task(), [3], CHUNK)
    assert apart == 0 and moved > 0


def test_models_become_the_same_and_move_much_farther_than_rounding():
    apart, moved = together_or_alone(AttentionOnly(residual=True), Task(), range(3), CHUNK)
    assert apart < 1e-4 < 1e-2 < moved


def test_no_step_no_move():
    assert together_or_alone(AttentionOnly(), Task(), [0, 1], 0) == (0, 0)


@pytest.mark.parametrize("wrong", [0, 1])
def test_negative_control_a_model_that_got_another_seed_is_found(monkeypatch, wrong):
    def mixed_up(models, tasks, seeds):
        if len(models) > 1:
            seeds = [(start, start + 7 * (place == wrong)) for place, (_, start) in enumerate(seeds)]
        return Training(models, tasks, seeds)

    monkeypatch.setattr(together, "Training", mixed_up)
    apart, moved = together_or_alone(AttentionOnly(), Task(), [0, 1], CHUNK)
    assert apart > moved


def test_no_seed_is_refused():
    with pytest.raises(ValueError, match="at least one seed is needed, got none"):
        together_or_alone(AttentionOnly(), Task(), [], CHUNK)
