"""Sums over any number of sequences: however they are cut, killed or simulated, the same means with honest errors."""

import dataclasses
import json
import math
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from attention_atlas import files
from attention_atlas.metrics import recency_probability
from attention_atlas.simulation import running
from attention_atlas.simulation.chunk import Seen, recency
from attention_atlas.simulation.direct import DirectSimulator
from attention_atlas.simulation.model import Model
from attention_atlas.simulation.moments import Moments
from attention_atlas.simulation.stream import SIMULATORS, simulate

MODEL = Model(d_model=7, alpha=0.5, layers=3, tokens=5)


def rows(table, quantity):
    return table[table.quantity == quantity].reset_index(drop=True)


def test_a_case_by_hand():
    """Three tokens, two sequences: gaps of the last query (-3, -1) and (-1, -2), so it prefers late once in two."""
    gaps = torch.zeros(3, 3, 2).double()
    gaps[2, 0], gaps[2, 1] = torch.tensor([-3.0, -1.0]).double(), torch.tensor([-1.0, -2.0]).double()
    moments = Moments(tokens=3, layers=1, causal=True, map_layers=[1])
    moments.add([Seen(gaps, lambda: gaps)])
    table = moments.table()
    assert table.columns.tolist() == ["quantity", "layer", "query", "key", "mean", "standard_error"]
    assert rows(table, "recency_probability").iloc[0].tolist() == ["recency_probability", 1, 0, 0, 0.5, 0.5]
    spread = rows(table, "log10_spread").iloc[0]  # logarithms of 2 and of 1
    assert spread["mean"] == pytest.approx(math.log10(2) / 2, abs=1e-15)
    assert spread["standard_error"] == pytest.approx(math.log10(2) / 2, abs=1e-15)
    assert rows(table, "gap")[["query", "key"]].values.tolist() == [[1, 1], [2, 1], [2, 2], [3, 1], [3, 2], [3, 3]]
    assert rows(table, "gap")["mean"].tolist() == [0, 0, 0, -2, -1.5, 0]
    assert rows(table, "gap")["standard_error"].tolist() == pytest.approx([0, 0, 0, 1, 0.5, 0], abs=1e-15)
    assert rows(table, "inner_product").empty  # none enters layer 2 of one layer


@given(seed=st.integers(0, 2**31), tokens=st.integers(3, 11))
def test_recency_of_each_sequence_is_the_metric_of_its_map(seed, tokens):
    shape = (tokens, tokens, 3)
    scores = torch.randint(0, 4, shape, generator=torch.Generator().manual_seed(seed)).double()  # with ties
    for sequence, share in enumerate(recency(scores)):
        assert share == pytest.approx(recency_probability(scores[None, :, :, sequence]).item(), abs=1e-12)


@pytest.mark.parametrize("causal", [True, False])
def test_means_and_errors_are_those_of_the_sequences(causal):
    model = dataclasses.replace(MODEL, causal=causal)
    moments = simulate(model, 23, seed=3, simulator="direct", chunk=23)
    source = DirectSimulator(model, 3)
    shown = [(seen.gaps.clone(), seen.inner().clone()) for seen in source.layers(source.draw(23))]
    table = moments.table()
    maps = rows(table, "gap")
    for layer, (gaps, _) in enumerate(shown, start=1):
        found = maps[maps["layer"] == layer]
        assert len(found) == (15 if causal else 25)
        values = gaps[found["query"].to_numpy() - 1, found["key"].to_numpy() - 1].numpy()
        np.testing.assert_allclose(found["mean"], values.mean(-1), rtol=1e-12, atol=1e-14)
        np.testing.assert_allclose(found["standard_error"], values.std(-1, ddof=1) / 23**0.5, rtol=1e-6, atol=1e-9)
    found = rows(table, "inner_product")
    values = shown[1][1][found["query"].to_numpy() - 1, found["key"].to_numpy() - 1].numpy()
    assert set(found["layer"]) == {2}
    np.testing.assert_allclose(found["mean"], values.mean(-1), rtol=1e-12)


def test_maps_are_kept_where_they_are_asked_for():
    table = simulate(MODEL, 5, map_layers=(1, 3)).table()
    assert set(rows(table, "gap")["layer"]) == {1, 3} and rows(table, "inner_product").empty
    assert rows(table, "recency_probability")["layer"].tolist() == [1, 2, 3]
    assert rows(simulate(MODEL, 5, map_layers=()).table(), "gap").empty


def largest_difference(one, other, rounding):
    """In combined standard errors; what both find to rounding, such as a token's gap to itself, is no difference."""
    left, right = one.table(), other.table()
    assert left[["quantity", "layer", "query", "key"]].equals(right[["quantity", "layer", "query", "key"]])
    error = np.hypot(left["standard_error"], right["standard_error"])
    return ((left["mean"] - right["mean"]).abs() / (error + rounding)).max()


@pytest.mark.parametrize(("direct", "rounding"), [("direct", 1e-12), ("direct32", 1e-6)])
@pytest.mark.parametrize(
    "model",
    [
        pytest.param(MODEL, id="layernorm"),
        pytest.param(dataclasses.replace(MODEL, residual="raw"), id="pre-norm"),
        pytest.param(dataclasses.replace(MODEL, residual="normalized"), id="post-norm"),
        pytest.param(dataclasses.replace(MODEL, normalization="none", alpha=0.0), id="no normalization"),
        pytest.param(dataclasses.replace(MODEL, normalization="none", residual="raw"), id="no normalization, residual"),
        pytest.param(dataclasses.replace(MODEL, normalization="rmsnorm", residual="normalized"), id="rmsnorm"),
        pytest.param(
            dataclasses.replace(MODEL, normalization="l2", residual="raw", unit_input=True), id="first version"
        ),
        pytest.param(dataclasses.replace(MODEL, residual="raw", unit_input=True), id="layernorm of unit tokens"),
        pytest.param(dataclasses.replace(MODEL, causal=False, layers=2), id="no mask"),  # layer 3 is below float32
        pytest.param(dataclasses.replace(MODEL, d_model=5), id="as many tokens as dimensions"),
    ],
)
def test_the_simulators_agree_in_distribution(model, direct, rounding):
    """The one test: all means of both, recency probabilities, maps, spreads, within 4.5 combined standard errors."""
    vectors = simulate(model, 20_000, seed=5, simulator=direct)
    assert largest_difference(simulate(model, 20_000, seed=7), vectors, rounding) < 4.5
    control = dataclasses.replace(model, alpha=model.alpha + 0.05)  # negative control, by the same test
    assert largest_difference(simulate(control, 20_000, seed=7), vectors, rounding) > 4.5


@pytest.mark.parametrize(("simulator", "tolerance"), [("gram", 1e-12), ("direct", 1e-12), ("direct32", 1e-6)])
def test_the_chunk_changes_rounding_only(simulator, tolerance):
    whole = simulate(MODEL, 131, seed=3, simulator=simulator).table()
    for chunk in (1, 7, 64, 131):
        table = simulate(MODEL, 131, seed=3, simulator=simulator, chunk=chunk).table()
        np.testing.assert_allclose(table["mean"], whole["mean"], rtol=tolerance, atol=tolerance)
        np.testing.assert_allclose(table["standard_error"], whole["standard_error"], rtol=1e-4, atol=1e-7)
        shares = (rows(which, "recency_probability")["mean"] for which in (table, whole))
        np.testing.assert_allclose(*shares, rtol=1e-12)  # the same comparisons come out the same way
    other = simulate(MODEL, 131, seed=4, simulator=simulator).table()
    assert (other["mean"] - whole["mean"]).abs().max() > 0.01  # negative control: other sequences


@pytest.mark.parametrize("simulator", ["gram", "direct32"])
def test_standard_errors_are_the_spread_over_repeated_seeds(simulator):
    """The ratio of both is 1 within 4.5 of its own standard errors, 1 / sqrt(2 (repetitions - 1))."""
    repetitions = 200
    tables = [simulate(MODEL, 100, seed=seed, simulator=simulator).table() for seed in range(repetitions)]
    spread = np.std([table["mean"] for table in tables], axis=0, ddof=1)
    error = np.sqrt(np.mean([table["standard_error"] ** 2 for table in tables], axis=0))
    random = error > 1e-9
    ratio = spread[random] / error[random]
    assert random.sum() > 40
    assert np.abs(ratio - 1).max() < 4.5 / math.sqrt(2 * (repetitions - 1))


class Interrupted(Exception):
    """Stands for whatever ends a process."""


def interrupted_after(monkeypatch, chunks):
    """Every chunk leaves a checkpoint; after so many of them the simulation is ended."""
    add, seen = Moments.add, []

    def stops(self, chunk):
        if len(seen) == chunks:
            raise Interrupted
        seen.append(chunk)
        add(self, chunk)

    monkeypatch.setattr(running, "EVERY", -1.0)
    monkeypatch.setattr(Moments, "add", stops)


@pytest.mark.parametrize("simulator", SIMULATORS)
def test_a_stopped_simulation_goes_on_to_the_same_bits(tmp_path, monkeypatch, simulator):
    checkpoint = tmp_path / "new" / "state.json"
    arguments = {"seed": 3, "simulator": simulator, "chunk": 7, "checkpoint": checkpoint}
    expected = simulate(MODEL, 131, **arguments)
    assert not checkpoint.exists()
    with monkeypatch.context() as patched, pytest.raises(Interrupted):
        interrupted_after(patched, 5)
        simulate(MODEL, 131, **arguments)
    assert json.loads(checkpoint.read_text())["moments"]["sequences"] == 35
    with monkeypatch.context() as patched, pytest.raises(Interrupted):  # twice
        interrupted_after(patched, 2)
        simulate(MODEL, 131, **arguments)
    assert json.loads(checkpoint.read_text())["moments"]["sequences"] == 49
    found = simulate(MODEL, 131, **arguments)
    assert found.state() == expected.state() and not checkpoint.exists()
    assert simulate(MODEL, 131, **arguments | {"seed": 4}).state() != expected.state()


@pytest.fixture
def stopped(tmp_path, monkeypatch):
    """The checkpoint of a simulation of 131 sequences that was stopped after 35."""
    with monkeypatch.context() as patched, pytest.raises(Interrupted):
        interrupted_after(patched, 5)
        simulate(MODEL, 131, chunk=7, checkpoint=tmp_path / "state.json")
    return tmp_path / "state.json"


@pytest.mark.parametrize(
    "change",
    [
        {"model": dataclasses.replace(MODEL, alpha=0.4)},
        {"seed": 1},
        {"simulator": "direct"},
        {"chunk": 8},
        {"map_layers": [1]},
        {"sequences": 34},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_foreign_checkpoint_is_refused_and_kept(stopped, change):
    content = stopped.read_bytes()
    arguments = {"model": MODEL, "sequences": 131, "chunk": 7, "checkpoint": stopped} | change
    with pytest.raises(ValueError, match=r"state\.json is another simulation's checkpoint; move or delete it$"):
        simulate(**arguments)
    assert stopped.read_bytes() == content


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda text: text[: len(text) // 2], id="cut off"),
        pytest.param(lambda text: "", id="empty"),
        pytest.param(lambda text: "[]", id="another JSON"),
        pytest.param(lambda text: "{}", id="nothing in it"),
        pytest.param(lambda text: text.replace('"moments"', '"moment"'), id="a field renamed"),
        pytest.param(lambda text: text.replace('"sums": [', '"sums": [[0.0, 0.0], '), id="a sum too many"),
        pytest.param(lambda text: text.replace('"random": [', '"random": [{}, '), id="a stream too many"),
    ],
)
def test_a_broken_checkpoint_is_refused_by_name_with_what_to_do(stopped, damage):
    stopped.write_text(damage(stopped.read_text()))
    with pytest.raises(
        ValueError, match=r"broken checkpoint .*state\.json \(.*\); delete it to start again"
    ) as refusal:
        simulate(MODEL, 131, chunk=7, checkpoint=stopped)
    assert "\n" not in str(refusal.value)


MEMORY = """
import torch
from pathlib import Path
from attention_atlas.simulation.model import Model
from attention_atlas.simulation.stream import simulate
torch.set_num_threads(1)
for simulator, few, many in (("gram", 20_000, 200_000), ("direct32", 2_000, 8_000)):
    for sequences in (few, many):
        simulate(Model(1024, 0.5), sequences, simulator=simulator)
        # not ru_maxrss, which a process inherits from the one that started it
        print(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0])
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="peak memory is read where Linux keeps it")
def test_memory_does_not_grow_with_the_number_of_sequences():
    """Held at once, the maps of 180,000 sequences more are 144 MB each, the vectors of 6,000 more 250 MB."""
    environment = os.environ | {"PYTHONPATH": str(files.ROOT / "lib"), "OMP_NUM_THREADS": "1"}
    run = subprocess.run([sys.executable, "-c", MEMORY], env=environment, capture_output=True, text=True, check=True)
    few, many, few_vectors, many_vectors = (int(kilobytes) / 1024 for kilobytes in run.stdout.split())
    assert many - few < 60 and many_vectors - few_vectors < 60
    assert many_vectors < 500
