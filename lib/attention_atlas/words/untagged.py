"""What a page says of decoders without a tag, chosen from the numbers."""

from collections.abc import Iterable, Mapping

import pandas as pd

from attention_atlas.wording import counted, number
from attention_atlas.words.decoders import listing
from attention_atlas.words.first_token import seeds_each

NOWHERE = "no layer follows the sink, so nothing can read its tag"


def decoders_and_seeds(points: Iterable[str]) -> str:
    """How many decoders these are, and how many settings: settings of one seed start alike and read the same.

    Examples
    --------
    >>> decoders_and_seeds(["no-norm-seed0", "no-norm-seed1", "no-positions-seed0"])
    '3 decoders (2 settings, 1 to 2 seeds each)'
    """
    names = pd.Series([point.rsplit("-seed", 1)[0] for point in points])
    kinds = names.value_counts()
    return (
        f"{len(names)} decoder{'s' if len(names) > 1 else ''} ({counted(len(kinds), 'setting')}, {seeds_each(kinds)})"
    )


def used(more_loss: pd.DataFrame, recency: pd.DataFrame) -> str:
    """Whether later layers use the place that the tag tells, in a sentence.

    Parameters
    ----------
    more_loss, recency : DataFrame
        As of :meth:`attention_atlas.outcomes.untagged.Untagged.more_loss` and
        :meth:`attention_atlas.outcomes.untagged.Untagged.recency`. A decoder without a layer after its sink is left
        out.

    Examples
    --------
    >>> points = ["no-norm-seed0", "no-norm-seed1"]
    >>> loss = pd.DataFrame({"constant": [0.03, 0.02], "other direction, constant": [0.01, 0.01]}, points)
    >>> later = {"as it is": [0.8] * 2, "constant": [0.7] * 2, "other direction, constant": [0.8] * 2}
    >>> print(used(loss, pd.DataFrame(later, points))[:90])
    Later layers use it: in 2 of 2 decoders (one setting, 2 seeds) a tag that tells no place c
    """
    if more_loss.empty:
        return "Not measured yet"
    followed = recency["as it is"].notna()
    if not followed.any():
        return f"This cannot be asked here: {NOWHERE}"
    loss, later = more_loss[followed], recency[followed]
    costs = loss["constant"] > loss["other direction, constant"]
    turns = later["constant"] < later[["as it is", "other direction, constant"]].min(axis=1)
    count, total = int((costs & turns).sum()), len(loss)
    head = "Later layers use it" if count == total else "Not all decoders use it" if count else "We see no use of it"
    left = counted(int((~followed).sum()), "other decoder")
    rest = "" if followed.all() else f" (in {left} {NOWHERE})"
    return (
        f"{head}: in {count} of {decoders_and_seeds(loss.index)} a tag that tells no place costs more than as much in"
        f" another direction, and the layers after it turn less to late keys{rest}"
    )


def released(recency: pd.DataFrame) -> str:
    """How much of the recency after a sink its tag makes, in a sentence.

    Parameters
    ----------
    recency : DataFrame
        As of :meth:`attention_atlas.outcomes.untagged.Untagged.recency`; decoders without recency there are left out.

    Examples
    --------
    >>> points = ["no-norm-seed0", "no-norm-seed1"]
    >>> released(pd.DataFrame({"as it is": [0.8, 0.8], "constant": [0.7, 0.8]}, points))
    "Of what is beyond one half, the tag's place makes 17% on average (0% to 33% in 2 decoders)."
    >>> released(pd.DataFrame({"as it is": [0.8], "constant": [0.9]}, points[:1]))
    "The tag's place makes none of it."
    >>> released(pd.DataFrame({"as it is": [float("nan")], "constant": [float("nan")]}, points[:1]))
    ''
    """
    found = recency[recency["as it is"] > 0.5]
    if found.empty:
        return ""
    parts = (found["as it is"] - found["constant"]) / (found["as it is"] - 0.5)
    if not parts.mean() > 0:
        return "The tag's place makes none of it."
    ends = f"{number(parts.min(), '.0%')} to {number(parts.max(), '.0%')}"
    spread = f" on average ({ends} in {len(parts)} decoders)" if len(parts) > 1 else " (one decoder)"
    return f"Of what is beyond one half, the tag's place makes {number(parts.mean(), '.0%')}{spread}."


def later_words(layers: Mapping[str, tuple[int, ...]]) -> str:
    """Which layers come after the sink, and in how many decoders.

    Parameters
    ----------
    layers : mapping
        As of :meth:`attention_atlas.outcomes.untagged.Untagged.later_layers`.

    Examples
    --------
    >>> later_words({"a": (2, 3), "b": (3,), "c": (2, 3)})
    'layers 3 and 4 in 2 decoders, layer 4 in one decoder'
    >>> later_words({"a": ()})
    'none in one decoder'
    """
    kinds = pd.Series([of for of in layers.values()], dtype=object).value_counts(sort=False)
    told = []
    for of, count in kinds.items():
        numbers = listing([f"{layer + 1}" for layer in of]) if of else ""
        name = f"layer{'s' if len(of) > 1 else ''} {numbers}" if of else "none"
        told.append(f"{name} in {counted(count, 'decoder')}")
    return ", ".join(told) or "none"
