"""Reading phase diagrams over mean and deviation of the query-key eigenspectrum: regimes, trade-offs, comparisons."""

import pandas as pd

from attention_atlas import registry
from attention_atlas.theory.localization.collapse import Criterion

QUANTITIES = ("entropy", "residual", "by_position", "by_content")
CRITERIA = {  # the book's thresholds, and two that ask for less and for more
    "lenient": Criterion(residual=0.05, entropy=0.35, position=0.4),
    "ours": Criterion(),
    "strict": Criterion(residual=0.2, entropy=0.65, position=0.6),
}


def diagram(table: pd.DataFrame, column: str = "mean") -> dict[str, pd.DataFrame]:
    """One diagram of :mod:`attention_atlas.experiments.localization_phase` as a table per quantity.

    Parameters
    ----------
    table : DataFrame
        Rows of one point, columns ``eta``, ``deviation``, ``quantity``, ``mean``, ``standard_error``.
    column : {"mean", "standard_error"}
        What to read.

    Returns
    -------
    dict
        Quantity to a table with one row per deviation and one column per eta, both rising.

    Raises
    ------
    ValueError
        If a place has no number or several, as in the rows of two diagrams.

    Examples
    --------
    >>> rows = [(0.0, 1.0, quantity, 0.5) for quantity in QUANTITIES]
    >>> diagram(pd.DataFrame(rows, columns=["eta", "deviation", "quantity", "mean"]))["entropy"].loc[1.0, 0.0]
    np.float64(0.5)
    """
    key = ["quantity", "deviation", "eta"]
    if table.duplicated(key).any():
        raise ValueError(f"a diagram has one number per place, got several at {_first(table, table.duplicated(key))}")
    whole = table.pivot(index=["quantity", "deviation"], columns="eta", values=column).sort_index()
    found = {quantity: part.droplevel("quantity") for quantity, part in whole.groupby(level="quantity")}
    if missing := [
        quantity for quantity in QUANTITIES if quantity not in found or found[quantity].isna().any(axis=None)
    ]:
        raise ValueError(f"a diagram has a number at every place, got none somewhere for {missing[0]}")
    return {quantity: found[quantity] for quantity in QUANTITIES}


def _first(table: pd.DataFrame, where: pd.Series) -> str:
    row = table[where].iloc[0]
    return f"eta {row['eta']:g}, deviation {row['deviation']:g}"


def regimes(numbers: dict[str, pd.DataFrame], criterion: Criterion | None = None) -> pd.DataFrame:
    """The regime at every place of a diagram.

    Parameters
    ----------
    numbers : dict
        As :func:`diagram` gives it.
    criterion : Criterion, optional
        Thresholds; the book's by default.

    Returns
    -------
    DataFrame
        Of the same places, names out of :data:`attention_atlas.theory.localization.collapse.REGIMES`.

    Examples
    --------
    >>> one = {q: pd.DataFrame([[v]]) for q, v in zip(QUANTITIES, (0.9, 0.3, 0.09, 0.01))}
    >>> regimes(one).iloc[0, 0]
    'localized'
    """
    criterion = criterion or Criterion()
    entropy = numbers["entropy"]
    return pd.DataFrame(
        [
            [criterion.regime(*(numbers[q].loc[deviation, eta] for q in QUANTITIES)) for eta in entropy.columns]
            for deviation in entropy.index
        ],
        index=entropy.index,
        columns=entropy.columns,
    )


def places(found: pd.DataFrame, regime: str = "localized") -> list[tuple[float, float]]:
    """Where a diagram is in a regime.

    Parameters
    ----------
    found : DataFrame
        As :func:`regimes` gives it.
    regime : str
        Which.

    Returns
    -------
    list of (float, float)
        ``(eta, deviation)``, by rising deviation, then eta.

    Examples
    --------
    >>> places(pd.DataFrame([["rank collapse", "localized"]], index=[0.0], columns=[0.0, 5.0]))
    [(5.0, 0.0)]
    """
    stacked = found.stack()
    return [(float(eta), float(deviation)) for deviation, eta in stacked[stacked == regime].index]


def entropy_at(numbers: dict[str, pd.DataFrame], residual: float) -> pd.Series:
    """The entropy that each deviation keeps where its rank residual has a given value.

    Parameters
    ----------
    numbers : dict
        As :func:`diagram` gives it; only eta from 0 on is used.
    residual : float
        The rank residual at which deviations are compared.

    Returns
    -------
    Series
        Highest entropy of each deviation on its polygon of (residual, entropy) over eta, not a number where the polygon
        does not reach the residual.

    Examples
    --------
    >>> residual = pd.DataFrame([[0.0, 0.4], [0.5, 0.6]], index=[0.0, 16.0], columns=[0.0, 20.0])
    >>> entropy = pd.DataFrame([[1.0, 0.8], [0.5, 0.4]], index=[0.0, 16.0], columns=[0.0, 20.0])
    >>> entropy_at({"residual": residual, "entropy": entropy}, 0.3).round(3).tolist()
    [0.85, nan]
    """
    etas = [eta for eta in numbers["residual"].columns if eta >= 0]
    found = {}
    for deviation in numbers["residual"].index:
        x, y = (numbers[name].loc[deviation, etas].to_list() for name in ("residual", "entropy"))
        edges = zip(x[:-1], x[1:], y[:-1], y[1:], strict=True)
        crossed = [
            low + (high - low) * (residual - left) / (right - left) if right != left else max(low, high)
            for left, right, low, high in edges
            if min(left, right) <= residual <= max(left, right)
        ]
        found[deviation] = max(crossed, default=float("nan"))
    return pd.Series(found, name="entropy")


def pilot() -> pd.DataFrame:
    """The numbers of the project's pilot run, kept beside the papers': eta, deviation, quantity, value, source."""
    return pd.read_csv(registry.DATA / "reference" / "atlas_localization_pilot.csv")


def beside_pilot(table: pd.DataFrame) -> pd.DataFrame:
    """The pilot's numbers and those of a diagram.

    Parameters
    ----------
    table : DataFrame
        Rows of one point, as for :func:`diagram`.

    Returns
    -------
    DataFrame
        One row per number of the pilot, with ``mean``, ``standard_error`` (ours) and ``apart``, how many of
        these errors apart the two are beyond the pilot's rounding to three decimals: 0 within it.

    Raises
    ------
    ValueError
        If the diagram lacks one of its places.

    Examples
    --------
    >>> beside_pilot(pilot().assign(mean=lambda t: t["value"] + 0.0045, standard_error=0.002))["apart"].iloc[0].round(9)
    np.float64(2.0)
    """
    ours = table[["eta", "deviation", "quantity", "mean", "standard_error"]]
    both = pilot().merge(ours, on=["eta", "deviation", "quantity"], how="left")
    if both["mean"].isna().any():
        raise ValueError(f"the diagram lacks a place of the pilot: {_first(both, both['mean'].isna())}")
    beyond = ((both["mean"] - both["value"]).abs() - 0.0005).clip(lower=0)
    return both.assign(apart=(beyond / both["standard_error"]).where(beyond > 0, 0.0))
