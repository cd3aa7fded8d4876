# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %% [markdown]
# # What the training data teach
#
# **If training always asks about one place, does the network learn to look there?** The networks of Wu 2025 {cite}`wu2025` that have a positional encoding do, wherever the place is. Those that have a causal mask alone look at the first place whatever they were asked, only more or less so. {numref}`fig-training-picture` shows what training makes of the gap between first and last, in the paper and here.
#
# Of the paper's gaps of at least .05 on this page, {glue:text}`training-agreement`.

# %% tags=["parameters"]
profile: str = "quick"  # size at which missing models are trained, if any are
compute: bool = False  # train models that are not stored
draws: int = 30  # random networks on which the symmetry is checked
seed: int = 0  # of these networks

# %% tags=["hide-input"]
import math

import matplotlib.pyplot as plt
import pandas as pd
import torch
from IPython.display import Markdown, display

from attention_atlas import cards, figures, ledger
from attention_atlas.checks.retrieval import set_without_places, set_without_places_control
from attention_atlas.claim_boxes import claim_boxes
from attention_atlas.drawing.gaps import LABELS, gap_grid, gap_scatter, place_profile
from attention_atlas.drawing.trajectories import handle, steps_axis
from attention_atlas.drawing.trajectories import lines as lines_of
from attention_atlas.exercises import position_bias_training_data as exercises
from attention_atlas.outcomes.retrieval_gaps import (
    NOT_YET,
    agreement_words,
    beside,
    gap_words,
    known_columns,
    legend_words,
    row,
)
from attention_atlas.outcomes.retrieval_names import GAPS, PRINTED_STEPS
from attention_atlas.outcomes.retrieval_points import Models, names, printed_gaps
from attention_atlas.tasks.copying import guessing
from attention_atlas.tasks.retrieval import Task
from attention_atlas.wording import probability, say
from attention_atlas.words.emergence import path_words

figures.style()
BIASES = {"first": "first", "both ends": "first_and_last", "middle": "middle", "last": "last"}
ENCODINGS = {"no encoding": "none", "waves (sin)": "sin", "RoPE": "rope"}
MASKS = {"causal mask": "causal", "no mask": "none"}
CEILING = ledger.named("wu2025-gap-ceiling").measured["ceiling"].value

biased = names(train_bias=list(BIASES.values()), depth=2, residual=True)
plain = names(train_bias="unbiased", mask="causal", position_encoding=["none", "rope"], depth=2, residual=True)
models = Models(biased + plain, profile, compute)
table = beside(models.report, train_bias=list(BIASES.values()))
unbiased = beside(models.report, train_bias="unbiased", depth=2, residual=1)
box = claim_boxes(["wu2025-claim-e", "wu2025-claim-f"])

by_encoding = {label: {"position_encoding": name} for label, name in ENCODINGS.items()}
by_mask = {label: {"mask": name} for label, name in MASKS.items()}
by_gap = {LABELS[gap]: {"gap": gap} for gap in GAPS}
figure = plt.figure(figsize=(7.2, 4.4))
asked = {label.split()[0]: {"train_bias": name, "gap": "first_vs_last"} for label, name in BIASES.items()}
panels = gap_grid(figure, table, by_mask, by_encoding, asked, CEILING)
for axes in panels[1]:
    axes.set_xlabel("training asks about")
figures.show(
    figure,
    name="training-picture",
    caption=f"The gap first vs last after training that asks about the first place, both ends, the middle or the last place; two layers with residual. {legend_words(table[table['gap'] == 'first_vs_last'])} "
    "Dotted: the largest gap that can be expected.",
    alt="Six panels of paired bars. Without mask and encoding all of the paper's bars are zero. With a causal mask alone all are positive, falling from 0.52 to 0.20. With waves or RoPE they run from 0.56 for the first place to minus 0.56 for the last.",
    provenance=models.provenance,
)
say("training-agreement", agreement_words(table))

# %% [markdown]
# ## What is biased
#
# The task is that of {doc}`/_executed/position_bias/retrieval_task`. A training query belongs to the class of the item at a place from a list: the first item, the fifth of eight ("middle", as in the official code), the last, or first or last in equal shares. The sequences themselves are as before. A class comes four times in a
# sequence, so the right label also stands at three other places, and a network can do well without obeying the bias. Testing is unbiased: two places contradict each other, and we see which one is believed.
#
# All networks have two layers and a residual; how long they are trained is explained in {doc}`/_executed/position_bias/depth_and_encoding`. A gap of {glue:text}`training-ceiling` is complete bias ({ref}`ledger <ledger-wu2025-gap-ceiling>`).
#
# ## Without mask and encoding there is nothing to learn
#
# ````{prf:proposition} A set has no places
# :label: prop-retrieval-unordered
#
# <span class="atlas-origin">derived here</span> Let a network have neither mask nor positional encoding. Whatever its weights, the expected gap between any two places is 0, and of new classes it answers at most
#
# $$
# \frac12\Bigl(1 + \frac1L\Bigr)
# $$ (eq-retrieval-unordered)
#
# correctly in expectation, .516 for $L = 32$ labels.
# ````
#
# ````{dropdown} Proof
# Permuting the 16 tokens before the query permutes rows and columns of every attention map and the rows of every layer's output; the query's output stays. So the answer depends on the *set* of those tokens.
#
# *Gap.* In the sequences "a right" the vector of place a stands at both places, and the target is the label at a. Exchange the two pairs, vector and label, at a and b: the set stays, so does the answer, and now the vector of place b stands at both places and the target is the label at b. Items come in random order,
# so this turns the one kind of test into the other without changing how likely a sequence is: both accuracies are equal.
#
# *Accuracy.* A sequence has two classes with one label each, four times. New classes tell nothing about their labels, and a set does not tell which label stood behind which vector. By symmetry either label is right with probability ½, unless both classes have the same one, which happens once in $L$ times.
# ````
#
# The symmetry is exact, so we check it to rounding, on networks that nobody has trained.

# %% tags=["hide-input"]
checked, broken = (
    check(draws, torch.Generator().manual_seed(seed))["margin"]
    for check in (set_without_places, set_without_places_control)
)
say("training-draws", f"{draws}")
say("training-shuffled", f"{checked.min():.1f}")
say("training-shuffled-control", f"{-broken.max():.1f} to {-broken.min():.1f}")
say("training-ceiling", probability(CEILING))
end = models.report[models.report["at"] == "end"] if len(models.report) else models.report
sets = end[end["mask"].eq("none") & end["position_encoding"].eq("none")] if len(end) else end
words = "None of these networks is trained yet."
if len(sets):
    heard, gaps = sets[sets["quantity"] == "in_context"]["value"], sets[sets["quantity"].isin(GAPS)]
    bound = probability(guessing(Task())["a label of the sequence"][0], 3)
    largest = (gaps["value"].abs() / gaps["sampling_error"]).max()
    words = (
        f"Of {len(heard)} trained networks of this kind the best accuracy on new classes is {probability(heard.max(), 3)} "
        f"(bound {bound}); the largest of their {len(gaps)} gaps is {largest:.1f} times the standard error that the test sequences leave."
    )
say("training-sets", words)

# %% [markdown]
# **Margins.** Over {glue:text}`training-draws` random networks, shuffling the context moves the logits by at least {glue:text}`training-shuffled` decades less than $10^{-9}$ of their spread over sequences; under a causal mask, the negative control, by {glue:text}`training-shuffled-control` decades more ({ref}`card <card-atlas-set-without-places>`). {glue:text}`training-sets`
#
# So the zeros in the paper's figures are not a balance of forces. This network cannot tell places apart, and cannot do the task either.
#
# ## Trained on one place
#
# Figures 6, 7 and 8 of the paper: a figure of each kind of training of which we have networks, and the paper's values of the others.

# %% tags=["hide-input"]
kinds = {
    label.replace("no encoding", "none").replace("waves (sin)", "sin"): kind for label, kind in by_encoding.items()
}


def draw(bias, name, lead, alt):
    """Gaps after one kind of training: masks down, gaps across; nothing as long as none of ours is trained."""
    mine = table[table["train_bias"] == bias]
    if mine["mean"].isna().all():
        return
    figure = plt.figure(figsize=(7.2, 3.9))
    gap_grid(figure, mine, by_mask, by_gap, kinds, CEILING)
    figures.show(figure, name, f"{lead} {legend_words(mine)}", alt, models.provenance)


draw(
    "first",
    "training-first",
    "Training asks about the **first** place (Figure 6 of the paper).",
    "Two lines of three panels. In the paper, gaps with the first place are near 0.5 for all networks but the one without mask and encoding, which has none; middle vs last is small.",
)

# %% tags=["hide-input"]
draw(
    "middle",
    "training-middle",
    "Training asks about the **middle** place (Figure 7).",
    "In the paper, waves and RoPE have first vs middle at minus 0.55 and middle vs last at plus 0.55. The causal mask alone still favors the first place, by 0.23.",
)

# %% tags=["hide-input"]
draw(
    "last",
    "training-last",
    "Training asks about the **last** place (Figure 8).",
    "In the paper, waves and RoPE have both gaps with the last place at minus 0.55. The causal mask alone still favors the first place, by 0.20.",
)

# %% tags=["hide-input"]
waiting = [bias for bias in ("first", "middle", "last") if table[table["train_bias"] == bias]["mean"].isna().all()]
lines = []
for bias in waiting:
    for mask_label, mask in by_mask.items():
        for label, kind in kinds.items():
            cells = [gap_words(row(table, train_bias=bias, gap=gap, **mask, **kind)["paper"]) for gap in GAPS]
            lines.append([bias, mask_label, label, *cells])
heads = ["asks about", "mask", "encoding", *LABELS.values()]
folded = f"::::{{dropdown}} The paper's gaps\n{cards.table(heads, lines)}\n::::"
if waiting:
    display(
        Markdown(
            f"None of our networks that are asked about the {' or '.join(waiting)} place is trained yet.\n\n{folded}"
        )
    )

# %% [markdown]
# ## A causal mask is not a positional encoding
#
# Sort the causal networks without encoding by what they were trained on:

# %% tags=["hide-input"]
lines = []
for label in ("first", "both ends", "no place", "middle", "last"):
    cells = []
    for gap in GAPS[:2]:
        whole = unbiased if label == "no place" else table[table["train_bias"] == BIASES[label]]
        one = row(whole, mask="causal", position_encoding="none", gap=gap)
        early = gap_words(one["printed_length"], one["printed_length_error"])
        cells += [gap_words(one["paper"]), early, gap_words(one["mean"], one["standard_error"])]
    lines.append([label, *cells])
heads = [
    f"{LABELS[gap]}: {who}" if who == "paper" else who for gap in GAPS[:2] for who in ("paper", "100,000 steps", "end")
]
display(Markdown(cards.table(*known_columns(["trained on", *heads], lines))))
display(Markdown(box["wu2025-claim-e"]))

# %% tags=["hide-input"]
PATHS = {
    "first": ("first", "blue", "-"),
    "both ends": ("first_and_last", "purple", (0, (6, 1.5, 1, 1.5))),
    "no place": ("unbiased", "muted", "-"),
    "middle": ("middle", "green", (0, (1, 1))),
    "last": ("last", "orange", (0, (4, 1.5))),
}
trajectories = models.trajectories("first_vs_last")
setting = {"mask": "causal", "depth": 2, "residual": True}
bars = printed_gaps().query("mask == 'causal' and depth == 2 and residual == 1 and gap == 'first_vs_last'")
figure, panels = plt.subplots(1, 3, figsize=(7.2, 3.3), sharey=True)
for axes, (label, encoding) in zip(panels, ENCODINGS.items(), strict=True):
    steps_axis(axes, PRINTED_STEPS)
    axes.axhline(0, color=figures.PALETTE["muted"], linewidth=0.8)
    for bias, color, line in PATHS.values():
        offered = names(train_bias=bias, position_encoding=encoding, **setting)
        lines_of(axes, [trajectories[point] for point in offered if point in trajectories], color, line)
        for value in bars.query("train_bias == @bias and position_encoding == @encoding")["value"]:
            axes.plot(
                PRINTED_STEPS, value, "o", markersize=7, markerfacecolor="none", markeredgecolor=figures.PALETTE[color]
            )
    axes.set(title=label, xlabel="training steps")
panels[0].set_ylabel("gap first vs last")
figure.legend(
    handles=[handle(name, color, line) for name, (_, color, line) in PATHS.items()], loc="outside upper center", ncols=5
)
figures.show(
    figure,
    name="training-path",
    caption=f"The gap first vs last over training, by the place that training asks about; causal mask, one line for every network, a dot at its end. Vertical line: the paper's {PRINTED_STEPS:,} steps; circles on it: the printed gaps.",
    alt="Three panels over training steps on a logarithmic axis. With waves or RoPE lines part early, up for training on the first place and down for the last, and stay. Without encoding they end above zero where the paper's circles are.",
    provenance=models.provenance,
)
late = [name for name in names(train_bias="last", position_encoding="none", **setting) if name in trajectories]
paths = pd.DataFrame({name: trajectories[name] for name in late})
say("training-path", path_words(paths, "Asked about the last place, causal networks without encoding"))

# %% [markdown]
# How do they get there ({numref}`fig-training-path`)? {glue:text}`training-path`
#
# In the paper's columns training moves the size of the bias, never its sign. This is about what training finds in two layers, not about what a mask can express: under uniform causal attention token $i$ gives token 1 the weight $1/i$, so a causal mask alone does tell positions ({doc}`/_executed/foundations/attention_as_averaging`).
#
# ## Lost in the middle
#
# Ask about both ends in training, and the middle is neglected: {numref}`fig-training-both` is Figure 3 of the paper. {numref}`fig-training-lost` draws the same gaps as a profile, the first and the last place against the middle. A U is what language models show on long contexts under the name "lost in the middle".

# %% tags=["hide-input"]
draw(
    "first_and_last",
    "training-both",
    "Training asks about **first and last** in equal shares (Figure 3).",
    "In the paper, waves and RoPE have first vs middle at plus 0.25 to 0.47 and middle vs last at minus 0.24 to minus 0.28; the causal mask alone favors the first place and is flat between middle and last.",
)

# %% tags=["hide-input"]
both = table[table["train_bias"] == "first_and_last"]
figure, grid = plt.subplots(2, 3, figsize=(7.2, 4.2), sharex=True, sharey=True)
for line, (mask_label, mask) in zip(grid, MASKS.items(), strict=True):
    for axes, (label, encoding) in zip(line, ENCODINGS.items(), strict=True):
        place_profile(axes, both, mask=mask, position_encoding=encoding)
        if mask == "causal":
            axes.set_title(label)
    line[0].set_ylabel(f"{mask_label}:\nabove the middle")
handles = {label: handle for axes in grid.flat for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)}
figure.legend(handles.values(), handles, loc="outside upper center", ncols=2)
figures.show(
    figure,
    name="training-lost",
    caption="Trained on both ends: by how much the first and the last place are believed more than the middle (gaps first vs middle, and middle vs last with the opposite sign). Dashed: paper; solid: ours, with two standard errors.",
    alt="Six panels. In the paper four of them are a U, waves and RoPE with and without mask, with the first place higher under a causal mask. Without encoding the causal mask gives a slope down from the first place, and no mask a flat line.",
    provenance=models.provenance,
)

# %% tags=["hide-input"]
display(Markdown(box["wu2025-claim-f"]))
tilts = {"paper": [], "mean": []}
for mask_label, mask in MASKS.items():
    for label, encoding in (("sin", "sin"), ("RoPE", "rope")):
        pair = [row(both, mask=mask, position_encoding=encoding, gap=gap) for gap in (GAPS[0], GAPS[2])]
        for who, found in tilts.items():
            tilt = sum(one[who] for one in pair)
            found += [] if math.isnan(tilt) else [f"{gap_words(tilt)} ({mask_label}, {label})"]
for who, found in tilts.items():
    say(f"training-tilt-{who}", ", ".join(found) or NOT_YET)

# %% [markdown]
# Is the U symmetric? The left arm less the right one, in the paper: {glue:text}`training-tilt-paper`. Ours at the end: {glue:text}`training-tilt-mean`. The data treat both ends alike; what tilts the paper's U to the front is the mask, as {prf:ref}`thm-causal-collapse` has it.
#
# ## Paper against ours, bar by bar

# %% tags=["hide-input"]
figure, panels = plt.subplots(1, 2, figsize=(7.2, 3.8), sharey=True)
for (label, mask), axes in zip(MASKS.items(), panels, strict=True):
    mine = table[table["mask"] == mask]
    gap_scatter(axes, mine, ("paper", ""), ("mean", "standard_error"))
    axes.set(title=label, xlabel="gap in the paper")
    if mine["mean"].isna().all():
        axes.text(0.72, 0.15, f"ours: {NOT_YET}", transform=axes.transAxes, ha="center", color=figures.PALETTE["muted"])
panels[0].set_ylabel("our gap at the end")
panels[0].legend(loc="upper left", handletextpad=0.2)
figures.show(
    figure,
    name="training-scatter",
    caption="Every bar of Figures 3, 6, 7 and 8 once. On the diagonal ours is the paper's. Whiskers: two standard errors over seeds.",
    alt=f"Two scatter plots of our gaps against the paper's with a diagonal; {table['mean'].notna().sum()} of {len(table)} points are known.",
    provenance=models.provenance,
)

# %% [markdown]
# Each bar has a row on the {doc}`scorecard </_executed/back_matter/scorecard>`.
#
# ## What a practitioner takes away
#
# - **Look at where the answers stand in the training data** before blaming the architecture. With a positional encoding the paper's networks follow the data.
# - **The causal mask adds its own preference on top**, for the front: in the paper, asking about both ends equally leaves the first place ahead.
# - **Without an encoding, data that ask about the end do not give a bias to the end**, in the paper's networks.
# - A gap of zero can mean "cannot tell places apart". Look at the accuracy on new classes first.
#
# ## Exercises

# %% [markdown]
# ```{exercise-start} How well does a guesser do?
# :label: ex-training-guess
# ```

# %% [markdown]
# **Difficulty** ●●○○○ · **Time** 5 minutes
#
# A network sees which labels are in the context, but not which label belongs to which vector. Eight items, two classes with four items each, 32 labels. What is its best accuracy on new classes?

# %% [markdown]
# ```{exercise-end}
# ```

# %% [markdown]
# ```{solution-start} ex-training-guess
# :class: dropdown
# :label: sol-training-guess
# ```

# %% [markdown]
# Each class draws its label by itself. Once in 32 times they draw the same one, and the answer is certain. Otherwise it is a coin toss between two.

# %%
same = 1 / 32
print(exercises.check_guess(same * 1 + (1 - same) / 2))

# %% [markdown]
# ```{solution-end}
# ```

# %% [markdown]
# ```{exercise-start} A U that no data asked for
# :label: ex-training-hidden-u
# ```

# %% [markdown]
# **Difficulty** ●●○○○ · **Time** 10 minutes
#
# Among the paper's networks whose training prefers *no* place, one is lost in the middle all the same: both ends are ahead of the middle by .05 or more. Which one? `printed_gaps()` has all bars of Figures 2 to 8.

# %% [markdown]
# ```{exercise-end}
# ```

# %% [markdown]
# ```{solution-start} ex-training-hidden-u
# :class: dropdown
# :label: sol-training-hidden-u
# ```

# %% [markdown]
# One row per network, one column per gap; a U has first vs middle above and middle vs last below zero.

# %%
bars = printed_gaps().query("train_bias == 'unbiased'")
each = bars.pivot(index=["position_encoding", "depth", "residual"], columns="gap", values="value")
found = each[(each["first_vs_middle"] >= 0.05) & (each["middle_vs_last"] <= -0.05)]
((encoding, depth, residual),) = found.index
print(encoding, depth, bool(residual))
print(exercises.check_hidden_u(encoding, depth, bool(residual)))

# %% [markdown]
# ```{solution-end}
# ```
