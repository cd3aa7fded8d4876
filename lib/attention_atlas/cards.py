"""Statements and discrepancies as MyST text, a card or a table at a time; the back matter's pages display it.

A card carries an anchor, ``card-<id>`` for a statement and ``ledger-<id>`` for a discrepancy (lower case, dots as
hyphens), so that any page can link to it.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

import pandas as pd

from attention_atlas.ledger import Discrepancy
from attention_atlas.theorems import ROUNDING, Theorem, judge

PAPERS = {  # no-break spaces: a name stays on one line of a table
    "wu2025": "Wu\u00a02025",
    "kim2026": "Kim\u00a02026",
    "zhang2025": "Zhang\u00a02025",
    "bao2024": "Bao\u00a02024",
}
OFFICIAL_CODE = {
    "wu2025": "https://github.com/xinyiwu98/position-bias-in-attention",
    "kim2026": "https://github.com/starmpcc/layernorm_recency_bias",
}
SIGNS = {"holds": "✔", "agrees": "✔", "verified": "✔", "agrees in sign": "▲", "not attempted": "○", "open": "○"}
WINNERS = {"text": "the text", "code": "the official code", "neither": "neither", "undecided": "not decided yet"}
PYTEST = ".venv/bin/python -m pytest"


@dataclass(frozen=True)
class Numbers:
    """What the draws of one statement come to.

    Parameters
    ----------
    verdict
        One of :data:`attention_atlas.theorems.VERDICTS`.
    smallest
        Smallest margin of the check over its `draws`; not a number if nothing is stored.
    failing
        How many of the control's `control_draws` break the conclusion.
    """

    verdict: str
    smallest: float
    draws: int
    failing: int
    control_draws: int


def numbers(margins: pd.DataFrame, statement: str) -> Numbers:
    """Judge one statement from the table of the experiment ``theorem_margins``.

    Examples
    --------
    >>> table = pd.DataFrame({"statement": "x", "control": [False, True], "draw": [0, 0], "margin": [0.25, -3.0]})
    >>> numbers(table, "x")
    Numbers(verdict='holds', smallest=0.25, draws=1, failing=1, control_draws=1)
    """
    mine = margins[margins["statement"] == statement]
    check, control = mine[~mine["control"].astype(bool)], mine[mine["control"].astype(bool)]
    return Numbers(
        judge(check["margin"], control["margin"]),
        float(check["margin"].min()),
        check["draw"].nunique(),
        control.loc[control["margin"] < -ROUNDING, "draw"].nunique(),
        control["draw"].nunique(),
    )


def anchor(kind: str, id: str) -> str:
    """Where a card stands, for ``{ref}`text <anchor>```.

    Examples
    --------
    >>> anchor("card", "wu2025-lem-I.1"), anchor("ledger", "wu2025-not-res")
    ('card-wu2025-lem-i-1', 'ledger-wu2025-not-res')
    """
    return f"{kind}-{id}".lower().replace(".", "-")


def short(number: float) -> str:
    """A number in two significant digits as a reader sees it; rounding of float64 is 0, NaN a dash.

    Examples
    --------
    >>> print(short(0.0412), short(2.57e-6), short(-3e-15), short(232), sep=", ")
    0.041, 2.6\u00a0×\u00a010⁻⁶, 0, 232
    """
    if number != number:
        return "–"
    if abs(number) < ROUNDING:
        return "0"
    if abs(number) >= 1e-3:
        return f"{number:.2g}" if abs(number) < 10 else f"{number:.0f}"
    mantissa, exponent = f"{number:.1e}".split("e")
    return f"{mantissa}\u00a0×\u00a010{str(int(exponent)).translate(str.maketrans('-0123456789', '⁻⁰¹²³⁴⁵⁶⁷⁸⁹'))}"


def verdict(word: str) -> str:
    """A verdict with its sign, so that colour never speaks alone.

    Examples
    --------
    >>> verdict("agrees in sign")
    '<span class="atlas-verdict atlas-agrees-in-sign">▲&nbsp;agrees in sign</span>'
    """
    return f'<span class="atlas-verdict atlas-{word.replace(" ", "-")}">{SIGNS.get(word, "✘")}&nbsp;{word}</span>'


def theorem_contents(theorems: Iterable[Theorem], margins: pd.DataFrame) -> str:
    """Table of the statements with what their draws say, each linked to its card."""
    lines = []
    for theorem in theorems:
        found = numbers(margins, theorem.id)
        link = f"{{ref}}`{theorem.label} <{anchor('card', theorem.id)}>`"
        fails = f"{found.failing}/{found.control_draws}"
        lines.append([link, theorem.title, short(found.smallest), fails, _stands(theorem, found)])
    return table(["statement", "in a few words", "smallest margin", "control fails", "verdict"], lines)


def theorem_card(theorem: Theorem, margins: pd.DataFrame, strip: str) -> str:
    """One statement as a card.

    Parameters
    ----------
    theorem
        The registry's entry.
    margins
        The table of the experiment ``theorem_margins``.
    strip
        SVG of its margins, alt text included (:func:`attention_atlas.figures.svg`).
    """
    found = numbers(margins, theorem.id)
    repair = ""
    if theorem.repair:
        link = f"{{ref}}`{theorem.repair} <{anchor('ledger', theorem.repair)}>`"
        fails = "The explicit bound printed in its proof fails; what is checked here is our repair"
        repair = f"\n**Repaired.** {fails}. The ledger runs both: {link}.\n"
    unit = "" if theorem.margin == Theorem.margin else f" ({theorem.margin})"
    tests = " \\\n  ".join(dict.fromkeys([theorem.check_test, theorem.control_test]))
    return f"""
({anchor("card", theorem.id)})=
::::::{{card}}
:class-card: atlas-card
:margin: 0 4 0 0

:::::{{card-header}}
**{theorem.label}. {theorem.title}**

{_origin(theorem.origin)} &nbsp; {_stands(theorem, found)}
:::::

{theorem.statement}

**If:** {theorem.hypotheses}

**In words:** {theorem.conclusion}
{repair}
<div class="atlas-figure atlas-strip">{_one_line(strip)}</div>

Smallest margin **{short(found.smallest)}** in {found.draws} draws{unit}.
The negative control fails in **{found.failing} of {found.control_draws}** draws.

**Broken in the control:** {theorem.broken}

:::::{{dropdown}} Where it is checked
Check: `{theorem.check}`

Negative control: `{theorem.control}`

```bash
{PYTEST} \\
  {tests}
```
:::::

:::::{{card-footer}}
Argument and pictures: {{doc}}`/_executed/{theorem.page}`
:::::
::::::
"""


def ledger_contents(entries: Iterable[Discrepancy]) -> str:
    """Table of the ledger's entries, each linked to its card."""
    return table(
        ["entry", "paper", "discrepancy", "reproduces the figures", "status"],
        [
            [f"{{ref}}`{entry.id.partition('-')[2]} <{anchor('ledger', entry.id)}>`", PAPERS[entry.paper], entry.title,
             WINNERS[entry.reproduces], verdict(entry.status)]
            for entry in entries
        ],
    )  # fmt: skip


def ledger_card(entry: Discrepancy, theorems: Iterable[Theorem] = ()) -> str:
    """One discrepancy as a card.

    Parameters
    ----------
    entry
        The registry's entry.
    theorems
        Statements; those that need the entry's repair are named on the card.
    """
    has_code = entry.place_in_code != "none"
    commit = entry.place_in_code.rpartition(" at ")[2]
    where = f"<small>[{entry.place_in_code}]({OFFICIAL_CODE[entry.paper]}/tree/{commit})</small>" if has_code else ""
    repaired = [f"{{ref}}`{t.label} <{anchor('card', t.id)}>`" for t in theorems if t.repair == entry.id]
    consequence = f"\n**Statements that need the repair:** {', '.join(repaired)}.\n" if repaired else ""
    return f"""
({anchor("ledger", entry.id)})=
::::::{{card}}
:class-card: atlas-card
:margin: 0 4 0 0

:::::{{card-header}}
**{entry.title}**

{PAPERS[entry.paper]} &nbsp; `{entry.id}` &nbsp; {verdict(entry.status)}
:::::

:::::{{grid}} 1 1 2 2
:gutter: 3

::::{{grid-item}}
**{"The text" if has_code else "The paper"}** {_origin("paper")}

{entry.variant_text}

<small>{entry.place_in_text}</small>
::::
::::{{grid-item}}
**{"The code" if has_code else "Against it"}** {_origin("official code") if has_code else ""}

{entry.variant_code}

{where}
::::
:::::

**How much it matters.** {entry.effect_with_numbers}
{consequence}
**What reproduces the figures:** {WINNERS[entry.reproduces]}. {entry.why}

{_measured(entry)}
::::::
"""


def table(heads: list[str], lines: Iterable[list[str]]) -> str:
    """A Markdown table."""
    return "\n".join(f"| {' | '.join(line)} |" for line in [heads, ["---"] * len(heads), *lines])


def _stands(theorem: Theorem, found: Numbers) -> str:
    return verdict("holds only as repaired" if found.verdict == "holds" and theorem.repair else found.verdict)


def _origin(name: str) -> str:
    return f'<span class="atlas-origin">{name}</span>'


def _one_line(svg: str) -> str:
    """An SVG as one line: in Markdown an empty line would end the block of HTML."""
    return re.sub(r"\s*\n\s*", " ", svg.strip())


def _measured(entry: Discrepancy) -> str:
    if not entry.measured:
        return "Nobody has run both variants yet, so this entry states no number."
    stated = [[f"`{name}`", f"{m.value:g}", f"{m.tolerance:g}"] for name, m in entry.measured.items()]
    return f""":::::{{dropdown}} Run both variants
The test computes these numbers again and fails if one is further away than its tolerance.

{table(["number", "stated", "tolerance"], stated)}

```bash
{PYTEST} {entry.test}
```
:::::"""
