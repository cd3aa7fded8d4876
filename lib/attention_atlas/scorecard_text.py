"""The scorecard as MyST text: one sentence for the front page, and tables by paper and item."""

import re
from collections.abc import Iterable

import pandas as pd

from attention_atlas import claims, scorecard
from attention_atlas.cards import PAPERS, anchor, short, table, verdict

AIM = 75  # percent of the large gaps that are to have the printed sign


def sentence(rows: pd.DataFrame) -> str:
    """The scorecard in one sentence, for the front page; a number that two figures print counts once.

    Examples
    --------
    >>> places = ["Figure 2: gap", "Figure 4: gap", "Figure 3: sink", "Theorem 1"]
    >>> verdicts = ["agrees", "agrees", "differs", "not attempted"]
    >>> sentence(pd.DataFrame({"paper": "x", "item": places, "configuration": "", "verdict": verdicts}))
    '2 of 3 statements, claims and numbers are checked so far: 1 agrees, 1 differs (the ledger says why); 1 to go.'
    """
    rows = scorecard.distinct(rows)
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


def signs_sentence(rows: pd.DataFrame) -> str:
    """How many of the large gaps of Wu et al. 2025 have the printed sign in ours, beside what we aim at.

    Parameters
    ----------
    rows : DataFrame
        As :func:`attention_atlas.scorecard.rows` gives them.

    Examples
    --------
    >>> gap = {"paper": "wu2025", "item": "Figure 4: accuracy gap", "profile": "paper", "configuration": list("ab")}
    >>> rows = pd.DataFrame(gap | {"ours": [0.1, None], "standard_error": [0.01, None], "reported": [0.2, 0.2]})
    >>> print(signs_sentence(rows).replace(". ", ".\\n"))
    Wu 2025 prints 2 different gaps of at least .05 in size, 1 of them of settings that we have trained.
    Of these 1 (100 %) have the same sign in ours, 1 of them by two standard errors (one seed has none); we aim at 75 %.
    """
    sure, same, known, all_ = scorecard.signs(rows)
    trained = f"{known or 'none'} of them of settings that we have trained"
    words = f"Wu 2025 prints {all_} different gaps of at least .05 in size, {trained}."
    if not known:
        return words
    counts = f"{same} ({100 * same / known:.0f} %) have the same sign in ours"
    return f"{words} Of these {counts}, {sure} of them by two standard errors (one seed has none); we aim at {AIM} %."


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
        names = ", ".join(map(_awaited, dict.fromkeys(map(experiment, waiting["reason"]))))
        title = f"{section}: {len(waiting)} of {len(rows)} not attempted"
        body = _shared_and_varied(columns, keep=("reported",))
        parts.append(f"::::{{dropdown}} {title}\nWaiting for {names}.\n\n{body}\n::::")
    return "\n\n".join(parts)


def _awaited(name: str) -> str:
    return "large pretrained models (out of scope here)" if name == claims.OUT_OF_SCOPE else f"`{name}`"


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
