# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %% [markdown]
# # Depth against encoding, trained
#
# The pages before this one multiply maps that prefer no content. **Does a network that has been trained look where they say?**
#
# Wu 2025 {cite}`wu2025` trains networks of attention layers to label a vector from a context in which two places contradict each other, and measures which place is believed. {numref}`fig-depth-picture` has the answer by depth: above zero the first place wins, below zero the last.
# Of the paper's gaps of at least .05 on this page, {glue:text}`depth-agreement`.

# %% tags=["parameters"]
profile: str = "quick"  # size at which missing models are trained, if any are
compute: bool = False  # train models that are not stored

# %% tags=["hide-input"]
import math

import matplotlib.pyplot as plt
import torch
from IPython.display import Markdown, display

from attention_atlas import cards, figures, ledger
from attention_atlas.claim_boxes import claim_boxes
from attention_atlas.drawing.gaps import LABELS, gap_grid, gap_scatter
from attention_atlas.exercises import position_bias_depth_and_encoding as exercises
from attention_atlas.experiments.peak_distance import last_rows
from attention_atlas.models.attention_only import AttentionOnly
from attention_atlas.outcomes.retrieval_gaps import (
    NOT_YET,
    agreement_words,
    beside,
    changes,
    gap_words,
    known_columns,
    legend_words,
    row,
)
from attention_atlas.outcomes.retrieval_names import GAPS
from attention_atlas.outcomes.retrieval_points import Models, names
from attention_atlas.rollout import with_residual
from attention_atlas.tasks.copying import guessing
from attention_atlas.tasks.retrieval import Task
from attention_atlas.theory.position_bias.decay import decay_peak
from attention_atlas.theory.position_bias.kernels import flat_map, peak_distance
from attention_atlas.wording import probability, say

figures.style()
ENCODINGS = {"no encoding": "none", "decay": "decay", "RoPE": "rope"}
LOOKS = {"none": ("blue", "o", "-"), "decay": ("orange", "s", "--"), "rope": ("green", "^", "-.")}
DEPTHS = {0: (2, 4, 6), 1: (2, 6, 10)}  # without and with residual
SLOPE, TOKENS = AttentionOnly.slope, 17
QUIET = {"linestyle": "", "markersize": 6, "markerfacecolor": figures.PALETTE["paper"]}

models = Models(names(train_bias="unbiased", mask="causal", position_encoding=list(LOOKS)), profile, compute)
table = beside(models.report, train_bias="unbiased", mask="causal", position_encoding=list(LOOKS))
box = claim_boxes([f"wu2025-claim-{letter}" for letter in "abcd"])

flat = {}  # first minus last item in the last token's context, by residual and encoding, a number for every depth
for residual in DEPTHS:
    for encoding, slope in (("none", 0.0), ("decay", SLOPE)):
        rows = last_rows(with_residual(flat_map(TOKENS, slope=slope), float(residual)), 11, 0.0, torch.Generator())
        flat[residual, encoding] = (rows[:, :2] - rows[:, 14:16]).sum(1).tolist()

figure, grid = plt.subplots(2, 2, figsize=(7.2, 5.4), sharex="col", sharey="row", height_ratios=(3, 2))
for residual, (top, bottom) in enumerate(zip(*grid, strict=True)):
    top.set_title("with residual" if residual else "without residual")
    for label, encoding in ENCODINGS.items():
        color, marker, line = LOOKS[encoding]
        shade = figures.PALETTE[color]
        mine = table[table["position_encoding"].eq(encoding) & table["residual"].eq(residual)]
        mine = mine[mine["gap"] == "first_vs_last"].sort_values("depth")
        top.plot(mine["depth"] - 0.1, mine["paper"], marker=marker, color=shade, markeredgewidth=1.4, **QUIET)
        known = mine.dropna(subset="mean")
        error = 2 * known["standard_error"].fillna(0)
        top.errorbar(
            known["depth"] + 0.1,
            known["mean"],
            error,
            color=shade,
            linestyle=line,
            marker=marker,
            capsize=2.5,
            label=label,
        )
        if (residual, encoding) in flat:
            bottom.plot(range(1, 12), flat[residual, encoding], line, color=shade)
            bottom.plot(
                DEPTHS[residual], [flat[residual, encoding][d - 1] for d in DEPTHS[residual]], marker, color=shade
            )
    for axes in (top, bottom):
        axes.axhline(0, color=figures.PALETTE["muted"], linewidth=0.9)
    bottom.set(
        xlabel="attention layers", xticks=DEPTHS[residual], xlim=(1.4, DEPTHS[residual][-1] + 0.6), ylim=(-0.35, 1.05)
    )
    found = table[table["residual"].eq(residual) & table["gap"].eq("first_vs_last")]["mean"].notna()
    if not found.all():
        words = f"ours: {found.sum()} of {len(found)} settings so far" if found.any() else f"ours: {NOT_YET}"
        top.text(0.98, 0.03, words, transform=top.transAxes, ha="right", fontsize=9.5, color=figures.PALETTE["muted"])
grid[0, 0].plot([], [], marker="o", color=figures.PALETTE["ink"], label="paper (hollow)", **QUIET)
grid[0, 0].legend(loc="upper left")
grid[0, 0].set_ylabel("accuracy gap, first vs last")
grid[1, 0].set_ylabel("flat maps:\nfirst − last item")
figures.show(
    figure,
    name="depth-picture",
    caption="Top: the gap between the first and the last place after training without a preferred place; ours at the end of training, means over seeds with two standard errors. Bottom: what a rollout "
    f"of flat maps gives the last of {TOKENS} tokens, the share of the first item (vector and label) minus that of the last one; decay with $m = -\\log 0.8$, residual of strength 1 on the right. "
    "It has no line for RoPE, whose maps depend on content.",
    alt="Four panels against depth. Top left, the paper's gaps without residual are between minus 0.08 and 0.11 and rise with depth. Top right, with residual RoPE is highest, at "
    "0.39 to 0.44, and falls at depth 10; no encoding falls from 0.27 to zero; decay goes from minus 0.16 to 0.09 and back to zero. Bottom: curves of flat maps rise with depth; those with decay begin below zero.",
    provenance=models.provenance,
)
say("depth-agreement", agreement_words(table))
say("depth-ceiling", probability(ledger.named("wu2025-gap-ceiling").measured["ceiling"].value))

# %% [markdown]
# ## What is measured
#
# The task and its networks have a page of their own, {doc}`/_executed/position_bias/retrieval_task`; which also shows how training goes. In short: eight items, each a vector and its label, then a query.
# A *gap* "first vs middle" is the accuracy when the label at the first place is the right one, minus the accuracy when the label at the middle place is, where both places hold the same vector. Classes are new, so only the context can tell. Three things are needed to read the bars.
#
# - **A gap of about .55 is complete bias**, not half of it: no gap can be expected above {glue:text}`depth-ceiling` ({ref}`ledger <ledger-wu2025-gap-ceiling>`).
# - **The length of training matters, and is in doubt.** The paper says 100,000 steps, the official code has other defaults ({ref}`ledger <ledger-wu2025-iterations>`). Each of our networks is reviewed at every 100,000 steps and stops as soon as it answers .95 of new classes, at 300,000 at the latest. That rule was fixed
#   before the first training and does not look at gaps. Bars show the end, diamonds the printed length where the two differ.
# - **Names in the official code mislead**: the flag that says "no residual" adds one ({ref}`ledger <ledger-wu2025-not-res>`), and `--pe decay` adds no decay ({ref}`ledger <ledger-wu2025-decay-flag>`). We trust the captions of the figures. Our inputs have the code's scale ({ref}`ledger <ledger-wu2025-input-variance>`).
#
# Our seeds draw everything anew. The official runs share weights and the order of sequences ({ref}`ledger <ledger-wu2025-shared-start>`), and the paper prints no spread.
#
# ## What the theorems lead us to expect
#
# {prf:ref}`thm-causal-collapse` says that under a causal mask all context ends at the first token, given enough layers. {prf:ref}`thm-decay-rollout` adds the opponent: with a decay the last token looks $x^* = t/(e^m-1)$ tokens back ({eq}`eq-decay-peak`). Here $e^m = 1.25$, so every layer after the first moves the peak
# by {glue:text}`depth-speed` tokens, and by half of that with a residual of strength 1, once there is a peak ({doc}`/_executed/position_bias/decay_mask`). The sequence has 17 tokens:

# %% tags=["hide-input"]
peaks = {depth: decay_peak(depth, SLOPE) for depth in (2, 4, 6, 10)}
slowed = last_rows(with_residual(flat_map(200, slope=SLOPE), 1.0), 10, 0.0, torch.Generator())
say("depth-speed", f"{decay_peak(2, SLOPE):.0f}")
lines = [
    ["peak $x^*$ of the last token's context, in tokens back", *[f"{peak:.0f}" for peak in peaks.values()]],
    [
        "with a residual of strength 1 (exact, in a long sequence)",
        *[f"{peak_distance(slowed[depth - 1])}" for depth in peaks],
    ],
]
display(Markdown(cards.table(["decay, layers", *map(str, peaks)], lines)))

# %% [markdown]
# The first item stands 15 and 16 tokens back. So with two layers a decay should favor the end, and with six and no residual the peak has left the sequence: the front should have won. **A sign, not a size, is what this can predict**: a gap is an accuracy, the rollout of flat maps is a share of context, and a trained network is not flat.
#
# RoPE is outside of its theorem here: {prf:ref}`lem-rope-bounds` asks for $(\delta + N - 1)\,\theta_1 \le \pi$, and with base 10,000 the fastest frequency is $\theta_1 = 1$, so that $N - 1 = 16$ alone exceeds $\pi$ <span class="atlas-origin">derived here</span>. The next table is for the other two: first the share of the first item less that of the last one in a rollout of flat maps, then gaps first vs last.

# %% tags=["hide-input"]
lines, fits, known = [], {"paper": 0, "mean": 0}, 0
for (residual, encoding), curve in flat.items():
    for depth in DEPTHS[residual]:
        mine = row(table, residual=residual, position_encoding=encoding, depth=depth, gap="first_vs_last")
        for column in fits:
            fits[column] += int(mine[column] * curve[depth - 1] > 0)
        known += not math.isnan(mine["mean"])
        name = {"none": "none", "decay": "decay"}[encoding]
        theirs = curve[depth - 1], mine["paper"]
        ours = (
            gap_words(mine["printed_length"], mine["printed_length_error"]),
            gap_words(mine["mean"], mine["standard_error"]),
        )
        lines.append([name, "yes" if residual else "no", f"{depth}", *map(gap_words, theirs), *ours])
heads = [
    "encoding",
    "residual",
    "layers",
    "flat maps",
    "paper",
    "ours, 100,000 steps",
    "ours, end",
]
display(Markdown(cards.table(*known_columns(heads, lines))))
say("depth-fits-paper", f"{fits['paper']} of {len(lines)}")
say("depth-fits-ours", f"{fits['mean']} of the {known} that are trained" if known else "none is trained yet")

# %% [markdown]
# The flat maps have the sign of the paper's gap in {glue:text}`depth-fits-paper` settings; of ours: {glue:text}`depth-fits-ours`. At ten layers they cannot be right in size: a flat rollout goes on to 1, while the paper's gaps return to nearly zero (see claim d).
#
# ## Without residual
#
# {numref}`fig-depth-without` repeats Figure 4 (and half of Figure 2) of the paper.

# %% tags=["hide-input"]
by_gap = {LABELS[gap]: {"gap": gap} for gap in GAPS}
by_encoding = {label: {"position_encoding": encoding} for label, encoding in ENCODINGS.items()}
figure = plt.figure(figsize=(7.2, 5.4))
bars = {f"{depth} layers": {"depth": depth, "residual": 0} for depth in DEPTHS[0]}
gap_grid(figure, table[table["residual"] == 0], by_encoding, by_gap, bars)
figures.show(
    figure,
    name="depth-without",
    caption=f"Gaps without residual connections, trained without a preferred place, causal mask. {legend_words(table[table['residual'] == 0])}",
    alt="Nine panels, encodings down and gaps across, each with pairs of bars at 2, 4 and 6 layers. The paper's bars for gaps with the first place rise with depth in every encoding: without encoding from 0.06 to 0.11, with decay from below to above zero.",
    provenance=models.provenance,
)

# %% tags=["hide-input"]
lines = []
for label, encoding in ENCODINGS.items():
    for gap in GAPS[:2]:
        two, six = (row(table, residual=0, position_encoding=encoding, depth=depth, gap=gap) for depth in (2, 6))
        lines.append([label, LABELS[gap], *changes(six, two)])
SOURCES = ["paper", "ours, 100,000 steps", "ours, end"]
WAITS = "Of ours none of these changes is known yet: a change takes networks of both depths.\n\n"
heads, lines = known_columns(["encoding", "gap, from 2 to 6 layers", *SOURCES], lines)
display(Markdown((WAITS if SOURCES[-1] not in heads else "") + cards.table(heads, lines)))
display(Markdown(box["wu2025-claim-a"]))

# %% [markdown]
# Claim (a) is what {prf:ref}`thm-causal-collapse` leads one to expect: no encoding escapes it, because none sets an allowed weight to zero. But the theorem speaks of a limit, and of contexts. Whether six trained layers are nearer to it than two is what is tested here.
#
# ## Decay against RoPE
#
# A decay favors the near by a fixed factor per token, whatever the content. RoPE only turns queries and keys; what that favors is up to the weights, which are trained.

# %% tags=["hide-input"]
lines = []
for residual, depths in DEPTHS.items():
    for depth in depths:
        cells = []
        for gap in GAPS[:2]:
            rope, decay = (
                row(table, residual=residual, depth=depth, gap=gap, position_encoding=e) for e in ("rope", "decay")
            )
            paper, _, ours = changes(rope, decay)
            cells += [paper, ours]
        lines.append(["yes" if residual else "no", f"{depth}", *cells])
heads = ["residual", "layers", *[f"{LABELS[gap]}, {who}" for gap in GAPS[:2] for who in ("paper", "ours")]]
display(
    Markdown(
        "RoPE's gap less the decay's, ours at the end of training:\n\n" + cards.table(*known_columns(heads, lines))
    )
)
display(Markdown(box["wu2025-claim-b"]))

# %% [markdown]
# ## With residual
#
# {numref}`fig-depth-with` repeats Figure 5 (and the other half of Figure 2).

# %% tags=["hide-input"]
figure = plt.figure(figsize=(7.2, 5.4))
bars = {f"{depth} layers": {"depth": depth, "residual": 1} for depth in DEPTHS[1]}
gap_grid(figure, table[table["residual"] == 1], by_encoding, by_gap, bars)
figures.show(
    figure,
    name="depth-with",
    caption=f"Gaps with residual connections, otherwise as {{numref}}`fig-depth-without`, on another scale. {legend_words(table[table['residual'] == 1])}",
    alt="Nine panels as before, at 2, 6 and 10 layers. In the paper RoPE has gaps near 0.4 at 2 and 6 layers; without encoding gaps fall from 0.25 to zero; with decay they are negative, positive and zero.",
    provenance=models.provenance,
)

# %% tags=["hide-input"]
lines = []
for label, encoding in ENCODINGS.items():
    for low, high in ((2, 6), (6, 10)):
        pair = (row(table, residual=1, position_encoding=encoding, depth=d, gap="first_vs_middle") for d in (high, low))
        lines.append([label, f"{low} to {high}", *changes(*pair)])
heads, lines = known_columns(["encoding", "layers", *SOURCES], lines)
words = "Change of the gap first vs middle. " + (WAITS if SOURCES[-1] not in heads else "\n\n")
display(Markdown(words + cards.table(heads, lines)))
display(Markdown(box["wu2025-claim-d"]))

# %% [markdown]
# Up and down again is what claim (d) means. The rule asks it of decay and RoPE only: without an encoding the paper's own gaps fall all the way. A residual explains a *slower* approach to the first token, not a return ({doc}`/_executed/position_bias/decay_mask`). So what happens at ten layers?
#
# ### A small gap has two readings
#
# A network that answers from the context wherever the answer stands has no gap. **A network that has not learned to use the context has none either.** The figures of the paper show gaps, not accuracies. {numref}`fig-depth-learned` sets each of our gaps beside the accuracy on new classes that the same network reached.

# %% tags=["hide-input"]
end = models.report[models.report["at"] == "end"] if len(models.report) else models.report
figure, panels = plt.subplots(1, 2, figsize=(7.2, 3.4), sharex=True, sharey=True)
learned = {}
for residual, axes in enumerate(panels):
    for encoding in LOOKS:
        for place, depth in enumerate(DEPTHS[residual]):
            mine = (
                end[end["position_encoding"].eq(encoding) & end["depth"].eq(depth) & end["residual"].eq(residual)]
                if len(end)
                else end
            )
            if mine.empty:
                continue
            seeds = mine.pivot_table(index="seed", columns="quantity", values="value")
            learned.setdefault((residual, depth), []).extend(seeds["in_context"])
            color, marker, _ = LOOKS[encoding]
            axes.plot(
                seeds["in_context"],
                seeds["first_vs_middle"],
                marker,
                markersize=4 + 2 * place,
                color=figures.PALETTE[color],
                alpha=0.8,
                linestyle="",
            )
    for label, encoding in ENCODINGS.items():
        color, marker, _ = LOOKS[encoding]
        axes.plot([], [], marker, color=figures.PALETTE[color], linestyle="", label=label)
    if not any(key[0] == residual for key in learned):
        axes.text(0.5, 0.6, f"ours: {NOT_YET}", transform=axes.transAxes, ha="center", color=figures.PALETTE["muted"])
    axes.axhline(0, color=figures.PALETTE["muted"], linewidth=0.9)
    depths = ", ".join(map(str, DEPTHS[residual]))
    axes.set(
        title=("with residual: " if residual else "without residual: ") + f"{depths} layers",
        xlabel="accuracy on new classes",
        xlim=(-0.03, 1.03),
    )
panels[0].set_ylabel("gap, first vs middle")
panels[0].legend(loc="upper left")
chance, informed = (probability(accuracy, 2) for accuracy, _ in guessing(Task()).values())
figures.show(
    figure,
    name="depth-learned",
    caption=f"Each mark is one of our networks at the end of its training; larger marks are deeper networks. Chance is 1/{Task.labels} = {chance}; who knows which labels are in the context, and no more, gets {informed} ({{prf:ref}}`prop-retrieval-unordered`).",
    alt=f"Two panels of gap against accuracy on new classes, {len(models.tables)} networks in all.",
    provenance=models.provenance,
)

# %% tags=["hide-input"]
lines = []
for residual, depths in DEPTHS.items():
    for depth in depths:
        found = learned.get((residual, depth), [])
        if found:
            reached, ends = sum(a >= 0.95 for a in found), [probability(end, 2) for end in (min(found), max(found))]
            cells = [f"{len(found)}", f"{reached}", " to ".join(ends)]
            lines.append(["yes" if residual else "no", f"{depth}", *cells])
missing = [
    f"{d} layers {'with' if r else 'without'}" for r, depths in DEPTHS.items() for d in depths if (r, d) not in learned
]
words = f"\n\nNot trained yet: {', '.join(missing)} residual." if missing else ""
heads = ["residual", "layers", "networks", "reached .95", "accuracy on new classes"]
display(Markdown((cards.table(heads, lines) if lines else "") + words))

# %% [markdown]
# ## Middle against last
#
# {prf:ref}`thm-causal-collapse` singles out the *first* token: with depth the shares of all others vanish, and the differences between them. A shallow decay is another matter, it tells the last place from the middle.

# %% tags=["hide-input"]
sizes = {gap: table[table["gap"] == gap].set_index(["position_encoding", "residual", "depth"]) for gap in GAPS}
lines = []
for column, who in (("paper", "paper"), ("printed_length", "ours, 100,000 steps"), ("mean", "ours, end")):
    known = sizes[GAPS[0]][column].notna()
    each = [sizes[gap][column][known].abs() for gap in GAPS]
    smallest = sum(last < min(a, b) for a, b, last in zip(*each, strict=True))
    lines.append(
        [
            who,
            f"{known.sum()} of {len(known)}",
            *[gap_words(part.mean()).lstrip("+") for part in each],
            f"{smallest}" if known.any() else "–",
        ]
    )
display(Markdown(cards.table(["mean size of", "networks", *LABELS.values(), "middle vs last the smallest"], lines)))
display(Markdown(box["wu2025-claim-c"]))

# %% [markdown]
# ## Paper against ours, bar by bar

# %% tags=["hide-input"]
figure, panels = plt.subplots(1, 2, figsize=(7.2, 3.8))
for residual, axes in enumerate(panels):
    mine = table[table["residual"] == residual]
    gap_scatter(axes, mine, ("paper", ""), ("mean", "standard_error"), reach=0.62 if residual else 0.31)
    axes.set(title="with residual" if residual else "without residual", xlabel="gap in the paper")
    if mine["mean"].isna().all():
        axes.text(0.72, 0.15, f"ours: {NOT_YET}", transform=axes.transAxes, ha="center", color=figures.PALETTE["muted"])
panels[0].set_ylabel("our gap at the end")
panels[0].legend(loc="upper left", handletextpad=0.2)
figures.show(
    figure,
    name="depth-scatter",
    caption="Every bar of this page once. On the diagonal ours is the paper's; the scales differ. Whiskers: two standard errors over seeds.",
    alt=f"Two scatter plots of our gaps against the paper's with a diagonal; {table['mean'].notna().sum()} of {len(table)} points are known.",
    provenance=models.provenance,
)

# %% [markdown]
# Every one of these bars has a row on the {doc}`scorecard </_executed/back_matter/scorecard>`, with a tolerance and a verdict.
#
# ## What a practitioner takes away
#
# - **Read the sign off the depth first.** Without training anything, $t/(e^m-1)$ and {prf:ref}`thm-causal-collapse` say which end a shallow network with a decay favors, and after how many layers that flips. {doc}`/_executed/position_bias/design_advice` is the chart.
# - **Do not extrapolate in depth with residual connections.** The paper's gaps rise and fall there, and a theorem about a limit does not say at which depth.
# - **Report accuracy beside every gap.** "No position bias" and "no use of the context" look the same in a gap.
# - **A gap of .01 in a single run is within the noise of 10,000 test sequences**, see the second exercise.
#
# Next: what if the training data prefer a place themselves? {doc}`/_executed/position_bias/training_data`
#
# ## Exercises

# %% [markdown]
# ```{exercise-start} When does the front overtake?
# :label: ex-depth-overtake
# ```

# %% [markdown]
# **Difficulty** ●●○○○ · **Time** 15 minutes
#
# 17 tokens, decay $m = -\log 0.8$, flat content. What is the smallest number of layers at which the first item (tokens 1 and 2) holds more of the last token's context than the last item (tokens 15 and 16)? Answer with the pair (without residual, with a residual of strength 1).
# Guess with $x^*$ first.

# %% [markdown]
# ```{exercise-end}
# ```

# %% [markdown]
# ```{solution-start} ex-depth-overtake
# :class: dropdown
# :label: sol-depth-overtake
# ```

# %% [markdown]
# Half-way back, 8 tokens, is a fair guess for the turn: $t/(e^m - 1) = 4t = 8$ gives $t = 2$, three layers; with the residual twice as many steps, $t = 4$, five layers. The rollout agrees.


# %%
def overtakes(residual):
    map = with_residual(flat_map(17, slope=-math.log(0.8)), residual)
    rows = last_rows(map, 20, 0.0, torch.Generator())
    return next(n for n, row in enumerate(rows, start=1) if row[:2].sum() > row[14:16].sum())


print(exercises.check_overtake((overtakes(0.0), overtakes(1.0))))

# %% [markdown]
# ```{solution-end}
# ```

# %% [markdown]
# ```{exercise-start} What can 10,000 sequences tell?
# :label: ex-depth-sampling
# ```

# %% [markdown]
# **Difficulty** ●●○○○ · **Time** 10 minutes
#
# A gap is the difference of two accuracies, each measured on 10,000 fresh sequences; the paper averages five runs. Take both accuracies to be near one half. How large is the standard error of a printed gap that comes from the test sequences alone, if seeds did not differ at all? Is the paper's .044 for the gap first vs last at six layers (RoPE, no residual) above its .043 at four?

# %% [markdown]
# ```{exercise-end}
# ```

# %% [markdown]
# ```{solution-start} ex-depth-sampling
# :class: dropdown
# :label: sol-depth-sampling
# ```

# %% [markdown]
# One accuracy has the variance $p(1-p)/10{,}000$; the difference of two has twice that; five runs divide it by five. The step from .043 to .044 is less than a standard error: these bars do not say which is larger. (Seeds differ, so the true error is larger still.)

# %%
error = math.sqrt(2 * 0.5 * 0.5 / 10_000 / 5)
print(exercises.check_sampling(error))

# %% [markdown]
# ```{solution-end}
# ```
