# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %% [markdown]
# # A prefix shares the prize
#
# Let the first $K$ tokens see each other in both directions, as in a prefix language model, and keep everything behind
# them causal. The first token is no longer the only one where every way back ends. Who wins now?
#
# The whole prefix wins, and the shares inside it are fixed by the first few layers ({numref}`fig-prefix-shares`).

# %% tags=["parameters"]
tokens: int = 64  # length N of the sequences that are computed on this page
length: int = 4  # length K of the prefix in the pictures
draws: int = 60  # random draws in the check of Theorem 4.3
seed: int = 3  # of the random networks in the pictures
profile: str = "quick"  # size at which missing results are computed

# %% tags=["hide-input"]
import math

import matplotlib.pyplot as plt
import torch

from attention_atlas import figures, results
from attention_atlas.checks import position_bias as checks
from attention_atlas.checks.margins import random_maps
from attention_atlas.exercises import position_bias_masks as exercises
from attention_atlas.experiments import rollout_collapse
from attention_atlas.experiments.rollout_collapse import mean_layers
from attention_atlas.masks import causal, dense, prefix
from attention_atlas.rollout import rollout, rollout_trajectory
from attention_atlas.theory.position_bias.collapse import measured_epsilon, prefix_floor
from attention_atlas.theory.position_bias.kernels import flat_map
from attention_atlas.wording import say

figures.style()
layers = 16
mask = prefix(length)
maps = random_maps(mask, tokens, layers, 1.0, torch.Generator().manual_seed(seed))
networks = (("flat logits", flat_map(tokens, mask).expand(layers, -1, -1)), ("random logits", maps))
names = ("blue", "orange", "green", "purple", "brown", "red")
colors = [figures.PALETTE[names[k % len(names)]] for k in range(length)] + [figures.PALETTE["muted"]]
figure, row = plt.subplots(1, 2, figsize=(7.2, 3.5), sharey=True)
for axes, (title, network) in zip(row, networks, strict=True):
    shares = rollout_trajectory(network)[:, -1]
    parts = [*shares[:, :length].T, shares[:, length:].sum(-1)]
    axes.stackplot(range(1, layers + 1), *parts, colors=colors, alpha=0.4, linewidth=0)
    edges = torch.stack(parts).cumsum(0)
    axes.plot(range(1, layers + 1), edges[:-1].T, color=figures.PALETTE["ink"], linewidth=0.8)
    for k in range(length):
        middle = (edges[k] + (edges[k - 1] if k else 0))[-1].item() / 2
        axes.annotate(f"token {k + 1}", (layers - 0.3, middle), ha="right", va="center", fontsize=9.5)
    axes.annotate("all others", (1.2, 0.93), fontsize=9.5)
    axes.set(title=title, xlabel="layers", xlim=(1, layers), ylim=(0, 1), xticks=[1, 4, 8, 12, 16])
row[0].set_ylabel(f"share in the context of token {tokens}")
figures.show(
    figure,
    name="prefix-shares",
    caption=f"Context of the last of {tokens} tokens under a prefix mask, $K = {length}$. The prefix takes all. With flat logits "
    "its tokens share equally at every depth. With random logits (one network, scale 1) the shares differ, and stop "
    "changing after a few layers although every further layer is drawn anew.",
    alt="Two stacked area charts over 16 layers. In both, the prefix tokens fill the whole height after about 8 layers. "
    "Left, their bands are equally high; right, they differ and run level from about layer 6 on.",
)

# %% [markdown]
# ## The statement
#
# A walker that reaches the prefix cannot leave it, but goes on moving inside. The prefix tokens are the center nodes.
#
# ````{prf:theorem} Theorem 4.3 of Wu 2025 (prefix mask)
# :label: thm-prefix-collapse
#
# <span class="atlas-origin">paper</span> {cite}`wu2025`. Let $G$ be the prefix mask with prefix length $K$, and let A1 and A2
# hold. Then for every token $i$
#
# $$\lim_{t \to \infty} P^{(t)}(z_i \in [K] \mid X^{(0)}) = 1 ,$$
#
# for every $k \in [K]$ there is a $\kappa > 0$ with
#
# $$\liminf_{t \to \infty} P^{(t)}(z_i = k \mid X^{(0)}) \ge \kappa ,$$
#
# and there are $0 < C, \varepsilon < 1$ with $N\varepsilon < 1$ such that for all $K < j \le i$ and $t \ge 0$
#
# $$P^{(t)}(z_i = j \mid X^{(0)}) \;\le\; C\,\bigl(1 - (j-K)\,\varepsilon\bigr)^{t} .$$
# ````
#
# ({ref}`Theorem card <card-wu2025-thm-4-3>`: check, control, margins.) The paper asserts that a $\kappa$ exists. One can name it <span class="atlas-origin">derived here</span>: every row of
# $P^{(t)}$ is an average of rows of $A^{(0)}$, so $\kappa_k = \min_i A^{(0)}_{ik}$ is a floor under the share of token $k$,
# at every depth and not only in the limit ({ref}`card <card-atlas-prefix-floor>`). The upper bound needs no new idea: a token
# $j > K$ and all behind it see all $j-1$ tokens before $j$, so the proof of {prf:ref}`Theorem 4.1 <thm-causal-collapse>` gives
# $(1-(j-1)\varepsilon)^{t+1}$, which is smaller still.
#
# ## The check

# %% tags=["hide-input"]
held = checks.prefix_collapse(draws, torch.Generator().manual_seed(43))
broken = checks.prefix_collapse_control(max(5, draws // 4), torch.Generator().manual_seed(43))
upper, lower = held[held.side == "upper"], held[held.side == "lower"]
say("prefix-upper-holds", f"{(upper.margin >= -checks.ROUNDING).sum()} of {len(upper)}")
say("prefix-lower-holds", f"{(lower.margin >= -checks.ROUNDING).sum()} of {len(lower)}")
say("prefix-upper-worst", f"{upper.margin.min():.2g}")
say("prefix-lower-worst", f"{lower.margin.min():.2g}")
say("prefix-control-fails", f"{(broken.margin < -checks.ROUNDING).sum()} of {len(broken)}")
same = bool((dense(prefix(1), tokens) == dense(causal, tokens)).all())
say("prefix-one-same", "the same matrix" if same else "another matrix")

stored = results.obtain(rollout_collapse, profile)
every = stored.table.set_index(["point", "quantity", "layer"]).sort_index()


def series(point, quantity, column="mean"):
    return every.loc[(point, quantity), column].astype(float)


# %% [markdown]
# In random stacks of maps the upper bound holds in {glue:text}`prefix-upper-holds` draws that have tokens behind the prefix
# (worst margin {glue:text}`prefix-upper-worst`), the floor $\kappa_k$ in {glue:text}`prefix-lower-holds` (worst margin
# {glue:text}`prefix-lower-worst` from the second layer on; in the first one equality defines $\kappa_k$). In the control the
# prefix is claimed and the mask is causal; the last token's shares then break the floor $\varepsilon$ in {glue:text}`prefix-control-fails` draws. A prefix of one
# token is the causal mask, as a mask {glue:text}`prefix-one-same`, and Theorem 4.3 becomes {prf:ref}`Theorem 4.1 <thm-causal-collapse>`.

# %% tags=["hide-input"]
figure, (left, right) = plt.subplots(1, 2, figsize=(7.2, 3.5))
curves = (
    (1, "causal-random-scale1", "purple", "D"),
    (2, "prefix-random-length2", "orange", "s"),
    (4, "prefix-random-length4", "green", "^"),
    (8, "prefix-random-length8", "blue", "o"),
)
for size, point, color, marker in curves:
    mean, floor = series(point, "prefix"), series(point, "floor")
    left.plot(mean.index, mean, color=figures.PALETTE[color], marker=marker, markersize=4, label=f"K = {size}")
    right.plot(floor.index, floor, color=figures.PALETTE[color], marker=marker, markersize=4, label=f"K = {size}")
    right.axhline(1 / size, linestyle=":", color=figures.PALETTE[color], linewidth=1.2)
    harmonic = sum(1 / k for k in range(size, 64))
    say(f"prefix-depth-{size}", f"{1 + harmonic:.2f}")
    say(f"prefix-solved-{size}", f"{mean_layers(flat_map(64, prefix(size)), size)[-1]:.2f}")
    half = every.loc[(point, "layers_to_half"), "mean"].iloc[0]
    say(f"prefix-half-{size}", f"{half:.1f}")
    say(f"prefix-sources-{size}", f"{series(point, 'sources').iloc[-1]:.2f}")
    say(f"prefix-floor-{size}", f"{floor.iloc[-1]:.3f}")
for axes in (left, right):
    axes.set_xscale("log", base=2)
    axes.xaxis.set_major_formatter("{x:.0f}")
    axes.set(xlabel="layers", ylim=(0, 1.03))
left.set(ylabel="share of the prefix in the\nlast token's context", title="The prefix takes all")
right.set(ylabel="smallest share of a prefix\ntoken in any context", title="and nobody in it is left out")
left.legend(loc="lower right")
right.set_xlim(left.get_xlim())
figures.show(
    figure,
    name="prefix-length",
    caption="Random logits of scale 1, 64 tokens, mean over networks. Left: the longer the prefix, the earlier the collapse. "
    "Right: the smallest share of any prefix token in any context, beside the equal share $1/K$ (dotted).",
    alt="Left: four curves rise to 1, the longer the prefix the earlier. Right: the smallest shares rise and level off "
    "below the dotted equal shares.",
    provenance=stored.provenance,
)

# %% [markdown]
# | $K$ | mean depth, flat logits | formula | half on the prefix, random logits | smallest share | effective sources |
# |---|---|---|---|---|---|
# | 1 | {glue:text}`prefix-solved-1` | {glue:text}`prefix-depth-1` | {glue:text}`prefix-half-1` | {glue:text}`prefix-floor-1` | {glue:text}`prefix-sources-1` |
# | 2 | {glue:text}`prefix-solved-2` | {glue:text}`prefix-depth-2` | {glue:text}`prefix-half-2` | {glue:text}`prefix-floor-2` | {glue:text}`prefix-sources-2` |
# | 4 | {glue:text}`prefix-solved-4` | {glue:text}`prefix-depth-4` | {glue:text}`prefix-half-4` | {glue:text}`prefix-floor-4` | {glue:text}`prefix-sources-4` |
# | 8 | {glue:text}`prefix-solved-8` | {glue:text}`prefix-depth-8` | {glue:text}`prefix-half-8` | {glue:text}`prefix-floor-8` | {glue:text}`prefix-sources-8` |
#
# The formula is {eq}`eq-prefix-depth` below. *Effective sources* is $\exp$ of the entropy of the last token's context at the largest depth: $K$ if all share equally.
#
# ## Who gets how much
#
# The theorem leaves open how the prefix divides the prize, and whether the shares settle at all. They do.
#
# ````{prf:proposition} Division inside the prefix
# :label: prop-prefix-shares
#
# <span class="atlas-origin">derived here</span> Under a prefix mask whose allowed weights are all at least $\varepsilon$:
#
# 1. $P^{(t)}$ converges, to a matrix whose rows are all the same $\pi$, and
#    $\bigl|P^{(t)}_{ik} - \pi_k\bigr| \le (1 - K\varepsilon)^{t}$ for every $i$ and $k \le K$.
# 2. If all layers are equal, $\pi$ is the stationary distribution of the block of $A$ among the prefix tokens, whatever
#    the tokens behind it do. For flat logits $\pi_k = 1/K$, and the prefix tokens have equal shares at every depth.
# 3. For flat logits the mean depth of the collapse onto the prefix is, for $N > K$,
#
# $$T_N = 1 + \frac1K + \frac1{K+1} + \dots + \frac1{N-1} \approx 1 + \ln \frac NK + \frac1{2K} .$$ (eq-prefix-depth)
# ````
#
# ````{dropdown} Proof
# <span class="atlas-origin">derived here</span> 1. In $P^{(t)} = A^{(t)} P^{(t-1)}$ every row is an average of the rows
# before, so for every token $k$ the largest entry of column $k$ never rises and the smallest never falls. Any two rows of
# $A^{(t)}$ put at least $\varepsilon$ on each of the same $K$ tokens, so the new rows have at least $K\varepsilon$ of
# their average in common, and the spread of the column shrinks to at most $1 - K\varepsilon$ of what it was. It is at most 1 in $A^{(0)}$, and $t$ layers follow.
# 2. Every row of $A^{n+1} = A^n A$ tends to $\pi$, so $\pi = \pi A$. It has no weight behind the prefix, so it is stationary for the block. With flat logits all rows give equal
# weights to the $K$ prefix tokens, and so does every average of them. 3. As in {prf:ref}`prop-collapse-depth`:
# $(i-1)(T_i - T_{i-1}) = 1$ for $i \ge K+2$, and $T_{K+1} = 1 + 1/K$.
# ````
#
# Part 1 has a consequence that is easy to test. New layers multiply from the left and only average rows that are nearly
# equal already. So *the first layers decide and the later ones cannot change it*, although depth is what brings everyone
# to the prefix.

# %% tags=["hide-input"]
depth, cut = 24, 8
first = random_maps(mask, tokens, depth, 1.0, torch.Generator().manual_seed(seed))
other = random_maps(mask, tokens, depth, 1.0, torch.Generator().manual_seed(seed + 1))
variants = {
    "as drawn": first,
    f"layers {cut + 1}–{depth} redrawn": torch.cat([first[:cut], other[cut:]]),
    f"layers 1–{cut} redrawn": torch.cat([other[:cut], first[cut:]]),
}
ends = {label: rollout(network)[-1, :length] for label, network in variants.items()}
before, late, early = ends.values()
say("prefix-late-change", f"{(late - before).abs().max():.0e}")
say("prefix-early-change", f"{(early - before).abs().max():.2f}")
epsilon, floor = measured_epsilon(first, mask), prefix_floor(first[0], length).min().item()
spread = rollout_trajectory(first)[:, :, :length]
spread = (spread.amax(1) - spread.amin(1)).amax(-1)[:20]  # later it is rounding
contraction = torch.arange(len(spread)) * torch.log1p(torch.tensor(-length * epsilon, dtype=torch.float64))
say("prefix-contraction-margin", f"{((contraction - spread.log()) / math.log(10)).min():.2f}")
say("prefix-spread-rate", f"{-(spread[15] / spread[5]).log() / 10:.2f}")
say("prefix-epsilon", f"{epsilon:.1e}")
say("prefix-kappa", f"{floor:.1e}")
say("prefix-least", f"{before.min():.2f}")
figure, axes = plt.subplots(figsize=(7.2, 3.0))
hatches = ("", "//", "..")
for place, ((label, shares), color) in enumerate(zip(ends.items(), ("blue", "orange", "green"), strict=True)):
    x = torch.arange(length) + (place - 1) * 0.27
    axes.bar(x, shares, 0.25, color=figures.PALETTE[color], alpha=0.75, hatch=hatches[place], label=label)
axes.axhline(1 / length, linestyle=":", color=figures.PALETTE["muted"])
axes.set(xticks=range(length), ylabel=f"share in the context\nof token {tokens}", ylim=(0, None))
axes.set_xticklabels([f"token {k + 1}" for k in range(length)])
axes.grid(axis="x")
axes.legend(ncols=3, loc="lower center", bbox_to_anchor=(0.5, 1.0))
figures.show(
    figure,
    name="prefix-first-layers",
    caption=f"One network of {depth} layers with random logits. Redrawing its last {depth - cut} layers changes the shares by "
    f"{(late - before).abs().max():.0e} at most, redrawing its first {cut} by up to {(early - before).abs().max():.2f}. "
    "Dotted: equal shares.",
    alt="Bars of the four prefix tokens' shares for three variants. The bars of the original and of the network with new "
    "late layers are equal; those of the network with new early layers differ.",
)

# %% [markdown]
# The floor $\kappa$ is safe and low: for this network $\min_k \kappa_k$ is {glue:text}`prefix-kappa` (and
# $\varepsilon$ is {glue:text}`prefix-epsilon`), while the smallest share at the end is {glue:text}`prefix-least`. The bound of
# {prf:ref}`prop-prefix-shares` on how far two contexts can still differ holds with a worst margin of
# {glue:text}`prefix-contraction-margin` decades; in fact the difference falls by {glue:text}`prefix-spread-rate` nats per layer.
#
# ## Take the prefix away
#
# If the mask is causal, tokens 2 to $K$ are ordinary tokens and must lose everything. {numref}`fig-prefix-control` shows
# it for the same logits.

# %% tags=["hide-input"]
depth = 40
figure, axes = plt.subplots(figsize=(7.2, 3.1))
for kind, color, marker, label in ((mask, "blue", "o", f"prefix, K = {length}"), (causal, "orange", "s", "causal")):
    network = random_maps(kind, tokens, depth, 1.0, torch.Generator().manual_seed(seed))
    least = rollout_trajectory(network)[:, -1, :length].amin(-1)
    axes.semilogy(range(1, depth + 1), least, color=figures.PALETTE[color], marker=marker, markevery=4, label=label)
    say(f"prefix-control-{kind.name.partition('(')[0]}", f"{least[-1]:.0e}" if least[-1] < 0.01 else f"{least[-1]:.2f}")
axes.set(xlabel="layers", ylabel=f"smallest share\nof tokens 1–{length}", xlim=(1, depth))
axes.legend(loc="center right")
figures.show(
    figure,
    name="prefix-control",
    caption=f"Negative control: the smallest share of tokens 1 to {length} in the last token's context, with the prefix mask and "
    "without it. The same random logits in both; only the mask differs.",
    alt="With the prefix the smallest share levels off near a tenth; under the causal mask it falls exponentially with depth.",
)

# %% [markdown]
# After 40 layers the smallest share is {glue:text}`prefix-control-prefix` with the prefix and
# {glue:text}`prefix-control-causal` without.
#
# ## What a practitioner takes away
#
# - **A bidirectional prefix does not prevent the collapse. It speeds it up** ({eq}`eq-prefix-depth`) **and spreads it.** The
#   text behind the prefix loses its share sooner; in exchange $K$ tokens stay readable and not one.
# - **No prefix token is starved.** Under a causal mask the second token of an instruction fades like any other token.
#   Under a prefix mask every one of the $K$ keeps a positive share at any depth.
# - **Early layers choose, late layers only copy the choice.** If one prefix token dominates the rollout of a deep model,
#   look for the reason in its first layers.
# - **Equal shares are not guaranteed.** They hold for flat logits. With random ones the smallest share is well below $1/K$.
#
# ## Exercise

# %% [markdown]
# ```{exercise-start} Divide the prize
# :label: ex-prefix-shares
# ```

# %% [markdown]
# **Difficulty** ●●●○○ · **Time** 15 minutes
#
# Prefix of two tokens, many equal layers. In every layer token 1 gives 0.9 to itself and 0.1 to token 2; token 2 gives 0.4
# to token 1 and 0.6 to itself. Behind them follow a thousand causal tokens with any bounded logits. Which shares do the
# two prefix tokens have in the last token's context in the end?

# %% [markdown]
# ```{exercise-end}
# ```

# %% [markdown]
# ```{solution-start} ex-prefix-shares
# :class: dropdown
# :label: sol-prefix-shares
# ```

# %% [markdown]
# Only the block matters ({prf:ref}`prop-prefix-shares`). Its stationary distribution balances the flows,
# $0.1\,\pi_1 = 0.4\,\pi_2$, so $\pi = (0.8, 0.2)$. A high power of the block shows the same.

# %%
block = torch.tensor(exercises.PREFIX_BLOCK, dtype=torch.float64)
shares = torch.linalg.matrix_power(block, 100)[-1]
exercises.check_prefix_shares(shares)

# %% [markdown]
# ```{solution-end}
# ```
