# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %% [markdown]
# # Rollout: averages of averages
#
# **After many layers, which input tokens is a token made of?** Multiply the maps. The product is called *rollout*, and it is the object that Wu 2025 proves its theorems about.

# %% tags=["parameters"]
tokens: int = 32  # sequence length of the maps
width: int = 5  # of the sliding window
prefix_length: int = 4  # tokens that see each other
logit_scale: float = 1.0  # standard deviation of the random logits
layers: int = 20  # depth of the deepest map, at least 2
seed: int = 0  # of the random logits

# %% tags=["hide-input"]
import math

import matplotlib.pyplot as plt
import torch
from matplotlib.colors import PowerNorm
from myst_nb import glue

from attention_atlas import figures
from attention_atlas.attention import attention_weights
from attention_atlas.drawing.attention import attention_map
from attention_atlas.masks import causal, center_nodes, dense, prefix, sliding_window
from attention_atlas.rollout import rollout, rollout_power, rollout_row, rollout_trajectory, with_residual
from attention_atlas.theory.position_bias.kernels import flat_map
from attention_atlas.theory.position_bias.paths import log_paths

figures.style()
palette = figures.PALETTE
generator = torch.Generator().manual_seed(seed)

masks = {
    "causal": causal,
    f"window of {width}": sliding_window(width),
    f"prefix of {prefix_length}": prefix(prefix_length),
}
depths = [*(depth for depth in (1, 2, 4, 8) if depth < layers), layers]
norm = PowerNorm(0.4, vmin=0, vmax=1)
figure, axes = plt.subplots(len(masks), len(depths), figsize=(7.2, 4.5), sharex=True, sharey=True)
middle, ends = {}, {}
for row, (name, mask) in zip(axes, masks.items(), strict=True):
    scores = logit_scale * torch.randn(layers, tokens, tokens, generator=generator, dtype=torch.float64)
    trajectory = rollout_trajectory(attention_weights(scores, dense(mask, tokens)))
    middle[name], ends[name] = trajectory[depths[-2] - 1, -1], trajectory[-1, -1]
    for axis, depth in zip(row, depths, strict=True):
        image = attention_map(axis, trajectory[depth - 1], norm=norm, labels=False)
        if mask is causal:
            axis.set_title(f"$t = {depth - 1}$")
    row[0].set_ylabel(name)


def percent(shares):
    """Their sum as text that does not round up to all."""
    return "over 99.9%" if shares.sum() > 0.999 else f"{shares.sum():.1%}"


figure.colorbar(image, ax=axes, shrink=0.8, ticks=[0, 0.01, 0.1, 0.5, 1], label="share of the context")
figures.show(
    figure,
    name="rollout-depth",
    caption=f"**Depth moves attention to the left.** Cumulative attention $P^{{(t)}}$ of {tokens} tokens (queries downwards, keys to the right) for three masks, a new random map in every layer. Column $t$ shows a product of $t + 1$ maps; "
    f"$t = 0$ is one layer. From $t = {depths[-2] - 1}$ to $t = {depths[-1] - 1}$ the last token's share from the center nodes rises from "
    + "; ".join(
        f"{percent(middle[name][center_nodes(mask, tokens)])} to {percent(ends[name][center_nodes(mask, tokens)])} ({name})"
        for name, mask in masks.items()
    )
    + ".",
    alt="A grid of maps, one row per mask, one column per depth. With depth the weight of every row moves into the leftmost column, at once for the causal mask, "
    "after a slanted band for the window, and into the leftmost columns of the prefix for the prefix mask.",
)

# %% [markdown]
# ## The definition, and the order
#
# ````{prf:definition} Rollout
# :label: def-rollout
#
# <span class="atlas-origin">paper</span>
#
# The cumulative attention of layers $0, \dots, t$ is
#
# $$
# P^{(t)} = A^{(t)}\, A^{(t-1)} \cdots A^{(0)} .
# $$ (eq-rollout)
#
# $P^{(t)}_{ij}$ is the share of input token $j$ in the context of token $i$ after layer $t$. The paper writes it as $P^{(t)}(z_i = j \mid X^{(0)})$.
# ````
#
# The idea is the *attention rollout* of {cite}`abnar2020`. Two things to keep straight:
#
# - **$t$ counts from 0**, so $P^{(t)}$ is a product of $t + 1$ maps and $P^{(0)} = A^{(0)}$ is one layer. The library always speaks of *layers*, which is $t + 1$.
# - **Later layers multiply from the left.** The last layer looks at tokens that are mixtures already. Its row $i$ says how to mix those mixtures.
#
# A product of tables of averages is a table of averages: rows of $P^{(t)}$ are at least 0 and sum to 1.
#
# The order matters as soon as the layers differ. Take a first layer that copies token 1 to token 2, and a second that copies token 2 to token 3. Done in this order, token 3 has heard of token 1; in the other order it has not.

# %%
first = torch.eye(3)[[0, 0, 2]]  # token 2 looks at token 1
second = torch.eye(3)[[0, 1, 1]]  # token 3 looks at token 2

print("later from the left: ", rollout([first, second])[2].tolist())
print("the wrong way around:", (first @ second)[2].tolist())

# %% [markdown]
# ## The same thing, counted in paths
#
# Write the matrix product out and it becomes a sum over everything that can happen on the way:
#
# $$
# P^{(t)}_{ij} \;=\; \sum_{j = z_0,\, z_1,\, \dots,\, z_{t+1} = i}\; A^{(t)}_{z_{t+1} z_t}\, \cdots\, A^{(1)}_{z_2 z_1}\, A^{(0)}_{z_1 z_0} .
# $$ (eq-paths)
#
# Each term is one *path* through the layers, weighted by the product of its attention weights. Two forces are at work: how many paths lead to $j$, and how heavy they are.

# %% tags=["hide-input"]
few, deep = 5, 3
flat = flat_map(few)
source, target = 1, few - 1  # from token 2 to the last token


def paths(layer, token):
    """Every way from the source in the input to a token above this many layers, with its weight."""
    if layer == 0:
        return [([token], 1.0)] if token == source else []
    return [
        ([*way, token], weight * flat[token, key].item())
        for key in range(few)
        if flat[token, key] > 0
        for way, weight in paths(layer - 1, key)
    ]


ways = sorted(paths(deep, target), key=lambda way: way[1])
total = rollout_power(flat, deep)[target, source].item()
count = round(math.exp(log_paths(torch.tensor([target - source]), deep).item()))
assert len(ways) == count and math.isclose(sum(weight for _, weight in ways), total)

figure, (left, right) = plt.subplots(1, 2, figsize=(7.2, 3.1), width_ratios=[1, 1.15])
for way, weight in ways:
    heaviest = way is ways[-1][0]
    left.plot(
        [token + 1 for token in way],
        range(deep + 1),
        color=palette["orange" if heaviest else "blue"],
        linewidth=0.8 + 3 * weight / ways[-1][1],
        alpha=1 if heaviest else 0.45,
        solid_joinstyle="round",
    )
for layer in range(deep + 1):
    left.scatter(
        range(1, few + 1), [layer] * few, s=70, facecolor=palette["line"], edgecolor=palette["muted"], zorder=3
    )
left.set(title=f"{count} paths, token {target + 1} to token {source + 1}", xlabel="token", xticks=range(1, few + 1))
left.set_yticks(range(deep + 1), ["input", *(f"layer {layer}" for layer in range(deep))])
left.grid(False)
distance = torch.arange(60)
for depth, color, marker in ((1, "blue", "o"), (2, "orange", "s"), (4, "green", "^"), (8, "purple", "D")):
    right.semilogy(
        distance,
        log_paths(distance, depth).exp(),
        color=palette[color],
        marker=marker,
        markevery=10,
        label=f"{depth} layer{'s' * (depth > 1)}",
    )
right.set(title="Paths of a causal mask", xlabel="distance, query - key", ylabel="number of paths")
right.legend()
figures.show(
    figure,
    name="rollout-paths",
    caption=f"**Rollout sums over paths.** Left: all {count} ways in which token {target + 1} can draw on token {source + 1} through {deep} causal layers, as thick as their weight under flat logits; they add up to $P^{{({deep - 1})}}_{{{target + 1}{source + 1}}} = {total:.4f}$. The heaviest "
    "(orange) goes left as early as it can on the way down: rows near the start have few tokens to share with. Right: the number of paths, $\\binom{t+x}{x}$ at distance $x$. It is the force that pulls deep attention towards the beginning.",
    alt=f"Left, a lattice of {few} tokens and {deep} layers with {count} descending paths between two nodes, the heaviest highlighted. Right, the number of paths against distance rises steeply with the number of layers.",
)

# %% [markdown]
# For one layer there is one path to every token. For $t + 1$ causal layers, $x = i - j$ steps must be split among them, which can be done in $\binom{t+x}{x}$ ways. This is the binomial coefficient in
# Theorems 4.5 and 4.7 of Wu 2025. Distant tokens win by number, near tokens by weight if there is a decay.
#
# ## What a residual connection does to the clock
#
# With a residual of strength $r$ a layer looks around with weight 1 and stays where it is with weight $r$. Rollout keeps rows that sum to 1 by dividing:
#
# $$
# B = \frac{A + r I}{1 + r} .
# $$ (eq-residual)
#
# ````{prf:proposition} A residual is a random number of layers
# :label: prop-residual-clock
#
# <span class="atlas-origin">derived here</span>
#
# Let $n$ layers share the map $A$. Then
#
# 1. $B^n = \sum_{k=0}^{n} \binom{n}{k} \frac{r^{\,n-k}}{(1+r)^n}\, A^k$: the rollout without residual, of a depth that is binomially distributed with mean $n/(1+r)$;
# 2. an eigenvalue $\lambda$ of $A$ becomes $(\lambda + r)/(1 + r)$. A share that shrinks by the rate $\rho = -\log \lambda$ per layer, $0 < \lambda < 1$, now shrinks by
#
# $$
# \rho_r = -\log \frac{\lambda + r}{1 + r} \;\le\; \frac{\rho}{1 + r} ,
# $$ (eq-residual-rate)
#
# with equality in the limit of small rates.
# ````
#
# ````{prf:proof}
# (1) $I$ commutes with $A$, so the binomial theorem applies. (2) Put $\delta = 1 - \lambda$; then $\rho = f(\delta)$ and $\rho_r = f(\delta/(1+r))$ with $f(\delta) = -\log(1 - \delta)$.
# $f$ is convex and $f(0) = 0$, so $f(\delta/(1+r)) \le f(\delta)/(1+r)$. For small $\delta$, $f(\delta) \approx \delta$ makes the two sides equal.
# ````
#
# So the rule of thumb "a residual slows everything by $1 + r$" is exact for slow modes and too optimistic for fast ones. Uniform causal attention has the eigenvalues $1, \frac12, \frac13, \dots, \frac1N$, fast ones all of them.

# %% tags=["hide-input"]
size, deepest = 16, 120
uniform = flat_map(size)
figure, (left, right) = plt.subplots(1, 2, figsize=(7.2, 3.3))
steps = range(1, deepest + 1)
strengths = {0.0: ("blue", "-"), 0.5: ("orange", "--"), 1.0: ("green", "-."), 3.0: ("purple", ":")}
for strength, (color, line) in strengths.items():
    last = rollout_trajectory([uniform] * deepest, residual=strength)[:, -1]
    left.semilogy(steps, 1 - last[:, 0], color=palette[color], linestyle=line, label=f"$r = {strength:g}$")
left.set(
    xlabel="layers", ylabel="share not from token 1", ylim=(1e-9, 2), title=f"Last of {size} tokens, uniform causal"
)
left.legend()
grid = torch.linspace(0, 4, 81, dtype=torch.float64)
largest_error = 0.0
for eigenvalue, color, marker in ((0.5, "blue", "o"), (0.9, "orange", "s"), (0.99, "green", "^")):
    # Two tokens, the second of which keeps this share of itself: the smallest map with the eigenvalue.
    pair = torch.tensor([[1.0, 0.0], [1 - eigenvalue, eigenvalue]], dtype=torch.float64)
    slowed = math.log(eigenvalue) / ((eigenvalue + grid) / (1 + grid)).log()
    right.plot(grid, slowed, color=palette[color], linewidth=1.2)
    chosen = grid[::10]
    measured = torch.stack(
        [math.log(eigenvalue) * 50 / rollout_power(pair, 50, residual=r.item())[1, 1].log() for r in chosen]
    )
    largest_error = max(largest_error, (measured / slowed[::10] - 1).abs().max().item())
    right.plot(
        chosen, measured, color=palette[color], marker=marker, linestyle="none", label=rf"$\lambda = {eigenvalue:g}$"
    )
right.plot(grid, 1 + grid, color=palette["muted"], linestyle="--", linewidth=1.2, label="$1 + r$")
right.set(xlabel="residual strength $r$", ylabel="times as many layers", title="How much slower")
right.legend()
figures.show(
    figure,
    name="residual-speed",
    caption="**A residual slows the collapse and does not stop it.** Left: share of the last token's context that does not come from token 1. Right: how many times more layers a mode with eigenvalue $\\lambda$ needs; "
    f"markers are measured on rollouts of 50 layers, lines are {{eq}}`eq-residual-rate` (they agree to a relative {largest_error:.0e}), the dashed line is the rule of thumb $1 + r$.",
    alt="Left, four straight falling lines on a logarithmic axis, the flatter the stronger the residual. Right, the slow-down against residual strength: for eigenvalue 0.99 it lies on the line one plus r, for 0.5 well above it.",
)
half = math.log(2) / math.log(4 / 3)
glue("residual-half", f"{half:.2f}", display=False)

# %% [markdown]
# At $r = 1$ the slowest mode of uniform causal attention, $\lambda = \frac12$, needs {glue:text}`residual-half` times as many layers, not 2.
#
# For maps that differ from layer to layer part 1 still holds in spirit: $\prod_s (A^{(s)} + rI)$ expands into all subsets of the layers, each subset in order. The part of a path that stays is the part of the network that is skipped.

# %% [markdown]
# ## What it costs
#
# | question | function | operations for $N$ tokens, $L$ layers |
# |---|---|---|
# | $P^{(t)}$, any maps | {py:func}`~attention_atlas.rollout.rollout` | $2N^3 (L - 1)$; causal $\tfrac13 N^3 (L-1)$ |
# | every $P^{(0)}, \dots, P^{(t)}$ | {py:func}`~attention_atlas.rollout.rollout_trajectory` | the same, and $N^2 L$ numbers of memory |
# | $L$ equal maps | {py:func}`~attention_atlas.rollout.rollout_power` | at most $2\log_2 L$ products |
# | a single row $i$ | {py:func}`~attention_atlas.rollout.rollout_row` | $2N^2 L$ |
#
# *Why a third and not two.* Entry $(i, j)$ of a product of lower triangular maps sums over $j \le k \le i$ only. All entries together need $\binom{N+2}{3} \approx N^3/6$ multiplications and as many additions. The library multiplies
# blocks and skips those above the diagonal. *Why a row is cheap.* Start with the unit vector $e_i$ and multiply from the *last* layer down: a vector times a matrix each time. That is the backward walk of
# {prf:ref}`prop-center-limit`, followed in distribution.

# %%
noise = torch.randn(layers, tokens, tokens, generator=generator).double()
maps = attention_weights(logit_scale * noise, dense(causal, tokens))

one_row = rollout_row(maps, query=tokens - 1)
by_squaring = rollout_power(maps[0], layers)
largest_difference = max(
    (one_row - rollout(maps)[-1]).abs().max().item(),
    (by_squaring - rollout([maps[0]] * layers)).abs().max().item(),
)

# %% tags=["hide-input"]
assert largest_difference < 1e-12
glue("rollout-ways", f"{largest_difference:.0e}", display=False)

# %% [markdown]
# All ways give the same numbers, here to {glue:text}`rollout-ways`.
#
# ## What rollout is not
#
# Rollout answers "where does the *attention* lead?" It is exact for one network: maps held fixed, one value matrix per layer, nothing else. Then {eq}`eq-attention-layer` unrolls to
# $X^{(t+1)} = P^{(t)} X^{(0)} W_V^{(0)} \cdots W_V^{(t)}$, and $P^{(t)}_{ij}$ is what input token $j$ contributes. In a real transformer it is not an attribution, because
#
# - **values differ**: a token that holds all the attention contributes nothing if $W_V$ sends it to zero, and trained sinks often have small values;
# - **maps depend on the input**: changing token $j$ changes the weights as well, which rollout holds fixed;
# - **several heads** have their own values, so averaging their maps first is an approximation;
# - **MLPs and normalization** act between the layers. They can amplify, gate or erase what attention brought; Kim 2026 reports that LayerNorm turns the bias around.
#
# The first point in five lines: a token that gets nearly all the attention, and whose value is zero.

# %%
# Token 1 lives in coordinate 2, and W_V forgets it.
weights = torch.tensor([0.90, 0.05, 0.05])  # row 3 of the map
inputs = torch.tensor([[0.0, 5.0], [1.0, 0.0], [2.0, 0.0]])
value_matrix = torch.tensor([[1.0, 0.0], [0.0, 0.0]])

contribution = weights[:, None] * (inputs @ value_matrix)
print("share of tokens 1, 2, 3:  ", [f"{w:.2f}" for w in weights])
print("what each one contributes:", [f"{c:.2f}" for c in contribution[:, 0]])

# %% [markdown]
# ## What a practitioner does with it
#
# - Use rollout to see where a *mask and positional encoding* send information, as the next chapter does. Do not use it alone to say which word caused an answer.
# - For one token's context compute one row, not the matrix.
# - Say which residual strength you assume. $r = 1$ is the convention of {cite}`abnar2020`; in a trained model the weight of the residual stream differs from layer to layer.
# - Keep products in float64. Shares of $10^{-8}$ decide theorems, and float32 has only seven digits.

# %% [markdown]
# ## Exercises

# %% [markdown]
# ```{exercise-start} Which layer comes first?
# :label: ex-product-order
# ```

# %% [markdown]
# **Difficulty** ●●○○○ · **Time** 10 minutes
#
# A first and a second layer have the maps
#
# $$
# A^{(0)} = \begin{pmatrix} 1 & & \\ .9 & .1 & \\ .2 & .5 & .3 \end{pmatrix}, \qquad
# A^{(1)} = \begin{pmatrix} 1 & & \\ .4 & .6 & \\ .1 & .7 & .2 \end{pmatrix} .
# $$
#
# By hand: what share of token 3's context after both layers comes from token 1? List its paths.

# %% [markdown]
# ```{exercise-end}
# ```

# %% [markdown]
# ````{solution-start} ex-product-order
# :label: sol-product-order
# :class: dropdown
# ````

# %% [markdown]
# The last layer looks at token 1, 2 or 3, and each of them looked at token 1 before: $.1 \cdot 1 + .7 \cdot .9 + .2 \cdot .2 = .77$. The heaviest path goes over token 2. In the wrong order it would be $.43$.

# %%
from attention_atlas.exercises.foundations import check_product_order

maps = torch.tensor(
    [
        [[1.0, 0.0, 0.0], [0.9, 0.1, 0.0], [0.2, 0.5, 0.3]],  # first
        [[1.0, 0.0, 0.0], [0.4, 0.6, 0.0], [0.1, 0.7, 0.2]],  # second
    ]
)
check_product_order(rollout(maps)[2, 0].item(), maps, query=3, key=1)

# %% [markdown]
# ````{solution-end}
# ````

# %% [markdown]
# ```{exercise-start} Slower, but by how much?
# :label: ex-layers-with-residual
# ```

# %% [markdown]
# **Difficulty** ●●●○○ · **Time** 15 minutes
#
# Uniform causal attention with a residual of $r = 1$. After how many layers does token 2 draw at most 1 % of its context from itself, the rest from token 1? Without the residual it takes 7 layers.

# %% [markdown]
# ```{exercise-end}
# ```

# %% [markdown]
# ````{solution-start} ex-layers-with-residual
# :label: sol-layers-with-residual
# :class: dropdown
# ````

# %% [markdown]
# Token 2 keeps $\lambda = \frac12$ per layer, with the residual $(\frac12 + 1)/2 = \frac34$. So $(3/4)^n \le 0.01$, $n \ge \log 100 / \log\frac43 = 16.01$: 17 layers. Doubling 7 gives 14, too few, because the rule of thumb holds for small rates only.

# %%
from attention_atlas.exercises.foundations import check_layers_with_residual

kept = with_residual(flat_map(2), strength=1.0)[1, 1].item()
answer = math.ceil(math.log(0.01) / math.log(kept))
check_layers_with_residual(answer, residual=1.0, share=0.01)

# %% [markdown]
# ````{solution-end}
# ````
