"""From a jupytext source to a page: parameters checked, executed by papermill, made canonical, moved into place whole.

``book/_executed/<chapter>/<name>.ipynb`` is the page; ``book/_executed/.records/<chapter>/<name>.json`` records what it
was made from (:mod:`attention_atlas.tracing`), so that the next build executes only what something has changed for.
"""

import json
import os
import tempfile
import time
from collections.abc import Iterable
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path

import yaml

from attention_atlas import files, tracing
from attention_atlas.parameters import Parameter, check, declared
from attention_atlas.profiles import PROFILES, check_profile

SOURCES = files.ROOT / "notebooks"
PROFILES_FILE = "notebooks/profiles.yml"
EXECUTED = files.ROOT / "book" / "_executed"
# What makes a page besides the notebook itself: a change here makes every page again.
MAKERS = (
    "lib/attention_atlas/notebooks.py",
    "lib/attention_atlas/parameters.py",
    "lib/attention_atlas/tracing.py",
    "requirements.txt",
    "constraints.txt",
)
KEY = "attention_atlas"  # the output metadata under which attention_atlas.figures.show leaves a figure
CHANGED = "changed during the run"  # no file has this digest, so the next build makes the page again


class NotebookError(RuntimeError):
    """A cell failed; the message names notebook, cell and error."""


@dataclass(frozen=True)
class Job:
    """One notebook to execute into one file."""

    name: str
    profile: str
    output: Path
    record: Path | None = None
    parameters: dict = field(default_factory=dict)
    timeout: int = 1200  # seconds a cell may take


def names() -> list[str]:
    """Every notebook as ``<chapter>/<name>``, sorted."""
    return sorted(path.relative_to(SOURCES).with_suffix("").as_posix() for path in SOURCES.glob("*/*.py"))


def source(name: str) -> Path:
    """The jupytext file of a notebook, or a refusal that lists the notebooks there are."""
    if name not in names():
        raise ValueError(f"unknown notebook {name!r}; allowed: {', '.join(names())}")
    return SOURCES / f"{name}.py"


def parameters(name: str) -> dict[str, Parameter]:
    """The parameters that a notebook declares, in order; a notebook without a parameters cell is refused."""
    import jupytext

    cells = [c for c in jupytext.read(source(name)).cells if "parameters" in c.metadata.get("tags", [])]
    if len(cells) != 1:
        raise ValueError(f"notebook {name} needs one cell tagged 'parameters', got {len(cells)}")
    return declared(cells[0].source, name)


def profile_parameters(name: str, profile: str) -> dict:
    """What ``notebooks/profiles.yml`` sets for a notebook at a profile; its parameter ``profile`` is set by itself."""
    check_profile(profile)
    given = _mapping(_mapping(_profiles(), "").get(name), name)
    if unknown := [size for size in given if size not in PROFILES]:
        raise ValueError(f"{PROFILES_FILE}: {name}: unknown profile {unknown[0]!r}; allowed: {', '.join(PROFILES)}")
    own = {"profile": profile} if "profile" in parameters(name) else {}
    return own | _mapping(given.get(profile), f"{name}: {profile}")


def jobs(profile: str, only: Iterable[str] = (), executed: Path | None = None) -> list[Job]:
    """One job for every notebook of the book, or for some of them."""
    executed = Path(executed or EXECUTED)
    return [
        Job(
            name,
            profile,
            executed / f"{name}.ipynb",
            executed / ".records" / f"{name}.json",
            check(parameters(name), profile_parameters(name, profile), name),
        )
        for name in (list(only) or names())
    ]


def is_current(job: Job) -> bool:
    """Whether a page was made from exactly what is there now."""
    try:
        record = json.loads(job.record.read_text())
        used = record["files"] | record["folders"]
        return (
            record["made_from"] == _made_from(job)
            and used == {name: _state(name) for name in used}
            and (record["page"] == files.digest(job.output.read_bytes()))
        )
    except (OSError, ValueError, KeyError):
        return False


def execute(todo: list[Job], workers: int = 1, progress: bool = True) -> list[str]:
    """Execute notebooks side by side, one thread each.

    Returns
    -------
    list of str
        The names executed.

    Raises
    ------
    NotebookError
        At the first failing cell; notebooks not yet begun are not begun, and every page is whole: old or new.
    """
    from tqdm import tqdm

    if not todo:
        return []
    pool = ProcessPoolExecutor(min(workers, len(todo)), mp_context=get_context("spawn"))
    bar = tqdm(total=len(todo), unit="notebook", disable=None if progress else True)
    try:
        running = {pool.submit(execute_one, job): job for job in todo}
        while running:
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                future.result()
                bar.set_postfix_str(running.pop(future).name)
                bar.update()
    finally:
        pool.shutdown(cancel_futures=True)
        bar.close()
    return [job.name for job in todo]


def execute_one(job: Job) -> None:
    """Execute one notebook into its page and record what the page was made from."""
    import jupytext
    import nbformat
    import papermill
    from nbclient.exceptions import CellTimeoutError, DeadKernelError
    from traitlets.config import Config

    made_from, begun = _made_from(job), time.time_ns()  # before the run: an edit during it is a change afterwards
    given = check(parameters(job.name), job.parameters, job.name)
    work = job.output.with_name(f"{files.PARTIAL}{os.getpid()}-{job.output.name}")
    trace = work.with_suffix(".trace")
    job.output.parent.mkdir(parents=True, exist_ok=True)
    notebook = jupytext.read(source(job.name))
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook.metadata["language_info"] = {"name": "python"}
    os.environ |= {f"{library}_NUM_THREADS": "1" for library in ("OMP", "MKL", "OPENBLAS")} | {
        "ATTENTION_ATLAS_ROOT": str(files.ROOT),  # as the kernel's working folder is another
        "ATTENTION_ATLAS_NOTEBOOK": f"notebooks/{job.name}.py",
        "ATTENTION_ATLAS_PROFILE": job.profile,
        tracing.WHERE: str(trace),
        "PYTHONHASHSEED": "0",
    }
    start = time.perf_counter()
    # Kernels of their own folder of sockets: TCP ports are picked first and bound later, and two kernels that start
    # together may pick the same one, whereupon one dies.
    sockets = tempfile.TemporaryDirectory(prefix="atlas-")
    connection = {"transport": "ipc", "connection_file": f"{sockets.name}/kernel.json"}
    try:
        nbformat.write(notebook, work)
        papermill.execute_notebook(
            str(work),
            str(work),
            parameters=given,
            kernel_name="python3",
            cwd=str(files.ROOT),
            progress_bar=False,
            execution_timeout=job.timeout,
            config=Config(KernelManager=connection),
            extra_arguments=["--IPKernelApp.extensions=attention_atlas.tracing", "--log-level=ERROR"],
        )
        page = nbformat.writes(canonical(nbformat.read(work, as_version=4), job.name)) + "\n"
        used = json.loads(trace.read_text())
    except papermill.PapermillExecutionError as error:
        where = f"notebooks/{job.name}.py, cell {error.cell_index + 1} ({error.source.strip().splitlines()[0][:60]!r})"
        raise NotebookError(f"{where}: {error.ename}: {error.evalue}") from None
    except (DeadKernelError, CellTimeoutError) as error:  # killed, out of memory, or without end
        raise NotebookError(f"notebooks/{job.name}.py: {str(error).splitlines()[0]}") from None
    finally:
        work.unlink(missing_ok=True)
        trace.unlink(missing_ok=True)
        sockets.cleanup()
    files.write(job.output, page)
    if job.record:
        record = {
            "name": job.name,
            "profile": job.profile,
            "made_from": made_from,
            "files": {name: _state(name, begun) for name in used["files"]},
            "folders": {name: _state(name, begun) for name in used["folders"]},
            "page": files.digest(page.encode()),
            "seconds": round(time.perf_counter() - start, 1),
            "finished": time.strftime("%Y-%m-%d %H:%M"),
        }
        files.write(job.record, json.dumps(record, indent=1) + "\n")


def canonical(notebook, name: str):
    """The executed notebook as the book shows it: the same bytes whenever the same numbers come out.

    Execution times and papermill's notes go, cell ids are numbered, and a cell that published a figure
    (:func:`attention_atlas.figures.show`) becomes a numbered figure of the book.
    """
    notebook.metadata = {"kernelspec": notebook.metadata["kernelspec"], "language_info": {"name": "python"}}
    for number, cell in enumerate(notebook.cells):
        cell.id = f"cell-{number:03d}"
        for noise in ("papermill", "execution", "lines_to_next_cell"):
            cell.metadata.pop(noise, None)
        tags = cell.metadata.get("tags", [])
        for tag, prompt in (("parameters", "parameters"), ("injected-parameters", "values of this run")):
            if tag in tags:
                cell.metadata["tags"] = sorted({*tags, "hide-input"})
                cell.metadata["mystnb"] = {"code_prompt_show": prompt, "code_prompt_hide": f"hide {prompt}"}
        if cell.cell_type != "code":
            continue
        shown = [output.metadata[KEY] for output in cell.outputs if KEY in output.get("metadata", {})]
        if len(shown) > 1:
            raise NotebookError(
                f"notebooks/{name}.py, cell {number + 1}: got {len(shown)} figures; allowed: one a cell"
            )
        for figure in shown:
            if any(_displayed(output) for output in cell.outputs):
                raise NotebookError(
                    f"notebooks/{name}.py, cell {number + 1}: got figure {figure['name']!r} and more beside it; "
                    "allowed: the figure alone"
                )
            cell.metadata["mystnb"] = {
                "figure": {"name": f"fig-{figure['name']}", "caption": figure["caption"]},
                "image": {"alt": figure["alt"]},
            }
    return notebook


def _displayed(output) -> bool:
    """Whether an output of a figure's cell would be set as one more figure: no glued word, no printed line."""
    about = output.get("metadata", {})
    return output.output_type in ("display_data", "execute_result") and not {KEY, "scrapbook"} & about.keys()


def statistics(executed: Path | None = None) -> str:
    """The execution-statistics page: what was executed, when, at which profile, how long it took."""
    executed = Path(executed or EXECUTED)
    records = [json.loads(path.read_text()) for path in sorted((executed / ".records").glob("*/*.json"))]
    lines = [
        "# Execution statistics",
        "",
        "Every page with numbers is a notebook that papermill executed on the machine that built this book.",
        f"Together they took {sum(r['seconds'] for r in records):.0f} seconds of one core.",
        "",
        "| notebook | profile | executed | seconds | library modules | data files |",
        "|---|---|---|---:|---:|---:|",
    ]
    for record in records:
        used = [name.split("/")[0] for name, state in record["files"].items() if state]
        lines.append(
            f"| [{record['name']}](/_executed/{record['name']}.ipynb) | {record['profile']} | {record['finished']} "
            f"| {record['seconds']:.1f} | {used.count('lib')} | {used.count('data')} |"
        )
    return "\n".join(lines) + "\n"


def remove_strays(executed: Path | None = None) -> None:
    """Remove pages whose notebook is gone, and what interrupted runs left."""
    executed = Path(executed or EXECUTED)
    files.remove_partials(executed)
    kept = set(names())
    for page in [*executed.glob("*/*.ipynb"), *executed.glob(".records/*/*.json")]:
        if "/".join(page.with_suffix("").parts[-2:]) not in kept:
            page.unlink()


def _made_from(job: Job) -> dict:
    return {
        "source": _state(source(job.name).relative_to(files.ROOT).as_posix()),
        "parameters": job.parameters,
        "profile": job.profile,
        "makers": {name: _state(name) for name in MAKERS},
        "results": os.environ.get("ATTENTION_ATLAS_RESULTS", ""),  # a store elsewhere holds other numbers
    }


def _profiles() -> object:
    try:
        return yaml.safe_load((files.ROOT / PROFILES_FILE).read_text())
    except yaml.YAMLError as error:
        raise ValueError(f"{PROFILES_FILE} is not YAML: {' '.join(str(error).split())}") from None


def _mapping(value: object, where: str) -> dict:
    """A part of the profiles' file; what is left out is empty."""
    if not isinstance(value, dict | None):
        raise ValueError(f"{PROFILES_FILE}: {where or 'all'} holds {value!r}; allowed: names with their values")
    return value or {}


def _state(name: str, begun: int | None = None) -> str | None:
    """Digest of a file's content or of a folder's listing; None if it is not there.

    With the time at which a run began (in nanoseconds), what has changed since then has no digest: nobody knows
    whether the run saw the old or the new.
    """
    path = files.ROOT / name
    try:
        if begun and path.stat().st_mtime_ns > begun:
            return CHANGED
        if path.is_dir():
            entries = sorted(entry.name for entry in path.iterdir() if not entry.name.startswith((".", "__pycache__")))
            return files.digest("\n".join(entries).encode())
        return files.digest(path.read_bytes())
    except FileNotFoundError:
        return None
