# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %% [markdown]
# # A window slows it down
#
# Give every token a window: it sees the last $w$ tokens and nothing before. The last token of a long text can no longer see
# the first one. Is the bias toward the beginning gone?
#
# {numref}`fig-window-travel` follows the context of the last token through the layers. Without a window it jumps to the
# beginning at once. With a window it travels there.

# %% tags=["parameters"]
tokens: int = 64  # length N of the sequences that are computed on this page
draws: int = 40  # random draws in the check of Theorem 4.2
profile: str = "quick"  # size at which missing results are computed

# %% tags=["hide-input"]
import math

import matplotlib.pyplot as plt
import torch
from matplotlib.colors import PowerNorm

from attention_atlas import figures, results
from attention_atlas.checks import position_bias as checks
from attention_atlas.exercises import position_bias_masks as exercises
from attention_atlas.experiments import rollout_collapse
from attention_atlas.experiments.rollout_collapse import mean_layers
from attention_atlas.masks import Mask, causal, dense, sliding_window, steps_from
from attention_atlas.rollout import rollout_power, rollout_trajectory
from attention_atlas.theory.position_bias.collapse import log_window_bound, window_steps
from attention_atlas.theory.position_bias.kernels import flat_map
from attention_atlas.wording import say

figures.style()
layers = 48
panels = (("no window", causal), ("w = 16", sliding_window(16)), ("w = 4", sliding_window(4)))
figure, row = plt.subplots(1, 3, figsize=(7.2, 3.3), sharey=True)
for axes, (title, mask) in zip(row, panels, strict=True):
    travel = rollout_trajectory(flat_map(tokens, mask).expand(layers, -1, -1))[:, -1]
    image = axes.imshow(
        travel,
        norm=PowerNorm(0.5, 0, 0.5),
        aspect="auto",
        extent=(0.5, tokens + 0.5, layers + 0.5, 0.5),
        rasterized=True,
    )
    axes.set(title=title, xlabel="source token", xticks=[1, tokens // 2, tokens], yticks=[1, 16, 32, 48])
    axes.grid(False)
row[0].set_ylabel("layers")
figure.colorbar(image, ax=row, pad=0.01, ticks=[0, 0.05, 0.2, 0.5], extend="max", label="share")
narrow = mean_layers(flat_map(tokens, sliding_window(4)))[-1].item()
wide = mean_layers(flat_map(tokens))[-1].item()
figures.show(
    figure,
    name="window-travel",
    caption=f"Where the context of token {tokens} comes from, layer by layer, with uniform attention. Each horizontal line is "
    f"the last row of one rollout. All three end on token 1: on average after {wide:.1f} layers without a window and after "
    f"{narrow:.1f} with a window of 4.",
    alt="Three heat maps, source token against depth. Without a window the bright area reaches the first token within a "
    "few layers. With a window of 16 a bright band moves diagonally to the first token and arrives after about 10 "
    "layers. With a window of 4 it moves slowly and arrives after about 40.",
)

# %% [markdown]
# ## The statement
#
# A window cuts the direct way to the beginning, not the way in several steps. Token 1 is still the only token from which
# all others can be reached, the only *center node* of the graph. From token $N$ back to it takes at least
#
# $$r = \left\lceil \frac{N-1}{w-1} \right\rceil$$ (eq-window-steps)
#
# layers, because the window holds the token itself and so moves at most $w-1$ tokens per layer. Any $r$ layers together
# act like one causal layer.
#
# ````{prf:theorem} Theorem 4.2 of Wu 2025 (sliding window)
# :label: thm-window-collapse
#
# <span class="atlas-origin">paper</span> {cite}`wu2025`. Let $G$ be the sliding-window mask of width $w \ge 2$, and let A1
# and A2 hold. Then for every token $i$
#
# $$\lim_{t \to \infty} P^{(t)}(z_i = 1 \mid X^{(0)}) = 1 ,$$
#
# and there are $0 < C, \varepsilon < 1$ with $N\varepsilon < 1$ such that for all $1 < j \le i$ and $t \ge 0$
#
# $$P^{(t)}(z_i = j \mid X^{(0)}) \;\le\; C\,\bigl(1 - (j-1)\,\varepsilon^{r}\bigr)^{t/(2r)} .$$
# ````
#
# ({ref}`Theorem card <card-wu2025-thm-4-2>`: check, control, margins.) The paper leaves $C$ open. We check with $C = 1$
# <span class="atlas-origin">derived here</span>; a constant just below 1 exists too, as the theorem says, but the
# $1-\varepsilon$ that serves the causal mask is too small. The smaller the window, the larger $r$ and the weaker the bound:
# *a smaller window slows the collapse and does not stop it*.
#
# ````{dropdown} Proof, with the constant
# <span class="atlas-origin">derived here</span> A path of $r$ steps, each of at most $w-1$ tokens and some of them of 0, leads
# from any $i$ back to any $j \le i$. So any $r$ consecutive maps multiply to a causal matrix with entries of at least
# $\varepsilon^r$ for $j \le i$. By the argument of {prf:ref}`Theorem 4.1 <thm-causal-collapse>`, block by block,
#
# $$P^{(t)}(z_i \ge j) \le \bigl(1-(j-1)\varepsilon^r\bigr)^{\lfloor (t+1)/r \rfloor}.$$
#
# *If $t+1 \ge r$*, the exponent is more than $t/(2r)$, because $\lfloor y \rfloor \ge y/2$ for $y \ge 1$.
# *If $t+1 < r$ and $r = 2$*, then $t = 0$ and the bound is 1. *If $t+1 < r$ and $r \ge 3$*, then $w < N$ and
# $\varepsilon \le 1/w \le \tfrac12$. Every row but the first has two keys or more, so column $j \ge 2$ of $A^{(0)}$, and with
# it $P^{(t)}_{ij}$, is at most $1-\varepsilon$. Now $X = (j-1)\varepsilon^r \le r(w-1)\varepsilon^r \le r\varepsilon^{r-1}$ and
# $t/(2r) \le \tfrac12$, so $X \le 2\varepsilon - \varepsilon^2$ is enough for $(1-X)^{t/(2r)} \ge 1-\varepsilon$. That follows
# from $r\varepsilon^{r-2} \le 2-\varepsilon$: for $r=3$ since $\varepsilon \le \tfrac12$, for $r \ge 4$ since $r\,2^{2-r} \le 1$.
# The same steps leave room for $C = (1-\varepsilon^r)^{1/(2r)} < 1$.
#
# *Why not $C = 1-\varepsilon$:* for $N=4$, $w=2$ and uniform weights, $\varepsilon = \tfrac12$ and $r = 3$, and
# $P^{(1)}_{32} = \tfrac12 > \tfrac12\,(1-\tfrac18)^{1/6}$.
# ````
#
# ## The check

# %% tags=["hide-input"]
held = checks.window_collapse(draws, torch.Generator().manual_seed(42))
broken = checks.window_collapse_control(max(5, draws // 4), torch.Generator().manual_seed(42))
say("window-holds", f"{(held.margin >= -checks.ROUNDING).sum()} of {len(held)}")
say("window-worst-margin", f"{held.margin.min():.2g}")
say("window-control-fails", f"{(broken.margin < -checks.ROUNDING).sum()} of {len(broken)}")
stored = results.obtain(rollout_collapse, profile)
every = stored.table.set_index(["point", "quantity", "layer"]).sort_index()


def series(point, quantity, column="mean"):
    return every.loc[(point, quantity), column].astype(float)


# %% [markdown]
# In random stacks of maps (2 to 24 tokens, windows of any width, 1 to 50 layers) the bound holds in {glue:text}`window-holds`
# draws, in every entry and at every depth. The worst margin, $\log_{10}(\text{bound}/\text{share})$, is
# {glue:text}`window-worst-margin`. With a window that looks both ways the inequality fails in
# {glue:text}`window-control-fails` draws, of few tokens and thousands of layers: the bound is so loose that it needs them to fall at all.
#
# How slow is slow?

# %% tags=["hide-input"]
figure, (left, right) = plt.subplots(1, 2, figsize=(7.2, 3.7))
for width, color, marker in ((2, "green", "^"), (4, "orange", "s"), (16, "blue", "o"), (tokens, "purple", "D")):
    window = flat_map(tokens, sliding_window(width))
    rest = rollout_trajectory(window.expand(200, -1, -1))[:, :, 1:].amax((1, 2))
    label = "no window" if width == tokens else f"w = {width}"
    left.semilogy(range(1, 201), rest, color=figures.PALETTE[color], marker=marker, markevery=25, label=label)
    tight = 1 / min(width, tokens)
    bound = log_window_bound(tight, tokens, width, 200)[:, 1].exp()
    left.semilogy(range(1, 201), bound, "--", color=figures.PALETTE[color], linewidth=1.2)
left.set(xlabel="layers", ylabel="largest share of any token\nbut the first", ylim=(1e-12, 4), xlim=(0, 200))
left.legend(loc="lower right", fontsize=9, borderaxespad=0.2)
widths = [2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64]
for length, color, marker in ((tokens, "blue", "o"), (4 * tokens, "orange", "s"), (16 * tokens, "green", "^")):
    depth = [mean_layers(flat_map(length, sliding_window(width)))[-1].item() for width in widths]
    right.loglog(widths, depth, color=figures.PALETTE[color], marker=marker, label=f"N = {length}")
    right.loglog(widths, [2 * (length - 1) / (w - 1) for w in widths], ":", color=figures.PALETTE[color], linewidth=1.3)
right.xaxis.set_minor_formatter("")
right.set(xlabel="window w", ylabel="mean depth of the collapse (layers)", xticks=[2, 4, 8, 16, 32, 64])
right.xaxis.set_major_formatter("{x:.0f}")
right.legend(loc="upper right", fontsize=9)
figures.show(
    figure,
    name="window-rate",
    caption=f"Uniform attention. Left: largest share left to any token but the first, {tokens} tokens (solid), and the bound "
    "with the largest $\\varepsilon$ that it can have, $1/w$ (dashed; all but the last lie on the upper edge). A narrow "
    "window waits longer; in the end every curve takes the same slope, that of $w=2$ very slowly. Right: mean number of layers until the last token's "
    "context lies on token 1 (markers), and $2(N-1)/(w-1)$ (dotted).",
    alt="Left: four solid curves fall to a trillionth, the narrower the window the later, with similar final slopes; the "
    "dashed bounds stay near 1. Right: mean depth against window width on logarithmic axes; points follow dotted lines "
    "of slope minus one and bend upward when the window is nearly as long as the text.",
)
for width in (4, 8, 16, 32):
    steps = window_steps(64, width)
    point = f"window-random-width{width}"
    epsilon = series(point, "log10_epsilon").iloc[0]
    wait = math.log10(2 * steps * math.log(2)) - steps * epsilon
    half = every.loc[(point, "layers_to_half")].iloc[0]
    arrived, networks = int(half["seeds"]), int(every.loc[(point, "first"), "seeds"].iloc[0])
    say(f"window-steps-{width}", f"{steps}")
    say(f"window-depth-{width}", f"{mean_layers(flat_map(64, sliding_window(width)))[-1]:.1f}")
    some = f" ({arrived} of {networks} networks)" if arrived < networks else ""
    say(f"window-half-{width}", f"{half['mean']:.1f}{some}" if arrived else "deeper than measured")
    say(f"window-bound-{width}", "10" + f"{wait:.0f}".translate(str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")))

# %% [markdown]
# | window ($N=64$) | $r$ | mean depth, flat logits | half on token 1, random logits | bound reaches ½ after |
# |---|---|---|---|---|
# | 32 | {glue:text}`window-steps-32` | {glue:text}`window-depth-32` | {glue:text}`window-half-32` | {glue:text}`window-bound-32` |
# | 16 | {glue:text}`window-steps-16` | {glue:text}`window-depth-16` | {glue:text}`window-half-16` | {glue:text}`window-bound-16` |
# | 8 | {glue:text}`window-steps-8` | {glue:text}`window-depth-8` | {glue:text}`window-half-8` | {glue:text}`window-bound-8` |
# | 4 | {glue:text}`window-steps-4` | {glue:text}`window-depth-4` | {glue:text}`window-half-4` | {glue:text}`window-bound-4` |
#
# The columns are numbers of layers. Random logits have scale 1. The last column uses each network's own $\varepsilon$ for
# token 2. The bound has the right moral and no practical size: it waits until one walker takes the single least likely
# path of $r$ steps, with probability $\varepsilon^r$, while the others take any path.
#
# Two numbers describe what really happens.
#
# ````{prf:proposition} Delay and rate under a window
# :label: prop-window-depth
#
# <span class="atlas-origin">derived here</span> For uniform attention in a window of width $w \ge 2$:
#
# 1. *Delay.* The mean depth of the collapse ({prf:ref}`prop-collapse-depth`) satisfies
#    $T_N = \dfrac{2(N-1)}{w-1} + O(1)$ for fixed $w$ and growing $N$, and $T_N = 2(N-1)$ exactly for $w = 2$.
# 2. *Rate.* The eigenvalues are the diagonal: $1, \tfrac12, \dots, \tfrac1w, \tfrac1w, \dots$ In the limit
#    $n \to \infty$ the share of token 2 falls as $2^{-n}$ for *every* width $w \ge 3$, and up to a power of $n$ for
#    $w = 2$: the same rate as without a window.
# ````
#
# ````{dropdown} Proof
# <span class="atlas-origin">derived here</span> 1. Far from the beginning a walker moves back by $0, 1, \dots, w-1$
# tokens with equal probability, $(w-1)/2$ on average. So $f(i) = 2(i-1)/(w-1)$ solves $f(i) = 1 + \sum_j A_{ij} f(j)$
# for every $i \ge w$, and there $T - f$ is an average of its own values in the window. Going back, $T_N - f(N)$ is an
# average of $T_i - f(i)$ over $i < w$, which do not depend on $N$. For $w=2$ that is token 1 alone, where both are 0.
# 2. The map is triangular. For $w \ge 3$ the eigenvalue $\tfrac12$ stands on the diagonal once, at token 2; for $w = 2$
# it stands there $N-1$ times.
# ````
#
# So the window sets *when* the collapse begins, and how much a token attends to itself sets how fast it ends. The
# theorem's exponent mixes the two.
#
# ## Random logits

# %% tags=["hide-input"]
figure, axes = plt.subplots(figsize=(7.2, 3.4))
curves = (
    ("no window", "causal-random-scale1", "purple", "D", "-"),
    ("w = 32", "window-random-width32", "blue", "o", "-"),
    ("w = 16", "window-random-width16", "green", "^", "-"),
    ("w = 16, content", "window-content-width16", "green", "v", "--"),
    ("w = 8", "window-random-width8", "orange", "s", "-"),
    ("w = 4", "window-random-width4", "brown", "p", "-"),
)
for label, point, color, marker, line in curves:
    mean, error = series(point, "first"), series(point, "first", "standard_error")
    axes.plot(mean.index, mean, line, color=figures.PALETTE[color], marker=marker, markersize=4, label=label)
    axes.fill_between(mean.index, mean - error, mean + error, color=figures.PALETTE[color], alpha=0.2, linewidth=0)
axes.set_xscale("log", base=2)
axes.xaxis.set_major_formatter("{x:.0f}")
axes.set(xlabel="layers", ylabel="share of token 1 in the\nlast token's context", ylim=(0, 1.02))
axes.legend(loc="upper left")
figures.show(
    figure,
    name="window-random",
    caption="The same with random logits of scale 1, and with content logits of scale 4 for one width (see "
    "{numref}`fig-causal-logits`); 64 tokens, mean over networks, band of one standard error. Nothing can arrive before "
    "layer $r$.",
    alt="Six curves rise from 0 to 1. The narrower the window the later: without a window at 5 layers, with a window of 4 "
    "at about 40 layers.",
    provenance=stored.provenance,
)
long_tokens, long_width = 32_768, 4_096
say("window-long-reach", f"{window_steps(long_tokens, long_width)}")
say("window-long-depth", f"{2 * (long_tokens - 1) / (long_width - 1):.0f}")

# %% [markdown]
# ## Look both ways
#
# What exactly does the window keep that makes the first token win? Its direction. Let the window look forward as well,
# $|i - j| < w$. Then every token can be reached from every other, all are center nodes, and nothing collapses.

# %% tags=["hide-input"]
width = 8
two_sided = Mask("two-sided window", lambda query, key: (query - key).abs() < width)
deep = rollout_power(flat_map(tokens, two_sided), 20_000)[-1]
degree = dense(two_sided, tokens).sum(-1).double()
stationary = degree / degree.sum()
one_sided = rollout_power(flat_map(tokens, sliding_window(width)), 20_000)[-1]
say("window-two-sided-error", f"{(deep - stationary).abs().max():.0e}")
say("window-two-sided-first", f"{deep[0]:.4f}")
figure, (left, right) = plt.subplots(1, 2, figsize=(7.2, 3.1), width_ratios=(1, 1.35))
depths = range(1, 129)
for mask, color, marker, label in (
    (sliding_window(width), "orange", "s", "backward"),
    (two_sided, "blue", "o", "both ways"),
):
    first = rollout_trajectory(flat_map(tokens, mask).expand(128, -1, -1))[:, -1, 0]
    left.plot(depths, first, color=figures.PALETTE[color], marker=marker, markevery=16, label=label)
left.set(xlabel="layers", ylabel="share of token 1", ylim=(0, 1.02), xlim=(0, 128))
left.legend(loc="center right")
right.plot(range(1, tokens + 1), deep, "o", color=figures.PALETTE["blue"], label="20,000 layers, both ways")
right.plot(
    range(1, tokens + 1), stationary, color=figures.PALETTE["ink"], linewidth=1.2, label="neighbors / all neighbors"
)
right.set(xlabel="source token", ylabel="share in every context", ylim=(0, None))
right.legend(loc="lower center")
figures.show(
    figure,
    name="window-control",
    caption=f"Negative control: a window of {width} that looks both ways, uniform attention, {tokens} tokens. Left: token 1 "
    f"wins everything under the backward window and {deep[0]:.4f} under the other. Right: the limit of every row is each "
    "token's number of neighbors, itself included, divided by their sum; the ends of the text get least.",
    alt="Left: the backward window's curve rises to 1, the two-sided one stays near 0. Right: the limiting shares form a "
    "plateau that falls off at both ends, and agree with the predicted curve.",
)

# %% [markdown]
# The limit is known exactly <span class="atlas-origin">derived here</span>: a walk on an undirected graph spends its time in
# proportion to the number of neighbors, a token being its own neighbor here. The rollout agrees to {glue:text}`window-two-sided-error`. Here the *ends* of the
# text get the least, and the middle gets the most.
#
# ## What a practitioner takes away
#
# - **A window does not remove the bias to the beginning, it postpones it.** Compare your depth with
#   $2(N-1)/(w-1)$, times $1+r_{\text{res}}$ for a residual of strength $r_{\text{res}}$.
# - **Reach is not use.** For 32,768 tokens and a window of 4,096 the first token can be heard after
#   {glue:text}`window-long-reach` layers, but a typical path of uniform attention needs {glue:text}`window-long-depth`,
#   twice as many, since the mean step is half the window.
# - **Below that depth the bias is another one.** A stack shallower than $r$ layers does not see the beginning at all;
#   between $r$ and the mean depth its context is a packet in the middle of the text ({numref}`fig-window-travel`).
#   Window and depth are two ends of one dial.
# - **Direction matters more than width.** Only a mask with a token of no return makes one token win.
#
# Next: what if several tokens share the place at the beginning? {doc}`/_executed/position_bias/prefix_mask`.
#
# ## Exercise

# %% [markdown]
# ```{exercise-start} How far can it hear?
# :label: ex-window-reach
# ```

# %% [markdown]
# **Difficulty** ●●○○○ · **Time** 10 minutes
#
# What is the smallest number of layers after which the last token's context *can* hold anything of token 1, for
# $(N, w) = (1000, 32)$, $(4096, 64)$ and $(1025, 33)$? Check one of them with the graph of the mask.

# %% [markdown]
# ```{exercise-end}
# ```

# %% [markdown]
# ```{solution-start} ex-window-reach
# :class: dropdown
# :label: sol-window-reach
# ```

# %% [markdown]
# One layer moves at most $w-1$ tokens, so {eq}`eq-window-steps` answers it. The breadth-first distance on the graph agrees.

# %%
reach = [math.ceil((length - 1) / (width - 1)) for length, width in exercises.REACH]
print(reach, steps_from(sliding_window(32), 1000, source=0)[-1].item())
exercises.check_window_reach(reach)

# %% [markdown]
# ```{solution-end}
# ```
