# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %% [markdown]
# # Does training find it?
#
# Nobody tells a network to catch, tag and release. It sees numbers, a separator, and how far off its answer was.
#
# {numref}`fig-catch-emergence` shows many of them, alike but for their random numbers. In some the loss suddenly falls by orders of magnitude, and **at that moment** the tokens after the separator begin to look at it. In the others neither
# ever happens.

# %% tags=["parameters"]
profile: str = "quick"  # size at which missing results are computed

# %% tags=["hide-input"]
import re

import matplotlib.pyplot as plt
import numpy as np
import torch
from IPython.display import Markdown, display

from attention_atlas import claims, figures
from attention_atlas.catch_criteria import LEARNED, SINK
from attention_atlas.exercises import catch_training as exercises
from attention_atlas.experiments import averaging
from attention_atlas.intervals import wilson
from attention_atlas.outcomes.averaging import Outcomes
from attention_atlas.tag_tests import measure
from attention_atlas.tasks.averaging import draw
from attention_atlas.theory.catch_tag_release.construction import catch_tag_release
from attention_atlas.theory.catch_tag_release.exact_error import expected_share
from attention_atlas.theory.catch_tag_release.one_layer import best_error
from attention_atlas.theory.catch_tag_release.sink_free import sink_free
from attention_atlas.wording import probability, say, short, signed

figures.style()
blue, orange, green, ink, muted = (figures.PALETTE[name] for name in ("blue", "orange", "green", "ink", "muted"))
outcomes = Outcomes(list(averaging.SETTINGS), profile)
main, end = outcomes.config["main"], outcomes.end
table = outcomes.table[outcomes.table["setting"] == "main"].merge(end[["setting", "seed", "learned"]])
of_main = end[end["setting"] == "main"]
good, bad = of_main[of_main["learned"]], of_main[~of_main["learned"]]
variance = of_main["target_variance"].iloc[0]

# %% tags=["hide-input"]
looks = {"loss": "loss / variance", "attention": "attention on [SEP]", "explained": "variance that the tag explains", "moved_mass": "attention that follows the tag"}  # fmt: skip
figure, panels = plt.subplots(2, 2, figsize=(7.2, 5.2), sharex=True)
for axes, (quantity, label) in zip(panels.flat, looks.items(), strict=True):
    for _, model in table.groupby("seed"):
        learned = model["learned"].iloc[0]
        value = model[quantity] / (variance if quantity == "loss" else 1)
        axes.plot(model["step"], value, color=blue if learned else orange, linestyle="-" if learned else "--", linewidth=0.6, alpha=0.6)  # fmt: skip
    axes.set(xscale="log", xlabel="step" if axes in panels[1] else "")
    axes.set_title(label, fontsize=9)
panels[0, 0].set_yscale("log")
panels[0, 0].axhline(LEARNED, color=muted, linewidth=1, linestyle=":")
handles = [plt.Line2D([], [], color=blue, label="learned"), plt.Line2D([], [], color=orange, linestyle="--", label="not learned")]  # fmt: skip
figure.legend(handles=handles, loc="outside lower center", ncols=2)
figures.show(
    figure,
    name="catch-emergence",
    caption=f"{len(of_main)} networks of the main setting while they are trained. *Learned*: loss below {LEARNED:.0%} of the target's variance at the end (dotted). Attention on [SEP]: mean over the tokens after it, layer 1. Explained: share of what layer 1 writes that lies along the separator's tag. Lower right: the last token's attention in layer 2 on numbers *before* the separator, when they get the tag in place of those after it.",
    alt="Four panels of many thin lines against the training step. Solid lines, networks that learned: their loss falls by orders of magnitude, attention on the separator rises to 1, the share explained rises and scatters, and attention follows the tag. "
    "Dashed lines: loss stays near a quarter of the variance, and attention on the separator stays low.",
    provenance=outcomes.provenance,
)
rates = outcomes.rates()
share = rates.loc["main"]
say("catch-models", f"{share['models']:.0f}")
say("catch-learned", f"{share['learned']:.0f}")
say("catch-training-share", f"{share['share']:.2f}")
say("catch-interval", f"{share['low']:.2f} to {share['high']:.2f}")
reported = {claim.id: claim.reported for claim in claims.load()}["zhang2025-success"]
successes, runs = map(int, re.findall(r"\d+", reported))
low, high = wilson(successes, runs)
say("catch-paper-reported", reported)
say("catch-paper-counts", f"{successes} of {runs}")
say("catch-paper-interval", f"{low:.2f} to {high:.2f}")
say("catch-training-width", f"{main.d_model}")
say("catch-training-tokens", f"{main.tokens}")
say("catch-training-range", f"{signed(main.low, 'g')} and {main.high:g}")
say("catch-training-rate", f"{main.learning_rate:g}".removeprefix("0"))
say("catch-training-steps", f"{main.steps:,}")
say("catch-training-batch", f"{main.batch}")

# %% [markdown]
# ```{admonition} What is the paper's, and what is ours
# :class: note
# The task, two causal layers without $1/\sqrt d$, and one number are from Zhang 2025 {cite}`zhang2025` <span class="atlas-origin">paper</span>: {glue:text}`catch-paper-reported` succeed in training. Its sizes and optimizer are not known to us.
# Ours: width {glue:text}`catch-training-width`, {glue:text}`catch-training-tokens` tokens, numbers uniform between {glue:text}`catch-training-range`, Adam with a learning rate that falls from {glue:text}`catch-training-rate` to 0 along half a cosine, {glue:text}`catch-training-steps` steps of {glue:text}`catch-training-batch` sequences; an embedding of (number, 1, is [SEP]), a readout of the last token, no positions, no biases.
# ```
#
# ## How often
#
# In the main setting {glue:text}`catch-learned` of {glue:text}`catch-models` networks learn it: a share of {glue:text}`catch-training-share`, 95 % interval {glue:text}`catch-interval`. The paper's {glue:text}`catch-paper-counts` have the interval {glue:text}`catch-paper-interval`.
# The two are not the same experiment. What moves the share is in {numref}`fig-catch-rates`.

# %% tags=["hide-input"]
names = {
    "main": "main setting", "width-4": "width 4", "width-16": "width 16", "width-32": "width 32", "tokens-8": "8 tokens", "tokens-32": "32 tokens",
    "positive": "numbers in (0, 1)", "wide-range": "numbers in (−4, 4)", "slow": "learning rate .001", "fast": "learning rate .01", "scaled": "with 1/√d",
    "two-heads": "two heads", "layernorm": "with LayerNorm", "mlp": "with MLP", "relu": "ReLU attention", "one-layer": "one layer",
}  # fmt: skip
figure, axes = plt.subplots(figsize=(7.2, 4.6))
for place, (_, rate) in enumerate(rates.iterrows()):
    axes.plot([rate["low"], rate["high"]], [place, place], color=blue, linewidth=2)
    axes.plot(rate["share"], place, "o", color=blue)
axes.axvspan(low, high, color=orange, alpha=0.15, linewidth=0)
axes.axvline(successes / runs, color=orange, linestyle="--", label=f"{reported}, Zhang 2025, and its interval")
axes.set_yticks(range(len(rates)), [f"{names[name]} ({rate['models']:.0f})" for name, rate in rates.iterrows()])
axes.set(xlabel="share of networks that learn it", xlim=(-0.03, 1.03))
axes.invert_yaxis()
figure.legend(loc="outside lower center")
figures.show(
    figure,
    name="catch-rates",
    caption="Share of networks that learn to average, by setting (number of networks in parentheses), with 95 % intervals of Wilson. Each setting changes one thing of the main one.",
    alt=f"A dot with an interval for each of {len(rates)} settings on a scale of shares from 0 to 1, beside a band for the paper's {successes} of {runs}.",
    provenance=outcomes.provenance,
)
best, worst = rates["share"].drop(["one-layer", "main"]).idxmax(), rates["share"].drop(["one-layer", "main"]).idxmin()
say("catch-best", f"{names[best]} ({rates.loc[best, 'learned']:.0f} of {rates.loc[best, 'models']:.0f})")
say("catch-worst", f"{names[worst]} ({rates.loc[worst, 'learned']:.0f} of {rates.loc[worst, 'models']:.0f})")
say("catch-training-relu", f"{rates.loc['relu', 'learned']:.0f} of {rates.loc['relu', 'models']:.0f}")
say("catch-training-one-layer", f"{rates.loc['one-layer', 'learned']:.0f} of {rates.loc['one-layer', 'models']:.0f}")
apart = [n for n, r in rates.iterrows() if r["low"] > share["high"] or r["high"] < share["low"]]
say("catch-apart", ", ".join(names[name] for name in apart if name != "one-layer") or "none")

# %% [markdown]
# Learned most often: {glue:text}`catch-best`. Least often of two layers: {glue:text}`catch-worst`. Settings whose interval lies apart from that of the main one: {glue:text}`catch-apart`. One layer never learns it ({glue:text}`catch-training-one-layer`), as
# {doc}`/_executed/catch_tag_release/construction` proves. ReLU attention in place of the softmax: {glue:text}`catch-training-relu`. Its weights are divided by how many tokens are visible, and not by their sum, so nothing turns them into $\frac1n$ (our reading).
#
# ## What the successful ones do

# %% tags=["hide-input"]
rows = ["| setting | learned | attention on [SEP] | attention on numbers after it | [SEP] receives | tag explains |", "|---|--:|--:|--:|--:|--:|"]  # fmt: skip
for name in names:
    mine = end[(end["setting"] == name) & end["learned"]]
    if len(mine):
        cells = [f"{mine[q].min():.3f}" for q in ("attention", "mass", "received", "explained")]
        rows.append(f"| {names[name]} | {len(mine)} | " + " | ".join(cells) + " |")
display(Markdown("\n".join(rows)))
plain = end[end["learned"] & (end["setting"] != "mlp")]
say("catch-all-learned", f"{len(plain)}")
say("catch-least-attention", f"{good['attention'].min():.3f}")
say("catch-least-mass", f"{good['mass'].min():.3f}")
say("catch-least-received", f"{good['received'].min():.2f}")
say("catch-sinks", f"{(plain['received'] > SINK).sum()}")
say("catch-bad-attention", f"{bad['attention'].median():.2f}")
say("catch-bad-most", f"{bad['attention'].max():.2f}")

# %% [markdown]
# (The *least* value over the successful networks of a setting, largest over heads.) In the main setting tokens after [SEP] give it at least {glue:text}`catch-least-attention` of their attention in layer 1: they are **caught**. The last token gives at least
# {glue:text}`catch-least-mass` of its attention in layer 2 to the numbers after [SEP]: the tag is **read**. By Zhang 2025's convention (mean attention above 0.2) [SEP] is a sink in {glue:text}`catch-sinks` of all {glue:text}`catch-all-learned` successful networks without an MLP.
# (What the tag *explains* is no sign of success by itself: {numref}`fig-catch-emergence` has it anywhere between 0 and 1 before anything is learned.) Where it was not learned, the attention on [SEP] has a median of {glue:text}`catch-bad-attention` and is {glue:text}`catch-bad-most` at most.
#
# ## What the others do instead

# %% tags=["hide-input"]
figure, (left, right) = plt.subplots(1, 2, figsize=(7.2, 3.4))
for part, color, marker, label in ((good, blue, "o", "learned"), (bad, orange, "x", "not learned")):
    left.plot(part["on_separator"], part["loss"] / variance, marker, color=color, label=label, markersize=4)
left.set(xlabel="attention on [SEP] in layer 2", ylabel="loss / variance of the target", yscale="log")
left.legend()
rules = {"to_all_numbers": "mean of all numbers", "to_last_and_rest": "best without order", "loss": "the right answer"}
for place, quantity in enumerate(rules):
    values = bad[quantity] / variance
    right.plot(values, np.full(len(values), place), "x", color=orange, markersize=5)
right.set_yticks(range(len(rules)), list(rules.values()))
right.set(xlabel="distance / variance", xlim=(0, None))
right.set_title("outputs, not learned: how far from", fontsize=9)
figures.show(
    figure,
    name="catch-failures",
    caption="Left: the last token's attention on [SEP] in layer 2, and the loss. Right: mean squared distance of the outputs of the unsuccessful networks to three predictions. *Best without order* knows the last number and the others in no order.",
    alt="Left: successful networks have a tiny loss and no attention on the separator in layer two; the others a loss near a quarter of the variance and many of them much attention there. Right: the unsuccessful outputs are "
    "nearer to the right answer than to either simple rule.",
    provenance=outcomes.provenance,
)
say("catch-bad-loss", probability(float(bad["loss"].median() / variance), 2))
say("catch-bad-order", probability(float((bad["to_last_and_rest"] / variance).median()), 2))
say("catch-order", probability(best_error(main.tokens, 1.0) / expected_share(main.tokens), 2))
say("catch-bad-separator", probability(float(bad["on_separator"].median()), 2))

# %% [markdown]
# They are not lost. A predictor that does not use order can explain no more than all but {glue:text}`catch-order` of the variance; the unsuccessful ones leave {glue:text}`catch-bad-loss` (median). Their outputs are nearer to the right answer than to that predictor
# ({glue:text}`catch-bad-order` away). Their last token gives [SEP] {glue:text}`catch-bad-separator` of its attention **in layer 2** (median). Our reading: [SEP] itself has attended to the numbers before it, so it carries their mean. The last token reads it and subtracts. That is a use of the
# separator too, of a *summary* in place of a *tag*. It cannot be exact, since the answer needs a division by how many come after.
#
# ## Is the sink needed?
#
# All successful networks without an MLP have one, so it is tempting to say yes, as version 1 of the paper did (*"simple tasks, like averaging, necessitate"* the mechanism <span class="atlas-origin">paper</span>). Version 2 only says that it emerges. The weaker wording is right:
#
# ````{prf:proposition} A tag without a sink
# :label: prop-catch-sink-free
#
# <span class="atlas-origin">derived here</span> Two causal layers with an MLP can average the numbers after [SEP], to any accuracy, while layer 1 attends to all tokens alike.
# ````
#
# ````{prf:proof}
# Let [SEP] alone write into the tag's coordinate. With uniform attention token $i$ gets $\frac1i$ if it comes after [SEP], and 0 if before. Tags between $\frac1T$ and 1 would not average evenly. But $\operatorname{relu}(T\,\text{tag}) - \operatorname{relu}(T\,\text{tag} - 1)$ is 1 for each of them and 0 without one, and
# that is an MLP. Layer 2 of the construction does the rest, with an error of order $e^{-\gamma}$.
# ````

# %% tags=["hide-input"]
task = main.task
batch = draw(task, 1000, torch.Generator().manual_seed(averaging.TEST_SEED))
free, strict = (measure(*model, task, batch) for model in (sink_free(task.tokens, 40.0), catch_tag_release(40.0, 20.0)))
say("catch-free-loss", short(free["loss"].item()))
say("catch-free-received", probability(free["received"].item(), 2))
say("catch-strict-received", probability(strict["received"].item(), 2))
alone = end[end["learned"] & (end["setting"] == "mlp")]
say("catch-mlp-learned", f"{len(alone)}")
say("catch-mlp-sinkless", f"{(alone['received'] <= SINK).sum()}")
say("catch-mlp-summary", f"{(alone['on_separator'] > 0.5).sum()}")
say("catch-mlp-most", probability(alone["on_separator"].max(), 2) if len(alone) else "–")

# %% [markdown]
# Written out by hand it has a mean squared error of {glue:text}`catch-free-loss`, and [SEP] receives {glue:text}`catch-free-received` of the attention on average, which is what *any* token in its place receives under uniform attention (the construction with a sink: {glue:text}`catch-strict-received`).
# It still tags and releases; what it does not do is catch.
#
# Training does without a sink too. Of the {glue:text}`catch-mlp-learned` networks *with* an MLP that learned the task [SEP] is no sink in {glue:text}`catch-mlp-sinkless`. These have not found our construction but an exact form of what others only approximate: in {glue:text}`catch-mlp-summary` the last token gives [SEP] most of its attention in layer 2, up to {glue:text}`catch-mlp-most`, so it reads the summary, and an MLP can divide.
# Whether two layers *without* an MLP can do without a sink we do not know; none of ours did. (The ledger has this as {ref}`an entry <ledger-zhang2025-necessity>`.)
#
# ## What it means
#
# - **It emerges, and not always.** In version 2 the paper says that the mechanism emerges in training; in ours too, suddenly, in a part of the runs. A median over ten runs would have missed one of the two outcomes.
# - **Success and sink go together without an MLP, and come apart with one.** Both are observations on small networks. {doc}`/_executed/catch_tag_release/trigger` asks when a sink is *necessary*.
# - **In practice:** look at single seeds, not at means over them. Two outcomes average to a network that does not exist.
#
# ## Exercises

# %% [markdown]
# ```{exercise-start} Four of ten
# :label: ex-catch-four
# ```

# %% [markdown]
# **Difficulty** ●○○○○ · **Time** 5 minutes
#
# A network learns with probability .6. How likely is it that of ten runs at most four learn?

# %% [markdown]
# ```{exercise-end}
# ```

# %% [markdown]
# ```{solution-start} ex-catch-four
# :class: dropdown
# :label: sol-catch-four
# ```

# %% [markdown]
# The sum of the binomial probabilities of 0 to 4.

# %%
from math import comb

print(exercises.check_at_most_four(sum(comb(10, k) * 0.6**k * 0.4 ** (10 - k) for k in range(5))))

# %% [markdown]
# ```{solution-end}
# ```

# %% [markdown]
# ```{exercise-start} What one layer can do
# :label: ex-catch-order
# ```

# %% [markdown]
# **Difficulty** ●●●○○ · **Time** 20 minutes
#
# Four tokens: three independent numbers of variance 1, and [SEP] with equal probability first, second or third. Which share of the target's variance remains for the best predictor that knows the last number and the other two in no order?

# %% [markdown]
# ```{exercise-end}
# ```

# %% [markdown]
# ```{solution-start} ex-catch-order
# :class: dropdown
# :label: sol-catch-order
# ```

# %% [markdown]
# With $n$ numbers after [SEP] the target is the last one's share $\frac1n$ plus $\frac1n$ of each of $n-1$ others. The best predictor gives the last number $h = \mathbb E\frac1n$ and each other $\frac{1-h}2$. Average the squared differences of the weights over $n = 1, 2, 3$, and divide by
# $\mathbb E\frac1n$, the variance of the target.

# %%
h = (1 + 1 / 2 + 1 / 3) / 3
left_over = [(1 / n - h) ** 2 + (n - 1) * (1 / n - (1 - h) / 2) ** 2 + (3 - n) * ((1 - h) / 2) ** 2 for n in (1, 2, 3)]
print(exercises.check_order(sum(left_over) / 3 / h))

# %% [markdown]
# ```{solution-end}
# ```
