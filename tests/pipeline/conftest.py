"""A small project of its own: a copy of the library, two notebooks, a data file; commands run in it as a user would."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from attention_atlas import files

NOTEBOOK = """# %% [markdown]
# # {title}

# %% tags=["parameters"]
tokens: int = 3  # sequence length
slope: float = 0.5  # decay per token

# %%
{code}
"""


class Project:
    """The project's folder and its command line."""

    def __init__(self, root: Path):
        self.root = root
        shutil.copytree(files.ROOT / "lib", root / "lib", ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
        for name in ("requirements.txt", "constraints.txt"):
            shutil.copy(files.ROOT / name, root / name)
        (root / "lib/attention_atlas/toy.py").write_text("def answer():\n    return 41\n")
        (root / "lib/attention_atlas/unused.py").write_text("")
        (root / "data").mkdir()
        (root / "data/numbers.txt").write_text("7")
        self.notebook("demo/uses_library", "from attention_atlas import toy\nprint('answer', toy.answer(), tokens)")
        self.notebook(
            "demo/uses_data",
            "from attention_atlas import files\nprint('data', (files.ROOT / 'data/numbers.txt').read_text())\n"
            "try:\n    print(open(files.ROOT / 'data/later.txt').read())\n"
            "except FileNotFoundError:\n    print('none yet')",
        )
        (root / "notebooks/profiles.yml").write_text("{}\n")

    def notebook(self, name: str, code: str) -> None:
        path = self.root / "notebooks" / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(NOTEBOOK.format(title=name, code=code))

    @property
    def environment(self) -> dict[str, str]:
        return os.environ | {"PYTHONPATH": str(self.root / "lib"), "ATTENTION_ATLAS_ROOT": str(self.root)}

    def start(self, *arguments: str, **options) -> subprocess.Popen:
        command = [sys.executable, "-m", "attention_atlas", *map(str, arguments)]
        usual = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "cwd": self.root, "env": self.environment}
        return subprocess.Popen(command, text=True, **usual | options)

    def run(self, *arguments: str, **options) -> subprocess.CompletedProcess:
        process = self.start(*arguments, **options)
        out, err = process.communicate(timeout=180)
        return subprocess.CompletedProcess(arguments, process.returncode, out, err)

    def page(self, name: str) -> Path:
        return self.root / "book/_executed" / f"{name}.ipynb"

    def printed(self, name: str) -> str:
        """What the notebook's cells printed, as its page has it."""
        cells = json.loads(self.page(name).read_text())["cells"]
        return "".join("".join(o.get("text", "")) for cell in cells for o in cell.get("outputs", []))

    def times(self) -> dict[str, int]:
        """When each page was last written."""
        return {path.stem: path.stat().st_mtime_ns for path in (self.root / "book/_executed").glob("*/*.ipynb")}


@pytest.fixture
def project(tmp_path):
    return Project(tmp_path)
