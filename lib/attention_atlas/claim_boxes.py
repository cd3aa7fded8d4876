"""A claim on the page that tests it: its rule and its verdict, from the same place as the scorecard's."""

import pandas as pd

from attention_atlas import cards, claims, results, scorecard, verdicts
from attention_atlas.outcomes.retrieval_gaps import gap_words
from attention_atlas.outcomes.retrieval_names import PRINTED_STEPS, USUAL
from attention_atlas.outcomes.retrieval_points import printed_gaps
from attention_atlas.rules.rule import Rule
from attention_atlas.store import Store


def claim_boxes(ids: list[str], store: Store | None = None) -> dict[str, str]:
    """MyST text for some claims of one experiment.

    Parameters
    ----------
    ids : list of str
        Of ``data/claims.yml``.
    store : Store, optional
        Where results are; the project's own by default.

    Returns
    -------
    dict
        For each claim a box with the claim, the rule that settles it and what our stored models of the paper's size
        say.

    Raises
    ------
    ValueError
        If there is no such claim.

    Examples
    --------
    >>> from pathlib import Path
    >>> print(claim_boxes(["wu2025-claim-h"], Store(Path("/nowhere")))["wu2025-claim-h"].splitlines()[0])
    ::::{admonition} Claim (h): Most of it survives a fixed vocabulary.
    """
    known = {claim.id: claim for claim in claims.load()}
    if unknown := [id for id in ids if id not in known]:
        raise ValueError(f"there is no claim {unknown[0]!r}; see data/claims.yml")
    reports = {needs: results.report(needs, store) for needs in {known[id].needs for id in ids}}
    return {id: _box(known[id], reports[known[id].needs]) for id in ids}


def printed_report() -> pd.DataFrame:
    """The paper's gaps in the form of our models' report, without errors, so that a rule can be asked about them.

    Examples
    --------
    >>> rule = verdicts.RULES["wu2025-claim-f"]
    >>> bool((rule.differences(printed_report())["difference"] > 0).all())
    True
    """
    gaps = printed_gaps().rename(columns={"gap": "quantity"})
    usual = USUAL | {"setting": "gaussian_mixture", "mask_parameter": None, "profile": "paper", "at": "end"}
    gaps = gaps.assign(**usual, steps=0, token=-1, sampling_error=0.0)
    return pd.concat([gaps.assign(seed=seed) for seed in (0, 1)], ignore_index=True)


def _box(claim: claims.Claim, report: pd.DataFrame) -> str:
    letter = claim.id.rpartition("-")[2]  # Wu's claims are lettered, others have names
    title = f"Claim ({letter})" if len(letter) == 1 else "Claim"
    lines = [f"::::{{admonition}} {title}: {claim.statement}", ":class: note", ""]
    lines += [f'<span class="atlas-origin">paper</span> {{cite:t}}`{claim.paper}`, {claim.place}.', ""]
    rule = verdicts.RULES.get(claim.id)
    if rule is None:
        return "\n".join([*lines, "**Verdict:** not judged yet; no rule is stated for this claim.", "::::"])
    lines += [f'**Rule** <span class="atlas-origin">ours</span>: {rule.words}.', ""]
    if claim.needs == "retrieval":  # the one experiment whose numbers the paper prints as its claims compare them
        lines += _own_numbers(rule)
    judged = verdicts.judge(rule, report)
    where = "{doc}`scorecard </_executed/back_matter/scorecard>`"
    lines.append(f"**Verdict** ({where}): {cards.verdict(judged['verdict'])}. {_why(judged)}")
    entry = scorecard.explanation(claim.needs, {"claim": claim.id})
    if judged["verdict"] == "differs" and entry:
        lines.append(f"Why: {{ref}}`{entry.title} <{cards.anchor('ledger', entry.id)}>`.")
    if claim.needs == "retrieval":  # whose trainings tell what they were after the steps that the paper prints
        then = verdicts.judge(rule, verdicts.at_printed_length(report))
        lines += ["", f"**After the printed {PRINTED_STEPS:,} steps:** {cards.verdict(then['verdict'])}. {_why(then)}"]
    if judged["missing"]:
        names = ", ".join(f"`{name}` ({count})" for name, count in judged["missing"].items())
        lines += [
            "",
            ":::{dropdown} Not trained yet: networks, and how many of two seeds they lack",
            f"{names}.",
            ":::",
        ]
    return "\n".join([*lines, "::::"])


def _own_numbers(rule: Rule) -> list[str]:
    """What the rule says of the gaps that the paper prints, where it can be asked about them."""
    found = rule.differences(printed_report())["difference"].dropna()
    if found.empty:
        return []
    right, least = (found > 0).sum(), gap_words(found.min())
    return [f"**The paper's own numbers:** {right} of {len(found)} differences are positive, the least is {least}.", ""]


def _why(judged: dict) -> str:
    if judged["verdict"] == "not attempted":
        return judged["reason"][0].upper() + judged["reason"][1:] + "."
    ours, needed = gap_words(judged["ours"], judged["standard_error"]), gap_words(judged["tolerance"]).lstrip("+")
    words = f"The least certain of the differences that the rule says are positive is {ours} (standard error); "
    if judged["known"] < judged["of"]:
        words += f"it lies below zero by more than {needed}, {verdicts.SURE} standard errors, which refutes the claim"
        return f"{words}, though only {judged['known']} of {judged['of']} differences are known."
    return f"{words}it has to exceed {needed}, {verdicts.SURE} standard errors, to agree."
