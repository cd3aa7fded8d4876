"""Every controlled experiment: every bar and stem of the paper has its models, in the order of need."""

import dataclasses
import re
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby

import numpy as np
import pandas as pd
import pytest
import torch

from attention_atlas import files, results
from attention_atlas.executors import Workers
from attention_atlas.experiments import retrieval
from attention_atlas.experiments.retrieval import (
    CANARY,
    Config,
    alike,
    configurations,
    cost,
    prepared,
    report,
    run,
    run_together,
)
from attention_atlas.models.attention_only import Network
from attention_atlas.profiles import PROFILES
from attention_atlas.registry import DATA
from attention_atlas.sweep import sweep
from attention_atlas.training.retrieval import Training

POINTS = configurations("paper")
OFFERED = {dataclasses.replace(config, maps=False) for config in POINTS.values()}
GAPS = pd.read_csv(DATA / "reference/wu2025_accuracy_gaps.csv")
SINKS = pd.read_csv(DATA / "reference/wu2025_attention_sinks.csv")
KEYS = ["step", "quantity", "layer", "query", "key"]
MIXED = [
    Config(residual=True, steps=40, batch=16, test_sequences=50, **other)
    for other in (
        {},
        {"train_bias": "first", "mask": "none", "position_encoding": "sin", "seed": 3},
        {"mask": "prefix", "mask_parameter": 4, "seed": 1, "varied": "world"},
        {"position_encoding": "decay", "scale": "text", "initial_scale": 2.0},
    )
]


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    """Checkpoints of these tests are none of the project's."""
    monkeypatch.setattr(files, "ROOT", tmp_path)


def usual(**asked):
    """The configuration of the paper with what is asked for."""
    return Config(steps=300_000, test_sequences=10_000, **asked)


def offered(**asked):
    """Whether there is a point for it; whether maps are kept does not matter."""
    return usual(**asked) in OFFERED


@pytest.mark.parametrize(
    ("call", "got"),
    [
        (lambda: Config("second"), "'second'; allowed: unbiased, first, middle, last, first_and_last"),
        (lambda: Config(varied="order"), "'order'; allowed: everything, world"),
        (lambda: Config(seed=-1), "seed must be at least 0, got -1"),
        (lambda: Config(batch=0), "batch must be at least 1, got 0"),
        (lambda: Config(test_sequences=0), "test_sequences must be at least 1, got 0"),
        (lambda: Config(initial_scale=0.0), "initial_scale must be above 0, got 0.0"),
        (lambda: Config(learning_rate=0.0), "got 0.0 and 1e-06"),
        (lambda: Config(weight_decay=-1.0), "got 0.001 and -1.0"),
        (lambda: Config(weight_decay=float("nan")), "got 0.001 and nan"),
        (lambda: Config(depth=0), "depth must be at least 1, got 0"),
        (lambda: Config(mask="future"), "unknown mask 'future'; allowed"),
        (lambda: Config(mask="prefix"), "takes .*, got None"),
        (lambda: Config(mask="prefix", mask_parameter=18), "at least 18 tokens, got 17"),
        (lambda: Config(position_encoding="alibi"), "'alibi'; allowed: none, sin, rope, decay"),
        (lambda: Config(vocabulary="words"), "'words'; allowed: gaussian_mixture, fixed"),
        (lambda: Config(scale="figure"), "'figure'; allowed: code, text"),
        (lambda: Config(steps=0), "multiple of 20, got 0"),
        (lambda: Config(steps=99), "multiple of 20, got 99"),
        (lambda: configurations("huge"), "'huge'; allowed: smoke, quick, paper"),
        (lambda: run_together([Config(), Config(depth=6)]), "models trained at once must be alike, got 2 kinds"),
    ],
)
def test_refused_in_one_line_that_says_what_was_got(call, got):
    with pytest.raises(ValueError, match=got) as refusal:
        call()
    assert "\n" not in str(refusal.value)


def test_every_bar_of_the_paper_has_five_models():
    columns = ["setting", "train_bias", "mask", "position_encoding", "depth", "residual"]
    bars = GAPS[columns].drop_duplicates()
    assert len(GAPS) == 162 and len(bars) == 42
    for _, bar in bars.iterrows():
        asked = bar.to_dict() | {"residual": bool(bar.residual), "depth": int(bar.depth)}
        asked["vocabulary"] = asked.pop("setting")
        for seed in range(5):
            assert offered(**asked, seed=seed), asked
            if seed < 2:  # Figures 13-24 have the same bars
                assert offered(**asked | {"vocabulary": "fixed"}, seed=seed), asked
    assert not offered(seed=5) and not offered(position_encoding="sin")  # negative controls


def test_every_stem_plot_of_the_paper_has_five_models():
    plots = SINKS[["figure", "mask", "mask_parameter"]].drop_duplicates()
    assert len(plots) == 7
    for plot in plots.itertuples():
        parameter = None if np.isnan(plot.mask_parameter) else int(plot.mask_parameter)
        for seed in range(5):
            assert offered(mask=plot.mask, mask_parameter=parameter, residual=True, seed=seed)
            if seed < 2:  # Figures 21-23
                setting = {"mask": plot.mask, "mask_parameter": parameter, "residual": True, "seed": seed}
                assert offered(vocabulary="fixed", **setting)
    for seed in range(5):  # Figure 10 does not say whether with residual
        assert offered(seed=seed)


def test_maps_are_kept_of_the_networks_that_the_paper_draws():
    kept = {(c.position_encoding, c.depth, c.mask, c.train_bias) for c in POINTS.values() if c.maps}
    assert kept == {("none", 2, "causal", "unbiased")}
    for vocabulary, seeds in (("gaussian_mixture", 5), ("fixed", 2)):
        for residual in (False, True):
            for seed in range(seeds):
                assert usual(residual=residual, seed=seed, vocabulary=vocabulary, maps=True) in POINTS.values()


NAME = re.compile(
    r"(?P<train_bias>unbiased|first|middle|last|first_and_last)-(?P<mask>causal|none|sliding_window|prefix)"
    r"(?P<mask_parameter>\d+)?-(?P<position_encoding>none|sin|rope|decay)-(?P<depth>\d+)(?P<residual>-residual)?"
    r"(?P<vocabulary>-fixed)?(?P<scale>-text)?(?P<varied>-world)?(-rate(?P<learning_rate>[\de.-]+?))?"
    r"(-initial(?P<initial_scale>[\de.]+?))?-seed(?P<seed>\d+)"
)


def parsed(name):
    """All that a name says of its configuration."""
    said = {field: value for field, value in NAME.fullmatch(name).groupdict().items() if value is not None}
    kinds = {"mask_parameter": int, "depth": int, "seed": int, "learning_rate": float, "initial_scale": float}
    said |= {field: kind(said[field]) for field, kind in kinds.items() if field in said}
    said |= {field: said[field].removeprefix("-") for field in ("vocabulary", "scale", "varied") if field in said}
    return said | {"residual": "residual" in said}


def test_a_name_says_everything_and_no_two_points_are_one():
    assert len(set(POINTS.values())) == len(POINTS)
    for name, config in POINTS.items():
        assert dataclasses.replace(config, maps=False) == usual(**parsed(name))
    values = {"residual": True, "vocabulary": "fixed", "learning_rate": 3e-4, "initial_scale": 0.5, "varied": "world"}
    assert usual(**parsed(retrieval._name(Config(**values, seed=11)))) == usual(**values, seed=11)


def test_every_profile_asks_the_same_with_longer_training_and_more_tests():
    sizes = [configurations(profile) for profile in PROFILES]
    assert list(sizes[0]) == list(sizes[1]) == list(sizes[2])
    for point in sizes[0]:
        smoke, quick, paper = (size[point] for size in sizes)
        size = dict.fromkeys(("steps", "test_sequences"))
        assert vars(smoke) | size == vars(quick) | size == vars(paper) | size
        assert [c.steps for c in (smoke, quick, paper)] == [100, 2_000, 300_000]
        assert [c.test_sequences for c in (smoke, quick, paper)] == [200, 1_000, 10_000]


def test_the_paper_profile_trains_as_the_paper_does():
    main = [config for config in POINTS.values() if is_main(config)]
    assert {(c.batch, c.weight_decay) for c in POINTS.values()} == {(128, 1e-6)}
    ours = [config for config in POINTS.values() if not is_main(config) and not is_control(config)]
    assert len(ours) == 2 * 6 + 2 * 4 + 4  # the text's scale; rates and first weights; worlds alone
    task, model, schedule = main[0].task, main[0].model, main[0].schedule
    assert (task.items, task.d_model, task.classes, task.labels, task.burstiness) == (8, 64, 2048, 32, 4)
    assert (model.d_model, model.labels, model.base) == (64, 32, 10_000)
    assert model.slope == pytest.approx(-np.log(0.8), rel=1e-15)
    assert (schedule.review, schedule.enough) == (100_000, 0.95)
    assert 100_000 in schedule.records()  # what the paper prints can be read from every trajectory


def test_the_places_of_a_train_bias_are_those_of_the_task():
    places = {bias: Config(train_bias=bias).task.places for bias in retrieval.BIASES}
    assert places == {"unbiased": (), "first": (0,), "middle": (4,), "last": (7,), "first_and_last": (0, 7)}


def places(kept):
    """Where in the order the points stand that fulfil a condition."""
    found = [place for place, config in enumerate(POINTS.values()) if kept(config)]
    assert found
    return found


def before(first, second):
    return max(places(first)) < min(places(second))


MAIN = {"scale": "code", "varied": "everything", "learning_rate": 1e-3, "initial_scale": 1.0}


def is_main(config, **asked):
    """Whether it is one of the paper's own experiments, and has all that is asked for."""
    return (MAIN | asked).items() <= vars(config).items() and not is_control(config)


def is_control(config):
    """Whether it can have no gap, by proof: it has its place at the end, whatever the order of the others."""
    return (config.mask, config.position_encoding) == ("none", "none")


def test_controls_whose_gap_is_known_come_last():
    assert sum(map(is_control, POINTS.values())) == 4 * (5 + 2)
    assert before(lambda c: not is_control(c), is_control)


def test_what_completes_a_claim_soonest_comes_first():
    names = list(POINTS)
    start = names.index("first_and_last-causal-sin-2-residual-seed0")
    assert all(name.startswith("unbiased-causal") for name in names[:start]) and start == 12
    ends = [f"first_and_last-{mask}-{e}-2-residual" for mask in ("causal", "none") for e in ("sin", "rope")]
    alone = [f"last-causal-{e}-2-residual" for e in ("none", "sin", "rope")] + ["first-causal-none-2-residual"]
    masks = "sliding_window5", "sliding_window9", "sliding_window13", "prefix2", "prefix4", "prefix6"
    for settings in (ends, alone, [f"unbiased-{mask}-none-2-residual" for mask in masks]):
        block = names[start : start + 2 * len(settings)]
        assert set(block) == {f"{setting}-seed{seed}" for setting in settings for seed in (0, 1)}
        assert [name[-1] for name in block] == ["0"] * len(settings) + ["1"] * len(settings)
        start += len(block)


@pytest.mark.parametrize(
    ("vocabulary", "seeds"),
    [("gaussian_mixture", (0, 1)), ("gaussian_mixture", (2, 3, 4)), ("fixed", (0, 1))],
    ids=str,
)
def test_depth_two_comes_before_six_before_ten(vocabulary, seeds):
    def of(*depths):
        return lambda c: is_main(c, vocabulary=vocabulary) and c.seed in seeds and c.depth in depths

    assert before(of(2), of(4, 6)) and before(of(4, 6), of(10))


def test_two_seeds_of_everything_come_before_five_of_anything():
    assert before(lambda c: is_main(c) and c.seed < 2, lambda c: is_main(c) and c.seed >= 2)
    mixture = {"vocabulary": "gaussian_mixture"}
    assert before(
        lambda c: is_main(c, **mixture) and c.seed < 2, lambda c: not is_main(c, **mixture) and not is_control(c)
    )
    for depth in (2, 6, 10):  # every setting once before any setting twice
        asked = mixture | {"depth": depth, "train_bias": "unbiased", "mask": "causal"}
        seeds = [c.seed for c in POINTS.values() if is_main(c, **asked)]
        assert [seed for seed, _ in groupby(seeds)] == [0, 1, 2, 3, 4] and len(seeds) in (15, 30)
    assert next(iter(POINTS)) == "unbiased-causal-none-2-residual-seed0"


def test_alike_is_what_can_be_trained_at_once():
    groups = {}
    for config in POINTS.values():
        groups.setdefault(alike(config), []).append(config)
    assert sum(map(len, groups.values())) == len(POINTS) and max(map(len, groups.values())) >= 20
    for group in groups.values():
        Network([config.model for config in group], group[0].task.tokens)  # refuses models that do not go together
        assert len({config.task.tokens for config in group}) == 1
        taken_from_the_first = {
            (c.batch, c.learning_rate, c.weight_decay, c.schedule, c.test_sequences, c.maps) for c in group
        }
        assert len(taken_from_the_first) == 1


@pytest.mark.parametrize(
    ("change", "same"),
    [
        ({"seed": 3}, True),
        ({"train_bias": "last"}, True),
        ({"mask": "sliding_window", "mask_parameter": 5}, True),
        ({"position_encoding": "sin"}, True),
        ({"position_encoding": "decay"}, True),
        ({"vocabulary": "fixed"}, False),
        ({"scale": "text"}, True),
        ({"varied": "world"}, True),
        ({"initial_scale": 2.0}, True),
        ({"position_encoding": "rope"}, False),
        ({"depth": 3}, False),
        ({"residual": True}, False),
        ({"steps": 80}, False),
        ({"batch": 64}, False),
        ({"learning_rate": 1e-2}, False),
        ({"weight_decay": 0.0}, False),
        ({"test_sequences": 7}, False),
        ({"maps": True}, False),
    ],
    ids=str,
)
def test_alike_tells_apart_what_one_ensemble_cannot_hold(change, same):
    assert (alike(Config()) == alike(Config(**change))) == same
    assert hash(alike(Config())) == hash(alike(Config()))


def test_costs_rise_with_what_costs():
    assert all(cost(config) > 0 for config in [*POINTS.values(), Config(depth=1)])
    assert cost(Config(depth=1)) < cost(Config()) < cost(Config(depth=6)) < cost(Config(depth=10))
    assert cost(Config()) < cost(Config(position_encoding="rope"))
    assert cost(Config(steps=200)) == pytest.approx(2 * cost(Config(steps=100)))
    assert cost(Config(seed=4, vocabulary="fixed")) == cost(Config())


def agree(table, expected, tests):
    """Rounding of float32 apart: at most one test sequence on the verge."""
    pd.testing.assert_frame_equal(table[KEYS], expected[KEYS])
    difference = (table.value - expected.value).abs()
    smooth = table.quantity.isin(["loss", "received", "map", "one_map"])
    return difference[smooth].max() < 5e-6 and difference[~smooth].max() < 1.01 / tests


def test_a_mixed_group_is_each_of_its_models_alone():
    together = run_together(MIXED)
    alone = [run(config) for config in MIXED]
    for model, table in enumerate(together):
        assert agree(table, alone[model], 50)
        assert not any(agree(table, other, 50) for number, other in enumerate(alone) if number != model)
    backwards = run_together(MIXED[::-1])[::-1]
    assert all(agree(one, other, 50) for one, other in zip(together, backwards, strict=True))


def test_a_run_is_deterministic_and_the_seed_decides():
    config = MIXED[2]
    first = run(config)
    pd.testing.assert_frame_equal(run(config), first, check_exact=True)
    assert not agree(run(dataclasses.replace(config, seed=2)), first, 50)
    assert not agree(run(dataclasses.replace(config, varied="everything")), first, 50)  # of a seed that is not 0
    base = MIXED[0]
    pd.testing.assert_frame_equal(run(dataclasses.replace(base, varied="world")), run(base), check_exact=True)


def test_the_table_is_the_trajectory_that_was_asked_for():
    table = run(dataclasses.replace(MIXED[0], steps=120, maps=True))
    assert sorted(set(table.step)) == [0, 100, 120]
    assert set(table[table.step == 120].quantity) >= {
        "loss",
        "in_context",
        "first_vs_last",
        "sink_gu2025",
        "map",
        "asked",
    }
    assert (table.quantity == "map").sum() == (table.quantity == "one_map").sum() == 2 * 17 * 17
    assert table.value.notna().all()
    ends = table[table.quantity == "loss"].value
    assert len(ends) == 2 and all(abs(value - np.log(32)) < 0.5 for value in ends)


class Interrupted(Exception):
    """Stands for whatever ends a process."""


def test_a_stopped_group_goes_on_and_leaves_nothing_behind(tmp_path, monkeypatch):
    configs = [dataclasses.replace(config, steps=120) for config in MIXED[:2]]
    expected = run_together(configs)
    advance, steps = Training.advance, []
    with monkeypatch.context() as patched, pytest.raises(Interrupted):

        def stops(self, number):
            if self.steps == 100:
                raise Interrupted
            return advance(self, number)

        patched.setattr(Training, "advance", stops)
        run_together(configs)
    assert len(list(tmp_path.glob("data/checkpoints/retrieval-*.pt"))) == 1
    monkeypatch.setattr(Training, "advance", lambda self, number: (steps.append(number), advance(self, number))[1])
    run(configs[0])  # alone it is another training, with a checkpoint of its own
    assert sum(steps) == 120
    steps.clear()
    for table, whole in zip(run_together(configs), expected, strict=True):
        pd.testing.assert_frame_equal(table, whole, check_exact=True)
    assert steps == [20]
    assert not list(tmp_path.rglob("*.pt"))


def test_a_training_that_ended_is_not_lost_before_its_result_is_stored(tmp_path, monkeypatch):
    """A sweep that dies between the last step and the store finds the training at its end."""
    monkeypatch.setenv("ATTENTION_ATLAS_RESULTS", str(tmp_path / "results"))
    point, store = "unbiased-causal-none-2-residual-seed0", results.Store()

    def keep(*_):
        raise Interrupted

    with monkeypatch.context() as patched, pytest.raises(Interrupted):
        patched.setattr(results.Store, "keep", keep)
        results.compute(retrieval, point, "smoke")
    (kept,) = tmp_path.glob("data/checkpoints/retrieval-*.pt")
    assert kept == retrieval._checkpoint([configurations("smoke")[point]], "cpu")
    with monkeypatch.context() as patched:
        patched.setattr(Training, "advance", keep)  # nothing is left to be trained
        found = results.compute(retrieval, point, "smoke")
    assert not list(tmp_path.rglob("*.pt")) and store.get(retrieval, configurations("smoke")[point])
    pd.testing.assert_frame_equal(run(configurations("smoke")[point]), found.table, check_exact=True)


def test_a_sweep_forgets_a_group_when_all_of_it_is_stored(tmp_path, monkeypatch):
    monkeypatch.setenv("ATTENTION_ATLAS_RESULTS", str(tmp_path / "results"))
    only, there = "unbiased-causal-*-2-residual-seed0", []
    keep = results.Store.keep

    def watched(store, result):
        there.append(len(list(tmp_path.glob("data/checkpoints/retrieval-*.pt"))))
        return keep(store, result)

    monkeypatch.setattr(results.Store, "keep", watched)
    with ThreadPoolExecutor(1) as pool:
        sweep("retrieval", "smoke", only, workers=Workers(pool, lambda: 1), together=2, say=lambda line: None)
    assert len(there) == 4 and min(there) >= 1  # the canary, no encoding, decay, RoPE
    assert not list(tmp_path.rglob("*.pt"))


def test_a_run_by_itself_keeps_nothing_that_a_later_run_could_find(tmp_path):
    run(MIXED[0])
    assert not list(tmp_path.rglob("*.pt"))


def test_checkpoints_of_other_trainings_are_left_alone(monkeypatch):
    names = [retrieval._checkpoint(MIXED, "cpu")]
    assert retrieval._checkpoint(list(MIXED), "cpu") == names[0]
    names += [retrieval._checkpoint(MIXED[:2], "cpu"), retrieval._checkpoint(MIXED[::-1], "cpu")]
    names += [retrieval._checkpoint(MIXED, "cuda")]
    monkeypatch.setattr(retrieval, "REVISION", retrieval.REVISION + 1)
    names += [retrieval._checkpoint(MIXED, "cpu")]
    assert len(set(names)) == len(names) == 5


def test_the_canary_is_quick_and_says_something():
    start = time.process_time()
    table = run(CANARY)
    assert time.process_time() - start < 4  # with shapes checked at every call; without, below 2
    assert set(table.quantity) >= {"loss", "in_context", "first_vs_last", "received", "sink_gu2025"}
    assert table[table.quantity == "received"].value.std() > 0.01


def test_the_stored_canary_still_holds():
    stored = results.Store(DATA / "results").get(retrieval, CANARY)
    if stored is None:
        pytest.skip("nothing is stored yet")
    assert results.recompute(stored) == ""


@pytest.mark.parametrize(
    "point", ["unbiased-causal-none-2-residual-seed0", "first_and_last-none-rope-2-residual-seed1"]
)
def test_a_point_of_the_smoke_profile_takes_seconds(point):
    start = time.process_time()
    table = run(configurations("smoke")[point])
    assert time.process_time() - start < 6
    assert sorted(set(table.step)) == [0, 100]


def test_the_fixed_vocabulary_is_tested_with_the_trained_direction_and_with_others():
    """The official code draws the shared direction of every test set anew; both are kept, of a fixed vocabulary."""
    fixed = run(dataclasses.replace(MIXED[0], vocabulary="fixed", steps=20))
    redrawn = {quantity for quantity in fixed["quantity"] if quantity.endswith("_redrawn")}
    assert redrawn == {f"{q}_redrawn" for q in fixed["quantity"] if "_over_" in q or "_vs_" in q if "_redrawn" not in q}
    assert not run(dataclasses.replace(MIXED[0], steps=20))["quantity"].str.endswith("_redrawn").any()
    shown = report(MIXED[0], fixed).set_index("quantity")
    pair = [shown.loc[f"{a}_redrawn", "value"] for a in ("first_over_last", "last_over_first")]
    error = (sum(p * (1 - p) for p in pair) / MIXED[0].test_sequences) ** 0.5
    assert shown.loc["first_vs_last_redrawn", "sampling_error"] == pytest.approx(error)


def test_seed_draws_the_first_weights():
    one, again, other = (prepared([Config(seed=seed)]).mean_maps(20)[0] for seed in (0, 0, 1))
    assert torch.equal(one, again) and not torch.equal(one, other)


def test_variants_start_as_their_training_does():
    world = prepared([Config(seed=3, varied="world")])
    base = prepared([Config(seed=0)])
    assert torch.equal(world.ensemble.parameters["query"], base.ensemble.parameters["query"])
    assert not torch.equal(world.worlds[0].means, base.worlds[0].means)
    large = prepared([Config(initial_scale=2.0)])
    assert torch.equal(large.ensemble.parameters["query"], 2 * base.ensemble.parameters["query"])
