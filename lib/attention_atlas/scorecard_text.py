"""The scorecard as MyST text: one sentence for the front page, and tables by paper and item."""

import re

import pandas as pd

from attention_atlas import claims, scorecard
from attention_atlas.cards import PAPERS, anchor, short, table, verdict
from attention_atlas.theorems import ROUNDING


def sentence(rows: pd.DataFrame) -> str:
    """The scorecard in one sentence, for the front page.

    Examples
    --------
    >>> sentence(pd.DataFrame({"verdict": ["agrees", "differs", "not attempted"]}))
    '2 of 3 statements, claims and numbers of the papers are checked so far: 1 agrees, 1 differs (the ledger says why).'
    """
    count = rows["verdict"].value_counts()
    words = [
        f"{count[word]} {word if count[word] == 1 else word.replace('agrees', 'agree').replace('differs', 'differ')}"
        + (" (the ledger says why)" if word == "differs" else "")
        for word in scorecard.VERDICTS[:3]
        if count.get(word)
    ]
    done = len(rows) - count.get("not attempted", 0)
    so_far = f": {', '.join(words)}" if words else ""
    return f"{done} of {len(rows)} statements, claims and numbers of the papers are checked so far{so_far}."


def sections(rows: pd.DataFrame) -> list[tuple[str, str, pd.DataFrame]]:
    """The scorecard by paper and item: (paper, section, its rows); statements and claims are one section each."""
    ids = {claim.id for claim in claims.load()}

    def section(item: str) -> str:
        _, colon, what = item.partition(": ")
        return "Statements" if not colon else "Claims in words, numbers in running text" if what in ids else item

    groups = rows.groupby(["paper", rows["item"].map(section)], sort=False)
    order = {paper: place for place, paper in enumerate(PAPERS)}
    found = [(paper, name, part) for (paper, name), part in groups]
    return sorted(found, key=lambda group: (order[group[0]], group[1] != "Statements"))


def section_table(section: str, rows: pd.DataFrame) -> str:
    """One section's rows: those with a verdict in the open, the others folded, with what they wait for."""
    done, waiting = (rows[(rows["verdict"] == "not attempted") == open] for open in (False, True))
    parts = []
    if len(done):
        heads, cells = _configurations(done)
        ours = ["reported", "ours", "standard error", "seeds or draws", "profile", "tolerance", "verdict", "reason"]
        for row, cell in zip(done.itertuples(), cells, strict=True):
            values = [_cell(value) for value in (row.reported, row.ours, row.standard_error, row.seeds, row.profile)]
            cell += [*values, _cell(row.tolerance), verdict(row.verdict), _linked(row.reason)]
        parts.append(table([*heads, *ours], cells))
    if len(waiting):
        heads, cells = _configurations(waiting)
        for row, cell in zip(waiting.itertuples(), cells, strict=True):
            cell.append(_cell(row.reported))
        reasons = "; ".join(f"`{name}`" for name in dict.fromkeys(experiment(reason) for reason in waiting["reason"]))
        title = f"{len(waiting)} of {len(rows)} not attempted yet: {section}"
        body = table([*heads, "reported"], cells)
        parts.append(f":::{{dropdown}} {title}\nWaiting for {reasons}.\n\n{body}\n:::")
    return "\n\n".join(parts)


def experiment(reason: str) -> str:
    """The experiment that a row's reason names.

    Examples
    --------
    >>> experiment("no stored result of the experiment recency")
    'recency'
    """
    found = re.search(r"experiment (\w+)", reason)
    return found[1] if found else reason


def _cell(value) -> str:
    if isinstance(value, str):
        return value or "–"
    return "–" if pd.isna(value) else f"{value:.4g}" if abs(value) >= ROUNDING * 10 or value == 0 else short(value)


def _linked(reason: str) -> str:
    return re.sub(r"ledger: (\S+)", lambda found: f"ledger: {{ref}}`{found[1]} <{anchor('ledger', found[1])}>`", reason)


def _configurations(rows: pd.DataFrame) -> tuple[list[str], list[list[str]]]:
    """Column heads and cells: what varies has a column of its own, what all rows share is left out."""
    pairs = [[part.partition(" ")[::2] for part in text.split(", ")] for text in rows["configuration"]]
    names = [[name for name, _ in line] for line in pairs]
    if len(rows) == 1 or any(line != names[0] for line in names) or any(" " in v for line in pairs for _, v in line):
        place = rows["item"].str.partition(": ")[0]
        return ["item", "what it says"], [list(line) for line in zip(place, rows["configuration"], strict=True)]
    varied = [name for name, values in zip(names[0], zip(*pairs, strict=True), strict=True) if len(set(values)) > 1]
    cells = [[value.replace("_", " ") for name, value in line if name in varied] for line in pairs]
    return [name.replace("_", " ") for name in varied], cells
