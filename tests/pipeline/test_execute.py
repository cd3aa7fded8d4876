"""Notebook to page: never stale, never executed for nothing, never half-written, byte-identical; clear refusals."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from attention_atlas.files import PARTIAL


def changed(project, *arguments):
    """Names of the pages that a run of ``execute`` wrote."""
    before = project.times()
    run = project.run("execute", *arguments)
    assert run.returncode == 0, run.stderr
    return {name for name, when in project.times().items() if before.get(name) != when}


def test_no_page_is_stale_after_any_edit_and_none_is_executed_for_nothing(project):
    assert changed(project) == {"uses_library", "uses_data"}
    assert project.printed("demo/uses_library") == "answer 41 3\n"
    assert changed(project) == set()

    (project.root / "lib/attention_atlas/toy.py").write_text("def answer():\n    return 42\n")
    assert changed(project) == {"uses_library"}
    assert project.printed("demo/uses_library") == "answer 42 3\n"

    (project.root / "lib/attention_atlas/unused.py").write_text("x = 1\n")  # negative control: nobody imports it
    assert changed(project) == set()

    (project.root / "data/numbers.txt").write_text("8")
    assert changed(project) == {"uses_data"}
    assert project.printed("demo/uses_data") == "data 8\nnone yet\n"

    (project.root / "data/later.txt").write_text("now there")  # it was looked for and missing: its arrival is a change
    assert changed(project) == {"uses_data"}
    assert project.printed("demo/uses_data") == "data 8\nnow there\n"

    (project.root / "notebooks/profiles.yml").write_text("demo/uses_library: {smoke: {tokens: 2}}\n")
    assert changed(project) == set()  # quick sets nothing
    assert changed(project, "--profile", "smoke") == {"uses_library", "uses_data"}
    assert project.printed("demo/uses_library") == "answer 42 2\n"

    project.page("demo/uses_data").write_text("{}")  # a damaged page is made again
    assert changed(project, "--profile", "smoke") == {"uses_data"}


def test_a_file_that_comes_into_a_folder_that_was_listed_is_a_change(project):
    project.notebook(
        "demo/uses_data", "from attention_atlas import files\nprint(len(list((files.ROOT / 'data').glob('*.txt'))))"
    )
    assert changed(project, "demo/uses_data") == {"uses_data"}
    assert project.printed("demo/uses_data") == "1\n"
    (project.root / "data/more.txt").write_text("")
    assert changed(project, "demo/uses_data") == {"uses_data"}
    assert project.printed("demo/uses_data") == "2\n"


def test_an_edit_while_a_notebook_runs_makes_its_page_again(project):
    project.notebook(
        "demo/uses_library",
        "from attention_atlas import files, toy\nprint('answer', toy.answer())\n"
        "path = files.ROOT / 'lib/attention_atlas/toy.py'\n"
        "if '41' in path.read_text():\n    path.write_text('def answer():\\n    return 42\\n')  # somebody saves now",
    )
    assert changed(project, "demo/uses_library") == {"uses_library"}
    assert project.printed("demo/uses_library") == "answer 41\n"
    assert changed(project, "demo/uses_library") == {"uses_library"}
    assert project.printed("demo/uses_library") == "answer 42\n"
    assert changed(project, "demo/uses_library") == set()


def test_one_job_from_another_folder_with_a_relative_root_and_a_name_beyond_ascii(project):
    project.notebook("demo/größe", "from attention_atlas import toy\nprint('größe', toy.answer())")
    there = {"cwd": project.root / "notebooks", "env": project.environment | {"ATTENTION_ATLAS_ROOT": ".."}}
    run = project.run("execute", "--jobs", "1", **there)
    assert run.returncode == 0, run.stderr
    assert project.printed("demo/größe") == "größe 41\n"
    (project.root / "lib/attention_atlas/toy.py").write_text("def answer():\n    return 42\n")
    assert changed(project) == {"uses_library", "größe"}


def test_a_kernel_that_dies_is_one_line_that_names_the_notebook_and_keeps_the_old_page(project):
    changed(project)
    before = project.page("demo/uses_data").read_bytes()
    project.notebook("demo/uses_data", "import os\nos._exit(3)")
    run = project.run("execute")
    assert run.returncode == 1 and "failed: notebooks/demo/uses_data.py: Kernel died\n" in run.stderr
    assert "Traceback" not in run.stderr
    assert project.page("demo/uses_data").read_bytes() == before
    assert not list(project.root.rglob(f"{PARTIAL}*"))


def test_broken_profiles_are_one_line_on_the_command_line(project):
    (project.root / "notebooks/profiles.yml").write_text("demo/uses_data: {smoke: {tokens: 2}")
    run = project.run("execute")
    assert run.returncode == 2 and run.stderr.startswith("error: notebooks/profiles.yml is not YAML: ")
    assert run.stderr.count("\n") == 1


def test_a_parameters_cell_that_is_not_python_is_refused_in_one_line(project):
    path = project.root / "notebooks/demo/uses_data.py"
    path.write_text(path.read_text().replace("tokens: int = 3", "tokens: int = (3"))
    run = project.run("execute")
    assert run.returncode == 2 and run.stderr.count("\n") == 1
    assert run.stderr.startswith("error: notebook demo/uses_data, parameters cell, line 1: ")


def test_a_reader_that_has_seen_enough_is_no_error():
    command = f"{sys.executable} -m attention_atlas scorecard --json | head -n 1"
    run = subprocess.run(command, shell=True, capture_output=True, text=True)
    assert (run.stdout, run.stderr) == ("[\n", "")


@pytest.mark.parametrize("command", [["execute", "--list"], ["scorecard", "--help"], ["sweep", "--help"]])
def test_light_commands_load_no_heavy_library(project, command):
    code = (
        "import sys; from attention_atlas import cli\n"
        "try:\n    cli.main(sys.argv[1:])\nexcept SystemExit:\n    pass\n"
        "print('heavy:', sorted({'torch', 'pandas', 'papermill', 'matplotlib'} & set(sys.modules)))"
    )
    run = subprocess.run(
        [sys.executable, "-c", code, *command], env=project.environment, capture_output=True, text=True
    )
    assert run.stdout.endswith("heavy: []\n"), run.stdout + run.stderr


def test_pages_are_byte_identical_and_clean_when_executed_again(project):
    changed(project)
    first = {name: project.page(f"demo/{name}").read_bytes() for name in project.times()}
    assert changed(project, "--force") == set(first)
    assert {name: project.page(f"demo/{name}").read_bytes() for name in first} == first
    page = json.loads(first["uses_library"])
    assert set(page["metadata"]) == {"kernelspec", "language_info"}
    assert not any({"papermill", "execution"} & set(cell["metadata"]) for cell in page["cells"])


def test_a_failed_cell_names_notebook_cell_and_error_and_keeps_the_old_page(project):
    changed(project)
    before = project.page("demo/uses_data").read_bytes()
    project.notebook("demo/uses_data", "print('so far')\n1 / 0")
    run = project.run("execute")
    assert run.returncode == 1
    assert "failed: notebooks/demo/uses_data.py, cell 3 (\"print('so far')\"): ZeroDivisionError" in run.stderr
    assert project.page("demo/uses_data").read_bytes() == before
    assert not list(project.root.rglob(f"{PARTIAL}*"))


def test_killed_in_the_middle_leaves_no_half_written_page(project):
    project.notebook("demo/slow", "import time\nprint('half', flush=True)\ntime.sleep(60)")
    process = project.start("execute", "demo/slow", start_new_session=True)
    deadline = time.monotonic() + 60
    while not list(project.root.rglob(f"{PARTIAL}*.trace")) and time.monotonic() < deadline:
        time.sleep(0.2)  # the kernel runs once it has written its first trace
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert not project.page("demo/slow").exists()
    project.notebook("demo/slow", "print('whole')")
    assert changed(project, "demo/slow") == {"slow"}
    assert project.printed("demo/slow") == "whole\n"
    assert not list(project.root.rglob(f"{PARTIAL}*"))


def test_a_reader_runs_one_notebook_with_other_parameters_and_the_book_keeps_its_page(project):
    changed(project)
    before = project.times()
    run = project.run("execute", "demo/uses_library", "-p", "tokens", 17, "-o", "mine.ipynb")
    assert run.returncode == 0, run.stderr
    assert "answer 41 17" in (project.root / "mine.ipynb").read_text()
    assert project.times() == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("demo/uses_library", "-p", "token", "3"), "has no parameter 'token'; allowed: tokens: int, slope: float"),
        (("demo/uses_library", "-p", "tokens", "many"), "parameter tokens takes int, got str 'many'"),
        (("demo/nothing",), "unknown notebook 'demo/nothing'; allowed: demo/uses_data, demo/uses_library"),
        (("--profile", "huge"), "unknown profile 'huge'; allowed: smoke, quick, paper"),
        (("--jobs", "0"), "--jobs takes a positive number, got 0"),
        (("demo/uses_library", "-p", "tokens", "3", "-o", "mine.txt"), "--output takes a file ending in .ipynb"),
        (("-p", "tokens", "3"), "-p and -o are for one notebook, got 0"),
    ],
)
def test_wrong_requests_get_one_line_and_write_nothing(project, arguments, message):
    run = project.run("execute", *arguments)
    assert run.returncode == 2
    assert run.stderr.startswith("error: ") and run.stderr.count("\n") == 1 and message in run.stderr
    assert not (project.root / "book").exists() and not list(project.root.glob("mine*"))


def test_a_notebook_that_is_gone_takes_its_page_along(project):
    changed(project)
    (project.root / "notebooks/demo/uses_data.py").unlink()
    changed(project)
    assert set(project.times()) == {"uses_library"}
    assert "uses_data" not in (project.root / "book/_executed/execution_statistics.md").read_text()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("results", "nothing"), "nothing stored for 'nothing'; stored: nothing"),
        (("sweep", "nothing"), "unknown experiment 'nothing'; allowed: "),
        (("merge", "no/such/folder"), "no such folder: no/such/folder"),
        (("verify", "--sample", "0"), "--sample takes a positive number, got 0"),
        (("sweep", "theorem_margins", "--profile", "huge"), "unknown profile 'huge'; allowed: smoke, quick, paper"),
    ],
)
def test_other_commands_refuse_in_one_line_too(project, arguments, message):
    run = project.run(*arguments)
    assert run.returncode == 2 and run.stderr.startswith("error: ") and message in run.stderr
    assert run.stderr.count("\n") == 1


def test_a_broken_result_is_one_line_on_the_command_line(project):
    path = project.root / "data/results/demo/0123456789abcdef.json"
    path.parent.mkdir(parents=True)
    path.write_text('{"half": ')
    run = project.run("results", "demo")
    assert run.returncode == 2 and "broken result data/results/demo/0123456789abcdef.json" in run.stderr
    assert run.stderr.count("\n") == 1


def test_pages_of_another_results_store_are_made_again(project, tmp_path, monkeypatch):
    assert changed(project) == {"uses_library", "uses_data"}
    monkeypatch.setenv("ATTENTION_ATLAS_RESULTS", str(tmp_path / "elsewhere"))
    assert changed(project) == {"uses_library", "uses_data"}
    assert changed(project) == set()
