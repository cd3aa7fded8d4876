"""Theorem cards: every statement tied to a numeric check and to a negative control that must fail."""

import importlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from attention_atlas import files, registry
from attention_atlas.checks import ROUNDING

ORIGINS = ("paper", "official code", "derived here", "ours")
PAGES = tuple(sorted(f"{path.parent.name}/{path.stem}" for path in files.ROOT.glob("notebooks/*/*.py")))
VERDICTS = ("holds", "fails", "control does not fail", "not attempted")
PATH = registry.DATA / "theorems.yml"


@dataclass(frozen=True)
class Theorem:
    """One statement and where it is tested.

    Parameters
    ----------
    id, paper, label, title
        ``wu2025-thm-4.1``, ``wu2025``, "Theorem 4.1", and what it says in a few words.
    origin
        Who states it: one of :data:`ORIGINS`.
    statement, hypotheses, conclusion
        MyST text in our own words, indices from 1 as in the paper; the conclusion is one plain sentence.
    check, control
        ``module:function``, called as ``function(draws, generator)``: a table with a column ``margin``, the statement
        tested with its hypotheses and with one of them broken.
    broken
        The hypothesis that the control breaks.
    check_test, control_test
        The tests that run them, as pytest writes them.
    page
        The book's page about it.
    margin
        What a margin of the check measures.
    repair
        Ledger entry of the repair without which the bound that its proof prints fails; empty where none is needed.
    """

    id: str
    paper: str = field(metadata={"allowed": registry.PAPERS})
    label: str
    title: str
    origin: str = field(metadata={"allowed": ORIGINS})
    statement: str
    hypotheses: str
    conclusion: str
    check: str
    check_test: str
    control: str
    broken: str
    control_test: str
    page: str = field(metadata={"allowed": PAGES})
    margin: str = "decades between value and bound, log10 of their ratio"
    repair: str = ""


@cache
def load(path: Path = PATH) -> tuple[Theorem, ...]:
    """All statements, in the order of the registry; see :func:`attention_atlas.registry.load` for what is refused."""
    return registry.load(path, Theorem)


def named(id: str) -> Theorem:
    """The statement of this id, or a refusal that lists the ids there are.

    Examples
    --------
    >>> named("wu2025-thm-4.1").label
    'Theorem 4.1'
    """
    return registry.named(load(), id, "statement")


def resolve(dotted: str) -> Callable:
    """The function behind a dotted name.

    Parameters
    ----------
    dotted
        ``package.module:function``.

    Raises
    ------
    ValueError
        If the module or the function does not exist.

    Examples
    --------
    >>> resolve("math:gcd")(12, 18)
    6
    >>> resolve("math:gdc")
    Traceback (most recent call last):
        ...
    ValueError: no function 'math:gdc': math has no 'gdc'
    """
    module_name, _, name = dotted.partition(":")
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        raise ValueError(f"no function {dotted!r}: {error}") from None
    function = getattr(module, name, None)
    if not callable(function):
        raise ValueError(f"no function {dotted!r}: {module_name} has no {name!r}")
    return function


def judge(margins: Iterable[float], control_margins: Iterable[float]) -> str:
    """What margins say about a statement.

    Parameters
    ----------
    margins
        Of the check, one per draw, log10: negative where a bound is broken.
    control_margins
        Of the negative control, the same conclusion with a hypothesis broken.

    Returns
    -------
    str
        One of :data:`VERDICTS`. "fails" if a margin is below ``-ROUNDING`` or not a number; "control does not fail" if
        the conclusion survives the broken hypothesis in every draw, because a check that cannot fail shows nothing.

    Examples
    --------
    >>> judge([0.3, 0.0], control_margins=[-0.2, 0.1])
    'holds'
    >>> judge([0.3, -0.1], control_margins=[-0.2])
    'fails'
    >>> judge([0.3], control_margins=[0.1])
    'control does not fail'
    """
    margins, control_margins = list(margins), list(control_margins)
    if not margins or not control_margins:
        return "not attempted"
    if not all(margin >= -ROUNDING for margin in margins):  # written so that NaN fails
        return "fails"
    return "holds" if any(margin < -ROUNDING for margin in control_margins) else "control does not fail"
