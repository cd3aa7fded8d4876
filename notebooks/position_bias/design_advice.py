# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %% [markdown]
# # Design advice: put the peak where you want it
#
# **Which mask, which decay and how many layers make a token look how far back?** One number answers it: the **mean step** $\mu$, how many tokens a single layer looks back on average. Then
#
# $$
# \text{peak} \;\approx\; \frac{\text{layers}\times\mu}{1+r}, \qquad \text{and token 1 takes over once this passes } N .
# $$ (eq-design-rule)
#
# The rule is <span class="atlas-origin">derived here</span> from {prf:ref}`prop-walk-peak`; for a decay mask the paper's $x^* = t/(e^m-1)$ {eq}`eq-decay-peak` is one mean step less. The chart is for decay masks.

# %% tags=["parameters"]
deepest: int = 48  # layers in the chart
tokens: int = 1200  # length of the sequences in the exact curves
exact_layers: int = 24  # layers in the exact curves

# %% tags=["hide-input"]
import math

import matplotlib.pyplot as plt
import numpy as np
import torch
from IPython.display import Markdown, display
from myst_nb import glue

from attention_atlas import figures
from attention_atlas.experiments.peak_distance import last_rows
from attention_atlas.masks import causal, sliding_window
from attention_atlas.rollout import with_residual
from attention_atlas.theory.position_bias.decay import decay_peak
from attention_atlas.theory.position_bias.kernels import flat_map, peak_distance
from attention_atlas.theory.position_bias.walk import angle_of_mean_step

figures.style()
blue, orange, green, purple, red, brown = (figures.PALETTE[name] for name in figures.SERIES)
ink, muted = figures.PALETTE["ink"], figures.PALETTE["muted"]
ALIBI = [2.0**-head for head in range(1, 9)]  # slopes of a model with eight heads (Press et al. 2022)

layers = np.arange(2, deepest + 1)
figure, axis = plt.subplots(figsize=(7.2, 4.4))
for slope in ALIBI:
    axis.axhline(slope, color=muted, linestyle=":", linewidth=1.1)
styles = ("-", "--", "-.", (0, (4, 1, 1, 1, 1, 1)), (0, (7, 2)))
for wanted, color, style in zip((8, 32, 128, 512, 2048), (blue, orange, green, purple, red), styles, strict=True):
    slopes = np.log1p((layers - 1) / wanted)  # t / (e^m - 1) = wanted, solved for m
    axis.plot(layers, slopes, linestyle=style, color=color)
    axis.text(deepest + 0.6, slopes[-1], f"{wanted} tokens back", color=color, va="center", fontsize=10)
axis.set(
    yscale="log", xlabel="layers", ylabel="decay $m$ (dotted: eight ALiBi heads)", xlim=(2, deepest), ylim=(2**-9, 2.6)
)
axis.set_yticks(ALIBI, ["1/2", "1/4", "1/8", "1/16", "1/32", "1/64", "1/128", "1/256"])
axis.set_xticks([n for n in (2, 6, 12, 24, 36, 48) if n <= deepest])
axis.minorticks_off()
axis.grid(False)
figures.show(
    figure,
    name="design-map",
    caption="The decay that makes the last token look a given distance back, without residual: choose a line and read the slope above the number of layers. Dotted: the slopes of a model with eight ALiBi heads, "
    "each taken alone; placing them here is ours.",
    alt="Five rising curves of slope over layers, one for each reach from 8 to 2048 tokens: more layers need a steeper slope "
    "for the same reach, a longer reach a gentler one. Dotted lines mark slopes from one half to one in 256.",
)

# %% [markdown]
# ## From a wanted reach to a slope
#
# Turn {eq}`eq-decay-peak` around. For a reach of $x$ tokens in $L = t+1$ layers
#
# $$
# m = \log\Big(1 + \frac{t}{x}\Big), \qquad e^{-m} = \frac{x}{x+t} .
# $$ (eq-design-inverse)
#
# Each cell: the slope $m$, and in parentheses the factor $e^{-m}$ per token of distance. With a residual of strength $r$ ask for a reach of about $(1+r)\,x$; the peak lags a few steps behind.

# %% tags=["hide-input"]
wanted, depths = (8, 32, 128, 512, 2048), (6, 12, 24, 48)
lines = ["| reach | " + " | ".join(f"{n} layers" for n in depths) + " |", "|--:|" + "--:|" * len(depths)]
for x in wanted:
    cells = [f"{math.log1p((n - 1) / x):.3g} ({x / (x + n - 1):.3f})" for n in depths]
    lines.append(f"| **{x} tokens** | " + " | ".join(cells) + " |")
display(Markdown("\n".join(lines)))

# %% [markdown]
# ## One number for every mask and encoding
#
# | mask or encoding | mean step $\mu$ in tokens | where the last token looks after $L$ layers |
# |:--|:--|:--|
# | decay, slope $m$ | $1/(e^m-1)$ | peak at $(L-1)\,\mu$ |
# | sliding window, width $w$ | $(w-1)/2$ | peak at $L\,\mu$, half of what it could reach |
# | RoPE-like, angle $\theta_1$ | about $0.56/\theta_1$ | peak at about $L\,\mu$ |
# | causal, no encoding | half of what is before the token | no hill; the first token wins after a few layers |
# | prefix of $K$, no encoding | the same | no hill; the first $K$ tokens win together |
# | residual of strength $r$ | divide by $1+r$ | the same, $1+r$ times later |
#
# If that is true, designs of equal $\mu/(1+r)$ should move alike. Four of them:

# %% tags=["hide-input"]
aim = 10.0

angle = angle_of_mean_step(aim, tokens)
designs = {
    f"decay, $m={math.log1p(1 / aim):.3f}$": (flat_map(tokens, causal, slope=math.log1p(1 / aim)), 0.0),
    f"window, $w={2 * aim + 1:.0f}$": (flat_map(tokens, sliding_window(round(2 * aim) + 1)), 0.0),
    f"RoPE-like, $\\theta_1={angle:.3f}$": (flat_map(tokens, causal, angle=angle), 0.0),
    f"decay, $m={math.log1p(1 / (2 * aim)):.3f}$, $r=1$": (
        flat_map(tokens, causal, slope=math.log1p(1 / (2 * aim))),
        1.0,
    ),
}
looks = ((blue, "o", "-"), (orange, "s", "--"), (green, "^", "-."), (purple, "D", ":"))
short = 121
figure, (left, right) = plt.subplots(1, 2, figsize=(7.2, 3.9))
depth = np.arange(1, exact_layers + 1)
for (label, (map, residual)), (color, marker, style) in zip(designs.items(), looks, strict=True):
    rows = last_rows(with_residual(map, residual), exact_layers, 0.0, torch.Generator())
    left.plot(depth, [peak_distance(row) for row in rows], marker, color=color, markersize=3.6, label=label)
    cut = map[:short, :short]  # flat maps of shorter sequences are corners of longer ones
    rows = last_rows(with_residual(cut, residual), 3 * exact_layers // 2, 0.0, torch.Generator())
    right.plot(np.arange(1, len(rows) + 1) * aim / (short - 1), rows[:, 0], style, color=color)
left.plot(depth, depth * aim, color=ink, linewidth=0.8)
left.set(
    xlabel="layers",
    ylabel="distance of the peak",
    title=f"{aim:g} tokens a layer, four ways",
    xticks=[1, 6, 12, 18, 24],
)
left.legend(loc="upper left", fontsize=9, handletextpad=0.1)
right.axvline(1, color=ink, linewidth=0.8)
right.set(
    xlabel="layers $\\times\\,\\mu\\,/\\,(1+r)\\,/\\,N$",
    ylabel="share of token 1",
    title=f"and the collapse, $N={short}$",
)
figures.show(
    figure,
    name="design-mean-step",
    caption=f"Four designs with the same mean step of {aim:g} tokens a layer. Left: exact peaks, and layers times mean step as a line. Right: the share of token 1 rises where layers times mean step reaches the length of the sequence (vertical line).",
    alt="Left: peaks of four designs against depth lie close to one straight line, the two decay masks a constant distance below it. Right: "
    "the share of token 1 against layers times mean step over length: four S-shaped curves that start near 0.7 and pass one half between 1 and 1.6.",
)

# %% [markdown]
# The rule is a first estimate, and an upper one: skewed steps lag behind. A decay mask is one mean step late (hence its $L-1$), and a residual adds more, since a layer that often stays must jump far when it moves. The same shows in the collapse: token 1 takes over soonest where steps vary least.
#
# ## The eight slopes of ALiBi
#
# Each of the slopes $2^{-1}, \dots, 2^{-8}$ {cite}`press2022` taken as a model of its own, without residual <span class="atlas-origin">ours</span>:

# %% tags=["hide-input"]
mixture = torch.stack([flat_map(tokens, causal, slope=slope) for slope in ALIBI]).mean(0)
mixed = last_rows(mixture, 12, 0.0, torch.Generator())
steps = [1 / math.expm1(slope) for slope in ALIBI]
glue("design-alibi-mean", f"{sum(steps) / 8:.0f}", display=False)
glue("design-alibi-gentlest", f"{100 * steps[-1] / sum(steps):.0f}", display=False)
glue("design-alibi-tokens", f"{tokens}", display=False)
for n in (1, 4, 12):
    glue(f"design-alibi-near-{n}", f"{100 * mixed[n - 1].flip(0)[:32].sum():.1f}", display=False)
    glue(f"design-alibi-first-{n}", f"{100 * mixed[n - 1, 0]:.0f}", display=False)
lines = [
    "| slope $m$ | factor per token | mean step | peak at 12 layers | at 24 | at 48 | layers to cross 4096 tokens |",
    "|:--|--:|--:|--:|--:|--:|--:|",
]
for head, slope in enumerate(ALIBI, start=1):
    peaks = " | ".join(f"{math.floor(decay_peak(n, slope) + 1e-9):,}" for n in (12, 24, 48))
    lines.append(
        f"| 1/{2**head} | {math.exp(-slope):.3f} | {1 / math.expm1(slope):.1f} | {peaks} | {math.ceil(4095 * math.expm1(slope)):,} |"
    )
display(Markdown("\n".join(lines)))

# %% [markdown]
# The steep heads stay within sight at any depth that is built. The gentle ones cross thousands of tokens in a few dozen layers.
#
# A layer has all eight at once. If it averages them, the walk may take its step from any head, and the long steps count most: the mean step is {glue:text}`design-alibi-mean` tokens, and the gentlest head alone makes {glue:text}`design-alibi-gentlest` % of it.
# Of the last token's context in {glue:text}`design-alibi-tokens` tokens, {glue:text}`design-alibi-near-1` % lies within 32 tokens after one such layer, {glue:text}`design-alibi-near-4` % after 4 and {glue:text}`design-alibi-near-12` % after 12,
# where token 1 holds {glue:text}`design-alibi-first-12` %. *To keep a deep stack local, the gentlest head is the one to watch.*
#
# ## Advice
#
# 1. **Compute $\mu$, multiply by depth, divide by $1+r$.** Below the length of the sequence: that is where the last token looks most. Beyond it: expect the first token to win.
# 2. **A window is not a reach.** $L$ layers of width $w$ can reach $L(w-1)$ tokens, but look most at half of that.
# 3. **To keep a reach when you add layers, steepen the decay**, $m = \log(1+t/x)$. A slope tuned on a shallow model looks farther in a deep one.
# 4. **A residual is a brake, not a wall.** It divides the speed by $1+r$ and changes nothing in the limit. With few layers and a strong residual the peak is the token itself ({numref}`fig-decay-residual`).
# 5. **To share what arrives at the front, give the sequence a prefix**: its $K$ tokens hold together what token 1 would hold alone.
#
# **Caveats.** Attention only: no multilayer perceptrons, no values that cancel. Content without a preference for positions; strong content lengthens the step ({numref}`fig-decay-content`). Real RoPE is no bell ({numref}`fig-rope-real`), so its angle
# belongs into these formulas only when no pair of coordinates wraps around. Where attention *looks* bounds what a model can use; it is not yet what the model uses. How much of it survives training is open here: the {doc}`scorecard </_executed/back_matter/scorecard>` lists the experiments that are to tell.
#
# Try your own design in the [playground](/position_bias/playground).
#
# ## Exercises

# %% [markdown]
# ```{exercise-start} A window in place of a decay
# :label: ex-design-window
# ```

# %% [markdown]
# **Difficulty** ●○○○○ · **Time** 5 minutes
#
# You want to replace a decay mask with $m = 0.05$ by a plain sliding window that carries the peak equally far per layer. Which width?

# %% [markdown]
# ```{exercise-end}
# ```

# %% [markdown]
# ```{solution-start} ex-design-window
# :class: dropdown
# :label: sol-design-window
# ```

# %% [markdown]
# Equal mean steps: $(w-1)/2 = 1/(e^{0.05}-1)$.

# %%
from attention_atlas.exercises import position_bias_encodings as exercises

print(exercises.check_window(round(2 / math.expm1(0.05) + 1)))

# %% [markdown]
# ```{solution-end}
# ```

# %% [markdown]
# ```{exercise-start} Pay for a residual
# :label: ex-design-residual
# ```

# %% [markdown]
# **Difficulty** ●●●○○ · **Time** 15 minutes
#
# Without a residual a decay of $m = 0.1$ puts the peak 95 tokens back in 11 layers. Now add a residual of strength 1. How many layers bring the exact peak to 95 or just beyond? Is it twice as many?

# %% [markdown]
# ```{exercise-end}
# ```

# %% [markdown]
# ```{solution-start} ex-design-residual
# :class: dropdown
# :label: sol-design-residual
# ```

# %% [markdown]
# The speed halves, so about twice as many; but the peak lags behind the mean by $\kappa_3/(2\kappa_2)$, and the residual makes the step more skewed.

# %%
rows = last_rows(with_residual(flat_map(420, causal, slope=0.1), 1.0), 40, 0.0, torch.Generator())
print(exercises.check_residual_layers(next(n for n, row in enumerate(rows, start=1) if peak_distance(row) >= 95)))

# %% [markdown]
# ```{solution-end}
# ```
