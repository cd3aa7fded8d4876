"""A sequence is read as it was drawn, and every token has its shape, its color and its place."""

import pytest
import torch
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.patches import Circle, FancyBboxPatch, Rectangle

from attention_atlas.drawing.sequence import PLACE, Parts, parts, sequence
from attention_atlas.figures import PALETTE
from attention_atlas.tasks.retrieval import Task, draw_world
from attention_atlas.tasks.retrieval_sequences import training_sequences
from attention_atlas.tasks.retrieval_tests import conflict_sequences

QUIET = Task(noise=0.0)


@pytest.fixture
def axes():
    return Figure().subplots()


def drawn(axes, kind):
    return [patch for patch in axes.patches if type(patch) is kind]


def colors(patches):
    return [to_hex(patch.get_edgecolor()) for patch in patches]


def test_a_training_sequence_is_read_class_by_class():
    generator = torch.Generator().manual_seed(0)
    world = draw_world(QUIET, generator)
    tokens, targets = training_sequences(QUIET, world, 20, generator)
    for one, target in zip(tokens, targets.tolist(), strict=True):
        read = parts(one, world, target)
        assert sorted(read.classes[:-1]) == [0] * 4 + [1] * 4 and read.classes[-1] == 0
        for number, label in zip(read.classes, read.labels, strict=False):
            assert label == target or number == 1


def test_the_same_generator_draws_the_same_sequence_with_noise():
    noisy, quiet = (conflict_sequences(task, draw_world(task, torch.Generator().manual_seed(3)), 0, 4, 5,
                                       torch.Generator().manual_seed(4)) for task in (Task(), QUIET))  # fmt: skip
    assert torch.equal(noisy[1], quiet[1]) and torch.equal(noisy[0][:, 1::2], quiet[0][:, 1::2])
    cosine = torch.nn.functional.cosine_similarity(noisy[0][:, 0::2], quiet[0][:, 0::2], dim=-1)
    assert cosine.min() > 0.6 and cosine.mean() < 0.95  # expected: 1 / sqrt(1 + .75^2) = .8


def test_a_conflict_is_read_as_one_vector_with_two_labels():
    generator = torch.Generator().manual_seed(0)
    world = draw_world(QUIET, generator)
    tokens, targets = conflict_sequences(QUIET, world, 0, 7, 20, generator)
    reads = [parts(one, world, target) for one, target in zip(tokens, targets.tolist(), strict=True)]
    assert all(read.classes[0] == read.classes[7] == read.classes[-1] == 0 for read in reads)
    assert all(read.labels[0] == read.target for read in reads)
    assert {read.classes.count(0) - 1 for read in reads} == {4, 5}  # the overwritten item was one of the class, or not


def test_the_picture_of_a_conflict(axes):
    shown = Parts(classes=(0, 1, 1, 0, 0), labels=(7, 9, 9, 9), target=7)
    sequence(axes, shown, right=0, other=3)
    blue, orange = PALETTE["blue"], PALETTE["orange"]
    assert colors(drawn(axes, Circle)) == [blue, orange, orange, blue, blue]
    assert colors(drawn(axes, Rectangle)) == [blue, orange, orange, orange, blue]  # the other place has two colors
    assert [patch.center[0] for patch in drawn(axes, Circle)] == [PLACE * place for place in range(5)]
    assert len(drawn(axes, FancyBboxPatch)) == 2
    texts = [text.get_text() for text in axes.texts]
    assert texts[-2:] == ["right", "other"] and texts[:3] == ["A", "7", "1"]
    low, high = axes.get_xlim()
    assert low < -0.46 and high > 4 * PLACE + 1.7 + 0.42


def test_without_places_there_are_no_frames_and_colors_follow_classes(axes):
    sequence(axes, Parts(classes=(1, 0, 2, 0), labels=(5, 6, 5), target=6))
    assert drawn(axes, FancyBboxPatch) == []
    assert colors(drawn(axes, Circle)) == [PALETTE[name] for name in ("orange", "blue", "green", "blue")]


@pytest.mark.parametrize(("right", "other"), [(0, 3), (-1, 0), (1, 1)])
def test_impossible_places_are_refused(axes, right, other):
    with pytest.raises(ValueError, match=r"right and other must be two items in 0 \.\. 2, got"):
        sequence(axes, Parts((0, 0, 0, 0), (1, 1, 1), 1), right, other)
