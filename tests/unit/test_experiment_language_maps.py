"""The maps of trained decoders: points, randomness, what must hold whatever the weights, and the canary."""

import dataclasses
import math

import pytest
import torch

from attention_atlas import results
from attention_atlas.decoders.maps import trace
from attention_atlas.decoders.settings import SETTINGS as ALL
from attention_atlas.experiments import language, language_maps
from attention_atlas.experiments.language_maps import (
    CANARY,
    SETTINGS,
    Config,
    configurations,
    map_of,
    mean_maps,
    numbers,
    run,
    shuffled,
)
from attention_atlas.metrics import recency_probability, without_diagonal_means
from attention_atlas.models.decoder import Decoder, initial
from attention_atlas.profiles import PROFILES
from attention_atlas.training.language import Training

SMALL = {"vocabulary": 17, "tokens": 11, "layers": 2, "heads": 2, "d_model": 12, "positions": "none"}


def model(seed=0, **changes):
    decoder = Decoder(**SMALL | changes)
    return decoder, initial(decoder, [torch.Generator().manual_seed(seed)])


def windows(count, seed=0):
    found = torch.randint(1, 17, (count, 11), generator=torch.Generator().manual_seed(seed))
    return torch.nn.functional.pad(found[:, 1:], (1, 0))


def rows_of(seen):
    return {(layer, head, name): (value, error) for layer, head, name, value, error in numbers(seen)}


def test_points_name_decoders_of_the_language_experiment_and_their_controls():
    names = {profile: list(configurations(profile)) for profile in PROFILES}
    assert names["smoke"] == names["quick"] == names["paper"] and set(SETTINGS) <= set(ALL)
    decoders = language.configurations("paper")
    for name, config in configurations("paper").items():
        setting = name.removesuffix("-untrained").rsplit("-", 1)[0]
        assert config.training == decoders[f"{setting}-seed{config.seed}"]
        assert config.trained is not name.endswith("-untrained") and config.maps is ("-maps" in name)
    with pytest.raises(ValueError, match="shown must be 4 to 16, the tokens of a window, got 17"):
        dataclasses.replace(CANARY, shown=17)
    with pytest.raises(ValueError, match="unknown profile"):
        configurations("huge")


def test_untrained_weights_are_those_that_training_starts_from():
    config = dataclasses.replace(CANARY, trained=False, seed=3)
    start = Training(config.decoder, torch.arange(1, 60), [3], config.steps, 1e-3).parameters
    found = language.weights(config, config.trained)
    assert all(torch.equal(found[name], start[name]) for name in start)
    other = language.weights(dataclasses.replace(config, seed=4), config.trained)
    assert not torch.equal(found["query"], other["query"])


def test_shuffling_keeps_the_first_token_and_what_a_window_holds():
    before = windows(5)
    after = shuffled(before)
    assert torch.equal(after, shuffled(before)) and not torch.equal(after, before)
    assert (after[:, 0] == 0).all() and torch.equal(after.sort(1).values, before.sort(1).values)


def test_numbers_are_those_of_plain_loops():
    seen = trace(*model(), windows(13))
    found = rows_of(seen)
    for layer, scores in enumerate(seen.scores):
        maps = scores[:, 1, 1:, 1:]
        value, error = found[layer, 1, "recency"]
        each = torch.stack([recency_probability(map[None]) for map in maps])
        ties = torch.stack([recency_probability(-map[None]) for map in maps])
        each = (1 + each - ties) / 2
        assert value == pytest.approx(each.mean().item(), abs=1e-4)
        assert error == pytest.approx(each.std().item() / math.sqrt(13), rel=2e-3)
        means = [found[layer, head, "recency"][0] for head in (0, 1)]
        assert found[layer, -1, "recency"][0] == pytest.approx(sum(means) / 2, abs=1e-4)
        left = without_diagonal_means(scores.mean((0, 1))[1:, 1:])
        entries = [left[i, j].item() ** 2 for i in range(10) for j in range(i)]
        assert found[layer, -1, "left"][0] == pytest.approx(math.sqrt(sum(entries) / len(entries)), rel=1e-3)
        value, error = found[layer, -1, "recency_map"]
        mean = scores.mean((0, 1))[None, 1:, 1:]
        assert value == pytest.approx(recency_probability(mean).item(), abs=1e-4) and 0 < error < 0.5
        read = seen.vectors[layer, "read"][:, 1:]
        pairs = [(a, b) for a in range(10) for b in range(10) if a != b]
        cosines = [torch.cosine_similarity(row[a], row[b], 0).item() for row in read for a, b in pairs]
        assert found[layer, -1, "cosine"][0] == pytest.approx(sum(cosines) / len(cosines), abs=1e-4)
        if layer == 0:
            length = seen.vectors[0, "written"][:, 1:].norm(dim=2)
            less = [row[k] < row[j] for row in length for k in range(10) for j in range(k)]
            assert found[0, -1, "shorter_written"][0] == pytest.approx(sum(less).item() / len(less), abs=1e-3)
    assert (1, -1, "gram_left") not in found and (1, -1, "gram_read") in found


def test_without_positions_layer_one_has_no_preference_in_shuffled_text():
    text = windows(300).sort(1).values  # as far from exchangeable as a text can be
    of_text, of_shuffled = (rows_of(trace(*model(), read)) for read in (text, shuffled(text)))

    def sizes(found):
        return [abs(found[0, head, "recency"][0] - 0.5) / found[0, head, "recency"][1] for head in (0, 1)]

    # the control: in text as it is the order of the tokens is what there is to prefer
    assert max(sizes(of_shuffled)) < 4 < max(sizes(of_text))


def test_without_its_start_a_window_is_read_as_if_it_had_never_been_there():
    decoder, parameters = model()
    text = windows(7)
    plain = rows_of(trace(decoder, parameters, text))
    bare = {row[:3]: row[3] for row in numbers(trace(decoder, parameters, text[:, 1:]), 0)}
    assert bare[0, 1, "recency"] == plain[0, 1, "recency"][0]  # scores of two tokens, whatever else there is
    assert bare[1, 1, "recency"] != plain[1, 1, "recency"][0]
    assert bare[1, 1, "recency"] == bare[1, 1, "recency_all"] and plain[1, 1, "recency"] != plain[1, 1, "recency_all"]


def test_reversed_queries_turn_every_preference_around():
    decoder, parameters = model()
    turned = parameters | {"query": parameters["query"].clone()}
    turned["query"][:, 1] *= -1  # of the second layer; the first stays, so that the second reads the same
    one, other = (rows_of(trace(decoder, weights, windows(7))) for weights in (parameters, turned))
    assert one[0, -1, "recency"] == other[0, -1, "recency"]
    assert one[1, 0, "recency"][0] == pytest.approx(1 - other[1, 0, "recency"][0], abs=1e-4)
    assert one[1, 0, "recency"][0] != pytest.approx(0.5, abs=1e-3)


def test_a_decay_is_recency_that_is_gone_without_its_distance():
    decoder, parameters = model(positions="decay", heads=1)
    parameters["query"] *= 0.01
    found = rows_of(trace(decoder, parameters, windows(200)))
    assert found[0, 0, "recency"][0] > 0.5 + 10 * found[0, 0, "recency"][1]
    value, error = found[0, 0, "recency_left"]
    assert abs(value - 0.5) < 5 * error


def test_the_error_of_a_mean_maps_preference_is_its_spread_over_texts():
    decoder, parameters = model(positions="decay", heads=1)
    found = [rows_of(trace(decoder, parameters, windows(60, seed)))[0, -1, "recency_map"] for seed in range(12)]
    values, errors = torch.tensor(found).T
    assert 0.5 < errors.mean() / values.std() < 2  # of 12 texts


def test_mean_maps_come_back_from_their_table():
    seen = trace(*model(), windows(5))
    table = mean_maps(seen, panels=True)
    mean = seen.scores[1].mean((0, 1)).double()
    found = map_of(table, "score_1")
    assert torch.allclose(found.tril().nan_to_num(), mean.tril(), rtol=1e-3) and found.triu(1)[0, 1:].isnan().all()
    gram = (seen.vectors[0, "pooled"] @ seen.vectors[0, "pooled"].mT).mean(0).double()
    assert torch.allclose(map_of(table, "gram_pooled_0").tril().nan_to_num(), gram.tril(), rtol=1e-3)
    assert [name for name in mean_maps(seen, panels=False) if name.startswith("gram")] == []
    alone = mean_maps(trace(*model(layers=1), windows(5)), panels=True)
    assert "gram_left_0" in alone and "gram_read_1" not in alone


def test_the_canary_has_both_texts_and_its_stored_result_holds():
    table = run(CANARY)
    assert table.groupby("text").size().tolist() == [len(table) / 3] * 3
    assert run(dataclasses.replace(CANARY, maps=True)).shape[0] == 10 * 11 / 2
    assert isinstance(CANARY, Config) and CANARY.training == language.CANARY
    stored = results.Store().get(language_maps, CANARY)
    assert stored is None or results.recompute(stored) == ""
