"""What became of the models of the averaging experiment: who learned it, how often, and what the others do."""

import pandas as pd

from attention_atlas import results
from attention_atlas.catch_criteria import LEARNED
from attention_atlas.experiments import averaging
from attention_atlas.intervals import wilson
from attention_atlas.store import Store


class Outcomes:
    """The models of some settings: stored ones where there are any, else a first block trained now.

    Parameters
    ----------
    settings : list of str
        Of :data:`attention_atlas.experiments.averaging.SETTINGS`.
    profile : {"smoke", "quick", "paper"}
        Size at which a setting of which nothing is stored is trained.
    store : Store, optional
        Where results are; the project's own by default.

    Attributes
    ----------
    table : DataFrame
        One row per ``setting``, ``seed`` and ``step``, one column for each quantity of
        :func:`attention_atlas.tag_tests.measure`.
    end : DataFrame
        Its rows after the last step, with ``learned``, whether the loss is below
        :data:`attention_atlas.catch_criteria.LEARNED` of the variance.
    config : dict
        First configuration of every setting, of the size that was found.
    provenance : str
        For the figure that shows them.

    Raises
    ------
    ValueError
        If there is no such setting or profile.

    Examples
    --------
    >>> from pathlib import Path
    >>> outcomes = Outcomes(["main"], "smoke", Store(Path("/nowhere")))
    >>> outcomes.end[["setting", "seed", "step", "learned"]].values.tolist()
    [['main', 0, 40, False], ['main', 1, 40, False]]
    """

    def __init__(self, settings: list[str], profile: str, store: Store | None = None):
        if unknown := [name for name in settings if name not in averaging.SETTINGS]:
            raise ValueError(f"unknown setting {unknown[0]!r}; allowed: {', '.join(averaging.SETTINGS)}")
        kept = {result.point for result in results.best(averaging.NAME, store)}
        blocks = {name: [f"{name}-{block}" for block in range(averaging.BLOCKS)] for name in settings}
        points = {name: [p for p in found if p in kept] or found[:1] for name, found in blocks.items()}
        found = results.obtain(averaging, profile, [point for some in points.values() for point in some], store)
        self.provenance = found.provenance
        rows = found.table.assign(setting=found.table["point"].str.rsplit("-", n=1).str[0])
        wide = rows.pivot(index=["setting", "seed", "step"], columns="quantity", values="value").reset_index()
        wide["setting"] = pd.Categorical(wide["setting"], settings)  # in the order asked for
        self.table = wide.sort_values(["setting", "seed", "step"], ignore_index=True).astype({"setting": str})
        self.table.columns.name = None
        end = self.table.groupby(["setting", "seed"], sort=False).tail(1).reset_index(drop=True)
        self.end = end.assign(learned=end["loss"] < LEARNED * end["target_variance"])
        sizes = rows.drop_duplicates("setting").set_index("setting")
        self.config = {
            name: averaging.configurations(sizes.loc[name, "profile"])[sizes.loc[name, "point"]] for name in settings
        }

    def rates(self) -> pd.DataFrame:
        """How often models learn it, indexed by setting: ``models``, ``learned``, ``share``, and ``low`` to ``high``.

        The interval is Wilson's at 95 %.
        """
        counts = self.end.groupby("setting", sort=False)["learned"].agg(["size", "sum"])
        rows = [
            {"models": n, "learned": k, "share": k / n} | dict(zip(("low", "high"), wilson(k, n), strict=True))
            for n, k in zip(counts["size"].tolist(), counts["sum"].tolist(), strict=True)
        ]
        return pd.DataFrame(rows, index=counts.index)
