# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %% [markdown]
# # The first token wins
#
# Every attention layer only averages. Why should a stack of averages prefer the beginning of the text?
#
# Under a causal mask the answer needs no training and no content. Let every token average everything it may see, with
# equal weights, and stack such layers. {numref}`fig-causal-rollout` shows where the last token's context comes from.

# %% tags=["parameters"]
tokens: int = 64  # length N of the sequences that are computed on this page
draws: int = 60  # random draws in the check of Theorem 4.1
profile: str = "quick"  # size at which missing results are computed

# %% tags=["hide-input"]
import math

import matplotlib.pyplot as plt
import torch
from matplotlib.colors import PowerNorm
from myst_nb import glue

from attention_atlas import figures, results
from attention_atlas.checks import position_bias as checks
from attention_atlas.exercises import position_bias_masks as exercises
from attention_atlas.experiments import rollout_collapse
from attention_atlas.masks import sliding_window
from attention_atlas.rollout import rollout, rollout_power, rollout_trajectory, with_residual
from attention_atlas.theory.position_bias.cesaro import (
    cesaro_looseness,
    cesaro_power,
    cesaro_power_exact,
    cesaro_rate,
)
from attention_atlas.theory.position_bias.collapse import log_causal_bound
from attention_atlas.theory.position_bias.kernels import flat_map

figures.style()


def say(name, value):
    glue(name, value, display=False)


# %% tags=["hide-input"]
depths, small = (1, 2, 4, 8), 24
uniform = flat_map(tokens)
context = rollout_trajectory(uniform.expand(16, -1, -1))[:, -1]
cuts = [edge for edge in (1, 4, 16) if edge < tokens]
shares = [part.sum(-1) for part in context.tensor_split(cuts, dim=-1)]
names = [f"tokens {a + 1}–{b}" if b > a + 1 else f"token {b}" for a, b in zip([0, *cuts], [*cuts, tokens])]

figure = plt.figure(figsize=(7.2, 5.0))
grid = figure.add_gridspec(2, 4, height_ratios=(1, 1.15))
for column, layers in enumerate(depths):
    axes = figure.add_subplot(grid[0, column])
    image = axes.imshow(rollout_power(flat_map(small), layers), norm=PowerNorm(0.5, 0, 1), rasterized=True)
    axes.set(title=f"{layers} layer" + "s" * (layers > 1), xlabel="source token", xticks=[0, 11, 23], yticks=[0, 11, 23])
    axes.set_xticklabels([1, 12, 24])
    axes.set_yticklabels([1, 12, 24])
    axes.grid(False)
    if column == 0:
        axes.set_ylabel("token")
figure.colorbar(image, ax=figure.axes, shrink=0.9, pad=0.01, ticks=[0, 0.1, 0.5, 1], label="share")
axes = figure.add_subplot(grid[1, :])
colors = [figures.PALETTE[name] for name in ("blue", "orange", "green", "muted")]
axes.stackplot(range(1, 17), *shares, colors=colors, alpha=0.85, linewidth=0)
for share, height, name, layer in zip(shares, (0.3, 0.73, 0.80, 0.9), names, (10, 5.4, 2.9, 1.15)):
    axes.annotate(name, (layer, height), color="white" if name != "token 1" else "white", weight="bold", fontsize=9.5)
axes.set(xlim=(1, 16), ylim=(0, 1), xlabel="layers", ylabel=f"share in the context of token {tokens}")
figures.show(
    figure,
    name="causal-rollout",
    caption="Uniform attention under a causal mask. Top: each row is the origin of one token's context after so many "
    f"layers, for {small} tokens; the mass runs into the first column. Bottom: the same for the last of {tokens} tokens. "
    f"One layer gives token 1 a share of 1/{tokens}. After 8 layers it has {context[7, 0]:.0%}.",
    alt="Four heat maps of cumulative attention after 1, 2, 4 and 8 layers: a lower triangle that fades until only the "
    "first column is bright. Below, stacked areas over depth: the share of token 1 grows from almost nothing to "
    "nearly everything within 12 layers.",
)

# %% [markdown]
# ## Why: a walk that cannot go forward
#
# Write the cumulative attention as a sum over paths,
#
# $$
# P^{(t)}_{ij} \;=\; \sum_{k_1, \dots, k_t} A^{(t)}_{i k_1}\, A^{(t-1)}_{k_1 k_2} \cdots A^{(0)}_{k_t j}.
# $$ (eq-backward-walk)
#
# Read it from left to right: a walker starts at token $i$ in the last layer, draws a token to look at, moves there, and
# goes one layer down. $P^{(t)}_{ij}$ is the probability that it ends at token $j$. The causal mask lets it move back or
# stay, never forward. Token 1 sees only itself, so a walker that reaches it stays. Every other token sends some of its
# walkers further back in every layer. In the end all of them stand on token 1.
#
# That is the theorem. It holds for any logits, as long as they stay bounded.
#
# ````{prf:theorem} Theorem 4.1 of Wu 2025 (causal mask)
# :label: thm-causal-collapse
#
# <span class="atlas-origin">paper</span> {cite}`wu2025`. Let $G$ be the causal mask and let the query, key and value
# matrices be bounded (A1, A2). Then for every token $i$
#
# $$\lim_{t \to \infty} P^{(t)}(z_i = 1 \mid X^{(0)}) = 1 ,$$
#
# and there are $0 < C, \varepsilon < 1$ with $N \varepsilon < 1$ such that for all $1 < j \le i$ and $t \ge 0$
#
# $$P^{(t)}(z_i = j \mid X^{(0)}) \;\le\; C\,\bigl(1 - (j-1)\,\varepsilon\bigr)^{t} .$$
# ````
#
# The paper's proof takes for $\varepsilon$ a lower bound on every allowed weight $A^{(t)}_{ij}$, and $C = 1-\varepsilon$.
# The proof is short enough to give here in a form that is a little sharper.
#
# ````{prf:proof}
# :class: dropdown
# <span class="atlas-origin">derived here</span> Let $S_j(t) = \max_i P^{(t)}(z_i \ge j)$. A token $k < j$ cannot see
# anything from $j$ on, so
#
# $$P^{(t)}(z_i \ge j) = \sum_{k \ge j} A^{(t)}_{ik}\, P^{(t-1)}(z_k \ge j)
# \;\le\; S_j(t-1) \sum_{k \ge j} A^{(t)}_{ik} \;\le\; \bigl(1-(j-1)\varepsilon\bigr)\, S_j(t-1) ,$$
#
# because a token $i \ge j$ gives at least $\varepsilon$ to each of the $j-1$ tokens before $j$. The first layer gives
# $S_j(0) \le 1-(j-1)\varepsilon$ in the same way. So $P^{(t)}(z_i = j) \le (1-(j-1)\varepsilon)^{t+1}$, which is at most
# $C(1-(j-1)\varepsilon)^t$ with $C = 1-\varepsilon$. With $j=2$ the limit follows.
# ````
#
# ## The check

# %% tags=["hide-input"]
held = checks.causal_collapse(draws, torch.Generator().manual_seed(41))
broken = checks.causal_collapse_control(draws, torch.Generator().manual_seed(41))
say("causal-draws", f"{len(held)}")
say("causal-worst-margin", f"{held.margin.min():.2g}")
say("causal-median-margin", f"{held.margin.median():.1f}")
say("causal-control-best-margin", f"{broken.margin.max():.2f}")
say("causal-holds", f"{(held.margin >= -checks.ROUNDING).sum()} of {len(held)}")
say("causal-control-fails", f"{(broken.margin < -checks.ROUNDING).sum()} of {len(broken)}")

stored = results.obtain(rollout_collapse, profile)
every = stored.table.set_index(["point", "quantity", "layer"]).sort_index()


def series(point, quantity, column="mean"):
    return every.loc[(point, quantity), column]


# %% [markdown]
# We draw networks at random (2 to 24 tokens, 1 to 40 layers, logits of any scale up to 3), take the smallest allowed
# weight as $\varepsilon$, and compare every entry of every $P^{(t)}$ with the bound. The *margin* is
# $\log_{10}(\text{bound}/\text{share})$ in the worst place: a bound that holds has no negative margin. It holds in
# {glue:text}`causal-holds` draws, with a worst margin of {glue:text}`causal-worst-margin`. With the mask taken away the
# same inequality fails in {glue:text}`causal-control-fails` draws.
#
# So the bound is true. Is it useful? {numref}`fig-causal-bound` compares it with what happens.

# %% tags=["hide-input"]
cases = {
    "flat logits": ("causal-flat-tokens64", "blue", "o"),
    "random, scale 1": ("causal-random-scale1", "orange", "s"),
    "random, scale 4": ("causal-random-scale4", "green", "^"),
    "content, scale 4": ("causal-content-scale4", "purple", "D"),
}
figure, axes = plt.subplots(figsize=(7.2, 3.7))
for label, (point, color, marker) in cases.items():
    measured, bound = series(point, "log10_rest"), series(point, "log10_bound")
    axes.plot(measured.index, measured, marker=marker, color=figures.PALETTE[color], label=label, markevery=2)
    axes.plot(bound.index, bound, linestyle="--", color=figures.PALETTE[color], linewidth=1.3)
axes.axhline(0, color=figures.PALETTE["line"], linewidth=0.8)
last = int(series("causal-flat-tokens64", "log10_rest").index.max())
axes.set(xlabel="layers", ylabel="log10 of the largest share\nof any token but the first", ylim=(-12, 0.6), xlim=(0, last))
axes.legend(loc="lower left", title="measured (dashed: bound)", title_fontsize=9.5)
figures.show(
    figure,
    name="causal-bound",
    caption="Largest share $P^{(t)}_{ij}$ over all $1 < j \\le i$, 64 tokens, mean over networks of its logarithm (solid), "
    "and the bound of Theorem 4.1 with each network's own $\\varepsilon$ (dashed). All dashed lines but the flat one lie "
    "on the upper edge: the bound holds and says next to nothing.",
    alt="Four solid lines fall steeply with depth, to a billionth and below after 32 layers. Four dashed lines, the "
    "bounds, stay close to 1.",
    provenance=stored.provenance,
)
for label, (point, *_) in cases.items():
    epsilon = 10 ** series(point, "log10_epsilon").iloc[0]
    short = point.removeprefix("causal-")
    say(f"causal-{short}-bound-half", f"{math.log(2) / epsilon:.2g}".replace("e+0", "e+"))
    say(f"causal-{short}-bound-half-power", f"{math.log10(math.log(2) / epsilon):.0f}")
    half = every.loc[(point, "layers_to_half")].iloc[0]
    say(f"causal-{short}-half", f"{half['mean']:.1f}" if half["seeds"] > 1 else f"{half['mean']:.0f}")
say("causal-random-seeds", f"{int(every.loc[('causal-random-scale4', 'layers_to_half')].iloc[0]['seeds'])}")

# %% [markdown]
# | logits ($N = 64$) | layers until token 1 has half of the last token's context | layers after which the bound falls to ½ |
# |---|---|---|
# | flat | {glue:text}`causal-flat-tokens64-half` | {glue:text}`causal-flat-tokens64-bound-half` |
# | random, scale 1 | {glue:text}`causal-random-scale1-half` | about $10^{}${glue:text}`causal-random-scale1-bound-half-power` |
# | random, scale 4 | {glue:text}`causal-random-scale4-half` | about 10^{glue:text}`causal-random-scale4-bound-half-power` |
# | content, scale 4 | {glue:text}`causal-content-scale4-half` | about 10^{glue:text}`causal-content-scale4-bound-half-power` |
