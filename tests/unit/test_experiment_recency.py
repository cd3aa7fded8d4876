"""Every simulation of the book: what it offers, how it reports beside the paper, and that a killed one goes on."""

import dataclasses
import os
import signal
import subprocess
import sys
import time

import pandas as pd
import pytest
import torch

from attention_atlas import files, results
from attention_atlas.experiments import recency
from attention_atlas.experiments.recency import CANARY, Config, configurations, group, report, run, score_map
from attention_atlas.profiles import PROFILES
from attention_atlas.registry import DATA
from attention_atlas.simulation.moments import Moments

KEYS = ["alpha", "layernorm", "residual", "d", "layer"]


def blank(config):
    """A table as :func:`run` would return it, without simulating anything: every mean is 0."""
    moments = Moments(config.tokens, config.layers, config.causal, config.map_layers)
    moments.sequences = 2
    return moments.table()


@pytest.mark.parametrize(
    ("call", "got"),
    [
        pytest.param(lambda: Config(13, 1.0), r"\[0, 1\), got 1.0", id="alpha"),
        pytest.param(lambda: Config(13, 0.5, "batchnorm"), "'batchnorm'; allowed: none, ", id="normalization"),
        pytest.param(lambda: Config(13, 0.5, simulator="wishart"), "'wishart'; allowed: gram, ", id="simulator"),
        pytest.param(lambda: Config(14, 0.5, rope=True), "rotary .* allowed: direct", id="RoPE asked of Gram"),
        pytest.param(lambda: Config(9, 0.5), "at least 10, one per token, got 9", id="d < S for Gram"),
        pytest.param(lambda: run(Config(13, 0.5, sequences=1)), "at least 2 sequences, got 1", id="one sequence"),
        pytest.param(lambda: Config(13, 0.5, map_layers=(5,)), r"layers 1\.\.4, got 5", id="map layer"),
        pytest.param(lambda: configurations("huge"), "'huge'; allowed: smoke, quick, paper", id="profile"),
        pytest.param(lambda: group("mapz", "smoke"), "'mapz'; allowed: maps, alpha, first, rope", id="group"),
        pytest.param(lambda: score_map(CANARY, blank(CANARY), 3), r"3 is kept; kept: layers \[1, 2\]", id="layer"),
        pytest.param(
            lambda: score_map(CANARY, blank(CANARY), 1, "inner_product"),
            r"layer 1 .* layers \[2\]",
            id="inner products",
        ),
        pytest.param(lambda: score_map(CANARY, blank(CANARY), 1, "variance"), "'variance'; allowed: score", id="map"),
    ],
)
def test_refused_in_one_line_that_says_what_was_got(call, got):
    with pytest.raises(ValueError, match=got) as refusal:
        call()
    assert "\n" not in str(refusal.value)


def test_every_profile_asks_the_same_of_more_sequences():
    sizes = [configurations(profile) for profile in PROFILES]
    for point, config in sizes[0].items():
        larger = [size[point] for size in sizes]
        assert [dataclasses.replace(c, sequences=2) for c in larger] == [dataclasses.replace(config, sequences=2)] * 3
        assert larger[0].sequences < larger[1].sequences < larger[2].sequences
    assert list(sizes[0]) == list(sizes[1]) == list(sizes[2])


def test_the_paper_profile_has_the_paper_sizes_and_independent_seeds():
    points = configurations("paper")
    official = [points[point] for name in ("maps", "alpha") for point in group(name, "paper")]
    assert len(official) == 16 + 9
    assert {(c.sequences, c.tokens, c.layers, c.simulator) for c in official} == {(10_000_000, 10, 4, "gram")}
    assert len({c.seed for c in official}) == len(official)
    assert {c.simulator for point, c in points.items() if not point.startswith("rope")} == {"gram"}


def test_the_report_has_the_columns_and_the_rows_of_the_reference_and_each_row_once():
    reference = pd.read_csv(DATA / "reference/kim2026_recency_probability.csv")
    points = configurations("paper")
    rows = pd.concat([report(config, blank(config)) for config in points.values()], ignore_index=True)
    assert rows.columns.tolist() == [*reference.columns, "standard_error", "sequences"]
    assert not rows.duplicated(KEYS).any()
    assert len(rows) == (16 + 9) * 4 and set(rows["sequences"]) == {10_000_000}
    shared = reference.merge(rows, on=["figure", *KEYS])
    assert len(shared) == len(reference) == 48
    kept_back = rows[rows["figure"].isin(["alpha", "alpha_residual"])]
    assert len(kept_back) == 36 and set(kept_back["d"]) == {16}


@pytest.mark.parametrize(
    "change",
    [
        {"layers": 8},
        {"tokens": 7},
        {"causal": False},
        {"normalization": "rmsnorm"},
        {"residual": "normalized"},
        {"d_model": 32},
        {"alpha": 0.55},
        {"normalization": "none"},
        {"d_model": 64, "alpha": 0.2},
    ],
    ids=str,
)
def test_nothing_is_reported_of_a_model_that_the_paper_has_not(change):
    config = Config(16, 0.5)
    assert len(report(config, blank(config))) == 4
    config = dataclasses.replace(config, **change)
    assert report(config, blank(config)).empty


def test_the_report_says_what_was_found():
    config = Config(16, 0.5, residual="raw", sequences=500)
    table = run(config)
    found = table[table.quantity == "recency_probability"]
    rows = report(config, table)
    assert rows["recency_probability"].tolist() == found["mean"].tolist()
    assert rows["standard_error"].tolist() == found["standard_error"].tolist()
    assert rows.iloc[2][["figure", *KEYS, "sequences"]].tolist() == ["d16_d64_layers34", 0.5, 1, 1, 16, 3, 500]


@pytest.mark.parametrize("causal", [True, False])
def test_a_score_map_is_where_it_belongs(causal):
    config = Config(16, 0.5, layers=3, tokens=5, causal=causal, sequences=50, map_layers=(1, 2))
    table = run(config)
    scores, gaps = score_map(config, table, 2), score_map(config, table, 2, "gap")
    assert torch.equal(scores.isnan(), torch.ones(5, 5, dtype=torch.bool).triu(1 if causal else 5))
    assert (scores - gaps)[2, 1] == pytest.approx(4.0, abs=1e-12)  # sqrt(d), the largest possible score
    assert scores.diagonal().tolist() == pytest.approx([4.0] * 5, abs=1e-12)
    row = table[(table.quantity == "gap") & (table.layer == 2) & (table["query"] == 5) & (table.key == 2)].iloc[0]
    assert gaps[4, 1] == row["mean"]
    assert score_map(config, table, 2, "standard_error")[4, 1] == row["standard_error"]
    assert score_map(config, table, 2, "inner_product")[4, 1] != gaps[4, 1]
    if not causal:
        torch.testing.assert_close(scores, scores.T)


SLOW = """
import sys, time
from attention_atlas.experiments import recency
from attention_atlas.simulation import running
from attention_atlas.simulation.moments import Moments
running.EVERY, add = -1.0, Moments.add
Moments.add = lambda self, chunk: (time.sleep(0.2), add(self, chunk))  # slow enough to be killed on the way
recency.run(recency.Config(13, 0.5, tokens=5, sequences=100_000))
"""


def test_a_killed_run_goes_on_to_the_same_bits(tmp_path, monkeypatch):
    """A real process, killed by signal 9 as soon as it has left a checkpoint."""
    config = Config(13, 0.5, tokens=5, sequences=100_000)
    environment = {"PYTHONPATH": str(files.ROOT / "lib"), "ATTENTION_ATLAS_ROOT": str(tmp_path), "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen([sys.executable, "-c", SLOW], env=os.environ | environment)
    try:
        end = time.monotonic() + 60
        while not (found := list(tmp_path.glob("data/checkpoints/recency-*.json"))):
            assert process.poll() is None, "it ended before it was seen to leave a checkpoint"
            assert time.monotonic() < end
            time.sleep(0.01)
    finally:
        process.kill()
    assert process.wait() == -signal.SIGKILL
    expected = run(config)
    add, calls = Moments.add, []
    monkeypatch.setattr(Moments, "add", lambda self, chunk: (calls.append(self.sequences), add(self, chunk)))
    monkeypatch.setattr(files, "ROOT", tmp_path)
    pd.testing.assert_frame_equal(run(config), expected, check_exact=True)
    assert 0 < calls[0] < config.sequences and not found[0].exists()


def test_a_checkpoint_of_an_earlier_revision_is_left_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "ROOT", tmp_path)
    names = []
    monkeypatch.setattr(recency, "simulate", lambda *_, checkpoint: names.append(checkpoint) or Moments(5, 2, True, ()))
    monkeypatch.setattr(Moments, "table", lambda self: pd.DataFrame())
    for revision, config in ((1, CANARY), (1, CANARY), (2, CANARY), (2, dataclasses.replace(CANARY, seed=1))):
        monkeypatch.setattr(recency, "REVISION", revision)
        run(config)
    assert names[0] == names[1] and len(set(names)) == 3


def test_the_canary_is_quick_and_its_stored_result_still_holds():
    stored = results.Store().get(recency, CANARY)
    assert stored is not None and results.recompute(stored) == ""
