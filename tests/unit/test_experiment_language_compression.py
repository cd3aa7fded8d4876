"""Compressed decoders: what is offered, rows made again one by one, no text that is both calibrated on and measured."""

import dataclasses
import json
import math

import pytest
import torch

from attention_atlas.decoders.compression import compressed, inputs_of
from attention_atlas.decoders.keys import key_inputs, with_keys_of_rank, without_second
from attention_atlas.decoders.measures import text_loss, whole_measures
from attention_atlas.decoders.sinks_left import all_left, maps_of
from attention_atlas.experiments import language
from attention_atlas.experiments import language_compression as experiment
from attention_atlas.experiments.language_compression import CANARY, Config, configurations, run
from attention_atlas.profiles import PROFILES
from attention_atlas.store import key
from attention_atlas.tasks.language import consecutive_windows, windows

COLUMNS = ["part", "method", "kind", "size"]


@pytest.fixture(scope="module")
def table():
    return run(CANARY)


@pytest.fixture(scope="module")
def decoder():
    """Weights, and the windows that are measured and calibrated on."""
    text = language.corpus_of(CANARY.training)
    source = torch.Generator().manual_seed(experiment.CALIBRATION_SEED)
    return (
        language.weights(CANARY),
        consecutive_windows(text.validation, CANARY.tokens + 1, CANARY.compared),
        windows(text.train, CANARY.tokens, CANARY.calibration, source),
    )


def test_every_profile_offers_the_same_points_and_they_are_trained_decoders():
    sizes = [configurations(profile) for profile in PROFILES]
    assert list(sizes[0]) == list(sizes[1]) == list(sizes[2])
    for profile, found in zip(PROFILES, sizes, strict=True):
        trained = language.configurations(profile)
        assert all(config.training == trained[point] and not config.qk_norm for point, config in found.items())
        assert {type(config.training) for config in found.values()} == {
            language.Config
        }  # or weights would not be found
        assert {point.rsplit("-seed")[0] for point in found} == set(experiment.SETTINGS)
    assert [next(iter(size.values())).compared for size in sizes] == [4, 20, 100]


def test_the_table_has_a_row_for_every_layer_and_compression(table):
    assert not table.duplicated([*COLUMNS, "layer"]).any()
    counts = table.groupby(["part", "kind"]).size().to_dict()
    few = experiment.FEW
    assert counts == {
        ("none", "none"): 1,
        **{("all", kind): 2 * len(few["budgets"]) for kind in experiment.KINDS},
        ("keys", "kept"): 2 * len(few["ranks"]),
        ("keys", "removed"): 2 * len(few["removed"]),
        ("keys", "second"): 2,
    }
    assert table["loss"].map(math.isfinite).all()
    assert (table["stored"] <= table["size"] + 1e-9)[table["part"] == "all"].all()


def test_the_decoder_as_it_is(table, decoder):
    weights, tests, _ = decoder
    row = table[table["part"] == "none"].iloc[0]
    assert row["loss"] == pytest.approx(text_loss(CANARY.decoder, weights, tests), rel=1e-3)
    assert (row["overlap"] == 1 and row["sinks_kept"] in (1, None)) or math.isnan(row["sinks_kept"])
    found = whole_measures(CANARY.decoder, weights, tests[: CANARY.mapped, :-1]).groupby("quantity")["value"].mean()
    for name in (*experiment.WHOLE, "lasting_sinks"):
        assert row[name] == pytest.approx(found[name], rel=1e-3)


@pytest.mark.parametrize(
    ("part", "method", "kind", "size"),
    [
        ("all", "plain", "entries", 0.5),
        ("all", "weighted", "entries", 0.25),
        ("all", "weighted", "sum", 0.5),
        ("all", "plain", "low_rank", 0.25),
        ("keys", "plain", "kept", 1),
        ("keys", "weighted", "kept", 4),
        ("keys", "weighted", "removed", 1),
        ("keys", "plain", "second", 1),
    ],
)
def test_rows_made_again(table, decoder, part, method, kind, size):
    weights, tests, calibration = decoder
    text = calibration if method == "weighted" else None
    if part == "all":
        inputs = inputs_of(CANARY.decoder, weights, text) if method == "weighted" else None
        smaller, stored = compressed(weights, size, {"entries": 0, "sum": 0.25, "low_rank": 1}[kind], inputs)
    else:
        inputs = key_inputs(CANARY.decoder, weights, text)
        smaller = with_keys_of_rank(weights, size, inputs, kind == "removed")
        if kind == "second":
            smaller = without_second(weights, inputs)
        stored = math.nan
    read = tests[: CANARY.mapped, :-1]
    expected = all_left(maps_of(CANARY.decoder, smaller, read), maps_of(CANARY.decoder, weights, read)).iloc[0]
    row = table.set_index(COLUMNS).loc[(part, method, kind, size)]
    assert row["stored"] == pytest.approx(stored, abs=1e-4, nan_ok=True)
    assert row["loss"] == pytest.approx(text_loss(CANARY.decoder, smaller, tests), rel=1e-3)
    for name in ("lasting_sinks", "sinks_kept", "strongest_kept", "strongest", "overlap", "overlap_beside"):
        assert row[name] == pytest.approx(expected[name], rel=1e-3, abs=1e-9, nan_ok=True)


def test_keys_of_which_nothing_is_kept_attend_evenly_and_those_of_the_whole_head_as_before(table):
    keys = table[table["part"] == "keys"].set_index(["method", "kind", "size"])
    even = torch.ones(CANARY.tokens, CANARY.tokens).tril() / torch.arange(1, CANARY.tokens + 1)[:, None]
    for method in experiment.METHODS:
        assert keys.loc[(method, "kept", 0)]["received_first"] == pytest.approx(even[:, 0].mean().item(), rel=1e-3)
        overlaps = [keys.loc[(method, "kept", rank)]["overlap"] for rank in (0, 1, 4)]
        assert overlaps == sorted(overlaps) and overlaps[-1] < 1


def test_numbers_are_stored_with_four_digits(table):
    numbers = table.drop(columns=[*COLUMNS, "stored", "layer"]).stack()
    assert (numbers == numbers.map(lambda x: float(f"{x:.4g}"))).all()


def test_equal_content_has_one_store_key_and_every_change_another():
    restored = json.loads(json.dumps(dataclasses.asdict(CANARY)))
    restored = Config(**{name: tuple(v) if isinstance(v, list) else v for name, v in restored.items()})
    assert restored == CANARY and key(experiment, restored) == key(experiment, CANARY)
    changes = [{"calibration": 5}, {"compared": 9}, {"mapped": 5}, {"seed": 1}, {"budgets": (0.5,)}, {"removed": ()}]
    assert len({key(experiment, dataclasses.replace(CANARY, **change)) for change in [{}, *changes]}) == 7


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"calibration": 0}, "calibration must be at least 1, got 0"),
        ({"compared": 0}, "compared must be at least 1, got 0"),
        ({"mapped": 0}, "mapped must be at least 1, got 0"),
        ({"budgets": (0.5, 1.5)}, "budgets must lie in [0, 1], got (0.5, 1.5)"),
        ({"ranks": (-1,)}, "ranks must be at least 0, got (-1,) and (1,)"),
        ({"qk_norm": True}, "keys are truncated where scores are products of matrices, got qk_norm=True"),
        ({"heads": 3}, "d_model must be a multiple of the heads, got 16 and 3"),
    ],
)
def test_refused_in_one_line_that_says_what_was_got(change, message):
    with pytest.raises(ValueError) as refusal:
        dataclasses.replace(CANARY, **change)
    assert str(refusal.value) == message


def test_an_unknown_profile_is_refused():
    with pytest.raises(ValueError) as refusal:
        configurations("huge")
    assert str(refusal.value) == "unknown profile 'huge'; allowed: smoke, quick, paper"
