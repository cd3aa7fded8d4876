# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %% [markdown]
# # Sinks: learned, or the shape of the mask?
#
# Attention sinks are said to sit on the first token. Does a network learn that, or does the mask leave it little choice?
#
# {numref}`fig-sinks-causal` asks it of a causal network of two layers. Circles: the share of *sinks* that the paper {cite}`wu2025` prints for each of the 17 tokens. Gray boxes: what attention has that treats all
# tokens alike, with nothing learned. Counted as Gu et al. do, uniform attention makes token 1 a sink in {glue:text}`sinks-uniform-first` % of the maps with nothing learned; the paper's trained networks do in {glue:text}`sinks-paper-first` %.
#
# So how much of it is learned? {glue:text}`sinks-lead`

# %% tags=["parameters"]
profile: str = "quick"  # size at which missing models are trained
compute: bool = False  # train models that are not stored
sequences: int = 500  # sequences on which the networks before training are measured

# %% tags=["hide-input"]
from itertools import pairwise

import matplotlib.pyplot as plt
import torch
from IPython.display import Markdown, display

from attention_atlas import cards, figures, results, verdicts
from attention_atlas.claim_boxes import claim_boxes
from attention_atlas.drawing.sink_formation import distance_legend, distance_paths
from attention_atlas.drawing.sinks import excess_stems, sink_stems, stem_legend
from attention_atlas.exercises import position_bias_sinks as exercises
from attention_atlas.experiments.retrieval import Config, prepared
from attention_atlas.outcomes.retrieval_points import Models, names
from attention_atlas.outcomes.sink_baselines import CONVENTIONS
from attention_atlas.outcomes.sink_comparison import (
    BEYOND_GEOMETRY,
    BY_WIDTH,
    PREFIXES,
    distances,
    excess,
    first_of_all,
    first_words,
    sinks_beside,
)
from attention_atlas.outcomes.sink_formation import distances_over_training
from attention_atlas.tasks.retrieval_settings import SINK_MASKS
from attention_atlas.theory.position_bias.kernels import flat_map
from attention_atlas.wording import say, signed
from attention_atlas.words.sinks import formation_rows, formation_words, nearer_words, seeds_words

figures.style()
points = names(train_bias="unbiased", position_encoding="none", depth=2, residual=[True, False])
models = Models(points, profile, compute)
start = {}  # sinks of every network before its first step
for label, (mask, parameter) in SINK_MASKS.items():
    found = prepared([Config(mask=mask, mask_parameter=parameter, residual=True)]).sinks(sequences)[0]
    start |= {(label, name, token): share for name in found for token, share in enumerate(found[name].tolist(), 1)}
tables = {
    (residual, at): sinks_beside(models.report, at, residual) for residual in (True, False) for at in ("end", "100000")
}
for table in tables.values():
    places = zip(table["label"], table["quantity"], table["token"], strict=True)
    table["untrained"] = [start[place] for place in places]
ours = tables[True, "end"]


def rows(label, quantity, table=ours):
    """One mask, one quantity, token by token."""
    return table[(table["label"] == label) & (table["quantity"] == quantity)]


def draw(panels, name, caption, alt):
    """Stems by both conventions, one row for each mask (a key of SINK_MASKS, title, table)."""
    figure, grid = plt.subplots(len(panels), 2, figsize=(7.2, 0.7 + 1.65 * len(panels)), sharex=True, sharey=True)
    for axes, (label, title, table) in zip(grid, panels, strict=True):
        for panel, convention, color in zip(axes, CONVENTIONS, ("blue", "purple"), strict=True):
            sink_stems(panel, rows(label, convention, table), color)
        axes[0].set_title(f"{title}: Gu et al.", fontsize=10)
        axes[1].set_title(f"{title}: printed formula", fontsize=10)
        axes[0].set_ylabel("sinks (%)", fontsize=9.5)
    for panel in grid[-1]:
        panel.set_xlabel("token", fontsize=9.5)
    stem_legend(figure)
    figures.show(figure, name, caption, alt, models.provenance)


legend = "Circles: the paper's values, the same in both columns. Squares: ours, bars from the least to the largest seed. Boxes: uniform attention; crosses: our network before training."
say("sinks-uniform-first", f"{100 * rows('causal', 'sink_gu2025')['uniform_least'].iloc[0]:.0f}")
say("sinks-uniform-printed", f"{100 * rows('causal', 'sink_wu2025')['uniform_least'].iloc[0]:.0f}")
say("sinks-paper-first", f"{100 * rows('causal', 'sink_gu2025')['paper'].iloc[0]:.1f}")
draw(
    [("causal", "residual", ours), ("causal", "no residual", tables[False, "end"])],
    "sinks-causal",
    f"Figure 10 of the paper: causal mask, two layers. {legend}",
    "Four panels, share of sinks over 17 tokens. Left, Gu et al.'s convention: the box of uniform attention lies at 100 percent for token 1 and at 0 for all others; the paper's circles fall from 43 to 12 to 1 percent. "
    "Right, the printed formula: uniform attention falls in steps over the first five tokens.",
)

# %% [markdown]
# ## Two ways to count
#
# Let $M_{ij}=1$ where token $i$ may attend to token $j$. The paper's appendix prints, for the sink value of token $j$,
#
# $$ \frac1T \sum_{t} \frac{\sum_i \mathbb 1\{A^{(t)}_{ij} > 0.2\}}{\sum_i M_{ij}} , $$ (eq-sinks-printed)
#
# <span class="atlas-origin">paper</span> an average over layers and then over sequences: *the share of entries of column $j$ above 0.2*. Gu and coauthors, whom it follows, count maps instead <span class="atlas-origin">derived here</span>
# (that the figures were counted in this way is our reading, the paper does not say so):
#
# $$ \frac1T \sum_{t} \mathbb 1\Bigl\{ \frac{\sum_i A^{(t)}_{ij}}{\sum_i M_{ij}} > 0.2 \Bigr\} , $$ (eq-sinks-gu)
#
# *the share of maps in which token $j$ receives more than 0.2 on average* from the queries that can see it. Which of the two did the paper draw? No code is published for it. The {ref}`ledger <ledger-wu2025-sink-convention>` keeps the question; this page measures it.

# %% tags=["hide-input"]
columns = {"Gu et al.'s convention": "sink_gu2025", "the printed formula": "sink_wu2025"}
compared = ours["mean"].notna() | ours["mean"].isna().all()  # the masks that are trained, if there are any
measured = {
    "residual, end of training": distances(ours),
    "residual, 100,000 steps": distances(tables[True, "100000"]),
    "no residual, end of training": distances(tables[False, "end"]),
    "residual, before training": distances(ours[compared].assign(mean=ours["untrained"])),
}
lines = ["| networks | masks | Gu et al. | printed formula |", "|:--|--:|--:|--:|"]
for networks, found in measured.items():
    far = [f"{100 * found.loc['all', name]:.1f}" if len(found) else "not trained yet" for name in columns.values()]
    lines.append(
        f"| {networks} | {max(len(found) - 1, 0)} of {1 if networks.startswith('no') else len(SINK_MASKS)} | {' | '.join(far)} |"
    )
display(Markdown("\n".join(lines)))
say("sinks-nearer", nearer_words(measured["residual, end of training"]))

# %% [markdown]
# Root mean square distance from the paper's values in percentage points, over all tokens of the masks whose networks we have. {glue:text}`sinks-nearer` {ref}`Below <sinks-formation>` we ask whether other networks fit better.
#
# ## A threshold on the baseline
#
# Under uniform attention query $i$ gives $1/n_i$ to each of the $n_i$ tokens that it sees. With a causal mask, token 1 receives $\frac1N(1+\frac12+\dots+\frac1N)$ on average, and with $N=17$ that is {glue:text}`sinks-received-causal`: a hair above the threshold. Under a window of 5 every token from the fifth on
# receives *exactly* .2 <span class="atlas-origin">derived here</span>. There the least deviation decides, and a network whose weights are random noise makes about half of its maps sinks, on every token. The boxes of {numref}`fig-sinks-windows` span all that a tie can become.

# %% tags=["hide-input"]
say("sinks-received-causal", f"{rows('causal', 'received')['uniform_least'].iloc[0]:.4f}".removeprefix("0"))
draw(
    [(label, label, ours) for label in BY_WIDTH[:-1]],
    "sinks-windows",
    f"Figure 11 of the paper: sliding windows, two layers with residual. {legend}",
    "Six panels for windows of 5, 9 and 13. Window 5: uniform attention has tall boxes from 0 to 100 percent from the fifth token on, crosses of untrained networks near 50, and the paper's circles between 20 and 55 percent. "
    "Windows 9 and 13: uniform attention makes sinks of the first two tokens and of the first; the paper's circles are high there and low elsewhere.",
)
inner = rows("window 5", "sink_gu2025").query("5 <= token <= 13")
say("sinks-inner-untrained", f"{100 * inner['untrained'].mean():.0f}")
labels_, vectors_ = (inner[inner["token"] % 2 == rest]["paper"].mean() for rest in (0, 1))
say("sinks-inner-labels", f"{100 * labels_:.0f}")
say("sinks-inner-vectors", f"{100 * vectors_:.0f}")
known = inner["mean"].dropna()
say(
    "sinks-inner-ours",
    f"{100 * known.mean():.0f} % in our trained networks"
    if len(known)
    else "our networks with this mask are not trained yet",
)

# %% [markdown]
# For tokens 5 to 13 of the window of 5 the paper prints {glue:text}`sinks-inner-labels` % on labels (even tokens) and {glue:text}`sinks-inner-vectors` % on vectors (odd tokens), by the mean over these. The network before training has {glue:text}`sinks-inner-untrained` %; {glue:text}`sinks-inner-ours`.
# So an untrained network has about the height of the paper's stems already. The difference between labels and vectors it has not.

# %% tags=["hide-input"]
draw(
    [(label, label, ours) for label in PREFIXES],
    "sinks-prefixes",
    f"Figure 12 of the paper: prefix masks, two layers with residual. {legend}",
    "Six panels for prefixes of 2, 4 and 6 tokens. By Gu et al. uniform attention has no sinks at all; the paper's circles are highest on the prefix, from 40 percent for 2 tokens down to 4 percent for 6. "
    "By the printed formula uniform attention has sinks of a quarter on the prefixes of 2 and 4.",
)

# %% [markdown]
# Prefixes are the opposite case. Their tokens share the beginning, none of them reaches .2 under uniform attention, and by Gu et al.'s count nothing learned has no sinks at all.
#
# (sinks-formation)=
# ## Which networks were drawn?
#
# The paper says "two-layer networks" <span class="atlas-origin">paper</span>. It does not say whether they have residual connections, in which convention of variance their tokens are drawn ({ref}`ledger <ledger-wu2025-input-variance>`), or how long they were trained, and the sinks depend on all three. So train all four kinds under every mask and look while the sinks form <span class="atlas-origin">ours</span> ({numref}`fig-sinks-formation`): does any one state fit all printed stems?

# %% tags=["hide-input"]
formation = results.report("retrieval_sinks")
found = distances_over_training(formation)
figure, grid = plt.subplots(2, 2, figsize=(7.2, 4.6), sharex=True, sharey=True)
for line, residual in zip(grid, (True, False), strict=True):
    for axes, scale in zip(line, ("code", "text"), strict=True):
        distance_paths(axes, found[(found["residual"] == residual) & (found["scale"] == scale)])
        axes.set_title(f"{'residual' if residual else 'no residual'}, variance as in the {scale}", fontsize=10)
for axes in grid[1]:
    axes.set_xlabel("training steps")
for axes in grid[:, 0]:
    axes.set_ylabel("distance (points)", fontsize=9.5)
distance_legend(figure)
figures.show(
    figure,
    "sinks-formation",
    f"Distance of our sinks from the paper's while they form, in percentage points: root mean square over tokens, {seeds_words(found)}. By Gu et al.'s count, but for the thin line; rings: where a line is nearest.",
    "Four panels, distance in percentage points over training steps on a logarithmic axis, for networks with and without residual and for two conventions of variance; a line for each group of masks, with a ring at its least distance.",
    results.provenance(results.best("retrieval_sinks", None)) if len(found) else None,
)

# %% tags=["hide-input"]
heads = ["mask", "networks above, at their end", "one state for all", "nearest", "which"]
display(Markdown(cards.table(heads, formation_rows(found, measured["residual, end of training"]))))
say("sinks-formation", formation_words(found, measured["residual, end of training"]))

# %% [markdown]
# Distances in percentage points; the networks above by Gu et al.'s count. {glue:text}`sinks-formation`
#
# The nearest state is chosen *with* the paper's numbers, so its distance is flattering and no reproduction: the {doc}`scorecard </_executed/back_matter/scorecard>` judges the networks above, which were fixed beforehand. What it teaches is how much of a stem's height is decided by what a figure's caption leaves out.
#
# ## The claim

# %% tags=["hide-input"]
display(Markdown(claim_boxes(["wu2025-claim-g"])["wu2025-claim-g"]))

# %% [markdown]
# "The more so the wider the window" needs a reading. As the share of token 1 itself, the paper's own numbers *fall* with the width. As token 1's part of the sinks of all tokens they rise up to 13, and the rule takes this reading. But that part rises with nothing learned as well:

# %% tags=["hide-input"]
lines = [
    "| mask | paper, token 1 | paper, part of all sinks | before training, part | ours, part | uniform attention, received by token 1 |",
    "|:--|--:|--:|--:|--:|--:|",
]
for label in BY_WIDTH:
    share, received = rows(label, "sink_gu2025"), rows(label, "received")
    part = f"{100 * first_of_all(share['mean']):.0f} %" if share["mean"].notna().all() else "not trained yet"
    lines.append(
        f"| {label} | {100 * share['paper'].iloc[0]:.1f} % | {100 * first_of_all(share['paper']):.0f} % | {100 * first_of_all(share['untrained']):.0f} % | {part} | {received['uniform_least'].iloc[0]:.3f} |"
    )
display(Markdown("\n".join(lines)))
falling = all(
    rows(wide, "sink_gu2025")["paper"].iloc[0] < rows(narrow, "sink_gu2025")["paper"].iloc[0]
    for narrow, wide in pairwise(BY_WIDTH)
)
parts = [first_of_all(rows(label, "sink_gu2025")["untrained"]) for label in BY_WIDTH[:-1]]
say("sinks-order", "does" if all(low < high for low, high in pairwise(parts)) else "does not")
say("sinks-falls", "falls at every step" if falling else "does not fall at every step")

# %% [markdown]
# From window 5 to the causal mask the paper's share of token 1 {glue:text}`sinks-falls`. In networks *before training* token 1's part of all sinks {glue:text}`sinks-order` rise from 5 to 9 to 13.
#
# ## Without the mask's geometry
#
# So take the geometry away. For each token, subtract from the mean weight that it receives what it would receive under uniform attention. No threshold is left to sit on anything ({numref}`fig-sinks-learned`).

# %% tags=["hide-input"]
figure, grid = plt.subplots(2, 4, figsize=(7.2, 3.9), sharex=True, sharey=True)
for axes, label in zip(grid.flat, [*BY_WIDTH, *PREFIXES], strict=False):
    excess_stems(axes, rows(label, "received"), PREFIXES.get(label, 1))
    axes.set_title(label, fontsize=10)
grid[1, 3].set_axis_off()
for axes in (*grid[1, :3], grid[0, 3]):
    axes.set_xlabel("token", fontsize=9.5)
    axes.tick_params(labelbottom=True)
for axes in grid[:, 0]:
    axes.set_ylabel("received less uniform\n(percentage points)", fontsize=9.5)
figures.show(
    figure,
    "sinks-learned",
    "What training adds: mean weight that a token receives from the queries that see it, less that under uniform attention; two layers with residual, mean over both layers, bars from the least to the largest seed. Shaded: the tokens that the claim names.",
    "Seven panels, one per mask, with stems around a zero line for each of 17 tokens; the first token or the prefix is shaded.",
    models.provenance,
)

# %% tags=["hide-input"]
lines = ["| part of the claim, geometry taken away | least certain difference | verdict |", "|:--|--:|:--|"]
for rule in BEYOND_GEOMETRY.values():
    judged = verdicts.judge(rule, models.report)
    value = (
        f"{signed(100 * judged['ours'], '+.2f')} ± {100 * judged['standard_error']:.2f}" if "ours" in judged else "–"
    )
    waits = judged["verdict"] == "not attempted"
    said = judged["reason"] if waits else f"{judged['verdict']} ({judged['known']} of {judged['of']} differences known)"
    lines.append(f"| {rule.words.split(': ')[1]} | {value} | {said} |")
display(Markdown("\n".join(lines)))
say("sinks-lead", first_words(excess(ours)))
gained = excess(ours)["difference"].unstack("token").dropna()  # a row for every mask that is trained
gains = [f"{signed(100 * gained.loc[label, 1], '+.1f')} ({label})" for label in BY_WIDTH if label in gained.index]
say(
    "sinks-excess",
    f"What token 1 receives beyond uniform attention, in percentage points: {', '.join(gains)}." if gains else "",
)
say(
    "sinks-leading",
    f"In {(gained.idxmax(axis=1) == 1).sum()} of {len(gained)} trained masks token 1 is the token that gains most."
    if len(gained)
    else "No network with residual is trained yet.",
)

# %% [markdown]
# The three parts <span class="atlas-origin">ours</span> use the rule of the {doc}`scorecard </_executed/back_matter/scorecard>`: the difference has to be positive by four standard errors over seeds, in percentage points; they were written down after one of the networks was stored (causal mask, one seed) and before all others. A part is refuted by one difference that is as far below zero. With two seeds this is a weak test. What the causal mask shows of the first part has an entry in the {ref}`ledger <ledger-wu2025-first-token>`.
#
# *What is left of the claim.* {glue:text}`sinks-excess` {glue:text}`sinks-leading`
#
# ## What a practitioner does with it
#
# - **Print the baseline.** A share of sinks means nothing without the value that uniform attention has under the same mask and length. For a threshold it is one line of code: `attention_received(flat_map(tokens, mask), dense(mask, tokens))`.
# - **Measure the excess, not a share above a threshold.** A threshold on the baseline turns noise into sinks.
# - **Name the convention.** On the very same map, uniform and causal, token 1 is a sink of {glue:text}`sinks-uniform-first` % by one count and of {glue:text}`sinks-uniform-printed` % by the other.
#
# What the same networks do with their weight is on the page {doc}`/_executed/position_bias/trained_maps`.
#
# ## Exercises

# %% [markdown]
# ```{exercise-start} Is it a sink?
# :label: ex-sinks-conventions
# ```

# %% [markdown]
# **Difficulty** ●○○○○ · **Time** 5 minutes
#
# One causal map of four tokens has the rows (1), (.9, .1), (.5, .3, .2) and (.3, .1, .1, .5). With a threshold of 0.15, what is the sink value of token 2 by Gu et al. {eq}`eq-sinks-gu` and by the printed formula {eq}`eq-sinks-printed`?

# %% [markdown]
# ```{exercise-end}
# ```

# %% [markdown]
# ```{solution-start} ex-sinks-conventions
# :class: dropdown
# :label: sol-sinks-conventions
# ```

# %% [markdown]
# Three queries see token 2. They give it .1, .3 and .1, a mean of .167: a sink by Gu et al. Only one of the three entries exceeds .15.

# %%
column, seen = torch.tensor(exercises.MAP)[:, 1], 3
answer = (int(column.sum() / seen > 0.15), (column > 0.15).sum().item() / seen)
print(exercises.check_two_conventions(answer))

# %% [markdown]
# ```{solution-end}
# ```

# %% [markdown]
# ```{exercise-start} A threshold and a length
# :label: ex-sinks-threshold
# ```

# %% [markdown]
# **Difficulty** ●●○○○ · **Time** 10 minutes
#
# Attention is uniform, the mask causal. What is the longest text in which token 1 is a sink by Gu et al., for the threshold 0.2 and for 0.3, which Gu et al. use?

# %% [markdown]
# ```{exercise-end}
# ```

# %% [markdown]
# ```{solution-start} ex-sinks-threshold
# :class: dropdown
# :label: sol-sinks-threshold
# ```

# %% [markdown]
# Token 1 receives $H_N/N$, which falls with $N$. Count the lengths at which it is above the threshold.

# %%
received = [flat_map(length)[:, 0].mean().item() for length in range(1, 40)]
longest = [sum(mean > threshold for mean in received) for threshold in exercises.THRESHOLDS]
print(longest, exercises.check_longest_text(longest))

# %% [markdown]
# ```{solution-end}
# ```
