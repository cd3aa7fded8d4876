"""The scorecard: every number and claim of the papers beside ours, with a tolerance, its reason and a verdict.

Three sources of rows: the papers' printed numbers (``data/reference/*.csv``), their statements (``data/theorems.yml``)
and their claims in words (``data/claims.yml``). Ours comes from the results store; without it a row is "not attempted".
"""

import json
import math

import pandas as pd

from attention_atlas import claims, ledger, registry, results, theorems, verdicts
from attention_atlas.references import REFERENCES, Reference

COLUMNS = ("paper", "item", "configuration", "reported", "ours", "standard_error", "seeds", "profile", "tolerance",
           "reason", "verdict")  # fmt: skip
VERDICTS = ("agrees", "agrees in sign", "differs", "not attempted")


def judge(reported: float, ours: float, standard_error: float, tolerance: float, neutral: float | None = 0.0) -> str:
    """The verdict on one number.

    Parameters
    ----------
    reported, ours
        The paper's number and ours, in the same unit.
    standard_error
        Of ours, same unit; not a number for a single seed.
    tolerance
        Largest difference that counts as agreement, same unit.
    neutral
        The value from which a sign is counted; None where a sign means nothing.

    Returns
    -------
    str
        One of :data:`VERDICTS`. "agrees in sign" needs our sign established: two standard errors from `neutral`.
        Without our number or its standard error nothing can be said: "not attempted".

    Raises
    ------
    ValueError
        If the paper's number is not a number, or the tolerance is negative.

    Examples
    --------
    >>> judge(0.25, 0.24, standard_error=0.01, tolerance=0.03)
    'agrees'
    >>> judge(0.25, 0.10, standard_error=0.01, tolerance=0.03)
    'agrees in sign'
    >>> judge(0.25, -0.10, standard_error=0.01, tolerance=0.03)
    'differs'
    """
    if math.isnan(reported):
        raise ValueError("the paper's value is not a number; allowed: what the paper prints")
    if tolerance < 0:
        raise ValueError(f"a tolerance is not negative, got {tolerance}")
    if any(math.isnan(number) for number in (ours, standard_error, tolerance)):
        return "not attempted"
    if abs(ours - reported) <= tolerance:
        return "agrees"
    if neutral is None:
        return "differs"
    same_side = (ours - neutral) * (reported - neutral) > 0
    return "agrees in sign" if same_side and abs(ours - neutral) > 2 * standard_error else "differs"


def rows(store: results.Store | None = None) -> pd.DataFrame:
    """Every row of the scorecard.

    Parameters
    ----------
    store
        Where our results are; the project's own by default.

    Returns
    -------
    DataFrame
        With exactly :data:`COLUMNS`; a row that differs, or a number that agrees in its sign only, ends its reason
        with ``ledger: <id>`` where the ledger explains it, and :func:`validate` refuses it where the ledger does not.

    Raises
    ------
    ValueError
        If a stored table lacks a column or answers one question twice.
    """
    asked = {reference.experiment for reference in REFERENCES} | {claim.needs for claim in claims.load()}
    reports = {name: results.report(name, store) for name in asked}  # reading them takes longer than judging
    numbers = [row for reference in REFERENCES for row in _reference_rows(reference, reports[reference.experiment])]
    margins = results.stored("theorem_margins", store)
    stated = [_theorem_row(theorem, margins) for theorem in theorems.load() if theorem.origin == "paper"]
    claimed = [_claim_row(claim, reports[claim.needs]) for claim in claims.load()]
    return pd.DataFrame(numbers + stated + claimed, columns=list(COLUMNS))


def validate(rows: pd.DataFrame) -> None:
    """Refuse a scorecard with a row that differs, or a number of another size, and no ledger entry that says why.

    Raises
    ------
    ValueError
        In one line that names the first such row.
    """
    known = {entry.id for entry in ledger.load()}
    number = rows["reported"].map(lambda reported: not isinstance(reported, str))
    for row in rows[(rows["verdict"] == "differs") | (number & (rows["verdict"] == "agrees in sign"))].itertuples():
        if row.reason.rpartition("ledger: ")[2] not in known:
            raise ValueError(
                f"scorecard: {row.paper}, {row.item} ({row.configuration}): reported {row.reported}, ours {row.ours}, "
                f"{row.verdict} without a ledger entry; give the entry that explains it the field 'explains'"
            )


def distinct(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows without those that repeat a number: Figure 2 of Wu et al. 2025 has bars of Figures 4 and 5 once more.

    Parameters
    ----------
    rows : DataFrame
        As :func:`rows` gives them.

    Examples
    --------
    >>> places = ["Figure 2: gap", "Figure 4: gap", "Figure 4: sink"]
    >>> len(distinct(pd.DataFrame({"paper": "wu2025", "item": places, "configuration": "depth 2"})))
    2
    """
    what = rows["item"].str.replace(r"^Figure [^:]*: ", "", regex=True)
    return rows[~rows.assign(item=what).duplicated(["paper", "item", "configuration"])]


def signs(rows: pd.DataFrame, least: float = 0.05) -> tuple[int, int, int, int]:
    """How many of the large gaps that Wu et al. 2025 print have their sign in ours, each gap counted once.

    Parameters
    ----------
    rows : DataFrame
        As :func:`rows` gives them.
    least : float
        Size from which on a gap is large.

    Returns
    -------
    (int, int, int, int)
        Same sign by two standard errors, same sign, known at the paper's size, and all.

    Examples
    --------
    >>> gap = {"paper": "wu2025", "item": "Figure 4: accuracy gap", "profile": "paper", "configuration": list("abcd")}
    >>> ours = {"ours": [0.1, 0.1, -0.1, math.nan], "standard_error": [0.01, 0.09, 0.01, math.nan]}
    >>> signs(pd.DataFrame(gap | ours | {"reported": [0.2, 0.3, 0.2, 0.2]}))
    (1, 2, 3, 4)
    """
    gaps = distinct(rows[rows["item"].str.endswith(": accuracy gap")])
    large = gaps[gaps["reported"].astype(float).abs() >= least]
    known = large[(large["profile"] == "paper") & large["ours"].notna()]
    same = known[known["reported"].astype(float) * known["ours"] > 0]
    sure = same["ours"].abs() > 2 * same["standard_error"]
    return int(sure.sum()), len(same), len(known), len(large)


def summary(rows: pd.DataFrame) -> str:
    """One line per paper and a total: how many rows have which verdict.

    Examples
    --------
    >>> print(summary(pd.DataFrame({"paper": ["kim2026"] * 2, "verdict": ["agrees", "differs"]})))
    kim2026: 2 rows: 1 agrees, 0 agrees in sign, 1 differs, 0 not attempted
    total: 2 rows: 1 agrees, 0 agrees in sign, 1 differs, 0 not attempted
    """
    parts = [(paper, rows.loc[rows["paper"] == paper, "verdict"]) for paper in registry.PAPERS]
    counted = [(name, part) for name, part in parts if len(part)] + [("total", rows["verdict"])]
    return "\n".join(
        f"{name}: {len(part)} rows: " + ", ".join(f"{(part == verdict).sum()} {verdict}" for verdict in VERDICTS)
        for name, part in counted
    )


def to_json(rows: pd.DataFrame) -> str:
    """The rows as a JSON list of objects; what is not known is null."""
    known = rows.astype(object).where(rows.notna(), None)
    return json.dumps(known.to_dict("records"), indent=1, ensure_ascii=False, allow_nan=False)


def _row(paper: str, item: str, configuration: str, reported: float | str, **ours) -> dict:
    unknown = dict.fromkeys(("ours", "standard_error", "seeds", "tolerance"), math.nan) | {"profile": ""}
    row = {"paper": paper, "item": item, "configuration": configuration, "reported": reported}
    return row | unknown | {"verdict": "not attempted"} | ours


def _spelling(value) -> str:
    """One spelling of a configuration's value, however it was stored: 2, 2.0 and "2" are the same."""
    if value is None or value != value:
        return ""
    return f"{float(value):g}" if isinstance(value, int | float) else str(value)


def _keys(table: pd.DataFrame, columns: list[str]) -> list[tuple[str, ...]]:
    return [tuple(map(_spelling, values)) for values in table[columns].astype(object).itertuples(index=False)]


def _reference_rows(reference: Reference, report: pd.DataFrame) -> list[dict]:
    printed = reference.table()
    columns = [column for column in printed.columns if column not in ("figure", reference.value)]
    answers = _answers(reference, columns, report)
    lines = []
    for figure, value, key in zip(printed["figure"], printed[reference.value], _keys(printed, columns), strict=True):
        place = f"Figure {figure}: {reference.quantity}"
        configuration = ", ".join(f"{column} {part}" for column, part in zip(columns, key, strict=True) if part)
        judged = {"reason": f"no stored result of the experiment {reference.experiment}"}
        if key in answers:
            judged = _judged(reference, value, answers[key])
        if judged.get("verdict") in ("agrees in sign", "differs"):
            asked = {"quantity": reference.quantity, "verdict": judged["verdict"]} | dict(
                zip(columns, key, strict=True)
            )
            judged["reason"] += _because(reference.experiment, asked)
        lines.append(_row(reference.paper, place, configuration, value, **judged))
    return lines


def _answers(reference: Reference, columns: list[str], report: pd.DataFrame) -> dict[tuple[str, ...], dict]:
    """What is stored of an experiment, by configuration."""
    table = reference.summarize(report) if len(report) else report
    numbers = [reference.ours, "standard_error", reference.runs, "profile"]
    if table.empty:
        return {}
    if missing := [column for column in columns + numbers if column not in table]:
        needed = ", ".join(columns + numbers)
        raise ValueError(f"stored experiment {reference.experiment} lacks the column {missing[0]!r}; needed: {needed}")
    keys = _keys(table, columns)
    if twice := [key for key in keys if keys.count(key) > 1]:
        raise ValueError(f"stored experiment {reference.experiment} answers {', '.join(filter(None, twice[0]))} twice")
    ours = table[numbers].astype({reference.ours: float, "standard_error": float})
    ours = ours.set_axis(["ours", "standard_error", "seeds", "profile"], axis="columns")
    ours = ours.assign(note=table.get("note", ""))
    return dict(zip(keys, ours.to_dict("records"), strict=True))


def _judged(reference: Reference, value: float, found: dict) -> dict:
    found, note = {name: number for name, number in found.items() if name != "note"}, found["note"]
    tolerance = reference.tolerance(found["standard_error"], found["seeds"])
    verdict = judge(value, found["ours"], found["standard_error"], tolerance, reference.neutral)
    reason = reference.reason
    if found["profile"] != "paper":  # a shorter run is not the paper's experiment, near or far
        verdict, reason = (
            "not attempted",
            f"the experiment {reference.experiment} is stored at the profile {found['profile']} only",
        )
    elif verdict == "not attempted":
        reason = f"one seed of the experiment {reference.experiment}: no standard error to judge with"
    elif verdict == "agrees" and tolerance > max(abs(value - (reference.neutral or 0.0)), reference.floor):
        verdict, reason = (
            "not attempted",
            f"the experiment {reference.experiment} is too uncertain: a tolerance above the number itself (and above "
            f"{reference.floor:g}) has no power, more seeds are needed",
        )
    reason += f"; {note}" if note else ""
    return found | {"tolerance": tolerance, "reason": reason, "verdict": verdict}


def explanation(experiment: str, values: dict[str, str]) -> ledger.Discrepancy | None:
    """The first ledger entry that says why rows like this one differ.

    Parameters
    ----------
    experiment : str
        That would repeat the row.
    values : dict
        What tells the row apart: columns of a reference file, the ``quantity`` and the ``verdict``, or ``claim``. So an
        entry that speaks of sizes only (``verdict: agrees in sign``) excuses no wrong sign.

    Examples
    --------
    >>> explanation("retrieval", {"quantity": "attention sink in percent", "mask": "causal"}).id
    'wu2025-sink-sizes'
    """
    question = {"experiment": experiment, **values}
    matching = (
        entry for entry in ledger.load()
        if entry.explains and all(question.get(name) == _spelling(value) for name, value in entry.explains.items())
    )  # fmt: skip
    return next(matching, None)


def _because(experiment: str, values: dict[str, str]) -> str:
    """That entry as the end of a reason; empty if there is none."""
    entry = explanation(experiment, values)
    return f"; ledger: {entry.id}" if entry else ""


def _claim_row(claim: claims.Claim, report: pd.DataFrame) -> dict:
    """A claim in words as a row; one without a rule waits for its experiment."""
    judged = {"reason": f"needs the experiment {claim.needs}"}
    if claim.id in verdicts.RULES:
        found = verdicts.judge(verdicts.RULES[claim.id], report)
        waits = found["verdict"] == "not attempted"
        judged = found | {"reason": f"{judged['reason']}; {found['reason']}" if waits else found["reason"]}
    if judged.get("verdict") == "differs":
        judged["reason"] += _because(claim.needs, {"claim": claim.id})
    return _row(claim.paper, f"{claim.place}: {claim.id}", claim.statement, claim.reported, **judged)


def _theorem_row(theorem: theorems.Theorem, margins: pd.DataFrame) -> dict:
    """A statement of a paper as a row: ours is the smallest margin over the draws of its check."""
    mine = margins[margins["statement"] == theorem.id] if len(margins) else margins
    check, control = (mine[mine["control"] == broken] if len(mine) else mine for broken in (False, True))
    judged = theorems.judge(check.get("margin", []), control.get("margin", []))
    if judged == "not attempted":
        return _row(theorem.paper, theorem.label, theorem.title, "holds", reason="needs the experiment theorem_margins")
    reason = {
        "holds": "ours is the smallest margin, log10(bound / value); rounding of float64; the negative control fails",
        "fails": "ours is the smallest margin, log10(bound / value), and it is negative",
        "control does not fail": "the conclusion survives a broken hypothesis, so the check shows nothing",
    }[judged]
    if theorem.repair:
        reason += f"; with the bound repaired by us, the one printed in the proof fails; ledger: {theorem.repair}"
    return _row(
        theorem.paper,
        theorem.label,
        theorem.title,
        "holds",
        ours=float(check["margin"].min()),
        seeds=check["draw"].nunique(),
        profile=check["profile"].iloc[0],
        tolerance=theorems.ROUNDING,
        reason=reason,
        verdict="agrees" if judged == "holds" and not theorem.repair else "differs",
    )
