"""The solution passes; every likely mistake is refused with its own message."""

import pytest
import torch

from attention_atlas.exercises import position_bias_fixed_vocabulary as exercises
from attention_atlas.tasks.retrieval import Task, draw_world
from attention_atlas.tasks.retrieval_tests import novel_sequences


def cosines(vocabulary):
    """Mean cosine of the first two items of a sequence, of one class and of two."""
    task, generator = Task(vocabulary=vocabulary, d_model=4096), torch.Generator().manual_seed(0)
    tokens, _ = novel_sequences(task, draw_world(task, generator), 50, generator)
    cosine = torch.cosine_similarity(tokens[:, 0], tokens[:, 2], dim=-1)
    same = cosine > 0.5
    return cosine[same].mean().item(), cosine[~same].mean().item()


def test_cosines_accepts_what_the_task_draws():
    answer = cosines("gaussian_mixture")[0], cosines("fixed")[1]
    assert exercises.check_cosines(answer).startswith("Correct")


@pytest.mark.parametrize(
    ("answer", "mistake"),
    [
        ((0.36, 0.64), "swapped"),
        ((1.0, 0.36), "noise of its own"),
        ((0.8, 0.36), "not by its square"),
        ((0.48, 0.36), "only squares survive"),
        ((0.5625, 0.36), "forgets to divide"),
        ((0.64, 0.5625), "forgets to divide"),
        ((0.64, 0.0), "without a shared direction"),
        ((0.64, 0.48), "only squares survive"),
        ((0.9, 0.36), "one class have in common"),
        ((0.64, 0.9), "two classes have in common"),
        ((0.64,), "two cosines"),
    ],
)
def test_cosines_names_the_mistake(answer, mistake):
    with pytest.raises(ValueError, match=mistake):
        exercises.check_cosines(answer)
