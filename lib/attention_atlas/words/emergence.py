"""What a page says of when networks use their context, and of gaps at two lengths of training or in two settings."""

import pandas as pd

from attention_atlas.outcomes.retrieval_gaps import LARGE, beside, gap_words, same_sign
from attention_atlas.outcomes.retrieval_names import PRINTED_STEPS, USUAL
from attention_atlas.outcomes.retrieval_points import GAP_KEY
from attention_atlas.wording import probability, signed, thousandths

NOTHING = "not trained yet"
LENGTHS = {"printed_length": f"at {PRINTED_STEPS:,} steps", "mean": "at the end"}


def spread(stages: pd.DataFrame, column: str = "end") -> str:
    """Mean over models and, if there are several, the extreme ones, as a page says it.

    Parameters
    ----------
    stages : DataFrame
        As :func:`attention_atlas.outcomes.emergence.stages` gives it, or a part of it.
    column : str
        Which number.

    Examples
    --------
    >>> spread(pd.DataFrame({"end": [0.1, -0.3]})), spread(pd.DataFrame({"end": []}))
    ('−.100 (−.300 to .100)', 'not trained yet')
    """
    values = stages[column].dropna()
    if values.empty:
        return NOTHING
    if len(values) == 1:
        return thousandths(values.iloc[0])
    return f"{thousandths(values.mean())} ({thousandths(values.min())} to {thousandths(values.max())})"


def steps_in_words(stages: pd.DataFrame) -> str:
    """When the context is first used, over models.

    Examples
    --------
    >>> steps_in_words(pd.DataFrame({"emerged": [5000.0, 90000.0, None]}))
    '5,000 to 90,000, never in 1'
    """
    if stages.empty:
        return NOTHING
    reached, never = stages["emerged"].dropna(), int(stages["emerged"].isna().sum())
    if reached.empty:
        return "never"
    ends = dict.fromkeys(f"{step:,.0f}" for step in (reached.min(), reached.max()))
    return " to ".join(ends) + (f", never in {never}" if never else "")


def emerged_words(stages: pd.DataFrame, missing: int = 0) -> str:
    """In how many models the context is used by the printed length of training, and by the end.

    Parameters
    ----------
    stages : DataFrame
        As :func:`attention_atlas.outcomes.emergence.stages` gives it.
    missing : int
        How many models of the plan are not trained yet.

    Examples
    --------
    >>> emerged_words(pd.DataFrame({"emerged": [5000.0, 240000.0, None]}), missing=2)[:70]
    'In 1 of 3 trained models the context is used by step 100,000, in 2 by '
    >>> emerged_words(pd.DataFrame({"emerged": []}), missing=2)
    'No model is trained yet'
    """
    if stages.empty:
        return "No model is trained yet"
    reached = stages[stages["emerged"].notna()]
    in_time = int((reached["emerged"] <= PRINTED_STEPS).sum())
    words = f"In {in_time} of {len(stages)} trained models the context is used by step {PRINTED_STEPS:,}"
    words += f", in {len(reached)} by the end"
    words += f"; it begins at step {steps_in_words(reached)}" if len(reached) else ""
    return words + (f"; {missing} are not trained yet" if missing else "")


def used_words(stages: pd.DataFrame) -> str:
    """How many models use the context at the end, and how well.

    Examples
    --------
    >>> used_words(pd.DataFrame({"emerged": [5000.0, None], "accuracy_end": [0.9, 0.5]}))
    '1 of 2 models use the context at the end; their accuracy on novel classes is .700 (.500 to .900)'
    """
    if stages.empty:
        return "no model is trained yet"
    used = f"{stages['emerged'].notna().sum()} of {len(stages)} models use the context at the end"
    return f"{used}; their accuracy on novel classes is {spread(stages, 'accuracy_end')}"


def turned_words(stages: dict[str, pd.DataFrame]) -> str:
    """Of how many models each gap had the other sign before the context was used.

    Parameters
    ----------
    stages : dict of DataFrame
        By gap, as :func:`attention_atlas.outcomes.emergence.stages` gives it.

    Examples
    --------
    >>> turned_words({"first_vs_last": pd.DataFrame({"turned": [True, False, False]})})
    'Models whose gap had the other sign before: 1 of 3 for first − last'
    """
    if all(rows.empty for rows in stages.values()):
        return "No model is trained yet"
    signs = [f"{rows['turned'].sum()} of {len(rows)} for {gap.replace('_vs_', ' − ')}" for gap, rows in stages.items()]
    return f"Models whose gap had the other sign before: {', '.join(signs)}"


def at_both_lengths(report: pd.DataFrame, scale: str = USUAL["scale"]) -> pd.DataFrame:
    """The paper's gaps and ours, as far as a model of the paper's size is known at both lengths of training.

    Parameters
    ----------
    report : DataFrame
        As :attr:`attention_atlas.outcomes.retrieval_points.Models.report` has it; may be empty.
    scale : {"code", "text"}
        Of the models that are compared.

    Returns
    -------
    DataFrame
        Rows of :func:`attention_atlas.outcomes.retrieval_gaps.beside`.

    Examples
    --------
    >>> at_both_lengths(pd.DataFrame()).empty
    True
    """
    if len(report):
        # `beside` reads models that are as the official code has it, and the scale is what differs here
        report = report[(report["profile"] == "paper") & (report["scale"] == scale)].assign(scale=USUAL["scale"])
    return beside(report).dropna(subset=["mean", "printed_length"]).reset_index(drop=True)


def path_words(paths: pd.DataFrame, who: str) -> str:
    """Where a gap goes over training, and whether it turns: first as the data ask, in the end as the mask has it.

    Parameters
    ----------
    paths : DataFrame
        One column a model, the gap first vs last, over training steps; NaN where a model has ended.
    who : str
        The models, as the beginning of a sentence has them.

    Examples
    --------
    >>> paths = pd.DataFrame({"a": [0.0, -0.3, 0.2], "b": [0.0, -0.1, None]}, index=[100, 5_000, 100_000])
    >>> print(path_words(paths, "Two networks").replace(": ", ":\\n"))
    Two networks have their least gap, −.200, at step 5,000, and +.050 at the end:
    first the gap is as the data ask, later as the mask has it.
    >>> path_words(paths[[]], "Two networks")
    'Two networks: not trained yet.'
    """
    if paths.empty:
        return f"{who}: {NOTHING}."
    mean = paths.ffill().mean(axis=1)
    end = mean.iloc[-1]
    turned = ": first the gap is as the data ask, later as the mask has it" if mean.min() < 0 < end else ""
    least = f"{gap_words(mean.min())}, at step {mean.idxmin():,}"
    return f"{who} have their least gap, {least}, and {gap_words(end)} at the end{turned}."


def lengths_words(table: pd.DataFrame) -> str:
    """At which length of training our gaps are nearer to the paper's, where the two lengths differ.

    Parameters
    ----------
    table : DataFrame
        As :func:`at_both_lengths` gives it.

    Examples
    --------
    >>> table = pd.DataFrame({"paper": [0.2, 0.01], "mean": [0.3, 0.02], "printed_length": [-0.1, 0.5], "steps": 2e5})
    >>> print(lengths_words(table).replace(". ", ".\\n"))
    The paper's value is nearer to ours at the end in 2 of 2 gaps, nearer to ours at 100,000 steps in 0.
    On average they are .055 and .395 apart.
    Of 1 gaps that the paper prints with a size of .05 or more, 0 have its sign at 100,000 steps and 1 at the end
    """
    longer = table[table["steps"] > PRINTED_STEPS]
    if longer.empty:
        return "No model has been trained beyond the printed length yet, so the two lengths cannot be compared"
    off = {at: (longer[at] - longer["paper"]).abs() for at in LENGTHS}
    nearer = int((off["mean"] < off["printed_length"]).sum())
    signs = {at: same_sign(longer.assign(mean=longer[at])) for at in LENGTHS}
    return (
        f"The paper's value is nearer to ours {LENGTHS['mean']} in {nearer} of {len(longer)} gaps,"
        f" nearer to ours {LENGTHS['printed_length']} in {len(longer) - nearer}."
        f" On average they are {thousandths(off['mean'].mean())} and {thousandths(off['printed_length'].mean())} apart."
        f" Of {signs['mean'][2]} gaps that the paper prints with a size of {probability(LARGE, 2)} or more,"
        f" {signs['printed_length'][0]} have its sign {LENGTHS['printed_length']} and {signs['mean'][0]}"
        f" {LENGTHS['mean']}"
    )


def scales_words(code: pd.DataFrame, text: pd.DataFrame) -> str:
    """Whose gaps at the end are nearer to the paper's: those in the code's convention of variance, or in the text's.

    Parameters
    ----------
    code, text : DataFrame
        As :func:`at_both_lengths` gives them; gaps that only one has are left out.

    Examples
    --------
    >>> bars = pd.DataFrame([["unbiased", "causal", "none", 2, 1, "first_vs_last", 0.2]], columns=[*GAP_KEY, "paper"])
    >>> print(scales_words(bars.assign(mean=0.3), bars.assign(mean=0.25)).replace(" is ", "\\nis ", 1))
    Over the 1 gaps that both have, the mean distance from the paper's values
    is .100 with the code's convention and .050 with the text's: the text's is nearer
    """
    both = code.merge(text, on=[*GAP_KEY, "paper"], suffixes=("_code", "_text"))
    if both.empty:
        return "Not settled: no gap is known in both conventions yet"
    off = {scale: (both[f"mean_{scale}"] - both["paper"]).abs().mean() for scale in ("code", "text")}
    return (
        f"Over the {len(both)} gaps that both have, the mean distance from the paper's values is"
        f" {thousandths(off['code'])} with the code's convention and {thousandths(off['text'])} with the text's:"
        f" {'the code' if off['code'] < off['text'] else 'the text'}'s is nearer"
    )


def shift_words(stages: pd.DataFrame, usual: pd.DataFrame) -> str:
    """How far a gap at the printed length lies from that of the usual runs, and whether beyond their range.

    Parameters
    ----------
    stages, usual : DataFrame
        As :func:`attention_atlas.outcomes.emergence.stages` gives it, of some runs and of the usual ones. A run that is
        among both is not compared with itself: at least two others are needed.

    Examples
    --------
    >>> usual = pd.DataFrame({"point": ["a", "b"], "printed": [0.1, 0.2]})
    >>> other = pd.DataFrame({"point": ["b", "c", "d"], "printed": [0.2, 0.0, 0.2]})
    >>> shift_words(other, usual), shift_words(other[:2], usual)
    ('−0.050 at 100,000: within their range of .100', 'not enough models yet')
    """
    own = _others(stages, usual)["printed"].dropna()
    if len(own) < 2 or usual["printed"].notna().sum() < 2:
        return "not enough models yet"
    shift = own.mean() - usual["printed"].mean()
    width = usual["printed"].max() - usual["printed"].min()
    where = "beyond" if abs(shift) > width else "within"
    return f"{signed(shift, '+.3f')} at {PRINTED_STEPS:,}: {where} their range of {thousandths(width)}"


def _others(stages: pd.DataFrame, usual: pd.DataFrame) -> pd.DataFrame:
    return stages[~stages["point"].isin(usual["point"])]


def seeds_words(everything: pd.DataFrame, world: pd.DataFrame) -> str:
    """Standard deviations of a gap at the printed length over runs that draw everything anew, or the world only.

    Parameters
    ----------
    everything, world : DataFrame
        As :func:`attention_atlas.outcomes.emergence.stages` gives it of the gap between first and last place. A run
        that is among both counts for the first only.

    Examples
    --------
    >>> some = pd.DataFrame({"point": ["a", "b", "c"], "printed": [0.1, 0.3, None]})
    >>> world = pd.DataFrame({"point": ["a", "d", "e"], "printed": [9, 0.05, 0.15]})
    >>> print(seeds_words(some, world).replace(" of .141", "\\nof .141"))
    The gap first − last at 100,000 steps has a standard deviation
    of .141 over 2 runs that vary everything and of .071 over 2 runs that vary the world only
    """
    alone = _others(world, everything)
    drawn = {"everything": everything["printed"].dropna(), "the world only": alone["printed"].dropna()}
    if min(map(len, drawn.values())) < 2:
        return "Not settled: there are not yet two runs of both kinds"
    each = [f"of {thousandths(gaps.std())} over {len(gaps)} runs that vary {what}" for what, gaps in drawn.items()]
    return f"The gap first − last at {PRINTED_STEPS:,} steps has a standard deviation {' and '.join(each)}"
