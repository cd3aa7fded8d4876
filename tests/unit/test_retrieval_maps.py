"""Shares by kind of token against plain loops; maps of the setting that was asked for, and of no other."""

import dataclasses

import pandas as pd
import pytest
import torch

from attention_atlas.experiments.retrieval import Config
from attention_atlas.retrieval_maps import LEAST, READ, READERS, item_shares, known_maps, reading_shares
from attention_atlas.retrieval_points import Models
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


def models(**configs):
    """Models as a page has them, whose maps are uniform but for the last weight of the last row."""
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


def test_sizes_are_not_mixed():
    long = dataclasses.replace(BASE, seed=1, steps=300_000)
    known = models(short=BASE, long=long, plain=dataclasses.replace(BASE, residual=False))
    assert list(known_maps(known, residual=True)) == [1]
    assert list(known_maps(known, residual=False)) == [0]
