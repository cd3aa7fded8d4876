# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %% [markdown]
# # Decay against depth
#
# A decay mask makes every token look at its nearest neighbors. **Does a deep model with a decay mask look at what is near?**
#
# No: only its first layer does. Each layer steps back a little, and depth adds the steps up. After $t+1$ layers
# the last token draws most on what lies $t/(e^m-1)$ tokens behind it, and not on its neighbors.

# %% tags=["parameters"]
tokens: int = 400  # length of the sequence in the first picture
slope: float = 0.05  # decay m of the first picture, in nats per token
draws: int = 40  # random draws per statement
seed: int = 0  # of those draws
profile: str = "quick"  # size at which missing results are computed

# %% tags=["hide-input"]
import math

import matplotlib.pyplot as plt
import numpy as np
import torch
from IPython.display import Markdown, display
from myst_nb import glue

from attention_atlas import figures, results
from attention_atlas.attention import attention_weights
from attention_atlas.checks import position_bias as checks
from attention_atlas.experiments import peak_distance
from attention_atlas.masks import causal, dense
from attention_atlas.positions import decay_bias
from attention_atlas.rollout import rollout_trajectory, with_residual
from attention_atlas.theory.position_bias.decay import (
    decay_constants,
    decay_constants_printed,
    decay_peak,
    decay_score,
    log_decay_bounds,
)
from attention_atlas.theory.position_bias.kernels import flat_map
from attention_atlas.theory.position_bias.kernels import peak_distance as peak_of
from attention_atlas.theory.position_bias.walk import step_kernel, walk_peak

figures.style()
blue, orange, green, purple, red, brown = (figures.PALETTE[name] for name in figures.SERIES)
ink, muted = figures.PALETTE["ink"], figures.PALETTE["muted"]
MARKERS = "osD^vP"

depths = (1, 2, 4, 7, 11)
rows = peak_distance.last_rows(flat_map(tokens, slope=slope), max(depths), 0.0, torch.Generator())
figure, axis = plt.subplots(figsize=(7.2, 3.7))
for depth, color, marker in zip(depths, (muted, blue, green, orange, purple), MARKERS, strict=False):
    shares = rows[depth - 1].flip(0)
    peak = peak_of(rows[depth - 1])
    axis.plot(shares, color=color)
    axis.plot(peak, shares[peak], marker, color=color, label=f"{depth} layer{'s' * (depth > 1)}: peak at {peak}")
    axis.axvline(decay_peak(depth, slope), ymax=0.035, color=color, linewidth=3)
axis.set(xlabel="distance back from the last token", ylabel="share of its context", xlim=(-4, tokens), ylim=(0, None))
axis.legend()
figures.show(
    figure,
    name="decay-peak",
    caption=f"Cumulative attention of the last of $N={tokens}$ tokens under a decay mask with $m={slope}$, all content "
    "logits equal. One layer looks at what is near; every further layer moves the peak (marker) back by the same "
    "distance. The ticks on the axis are the paper's formula $x^*=t/(e^m-1)$, with $t$ one less than the number of layers.",
    alt="Five curves of attention share against distance. The curve for one layer falls from distance zero; the curves "
    f"for 2, 4, 7 and 11 layers are bells whose peaks move right to {peak} tokens, each above its tick on the axis.",
)

# %% [markdown]
# ## One layer decays, many layers have a peak
#
# A decay mask subtracts $m$ from a logit for every token of distance. So each step back of one token costs a factor $e^{-m}$,
# give or take what the content says.
#
# ````{prf:lemma} Lemma 4.4 of Wu 2025 (one layer)
# :label: lem-decay-bounds
#
# <span class="atlas-origin">paper</span> If the content logits are bounded, there are constants $C_{\min}, C_{\max} > 0$ such that for all $j \le i$
#
# $$
# C_{\min}\, e^{-(i-j)m} \;\le\; (A_{\text{decay}})_{ij} \;\le\; C_{\max}\, e^{-(i-j)m}.
# $$ (eq-decay-lemma)
#
# <span class="atlas-origin">derived here</span> With content logits in $[I_{\min}, I_{\max}]$ and $N$ tokens,
# $C_{\min} = e^{I_{\min}-I_{\max}} \big/ \sum_{s=0}^{N-1} e^{-sm}$ and $C_{\max} = e^{I_{\max}-I_{\min}}$ will do.
# ````
#
# ({ref}`Card <card-wu2025-lem-4-4>`.) The denominator of a row lies between $e^{I_{\min}}$, its own term, and $e^{I_{\max}}\sum_s e^{-sm}$. For $m > 0$ the sum is below $1/(1-e^{-m})$, so neither constant depends on $N$.
# The paper's Appendix D prints the smaller $C_{\max} = e^{I_{\max}-I_{\min}}/(1+e^{-m})$. Its denominator counts two visible tokens,
# and token 1 sees one: with flat content $(A_{\text{decay}})_{11} = 1$, while the printed constant is {glue:text}`decay-printed-cmax` at
# $m=$ {glue:text}`decay-slope`. Without the denominator the lemma holds for every token ({ref}`ledger <ledger-wu2025-decay-constant>`).
#
# Now multiply $t+1$ such maps. A path from token $i$ back to token $j$ makes $t+1$ steps that add up to $x = i-j$, and *every* such path costs the
# same, $e^{-xm}$, because the exponents add. So all that matters is how many paths there are.
#
# ````{prf:theorem} Theorem 4.5 of Wu 2025 (many layers)
# :label: thm-decay-rollout
#
# <span class="atlas-origin">paper</span> Let every layer have a decay mask and bounded content logits, and fix $T$. For all $t \le T$ and all $j \le i$
#
# $$
# P^{(t)}(z_i = j) \;=\; \Theta\!\left( \binom{t+i-j}{i-j}\, e^{-(i-j)m} \right).
# $$ (eq-decay-theorem)
#
# The logarithm of the right side, as a function of $x = i-j$, is largest at $x^* = t/(e^m-1)$.
#
# <span class="atlas-origin">derived here</span> The constants behind $\Theta$ can be $C_{\min}^{t+1}$ and $C_{\max}^{t+1}$, with those of {prf:ref}`Lemma 4.4 <lem-decay-bounds>`.
# ````
#
# For a single $N$ any formula is a $\Theta$ of any other, since finitely many positive numbers are compared. The content is that for $m>0$ the constants serve every $N$ ({ref}`card <card-wu2025-thm-4-5>`).
#
# ````{prf:proof}
# $(A^{(t)}\cdots A^{(0)})_{ij}$ is a sum over paths $i = k_{t+1} \ge k_t \ge \dots \ge k_0 = j$; causality allows no others. By
# {prf:ref}`Lemma 4.4 <lem-decay-bounds>` each path has a weight between $C_{\min}^{t+1} e^{-(i-j)m}$ and $C_{\max}^{t+1} e^{-(i-j)m}$. The paths are the ways to write $x=i-j$ as an ordered
# sum of $t+1$ numbers $\ge 0$: put $x$ tokens and $t$ bars in a row, $\binom{t+x}{x}$ ways.
# ````
#
# Two forces meet in {eq}`eq-decay-theorem`. The number of paths **grows** with distance, like $x^t/t!$. The weight of a path **falls**, like
# $e^{-xm}$. A polynomial wins early and an exponential wins late; the peak is where they balance.

# %% tags=["hide-input"]
printed = decay_constants_printed(slope, 0.0, 0.0)
glue("decay-printed-cmax", f"{math.exp(printed.log_upper):.3f}", display=False)
glue("decay-slope", f"{slope}", display=False)

content_bound, layers, short = 0.25, 3, 96
generator = torch.Generator().manual_seed(seed)
content = content_bound * (2 * torch.rand(layers, short, short, generator=generator, dtype=torch.float64) - 1)
product = rollout_trajectory(attention_weights(content + decay_bias(short, 0.15), dense(causal, short)))[-1]
some_queries = [2, 4, 8, 16, 32, 64, short]  # from 1
distance = torch.arange(short)
constants = decay_constants(short, 0.15, -content_bound, content_bound)
lower, upper = (bound / math.log(10) for bound in log_decay_bounds(distance, layers, 0.15, constants))

figure, axis = plt.subplots(figsize=(7.2, 3.5))
axis.fill_between(distance, lower, upper, color=blue, alpha=0.12, linewidth=0)
axis.plot(distance, lower, "--", color=blue, label="lower bound")
axis.plot(distance, upper, color=blue, label="upper bound")
for query in some_queries:
    axis.plot(distance[:query], product[query - 1, :query].flip(0).log10(), ".", color=ink, markersize=2.4)
axis.plot([], [], ".", color=ink, label="rows of the rollout")
score = decay_score(distance, layers, 0.15)
axis.plot(
    distance,
    (score - layers * math.log(1 / -math.expm1(-0.15))) / math.log(10),
    color=orange,
    label="flat content, no first token",
)
axis.set(xlabel="distance $x = i - j$", ylabel="log10 of the share", xlim=(0, short - 1))
axis.legend(ncols=2)
figures.show(
    figure,
    name="decay-bounds",
    caption=f"{{prf:ref}}`thm-decay-rollout` at work: the rows of tokens {', '.join(map(str, some_queries))} in a rollout of {layers} layers with random content logits in "
    f"$[-{content_bound}, {content_bound}]$, $m=0.15$, $N={short}$. The bounds give the shape; their distance from each other is "
    "the constants to the power $t+1$. The upper one has room for the first tokens, whose rows share their weight among few keys: the strands at the top.",
    alt="Strands of points, one for each row, log share against distance, rises to a maximum near distance 12 and falls in a line; it lies "
    "between a lower and an upper curve of the same shape, about a decade below and three above.",
)

# %% tags=["hide-input"]
margins = {
    name: getattr(checks, name)(draws, torch.Generator().manual_seed(seed))["margin"].min()
    for name in ("decay_bounds", "decay_bounds_control", "decay_rollout", "decay_rollout_control")
}
for name, margin in margins.items():
    margin = abs(margin) if name.endswith("control") and margin < 0 else margin
    glue(
        name.replace("_", "-"),
        "0" if abs(margin) < 1e-9 else f"{margin:.0f}" if margin > 10 else f"{margin:.2g}",
        display=False,
    )
glue("decay-draws", str(draws), display=False)

# %% [markdown]
# **Margins.** Over {glue:text}`decay-draws` random draws of length, depth, slope and content the smallest distance from a bound is
# {glue:text}`decay-bounds` decades for the lemma and {glue:text}`decay-rollout` decades for the theorem
# (0 is a bound met with equality, in a sequence of a single token). The negative control claims a decay
# that the maps do not have, and the bounds break by {glue:text}`decay-bounds-control` and {glue:text}`decay-rollout-control` decades.
#
# ## Where the peak stands
#
# With $L(x) = \log\big[\binom{t+x}{x}e^{-xm}\big]$ one more token of distance changes the score by
# $L(x)-L(x-1) = \log\frac{t+x}{x} - m$. That is positive until $\frac{t+x}{x} = e^m$, so the peak is at
#
# $$
# x^* = \frac{t}{e^m - 1}
# $$ (eq-decay-peak)
#
# <span class="atlas-origin">paper</span>, and at the whole number just below it <span class="atlas-origin">derived here</span>.

# %% tags=["hide-input"]
found = results.obtain(peak_distance, profile, points=["decay"])
table = found.table[found.table["clear"]]
gap = table["exact"] - table["printed"]
glue("decay-grid", f"{len(table):,}", display=False)
glue("decay-exact-floor", f"{(table['exact'] == np.floor(table['printed'] + 1e-9)).sum():,}", display=False)
glue("decay-gap-low", f"{gap.min():.2f}", display=False)
glue("decay-gap-high", f"{abs(gap.max()):.2f}", display=False)
walked = table[table["layers"] > 1]
glue("decay-walk-gap", f"{(walked['walk'] - walked['exact']).abs().max():.2f}", display=False)

figure, (left, right) = plt.subplots(1, 2, width_ratios=(3, 2), figsize=(7.2, 3.5))
rates = sorted(table["rate"].unique())
chosen = rates[:: max(1, len(rates) // 5)][:5]
for rate, color, marker in zip(chosen, (blue, orange, green, purple, red), MARKERS, strict=False):
    some = table[table["rate"] == rate]
    left.plot(some["layers"] - 1, some["printed"], color=color, linewidth=1)
    left.plot(some["layers"] - 1, some["exact"], marker, color=color, markersize=3.5, label=f"$m={rate:.2g}$")
left.set(xlabel="$t$ (layers $-$ 1)", ylabel="distance of the peak", title="exact (markers) and formula (lines)")
left.set_yscale("symlog", linthresh=3)
left.set_yticks([0, 1, 3, 10, 30, 100, 300], [0, 1, 3, 10, 30, 100, 300])
left.minorticks_off()
left.legend(ncols=2, columnspacing=1, handletextpad=0.2)
right.hist(gap, bins=np.linspace(-1.25, 0.25, 31), color=blue)
right.set(xlabel="exact minus formula, tokens", ylabel="grid points", title="always within one token")
figures.show(
    figure,
    name="decay-formula",
    caption=f"The peak of the exact rollout against {{eq}}`eq-decay-peak` over {len(table):,} pairs of slope and depth, flat content, "
    "in sequences so long that the first token holds nothing yet. The exact peak is the formula rounded down.",
    alt="Left: for five slopes the distance of the peak grows with depth, markers on the lines of the formula. Right: a "
    "histogram of exact minus formula, spread between minus one and zero.",
    provenance=found.provenance,
)

# %% tags=["hide-input"]
some = (
    table[np.isclose(table["rate"], 0.05)]
    if np.isclose(table["rate"], 0.05).any()
    else table[table["rate"] == rates[0]]
)
some = some[some["layers"].isin(depths)]
lines = [
    f"| $m={some['rate'].iloc[0]:.2g}$, " + " | ".join(f"$t={layers - 1}$" for layers in some["layers"]) + " |",
    "|:--|" + "--:|" * len(some),
    "| paper: $t/(e^m-1)$ | " + " | ".join(f"{value:.1f}" for value in some["printed"]) + " |",
    "| **exact rollout** | " + " | ".join(f"**{value}**" for value in some["exact"]) + " |",
    "| walk (below, from two layers on) | "
    + " | ".join(f"{v:.1f}" if n > 1 else "–" for n, v in zip(some["layers"], some["walk"], strict=True))
    + " |",
]
lines[0] = lines[0].replace(", $t", " | $t", 1)
display(Markdown("\n".join(lines)))

# %% [markdown]
# {glue:text}`decay-exact-floor` of {glue:text}`decay-grid` exact peaks are the formula rounded down: for flat content the peak of {prf:ref}`Theorem 4.5 <thm-decay-rollout>` is exact.
#
# ## Why the formula is exact: the rollout is a walk
#
# Read the product backwards. The last layer sends the last token back by a random step, the layer below sends it further back, and so on.
# With flat content all steps would have one distribution, if rows near the first token were not cut short. The error is known:
#
# ````{prf:proposition} The rollout and the walk
# :label: prop-walk-row
#
# <span class="atlas-origin">derived here</span> Let all $n$ layers give a key at distance $s$ a weight in proportion to $a(s)\ge0$, $a(0)>0$: $A_{i,i-s} = a(s)/Z_i$ with $Z_i = \sum_{s<i}a(s)$. Let $w_n$ be the distribution of the sum of $n$ independent steps with
# probabilities $a(s)/Z_N$, $0 \le s < N$, and $M = \sum_{y\ge N} w_n(y)$ its share beyond token 1. Then for $0 \le x < N$
#
# $$
# w_n(x) \;\le\; (A^n)_{N,N-x} \;\le\; w_n(x) + M ,
# $$ (eq-walk-row)
#
# and the gaps on the left add up to $M$. The same holds with a residual. ({ref}`Card <card-atlas-walk-row>`)
# ````
#
# ````{prf:proof}
# $Z_i \le Z_N$, so every path from token $N$ has at least the probability that the walk gives it. Both sides of the first inequality sum over $x$: to $1-M$ and to 1.
# ````
#
# For a decay and a first token so far away that $M$ vanishes, step $s$ has probability $(1-e^{-m})e^{-ms}$, a geometric law,
# and {math}`P^{(t)}(z_i = i-x)` is the distribution of a sum of $t+1$ such steps, the negative binomial law
#
# $$
# P^{(t)}(z_i = i-x) = (1-e^{-m})^{t+1}\binom{t+x}{x}e^{-xm}
# $$ (eq-decay-negative-binomial)
#
# <span class="atlas-origin">derived here</span>: the $\Theta$ of the theorem becomes an equality. The same view gives the peak of *any* encoding that depends on distance alone.
#
# ````{prf:proposition} The peak of a walk
# :label: prop-walk-peak
#
# <span class="atlas-origin">derived here</span> Let every layer step back by $s \ge 0$ tokens with the same probabilities, with mean $\mu$, variance $\kappa_2 > 0$ and third
# cumulant $\kappa_3$, where steps of 0 and of 1 are both possible. Far from the first token and for enough layers to make a bell, the share of the last token's context peaks at
#
# $$
# x^* \approx (t+1)\,\mu - \frac{\kappa_3}{2\kappa_2}.
# $$ (eq-walk-peak)
#
# The size of the error is measured, not proved ({ref}`card <card-atlas-walk-peak>`).
# ````
#
# ````{prf:proof}
# The sum of $n=t+1$ steps has mean $n\mu$, variance $n\kappa_2$ and skewness $\gamma = \kappa_3/(\kappa_2^{3/2}\sqrt n)$. With $z=(x-n\mu)/\sqrt{n\kappa_2}$ its density is, to
# first order in $1/\sqrt n$ (Edgeworth), $\varphi(z)\,\big[1+\tfrac{\gamma}{6}(z^3-3z)\big]$. The derivative of its logarithm, $-z + \tfrac{\gamma}{2}(z^2-1)$ to the same
# order, vanishes at $z \approx -\gamma/2$, that is at $x = n\mu - \tfrac{\gamma}{2}\sqrt{n\kappa_2} = n\mu - \kappa_3/(2\kappa_2)$.
# ````
#
# Geometric steps have $\mu = 1/(e^m-1)$ and $\kappa_3/(2\kappa_2) = \mu + \tfrac12$, so {eq}`eq-walk-peak` says $t/(e^m-1) - \tfrac12$: the middle of the token whose far edge the paper's formula
# marks. Over the whole grid, two layers and up, it misses the exact peak by at most {glue:text}`decay-walk-gap` tokens, which is rounding.
# {doc}`/_executed/position_bias/rope` needs it more: there the paper's formula is not the peak.
#
# ## The tug of war, and how it ends
#
# The peak moves at the speed $\mu = 1/(e^m-1)$ tokens per layer. It needs about
#
# $$
# L_{\text{hit}} \approx (N-1)(e^m-1)
# $$ (eq-decay-hit)
#
# layers to reach the first token <span class="atlas-origin">derived here</span>. From then on there is no peak to speak of: token 1 can only look at itself, so everything that arrives stays.
# A decay mask leaves every allowed weight positive, so {prf:ref}`Theorem 4.1 <thm-causal-collapse>` applies to it as well: **decay delays the collapse onto the first token, it does not prevent it.**

# %% tags=["hide-input"]
length, tug = 128, 0.1
deepest = 36
rows = peak_distance.last_rows(flat_map(length, slope=tug), deepest, 0.0, torch.Generator())
hit = (length - 1) * math.expm1(tug)
glue("decay-hit", f"{hit:.1f}", display=False)
glue("decay-first-largest", str(int((rows.argmax(1) == 0).double().argmax()) + 1), display=False)
glue("decay-hit-share", f"{100 * rows[round(hit) - 1, 0]:.0f}", display=False)
glue("decay-hit-steep", f"{math.ceil(4095 * math.expm1(0.5)):,}", display=False)
glue("decay-hit-gentle", f"{math.ceil(4095 * math.expm1(2**-8))}", display=False)
figure, (left, right) = plt.subplots(1, 2, width_ratios=(3, 2), figsize=(7.2, 3.6))
scaled = (rows / rows[:, 1:].amax(1, keepdim=True)).clamp(max=1)
image = left.pcolormesh(np.arange(1, length + 1), np.arange(1, deepest + 1), scaled, vmin=0, vmax=1, rasterized=True)
walk = [(length - decay_peak(n, tug), n) for n in range(1, deepest + 1) if decay_peak(n, tug) < length - 1]
left.plot(*zip(*walk, strict=True), "--", color=red, linewidth=1.8)
left.set(xlabel="token", ylabel="layers", title="the last token's context", xticks=[1, 32, 64, 96, 128])
left.grid(False)
figure.colorbar(image, ax=left, label="share, largest = 1", pad=0.02)
for rate, color, style in ((0.05, blue, "-"), (0.1, orange, "--"), (0.2, green, "-."), (0.5, purple, ":")):
    share = peak_distance.last_rows(flat_map(length, slope=rate), 60, 0.0, torch.Generator())[:, 0]
    right.plot(np.arange(1, 61), share, style, color=color, label=f"$m={rate}$")
    arrival = (length - 1) * math.expm1(rate)
    if arrival < 60:
        right.plot(arrival, np.interp(arrival, np.arange(1, 61), share), "o", color=color)
right.set(xlabel="layers", ylabel="share of token 1", ylim=(-0.02, 1.02), title="then the first token wins")
right.legend(loc="lower right", bbox_to_anchor=(1.02, 0.02), handlelength=1.6)
figures.show(
    figure,
    name="decay-tug-of-war",
    caption=f"Left: the last row of the rollout at every depth, $N={length}$, $m={tug}$, with the paper's $x^*$ as a dashed line; each depth is scaled to its own largest share, token 1 aside. Right: what "
    "token 1 holds; the dots mark {eq}`eq-decay-hit`, when the walk arrives.",
    alt="Left: a bright ridge moves from the last token to the first as depth grows, along a dashed line, and ends in a "
    "bright column at token 1. Right: the share of token 1 rises in an S shape, the later the larger the slope, and "
    "stays at zero for slope 0.5.",
)

# %% [markdown]
# Token 1 is the largest single share even earlier, from layer {glue:text}`decay-first-largest` on, since it collects the whole front of the bell; the last stretch takes a few layers more, because steps near token 1 are cut short. At $m=0.1$ and $N=128$ the walk arrives after {glue:text}`decay-hit` layers; there token 1 already holds {glue:text}`decay-hit-share` % of the last token's context. The same formula with $N=4096$
# gives {glue:text}`decay-hit-steep` layers for $m=1/2$ and {glue:text}`decay-hit-gentle` layers for $m=1/256$, the steepest and the gentlest slope of an eight-head ALiBi model {cite}`press2022`.
#
# ## What a residual connection changes
#
# With a residual of strength $r$ a layer stays where it is with probability $r/(1+r)$. The mean step shrinks to $\mu/(1+r)$, and with it the speed of the peak
# <span class="atlas-origin">derived here</span>. The limit does not change, it comes $1+r$ times later.

# %% tags=["hide-input"]
strengths, rate = (0.0, 0.5, 1.0, 3.0), 0.1
figure, axis = plt.subplots(figsize=(7.2, 3.3))
long = 420
for strength, color, marker in zip(strengths, (blue, orange, green, purple), MARKERS, strict=False):
    kernel = step_kernel(long, slope=rate, residual=strength)
    map = with_residual(flat_map(long, slope=rate), strength)
    exact = [peak_of(row) for row in peak_distance.last_rows(map, 24, 0.0, torch.Generator())]
    axis.plot(range(1, 25), exact, marker, color=color, markersize=4, label=f"$r={strength:g}$")
    axis.plot(range(2, 25), [walk_peak(kernel, n) for n in range(2, 25)], color=color, linewidth=1)
axis.set(xlabel="layers", ylabel="distance of the peak", ylim=(-6, None))
axis.legend(title="residual")
figures.show(
    figure,
    name="decay-residual",
    caption=f"Exact peaks (markers) and {{eq}}`eq-walk-peak` (lines) with a residual of strength $r$, $m={rate}$, flat content. A residual holds "
    "the peak at distance 0 for the first layers: staying put in all of them is a single path that outweighs every single place in the bell. Then the bell takes over.",
    alt="Peak distance against layers for four residual strengths: four straight lines through the markers, the slope "
    "falling with the strength. For strength 3 the markers stay at zero for the first layers and then jump to the line.",
)

# %% [markdown]
# ## Does content move the peak?
#
# The theorem allows any bounded content; its constants only say that the shape survives within a factor. Here the content logits are independent normal numbers, drawn anew
# in every layer <span class="atlas-origin">ours</span>.

# %% tags=["hide-input"]
noisy = results.obtain(peak_distance, profile, points=["decay_content"])
table = noisy.table
summary = table.groupby(["layers", "content"])["exact"].agg(["mean", "std", "sem", "count"]).reset_index()
rate = table["rate"].iloc[0]
figure, axis = plt.subplots(figsize=(7.2, 3.4))
for layers, color, marker in zip(
    sorted(table["layers"].unique()), (blue, orange, green, purple), MARKERS, strict=False
):
    some = summary[summary["layers"] == layers].fillna(0)
    axis.fill_between(
        some["content"], some["mean"] - some["std"], some["mean"] + some["std"], color=color, alpha=0.13, linewidth=0
    )
    axis.errorbar(
        some["content"], some["mean"], some["sem"], marker=marker, color=color, capsize=3, label=f"{layers} layers"
    )
    axis.axhline(decay_peak(int(layers), rate), color=color, linestyle=":", linewidth=1)
axis.set(xlabel="standard deviation of the content logits", ylabel="distance of the peak", ylim=(0, None))
axis.legend(reverse=True, bbox_to_anchor=(1, 0.5), loc="center left")
figures.show(
    figure,
    name="decay-content",
    caption=f"The peak of noisy rows, $m={rate:g}$: mean over {int(summary['count'].max())} draws with its standard error (bars) and the spread of single "
    "draws (bands, one standard deviation). Dotted: the paper's $x^*$.",
    alt="Mean peak distance against the strength of content for four depths. The curves stay on their dotted line up to a "
    "standard deviation of one and rise above it for two and three; the bands widen.",
    provenance=noisy.provenance,
)
last = summary[summary["layers"] == summary["layers"].max()].set_index("content")
strongest = last.index.max()
glue("decay-content-strong", f"{strongest:g}", display=False)
glue("decay-content-layers", f"{summary['layers'].max()}", display=False)
for name, content in (("flat", 0.0), ("one", 1.0), ("many", strongest)):
    entry = last.loc[content]
    text = f"{entry['mean']:.0f}" if content == 0 else f"{entry['mean']:.1f} ± {entry['sem']:.1f}"
    glue(f"decay-content-{name}", text, display=False)

# %% [markdown]
# Up to a standard deviation of 1 the mean peak stays where it was: {glue:text}`decay-content-flat` tokens with flat content, {glue:text}`decay-content-one` with noise, at {glue:text}`decay-content-layers` layers.
# At a standard deviation of {glue:text}`decay-content-strong` it moves *back*, to {glue:text}`decay-content-many`. Strong content picks a few keys and ignores distance, so the average map is flatter than the decay says and its mean step is longer.
# A single row is noisy: content decides which token near the peak wins.
#
# ## What to do with it
#
# - To make the last token of $L$ layers look $x$ tokens back, take $m = \log\big(1 + (L-1)/x\big)$.
# - A decay that looks local in one layer is not local in a deep model. Judge it by $\mu = 1/(e^m-1)$ tokens **per layer**, times the depth, over $1+r$.
# - If {eq}`eq-decay-hit` is below the number of layers, the decay protects nothing: the first token wins all the same.
#
# {doc}`/_executed/position_bias/design_advice` turns this into a chart, the [playground](/position_bias/playground) into sliders.
# All of it is about attention alone with content that does not prefer a position; training can do more, and multilayer perceptrons are left out.
#
# ## Exercises

# %% [markdown]
# ```{exercise-start} A slope for a wanted reach
# :label: ex-decay-slope
# ```

# %% [markdown]
# **Difficulty** ●○○○○ · **Time** 5 minutes
#
# A model has 12 layers, no residual and a decay mask. Its last token should draw most on what lies 100 tokens back. Which slope $m$ does {eq}`eq-decay-peak` ask for?

# %% [markdown]
# ```{exercise-end}
# ```

# %% [markdown]
# ```{solution-start} ex-decay-slope
# :class: dropdown
# :label: sol-decay-slope
# ```

# %% [markdown]
# Twelve layers are $t = 11$. Solve $x = t/(e^m-1)$ for $m = \log(1 + t/x)$; each token of distance costs a factor $e^{-m} = x/(x+t)$.

# %%
from attention_atlas.exercises import position_bias_encodings as exercises

print(exercises.check_slope(math.log(1 + 11 / 100)))

# %% [markdown]
# ```{solution-end}
# ```

# %% [markdown]
# ```{exercise-start} Count the paths
# :label: ex-decay-paths
# ```

# %% [markdown]
# **Difficulty** ●●○○○ · **Time** 10 minutes
#
# In how many ways can a token reach back exactly 5 tokens in 4 causal layers, if it may also stay where it is? Count them without the binomial formula, then compare.
# *Hint:* what do the powers of a triangular matrix of ones count?

# %% [markdown]
# ```{exercise-end}
# ```

# %% [markdown]
# ```{solution-start} ex-decay-paths
# :class: dropdown
# :label: sol-decay-paths
# ```

# %% [markdown]
# Entry $(i,j)$ of the fourth power of the all-ones lower triangle counts the paths of four steps from $i$ to $j$. The binomial agrees: $t = 3$, $\binom{3+5}{5}$.

# %%
ones = torch.ones(6, 6).tril()
paths = int(torch.linalg.matrix_power(ones, 4)[5, 0])
assert paths == math.comb(3 + 5, 5)
print(exercises.check_paths(paths))

# %% [markdown]
# ```{solution-end}
# ```

# %% [markdown]
# ```{exercise-start} When does the first token win?
# :label: ex-decay-first-token
# ```

# %% [markdown]
# **Difficulty** ●●●○○ · **Time** 20 minutes
#
# $N = 64$ tokens, decay $m = 0.2$, flat content. What is the smallest number of layers at which token 1 holds more than half of the last token's context
# (a) without a residual and (b) with a residual of strength 1? Guess with {eq}`eq-decay-hit` first, then compute. Answer with the pair (a, b).

# %% [markdown]
# ```{exercise-end}
# ```

# %% [markdown]
# ```{solution-start} ex-decay-first-token
# :class: dropdown
# :label: sol-decay-first-token
# ```

# %% [markdown]
# The guess is $63\,(e^{0.2}-1) \approx 14$ layers, and twice that with a residual of strength 1. Multiply maps until the corner passes one half. The guess comes out
# early, by a fifth here: near token 1 steps are cut short by the edge, so the last stretch takes longer.

# %%
from attention_atlas.rollout import products


def layers_until_half(residual):
    map = flat_map(64, slope=0.2)
    shares = (product[-1, 0] for product in products([map] * 200, residual))
    return next(layers for layers, share in enumerate(shares, start=1) if share > 0.5)


print(exercises.check_first_token((layers_until_half(0.0), layers_until_half(1.0))))

# %% [markdown]
# ```{solution-end}
# ```
