"""The command line: ``python -m attention_atlas COMMAND``. A mistake gets one line and exit status 2."""

import argparse
import os
import sys
from itertools import groupby
from pathlib import Path

from attention_atlas import __version__
from attention_atlas.probe import command as probing
from attention_atlas.profiles import PROFILES


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns the exit status: 0 done, 1 it failed, 2 the request was wrong."""
    options = _parser().parse_args(arguments)
    try:
        return options.command(options) or 0
    except BrokenPipeError:  # whoever reads, such as head, has seen enough; Python must not complain at its exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except RuntimeError as error:  # a notebook cell or the book's builder failed
        print(f"failed: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted; every finished page and result is kept", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m attention_atlas", description="Where transformers look, and why.")
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    execute = commands.add_parser("execute", help="execute notebooks into pages: all that changed, or those named")
    execute.set_defaults(command=_execute)
    execute.add_argument("notebooks", nargs="*", metavar="CHAPTER/NAME", help="default: every notebook")
    execute.add_argument("--profile", default="quick", help=f"{' | '.join(PROFILES)} (default: quick)")
    execute.add_argument("-p", nargs=2, action="append", default=[], metavar=("NAME", "VALUE"), help="set a parameter")
    execute.add_argument("-o", "--output", type=Path, help="where to put one notebook run with your own parameters")
    execute.add_argument("--jobs", type=int, default=os.cpu_count(), help="notebooks at a time (default: every core)")
    execute.add_argument("--force", action="store_true", help="execute even what is up to date")
    execute.add_argument("--list", action="store_true", help="list notebooks and their parameters, execute nothing")

    build = commands.add_parser("build", help="build the static book from executed pages")
    build.set_defaults(command=_build)

    results = commands.add_parser("results", help="list stored experiments, or print one as a table")
    results.set_defaults(command=_results)
    results.add_argument("experiment", nargs="?")
    results.add_argument("--csv", action="store_true", help="print comma-separated values")
    results.add_argument("--all", action="store_true", help="all that is kept, not only what the paper tabulates")

    sweep = commands.add_parser("sweep", help="compute and store what the results store lacks")
    sweep.set_defaults(command=_sweep)
    sweep.add_argument("experiment")
    sweep.add_argument("--profile", default="paper", help=f"{' | '.join(PROFILES)} (default: paper)")
    sweep.add_argument(
        "--only",
        action="append",
        metavar="PATTERN[,PATTERN...]",
        help="points with names like this, such as 'maps-*'; may be repeated",
    )
    sweep.add_argument("--jobs", type=int, help="points or groups at a time, one thread each (default: 1)")
    sweep.add_argument("--dask", metavar="ADDRESS", help="compute on a Dask cluster: tcp://HOST:PORT of its scheduler")
    sweep.add_argument("--device", default="cpu", help="cpu | cuda | cuda:N, for experiments that can (default: cpu)")
    sweep.add_argument("--together", type=int, default=1, help="points alike computed as one job (default: 1)")
    sweep.add_argument("--time-budget", metavar="TIME", help="end after 300s, 90m, 1.5h, ...; the next sweep goes on")

    verify = commands.add_parser("verify", help="recompute a random sample of stored results and compare")
    verify.set_defaults(command=_verify)
    verify.add_argument("--sample", type=int, default=5, help="how many results (default: 5)")
    verify.add_argument(
        "--longest", type=float, default=120, metavar="SECONDS", help="leave out what took longer (default: 120)"
    )
    verify.add_argument("--seed", type=int, default=None, help="of the choice; default: another one every time")

    merge = commands.add_parser("merge", help="take over results from another store")
    merge.set_defaults(command=_merge)
    merge.add_argument("folder", type=Path)

    ship = commands.add_parser("ship", help="write a trained decoder to data/models, trained here if need be")
    ship.set_defaults(command=_ship)
    ship.add_argument("point", help="of the experiment language, such as rope-seed0")

    score = commands.add_parser(
        "scorecard", help="the papers' values beside ours, with verdicts; --json has the reasons"
    )
    score.set_defaults(command=_scorecard)
    score.add_argument("--json", action="store_true")
    score.add_argument("--summary", action="store_true", help="counts only")
    probing.add(commands)
    return parser


def _execute(options) -> int:
    from attention_atlas import files, notebooks

    if options.list:
        for name in notebooks.names():
            print(name)
            for p in notebooks.parameters(name).values():
                print(f"    {p.name}: {p.type} = {p.default!r}  {p.help}")
        return 0
    if options.jobs < 1:
        raise ValueError(f"--jobs takes a positive number, got {options.jobs}")
    if options.p or options.output:
        return _execute_with_parameters(options)
    todo = notebooks.jobs(options.profile, options.notebooks)
    todo = [job for job in todo if options.force or not notebooks.is_current(job)]
    done = notebooks.execute(todo, options.jobs)
    notebooks.remove_strays()
    page = notebooks.EXECUTED / "execution_statistics.md"
    text = notebooks.statistics()
    if not page.exists() or page.read_text() != text:
        files.write(page, text)
    print(f"executed {len(done)} notebooks; {len(notebooks.names())} pages in {files.relative(notebooks.EXECUTED)}")
    return 0


def _execute_with_parameters(options) -> int:
    """One notebook with the reader's own parameters, into a file of its own: the book's page stays."""
    from attention_atlas import files, notebooks, parameters

    if len(options.notebooks) != 1:
        raise ValueError(f"-p and -o are for one notebook, got {len(options.notebooks)}")
    name = options.notebooks[0]
    declared = notebooks.parameters(name)
    given = {key: parameters.parse(declared.get(key), text) for key, text in options.p}
    given = notebooks.profile_parameters(name, options.profile) | parameters.check(declared, given, name)
    output = options.output or Path(f"{name.rsplit('/')[-1]}.ipynb")
    if output.suffix != ".ipynb":
        raise ValueError(f"--output takes a file ending in .ipynb, got {str(output)!r}")
    notebooks.execute([notebooks.Job(name, options.profile, output.absolute(), parameters=given)])
    print(f"wrote {files.relative(output)}")
    return 0


def _build(options) -> None:
    from attention_atlas import book, files

    print(f"{files.relative(book.HTML / 'index.html')}: {'built' if book.build() else 'up to date'}")


def _results(options) -> None:
    from attention_atlas import results

    store = results.Store()
    if options.experiment is None:
        for name, held in groupby(store, key=lambda result: result.experiment):
            profiles = [result.manifest["profile"] for result in held]
            kinds = ", ".join(size for size in PROFILES if size in profiles)
            print(f"{name}: {len(profiles)} results, profiles {kinds}")
        return
    if options.experiment not in (known := store.experiments()):
        raise ValueError(f"nothing stored for {options.experiment!r}; stored: {', '.join(known) or 'nothing'}")
    table = results.stored(options.experiment) if options.all else results.report(options.experiment)
    print(table.to_csv(index=False), end="") if options.csv else print(table.to_string(index=False))


def _sweep(options) -> None:
    import contextlib
    import math

    from attention_atlas import executors
    from attention_atlas.estimates import duration
    from attention_atlas.sweep import sweep

    if options.jobs is not None and options.jobs < 1:
        raise ValueError(f"--jobs takes a positive number, got {options.jobs}")
    cluster = executors.dask(options.dask, options.jobs) if options.dask else contextlib.nullcontext()
    budget = duration(options.time_budget) if options.time_budget else math.inf
    with cluster as workers:
        sweep(
            options.experiment,
            options.profile,
            options.only or "*",
            options.jobs or 1,
            lambda line: print(line, flush=True),
            workers,
            options.device,
            options.together,
            budget,
        )


def _verify(options) -> int:
    import random

    from attention_atlas import results

    if options.sample < 1:
        raise ValueError(f"--sample takes a positive number, got {options.sample}")
    stored = list(results.Store())
    held = [result for result in stored if result.manifest["seconds"] <= options.longest]
    if left := len(stored) - len(held):
        print(f"left out {left} of {len(stored)} results, which took longer than {options.longest:g} s")
    sample = random.Random(options.seed).sample(held, min(options.sample, len(held)))
    differing = 0
    for result in sample:
        message = results.recompute(result)
        differing += bool(message) and not message.startswith(results.ELSEWHERE)
        print(f"{result.experiment} {result.point} {result.manifest['key']}: {message or 'reproduced'}")
    return 1 if differing else 0


def _merge(options) -> None:
    from attention_atlas import results

    if not options.folder.is_dir():
        raise ValueError(f"no such folder: {options.folder}")
    taken, kept = results.Store().merge(results.Store(options.folder))
    print(f"taken {taken}, kept {kept}")


def _ship(options) -> None:
    from attention_atlas import files
    from attention_atlas.models import shipped

    path = shipped.ship(options.point)
    print(f"wrote {files.relative(path)}, {path.stat().st_size / 1e6:.1f} MB")


def _scorecard(options) -> None:
    from attention_atlas import scorecard

    rows = scorecard.rows()
    if options.json:
        print(scorecard.to_json(rows))
    elif options.summary:
        print(scorecard.summary(rows))
    else:
        for (paper, item), part in rows.groupby(["paper", "item"], sort=False):
            columns = ["configuration", "reported", "ours", "standard_error", "verdict"]
            print(
                f"{paper}, {item}",
                part[columns].to_string(index=False, na_rep="", justify="left"),
                sep="\n",
                end="\n\n",
            )
