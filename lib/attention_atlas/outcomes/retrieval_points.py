"""Models of the retrieval experiment as a page reads them: trajectories, gaps, sinks and maps over seeds."""

import pandas as pd
import torch

from attention_atlas import registry, results
from attention_atlas.experiments import retrieval
from attention_atlas.outcomes.retrieval_names import USUAL
from attention_atlas.shapes import Bool, Float64, Tensor
from attention_atlas.store import Store

GAP_KEY = ["train_bias", "mask", "position_encoding", "depth", "residual", "gap"]  # what tells the paper's bars apart


class Models:
    """What is known of some points: stored models, and if wanted others trained now.

    Parameters
    ----------
    names : list of str
        Points of :mod:`attention_atlas.experiments.retrieval`.
    profile : {"smoke", "quick", "paper"}
        Size at which missing models are trained; stored ones are shown at the highest size there is.
    compute : bool
        Whether missing models are trained now; else they are left out, and :attr:`missing` names them.
    store : Store, optional
        Where results are; the project's own by default.

    Attributes
    ----------
    configs, tables : dict
        Configuration, of the size that was found, and trajectory of every model that is known.
    missing : list of str
        Points of which nothing is known.
    report : DataFrame
        As :func:`attention_atlas.results.report` gives it, of these models.
    provenance : str
        For the figure that shows them.

    Raises
    ------
    ValueError
        If there is no such point or profile.

    Examples
    --------
    >>> from pathlib import Path
    >>> models = Models(["first-none-none-2-residual-seed0"], "smoke", store=Store(Path("/nowhere")))
    >>> models.missing
    ['first-none-none-2-residual-seed0']
    """

    def __init__(self, names: list[str], profile: str, compute: bool = False, store: Store | None = None):
        offered = retrieval.configurations(profile)
        if unknown := [name for name in names if name not in offered]:
            raise ValueError(
                f"there is no model {unknown[0]!r}; see attention_atlas.experiments.retrieval for the names"
            )
        kept = {result.point: result for result in results.best("retrieval", store)}
        self.missing = [] if compute else [name for name in names if name not in kept]
        known = [name for name in names if name not in self.missing]
        self.configs, self.tables, reports, self.provenance = {}, {}, [], "nothing stored yet"
        if known:
            found = results.obtain(retrieval, profile, known, store)
            self.provenance = found.provenance
            for name, table in found.table.groupby("point", sort=False):
                size = table["profile"].iloc[0]
                self.configs[name], self.tables[name] = retrieval.configurations(size)[name], table
                reports.append(retrieval.report(self.configs[name], table).assign(profile=size))
        self.report = pd.concat(reports, ignore_index=True) if reports else pd.DataFrame()

    def trajectories(self, quantity: str) -> dict[str, pd.Series]:
        """A number over the training of every known model: value by step."""
        found = {}
        for name, table in self.tables.items():
            rows = table[table["quantity"] == quantity]
            found[name] = rows.set_index("step")["value"].astype(float)
        return found

    def map_of(self, name: str, layer: int, quantity: str = "map") -> Float64[Tensor, "query key"]:
        """A model's attention map of one layer.

        Parameters
        ----------
        name : str
            Of the point.
        layer : int
            Counted from 1.
        quantity : {"map", "one_map"}
            The mean over sequences, or the map of one sequence.

        Raises
        ------
        ValueError
            If the model is not known or this map is not kept.
        """
        table = self.tables.get(name, pd.DataFrame(columns=["quantity", "layer"]))
        rows = table[(table["quantity"] == quantity) & (table["layer"] == layer)]
        if rows.empty:
            raise ValueError(f"no {quantity} of layer {layer} of {name!r} is kept")
        shown = torch.zeros(int(rows["query"].max()), int(rows["key"].max()), dtype=torch.float64)
        index = [torch.tensor(rows[axis].to_numpy(int)) - 1 for axis in ("query", "key")]
        shown[index[0], index[1]] = torch.tensor(rows["value"].to_numpy(float))
        return shown

    def asked(self, name: str) -> Bool[Tensor, "key"] | None:
        """The tokens of the query's class in the one sequence whose map is kept of a model; None without one."""
        table = self.tables.get(name, pd.DataFrame(columns=["quantity", "key"]))
        rows = table[table["quantity"] == "asked"].sort_values("key")
        return torch.tensor(rows["value"].to_numpy(float)) > 0 if len(rows) else None


def names(seeds: int = 5, **chosen) -> list[str]:
    """Points of the models of some settings, as the official code has it in all that is not chosen.

    Parameters
    ----------
    seeds : int
        How many of each setting, from seed 0.
    chosen
        Fields of :class:`attention_atlas.experiments.retrieval.Config` and their values, a list for several.

    Examples
    --------
    >>> names(seeds=2, train_bias="first", mask="causal", position_encoding="sin")
    ['first-causal-sin-2-residual-seed0', 'first-causal-sin-2-residual-seed1']
    """
    usual = USUAL | {"vocabulary": "gaussian_mixture"} | chosen
    wanted = {name: value if isinstance(value, list) else [value] for name, value in usual.items()}
    return [
        point
        for point, config in retrieval.configurations("paper").items()
        if config.seed < seeds and all(getattr(config, name) in values for name, values in wanted.items())
    ]


def printed_gaps() -> pd.DataFrame:
    """The paper's bars of Figures 2-8, each once: columns :data:`GAP_KEY` and ``value``."""
    table = pd.read_csv(registry.DATA / "reference" / "wu2025_accuracy_gaps.csv")
    return table.drop_duplicates(GAP_KEY)[[*GAP_KEY, "value"]].reset_index(drop=True)
