"""Sizes of a text counted by hand, and baselines on exactly the predictions that decoders are tested on."""

import dataclasses
import math
from collections import Counter

import pytest

from attention_atlas.experiments import language
from attention_atlas.experiments.language_ngrams import CANARY, POINTS, configurations, run
from attention_atlas.profiles import PROFILES
from attention_atlas.tasks.corpora import text


def values(config):
    return run(config).set_index(["part", "quantity"])["value"]


def test_sizes_of_the_poem_by_hand():
    found, poem = values(CANARY), text("zen").train
    for part in ("train", "validation"):
        assert found[part, "characters"] == found[part, "bytes"] == found[part, "tokens"] == len(poem)
    assert found["windows", "vocabulary"] == 1 + len(set(poem)) and found["windows", "bytes_per_token"] == 1
    assert found["windows", "predictions"] == 8 * 16 and found["windows", "unknown"] == 0


def test_windows_cannot_be_more_than_the_text_has():
    found = values(dataclasses.replace(CANARY, test_windows=10_000))
    assert found["windows", "predictions"] == len(text("zen").train) // 16 * 16


def test_unigram_by_the_plain_loop():
    poem = text("zen").train
    counts = Counter(poem)
    whole = len(poem) + len(counts) / 2
    losses = [-math.log((counts[letter] + 0.5) / whole) for letter in poem[: 8 * 16]]
    assert values(CANARY)["windows", "unigram"] == pytest.approx(sum(losses) / len(losses), abs=1e-12)


@pytest.mark.parametrize("profile", PROFILES)
def test_each_corpus_is_read_as_its_decoders_read_it(profile):
    decoders, found = language.configurations(profile), configurations(profile)
    assert list(found) == list(POINTS)
    names = [field.name for field in dataclasses.fields(CANARY)]
    for name, config in found.items():
        mine = [point for point in decoders if decoders[point].corpus == name]
        assert len(mine) > 10
        for point in mine:
            assert [getattr(decoders[point], field) for field in names] == list(dataclasses.astuple(config))


def test_another_text_than_the_recorded_one_is_refused():
    with pytest.raises(ValueError, match=r"the corpus zen here is \w+, got a configuration for 0123"):
        run(dataclasses.replace(CANARY, digest="0123"))
    with pytest.raises(ValueError, match="test_windows must be at least 1, got 0"):
        dataclasses.replace(CANARY, test_windows=0)
