# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %% [markdown]
# # Discrepancy ledger
#
# **What do you reproduce when a paper's text, its code and its figures do not say the same?** All of them, side by side. Here is one entry as a picture.

# %% tags=["parameters"]
papers: list[str] = ["wu2025", "kim2026", "zhang2025", "bao2024"]  # papers whose entries are shown

# %% tags=["hide-input"]
import matplotlib.pyplot as plt
from IPython.display import Markdown, display
from myst_nb import glue

from attention_atlas import cards, figures, ledger, theorems

figures.style()
entries = [entry for entry in ledger.load() if entry.paper in papers]
verified = [entry for entry in entries if entry.status == "verified"]
entry = ledger.named("wu2025-rope-exponent")
depths = [1, 3, 6, 10]
peaks = {name: [entry.measured[f"{name}_{t}"].value for t in depths] for name in ("exact", "printed", "divided")}
figure, axes = plt.subplots(figsize=(7.2, 3.2))
for name, color, marker, dashes, label in (
    ("divided", "green", "^", "--", "bound with the repaired exponent"),
    ("exact", "ink", "o", "-", "exact rollout"),
    ("printed", "orange", "X", ":", "bound as printed"),
):
    axes.plot(depths, peaks[name], color=figures.PALETTE[color], marker=marker, markersize=7, linestyle=dashes)
    axes.annotate(label, (10, peaks[name][-1]), (10, -3), textcoords="offset points", color=figures.PALETTE[color])
axes.set(
    xlabel="$t$ (the rollout multiplies $t+1$ layers)",
    ylabel="distance of the peak (tokens)",
    xlim=(0.5, 14.6),
    ylim=(0, 250),
    xticks=depths,
)
figures.show(
    figure,
    name="ledger-example",
    caption=f"**{entry.title}.** How far back the last of 400 tokens looks most, in maps that fall like $e^{{-0.001 x^2}}$ with distance $x$. "
    f"At $t = 10$ the printed curve says {peaks['printed'][-1]:g} tokens, the exact product of the maps says {peaks['exact'][-1]:g}. "
    "{ref}`The entry <ledger-wu2025-rope-exponent>` has both variants and the test that runs them.",
    alt="Distance of the peak over depth. The exact rollout rises almost in proportion to depth, the repaired bound lies somewhat above it, and the printed "
    "bound flattens out far below.",
    provenance=f"data/ledger.yml, recomputed by {entry.test}",
)

# %% tags=["hide-input"]
glue("ledger-count", len(entries), display=False)
glue("ledger-verified", len(verified), display=False)
glue("ledger-open", len(entries) - len(verified), display=False)

# %% [markdown]
# The ledger has {glue:text}`ledger-count` entries. {glue:text}`ledger-verified` are **verified**: a test runs both variants and computes every number again that the entry states.
# {glue:text}`ledger-open` are **open**: nobody has run both yet, and they state no number.
#
# An entry is not an accusation. Most are a default, a name or a constant in a proof. They matter to whoever wants to obtain the same numbers. *Which variant reproduces
# the figures* is only stated where it was tried; "not decided yet" names the experiment that will decide.

# %% tags=["hide-input"]
display(Markdown(cards.ledger_contents(entries)))

# %% [markdown]
# ## The entries

# %% tags=["hide-input"]
for entry in entries:
    display(Markdown(cards.ledger_card(entry, theorems.load())))

# %% [markdown]
# ## Link to an entry, add an entry
#
# Every card is an anchor, `ledger-` and the entry's id. From any page, ``{ref}`the exponent <ledger-wu2025-rope-exponent>` `` gives
# {ref}`the exponent <ledger-wu2025-rope-exponent>`.
#
# The registry is `data/ledger.yml`. A new entry starts as `open`, without numbers. It becomes `verified` with a test that runs both variants and passes its numbers to
# {py:func}`attention_atlas.ledger.disagreements`, which compares them with the entry's. If rows of the {doc}`scorecard </_executed/back_matter/scorecard>` differ because of it, its field `explains` says which.
