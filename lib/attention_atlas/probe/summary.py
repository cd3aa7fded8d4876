"""One row for each layer, beside even attention; the tokens that are sinks; a line or two that say what stands out."""

import math

import pandas as pd

from attention_atlas.decoders.layer_measures import WHOLE_LAYER
from attention_atlas.probe.measuring import Probed

# Column of the table, quantity, decimals.
COLUMNS = {
    "entropy": ("entropy", 2),
    "first": ("received_first", 3),
    "sinks": ("sinks", 2),
    "lasting": ("lasting_sinks", 2),
    "elsewhere": ("sinks_elsewhere", 2),
    "explained": ("explained", 3),
    "control": ("explained_by_others", 3),
    "recency": ("recency", 3),
    "outlier": ("outlier_ratio", 1),
}
EVEN = "even"


def by_layer(measured: Probed) -> pd.DataFrame:
    """Mean over heads of every quantity.

    Parameters
    ----------
    measured : Probed
        Of one text.

    Returns
    -------
    DataFrame
        One row per layer; columns are quantities. NaN where no head has a value.
    """
    means = measured.layers.groupby(["layer", "quantity"])["value"].mean()  # of what is known
    return means.unstack("quantity")


def even_rows(measured: Probed) -> pd.DataFrame:
    """The same of even attention: one row for every set of layers that see the same tokens, named after them."""
    table = measured.uniform.pivot(index="layer", columns="quantity", values="value")
    groups = table.groupby(list(table.columns), dropna=False, sort=False).groups
    names = {rows[0]: EVEN if len(groups) == 1 else f"{EVEN}, {_numbers(list(rows))}" for rows in groups.values()}
    return table.loc[list(names)].rename(index=names)


def table(measured: Probed) -> pd.DataFrame:
    """What is printed: the chosen columns as text, layers first and even attention below."""
    found = pd.concat([by_layer(measured), even_rows(measured)])
    texts = {
        column: [f"{value:.{decimals}f}" if not math.isnan(value) else "-" for value in found[quantity]]
        for column, (quantity, decimals) in COLUMNS.items()
    }
    return pd.DataFrame(texts, index=pd.Index([str(name) for name in found.index], name="layer"))


def perplexity(measured: Probed) -> float:
    """Exponential of the mean surprise: among so many equally likely tokens the model hesitates on average."""
    return measured.surprise.double().mean().exp().item()


def sink_tokens(measured: Probed, most: int = 8) -> pd.DataFrame:
    """The tokens that are sinks of the most heads.

    Parameters
    ----------
    measured : Probed
        Of one text.
    most : int
        How many tokens at most.

    Returns
    -------
    DataFrame
        Columns ``token`` (from 0), ``text``, ``heads`` (of which it is a sink), ``queries`` (that come at it or later),
        ``received`` and ``even`` (mean over layers and heads, and of even attention); most heads first.
    """
    length = len(measured.names)
    found = pd.DataFrame(
        {
            "token": range(length),
            "text": [printable(name) for name in measured.names],
            "heads": measured.sink_heads.sum(0).tolist(),
            "queries": range(length, 0, -1),
            "received": measured.received.double().mean(0).tolist(),
            "even": measured.even.mean(0).tolist(),
        }
    )
    found = found[found["heads"] > 0].sort_values(["heads", "received"], ascending=False, kind="stable")
    return found.head(most).reset_index(drop=True)


def heads(measured: Probed) -> int:
    """How many attention heads there are in all layers together."""
    return len(measured.layers.query("quantity == 'entropy'"))


def remarks(measured: Probed) -> list[str]:
    """What stands out, in sentences with numbers.

    Returns
    -------
    list of str
        For the top of a report; each says what the number is compared with.
    """
    count, length = heads(measured), len(measured.names)
    of = measured.layers.set_index(["quantity", "layer", "head"])["value"]
    first, even = of["received_first"], measured.uniform.query("quantity == 'received_first'")["value"].max()
    layer, head = first.idxmax()
    said = [
        f"The first token, {quoted(measured.names[0])}, receives {percent(first.mean())} of the attention of those "
        f"who see it, on average over {count} heads; even attention would give it {percent(even)}. At most it is "
        f"{percent(first.max())}, in layer {layer}, head {head}."
    ]
    lasting, elsewhere = of["lasting_sinks"], of["sinks_elsewhere"]
    said.append(
        f"{(lasting > 0).sum()} of {count} heads have a sink that at least half of the {length} tokens see; "
        f"{(elsewhere > 0).sum()} have a sink elsewhere than at the first token, wherever it stands."
    )
    tags, control = of["explained"].mean(), of["explained_by_others"].mean()
    said.append(
        f"Tags of sinks explain {percent(tags)} of what heads write (mean over heads, 0 for heads without sink), as "
        f"many other tokens {percent(control)}."
    )
    if not math.isnan(recent := of["recency"].mean()):
        low, high = by_layer(measured)["recency"].agg(["min", "max"])
        said.append(
            f"Of two earlier tokens a query scores the later one higher in {percent(recent)} of all cases, "
            f"{percent(low)} to {percent(high)} by layer; 50 % would be no preference."
        )
    outlier = of["outlier_ratio"].droplevel("head")
    where = of["outlier_at_first"].droplevel("head")[outlier.idxmax()]
    said.append(
        f"The largest coordinate of the residual stream is {outlier.max():,.0f} times the median one, at the entrance "
        f"of layer {outlier.idxmax()}, {'at' if where else 'not at'} the first token."
    )
    if measured.least_sum < 0.99:
        said.append(
            f"Rows of attention sum to less than 1 (the smallest sum is {measured.least_sum:.2f}): part of it "
            "goes to no token (a learned sink, or weights that are no softmax). Entropies are of the rows divided by "
            "their sum."
        )
    return said


def percent(share: float) -> str:
    """A share as the book writes it.

    Examples
    --------
    >>> percent(0.4567)
    '45.7 %'
    """
    return f"{100 * share:.1f} %"


def printable(text: str) -> str:
    """A token so that a space and a new line can be seen.

    Examples
    --------
    >>> printable(" the"), printable(chr(10))
    ('␣the', '⏎')
    """
    text = text.replace(" ", "␣").replace("\n", "⏎").replace("\t", "⇥")
    return "".join(letter if letter.isprintable() else "·" for letter in text) or "(nothing)"


def quoted(text: str) -> str:
    """A token in quotation marks, for a sentence."""
    return f"“{printable(text)}”"


def _numbers(layers: list[int]) -> str:
    """Layers in a few characters: 0, 2, 4 and so on, runs as 0-3."""
    runs, start = [], layers[0]
    for layer, following in zip(layers, [*layers[1:], None], strict=True):
        if following != layer + 1:
            runs.append(f"{start}" if start == layer else f"{start}-{layer}")
            start = following
    return " ".join(runs)


def whole(measured: Probed, quantity: str) -> pd.Series:
    """A quantity of whole layers, by layer."""
    rows = measured.layers[(measured.layers["head"] == WHOLE_LAYER) & (measured.layers["quantity"] == quantity)]
    return rows.set_index("layer")["value"]
