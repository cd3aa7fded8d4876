"""The discrepancy ledger: where a paper's text, its official code and its figures do not say the same.

Both variants of a verified entry run in a test, and every number that an entry states is compared with what that test
computes; an entry that nobody has run yet is open and states no number.
"""

import math
import re
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from attention_atlas import registry

PATH = registry.DATA / "ledger.yml"
STATUSES = ("verified", "open")
REPRODUCES = ("text", "code", "neither", "undecided")
PLACEHOLDER = re.compile(r"\[\[(\w+)\]\]")


@dataclass(frozen=True)
class Measured:
    """A number that an entry states, and how far a run may be from it."""

    value: float
    tolerance: float

    def __post_init__(self):
        if not self.tolerance >= 0:
            raise ValueError(f"a tolerance is not negative, got {self.tolerance}")


@dataclass(frozen=True)
class Discrepancy:
    """One entry of the ledger.

    Parameters
    ----------
    id, paper, title
        ``wu2025-input-variance``, ``wu2025``, and the discrepancy in a few words.
    place_in_text, place_in_code
        Where each says so; code as ``file:lines at commit``, "none" where the official code has no such part.
    variant_text, variant_code
        What each says, in our own words (MyST).
    reproduces
        Which of the two gives the printed figures: one of :data:`REPRODUCES`; `why` says how that is known.
    effect
        Its size, MyST with ``[[name]]`` in place of every measured number.
    measured
        ``{name: {value, tolerance}}``: the numbers that the test computes again.
    status
        "verified": `test` runs both variants; "open": nobody has.
    explains
        The scorecard rows that differ because of it: ``{experiment: ..., column: value, ...}``.
    """

    id: str
    paper: str = field(metadata={"allowed": registry.PAPERS})
    title: str
    place_in_text: str
    place_in_code: str
    variant_text: str
    variant_code: str
    reproduces: str = field(metadata={"allowed": REPRODUCES})
    why: str
    effect: str
    status: str = field(metadata={"allowed": STATUSES})
    measured: dict = field(default_factory=dict)
    test: str = ""
    explains: dict = field(default_factory=dict)

    def __post_init__(self):
        if self.status == "verified" and not (self.test and self.measured):
            raise ValueError("a verified entry needs the fields 'test' and 'measured'")
        if self.status == "open" and (self.test or self.measured):
            raise ValueError("an open entry states no number: allowed without the fields 'test' and 'measured'")
        if set(PLACEHOLDER.findall(self.effect)) != set(self.measured):
            raise ValueError(f"field 'effect' must name each of [[{']], [['.join(self.measured)}]] and no other number")
        if self.explains and "experiment" not in self.explains:
            raise ValueError("field 'explains' needs the key 'experiment'")
        numbers = {name: Measured(**number) for name, number in self.measured.items()}
        object.__setattr__(self, "measured", numbers)

    @property
    def effect_with_numbers(self) -> str:
        """The effect as a reader sees it, every ``[[name]]`` replaced by its measured value."""
        return PLACEHOLDER.sub(lambda match: f"{self.measured[match[1]].value:g}", self.effect)


@cache
def load(path: Path = PATH) -> tuple[Discrepancy, ...]:
    """All entries, in the order of the registry; see :func:`attention_atlas.registry.load` for what is refused."""
    return registry.load(path, Discrepancy)


def named(id: str) -> Discrepancy:
    """The entry of this id, or a refusal that lists the ids there are.

    Examples
    --------
    >>> named("wu2025-not-res").status
    'verified'
    """
    return registry.named(load(), id, "ledger entry")


def disagreements(entry: Discrepancy, computed: dict[str, float]) -> list[str]:
    """Where a run does not give the numbers that an entry states.

    Parameters
    ----------
    entry
        A verified entry.
    computed
        What its test computed, by the names under ``measured``.

    Returns
    -------
    list of str
        One line per number that is missing, unknown, not a number or outside its tolerance; empty if all agree.

    Examples
    --------
    >>> entry = named("wu2025-not-res")
    >>> disagreements(entry, {"residual_by_default": 0.0, "residual_with_flag": 1.0})
    []
    >>> disagreements(entry, {"residual_by_default": 1.0, "residual_with_flag": 1.0})
    ['wu2025-not-res: residual_by_default is stated as 0 within 0, computed 1']
    """
    lines = [f"{entry.id}: computed {name!r}, which is not stated" for name in computed if name not in entry.measured]
    for name, stated in entry.measured.items():
        value = computed.get(name, math.nan)
        if not abs(value - stated.value) <= stated.tolerance:  # written so that NaN disagrees
            lines.append(
                f"{entry.id}: {name} is stated as {stated.value:g} within {stated.tolerance:g}, computed {value:g}"
            )
    return lines
