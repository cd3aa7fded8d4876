"""The scorecard as MyST text: one sentence for the front page, and tables by paper and item."""

import re
from collections.abc import Iterable

import pandas as pd

from attention_atlas import claims, scorecard
from attention_atlas.cards import PAPERS, anchor, short, table, verdict


def sentence(rows: pd.DataFrame) -> str:
    """The scorecard in one sentence, for the front page.

    Examples
    --------
    >>> sentence(pd.DataFrame({"verdict": ["agrees", "differs", "not attempted"]}))
    '2 of 3 statements, claims and numbers are checked so far: 1 agrees, 1 differs (the ledger says why); 1 to go.'
    """
    count = rows["verdict"].value_counts()
    words = [
        f"{count[word]} {word if count[word] == 1 else word.replace('agrees', 'agree').replace('differs', 'differ')}"
        + (" (the ledger says why)" if word == "differs" else "")
        for word in scorecard.VERDICTS[:3]
        if count.get(word)
    ]
    done = len(rows) - count.get("not attempted", 0)
    so_far = (f": {', '.join(words)}" if words else "") + (f"; {len(rows) - done} to go" if done < len(rows) else "")
    return f"{done} of {len(rows)} statements, claims and numbers are checked so far{so_far}."


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
    """One section's rows: those with a verdict in the open, the others folded, with what they wait for.

    What all rows share is said once above the table, and the reasons of verdicts below it.
    """
    done, waiting = (rows[(rows["verdict"] == "not attempted") == open] for open in (False, True))
    parts = []
    if len(done):
        reasons = list(dict.fromkeys(done["reason"]))
        columns = _configurations(done) | {
            "reported": map(_cell, done["reported"]),
            "ours": map(_cell, done["ours"]),
            "standard error": map(_cell, done["standard_error"]),
            "seeds or draws": map(_cell, done["seeds"]),
            "profile": map(_cell, done["profile"]),
            "tolerance": map(_cell, done["tolerance"]),
            "verdict": map(verdict, done["verdict"]),
            "reason": [f"({reasons.index(reason) + 1})" for reason in done["reason"]],
        }
        notes = [f"{number}. {_linked(reason)}" for number, reason in enumerate(reasons, start=1)]
        parts += [_shared_and_varied(columns, keep=("ours", "verdict", "reason")), "Reasons:\n\n" + "\n".join(notes)]
    if len(waiting):
        columns = _configurations(waiting) | {"reported": map(_cell, waiting["reported"])}
        names = ", ".join(f"`{name}`" for name in dict.fromkeys(map(experiment, waiting["reason"])))
        title = f"{section}: {len(waiting)} of {len(rows)} not attempted yet"
        body = _shared_and_varied(columns, keep=("reported",))
        parts.append(f"::::{{dropdown}} {title}\nWaiting for {names}.\n\n{body}\n::::")
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
    return "–" if pd.isna(value) else f"{value:.4g}" if value == 0 or abs(value) >= 1e-3 else short(value)


def _linked(reason: str) -> str:
    return re.sub(r"ledger: (\S+)", lambda found: f"{{ref}}`{found[0]} <{anchor('ledger', found[1])}>`", reason)


def _configurations(rows: pd.DataFrame) -> dict[str, list[str]]:
    """Columns that say which rows these are: one for each part of a configuration, or its words if it is a sentence."""
    pairs = [[part.partition(" ")[::2] for part in text.split(", ")] for text in rows["configuration"]]
    if any(" " in value or not value for line in pairs for _, value in line):
        return {
            "item": [item.partition(": ")[0].replace(" ", "\u00a0") for item in rows["item"]],
            "what it says": list(rows["configuration"]),
        }
    names = dict.fromkeys(name for line in pairs for name, _ in line)
    return {name.replace("_", " "): [dict(line).get(name, "–").replace("_", " ") for line in pairs] for name in names}


def _shared_and_varied(columns: dict[str, Iterable[str]], keep: tuple[str, ...]) -> str:
    """A table, and above it what is the same in all of its rows."""
    columns = {head: list(cells) for head, cells in columns.items()}
    count = len(columns[keep[0]])
    shared = {
        head: cells[0] for head, cells in columns.items() if count > 1 and len(set(cells)) == 1 and head not in keep
    }
    said = ", ".join(f"{head} {cell}" for head, cell in shared.items() if cell != "–")
    varied = {head: cells for head, cells in columns.items() if head not in shared}
    rows = table(list(varied), [list(line) for line in zip(*varied.values(), strict=True)])
    return f"In all rows: {said}.\n\n{rows}" if said else rows
