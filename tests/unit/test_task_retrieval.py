"""Dumb cases, the plain loop over a sequence, the statistics of the draw, the six test sets, negative controls."""

import math
from collections import Counter
from dataclasses import replace
from itertools import combinations, permutations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from attention_atlas.tasks.retrieval import PLACES, Task, World, draw_world
from attention_atlas.tasks.retrieval_sequences import (
    arrange,
    class_cosines,
    spell,
    training_layout,
    training_sequences,
    word_vectors,
)
from attention_atlas.tasks.retrieval_tests import conflict_sequences, novel_sequences

NO_NOISE = Task(items=6, d_model=11, classes=13, labels=5, burstiness=3, noise=0.0, scale="text")
PAIRS = list(permutations(PLACES, 2))


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def drawn(task, seed=0, dtype=torch.float64):
    return draw_world(task, seeded(seed), dtype)


def close_share(hits, expected):
    """Whether a share of independent draws is within five standard errors of what it should be."""
    return abs(hits.double().mean().item() - expected) <= 5 * math.sqrt(expected * (1 - expected) / len(hits))


def row_of(vector, table):
    """Index of the row that equals a vector; there must be just one."""
    (row,) = [row for row, other in enumerate(table) if torch.allclose(vector, other, rtol=0, atol=1e-12)]
    return row


def items_of(tokens):
    """One sequence as its pairs of a vector and a label's vector, and its query."""
    return [(tokens[t], tokens[t + 1]) for t in range(0, len(tokens) - 1, 2)], tokens[-1]


# Dumb cases


def test_the_default_is_the_main_task_of_the_paper():
    task = Task()
    assert (task.tokens, task.distinct, task.deviation) == (17, 2, 1 / 64)
    assert [task.place(name) for name in PLACES] == [0, 4, 7]
    assert replace(task, scale="text").deviation == 1 / 8


@pytest.mark.parametrize(("items", "places"), [(1, [0, 0, 0]), (2, [0, 1, 1]), (5, [0, 2, 4]), (8, [0, 4, 7])])
def test_the_middle_is_the_item_after_half_of_them(items, places):
    assert [Task(items=items, burstiness=1).place(name) for name in PLACES] == places


def test_one_item_of_one_class_is_asked_for():
    task = Task(items=1, d_model=3, classes=1, labels=1, burstiness=1, noise=0.0)
    world = drawn(task)
    tokens, targets = training_sequences(task, world, 2, seeded())
    assert torch.equal(tokens, torch.cat((world.means, world.label_vectors, world.means)).expand(2, 3, 3))
    assert targets.tolist() == [0, 0]


@pytest.mark.parametrize("draw", [training_sequences, novel_sequences])
def test_shapes_and_types(draw):
    task = Task(items=6, d_model=5, classes=7, labels=3, burstiness=2)
    for dtype in (torch.float32, torch.float64):
        tokens, targets = draw(task, drawn(task, dtype=dtype), 11, seeded())
        assert tokens.shape == (11, 13, 5) and tokens.dtype == dtype and tokens.isfinite().all()
        assert targets.shape == (11,) and targets.dtype == torch.int64


def test_many_classes_do_not_make_a_sequence_dear():
    task = Task(classes=10**6, d_model=1)  # a table of sequences times classes would take 16 GB
    tokens, _ = training_sequences(task, drawn(task, dtype=torch.float32), 2003, seeded())
    assert tokens.shape == (2003, 17, 1)


# The plain loop


@given(
    distinct=st.integers(1, 4),
    burstiness=st.integers(1, 3),
    spare=st.integers(0, 3),
    labels=st.integers(1, 5),
    vocabulary=st.sampled_from(["gaussian_mixture", "fixed"]),
    data=st.data(),
    seed=st.integers(0, 2**31),
)
def test_training_sequences_read_item_by_item(distinct, burstiness, spare, labels, vocabulary, data, seed):
    items = distinct * burstiness
    places = tuple(data.draw(st.sets(st.integers(0, items - 1))))
    task = Task(items, 3, distinct + spare, labels, burstiness, 0.0, "text", vocabulary, 0.5, places)
    world = drawn(task, seed)
    # What a vector of each class must be, class by class: there is no noise in either vocabulary.
    own = [(m + 0.5 * world.shared) / math.sqrt(1.25) if vocabulary == "fixed" else m for m in world.means]
    for tokens, target in zip(*training_sequences(task, world, 5, seeded(seed + 1)), strict=True):
        pairs, query = items_of(tokens)
        kinds = [row_of(vector, own) for vector, _ in pairs]
        assert sorted(Counter(kinds).values()) == [burstiness] * distinct
        for kind, (_, label) in zip(kinds, pairs, strict=True):
            assert torch.equal(label, world.label_vectors[world.class_labels[kind]])
        assert row_of(query, own) in {kinds[place] for place in places or range(items)}
        assert target == world.class_labels[row_of(query, own)]


@pytest.mark.parametrize("places", [(), (0,), (2, 5)])
def test_novel_sequences_read_item_by_item(places):
    world = drawn(NO_NOISE)
    asked = set()
    for tokens, target in zip(*novel_sequences(NO_NOISE, world, 31, seeded(1), places), strict=True):
        pairs, query = items_of(tokens)
        label_of = {tuple(vector.tolist()): row_of(label, world.label_vectors) for vector, label in pairs}
        kinds = [tuple(vector.tolist()) for vector, _ in pairs]
        assert sorted(Counter(kinds).values()) == [3, 3]
        for kind, (_, label) in zip(kinds, pairs, strict=True):  # one label per class
            assert torch.equal(label, world.label_vectors[label_of[kind]])
        assert tuple(query.tolist()) in {kinds[place] for place in places or range(6)}
        assert target == label_of[tuple(query.tolist())]
        asked |= {place for place in range(6) if kinds[place] == tuple(query.tolist())}
    assert asked == set(range(6))  # the others of the query's class may stand anywhere


# The statistics of the draw


@pytest.mark.parametrize("scale", ["code", "text"])
def test_components_have_the_scale_of_the_task(scale):
    task = Task(scale=scale, labels=2053, d_model=61)
    world = drawn(task)
    tokens, _ = novel_sequences(task, world, 2003, seeded(1))
    expected = {"code": 1 / 61, "text": 1 / math.sqrt(61)}[scale]
    for table in (world.means, world.label_vectors, tokens[:, ::2], tokens[:, -1]):
        assert table.std().item() == pytest.approx(expected, rel=0.02)
        assert abs(table.mean()) < 0.02 * expected


@pytest.mark.parametrize("noise", [0.0, 0.75, 2.0])
def test_two_vectors_of_a_class_have_its_mean_in_common(noise):
    task = Task(noise=noise, burstiness=8)  # one class in a sequence
    tokens, _ = training_sequences(task, drawn(task), 2003, seeded(1))
    vectors = tokens[:, ::2]
    products = vectors @ vectors.mT / vectors.square().sum(-1).mean()
    for one, other in combinations(range(9), 2):  # the query, the last of them, is no exception
        assert products[:, one, other].mean().item() == pytest.approx(1 / (1 + noise**2), abs=0.02)


def test_cosines_of_one_and_of_two_classes_as_a_plain_loop_finds_them():
    task = Task(items=6, d_model=5, classes=7, labels=3, burstiness=2)
    world, generator = drawn(task), seeded(1)
    index, _ = training_layout(task, world, 11, generator)
    tokens = spell(task, word_vectors(task, world), index, generator)
    found = {True: [], False: []}
    for words, vectors in zip(index, tokens, strict=True):
        for one, other in combinations(range(0, 12, 2), 2):
            cosine = torch.dot(vectors[one], vectors[other]) / (vectors[one].norm() * vectors[other].norm())
            found[bool(words[one] == words[other])].append(cosine.item())
    assert [len(pairs) for pairs in found.values()] == [11 * 3, 11 * 12]
    assert class_cosines(tokens, index) == pytest.approx(tuple(sum(pairs) / len(pairs) for pairs in found.values()))


@pytest.mark.parametrize(
    ("vocabulary", "one", "two"), [("gaussian_mixture", 1 / 1.5625, 0.0), ("fixed", 1.0, 0.5625 / 1.5625)]
)
def test_cosines_are_what_the_sizes_of_noise_and_shared_direction_make_them(vocabulary, one, two):
    task = Task(vocabulary=vocabulary, d_model=1009)
    world, generator = drawn(task), seeded(1)
    index, _ = training_layout(task, world, 211, generator)
    tokens = spell(task, word_vectors(task, world), index, generator)
    assert class_cosines(tokens, index) == pytest.approx((one, two), abs=0.03)


def test_where_there_is_one_class_no_two_are_compared():
    task = Task(items=2, d_model=3, classes=1, labels=1, burstiness=2)
    world, generator = drawn(task), seeded(1)
    index, _ = training_layout(task, world, 3, generator)
    one, two = class_cosines(spell(task, word_vectors(task, world), index, generator), index)
    assert -1 <= one <= 1 and math.isnan(two)


def test_negative_control_two_classes_have_nothing_in_common():
    task = Task(burstiness=1)
    tokens, _ = training_sequences(task, drawn(task), 2003, seeded(1))
    assert abs(torch.cosine_similarity(tokens[:, 0], tokens[:, 2], dim=-1).mean()) < 0.02


def test_no_vector_of_the_mixture_comes_twice():
    task = Task()
    tokens, _ = training_sequences(task, drawn(task), 211, seeded(1))
    assert len(tokens[:, ::2].reshape(-1, 64).unique(dim=0)) == 211 * 9


def test_a_fixed_vocabulary_has_one_vector_per_class_and_a_direction_in_common():
    task = Task(vocabulary="fixed", classes=29, noise=7.0, anisotropy=2.0, d_model=251)
    world = drawn(task)
    tokens, _ = training_sequences(task, world, 211, seeded(1))
    vectors = tokens[:, ::2].reshape(-1, 251).unique(dim=0)
    assert len(vectors) == 29
    cosines = torch.nn.functional.normalize(vectors, dim=-1) @ torch.nn.functional.normalize(vectors, dim=-1).mT
    assert cosines[~torch.eye(29, dtype=torch.bool)].mean().item() == pytest.approx(4 / 5, abs=0.05)
    novel, _ = novel_sequences(task, world, 211, seeded(1))
    assert torch.cosine_similarity(novel[:, 0], world.shared, dim=-1).mean().item() == pytest.approx(0.8**0.5, abs=0.05)
    assert not drawn(Task()).shared.any()  # the mixture has none


def test_every_set_of_classes_in_every_order_is_equally_likely():
    task = Task(items=3, d_model=1, classes=4, labels=4, burstiness=1, noise=0.0)
    world = World(torch.arange(4.0)[:, None], torch.zeros(4, 1), torch.arange(4), torch.zeros(1))
    tokens, _ = training_sequences(task, world, 24_000, seeded(1))
    counts = Counter(map(tuple, tokens[:, 0:-1:2, 0].long().tolist()))
    assert set(counts) == set(permutations(range(4), 3))
    # Chi-square with 23 degrees of freedom: above 70 in one of a million draws.
    assert sum((count - 1000) ** 2 / 1000 for count in counts.values()) < 70


@pytest.mark.parametrize("places", [(), (0,), (3,), (0, 4)])
def test_the_query_is_of_the_allowed_places_and_equally_often_of_each(places):
    task = Task(items=5, d_model=2, classes=17, burstiness=1, noise=0.0, places=places)
    world = drawn(task)
    for tokens, _ in (
        training_sequences(task, world, 4001, seeded(1)),
        novel_sequences(replace(task, places=(1,)), world, 4001, seeded(1), places),  # the task's are not its own
    ):
        hits = (tokens[:, 0:-1:2] == tokens[:, -1:]).all(-1)
        assert (hits.sum(1) == 1).all()
        for place in range(5):
            if place in (places or range(5)):
                assert close_share(hits[:, place], 1 / (len(places) or 5))
            else:
                assert not hits[:, place].any()


def test_labels_of_classes_are_uniform():
    labels = drawn(Task(labels=3, classes=9001, d_model=1)).class_labels
    assert labels.dtype == torch.int64
    assert all(close_share(labels == label, 1 / 3) for label in range(3))


# Novel classes and the six test sets


def test_novel_classes_are_neither_trained_ones_nor_each_other():
    world = drawn(NO_NOISE)
    tokens, _ = novel_sequences(NO_NOISE, world, 101, seeded(1))
    vectors = tokens[:, 0:-1:2].reshape(-1, 11)
    assert not (vectors[:, None] == world.means).all(-1).any()
    assert len(vectors.unique(dim=0)) == 2 * 101
    assert (vectors != vectors.float()).all()  # drawn in the world's precision, not only stored in it
    trained, _ = training_sequences(NO_NOISE, world, 101, seeded(1))  # negative control
    assert (trained[:, 0:-1:2].reshape(-1, 1, 11) == world.means).all(-1).any(1).all()


def test_novel_labels_are_uniform_and_independent_of_the_trained_ones():
    task = Task(items=2, burstiness=1, labels=3, classes=2, d_model=1)
    world = replace(drawn(task), class_labels=torch.tensor([2, 2]))
    tokens, targets = novel_sequences(task, world, 9001, seeded(1))
    assert all(close_share(targets == label, 1 / 3) for label in range(3))
    assert close_share(tokens[:, 1, 0] == tokens[:, 3, 0], 1 / 3)


@pytest.mark.parametrize("vocabulary", ["gaussian_mixture", "fixed"])
@pytest.mark.parametrize(("right", "other"), PAIRS)
def test_the_six_test_sets(right, other, vocabulary):
    task = Task(items=6, d_model=11, classes=13, labels=5, burstiness=3, vocabulary=vocabulary, places=(1,))
    world, right, other = drawn(task), task.place(right), task.place(other)
    tokens, targets = conflict_sequences(task, world, right, other, 101, seeded(1))
    assert torch.equal(tokens[:, 2 * other], tokens[:, 2 * right])
    assert torch.equal(tokens[:, 2 * right + 1], world.label_vectors[targets])
    wrong = (tokens[:, 2 * other + 1] != tokens[:, 2 * right + 1]).any(-1)
    assert 0 < wrong.sum() < 101  # some hold a conflict, not all
    # All else is a sequence of novel classes whose query is of the right place.
    plain, plain_targets = novel_sequences(task, world, 101, seeded(1), (right,))
    assert torch.equal(targets, plain_targets)
    kept = [token for token in range(13) if token != 2 * other]
    assert torch.equal(tokens[:, kept], plain[:, kept])
    # The query is the same vector only where a class has but one.
    assert (tokens[:, -1] == tokens[:, 2 * right]).all(-1).all() == (vocabulary == "fixed")
    assert len(tokens[:, 2 * right].unique(dim=0)) == 101


@pytest.mark.parametrize(("right", "other"), PAIRS)
def test_almost_half_of_the_test_sequences_hold_no_conflict(right, other):
    task = Task(d_model=1)
    tokens, _ = conflict_sequences(task, drawn(task), task.place(right), task.place(other), 100_003, seeded(1))
    one_label = tokens[:, 2 * task.place(right) + 1, 0] == tokens[:, 2 * task.place(other) + 1, 0]
    assert close_share(one_label, 3 / 7 + 4 / 7 / 32)  # .4464, the ledger's wu2025-gap-ceiling
    assert not close_share(one_label, 3 / 7)  # negative control: two classes with one label count too


# Seeds


@pytest.mark.parametrize(
    "draw",
    [
        training_sequences,
        novel_sequences,
        lambda task, world, sequences, generator: conflict_sequences(task, world, 0, 3, sequences, generator),
    ],
    ids=["training", "novel", "conflict"],
)
def test_a_seed_decides_the_sequences_and_the_global_one_does_not(draw):
    task = Task(d_model=5)
    torch.manual_seed(0)
    (tokens, targets), different = (draw(task, drawn(task), 211, seeded(seed)) for seed in (3, 4))
    state = torch.get_rng_state()
    again = draw(task, drawn(task), 211, seeded(3))
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(tokens, again[0]) and torch.equal(targets, again[1])
    assert not torch.equal(tokens, different[0]) and not torch.equal(targets, different[1])
    generator = seeded(3)
    assert not torch.equal(*(draw(task, drawn(task), 211, generator)[0] for _ in range(2)))  # it goes on


def test_drawing_leaves_the_world_as_it_was():
    task = Task(d_model=5, classes=7)
    world, untouched = drawn(task), drawn(task)
    training_sequences(task, world, 11, seeded())
    conflict_sequences(task, world, 0, 7, 11, seeded())
    assert all(torch.equal(getattr(world, name), getattr(untouched, name)) for name in vars(world))


# Refusals


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"items": 0}, "items must be at least 1, got 0"),
        ({"d_model": 0}, "d_model must be at least 1, got 0"),
        ({"classes": -1}, "classes must be at least 1, got -1"),
        ({"labels": 0}, "labels must be at least 1, got 0"),
        ({"burstiness": 0}, "burstiness must be at least 1, got 0"),
        ({"burstiness": 3}, "burstiness must divide the 8 items, got 3"),
        ({"burstiness": 16}, "burstiness must divide the 8 items, got 16"),
        ({"burstiness": 1, "classes": 7}, "a sequence holds 8 distinct classes, got a task of 7"),
        ({"noise": -0.1}, "noise must be a finite number of at least 0, got -0.1"),
        ({"noise": math.nan}, "noise must be a finite number of at least 0, got nan"),
        ({"anisotropy": math.inf}, "anisotropy must be a finite number of at least 0, got inf"),
        ({"scale": "paper"}, "unknown scale 'paper'; allowed: code, text"),
        ({"vocabulary": "free"}, "unknown vocabulary 'free'; allowed: gaussian_mixture, fixed"),
        ({"places": (8,)}, r"places must be different items in 0 .. 7, got \(8,\)"),
        ({"places": (-1,)}, r"places must be different items in 0 .. 7, got \(-1,\)"),
        ({"places": (0, 0)}, r"places must be different items in 0 .. 7, got \(0, 0\)"),
    ],
)
def test_impossible_tasks_are_refused_in_a_line(change, message):
    with pytest.raises(ValueError, match=rf"\A{message}\Z"):
        Task(**change)


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda t, w, g: t.place("end"), "unknown place 'end'; allowed: first, middle, last"),
        (lambda t, w, g: training_sequences(t, w, 0, g), "there must be at least 1 sequence, got 0"),
        (lambda t, w, g: novel_sequences(t, w, -1, g), "there must be at least 1 sequence, got -1"),
        (lambda t, w, g: conflict_sequences(t, w, 0, 1, 0, g), "there must be at least 1 sequence, got 0"),
        (lambda t, w, g: novel_sequences(t, w, 1, g, (6,)), r"places must be different items in 0 .. 5, got \(6,\)"),
        (lambda t, w, g: conflict_sequences(t, w, 2, 2, 1, g), "a conflict needs two different places, got 2 twice"),
        (
            lambda t, w, g: conflict_sequences(t, w, 0, -1, 1, g),
            r"places must be different items in 0 .. 5, got \(0, -1\)",
        ),
        (
            lambda t, w, g: arrange(t, w, torch.zeros(1, 3, dtype=torch.int64), (), g),
            "a sequence of this task holds 2 classes, got 3",
        ),
        (
            lambda t, w, g: training_sequences(replace(t, labels=7), w, 1, g),
            r"the task's class means and label vectors have shapes \(13, 11\) and \(7, 11\), "
            r"the world's have \(13, 11\) and \(5, 11\)",
        ),
    ],
)
def test_impossible_requests_are_refused_in_a_line(ask, message):
    with pytest.raises(ValueError, match=rf"\A{message}\Z"):
        ask(NO_NOISE, drawn(NO_NOISE), seeded())


@pytest.mark.parametrize("vocabulary", ["gaussian_mixture", "fixed"])
def test_laid_out_at_once_and_spelled_in_parts_they_are_the_same_sequences(vocabulary):
    """At the paper's sizes exactly; in general torch draws normal numbers in groups of 16."""
    task = Task(vocabulary=vocabulary)
    world, whole, parts = drawn(task), seeded(5), seeded(5)
    tokens, targets = training_sequences(task, world, 60, whole)
    index, same = training_layout(task, world, 60, parts)
    spelled = torch.cat([spell(task, word_vectors(task, world), words, parts) for words in index.split(20)])
    assert torch.equal(spelled, tokens) and torch.equal(same, targets)
    assert torch.equal(whole.get_state(), parts.get_state())
    other = torch.cat([spell(task, word_vectors(task, world), words, seeded(6)) for words in index.split(20)])
    assert torch.equal(other, tokens) == (vocabulary == "fixed")  # negative control: other noise
