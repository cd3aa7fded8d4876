"""Shares by kind of token against plain loops; maps of the setting that was asked for, and of no other."""

import dataclasses

import pandas as pd
import pytest
import torch

from attention_atlas.experiments.retrieval import Config
from attention_atlas.outcomes.retrieval_maps import (
    LEAST,
    READ,
    READERS,
    class_shares,
    item_differences,
    item_shares,
    known_maps,
    most_grown,
    moved_share,
    one_sequence,
    reading_shares,
)
from attention_atlas.outcomes.retrieval_names import GAPS
from attention_atlas.outcomes.retrieval_points import Models
from attention_atlas.tasks.retrieval import Task
from attention_atlas.theory.position_bias.kernels import flat_map


def random_map(tokens, seed=0):
    weights = torch.rand(tokens, tokens, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).tril()
    return weights / weights.sum(1, keepdim=True)


@pytest.mark.parametrize("tokens", [3, 7, 17])
def test_shares_as_a_plain_loop_counts_them(tokens):
    weights = random_map(tokens)
    found = reading_shares(weights)
    readers = {"vectors": range(3, tokens, 2), "labels": range(2, tokens, 2), "query": [tokens]}
    for reader, places in readers.items():
        for read in READ:
            total = 0.0
            for i in places:
                for j in range(1, tokens + 1):
                    counts = {
                        "token 1": j == 1 and i != 1,
                        "vectors": j % 2 == 1 and j != tokens and j != i,
                        "labels": j % 2 == 0 and j != i,
                        "the token before": j == i - 1,
                        "itself": j == i,
                    }
                    total += weights[i - 1, j - 1].item() * counts[read]
            if places:
                assert found.loc[reader, read] == pytest.approx(total / len(places)), (reader, read)


def test_kinds_of_a_causal_row_are_all_there_is():
    found = reading_shares(random_map(17))
    assert found[["vectors", "labels", "itself"]].sum(axis=1).tolist() == pytest.approx([1.0] * 3)
    assert list(found.index) == list(READERS)


def test_the_given_map_is_not_changed():
    weights = random_map(5)
    before = weights.clone()
    reading_shares(weights)
    assert torch.equal(weights, before)


@pytest.mark.parametrize("shape", [(4, 4), (1, 1), (5, 7)])
def test_other_shapes_are_refused(shape):
    with pytest.raises(ValueError, match="square and odd"):
        reading_shares(torch.ones(shape))


def test_items_are_a_vector_and_its_label():
    weights = torch.zeros(7, 7)
    weights[-1] = torch.tensor([1.0, 2, 3, 4, 5, 6, 7]) / 28
    assert item_shares(weights, (0, 2, 1)) == pytest.approx([3 / 28, 11 / 28, 7 / 28])


@pytest.mark.parametrize("item", [-1, 3])
def test_items_outside_the_sequence_are_refused(item):
    with pytest.raises(ValueError, match=r"items 0 \.\. 2"):
        item_shares(flat_map(7), (item,))


def test_differences_are_those_of_the_items_at_the_papers_places():
    weights, task = random_map(17), Task()
    found = item_differences(weights, task)
    assert list(found) == list(GAPS)
    for gap, difference in found.items():
        one, _, other = gap.split("_")
        (a,), (b,) = (item_shares(weights, (task.place(place),)) for place in (one, other))
        assert difference == pytest.approx(a - b)


def test_a_flat_row_prefers_no_item():
    assert item_differences(flat_map(17), Task()) == dict.fromkeys(GAPS, 0.0)
    assert item_differences(flat_map(17, slope=0.1), Task())["first_vs_last"] < 0  # negative control


def test_a_task_longer_than_the_map_is_refused():
    with pytest.raises(ValueError, match=r"items 0 \.\. 2"):
        item_differences(flat_map(7), Task())


@pytest.mark.parametrize("seed", range(5))
def test_what_grew_most_as_a_plain_loop_finds_it(seed):
    after, before = reading_shares(random_map(11, seed)), reading_shares(random_map(11, seed + 100))
    most = max(after.loc[a, b] / before.loc[a, b] for a in READERS for b in READ)
    reader, read, share, factor = most_grown(random_map(11, seed), random_map(11, seed + 100))
    assert factor == pytest.approx(most) and share == pytest.approx(after.loc[reader, read])
    assert factor == pytest.approx(after.loc[reader, read] / before.loc[reader, read])


def test_what_was_not_read_before_cannot_have_grown():
    before = flat_map(7)
    before[-1, -1] = 0.0
    with pytest.raises(
        ValueError, match=r"\Abefore training everything must be read, got 0 from the query to itself\Z"
    ):
        most_grown(flat_map(7), before)


def test_class_shares_are_counted_token_by_token_and_leave_nothing_out():
    row = random_map(17)[-1]
    asked = torch.zeros(17, dtype=torch.bool)
    asked[[2, 3, 8, 9, 16]] = True
    shares = class_shares(row, asked)
    assert shares["own vectors"] == pytest.approx((row[2] + row[8]).item())
    assert shares["own labels"] == pytest.approx((row[3] + row[9]).item())
    assert shares["itself"] == row[16].item() and shares.sum() == pytest.approx(1.0)
    assert shares["other labels"] == pytest.approx(row[1::2].sum().item() - shares["own labels"])
    with pytest.raises(ValueError, match="got 17 weights and 3 marks"):
        class_shares(row, asked[:3])


def test_a_moved_share_is_what_the_tokens_that_gained_have_gained():
    row, before = random_map(13)[-1], random_map(13, 1)[-1]
    gained = sum(max(a - b, 0.0) for a, b in zip(row.tolist(), before.tolist(), strict=True))
    assert moved_share(row, before) == pytest.approx(gained) == moved_share(before, row)
    assert moved_share(row, row) == 0.0 and moved_share(torch.eye(3)[0], torch.eye(3)[2]) == 1.0


def models(single=(), **configs):
    """Models as a page has them, whose maps are uniform but for the last weight of the last row; of some one too."""
    found = Models([], "smoke")
    for name, config in configs.items():
        maps = torch.stack([flat_map(17)] * config.depth)
        maps[:, -1, -1], maps[:, 5, 5] = maps[:, -1, -1] + config.seed, 0.0
        rows = [
            ("map", layer + 1, i + 1, j + 1, maps[layer, i, j].item())
            for layer in range(config.depth)
            for i in range(17)
            for j in range(17)
        ]
        found.configs[name] = config
        if name in single:
            rows += [("one_map", *row[1:-1], row[-1] * (row[2] == 17)) for row in rows]  # nothing but the last row
            rows += [("asked", -1, -1, key, float(key > 12)) for key in range(1, 18)]
        found.tables[name] = pd.DataFrame(
            rows if config.maps else [], columns=["quantity", "layer", "query", "key", "value"]
        )
    return found


BASE = Config(residual=True, maps=True, steps=100)


def test_only_the_setting_asked_for_is_found():
    known = models(
        a=BASE,
        b=dataclasses.replace(BASE, seed=1),
        plain=dataclasses.replace(BASE, residual=False),
        fixed=dataclasses.replace(BASE, vocabulary="fixed"),
        text=dataclasses.replace(BASE, scale="text"),
        bare=dataclasses.replace(BASE, seed=2, maps=False),
    )
    assert list(known_maps(known, residual=True)) == [0, 1]
    assert list(known_maps(known, residual=True, vocabulary="fixed")) == [0]
    assert known_maps(known, residual=True, vocabulary="fixed", scale="text") == {}


def test_rows_sum_to_one_and_no_allowed_weight_is_zero():
    maps = known_maps(models(a=dataclasses.replace(BASE, seed=1)), residual=True)[1]
    torch.testing.assert_close(maps.sum(-1), torch.ones(2, 17, dtype=torch.float64))
    assert (maps[:, torch.ones(17, 17).tril().bool()] > 0).all() and not maps.triu(1).any()
    assert maps[0, 5, 5] == pytest.approx(LEAST * 6 / 5, rel=1e-3)
    assert maps[0, -1, -1] > 0.5


def test_one_sequence_is_of_the_first_seed_that_keeps_it():
    configs = {name: dataclasses.replace(BASE, seed=seed) for seed, name in enumerate("abc")}
    seed, maps, asked = one_sequence(models(single="bc", **configs), residual=True)
    assert seed == 1 and maps.shape == (2, 17, 17) and asked.tolist() == [False] * 12 + [True] * 5
    torch.testing.assert_close(maps.sum(-1), torch.ones(2, 17, dtype=torch.float64))
    mean = known_maps(models(single="bc", **configs), residual=True)[1]
    assert torch.equal(maps[:, -1], mean[:, -1]) and not torch.equal(maps[:, 5], mean[:, 5])
    assert one_sequence(models(**configs), residual=True) is None
    assert one_sequence(models(single="bc", **configs), residual=False) is None


def test_sizes_are_not_mixed():
    long = dataclasses.replace(BASE, seed=1, steps=300_000)
    known = models(short=BASE, long=long, plain=dataclasses.replace(BASE, residual=False))
    assert list(known_maps(known, residual=True)) == [1]
    assert list(known_maps(known, residual=False)) == [0]
