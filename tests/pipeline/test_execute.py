"""Notebook to page: never stale, never executed for nothing, never half-written, byte-identical; clear refusals."""

import json
import os
import signal
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
