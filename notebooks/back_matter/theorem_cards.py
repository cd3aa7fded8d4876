# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %% [markdown]
# # Theorem cards
#
# **Can a theorem be tested?** Not proved by a computer here, but put at risk: draw random logits, lengths and depths, compute both sides
# of the statement, and see how far it is from failing. And then break one of its hypotheses: now it *must* fail. A check whose control
# does not fail has shown nothing.

# %% tags=["parameters"]
profile: str = "quick"  # size at which missing results are computed

# %% tags=["hide-input"]
import matplotlib.pyplot as plt
import numpy as np
from IPython.display import Markdown, display
from myst_nb import glue

from attention_atlas import cards, figures, results, theorems
from attention_atlas.drawing.margins import LINEAR, margin_axis, margin_ridges
from attention_atlas.experiments import theorem_margins

figures.style()
found = results.obtain(theorem_margins, profile)
margins = found.table
verdicts = {theorem.id: cards.numbers(margins, theorem.id) for theorem in theorems.load()}
values = {  # rounding is 0
    key: np.where(np.abs(mine.margin) < theorems.ROUNDING, 0.0, mine.margin)
    for key, mine in margins.groupby(["statement", "control"])
}

statements = theorems.load()
papers = [theorem for theorem in statements if theorem.origin in ("paper", "official code")]
ours = [theorem for theorem in statements if theorem not in papers]
figure, axes = plt.subplots(figsize=(7.2, 6.6))
rows = dict(
    zip([*papers, *ours], [*range(len(statements), len(ours), -1), *np.arange(len(ours), 0, -1) - 0.6], strict=True)
)
for theorem, row in rows.items():
    axes.axhline(row, color=figures.PALETTE["line"], linewidth=0.6)
    margin_ridges(axes, values[theorem.id, False], values[theorem.id, True], row)
margin_axis(axes)
names = [theorem.label + (" *" if theorem.repair else "") for theorem in rows]
axes.set_yticks([*rows.values(), len(statements) + 0.85, len(ours) + 0.25], [*names, "The papers’", "Derived here"])
for label in axes.get_yticklabels()[-2:]:
    label.set_fontweight("bold")
axes.tick_params(axis="y", length=0)
axes.set(ylim=(0, len(statements) + 1.5), xlabel="margin: how far the statement is from failing (decades)")
axes.annotate("a hypothesis broken: fails", (-30, len(statements) + 1.05), ha="center", color=figures.PALETTE["orange"])
axes.annotate("holds", (1.1, len(statements) + 1.05), ha="center", color=figures.PALETTE["blue"])
fine = [numbers for numbers in verdicts.values() if numbers.verdict == "holds"]
controls = [numbers for numbers in verdicts.values() if numbers.failing == numbers.control_draws]
draws = margins.groupby(["statement", "control"]).draw.nunique().min()
figures.show(
    figure,
    name="theorem-margins",
    caption=f"**{len(fine)} of {len(statements)} statements hold in every draw, and {len(controls)} of {len(statements)} negative controls fail in every draw.** "
    f"{draws} draws of each check (blue, dot at the smallest "
    f"margin) and of each negative control (orange, cross at the draw that comes nearest to holding). A margin of 1 is a factor of 10 between value and bound. "
    rf"The axis is linear within $\pm{LINEAR}$ and logarithmic beyond; nothing is clipped. Every ridge is scaled to its own height. "
    "A star marks a statement that holds only as repaired by us.",
    alt=f"One row for each of {len(statements)} statements on a common axis of margins. Blue ridges of the checks lie at or right of zero; orange ridges lie left "
    "of zero for the negative controls, most of them between minus 1 and minus 1000.",
    provenance=found.provenance,
)

# %% tags=["hide-input"]
stated = [theorem for theorem in papers if theorem.origin == "paper"]
held = [theorem for theorem in stated if verdicts[theorem.id].verdict == "holds"]
glue("card-statements", len(stated), display=False)
glue("card-code", ", ".join(theorem.label for theorem in papers if theorem not in stated), display=False)
glue("card-held", len(held), display=False)
glue("card-repaired", sum(bool(theorem.repair) for theorem in held), display=False)
glue("card-ours", len(ours), display=False)

# %% [markdown]
# Wu 2025 {cite}`wu2025` makes {glue:text}`card-statements` statements. {glue:text}`card-held` of them hold in every draw, but
# {glue:text}`card-repaired` only after a repair, because the upper bound that their proof prints fails. From official code: {glue:text}`card-code` (Kim 2026 {cite}`kim2026`). The other {glue:text}`card-ours` cards are statements that this book derives.
#
# How to read a card:
#
# - the **margin** of an upper bound is $\log_{10}(\text{bound}/\text{value})$, of a lower bound $\log_{10}(\text{value}/\text{bound})$, at the worst query, key and depth of a draw.
#   It is negative where the bound is broken. A card says so if its margin measures something else;
# - a margin of **0** is a bound that is met with equality in some draw: it cannot be improved there. Less than $10^{-9}$ below 0 counts as rounding of float64;
# - a **large** margin is a loose bound, not a better theorem;
# - the **negative control** runs the same check with one hypothesis broken. It must give negative margins.
#
# What this cannot do: random draws find typical failures, not adversarial ones, and a limit in depth cannot be seen at a finite depth. It follows from the bound that is checked. The proofs are in the papers and on our pages.

# %% tags=["hide-input"]
display(Markdown(cards.theorem_contents(rows, margins)))

# %% [markdown]
# ## The papers' statements

# %% tags=["hide-input"]


def card(theorem):
    """The card with its strip of margins."""
    figure, axes = plt.subplots(figsize=(6, 0.8))
    margin_ridges(axes, values[theorem.id, False], values[theorem.id, True])
    margin_axis(axes)
    axes.set(yticks=[], ylim=(0, 0.8))
    axes.set_xlabel("")
    numbers = verdicts[theorem.id]
    alt = (
        f"Margins of {theorem.label}: the check's {numbers.draws} draws start at {cards.short(values[theorem.id, False].min())} and lie to the right, "
        f"the control's {numbers.control_draws} draws end at {cards.short(values[theorem.id, True].max())}, left of zero."
    )
    strip = figures.svg(figure, cards.anchor("strip", theorem.id), alt, found.provenance)
    plt.close(figure)
    display(Markdown(cards.theorem_card(theorem, margins, strip)))


for theorem in papers:
    card(theorem)

# %% [markdown]
# ## Derived here

# %% tags=["hide-input"]
for theorem in ours:
    card(theorem)

# %% [markdown]
# ## Run them yourself
#
# ```bash
# .venv/bin/python -m attention_atlas results theorem_margins --csv
# .venv/bin/python -m pytest tests/theory
# ```
#
# The registry is `data/theorems.yml`. A test fails for a statement without a check, without a control, or with a control that does not fail.
# To add one, write the two functions, their two tests, and an entry. Any page can point to a card: ``{ref}`Theorem 4.1 <card-wu2025-thm-4-1>` ``
# gives {ref}`Theorem 4.1 <card-wu2025-thm-4-1>`; the anchor is `card-` and the entry's id in lower case, with a hyphen for the dot.
