"""The solutions pass; every likely mistake is refused with its own message."""

import itertools

import pytest
import torch

from attention_atlas.exercises import position_bias_training_data as exercises
from attention_atlas.tasks.retrieval import Task, draw_world
from attention_atlas.tasks.retrieval_tests import novel_sequences


def test_guess_accepts_what_a_guesser_reaches():
    task, generator = Task(d_model=8), torch.Generator().manual_seed(0)
    world = draw_world(task, generator)
    tokens, targets = novel_sequences(task, world, 40_000, generator)
    shown = torch.cdist(tokens[:, 1::2], world.label_vectors.expand(len(tokens), -1, -1)).argmin(-1)
    pick = torch.randint(8, (len(tokens), 1), generator=generator)
    reached = (shown.gather(1, pick)[:, 0] == targets).double().mean().item()
    assert reached == pytest.approx(33 / 64, abs=0.01)
    assert exercises.check_guess(33 / 64).startswith("Correct")


@pytest.mark.parametrize(
    ("answer", "mistake"),
    [
        (0.5, "once in 32"),
        (1 / 32, "among all labels"),
        (1 / 8, "four times"),
        (17 / 32, "counted twice"),
        (31 / 32, "two labels"),
        (51.5625, "percent"),
        (0.7, "how many labels"),
    ],
)
def test_guess_names_the_mistake(answer, mistake):
    with pytest.raises(ValueError, match=mistake):
        exercises.check_guess(answer)


def test_one_network_of_the_paper_is_the_hidden_u():
    right = []
    for setting in itertools.product(("none", "decay", "rope"), (2, 4, 6, 10), (False, True)):
        try:
            exercises.check_hidden_u(*setting)
            right.append(setting)
        except ValueError:
            pass
    assert right == [("rope", 10, True)]


@pytest.mark.parametrize(
    ("answer", "mistake"),
    [
        (("decay", 2, True), "first place is not ahead"),
        (("rope", 2, True), "last place is not ahead"),
        (("sin", 2, True), "no such network"),
        (("rope", 10, False), "no such network"),
    ],
)
def test_hidden_u_names_the_mistake(answer, mistake):
    with pytest.raises(ValueError, match=mistake):
        exercises.check_hidden_u(*answer)
