"""Trained decoders in words: what each setting is called, and what a difference of two of them comes to."""

import math
from collections.abc import Mapping

import pandas as pd

from attention_atlas.wording import signed

SURE = 2  # standard errors; with three seeds that is a hint, and with five not much more
LABELS = {
    "one-layer-none": "no penalty",
    "one-layer-weak": "LocAteR, weak",
    "one-layer-medium": "LocAteR, medium",
    "one-layer-strong": "LocAteR, strong",
    "one-layer-eta": "LocAteR, medium, target η = 8",
    "one-layer-trace-square": "LocAteR, medium, tr(W²)",
    "one-layer-scale-only": "scale alone, medium",
    "words-none": "no penalty",
    "words-weak": "LocAteR, weak",
    "words-medium": "LocAteR, medium",
    "words-strong": "LocAteR, strong",
    "rope": "RoPE, Pre-LN",
    "no-positions": "no positions",
    "learned": "learned positions",
    "decay": "decay bias",
    "post-norm": "no positions, Post-LN",
    "rms-norm": "no positions, RMSNorm",
    "rope-no-norm": "RoPE, no norm",
    "no-norm": "no positions, no norm",
    "qk-norm": "RoPE, QK-norm",
    "relu": "RoPE, ReLU attention",
    "no-positions-qk-norm": "no positions, QK-norm",
    "four-layers-medium": "RoPE, LocAteR medium",
    "two-layers-none": "RoPE",
    "two-layers-medium": "RoPE, LocAteR medium",
    "six-layers-none": "RoPE",
    "six-layers-medium": "RoPE, LocAteR medium",
    "no-context": "sees one token only",
    "words-no-context": "sees one token only",
    "long": "RoPE, longer training",
}


def change(paired: pd.Series, form: str = "+.3f") -> str:
    r"""A difference with its standard error and its seeds.

    Parameters
    ----------
    paired : Series
        As of :meth:`attention_atlas.outcomes.decoders.Decoders.paired`.
    form : str
        Format specification of the difference.

    Examples
    --------
    >>> change(pd.Series({"difference": -0.0213, "standard_error": 0.004, "seeds": 3}))
    '−0.021\xa0±\xa00.004 (3 seeds)'
    >>> change(pd.Series({"difference": 0.5, "standard_error": float("nan"), "seeds": 1}), "+.1f")
    '+0.5 (one seed)'
    """
    number = signed(paired["difference"], form)
    if paired["seeds"] < 2:
        return f"{number} (one seed)" if paired["seeds"] else "no seed in common"
    error = f"{number}\u00a0±\u00a0{paired['standard_error']:{form.lstrip('+')}}"  # no-break: on one line of a table
    return f"{error} ({paired['seeds']:.0f} seeds)"


def side(paired: pd.Series) -> int | None:
    """Sign of a difference beyond :data:`SURE` standard errors, 0 within them, None of fewer than two seeds.

    Parameters
    ----------
    paired : Series
        As of :meth:`attention_atlas.outcomes.decoders.Decoders.paired`.

    Examples
    --------
    >>> [side(pd.Series({"difference": d, "standard_error": 1.0, "seeds": 3})) for d in (-2.5, 1.5, 2.5)]
    [-1, 0, 1]
    """
    if paired["seeds"] < 2:
        return None
    beyond = abs(paired["difference"]) > SURE * paired["standard_error"]
    return int(beyond) * (1 if paired["difference"] > 0 else -1)


def sides(found: Mapping[str, pd.Series], link: str = "with") -> str:
    """Which differences lie below zero, which above, and of which that cannot be said.

    Parameters
    ----------
    found : mapping
        Name to a difference, as of :meth:`attention_atlas.outcomes.decoders.Decoders.paired`.
    link : str
        What joins the words to the names.

    Examples
    --------
    >>> low = pd.Series({"difference": -0.3, "standard_error": 0.1, "seeds": 3})
    >>> sides({"weak": low, "medium": low, "strong": low * [1, 9, 1]})
    'lower with weak and medium; too close to tell with strong'
    >>> sides({})
    'nothing is trained yet'
    """
    words = {-1: f"lower {link}", 1: f"higher {link}", 0: f"too close to tell {link}", None: f"not known {link}"}
    parts = []
    for wanted, phrase in words.items():
        names = [name for name, paired in found.items() if side(paired) == wanted]
        if names:
            parts.append(f"{phrase} {listing(names)}")
    return "; ".join(parts) or "nothing is trained yet"


def where(found: Mapping[str, Mapping[str, pd.Series]], wanted: int) -> str:
    """Where some difference has the wanted sign, beyond its standard errors, and where none has.

    Parameters
    ----------
    found : mapping
        Place to its differences by name, as of :func:`sides`; a place without any is not known yet.
    wanted : int
        1 or -1.

    Examples
    --------
    >>> low = pd.Series({"difference": -0.3, "standard_error": 0.1, "seeds": 3})
    >>> where({"here": {"weak": low}, "there": {"weak": low * [-1, 1, 1]}, "far away": {}}, -1)
    'yes, here; not there; not known yet, far away'
    """
    parts = {"yes, ": [], "not ": [], "not known yet, ": []}
    for place, differences in found.items():
        signs = {side(paired) for paired in differences.values()} - {None}
        parts["yes, " if wanted in signs else "not " if signs else "not known yet, "].append(place)
    return "; ".join(words + listing(places) for words, places in parts.items() if places)


def spread(row: pd.Series, form: str) -> str:
    r"""A mean over seeds with its standard error, where there is one.

    Parameters
    ----------
    row : Series
        Of :meth:`attention_atlas.outcomes.decoders.Decoders.means`.
    form : str
        Format specification of both.

    Examples
    --------
    >>> spread(pd.Series({"mean": 24.5, "standard_error": 0.25}), ".2f")
    '24.50\xa0±\xa00.25'
    >>> spread(pd.Series({"mean": 24.5, "standard_error": float("nan")}), ".1f")
    '24.5'
    """
    error = row["standard_error"]
    return f"{row['mean']:{form}}" + ("" if math.isnan(error) else f"\u00a0±\u00a0{error:{form}}")


def ended(perplexities: pd.Series, floors: Mapping[str, float]) -> str:
    """How the decoders of a corpus end, beside what simpler models reach.

    Parameters
    ----------
    perplexities : Series
        One for each setting of :data:`LABELS`, at the end of training.
    floors : mapping
        Perplexities of ``unigram`` and ``bigram``.

    Examples
    --------
    >>> floors = {"unigram": 300.0, "bigram": 50.0}
    >>> ended(pd.Series({"relu": 20.0, "rope": 60.0}), floors)  # doctest: +NORMALIZE_WHITESPACE
    '2 settings end at perplexities of 20.0 to 60.0, beside 300 of the unigram and 50.0 of the bigram model;
    not below the bigram model: “RoPE, Pre-LN”'
    >>> ended(pd.Series([20.0]), floors)
    'one setting ends at a perplexity of 20.0, beside 300 of the unigram and 50.0 of the bigram model'
    >>> ended(pd.Series([]), floors)
    'no decoder is trained yet'
    """
    if perplexities.empty:
        return "no decoder is trained yet"
    least, most, count = perplexities.min(), perplexities.max(), len(perplexities)
    words = f"{count} settings end at perplexities of {least:.1f} to {most:.1f}"
    words = f"one setting ends at a perplexity of {least:.1f}" if count == 1 else words
    words += f", beside {floors['unigram']:.0f} of the unigram and {floors['bigram']:.1f} of the bigram model"
    behind = [f"“{LABELS[name]}”" for name in perplexities.index[perplexities >= floors["bigram"]]]
    return words + (f"; not below the bigram model: {listing(behind)}" if behind else "")


def beside(paired: pd.Series) -> str:
    r"""How a loss is beside another, beyond :data:`SURE` standard errors.

    Parameters
    ----------
    paired : Series
        Difference of the losses, as of :meth:`attention_atlas.outcomes.decoders.Decoders.paired`.

    Examples
    --------
    >>> beside(pd.Series({"difference": -0.02, "standard_error": 0.001, "seeds": 3}))
    'better, −0.020\xa0±\xa00.001 (3 seeds)'
    >>> beside(pd.Series({"difference": -0.02, "standard_error": float("nan"), "seeds": 1}))
    '−0.020 (one seed)'
    """
    words = {-1: "better, ", 1: "worse, ", 0: "not to be told from it, ", None: ""}
    return words[side(paired)] + change(paired)


def listing(names: list[str]) -> str:
    """Names in a sentence.

    Examples
    --------
    >>> listing(["a"]), listing(["a", "b", "c"])
    ('a', 'a, b and c')
    """
    return f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else names[0]
