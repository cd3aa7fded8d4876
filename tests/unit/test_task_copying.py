"""Rules that copy are what a plain loop over items says, and their gaps are those that counting gives."""

import math

import pytest
import torch

from attention_atlas.outcomes.retrieval_names import GAPS, sides
from attention_atlas.tasks.copying import RULES, copied, guessing, labels_of, matches, on_tests
from attention_atlas.tasks.retrieval import Task, World, draw_world
from attention_atlas.tasks.retrieval_sequences import training_sequences
from attention_atlas.tasks.retrieval_tests import conflict_sequences, novel_sequences

QUIET = Task(noise=0.0)
CEILING = 4 / 7 * 31 / 32


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def hand(vectors, labels, query):
    """One sequence of one-dimensional vectors; label number l has the vector 100 + l."""
    world = World(
        torch.zeros(1, 1), 100.0 + torch.arange(5.0)[:, None], torch.zeros(1, dtype=torch.int64), torch.zeros(1)
    )
    pairs = [float(v) for pair in zip(vectors, labels, strict=True) for v in (pair[0], 100 + pair[1])]
    return torch.tensor([*pairs, float(query)])[None, :, None], world


def test_by_hand():
    tokens, world = hand([7, 8, 7, 8, 7], [1, 2, 3, 4, 3], 7)
    assert labels_of(tokens, world).tolist() == [[1, 2, 3, 4, 3]]
    assert matches(tokens).tolist() == [[True, False, True, False, True]]
    assert [copied(tokens, world, rule).item() for rule in RULES[:3]] == [1, 3, 3]


@pytest.mark.parametrize("burstiness", [1, 2, 4, 8])
def test_against_a_plain_loop(burstiness):
    task = Task(noise=0.0, burstiness=burstiness, labels=5, d_model=7)
    world = draw_world(task, generator())
    tokens, _ = training_sequences(task, world, 23, generator(1))
    tokens[:, 2] = tokens[:, -1]  # an item whose label is another's
    found = {rule: copied(tokens, world, rule).tolist() for rule in RULES[:3]}
    for number, sequence in enumerate(tokens):
        labels = [
            next(index for index, vector in enumerate(world.label_vectors) if torch.equal(vector, token))
            for token in sequence[1::2]
        ]
        same = [
            label for label, token in zip(labels, sequence[0:-1:2], strict=True) if torch.equal(token, sequence[-1])
        ]
        assert found["first match"][number] == same[0] and found["last match"][number] == same[-1]
        assert same.count(found["majority of matches"][number]) == max(map(same.count, same))


def test_training_sequences_are_answered_by_every_rule_that_compares():
    world = draw_world(QUIET, generator())
    tokens, targets = training_sequences(QUIET, world, 300, generator(1))
    for rule in RULES[:3]:
        assert torch.equal(copied(tokens, world, rule), targets)


@pytest.mark.parametrize(
    ("rule", "gaps"),
    [("first match", (CEILING, CEILING, 0)), ("last match", (-31 / 32 / 35, -CEILING, -CEILING)),
     ("majority of matches", (0, 0, 0)), ("random item", (0, 0, 0))],
)  # fmt: skip
def test_gaps_of_the_rules(rule, gaps):
    size = 4_000
    accuracy = on_tests(QUIET, draw_world(QUIET, generator()), size, generator(1)).set_index(["quantity", "test"])[
        "value"
    ]
    for (right, other), gap in zip(map(sides, GAPS), gaps, strict=True):
        assert abs(accuracy[rule, right] - accuracy[rule, other] - gap) <= 5 * math.sqrt(0.5 / size)


def test_tests_against_a_plain_loop():
    world, size = draw_world(QUIET, generator()), 37
    table = on_tests(QUIET, world, size, generator(1)).set_index(["test", "quantity"])["value"]
    assert table.index.is_unique and len(table) == 7 * len(RULES) + 6
    source, seen = generator(1), 0
    drawn = {"novel": novel_sequences(QUIET, world, size, source)}
    guesses = {"novel": copied(drawn["novel"][0], world, "random item", source)}
    for a, b in (("first", "middle"), ("first", "last"), ("middle", "last")):
        for right, other in ((a, b), (b, a)):
            pair = [QUIET.place(right), QUIET.place(other)]
            tokens, targets = drawn[f"{right}_over_{other}"] = conflict_sequences(QUIET, world, *pair, size, source)
            guesses[f"{right}_over_{other}"] = copied(tokens, world, "random item", source)
            labels = [[row[place] for place in pair] for row in labels_of(tokens, world).tolist()]
            alike = sum(one == another for one, another in labels)
            assert table[f"{right}_over_{other}", "one label"] == pytest.approx(alike / size)
            seen += alike
    assert 0 < seen < 6 * size and set(table.index.levels[0]) == set(drawn)
    for test, (tokens, targets) in drawn.items():
        for rule in RULES:
            answers = guesses[test] if rule == "random item" else copied(tokens, world, rule)
            right = sum(a == b for a, b in zip(answers.tolist(), targets.tolist(), strict=True))
            assert table[test, rule] == pytest.approx(right / size)


def test_where_every_item_has_one_class_nothing_is_in_conflict():
    task = Task(noise=0.0, burstiness=8)
    table = on_tests(task, draw_world(task, generator()), 11, generator(1)).set_index(["quantity", "test"])["value"]
    assert (table["one label"] == 1).all() and all((table[rule] == 1).all() for rule in RULES)


def test_negative_control_tests_with_noise_are_refused():
    with pytest.raises(ValueError, match="5 of 5 queries match no item; draw sequences without noise"):
        on_tests(Task(), draw_world(Task(), generator()), 5, generator(1))


def test_negative_control_with_noise_nothing_matches():
    world = draw_world(Task(), generator())
    tokens, _ = training_sequences(Task(), world, 7, generator(1))
    with pytest.raises(ValueError, match="7 of 7 queries match no item; draw sequences without noise"):
        copied(tokens, world, "first match")


def test_an_unknown_rule_is_refused():
    tokens, world = hand([7], [1], 7)
    with pytest.raises(ValueError, match="unknown rule 'nearest'; allowed: first match"):
        copied(tokens, world, "nearest")


@pytest.mark.parametrize("burstiness", [2, 4, 8])
def test_guessing_a_label_of_the_sequence_against_sequences(burstiness):
    task = Task(noise=0.0, burstiness=burstiness, labels=3)
    world, size = draw_world(task, generator()), 6_000
    tokens, targets = novel_sequences(task, world, size, generator(1))
    of_sequence = labels_of(tokens, world)
    share = (of_sequence == targets[:, None]).double().mean(1)
    accuracy, loss = guessing(task)["a label of the sequence"]
    assert share.mean().item() == pytest.approx(accuracy, abs=5 * 0.5 / math.sqrt(size))
    assert -share.log().mean().item() == pytest.approx(loss, abs=5 * 0.7 / math.sqrt(size))
    guesses = copied(tokens, world, "random item", generator(2))
    assert (guesses == targets).double().mean().item() == pytest.approx(accuracy, abs=5 * 0.5 / math.sqrt(size))


def test_guessing_any_label():
    assert guessing(Task(labels=5))["any label"] == (1 / 5, math.log(5))
