"""What is measured on averaging models: exact for the construction, by plain loops for any model, and controls."""

import itertools

import pytest
import torch

from attention_atlas.models.averager import Averager, forward, initial
from attention_atlas.tag_tests import measure, retagged, seen_as, separator_tags, without_directions
from attention_atlas.tags import tag_part, tag_subspace
from attention_atlas.tasks.averaging import Averaging, draw, placed, simple_rules
from attention_atlas.theory.catch_tag_release.construction import catch_tag_release, outlier_tag, without_tag

TASK = Averaging(tokens=7)
SHAPES = [{}, {"heads": 2, "layernorm": True, "mlp": True}, {"layers": 3, "heads": 4}, {"attention": "relu"}]
OF_ONE_LAYER = {"loss", "attention", "received", "mass", "on_separator", "explained"}
OF_ONE_LAYER |= {f"to_{name}" for name in ("all_numbers", "all_tokens", "last_and_rest")}
INTERVENED = {"everyone", "everyone_to_all_numbers", "nobody", "nobody_separator", "moved", "moved_loss", "moved_mass"}
INTERVENED |= {"halved", "doubled", "projected"}


def randn(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def drawn(sequences=13, seed=3):
    return draw(TASK, sequences, torch.Generator().manual_seed(seed))


def models(averager, seeds=(0, 1), scale=1.5):
    generators = [torch.Generator().manual_seed(seed) for seed in seeds]
    return {name: scale * value.double() for name, value in initial(averager, generators).items()}


def mean(values):
    values = list(values)
    return sum(values) / len(values)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_the_tag_is_what_a_separator_alone_writes_to_itself(shape):
    averager = Averager(**{**shape, "attention": "softmax"})
    parameters = models(averager)
    alone = placed(torch.zeros(1, 1, dtype=torch.float64), torch.tensor([0])).features[None, :, :1]
    written = forward(averager, parameters, alone).written[0][:, 0, :, 0]
    torch.testing.assert_close(separator_tags(averager, parameters), written)


def test_retagged_by_hand():
    """Two models, two sequences of three tokens: [SEP] second in one, first in the other."""
    batch = placed(torch.zeros(2, 2, dtype=torch.float64), torch.tensor([1, 0]))
    added = randn(2, 2, 3, 5)
    tagged = torch.tensor([[True, False, False], [False, True, False]])
    found = retagged(added, batch, tagged)
    for model in range(2):
        tag = mean([added[model, 0, 2], added[model, 1, 1], added[model, 1, 2]])
        none = added[model, 0, 0]
        expected = [[tag, added[model, 0, 1], none], [added[model, 1, 0], tag, none]]
        torch.testing.assert_close(found[model], torch.stack([torch.stack(row) for row in expected]))


def test_giving_everyone_what_it_has_leaves_means_alone():
    """Numbers after the separator tagged, as they are: single tokens move to their kind's mean, the means stay."""
    batch, added = drawn(), randn(2, 13, 7, 5)
    found = retagged(added, batch, batch.after)
    for which in (batch.after, batch.before):
        torch.testing.assert_close(found[:, which].mean(1), added[:, which].mean(1))
        assert found[:, which].std(1).max() < 1e-12
    separator = ~(batch.after | batch.before)
    assert torch.equal(found[:, separator], added[:, separator])


def test_only_the_named_readers_of_the_second_layer_see_a_change():
    change, stream = randn(2, 3, 5, 7), randn(2, 3, 5, 7, seed=1)
    for roles in (("key",), ("query", "value"), ()):
        edit = seen_as(change, *roles)
        for layer, role in itertools.product(range(3), ("query", "key", "value", "stream")):
            expected = stream + change if layer == 1 and role in roles else stream
            assert torch.equal(edit(layer, role, stream), expected)


def test_directions_are_taken_out_of_the_stream_after_the_first_layer_alone():
    basis, stream = tag_subspace(randn(2, 2, 7)), randn(2, 3, 5, 7, seed=1)
    edit = without_directions(basis)
    for layer, role in itertools.product(range(3), ("query", "key", "value", "stream")):
        found = edit(layer, role, stream)
        if (layer, role) == (0, "stream"):
            assert tag_part(found, basis[:, None]).abs().max() < 1e-12
            torch.testing.assert_close(found + tag_part(stream, basis[:, None]), stream)
        else:
            assert torch.equal(found, stream)


def test_the_construction_does_what_its_tags_say():
    batch = drawn(200)
    numbers = {name: value.item() for name, value in measure(*catch_tag_release(60, 40), TASK, batch).items()}
    rules = simple_rules(TASK, batch)
    distance = (rules["all_numbers"] - batch.target).square().mean().item()
    for name in ("loss", "everyone_to_all_numbers", "moved", "on_separator", "nobody_separator", "doubled"):
        assert numbers[name] < 1e-12, name
    for name in ("attention", "received", "mass", "moved_mass", "explained"):
        assert numbers[name] == pytest.approx(1, abs=1e-12), name
    for name in ("everyone", "nobody", "projected", "to_all_numbers"):
        assert numbers[name] == pytest.approx(distance, rel=1e-9), name
    kept = batch.separator > 0
    wanted = (batch.features[..., 0] * batch.before).sum(1)[kept] / batch.separator[kept]
    assert numbers["moved_loss"] == pytest.approx((wanted - batch.target[kept]).square().mean().item(), rel=1e-9)


def test_half_a_tag_is_half_of_gamma():
    batch = drawn(50)
    found = measure(*catch_tag_release(60, 4), TASK, batch)
    weaker, stronger = (measure(*catch_tag_release(60, gamma), TASK, batch)["loss"] for gamma in (2, 8))
    # [SEP] keeps its own tag, which is the whole one less twice: its weight alone differs, by e^-2 against e^-4.
    assert found["halved"].item() == pytest.approx(weaker.item(), rel=0.2)
    assert found["doubled"].item() == pytest.approx(stronger.item(), rel=0.2)
    assert found["doubled"] < found["loss"] < found["halved"]


def test_without_a_tag_nothing_follows_it():
    """The control: layer 1 writes nothing, so no test of the tag changes anything."""
    averager, parameters = catch_tag_release(40, 20)
    found = measure(averager, without_tag(parameters), TASK, drawn())
    for name in ("everyone", "nobody", "halved", "doubled", "projected"):
        torch.testing.assert_close(found[name], found["loss"], rtol=0, atol=1e-15)
    assert found["explained"].isnan() and found["attention"] > 0.999
    assert found["to_all_numbers"] < 1e-12 and found["moved"] > 0.01


def test_the_outlier_variant_fails_where_the_separator_comes_first():
    numbers = randn(9, 6, seed=2)
    first, later = (placed(numbers, torch.full((9,), place)) for place in (0, 3))
    errors = [measure(*outlier_tag(), TASK, batch)["loss"].item() for batch in (first, later)]
    assert errors[0] > 0.05 and errors[1] < 1e-12


def looped(averager, parameters, batch):
    """The measures that need no intervention, token by token, for one model."""
    found = forward(averager, parameters, batch.features[None])
    tokens = batch.features.shape[1]
    attention, received, mass, own = ([[] for _ in range(averager.heads)] for _ in range(4))
    for head, (sequence, place) in itertools.product(range(averager.heads), enumerate(batch.separator.tolist())):

        def share(layer, query, key, head=head, sequence=sequence):
            row = found.weights[layer][0, sequence, head, query].tolist()
            return row[key] / sum(row) if sum(row) else 0.0

        attention[head].append(mean(share(0, i, place) for i in range(place + 1, tokens)))
        received[head].append(mean(share(0, i, place) for i in range(place, tokens)))
        mass[head].append(sum(share(-1, tokens - 1, j) for j in range(place + 1, tokens)))
        own[head].append(share(-1, tokens - 1, place))
    names = ("attention", "received", "mass", "on_separator")
    numbers = {n: max(map(mean, v)) for n, v in zip(names, (attention, received, mass, own), strict=True)}
    output = found.output[0, :, -1].tolist()
    wanted = {"loss": batch.target} | {f"to_{name}": rule for name, rule in simple_rules(TASK, batch).items()}
    for name, rule in wanted.items():
        numbers[name] = mean((a - b) ** 2 for a, b in zip(output, rule.tolist(), strict=True))
    tags = separator_tags(averager, parameters)[0]
    basis = torch.linalg.qr(tags.T).Q  # tags of random models are independent
    written = found.written[0][0]
    shares = [(written[:, h] @ basis).square().sum() / written[:, h].square().sum() for h in range(averager.heads)]
    return numbers | {"explained": max(shares).item()}


@pytest.mark.parametrize("shape", [*SHAPES, {"layers": 1, "heads": 2}], ids=str)
def test_measures_are_the_plain_loop(shape):
    averager, batch = Averager(**shape), drawn()
    parameters = models(averager)
    found = measure(averager, parameters, TASK, batch)
    assert set(found) == OF_ONE_LAYER | (INTERVENED if averager.layers > 1 else set())
    for model in range(2):
        one = {name: value[model : model + 1] for name, value in parameters.items()}
        expected = looped(averager, one, batch)
        assert {name: found[name][model].item() for name in expected} == pytest.approx(expected, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_interventions_are_what_they_say(shape):
    """Each by its own forward pass, with an edit written out."""
    averager, batch = Averager(**shape), drawn()
    parameters = models(averager, seeds=(4,))
    found = {name: value.item() for name, value in measure(averager, parameters, TASK, batch).items()}
    features = batch.features[None]
    added = forward(averager, parameters, features).written[0].sum(2)[0]
    tag, none = added[batch.after].mean(0), added[batch.before].mean(0)

    def run(wanted, roles=("key", "value")):
        """The output if tokens seem to have been given `wanted` by the first layer."""

        def edit(layer, role, stream):
            return stream - added + wanted if layer == 1 and role in roles else stream

        passed = forward(averager, parameters, features, edit)
        return passed.output[0, :, -1], passed.weights[-1][0, :, :, -1]

    def given(tagged):
        wanted = added.clone()
        for sequence, place in enumerate(batch.separator.tolist()):
            for token in set(range(TASK.tokens)) - {place}:
                wanted[sequence, token] = tag if tagged(token, place) else none
        return wanted

    def error(output, target):
        return (output - target).square().mean().item()

    everyone, _ = run(given(lambda token, place: True))
    nobody, _ = run(given(lambda token, place: False))
    moved, weights = run(given(lambda token, place: token < place))
    kept, numbers = batch.separator > 0, batch.features[..., 0]
    before = torch.stack([row[:place].mean() for row, place in zip(numbers, batch.separator, strict=True) if place])
    on_before = [
        (head[:place].sum() / head.sum().clamp(min=1e-300)).item()
        for sequence, place in zip(weights[kept], batch.separator[kept], strict=True)
        for head in sequence
    ]
    heads = torch.tensor(on_before).unflatten(0, (-1, averager.heads))
    expected = {
        "everyone": error(everyone, batch.target),
        "everyone_to_all_numbers": error(everyone, simple_rules(TASK, batch)["all_numbers"]),
        "nobody": error(nobody, batch.target),
        "moved": error(moved[kept], before),
        "moved_loss": error(moved[kept], batch.target[kept]),
        "moved_mass": heads.double().mean(0).max().item(),
    }
    for name, factor in (("halved", 0.5), ("doubled", 2.0)):
        wanted = torch.lerp(given(lambda token, place: False), added, factor)
        expected[name] = error(run(wanted, ("key",))[0], batch.target)
    assert {name: found[name] for name in expected} == pytest.approx(expected, rel=1e-6, abs=1e-9)


def test_a_model_is_measured_the_same_in_any_company():
    averager, batch = Averager(heads=2), drawn()
    together, alone = (measure(averager, models(averager, seeds), TASK, batch) for seeds in ((0, 1, 2), (1,)))
    for name, value in alone.items():
        torch.testing.assert_close(together[name][1], value[0], rtol=1e-9, atol=1e-12)
    assert not torch.allclose(together["loss"][0], together["loss"][1])
