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
from attention_atlas.wording import say

figures.style()


def power(value):
    """A large number as people write it: 3 × 10⁵."""
    exponent = math.floor(math.log10(value))
    return f"{value / 10**exponent:.0f} × 10{str(exponent).translate(str.maketrans('0123456789', '⁰¹²³⁴⁵⁶⁷⁸⁹'))}"


# %% tags=["hide-input"]
depths, small = (1, 2, 4, 8), 24
uniform = flat_map(tokens)
context = rollout_trajectory(uniform.expand(16, -1, -1))[:, -1]
cuts = [edge for edge in (1, 4, 16) if edge < tokens]
shares = [part.sum(-1) for part in context.tensor_split(cuts, dim=-1)]
names = [f"tokens {a + 1}–{b}" if b > a + 1 else f"token {b}" for a, b in zip([0, *cuts], [*cuts, tokens], strict=True)]

figure = plt.figure(figsize=(7.2, 5.0))
grid = figure.add_gridspec(2, 4, height_ratios=(1, 1.15))
for column, layers in enumerate(depths):
    axes = figure.add_subplot(grid[0, column])
    image = axes.imshow(rollout_power(flat_map(small), layers), norm=PowerNorm(0.5, 0, 1), rasterized=True)
    axes.set(
        title=f"{layers} layer" + "s" * (layers > 1), xlabel="source token", xticks=[0, 11, 23], yticks=[0, 11, 23]
    )
    axes.set_xticklabels([1, 12, 24])
    axes.set_yticklabels([1, 12, 24])
    axes.grid(False)
    if column == 0:
        axes.set_ylabel("token")
figure.colorbar(image, ax=figure.axes, shrink=0.9, pad=0.01, ticks=[0, 0.1, 0.5, 1], label="share")
axes = figure.add_subplot(grid[1, :])
colors = [figures.PALETTE[name] for name in ("blue", "orange", "green", "muted")]
axes.stackplot(range(1, 17), *shares, colors=colors, alpha=0.4, linewidth=0)
for name, place in zip(names, ((10, 0.3), (5.2, 0.7), (2.9, 0.8), (1.15, 0.9)), strict=False):
    axes.annotate(name, place, color=figures.PALETTE["ink"], fontsize=10)
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
# <span class="atlas-origin">paper</span> {cite}`wu2025`. Let $G$ be the causal mask. Over all layers, let the query and key
# matrices be bounded (A1) and the products of the value matrices be bounded (A2). Then for every token $i$
#
# $$\lim_{t \to \infty} P^{(t)}(z_i = 1 \mid X^{(0)}) = 1 ,$$
#
# and there are $0 < C, \varepsilon < 1$ with $N \varepsilon < 1$ such that for all $1 < j \le i$ and $t \ge 0$
#
# $$P^{(t)}(z_i = j \mid X^{(0)}) \;\le\; C\,\bigl(1 - (j-1)\,\varepsilon\bigr)^{t} .$$
# ````
#
# ({ref}`Theorem card <card-wu2025-thm-4-1>`: check, control, margins.) The paper's proof takes for $\varepsilon$ a lower
# bound on every allowed weight $A^{(t)}_{ij}$ of every layer, which A1 and A2 provide, and $C = 1-\varepsilon$. It is short enough to give here in a form that is a little sharper ({ref}`card <card-atlas-sharp-collapse>`).
#
# ````{dropdown} Proof
# <span class="atlas-origin">derived here</span> Let $S_j(t) = \max_i P^{(t)}(z_i \ge j)$. A token $k < j$ cannot see
# anything from $j$ on, so
#
# $$\begin{aligned}
# P^{(t)}(z_i \ge j) &= \sum_{k \ge j} A^{(t)}_{ik}\, P^{(t-1)}(z_k \ge j) \\
# &\le\; S_j(t-1) \sum_{k \ge j} A^{(t)}_{ik} \;\le\; \bigl(1-(j-1)\varepsilon\bigr)\, S_j(t-1) ,
# \end{aligned}$$
#
# because a token $i \ge j$ gives at least $\varepsilon$ to each of the $j-1$ tokens before $j$. The first layer gives
# $S_j(0) \le 1-(j-1)\varepsilon$ in the same way. So $P^{(t)}(z_i = j) \le (1-(j-1)\varepsilon)^{t+1}$, which is at most
# $C(1-(j-1)\varepsilon)^t$ with $C = 1-\varepsilon$. Taking $j=2$, the share of all tokens but the first is at most
# $(1-\varepsilon)^{t+1}$, and the limit follows.
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
    return every.loc[(point, quantity), column].astype(float)


# %% [markdown]
# We draw stacks of maps at random (2 to 24 tokens, 1 to 40 layers, independent logits of any scale up to 3), take the smallest allowed
# weight as $\varepsilon$, and compare every entry of every $P^{(t)}$ with the bound. The *margin* is
# $\log_{10}(\text{bound}/\text{share})$ in the worst place: a bound that holds has no negative margin. It holds in
# {glue:text}`causal-holds` draws, with a worst margin of {glue:text}`causal-worst-margin`. With the mask taken away, and
# at least 150 layers to give the bound time to fall, the same inequality fails in {glue:text}`causal-control-fails` draws.
# The limit itself cannot be seen at a finite depth; it follows from the bound.
#
# So the bound is true. Is it useful? The paper prints no measured rates to set ours beside; its claims are the limit and the
# bound. {numref}`fig-causal-bound` compares it with what happens.

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
axes.set(
    xlabel="layers", ylabel="log10 of the largest share\nof any token but the first", ylim=(-12, 0.6), xlim=(0, last)
)
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
for point, *_ in cases.values():
    epsilon = 10 ** series(point, "log10_epsilon").iloc[0]
    short = point.removeprefix("causal-")
    bound_half = math.log(2) / epsilon
    say(f"causal-{short}-bound-half", f"{bound_half:.0f}" if bound_half < 1000 else power(bound_half))
    half = every.loc[(point, "layers_to_half")].iloc[0]
    say(f"causal-{short}-half", f"{half['mean']:.1f}" if half["seeds"] > 1 else f"{half['mean']:.0f}")
orders = (
    series("causal-random-scale1", "log10_epsilon").iloc[0] - series("causal-random-scale4", "log10_epsilon").iloc[0]
)
say("causal-bound-orders", f"{orders:.0f}")
say("causal-random-seeds", f"{int(every.loc[('causal-random-scale4', 'layers_to_half')].iloc[0]['seeds'])}")

# %% [markdown]
# | logits ($N = 64$) | layers until token 1 has half of the last token's context | layers after which the bound falls to ½ |
# |---|---|---|
# | flat | {glue:text}`causal-flat-tokens64-half` | {glue:text}`causal-flat-tokens64-bound-half` |
# | random, scale 1 | {glue:text}`causal-random-scale1-half` | {glue:text}`causal-random-scale1-bound-half` |
# | random, scale 4 | {glue:text}`causal-random-scale4-half` | {glue:text}`causal-random-scale4-bound-half` |
# | content, scale 4 | {glue:text}`causal-content-scale4-half` | {glue:text}`causal-content-scale4-bound-half` |
#
# *Random* logits are independent Gaussians of that standard deviation, fresh in every layer. *Content* logits come from
# the tokens themselves: an attention-only network with identity values, whose $W_{QK}$ is the identity plus a random
# matrix of rank 4, so that similar tokens attend to one another. It imitates one trait of trained heads. Nothing in it is
# trained. The means run over {glue:text}`causal-random-seeds` networks.
#
# The bound is off by many orders of magnitude because $\varepsilon$ is the smallest weight anywhere: one unlucky pair in
# one layer sets the pace for all. The walker is not that unlucky. To see what really sets the pace, solve one case
# exactly.
#
# ## One case, solved exactly
#
# ````{prf:proposition} Powers of uniform causal attention
# :label: prop-cesaro
#
# <span class="atlas-origin">derived here</span> If all allowed logits are equal, $A_{ij} = 1/i$ for $j \le i$, and for
# $n$ equal layers
#
# $$(A^n)_{ij} = \binom{i-1}{j-1} \sum_{r=0}^{i-j} (-1)^r \binom{i-j}{r}\, (j+r)^{-n} .$$ (eq-hausdorff)
#
# The eigenvalues of $A$ are $1, \tfrac12, \dots, \tfrac1N$. For fixed $i$ and $n \to \infty$ the share of token $j > 1$
# approaches $\binom{i-1}{j-1}\, j^{-n}$: in the end that of token 2 halves in every layer. ({ref}`Card <card-atlas-cesaro>`)
# ````
#
# ````{dropdown} Proof
# <span class="atlas-origin">derived here</span> $A$ is the Cesàro matrix, the Hausdorff matrix of the moments
# $\int_0^1 x^{k-1} dx = 1/k$. With $D = \mathrm{diag}(1, -1, 1, \dots)$ and Pascal's triangle $B$, the matrix $T = BD$
# is its own inverse and $A = T\, \mathrm{diag}(1, \tfrac12, \dots, \tfrac1N)\, T$: for $n = 1$ the sum in
# {eq}`eq-hausdorff` is the beta integral $\int_0^1 x^{j-1}(1-x)^{i-j} dx$, and the right side is $1/i$. Hence
# $A^n = T\, \mathrm{diag}(k^{-n})\, T$, which written out is {eq}`eq-hausdorff`. As $n$ grows, its term $r=0$ outweighs the rest.
# ````

# %% tags=["hide-input"]
oracle_layers = 16
worst = max(
    (rollout_power(flat_map(15), n) - cesaro_power(15, n)).abs().max().item() for n in range(1, oracle_layers + 1)
)
exact = cesaro_power_exact(tokens, oracle_layers)
rational = all(sum(row) == 1 for row in exact)
float_error = (rollout_power(uniform, oracle_layers) - cesaro_power(tokens, oracle_layers)).abs().max().item()
say("cesaro-worst-15", f"{worst:.1e}")
say("cesaro-worst-long", f"{float_error:.1e}")
say("cesaro-rows", "every row sums to exactly 1" if rational else "a row does not sum to 1")
say("cesaro-denominator-digits", f"{len(str(exact[-1][-2].denominator))}")

layers = torch.arange(1, 41)
trajectory = rollout_trajectory(uniform.expand(40, -1, -1))[:, -1]
bound = log_causal_bound(1 / tokens, tokens, 40).exp()
figure, (left, right) = plt.subplots(1, 2, figsize=(7.2, 3.5), width_ratios=(1.25, 1))
for token, color, marker in ((2, "blue", "o"), (4, "orange", "s"), (8, "green", "^")):
    shade = figures.PALETTE[color]
    left.semilogy(layers, trajectory[:, token - 1], color=shade, marker=marker, markevery=4, label=f"token {token}")
    left.semilogy(layers, math.comb(tokens - 1, token - 1) * token ** -layers.double(), ":", color=shade, linewidth=1.3)
    left.semilogy(layers, bound[:, token - 1], "--", color=shade, linewidth=1.3)
left.set(xlabel="layers", ylabel=f"share in the context of token {tokens}", ylim=(1e-12, 3), xlim=(1, 40))
left.legend(loc="lower left")
index = torch.arange(2, tokens + 1)
right.loglog(index, cesaro_rate(tokens)[1:], color=figures.PALETTE["blue"], label="exact, log j")
right.loglog(index, -torch.log1p(-(index - 1) / tokens), "--", color=figures.PALETTE["blue"], label="bound")
right.xaxis.set_minor_formatter("")
right.set(xlabel="token j", ylabel="rate (nats per layer)", xticks=[2, 4, 8, 16, 32, 64])
right.xaxis.set_major_formatter("{x:.0f}")
right.legend(loc="lower right")
looseness = cesaro_looseness(tokens)
say("cesaro-looseness-2", f"{looseness[0]:.0f}")
say("cesaro-looseness-last", f"{looseness[-1]:.2f}")
figures.show(
    figure,
    name="causal-oracle",
    caption=f"Uniform causal attention over {tokens} tokens. Left: shares of three tokens in the last token's context "
    "(solid), the leading term $\\binom{N-1}{j-1} j^{-n}$ of {prf:ref}`prop-cesaro` (dotted), and the bound of Theorem 4.1 "
    "with $\\varepsilon = 1/N$, the limit of what it can be (dashed). Right: the rates at which they fall. The bound is "
    f"{looseness[0]:.0f} times too slow for token 2 and exact for token {tokens}.",
    alt="Left: three solid curves fall onto their dotted straight lines, while the dashed bounds fall far more slowly. "
    "Right: the exact rate, the logarithm of the token's index, lies far above the bound for early tokens; both meet at "
    "the last token.",
)

# %% [markdown]
# The rollout in float64 agrees with {eq}`eq-hausdorff` to {glue:text}`cesaro-worst-15` for up to 15 tokens and 16 layers,
# and to {glue:text}`cesaro-worst-long` for all tokens of {numref}`fig-causal-oracle`. In exact rationals
# {glue:text}`cesaro-rows`, with denominators of up to {glue:text}`cesaro-denominator-digits` digits. The formula itself
# is a poor way to compute in float64: its terms alternate and cancel.
#
# Why is the bound loose for early tokens? It charges every walker the lowest toll that the *last* row pays, $1/N$ for each
# earlier token. A walker that is still at token 2 pays $\tfrac12$ per layer. Only at token $N$ itself are the two the same.
#
# How many layers does the collapse take, then? Ask for the mean number of layers that the walker needs.
#
# ````{prf:proposition} Mean depth of the collapse
# :label: prop-collapse-depth
#
# <span class="atlas-origin">derived here</span> For equal layers $A$ with a causal mask let
# $T_i = \sum_{n \ge 0} \bigl(1 - (A^n)_{i1}\bigr)$, the mean number of layers until the context of token $i$ lies on
# token 1. Then $T_1 = 0$ and $T_i = 1 + \sum_{j \le i} A_{ij} T_j$ for $i \ge 2$. Uniform attention has
#
# $$T_N = 1 + 1 + \tfrac12 + \dots + \tfrac1{N-1} \approx \ln N + 1.58 ,$$ (eq-mean-depth)
#
# and a residual connection of strength $r$, that is $(A + rI)/(1+r)$ in place of $A$, multiplies every $T_i$ by $1+r$.
# ````
#
# ````{dropdown} Proof
# <span class="atlas-origin">derived here</span> $T_i$ is the mean time to absorption of the walk, so $(I - Q)\,T = 1$
# with $Q$ the rows and columns 2 to $N$ of $A$. For $A_{ij} = 1/i$, subtracting $(i-1)\,T_{i-1}$ from $i\,T_i$ leaves
# $T_i - T_{i-1} = 1/(i-1)$ for $i \ge 3$, and $T_2 = 2$. With a residual,
# $I - (Q + rI)/(1+r) = (I - Q)/(1+r)$.
# ````

# %% tags=["hide-input"]
lengths = (tokens, 256, 4096)
for length in lengths:
    say(f"mean-depth-{'short' if length == tokens else length}", f"{1 + sum(1 / k for k in range(1, length)):.1f}")
say("mean-depth-solved", f"{rollout_collapse.mean_layers(uniform)[-1]:.4f}")
say("mean-depth-formula", f"{1 + sum(1 / k for k in range(1, tokens)):.4f}")
say("mean-depth-residual", f"{rollout_collapse.mean_layers(with_residual(uniform, 1.0))[-1]:.4f}")

# %% [markdown]
# For the sequences of this page the linear system gives {glue:text}`mean-depth-solved` layers, the formula
# {glue:text}`mean-depth-formula`, and a residual of strength 1 makes it {glue:text}`mean-depth-residual`. For 4096 tokens it
# is {glue:text}`mean-depth-4096` layers. The depth of the collapse grows with the *logarithm* of the length.
#
# ## Random and content logits, and the residual

# %% tags=["hide-input"]
figure, (left, right) = plt.subplots(1, 2, figsize=(7.2, 3.6), sharey=True)
curves = (
    (left, "flat", "causal-flat-tokens64", "ink", None, "-"),
    (left, "random, scale 1", "causal-random-scale1", "orange", "s", "-"),
    (left, "random, scale 2", "causal-random-scale2", "brown", "v", "-"),
    (left, "random, scale 4", "causal-random-scale4", "green", "^", "-"),
    (left, "content, scale 4", "causal-content-scale4", "purple", "D", "--"),
    (left, "content, scale 8", "causal-content-scale8", "blue", "o", "--"),
    (right, "r = 0", "causal-random-scale1", "orange", "s", "-"),
    (right, "r = 1", "causal-random-residual1", "blue", "o", "-"),
    (right, "r = 3", "causal-random-residual3", "green", "^", "-"),
)
for axes, label, point, color, marker, line in curves:
    mean, error = series(point, "first"), series(point, "first", "standard_error").fillna(0)
    axes.plot(mean.index, mean, line, color=figures.PALETTE[color], marker=marker, label=label, markersize=4)
    axes.fill_between(mean.index, mean - error, mean + error, color=figures.PALETTE[color], alpha=0.2, linewidth=0)
for axes, title in ((left, "logits"), (right, "residual, random logits")):
    axes.set_xscale("log", base=2)
    axes.set(xlabel="layers", title=title, xticks=[1, 2, 4, 8, 16, 32, 64][: int(math.log2(last)) + 1], ylim=(0, 1.02))
    axes.xaxis.set_major_formatter("{x:.0f}")
    axes.legend(loc="lower right", fontsize=9)
left.set_ylabel("share of token 1 in the\nlast token's context")
figures.show(
    figure,
    name="causal-logits",
    caption="Share of token 1 in the context of the last of 64 tokens: mean over networks, band of one standard error. Left: "
    "whatever the logits, the curves cross one half at about the same depth. Right: a residual connection of strength "
    "$r$ stretches the depth by about $1+r$.",
    alt="Left: six curves of different logits rise from 0 to 1 between 4 and 12 layers, close to each other. Right: the "
    "curves for residual strength 0, 1 and 3 have the same shape, shifted to twice and four times the depth.",
    provenance=stored.provenance,
)
grid = torch.special.ndtri((torch.arange(100_000, dtype=torch.float64) + 0.5) / 100_000)
for scale in (1, 4):
    tail = series(f"causal-random-scale{scale}", "log10_rest")
    half = tail[tail.index >= last // 2]
    rate = -(half.iloc[-1] - half.iloc[0]) / (half.index[-1] - half.index[0]) * math.log(10)
    say(f"causal-end-rate-{scale}", f"{rate:.2f}")
    losses = torch.nn.functional.softplus(scale * 2**0.5 * grid)
    networks = int(every.loc[(f"causal-random-scale{scale}", "log10_rest"), "seeds"].iloc[0])
    error = losses.std() / math.sqrt(networks * (half.index[-1] - half.index[0]))
    say(f"causal-end-theory-{scale}", f"{losses.mean():.2f} ± {error:.2f}")
    say(
        f"causal-scale{scale}-half",
        f"{every.loc[(f'causal-random-scale{scale}', 'layers_to_half'), 'mean'].iloc[0]:.1f}",
    )
say("causal-residual1-half", f"{every.loc[('causal-random-residual1', 'layers_to_half'), 'mean'].iloc[0]:.1f}")
say("causal-residual3-half", f"{every.loc[('causal-random-residual3', 'layers_to_half'), 'mean'].iloc[0]:.1f}")

# %% [markdown]
# Three things are worth noticing in {numref}`fig-causal-logits`.
#
# *The scale of the logits hardly changes when the collapse comes.* From scale 1 to scale 4 the half-way depth moves
# from {glue:text}`causal-scale1-half` to {glue:text}`causal-scale4-half` layers, while the bound moves by
# {glue:text}`causal-bound-orders` orders of magnitude. Sharper attention makes each walker's next token more certain, but
# where that token lies is still random.
#
# *Disorder makes the end faster, not slower* <span class="atlas-origin">derived here</span>. What remains at the end is
# token 2's share of its own context, a product of independent $A^{(t)}_{22} = \sigma(g)$, where $g$ is the difference of
# two logits. Its log falls by $\mathbb{E}\,\ln(1+e^{g})$ per layer on average, which is at least $\ln 2$, the flat value, because
# $\ln(1+e^g)$ is convex (Jensen). At scale 1 that is {glue:text}`causal-end-theory-1`, measured
# {glue:text}`causal-end-rate-1`; at scale 4 it is {glue:text}`causal-end-theory-4`, measured {glue:text}`causal-end-rate-4`
# (nats per layer; the ± is what a sample of {glue:text}`causal-random-seeds` networks leaves open, one standard error).
#
# *A residual stretches everything.* Half-way is reached after {glue:text}`causal-scale1-half`,
# {glue:text}`causal-residual1-half` and {glue:text}`causal-residual3-half` layers for $r = 0, 1, 3$. {prf:ref}`prop-collapse-depth`
# says $1+r$ for the mean depth with equal layers.
#
# ## Two ways out
#
# A theorem earns trust when its conclusion fails as soon as a hypothesis does.

# %% tags=["hide-input"]
figure, (left, right) = plt.subplots(1, 2, figsize=(7.2, 3.3))
for point, color, marker, label in (
    ("causal-random-scale1", "orange", "s", "causal"),
    ("none-random-scale1", "blue", "o", "no mask"),
):
    mean = series(point, "first")
    left.plot(mean.index, mean, color=figures.PALETTE[color], marker=marker, label=label, markersize=4)
left.axhline(1 / 64, linestyle=":", color=figures.PALETTE["muted"], label="1/64")
left.set(xlabel="layers", ylabel="share of token 1", title="No mask", ylim=(0, 1.02), xlim=(1, last))
left.legend(loc="center right")

steps = torch.arange(1, 65, dtype=torch.float64)
schedules = {
    "always 1/4": (torch.full_like(steps, 0.25), "orange", "s"),
    "1/(layer+1)": (1 / (steps + 1), "green", "^"),
    "1/(layer+1)²": (1 / (steps + 1) ** 2, "blue", "o"),
}
for label, (leak, color, marker) in schedules.items():
    maps = torch.stack([torch.tensor([[1.0, 0.0], [e, 1 - e]], dtype=torch.float64) for e in leak.tolist()])
    kept = rollout_trajectory(maps)[:, 1, 1]
    right.plot(steps, kept, color=figures.PALETTE[color], marker=marker, markevery=8, label=label)
right.set(xlabel="layers", ylabel="share that token 2 keeps", title="Weights that fade", ylim=(0, 1.02), xlim=(1, 64))
right.legend(loc="upper right", title="its weight on token 1", title_fontsize=9.5)
say("causal-kept", f"{kept[-1]:.4f}")
say("causal-kept-formula", f"{(64 + 2) / (2 * (64 + 1)):.4f}")
say("none-first", f"{series('none-random-scale1', 'first').iloc[-1]:.3f}")
say("none-sources", f"{series('none-random-scale1', 'sources').iloc[-1]:.1f}")
figures.show(
    figure,
    name="causal-control",
    caption="Two controls. Left: without a mask every token is a center node; 64 tokens with random logits mix, and token 1 "
    f"keeps {series('none-random-scale1', 'first').iloc[-1]:.3f}, about 1/64. Right: two tokens under a causal mask, whose "
    "weights have no common lower bound. If the weight on token 1 falls like 1/layer², token 2 keeps half for ever.",
    alt="Left: the causal curve rises to 1, the curve without mask stays near 1/64. Right: with a constant weight token 2 "
    "loses everything fast, with weights 1/(layer+1) slowly, with weights 1/(layer+1) squared it settles at one half.",
    provenance=stored.provenance + " · right: computed live",
)

# %% [markdown]
# **No mask.** Then no token is a trap. The rows of $P^{(t)}$ still become equal, but to a distribution over *all* tokens
# (an effective {glue:text}`none-sources` of 64 sources). Depth makes the contexts alike; only the mask makes them point
# at the beginning.
#
# **Weights without a lower bound.** Let two tokens see each other causally, and let token 2 give token 1 the weight
# $1/(n+1)^2$ in layer $n = 1, 2, \dots$ Token 2 keeps $\prod_{k=2}^{n+1} (1 - 1/k^2) = (n+2)/(2n+2)$, so
# {glue:text}`causal-kept` after 64 layers (formula {glue:text}`causal-kept-formula`) and $\tfrac12$ for ever. Such weights need logits
# that differ by about $2 \ln n$, against the bound that A1 and A2 give. A slower decay, $1/(n+1)$, is not enough: token 2 still loses all.
#
# ## What a practitioner takes away
#
# - **The mask alone makes the first token special.** No training, no positional encoding, no content is needed. A model
#   that should not favor the beginning has to work against its own mask.
# - **A handful of layers suffices.** Without a residual, half of the last token's context is on token 1 after about
#   $\ln N + 1$ layers, and a residual of strength $r$ multiplies that by about $1+r$. Use {eq}`eq-mean-depth` and not the
#   theorem's bound to estimate a depth.
# - **Look at the diagonal, not at the smallest weight.** How fast a token is forgotten is set by how much it attends to
#   itself, not by $\varepsilon$.
# - **Rollout is not the whole network.** It follows the attention weights and ignores values, feed-forward layers and
#   normalization. It says from where information *can* come, with which weight.
#
# Next: does a window that hides the first token from the last one help? {doc}`/_executed/position_bias/sliding_window`.
#
# ## Exercises

# %% [markdown]
# ```{exercise-start} Two layers by hand
# :label: ex-two-layers
# ```

# %% [markdown]
# **Difficulty** ●○○○○ · **Time** 10 minutes
#
# Five tokens. In layer 1 every token averages all tokens up to itself. In layer 2 every token averages itself and the
# token before it (token 1 only itself). Which share has each of the five input tokens in the context of token 5 after
# both layers? Do it by hand first.

# %% [markdown]
# ```{exercise-end}
# ```

# %% [markdown]
# ```{solution-start} ex-two-layers
# :class: dropdown
# :label: sol-two-layers
# ```

# %% [markdown]
# Layer 2 looks at tokens 4 and 5 with weight ½ each. Token 4 has averaged tokens 1–4, token 5 tokens 1–5. So tokens 1–4
# get ½·¼ + ½·⅕ = 0.225 each, token 5 gets ½·⅕ = 0.1. The later layer multiplies from the left.

# %%
two_layers = rollout(torch.stack([flat_map(5), flat_map(5, sliding_window(2))]))
exercises.check_two_layers(two_layers[-1])

# %% [markdown]
# ```{solution-end}
# ```

# %% [markdown]
# ```{exercise-start} How deep is deep?
# :label: ex-collapse-depth
# ```

# %% [markdown]
# **Difficulty** ●●○○○ · **Time** 15 minutes
#
# After how many layers of uniform causal attention does token 1 hold more than half of the last token's context, for 16,
# 256 and 1024 tokens? Guess first, then compute. Which function of the length is it?

# %% [markdown]
# ```{exercise-end}
# ```

# %% [markdown]
# ```{solution-start} ex-collapse-depth
# :class: dropdown
# :label: sol-collapse-depth
# ```

# %% [markdown]
# Multiply the map with itself until the corner entry passes one half. The answer follows $\ln N$: a walker at token $i$
# jumps to a uniformly drawn earlier place, which divides its index by $e$ per layer in the geometric mean.

# %%
answer = []
for length in exercises.DEPTH_TOKENS:
    layers, power_map = 1, flat_map(length)
    while power_map[-1, 0] <= 0.5:
        layers, power_map = layers + 1, flat_map(length) @ power_map
    answer.append(layers)
print(answer)
exercises.check_collapse_depth(answer)

# %% [markdown]
# ```{solution-end}
# ```

# %% [markdown]
# ```{exercise-start} Escape from the theorem
# :label: ex-keep-half
# ```

# %% [markdown]
# **Difficulty** ●●●○○ · **Time** 20 minutes
#
# Two tokens, causal mask, 1000 layers. Find weights in (0, 1) that token 2 gives to token 1, one per layer, such that
# token 2 keeps half of its own context *and goes on keeping it*. Which hypothesis of {prf:ref}`Theorem 4.1 <thm-causal-collapse>` do
# your weights break?

# %% [markdown]
# ```{exercise-end}
# ```

# %% [markdown]
# ```{solution-start} ex-keep-half
# :class: dropdown
# :label: sol-keep-half
# ```

# %% [markdown]
# Token 2 keeps $\prod_n (1 - e_n)$, which stays above zero exactly if $\sum_n e_n$ is finite. With
# $1 - 1/k^2 = (k-1)(k+1)/k^2$ the product from $k = 2$ telescopes to one half. No $\varepsilon > 0$ lies below all
# weights, so the logits are unbounded, and A1 or A2 must fail.

# %%
weights = 1 / torch.arange(2, 1002, dtype=torch.float64) ** 2
exercises.check_keep_half(weights)

# %% [markdown]
# ```{solution-end}
# ```
