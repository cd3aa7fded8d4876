"""Every notebook of the book: in its place, with its parameters, and running at the smallest size."""

import ast
import json
import re

import jupytext
import pytest
import yaml
from filelock import FileLock

from attention_atlas import files, notebooks

NAMES = notebooks.names()


@pytest.fixture(scope="module")
def pages(tmp_path_factory, testrun_uid):
    """Every notebook executed at the smoke profile, once for all test processes: the first one does, others wait."""
    folder = tmp_path_factory.getbasetemp().parent / f"executed-{testrun_uid}"
    folder.mkdir(exist_ok=True)
    with FileLock(folder / "lock"):
        if not (folder / "done").exists():
            notebooks.execute(notebooks.jobs("smoke", executed=folder), workers=2, progress=False)
            (folder / "done").touch()
    return {name: json.loads((folder / f"{name}.ipynb").read_text()) for name in NAMES}


@pytest.mark.parametrize("name", NAMES)
def test_runs_at_the_smoke_profile_without_a_word_on_stderr(pages, name):
    outputs = [output for cell in pages[name]["cells"] for output in cell.get("outputs", [])]
    assert outputs
    said = ["".join(output["text"]) for output in outputs if output.get("name") == "stderr"]
    assert said == []


def test_figure_names_are_unique_in_the_book(pages):
    names = [
        output["metadata"]["attention_atlas"]["name"]
        for page in pages.values()
        for cell in page["cells"]
        for output in cell.get("outputs", [])
        if "attention_atlas" in output.get("metadata", {})
    ]
    assert names and len(names) == len(set(names))


@pytest.mark.parametrize("name", NAMES)
def test_declares_its_parameters_and_says_what_each_is(name):
    for parameter in notebooks.parameters(name).values():
        assert parameter.help, f"{name}: {parameter} has no comment that says what it is"


@pytest.mark.parametrize("name", NAMES)
def test_holds_no_algorithm(name):
    """A notebook loads, draws and says; what computes lives in the library. A solution is the reader's own."""
    cells = [cell.source for cell in jupytext.read(notebooks.source(name)).cells if cell.cell_type == "code"]
    code = "\n".join(source for source in cells if "check_" not in source)
    kinds = [type(node).__name__ for node in ast.walk(ast.parse(code))]
    assert kinds.count("FunctionDef") + kinds.count("Lambda") <= 3 and kinds.count("ClassDef") == 0
    assert "While" not in kinds


def test_only_sources_are_kept_in_git():
    kept = {path.suffix for path in notebooks.SOURCES.rglob("*") if path.is_file() and "__pycache__" not in path.parts}
    assert kept <= {".py", ".yml"}


def test_the_table_of_contents_lists_every_notebook_and_nothing_else():
    text = (files.ROOT / "_toc.yml").read_text()
    listed = set(re.findall(r"_executed/([a-z_]+/[a-z_]+)", text))
    assert listed == set(NAMES)


def test_the_profiles_name_notebooks_and_their_parameters():
    sizes = yaml.safe_load((notebooks.SOURCES / "profiles.yml").read_text()) or {}
    assert set(sizes) <= set(NAMES)
    for name in sizes:
        for profile in ("smoke", "quick", "paper"):
            notebooks.check(notebooks.parameters(name), notebooks.profile_parameters(name, profile), name)
