"""The library says shapes through jaxtyping, and runs without it."""

import subprocess
import sys

import pytest
import torch
from jaxtyping import TypeCheckError

from attention_atlas.positions import rope, rope_frequencies

LIBRARY = ["shapes", "masks", "positions", "attention", "rollout", "metrics"]

WITHOUT_JAXTYPING = f"""
import sys
sys.modules["jaxtyping"] = None  # what Python does for a module that cannot be imported
import importlib, typing, torch
for name in {LIBRARY}:
    importlib.import_module("attention_atlas." + name)
from attention_atlas import attention, masks, positions, shapes
assert shapes.Tensor is torch.Tensor
assert shapes.Float[torch.Tensor, "query key"] is typing.Any
assert shapes.Bool[torch.Tensor, "query"] | None == typing.Any | None
positions.rope(torch.ones(3, 2), positions.rope_frequencies(2))
print(attention.attention_weights(torch.zeros(5, 5), masks.dense(masks.causal, 5)).sum().item())
"""


def python(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)


def test_the_library_works_where_jaxtyping_cannot_be_imported():
    outcome = python(WITHOUT_JAXTYPING)
    assert outcome.returncode == 0, outcome.stderr
    assert float(outcome.stdout) == pytest.approx(5, abs=1e-6)


def test_a_sweep_runs_where_only_numpy_pandas_and_torch_are_installed(tmp_path, monkeypatch):
    monkeypatch.setenv("ATTENTION_ATLAS_RESULTS", str(tmp_path))
    blocked = ["jaxtyping", "yaml", "tqdm", "matplotlib", "seaborn", "IPython", "jupytext", "papermill", "scipy"]
    outcome = python(
        f"import pkgutil, sys; sys.modules |= dict.fromkeys({blocked})\n"
        "from attention_atlas import cli, experiments, results\n"
        "for module in pkgutil.iter_modules(experiments.__path__): results.load_experiment(module.name)\n"
        "cli.main(['sweep', 'peak_distance', '--profile', 'smoke'])"
    )
    assert outcome.stdout.endswith("peak_distance: computed 5, already there 0\n"), outcome.stdout + outcome.stderr
    assert len(list(tmp_path.rglob("*.json"))) == 5  # with the canary


def test_negative_control_the_block_on_jaxtyping_is_real():
    outcome = python('import sys; sys.modules["jaxtyping"] = None; import jaxtyping')
    assert outcome.returncode != 0
    assert "jaxtyping" in outcome.stderr


def test_importing_one_module_loads_no_other():
    outcome = python('import sys, attention_atlas.shapes; print([m for m in sys.modules if "attention_atlas." in m])')
    assert outcome.stdout.strip() == "['attention_atlas.shapes']"


def test_signatures_are_checked_in_the_tests():
    frequencies = rope_frequencies(4)
    assert rope(torch.zeros(3, 4), frequencies).shape == (3, 4)
    with pytest.raises(TypeCheckError):
        rope(torch.zeros(3, 4, dtype=torch.int64), frequencies)
    with pytest.raises(TypeCheckError):
        rope_frequencies(4.0)
