"""Training with measurements: the same model in any company, undisturbed by its tests, and unbroken by a break."""

import math
from itertools import permutations

import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from attention_atlas.masks import dense, named
from attention_atlas.models.attention_only import AttentionOnly
from attention_atlas.outcomes.retrieval_names import GAPS
from attention_atlas.sinks import attention_received, sink_share_gu2025, sink_share_wu2025
from attention_atlas.tasks.retrieval import PLACES, Task
from attention_atlas.tasks.retrieval_sequences import spell, training_layout, training_sequences, word_vectors
from attention_atlas.tasks.retrieval_tests import conflict_sequences, novel_sequences
from attention_atlas.training import retrieval
from attention_atlas.training.retrieval import CHUNK, Training
from attention_atlas.training.trajectory import Schedule, trajectory
from plain_retrieval import PlainNetwork

ITEMS, D_MODEL, LABELS, BATCH, TESTS = 3, 10, 5, 7, 23
TOKENS = 2 * ITEMS + 1
TASK = Task(items=ITEMS, d_model=D_MODEL, classes=29, labels=LABELS, burstiness=1, scale="text")
TASKS = [TASK] + [Task(**{**vars(TASK), **other}) for other in ({"places": (0,)}, {"noise": 0.1, "places": (1, 2)})]
SHAPES = [
    {"residual": True},
    {"residual": True, "mask": "none", "position_encoding": "sin"},
    {"residual": True, "mask": "sliding_window", "mask_parameter": 3, "position_encoding": "decay"},
]
SEEDS, SCALES = [(0, 0), (1, 0), (3, 2)], [1.0, 3.0, 2.0]
SCALARS = {"training", "in_context", *(f"{a}_over_{b}" for a, b in permutations(PLACES, 2)), *GAPS}
SINKS = {"received", "sink_wu2025", "sink_gu2025"}


def made(which=(0, 1, 2), **other):
    """Some of three models that differ in mask, encoding, task, seeds and initial scale."""
    models = [AttentionOnly(d_model=D_MODEL, labels=LABELS, **SHAPES[model]) for model in which]
    parts = ([rows[model] for model in which] for rows in (TASKS, SEEDS))
    return Training(models, *parts, BATCH, initial_scale=[SCALES[model] for model in which], **other)


def same(one, other):
    return all(torch.equal(one.ensemble.parameters[name], value) for name, value in other.ensemble.parameters.items())


def source(seed, number):
    """The generators that belong to a seed: 0 first weights, 1 world, 2 sequences, 3 tests."""
    return torch.Generator().manual_seed(4 * seed + number)


@pytest.mark.parametrize(
    ("call", "got"),
    [
        (lambda: Schedule(0), "steps must be a positive multiple of 20, got 0"),
        (lambda: Schedule(-20), "multiple of 20, got -20"),
        (lambda: Schedule(101), "multiple of 20, got 101"),
        (lambda: Schedule(100, review=0), "review must be a positive multiple of 10000 steps, got 0"),
        (lambda: Schedule(100, review=15_000), "multiple of 10000 steps, got 15000"),
        (lambda: Schedule(100, enough=0.0), r"accuracy in \(0, 1\], got 0.0"),
        (lambda: Schedule(100, enough=1.1), r"accuracy in \(0, 1\], got 1.1"),
    ],
)
def test_impossible_schedules_are_refused_in_one_line(call, got):
    with pytest.raises(ValueError, match=got) as refusal:
        call()
    assert "\n" not in str(refusal.value)


def test_records_by_hand():
    assert Schedule(20).records() == [0, 20]
    assert Schedule(100).records() == [0, 100]
    assert Schedule(520).records() == [0, 100, 200, 500, 520]
    assert Schedule(30_020).records()[-6:] == [2000, 5000, 10_000, 20_000, 30_000, 30_020]
    assert {0, 100_000, 300_000} < set(Schedule(300_000).records()) and len(Schedule(300_000).records()) == 37


@given(chunks=st.integers(1, 20_000), reviews=st.integers(1, 12))
def test_every_review_is_a_record_and_every_record_can_be_reached(chunks, reviews):
    schedule = Schedule(CHUNK * chunks, 10_000 * reviews)
    records = schedule.records()
    assert records == sorted(set(records)) and records[0] == 0 and records[-1] == schedule.steps
    assert all(step % CHUNK == 0 for step in records)
    expected = {*range(schedule.review, schedule.steps, schedule.review), schedule.steps}
    assert {step for step in records if schedule.is_review(step)} == expected


@pytest.mark.parametrize("model", [0, 1, 2])
def test_a_model_becomes_the_same_alone_and_in_company(model):
    """Tasks, masks, encodings, seeds and initial scales differ; float32 rounding over 200 steps of AdamW remains."""
    schedule = Schedule(200)
    together, alone, other = made(), made([model]), made([(model + 1) % 3])
    expected = trajectory(together, schedule, TESTS, maps=True)[model]
    table = trajectory(alone, schedule, TESTS, maps=True)[0]
    columns = ["step", "quantity", "layer", "query", "key"]
    pd.testing.assert_frame_equal(table[columns], expected[columns])
    accuracies = table.quantity.isin(SCALARS | {"sink_wu2025", "sink_gu2025"})
    counts = (table.value - expected.value)[accuracies].abs() * TESTS
    assert counts.max() <= 1.01  # at most one sequence on the verge
    pd.testing.assert_series_equal(table.value[~accuracies], expected.value[~accuracies], rtol=0, atol=2e-6)
    trajectory(other, schedule, TESTS)
    for name, value in alone.ensemble.parameters.items():
        in_company = together.ensemble.parameters[name][model]
        torch.testing.assert_close(value[0], in_company, rtol=0, atol=1e-6, msg=name)
        moved = (value[0] - other.ensemble.parameters[name][0]).abs().max()
        assert moved > 0.01  # negative control: another model


def test_a_model_is_the_plain_one_trained_with_torch_on_the_same_sequences():
    """Worlds, first weights, sequences and optimizer together, by the plain loop."""
    training = made([1])
    module = PlainNetwork(D_MODEL, LABELS, **SHAPES[1]).load(training.ensemble.parameters, 0)
    world = retrieval.draw_world(TASKS[1], source(1, 1))
    optimizer = torch.optim.AdamW(module.parameters(), 1e-3, weight_decay=1e-6)
    generator, losses = source(0, 2), []
    for _ in range(2):
        index, targets = training_layout(TASKS[1], world, CHUNK * BATCH, generator)
        for words, y in zip(index.split(BATCH), targets.split(BATCH), strict=True):
            x = spell(TASKS[1], word_vectors(TASKS[1], world), words, generator)
            optimizer.zero_grad()
            loss = torch.nn.functional.cross_entropy(module(x), y)
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
    assert training.advance(2 * CHUNK).item() == pytest.approx(sum(losses) / len(losses), rel=1e-6)
    for name, index, own, transposed in module.places():
        found = training.ensemble.parameters[name][(0, *index)]
        torch.testing.assert_close(found.T if transposed else found, own.detach(), rtol=0, atol=1e-6)


def test_first_weights_are_the_seeds_and_scaled_in_the_attention_alone():
    plain, scaled = (
        Training([AttentionOnly(d_model=D_MODEL, labels=LABELS)], [TASK], [(5, 7)], initial_scale=scale)
        for scale in (None, [3.0])
    )
    expected = plain.network.initial([source(7, 0)])
    for name, value in expected.items():
        assert torch.equal(plain.ensemble.parameters[name], value)
        factor = 3 if name in ("query", "key", "value") else 1
        assert torch.equal(scaled.ensemble.parameters[name], factor * value)


def test_a_seed_of_the_world_alone_shares_weights_and_order():
    """As in the official code: other classes and labels, in the same order, from the same start."""
    task = Task(**{**vars(TASK), "vocabulary": "fixed"})
    model, seen = AttentionOnly(d_model=D_MODEL, labels=LABELS), []
    training = Training([model] * 3, [task] * 3, [(0, 0), (1, 0), (1, 1)], BATCH)
    step = training.ensemble.step
    training.ensemble.step = lambda tokens, targets: (seen.append(tokens.clone()), step(tokens, targets))
    start = {name: value.clone() for name, value in training.ensemble.parameters.items()}
    training.advance(CHUNK)
    length = math.hypot(1, task.anisotropy)
    classes = []  # of every vector, recognized in its own world
    for number, world in enumerate(training.worlds):
        vectors = torch.stack(seen)[:, number, :, ::2]
        table = (world.means + task.anisotropy * world.shared) / length
        classes.append(torch.cdist(vectors.flatten(0, 2), table).argmin(1))
        torch.testing.assert_close(table[classes[-1]], vectors.flatten(0, 2))
    assert torch.equal(classes[0], classes[1]) and not torch.equal(classes[0], classes[2])
    assert not torch.equal(training.worlds[0].means, training.worlds[1].means)
    assert torch.equal(training.worlds[1].means, training.worlds[2].means)
    assert all(torch.equal(v[0], v[1]) and not torch.equal(v[0], v[2]) for v in start.values())


def test_accuracies_are_those_of_the_plain_loop(monkeypatch):
    """Sequences in the documented order, seven at a time, answered by the plain network; and once more the same."""
    monkeypatch.setattr(retrieval, "HELD", 7)
    training = made()
    training.advance(100)
    found = training.accuracies(TESTS)
    for model, (task, world) in enumerate(zip(TASKS, training.worlds, strict=True)):
        module = PlainNetwork(D_MODEL, LABELS, **SHAPES[model]).load(training.ensemble.parameters, model)
        generator, right = source(SEEDS[model][1], 3), {}
        for size in (7, 7, 7, 2):
            drawn = {"training": training_sequences(task, world, size, generator)}
            drawn["in_context"] = novel_sequences(task, world, size, generator, task.places)
            for (a, i), (b, j) in permutations({"first": 0, "middle": 1, "last": 2}.items(), 2):
                drawn[f"{a}_over_{b}"] = conflict_sequences(task, world, i, j, size, generator)
            for kind, (tokens, targets) in drawn.items():
                right[kind] = right.get(kind, 0) + (module(tokens).argmax(-1) == targets).sum().item()
        assert {kind: round(value * TESTS) for kind, value in found[model].items()} == right
    assert training.accuracies(TESTS) == found
    training.advance(100)
    assert training.accuracies(TESTS) != found


@pytest.mark.parametrize(("place", "gaps"), [("first", (1, 1, 0)), ("middle", (-1, 0, 1)), ("last", (0, -1, -1))])
def test_an_oracle_that_copies_from_one_place_has_the_gaps_of_that_place(monkeypatch, place, gaps):
    """The sizes of the paper's task: where the labels differ it is always or never right, so a gap is 0 or .5536."""
    task = Task(places=(Task().place(place),))
    training = Training([AttentionOnly()], [task], [(0, 0)])
    label = training.worlds[0].label_vectors
    token = 2 * task.places[0] + 1
    monkeypatch.setattr(training.network, "logits", lambda _, x: -torch.cdist(x[:, :, token], label[None]))
    monkeypatch.setattr(training, "advance", lambda steps: torch.zeros(1))
    monkeypatch.setattr(training, "sinks", lambda sequences: [{}])
    table = trajectory(training, Schedule(20), 1000)[0]
    last = table[table.step == 20].set_index("quantity").value
    assert last["training"] == last["in_context"] == 1
    assert all(last[f"{place}_over_{other}"] == 1 for other in PLACES if other != place)
    error = math.sqrt(2 * 0.25 / 1000)
    assert last[list(GAPS)].tolist() == pytest.approx([0.5536 * sign for sign in gaps], abs=4.5 * error)


def test_measuring_does_not_disturb_training():
    measured, left_alone = made(), made()
    for _ in range(3):
        measured.accuracies(TESTS)
        measured.sinks(TESTS)
        measured.mean_maps(TESTS)
        losses = measured.advance(CHUNK), left_alone.advance(CHUNK)
        assert torch.equal(*losses)
    assert same(measured, left_alone) and measured.steps == 3 * CHUNK


@pytest.mark.parametrize("held", [500, 7])
def test_sinks_and_maps_are_those_of_all_sequences_at_once(monkeypatch, held):
    """Asked everywhere, whatever the places of training; however many sequences are held at a time."""
    monkeypatch.setattr(retrieval, "HELD", held)
    training = made()
    training.advance(100)
    sinks, mean_maps = training.sinks(TESTS), training.mean_maps(TESTS)
    for model, (task, world) in enumerate(zip(TASKS, training.worlds, strict=True)):
        generator, everywhere = source(SEEDS[model][1], 3), Task(**{**vars(task), "places": ()})
        sizes = [min(held, TESTS - start) for start in range(0, TESTS, held)]
        tokens = torch.cat([training_sequences(everywhere, world, size, generator)[0] for size in sizes])
        module = PlainNetwork(D_MODEL, LABELS, **SHAPES[model]).load(training.ensemble.parameters, model)
        maps = module.double()(tokens.double(), maps=True)[1].detach()
        mask = dense(named(module.mask, module.mask_parameter, TOKENS), TOKENS)
        received = attention_received(maps, mask).mean((0, 1))
        torch.testing.assert_close(sinks[model]["received"], received, rtol=1e-5, atol=0)
        one_entry = 1.01 / TESTS  # one entry on the verge of the threshold
        torch.testing.assert_close(sinks[model]["sink_wu2025"], sink_share_wu2025(maps, mask), rtol=0, atol=one_entry)
        torch.testing.assert_close(sinks[model]["sink_gu2025"], sink_share_gu2025(maps, mask), rtol=0, atol=one_entry)
        torch.testing.assert_close(mean_maps[model], maps.mean(0), rtol=1e-5, atol=1e-9)
        assert mean_maps[model].shape == (2, TOKENS, TOKENS) and not mean_maps[model][:, ~mask].any()
        assert sinks[model]["received"].std() > 0.01


def test_the_maps_of_one_sequence_are_those_of_a_sequence_of_trained_classes():
    training = made()
    training.advance(100)
    for model, (task, world) in enumerate(zip(TASKS, training.worlds, strict=True)):
        everywhere = Task(**{**vars(task), "places": ()})
        tokens, targets = training_sequences(everywhere, world, 1, source(SEEDS[model][1], 3))
        module = PlainNetwork(D_MODEL, LABELS, **SHAPES[model]).load(training.ensemble.parameters, model)
        expected = module.double()(tokens.double(), maps=True)[1].detach()[0]
        maps, asked = training.one_map()[model]
        torch.testing.assert_close(maps, expected, rtol=2e-5, atol=1e-7)
        labels = (tokens[0, 1::2] == world.label_vectors[targets]).all(-1)  # of which classes may have the same
        assert asked[:-1].view(-1, 2).all(1).sum() == task.burstiness and asked[-1] and labels[asked[1::2]].all()
        assert torch.equal(asked[:-1:2], asked[1::2]) and not torch.equal(maps, training.mean_maps(TESTS)[model])


def test_the_table_has_every_quantity_where_it_belongs():
    tables = trajectory(made(), Schedule(120), TESTS, maps=True)
    assert len(tables) == 3
    for model, table in enumerate(tables):
        assert table.columns.tolist() == ["step", "quantity", "layer", "query", "key", "value"]
        assert not table.duplicated(["step", "quantity", "layer", "query", "key"]).any()
        assert {step: set(rows.quantity) for step, rows in table.groupby("step")} == {
            0: SCALARS, 100: SCALARS | {"loss"}, 120: SCALARS | SINKS | {"loss", "map", "one_map", "asked"},
        }  # fmt: skip
        scalars = table[table.quantity.isin(SCALARS | {"loss"})]
        assert (scalars[["layer", "query", "key"]] == -1).all(axis=None)
        sinks = table[table.quantity.isin(SINKS)]
        assert (sinks[["layer", "query"]] == -1).all(axis=None)
        assert all(rows.key.tolist() == list(range(1, TOKENS + 1)) for _, rows in sinks.groupby("quantity"))
        for name in ("map", "one_map"):
            maps = table[table.quantity == name].set_index(["layer", "query", "key"]).value
            assert len(maps) == 2 * TOKENS**2 and maps.index.max() == (2, TOKENS, TOKENS)
            assert maps.groupby(["layer", "query"]).sum().tolist() == pytest.approx([1] * 2 * TOKENS, abs=1e-5)
            assert (maps[1, 1, 2] > 0) == (model == 1)  # the one without a mask looks ahead
        assert table[table.quantity == "asked"].key.tolist() == list(range(1, TOKENS + 1))
        at_end = table[table.step == 120].set_index("quantity").value
        for a, b in (("first", "middle"), ("first", "last"), ("middle", "last")):
            gap = at_end[f"{a}_over_{b}"] - at_end[f"{b}_over_{a}"]
            assert at_end[f"{a}_vs_{b}"] == pytest.approx(gap, abs=2e-6)
    without = trajectory(made(), Schedule(20), TESTS)
    assert not any({"map", "one_map", "asked"} & set(table.quantity) for table in without)


class Interrupted(Exception):
    """Stands for whatever ends a process."""


def interrupted(monkeypatch, method, call):
    """End the process at a call of a method, after the method has done its work."""
    whole, calls = getattr(Training, method), []

    def stops(self, *arguments):
        calls.append(arguments)
        result = whole(self, *arguments)
        if len(calls) == call:
            raise Interrupted
        return result

    monkeypatch.setattr(Training, method, stops)


@pytest.mark.parametrize(("method", "call", "kept"), [("advance", 2, 100), ("accuracies", 2, 0), ("mean_maps", 1, 200)])
def test_an_interrupted_training_goes_on_to_the_same_bits(tmp_path, monkeypatch, method, call, kept):
    schedule, checkpoint = Schedule(220), tmp_path / "new" / "state.pt"
    uninterrupted = made()
    expected = trajectory(uninterrupted, schedule, TESTS, maps=True)
    with monkeypatch.context() as patched, pytest.raises(Interrupted):
        interrupted(patched, method, call)
        trajectory(made(), schedule, TESTS, True, checkpoint)
    saved = torch.load(checkpoint, weights_only=True)
    assert saved["training"]["steps"] == kept and saved["done"] == [False] * 3
    assert saved["training"]["ensemble"]["parameters"]["query"].shape == (3, 2, D_MODEL, D_MODEL)
    assert {row[0] for row in saved["rows"][0]} == {step for step in schedule.records() if step <= kept}
    advanced, advance = [], Training.advance
    monkeypatch.setattr(Training, "advance", lambda self, steps: (advanced.append(steps), advance(self, steps))[1])
    resumed = made()
    found = trajectory(resumed, schedule, TESTS, maps=True, checkpoint=checkpoint)
    assert sum(advanced) == 220 - kept and same(resumed, uninterrupted)
    for one, other in zip(found, expected, strict=True):
        pd.testing.assert_frame_equal(one, other, check_exact=True)
    advanced.clear()  # finished, and its checkpoint still there: nothing is left to train
    for one, other in zip(trajectory(made(), schedule, TESTS, True, checkpoint), expected, strict=True):
        pd.testing.assert_frame_equal(one, other, check_exact=True)
    assert advanced == []


def test_the_same_training_may_go_on_after_an_error(tmp_path):
    """A state forgets the steps after it, and their losses."""
    schedule, checkpoint = Schedule(220), tmp_path / "state.pt"
    expected = trajectory(made(), schedule, TESTS)
    training, steps = made(), []
    step = training.ensemble.step

    def stops(*batch):
        steps.append(batch)
        if len(steps) == 133:
            raise Interrupted
        step(*batch)

    training.ensemble.step = stops
    with pytest.raises(Interrupted):
        trajectory(training, schedule, TESTS, checkpoint=checkpoint)
    for one, other in zip(trajectory(training, schedule, TESTS, checkpoint=checkpoint), expected, strict=True):
        pd.testing.assert_frame_equal(one, other, check_exact=True)


def scripted(monkeypatch, in_context):
    """Training whose accuracy on novel classes follows a script of (model, step), and that trains nothing."""

    def advance(self, steps):
        self.steps += steps
        return torch.full((len(self.tasks),), 0.5)

    def accuracies(self, sequences):
        names = SCALARS - set(GAPS)
        return [dict.fromkeys(names, 0.0) | {"in_context": in_context(m, self.steps)} for m in range(len(self.tasks))]

    monkeypatch.setattr(Training, "advance", advance)
    monkeypatch.setattr(Training, "accuracies", accuracies)


LEARNED = [
    lambda step: 0.9 if step in (10_000, 30_000) or step >= 40_000 else 0.89,  # twice only between reviews
    lambda step: 0.89,
    lambda step: 1.0,
]


@pytest.mark.parametrize("stop", [None, 3, 6, 13], ids=str)
def test_a_model_ends_at_the_first_review_that_finds_it_good_enough(tmp_path, monkeypatch, stop):
    """Reviews every 20,000 steps; the others go on, also after a break."""
    scripted(monkeypatch, lambda model, step: LEARNED[model](step))
    schedule, checkpoint = Schedule(70_000, review=20_000, enough=0.9), tmp_path / "state.pt"
    if stop:
        with monkeypatch.context() as patched, pytest.raises(Interrupted):
            interrupted(patched, "accuracies", stop)
            trajectory(made(), schedule, TESTS, True, checkpoint)
    tables = trajectory(made(), schedule, TESTS, maps=True, checkpoint=checkpoint)
    records = schedule.records()
    for table, end in zip(tables, (40_000, 70_000, 20_000), strict=True):
        assert sorted(set(table.step)) == [step for step in records if step <= end]
        assert set(table[table.quantity == "map"].step) == {end}
        reviews = [step for step in (20_000, 40_000, 60_000, 70_000) if step <= end]
        for quantity in SINKS:
            assert table[table.quantity == quantity].step.drop_duplicates().tolist() == reviews
    assert torch.load(checkpoint, weights_only=True)["done"] == [True] * 3


def test_training_stops_when_every_model_is_good_enough(tmp_path, monkeypatch):
    scripted(monkeypatch, lambda model, step: 1.0)
    training = made()
    tables = trajectory(training, Schedule(70_000, review=20_000), TESTS)
    assert training.steps == 20_000 and all(table.step.max() == 20_000 for table in tables)
    scripted(monkeypatch, lambda model, step: 1.0 - 1e-9)  # negative control: not quite
    tables = trajectory(made(), Schedule(70_000, review=20_000), TESTS)
    assert all(table.step.max() == 70_000 for table in tables)


def test_training_finds_the_answer_at_the_place_it_is_trained_on():
    """For real: novel classes are answered from the context, and two places in conflict show which one is read."""
    tasks = [Task(items=4, d_model=32, burstiness=1, noise=0.0, scale="text", places=(place,)) for place in (0, 3)]
    models = [AttentionOnly(d_model=32, position_encoding="sin")] * 2
    training = Training(models, tasks, [(0, 0), (1, 1)], batch=64, learning_rate=3e-3)
    for table, sign in zip(trajectory(training, Schedule(700), 200), (1, -1), strict=True):
        value = table.set_index(["step", "quantity"]).value
        chance = math.log(32)
        assert value[100, "loss"] == pytest.approx(chance, abs=0.5) and value[700, "loss"] < chance / 2
        assert value[0, "in_context"] < 0.15 and value[700, "in_context"] > 0.8
        assert abs(value[0, "first_vs_last"]) < 0.15 and sign * value[700, "first_vs_last"] > 0.8


def test_spelled_a_step_or_a_chunk_at_a_time_training_is_the_same():
    task = Task(items=3, d_model=16, classes=29, labels=LABELS, burstiness=1)
    step, chunk = (Training([AttentionOnly(16, LABELS)], [task], [(0, 0)], batch=8) for _ in range(2))
    chunk._spelled *= CHUNK
    assert step.advance(2 * CHUNK).item() == chunk.advance(2 * CHUNK).item()
    assert same(step, chunk)
