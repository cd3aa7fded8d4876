"""The gaps of Wu et al. 2025 beside those of our models: at the printed length of training, at its end, in words."""

import math

import pandas as pd

from attention_atlas.outcomes.retrieval_names import PRINTED_STEPS
from attention_atlas.outcomes.retrieval_points import GAP_KEY, printed_gaps
from attention_atlas.outcomes.retrieval_tables import at_largest_profile, gaps_over_seeds
from attention_atlas.wording import thousandths

NOT_YET = "not yet"
LARGE = 0.05  # size from which the sign of a gap is asked for
OURS = ["mean", "standard_error", "seeds", "least", "most", "steps"]


def _gaps(report: pd.DataFrame, at: str) -> pd.DataFrame:
    """Gaps over seeds, of every setting at the largest profile that there is."""
    found = at_largest_profile(gaps_over_seeds(report, at), ["setting", *GAP_KEY])
    return found[["setting", *GAP_KEY, "profile", *OURS]]


def _with_ours(table: pd.DataFrame, report: pd.DataFrame, vocabulary: str) -> pd.DataFrame:
    """A table of settings with our gaps of a vocabulary beside them, NaN where there are none."""
    end, early = (_gaps(report, at) for at in ("end", str(PRINTED_STEPS)))
    early = early.rename(columns={"mean": "printed_length", "standard_error": "printed_length_error"})
    for ours, columns in ((end, OURS), (early, ["printed_length", "printed_length_error"])):
        ours = ours[ours["setting"] == vocabulary].astype({"depth": int, "residual": int})
        table = table.merge(ours[[*GAP_KEY, *columns]].astype(dict.fromkeys(columns, float)), "left", GAP_KEY)
    return table


def _printed(chosen: dict) -> pd.DataFrame:
    printed = printed_gaps()
    for name, value in chosen.items():
        printed = printed[printed[name].isin(value if isinstance(value, list) else [value])]
    return printed.rename(columns={"value": "paper"}).reset_index(drop=True)


def beside(report: pd.DataFrame, **chosen) -> pd.DataFrame:
    """The paper's gaps and ours, one row for each printed bar.

    Parameters
    ----------
    report : DataFrame
        Of models of the Gaussian mixture, as :class:`attention_atlas.outcomes.retrieval_points.Models` has it;
        may be empty.
    chosen
        Columns of :data:`attention_atlas.outcomes.retrieval_points.GAP_KEY` and the value wanted, a list for several.

    Returns
    -------
    DataFrame
        Columns of the key; ``paper``; ``mean``, ``standard_error`` (NaN of one seed), ``seeds``, ``least``, ``most``
        and ``steps`` of ours at the end of training; ``printed_length`` and ``printed_length_error``, ours after
        100,000 steps. NaN where no model is known.

    Examples
    --------
    >>> table = beside(pd.DataFrame(), train_bias="first", mask="causal", position_encoding="none")
    >>> table[["gap", "paper", "mean"]].values.tolist()
    [['first_vs_middle', 0.478, nan], ['first_vs_last', 0.518, nan], ['middle_vs_last', 0.052, nan]]
    """
    return _with_ours(_printed(chosen), report, "gaussian_mixture")


def vocabularies(report: pd.DataFrame, **chosen) -> pd.DataFrame:
    """Our gaps under the fixed vocabulary and in the Gaussian mixture, in the settings of the paper's Figures 2-8.

    Parameters
    ----------
    report : DataFrame
        Of models of both vocabularies; may be empty.
    chosen
        As of :func:`beside`.

    Returns
    -------
    DataFrame
        As of :func:`beside` for the fixed vocabulary, but without the paper's gaps, which belong to the mixture:
        ``mixture`` and ``mixture_error`` are ours at the end of training.

    Examples
    --------
    >>> vocabularies(pd.DataFrame(), train_bias="first", gap="first_vs_last")["mixture"].isna().all().item()
    True
    """
    settings = _printed(chosen)[GAP_KEY]
    mixture = _with_ours(settings, report, "gaussian_mixture")
    table = settings.assign(mixture=mixture["mean"], mixture_error=mixture["standard_error"])
    return _with_ours(table, report, "fixed")


def same_sign(table: pd.DataFrame, reference: str = "paper") -> tuple[int, int, int]:
    """How many large gaps have the sign of the reference.

    Parameters
    ----------
    table : DataFrame
        As :func:`beside` or :func:`vocabularies` gives it.
    reference : str
        The column that ``mean`` is compared with; only rows in which it is at least :data:`LARGE` in size count.

    Returns
    -------
    (int, int, int)
        With the same sign, known, and all.

    Examples
    --------
    >>> same_sign(pd.DataFrame({"paper": [0.2, -0.2, 0.3, 0.01], "mean": [0.1, 0.1, math.nan, 0.1]}))
    (1, 2, 3)
    """
    large = table[table[reference].abs() >= LARGE]
    known = large[large["mean"].notna()]
    return int((known[reference] * known["mean"] > 0).sum()), len(known), len(large)


def gap_words(value: float, error: float = math.nan) -> str:
    """A gap as the paper prints it, with its sign, and its standard error where there is one.

    Examples
    --------
    >>> gap_words(0.2471), gap_words(-0.04, 0.0123), gap_words(math.nan), gap_words(-0.0001)
    ('+.247', '−.040 ± .012', 'not yet', '.000')
    """
    number = thousandths(value, plus=True, missing=NOT_YET)
    return number if math.isnan(value) or math.isnan(error) else f"{number} ± {thousandths(error)}"


def changes(high: pd.Series, low: pd.Series) -> list[str]:
    """How far one row of :func:`beside` lies above another: the paper's, ours after 100,000 steps, ours at the end.

    Examples
    --------
    >>> table = beside(pd.DataFrame(), train_bias="last", mask="causal", position_encoding="none")
    >>> changes(table.iloc[1], table.iloc[0])
    ['+.018', 'not yet', 'not yet']
    """
    ours = (("printed_length", "printed_length_error"), ("mean", "standard_error"))
    words = [gap_words(high[mean] - low[mean], math.hypot(high[error], low[error])) for mean, error in ours]
    return [gap_words(high["paper"] - low["paper"]), *words]


def agreement_words(table: pd.DataFrame, reference: str = "paper") -> str:
    """How many large gaps of the reference ours agree with in sign, as a clause.

    Examples
    --------
    >>> agreement_words(pd.DataFrame({"paper": [0.2, -0.2, 0.3, 0.01], "mean": [0.1, 0.1, math.nan, 0.1]}))
    '1 of the 2 that are trained have the same sign (3 in all)'
    """
    same, known, count = same_sign(table, reference)
    if not known:
        return f"none of the {count} is trained yet"
    return f"{same} of the {known} that are trained have the same sign ({count} in all)"


def legend_words(table: pd.DataFrame, hollow: str = "printed in the paper") -> str:
    """What bars of a table are, for a caption: only of what there is to draw.

    Parameters
    ----------
    table : DataFrame
        As :func:`beside` or :func:`vocabularies` gives it.
    hollow : str
        What the hollow bars are.

    Examples
    --------
    >>> legend_words(beside(pd.DataFrame()))
    'Hollow: printed in the paper. None of ours is trained yet.'
    >>> ours = {"mean": [0.1, 0.1], "seeds": [1.0, 2.0], "steps": 3e5, "printed_length": 0.2}
    >>> print(legend_words(pd.DataFrame(ours)).replace("; ", ";\\n"))
    Hollow: printed in the paper. Filled: ours at the end of training, means over 1 to 2 seeds;
    whiskers: two standard errors over seeds, dots: the extreme seeds, neither where there is one seed;
    diamonds: ours after 100,000 steps.
    """
    known = table[table["mean"].notna()]
    words = f"Hollow: {hollow}."
    if known.empty:
        return f"{words} None of ours is trained yet."
    counts = list(dict.fromkeys(f"{number:.0f}" for number in (known["seeds"].min(), known["seeds"].max())))
    single = counts == ["1"]
    means = "one seed" if single else f"means over {' to '.join(counts)} seeds"
    words += f" Filled: ours at the end of training, {means}"
    if not single:
        words += "; whiskers: two standard errors over seeds, dots: the extreme seeds"
        words += ", neither where there is one seed" if counts[0] == "1" else ""
    longer = (known["steps"] > PRINTED_STEPS) & known["printed_length"].notna()
    return words + (f"; diamonds: ours after {PRINTED_STEPS:,} steps." if longer.any() else ".")


def known_columns(heads: list[str], lines: list[list[str]]) -> tuple[list[str], list[list[str]]]:
    """A table without the columns in which nothing is known.

    Parameters
    ----------
    heads, lines
        Of the table; a cell of which nothing is known reads :data:`NOT_YET`.

    Examples
    --------
    >>> known_columns(["depth", "ours", "paper"], [["2", NOT_YET, ".1"], ["4", NOT_YET, ".2"]])
    (['depth', 'paper'], [['2', '.1'], ['4', '.2']])
    """
    kept = [n for n in range(len(heads)) if any(line[n] != NOT_YET for line in lines)]
    return [heads[n] for n in kept], [[line[n] for n in kept] for line in lines]


def row(table: pd.DataFrame, **setting) -> pd.Series:
    """The one row of a table with this setting.

    Raises
    ------
    ValueError
        If none or several have it.

    Examples
    --------
    >>> row(pd.DataFrame({"depth": [2, 4], "paper": [0.1, 0.2]}), depth=4)["paper"].item()
    0.2
    """
    found = table
    for name, value in setting.items():
        found = found[found[name] == value]
    if len(found) != 1:
        raise ValueError(f"a setting has one row, got {len(found)} for {setting}")
    return found.iloc[0]
