"""The experiment on sinks of decoders: rows by loops, probes that can and cannot see a label, and refusals."""

import dataclasses
import json
import math

import pandas as pd
import pytest
import torch

from attention_atlas.attention import attention_weights
from attention_atlas.decoders.attention_record import AttentionRecord
from attention_atlas.decoders.sink_places import classes_of
from attention_atlas.decoders.tag_components import head_parts
from attention_atlas.decoders.tags import SeenText, layer_tags, readable
from attention_atlas.experiments import language, language_tags
from attention_atlas.experiments.language_tags import CANARY, SETTINGS, UNTRAINED, Config, configurations, run, spread
from attention_atlas.profiles import PROFILES
from attention_atlas.store import key

WORDS = ("<s>", "\n", "a", "(")
WINDOWS, HEADS, TOKENS, D_HEAD = 12, 2, 19, 5


def randn(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def read(seed=0):
    """Windows whose kinds are runs, and a layer whose heads attend sharply to the first token of a kind."""
    source = torch.Generator().manual_seed(seed)
    tokens = torch.randint(1, len(WORDS), (WINDOWS, TOKENS), generator=source)
    tokens[:, 0] = 0
    kinds = torch.rand(WINDOWS, TOKENS, generator=source) < 0.4
    text = SeenText(tokens, classes_of(WORDS)[tokens], WORDS, kinds)
    causal = torch.ones(TOKENS, TOKENS).tril().bool()
    scores = 0.5 * randn(WINDOWS, HEADS, TOKENS, TOKENS, seed=seed + 1)
    scores[:, 0, :, 3] += 6 * kinds  # head 0: tokens of the second kind look at the fourth token
    scores[:, 1, :, 2] += 6
    values, stream = randn(WINDOWS, HEADS, TOKENS, D_HEAD, seed=seed + 2), randn(WINDOWS, TOKENS, 11, seed=seed + 3)
    values[:, :, 2:4] = randn(1, HEADS, 2, D_HEAD, seed=seed + 4)  # one tag for all windows
    output = randn(HEADS, D_HEAD, 11, seed=seed + 5)
    return AttentionRecord(1, stream, scores, attention_weights(scores, causal), values, output), text


@pytest.fixture(scope="module")
def table():
    return layer_tags(*read(), points=5, generator=torch.Generator().manual_seed(0))


def value(table, head, quantity, label=""):
    chosen = table[(table["head"] == head) & (table["quantity"] == quantity) & (table["label"] == label)]
    assert len(chosen) == 1, (head, quantity, label)
    return chosen["value"].item()


def test_numbers_of_sinks_by_loops(table):
    record, _ = read()
    for head in range(HEADS):
        counts = dict.fromkeys(["sinks", "sinks_gu", "entries_wu", "first_wu", "first_zhang", "lasting_sinks"], 0.0)
        for map in record.weights[:, head].tolist():
            received = [sum(map[i][j] for i in range(j, TOKENS)) / (TOKENS - j) for j in range(TOKENS)]
            counts["sinks"] += sum(r > 0.2 for r in received) / WINDOWS
            counts["lasting_sinks"] += (
                sum(r > 0.2 and TOKENS - j >= TOKENS / 2 for j, r in enumerate(received)) / WINDOWS
            )
            counts["sinks_gu"] += sum(r > 0.3 for r in received) / WINDOWS
            counts["first_zhang"] += (received[0] > 0.2) / WINDOWS
            entries = [map[i][j] > 0.2 for i in range(TOKENS) for j in range(i + 1)]
            counts["entries_wu"] += sum(entries) / len(entries) / WINDOWS
            counts["first_wu"] += sum(row[0] > 0.2 for row in map) / TOKENS / WINDOWS
        for name, expected in counts.items():
            assert value(table, head, name) == pytest.approx(expected, abs=1e-12), name
    at = table[(table["quantity"] == "sinks_at") & table["label"].str.startswith("part")]["value"].sum()
    assert at == pytest.approx((value(table, 0, "sinks") + value(table, 1, "sinks")) / 2)


def test_errors_are_those_of_a_mean_over_windows(table):
    record, _ = read()
    received = record.weights[:, 0, :, 0].mean(-1)
    row = table[(table["head"] == 0) & (table["quantity"] == "received_first")]
    assert row["standard_error"].item() == pytest.approx(received.std().item() / math.sqrt(WINDOWS), abs=1e-12)


def test_a_tag_given_by_kind_is_where_the_label_is_and_nowhere_else(table):
    read_of = table[table["quantity"] == "probe"].set_index("label")["value"]
    assert read_of["tags"] > 0.9 and read_of["output"] > 0.9
    assert read_of["without tags"] < 0.75 and abs(read_of["wrong labels"] - 0.5) < 0.15
    assert read_of["random"] < read_of["tags"]


def test_a_tag_that_shrinks_with_the_place_tells_the_place():
    record, text = read()
    weights = torch.ones(TOKENS, TOKENS).double().tril()
    weights[:, 0] += 9  # its share falls like 1 / (9 + i), so least squares put the border not quite in the middle
    record = record._replace(
        weights=(weights.tril() / weights.tril().sum(-1, keepdim=True)).expand(WINDOWS, HEADS, -1, -1)
    )
    record.values[:, :, 0] = 50 * randn(1, HEADS, D_HEAD, seed=9)
    found = layer_tags(record, text, 0, torch.Generator().manual_seed(0))
    assert value(found, -1, "lasting_at", "part 0") == 1
    assert value(found, -1, "probe_late", "tags") > 0.9 > 0.8 > value(found, -1, "probe_late", "without tags")


def test_parts_of_the_output_add_up_to_it():
    record, text = read()
    heads = [head_parts(record, head) for head in range(HEADS)]
    rows = readable(record, heads, text.kinds, torch.Generator().manual_seed(0))
    found = {name: features for name, features, _ in rows}
    for name in ("tags", "lasting", "others", "random"):
        assert torch.allclose(found[name] + found[f"without {name}"], found["output"])
        if name != "others":
            inner = (found[name] * found[f"without {name}"]).unflatten(-1, (HEADS, D_HEAD)).sum(-1)
            assert inner.abs().max() < 1e-9


def test_tagged_tokens_stand_apart_in_what_the_head_writes_and_not_before(table):
    assert value(table, 0, "separation", "output 1") > 0.99
    assert value(table, 0, "separation", "before 1") < 0.75 and value(table, 0, "separation", "other head 1") < 0.75
    places = table[table["quantity"] == "place"]
    assert places.groupby(["head", "label"]).size().eq(5).all() and places["label"].nunique() == 4 * 2 * 2


def test_where_sinks_sit(table):
    items = table[table["quantity"] == "most_item"].set_index("label")["value"]
    assert set(items.index) <= set(map(repr, WORDS)) and items.is_monotonic_decreasing
    assert value(table, -1, "tokens_at", "begin") == 1 and value(table, -1, "tokens_at", "part 0") == 1
    for part in ("part 1", "part 2"):  # tokens 3 and 4 of 19, one for each head
        assert value(table, -1, "lasting_at", part) == pytest.approx(0.5, abs=0.1)


def test_a_planted_outlier_is_found_and_turned_away():
    record, text = read()
    record.stream[:, 4, 7] = 300
    found = layer_tags(record, text, 0, torch.Generator().manual_seed(0))
    assert value(found, -1, "outlier") > max(200, 1.5 * value(found, -1, "outlier_turned"))
    assert value(found, -1, "outlier_common") == 1 and value(found, -1, "outlier_at", "part 2") == 1


def test_text_without_kinds_has_no_probe():
    record, text = read()
    found = layer_tags(record, text._replace(kinds=None), 0, torch.Generator().manual_seed(0))
    assert len(found) and not (found["quantity"] == "probe").any()


def test_the_canary_is_whole_and_reproducible():
    first, second = run(CANARY), run(CANARY)
    pd.testing.assert_frame_equal(first, second)
    assert set(first["head"]) == {-1, 0, 1} and not first.duplicated(["layer", "head", "quantity", "label"]).any()
    assert not (first["quantity"] == "probe").any()  # nobody labelled the Zen of Python


def test_of_the_pictures_one_is_kept():
    record, text = read()
    first = layer_tags(record, text, 5, torch.Generator().manual_seed(0)).assign(layer=0)
    second = first.assign(layer=1)
    often = (second["quantity"] == "with_lasting") & (second["head"] == 0)
    first.loc[first["quantity"] == "with_lasting", "value"] = 0.5
    second.loc[second["quantity"] == "with_lasting", "value"] = 0.4
    second.loc[often, "value"] = 0.9
    table = pd.concat([first, second], ignore_index=True)
    kept = language_tags._one_picture(table)
    places = kept[kept["quantity"] == "place"]
    assert set(zip(places["layer"], places["head"], strict=True)) == {(1, 0)} and len(places) == 5 * 4 * 2 * 2
    pd.testing.assert_frame_equal(*(t[t["quantity"] != "place"].reset_index(drop=True) for t in (kept, table)))


def test_every_profile_offers_the_same_points_and_trains_none_of_its_own():
    sizes = [configurations(profile) for profile in PROFILES]
    assert list(sizes[0]) == list(sizes[1]) == list(sizes[2]) and len(sizes[0]) == 3 * (len(SETTINGS) + 2) + 1
    for profile, found in zip(PROFILES, sizes, strict=True):
        offered = language.configurations(profile)
        for name, config in found.items():
            setting, seed = name.rsplit("-seed", 1)
            assert config.training == offered[f"{UNTRAINED.get(setting, setting)}-seed{seed}"]
            assert config.trained == (not setting.startswith("untrained"))


def test_windows_are_spread_evenly_and_do_not_overlap():
    text = torch.arange(1, 1001)
    found = spread(text, 11, 10)
    assert found.shape == (10, 11) and (found[:, 0] == 0).all() and found[:, 1].diff().tolist() == [100] * 9
    assert len(spread(text, 11, 1000)) == 100


def test_equal_content_has_one_store_key_and_every_change_another():
    restored = Config(**json.loads(json.dumps(dataclasses.asdict(CANARY))))
    assert restored == CANARY and key(language_tags, restored) == key(language_tags, CANARY)
    changes = [{"windows": 9}, {"trained": True}, {"points": 1}, {"seed": 1}, {"layers": 2}]
    assert len({key(language_tags, dataclasses.replace(CANARY, **change)) for change in [{}, *changes]}) == 6


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"windows": 1}, "windows must be at least 2, got 1"),
        ({"points": -1}, "points must be at least 0, got -1"),
        ({"steps": 0}, "steps must be at least 1, got 0"),
    ],
)
def test_refused_in_one_line_that_says_what_was_got(change, message):
    with pytest.raises(ValueError) as refusal:
        dataclasses.replace(CANARY, **change)
    assert str(refusal.value) == message
