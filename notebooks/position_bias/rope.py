# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %% [markdown]
# # What RoPE really does
#
# RoPE has no decay. It only rotates queries and keys by an angle that grows with their position. **Does it pull attention to what is near, and what is left of
# that pull after many layers?**
#
# A slow rotation makes one layer look like a bell curve in the distance. Then depth works as for a decay mask: the peak moves back by the same distance with every layer.
# The paper's claim holds, deeper is farther and faster rotation is nearer. Its printed curve for the peak does not: it grows like $\sqrt t$ where the truth grows like $t$.

# %% tags=["parameters"]
tokens: int = 512  # length of the sequences with real rotations
deepest: int = 12  # layers in the picture of real rotations
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
from attention_atlas.attention import attention_weights, logits
from attention_atlas.checks import position_bias as checks
from attention_atlas.experiments import peak_distance
from attention_atlas.masks import causal, dense
from attention_atlas.positions import rope, rope_frequencies
from attention_atlas.theory.position_bias.kernels import flat_map
from attention_atlas.theory.position_bias.paths import least_cost, mean_cost, printed_cost
from attention_atlas.theory.position_bias.rope_score import rope_root, rope_score, rope_slope_printed
from attention_atlas.theory.position_bias.walk import cumulants, step_kernel

figures.style()
blue, orange, green, purple, red, brown = (figures.PALETTE[name] for name in figures.SERIES)
ink, muted = figures.PALETTE["ink"], figures.PALETTE["muted"]

found = results.obtain(peak_distance, profile, points=["rope"])
table = found.table[found.table["clear"]]
slowest = table["rate"].min()
deep = table[table["rate"] == slowest]
curves = (
    ("printed", red, "--", "paper: exponent $\\theta_1^2x^2$"),
    ("least_cost", blue, "-.", "cheapest path: $\\theta_1^2x^2/(t+1)$"),
    ("mean_cost", green, ":", "mean path: $\\theta_1^2x(2x+t)/(t+2)$"),
    ("walk", orange, "-", "walk: three cumulants"),
)
figure, (left, right) = plt.subplots(1, 2, width_ratios=(3, 2), figsize=(7.2, 4.1))
for name, color, style, label in curves:
    some = deep[deep["layers"] > 1] if name == "walk" else deep
    left.plot(some["layers"] - 1, some[name], style, color=color, label=label)
left.plot(deep["layers"] - 1, deep["exact"], "o", color=ink, markersize=3.6, label="exact rollout")
left.set(xlabel="$t$ (layers $-$ 1)", ylabel="distance of the peak", title=f"$\\theta_1^2={slowest**2:.3g}$")
left.legend(loc="upper left", fontsize=9)
fixed = table["layers"].unique()[min(10, table["layers"].nunique() - 1)]
some = table[table["layers"] == fixed]
for name, color, style, _ in curves:
    right.loglog(some["rate"], some[name], style, color=color)
right.loglog(some["rate"], some["exact"], "o", color=ink)
ticks = [tick for tick in (0.03, 0.06, 0.12, 0.25) if some["rate"].min() * 0.9 < tick < some["rate"].max() * 1.1]
right.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
right.set_yticks([10, 20, 50, 100, 200], [10, 20, 50, 100, 200])
right.minorticks_off()
right.set(xlabel="$\\theta_1$", title=f"$t={fixed - 1}$")
figures.show(
    figure,
    name="rope-peak",
    caption="Where the last token looks most under RoPE-like maps $A_{ij} \\propto e^{-\\theta_1^2(i-j)^2}$, against depth (left) and against the angle (right). "
    "The exact peak (dots) moves away with depth and comes closer with a larger angle, as the paper says. Its printed curve (dashed) falls short by more with every layer; "
    "{prf:ref}`prop-walk-peak` goes through the dots.",
    alt="Left: distance of the peak against t. Dots on a straight line, the walk curve through them, the cheapest-path curve "
    "above, the mean-path curve a little below, the paper's curve bending away far below. Right: all fall with the angle.",
    provenance=found.provenance,
)

# %% tags=["hide-input"]
some = deep[deep["layers"].isin((1, 2, 4, 7, 11, 33))]
names = {
    "exact": "**exact rollout**",
    "printed": "paper: $\\theta_1^2x^2$",
    "least_cost": "cheapest path",
    "mean_cost": "mean path",
    "walk": "walk",
}
lines = [
    f"| $\\theta_1^2={slowest**2:.3g}$ | " + " | ".join(f"$t={n - 1}$" for n in some["layers"]) + " |",
    "|:--|" + "--:|" * len(some),
]
for name, label in names.items():
    cells = [
        ("–" if n == 1 and name == "walk" else f"{value:.0f}")
        for n, value in zip(some["layers"], some[name], strict=True)
    ]
    lines.append(f"| {label} | " + " | ".join(f"**{cell}**" if name == "exact" else cell for cell in cells) + " |")
display(Markdown("\n".join(lines)))
last = deep.iloc[-1]
at = deep[deep["layers"] == min(11, deep["layers"].max())].iloc[0]
glue("rope-ratio-t", f"{at['layers'] - 1:.0f}", display=False)
glue("rope-ratio", f"{at['exact'] / at['printed']:.1f}", display=False)
glue("rope-ratio-deepest-t", f"{last['layers'] - 1:.0f}", display=False)
glue("rope-ratio-deepest", f"{last['exact'] / last['printed']:.1f}", display=False)
bell = table[table["layers"] > 1]
glue("rope-walk-gap", f"{(bell['walk'] - bell['exact']).abs().max():.2f}", display=False)
glue("rope-walk-gap-later", f"{(bell['walk'] - bell['exact'])[bell['layers'] > 4].abs().max():.2f}", display=False)
glue("rope-grid", f"{len(table)}", display=False)

# %% [markdown]
# The exact peak is {glue:text}`rope-ratio` times as far as printed at $t=$ {glue:text}`rope-ratio-t` and {glue:text}`rope-ratio-deepest` times at $t=$ {glue:text}`rope-ratio-deepest-t`.
#
# ## One layer: from a rotation to a bell
#
# Two coordinates first. Rotate a query and a key of equal direction by $i\theta_1$ and $j\theta_1$: their product is $|q||k|\cos\big((i-j)\theta_1\big)$, largest at distance 0. Up to half a turn the
# cosine lies between two parabolas,
#
# $$
# 1 - \tfrac12 u^2 \;\le\; \cos u \;\le\; 1 - \tfrac{2}{\pi^2} u^2, \qquad |u| \le \pi,
# $$ (eq-rope-cosine)
#
# and the exponential of a parabola is a bell. After half a turn the cosine rises again and a far token looks like a near one.

# %% tags=["hide-input"]
frequencies = rope_frequencies(64)
figure, (left, right) = plt.subplots(1, 2, figsize=(7.2, 3.5))
u = np.linspace(0, 2 * np.pi, 400)
half = u[u <= np.pi]
left.axvspan(np.pi, 2 * np.pi, color=muted, alpha=0.12, linewidth=0)
left.text(1.5 * np.pi, -0.85, "wrapped", color=ink, ha="center")
left.plot(u, np.cos(u), color=ink, label="$\\cos u$")
left.plot(half, 1 - half**2 * 2 / np.pi**2, "--", color=orange, label="$1-2u^2/\\pi^2$")
left.plot(half[half < 2.2], 1 - half[half < 2.2] ** 2 / 2, "-.", color=blue, label="$1-u^2/2$")
left.set(xlabel="angle $u=(i-j)\\theta_1$", ylabel="logit / largest logit", title="$d=2$: one cosine", ylim=(-1.3, 1.9))
left.set_xticks([0, np.pi / 2, np.pi, 1.5 * np.pi, 2 * np.pi], ["0", "π/2", "π", "3π/2", "2π"])
left.legend(loc="upper right", ncols=2, columnspacing=1)
x = torch.arange(4096)
mean_cosine = torch.cos(x[:, None] * frequencies).mean(1)
right.plot(x[1:], mean_cosine[1:], color=ink, label="sum of 32 cosines")
fast = torch.linspace(1, 5, 50)
right.plot(fast, 1 - fast**2 * frequencies.square().mean() / 2, "-.", color=blue, label="its parabola")
right.axvspan(math.pi, 4096, color=muted, alpha=0.12, linewidth=0)
right.set(xscale="log", xlabel="distance", title="$d=64$, base 10000", ylim=(-0.3, 1.15), xlim=(1, 4096))
right.set_xticks([1, 10, 100, 1000], [1, 10, 100, 1000])
right.legend(loc="upper right")
figures.show(
    figure,
    name="rope-logits",
    caption="Logits of equal queries and keys under RoPE. Left: a single pair of coordinates, with the two parabolas of {eq}`eq-rope-cosine`. Right: the usual 64 dimensions. "
    "Shaded: where the fastest pair has made half a turn, so the hypothesis of the lemmas fails.",
    alt="Left: a cosine over a full turn with a parabola above and one below it up to pi; beyond pi is shaded. Right: the mean of "
    "32 cosines falls quickly over ten tokens, then slowly with ripples to about zero at 4000 tokens; a parabola fits the first three tokens only.",
)
glue("rope-slow-share", f"{mean_cosine[512].item():.2f}", display=False)

# %% [markdown]
# ````{prf:lemma} Lemma 4.6 of Wu 2025 (one layer, two dimensions)
# :label: lem-rope-bounds
#
# <span class="atlas-origin">paper</span> Let $d=2$. If queries and keys differ in direction by at most $\delta\theta_1$ before the rotation and $(\delta+N-1)\,\theta_1 \le \pi$, there are constants $C_{\min}, C_{\max}, c, c' > 0$
# such that for all $j \le i$
#
# $$
# C_{\min}\, e^{-c\,(i-j)^2\theta_1^2} \;\le\; (A_{\text{RoPE}})_{ij} \;\le\; C_{\max}\, e^{-c'(i-j)^2\theta_1^2}.
# $$ (eq-rope-lemma)
# ````
#
# ````{prf:lemma} Lemma I.1 of Wu 2025 (one layer, any even dimension)
# :label: lem-rope-bounds-general
#
# <span class="atlas-origin">paper</span> Let $d$ be even, $\theta_l = \alpha_l\theta_1$, and let every pair of coordinates of queries and keys carry a fixed share of their norm (A3). Under the angle condition of {prf:ref}`Lemma 4.6 <lem-rope-bounds>`
# in every pair, {eq}`eq-rope-lemma` holds with $\sum_l \alpha_l^2\,\theta_1^2\,(i-j)^2$ in place of $\theta_1^2 (i-j)^2$.
# ````
#
# (Cards: {ref}`Lemma 4.6 <card-wu2025-lem-4-6>`, {ref}`Lemma I.1 <card-wu2025-lem-i-1>`.) The paper asserts that constants exist. These will do:
#
# ````{prf:proposition} Constants of Lemmas 4.6 and I.1
# :label: prop-rope-constants
#
# <span class="atlas-origin">derived here</span> Let $S_{\min} \le |q_i||k_j|/\sqrt d \le S_{\max}$ with $S_{\min} > 0$, let $w_l$ be the share of pair $l$ in the squared norm, $a = \delta\theta_1$ and $R = \sum_l w_l\theta_l^2 \big/ \sum_l\theta_l^2$ (1 if $d = 2$). Then
# $c = S_{\max}R$, $c' = S_{\min}R/\pi^2$ and
#
# $$
# \begin{aligned}
# C_{\min} &= \tfrac1N\, e^{S_{\min}-S_{\max}-S_{\max}a^2}, \\
# C_{\max} &= e^{S_{\max}-S_{\min}+(2S_{\min}/\pi^2+S_{\max}/2)\,a^2} .
# \end{aligned}
# $$ (eq-rope-constants)
# ````
#
# ````{dropdown} Proof
# <span class="atlas-origin">derived here</span> Write $x=i-j$, $s$ for $|q_i||k_j|/\sqrt d$ and $u_l$ for the angle between query and key in pair $l$ after the rotation: $|u_l| \le \pi$ and $\tfrac12x^2\theta_l^2 - a^2 \le u_l^2 \le 2x^2\theta_l^2 + 2a^2$. The logit is $s\sum_l w_l\cos u_l$.
# By {eq}`eq-rope-cosine` its exponential is at least $e^{s - s\sum_l w_l(x^2\theta_l^2+a^2)} \ge e^{S_{\min} - S_{\max}(a^2 + x^2\sum_l w_l\theta_l^2)}$, and the denominator is at most $Ne^{S_{\max}}$.
# It is at most $e^{s - \frac{2s}{\pi^2}\sum_l w_lu_l^2} \le e^{S_{\max} - \frac{2S_{\min}}{\pi^2}\sum_l w_lu_l^2} \le e^{S_{\max} + \frac{2S_{\min}}{\pi^2}a^2 - \frac{S_{\min}}{\pi^2}x^2\sum_l w_l\theta_l^2}$, and the denominator is at least its term $j=i$, which is at least $e^{S_{\min}-S_{\max}a^2/2}$.
# ````
#
# For small angles $\cos u \approx 1-\tfrac12u^2$, and with equal directions and norms one RoPE layer is a bell $e^{-\theta^2 x^2}$ with an effective angle
#
# $$
# \theta^2 = \tfrac{S}{2}\sum_l w_l\,\theta_l^2, \qquad w_l \text{ the share of pair } l, \qquad \textstyle\sum_l w_l = 1.
# $$ (eq-rope-effective)
#
# That is the map behind {numref}`fig-rope-peak`.
#
# **When does it wrap?** The condition is $(N-1)\,\theta_1 \le \pi$ at best. RoPE's own $\theta_1$ is 1 radian per token {cite}`su2024`: the lemmas then speak about sequences of up to **four** tokens. We come back to longer ones below.
#
# ## Many layers: which path is the cheapest?
#
# ````{prf:theorem} Theorem 4.7 of Wu 2025 (many layers, two dimensions)
# :label: thm-rope-rollout
#
# <span class="atlas-origin">paper</span> Under the conditions of {prf:ref}`Lemma 4.6 <lem-rope-bounds>` and for a fixed number of layers,
#
# $$
# P^{(t)}(z_i=j) = \Theta\!\left(\binom{t+i-j}{i-j}\, e^{-c\,(i-j)^2\theta_1^2}\right).
# $$ (eq-rope-theorem)
#
# The maximum $x^*$ of $L(x) = \log\big[\binom{t+x}{x}e^{-x^2\theta_1^2}\big]$ grows with $t$ and falls with $\theta_1$.
# ````
#
# ````{prf:theorem} Theorem I.2 of Wu 2025 (many layers, any even dimension)
# :label: thm-rope-rollout-general
#
# <span class="atlas-origin">paper</span> Under the conditions of {prf:ref}`Lemma I.1 <lem-rope-bounds-general>`, {eq}`eq-rope-theorem` holds with $\sum_l \alpha_l^2\,\theta_1^2\,(i-j)^2$ in the exponent.
# ````
#
# (Cards: {ref}`Theorem 4.7 <card-wu2025-thm-4-7>`, {ref}`Theorem I.2 <card-wu2025-thm-i-2>`.) *What can be wrong with a $\Theta$?* Not its truth for a given length and depth: finitely many positive numbers are always within a factor of each other, and the angle condition
# keeps the exponent below $c\pi^2$, which a constant can absorb. The content is the explicit bounds of the proof, constants to the power $t+1$ with one exponent, and the curve $L(x)$ drawn from them. So that is what we test.
#
# Compare with {prf:ref}`Theorem 4.5 <thm-decay-rollout>`. There every path from $i$ to $j$ costs the same, because the exponent is linear: steps of 3 and 5 cost as much as one of 8. Here the exponent is a **square**, and $3^2+5^2 = 34$ is much less than $8^2 = 64$.
# A path of $t+1$ steps $s_k$ with $\sum_k s_k = x$ weighs $e^{-\theta^2\sum_k s_k^2}$, and splitting the way into small steps is cheap.
#
# ````{prf:proposition} What a path costs
# :label: prop-rope-cost
#
# <span class="atlas-origin">derived here</span> Let $s_0, \dots, s_t \ge 0$ be whole numbers with sum $x$. Then
#
# $$
# \frac{x^2}{t+1} \;\le\; \sum_k s_k^2 \;\le\; x^2 ,
# $$ (eq-rope-cost)
#
# and the mean of $\sum_k s_k^2$ over all $\binom{t+x}{x}$ paths is $x\,(2x+t)/(t+2)$.
# Therefore, with the constants of {eq}`eq-rope-lemma` and $x=i-j$,
#
# $$
# \begin{aligned}
# P^{(t)}(z_i=j) &\ge C_{\min}^{t+1}\tbinom{t+x}{x}\, e^{-c\,\theta_1^2\,x(2x+t)/(t+2)}, \\
# P^{(t)}(z_i=j) &\le C_{\max}^{t+1}\tbinom{t+x}{x}\, e^{-c'\theta_1^2\,x^2/(t+1)}.
# \end{aligned}
# $$ (eq-rope-repaired)
# ````
#
# ````{prf:proof}
# Left: Cauchy-Schwarz, $\big(\sum_k s_k\cdot 1\big)^2 \le (t+1)\sum_k s_k^2$, with equality for equal steps. Right: $x^2 = \sum_k s_k^2 + \sum_{k\ne l} s_k s_l$ and no product is negative; equality for a single step.
# Mean: for $t=0$ the one step is $x$. For $t \ge 1$ draw a path evenly. One step has $\Pr(s_0=s) = \binom{x-s+t-1}{t-1}\big/\binom{x+t}{t}$, hence $\mathbb E\,s_0^2 = x(2x+t)\big/\big((t+1)(t+2)\big)$; there are $t+1$ steps. The bounds: each path weighs between
# $C_{\min}^{t+1}e^{-c\theta_1^2\sum s_k^2}$ and $C_{\max}^{t+1}e^{-c'\theta_1^2\sum s_k^2}$. Above, use the least cost for every path. Below, $e^{-y}$ is convex, so its mean over paths is at least its value at the mean cost (Jensen).
# ````
#
# The paper's lower bound takes the dearest path for all paths: right, and loose. Its upper bound prints $\tfrac{c'}{2}\,x^2$ for every depth (Appendix G). That is right for one or two layers, where $t+1 \le 2$. From three layers on it **fails** for maps that obey the lemma ({ref}`ledger <ledger-wu2025-rope-exponent>`, {ref}`card of the repair <card-atlas-rope-rollout>`).

# %% tags=["hide-input"]
layers, angle, reach = 7, 0.05, 240
kernel = step_kernel(1200, angle=angle)
exact = peak_distance.last_rows(flat_map(700, angle=angle), layers, 0.0, torch.Generator())[-1].flip(0)[:reach].log10()
distance = torch.arange(reach)
scale = layers * kernel[0].log()
glue("rope-bounds-layers", f"{layers}", display=False)


def bound(cost, factor=1.0):
    return (scale + rope_score(distance, layers, angle * math.sqrt(factor), cost)) / math.log(10)


broken = bound(printed_cost, 0.5)
figure, axis = plt.subplots(figsize=(7.2, 3.8))
axis.fill_between(distance, bound(mean_cost), bound(least_cost), color=blue, alpha=0.13, linewidth=0)
axis.plot(distance, bound(least_cost), "-.", color=blue, label="upper bound, $x^2/(t+1)$")
axis.plot(distance, exact, color=ink, linewidth=2.2, label="exact")
axis.plot(distance, bound(mean_cost), ":", color=green, label="lower bound, $x(2x+t)/(t+2)$")
axis.plot(distance, broken, "--", color=red, label="printed upper bound, $x^2/2$")
axis.plot(distance, bound(printed_cost), "--", color=brown, linewidth=1, label="printed lower bound, $x^2$")
axis.set(xlabel="distance $x$", ylabel="log10 of the share", xlim=(0, reach - 1), ylim=(-12, 0.5))
axis.legend(loc="lower left", fontsize=9)
figures.show(
    figure,
    name="rope-bounds",
    caption=f"{layers} layers of $A_{{ij}}\\propto e^{{-\\theta_1^2(i-j)^2}}$, $\\theta_1={angle}$, for which $c=c'=1$ and, far from the first token, $C_{{\\min}}=C_{{\\max}}$ is the weight at distance 0. The exact share stays inside the "
    "band of {eq}`eq-rope-repaired` and crosses the printed upper bound.",
    alt="Log share against distance. The exact curve is a broad hill with its top near 70 inside a narrow shaded band. The printed upper bound "
    "peaks near 45 and falls below the exact curve; the printed lower bound falls even faster.",
)
crossing = int((exact > broken).double().argmax())
glue("rope-bounds-crossing", f"{crossing}", display=False)
glue("rope-bounds-gap", f"{(exact - broken)[min(150, reach - 1)]:.0f}", display=False)

margins = {}
for name in ("rope_bounds", "rope_rollout", "rope_bounds_general", "rope_rollout_general"):
    for suffix in ("", "_control"):
        margin = getattr(checks, name + suffix)(draws, torch.Generator().manual_seed(seed))["margin"].min()
        margins[name + suffix] = "0" if abs(margin) < 1e-9 else f"{margin:.0f}" if margin < -10 else f"{margin:.2g}"
glue("rope-draws", str(draws), display=False)

# %% [markdown]
# In {numref}`fig-rope-bounds` the exact share exceeds the printed bound from distance {glue:text}`rope-bounds-crossing` on, and at 150 tokens by {glue:text}`rope-bounds-gap` decades.
#
# **Margins** in decades, the smallest of {glue:text}`rope-draws` random draws of length, depth, angles and content with real rotations. The theorems are checked with {eq}`eq-rope-repaired`. The negative controls let the rotation wrap around
# (two dimensions) or put all of the norm into the fastest pair where equal shares are claimed (A3).

# %% tags=["hide-input"]
labels = {
    "rope_bounds": "{prf:ref}`Lemma 4.6 <lem-rope-bounds>`",
    "rope_rollout": "{prf:ref}`Theorem 4.7 <thm-rope-rollout>`, repaired",
    "rope_bounds_general": "{prf:ref}`Lemma I.1 <lem-rope-bounds-general>`",
    "rope_rollout_general": "{prf:ref}`Theorem I.2 <thm-rope-rollout-general>`, repaired",
}
lines = ["| statement | smallest margin | with a hypothesis broken |", "|:--|--:|--:|"]
lines += [f"| {label} | {margins[name]} | {margins[name + '_control']} |" for name, label in labels.items()]
display(Markdown("\n".join(lines)))

# %% [markdown]
# ## Why the printed curve bends
#
# Maximize each score for small $\theta$ and many tokens, where $\log\binom{t+x}{x}$ rises by about $t/x$ per token <span class="atlas-origin">derived here</span>:
#
# | exponent | peak at about | growth with depth |
# |:--|:--|:--|
# | $\theta_1^2x^2$ (paper) | $\sqrt{t/2}\,/\,\theta_1 = 0.71\sqrt t/\theta_1$ | square root |
# | $\theta_1^2\,x(2x+t)/(t+2)$ (mean path) | $0.50\,\sqrt{t(t+2)}\,/\,\theta_1$ | linear |
# | $\theta_1^2x^2/(t+1)$ (cheapest path) | $0.71\,\sqrt{t(t+1)}\,/\,\theta_1$ | linear |
# | **exact** (walk) | $0.56\,(t+1)\,/\,\theta_1$ | linear |
#
# The last line is {prf:ref}`prop-walk-peak`: one step of a half bell has the mean $\mu \approx 1/(\sqrt\pi\,\theta_1)$. The two corrected exponents bracket it: one takes every path for the cheapest, the other for an average one. Over the whole grid of
# {glue:text}`rope-grid` pairs of angle and depth the walk formula is within {glue:text}`rope-walk-gap` tokens of the exact peak from two layers on, and within {glue:text}`rope-walk-gap-later` from five.
# For a single layer it does not apply: the peak of one layer is at distance 0.
#
# A smaller matter: Appendix H prints the derivative of $L$ with $2\theta_1x$ where $-\theta_1^2x^2$ gives $2\theta_1^2x$. At $t=3$ and $\theta_1^2=0.001$ the root is {glue:text}`rope-root` tokens as derived and {glue:text}`rope-root-printed` as printed; the signs of the
# conclusion survive ({ref}`ledger <ledger-wu2025-rope-derivative>`).

# %% tags=["hide-input"]
glue("rope-root", f"{rope_root(4, 0.001**0.5):.1f}", display=False)
glue("rope-root-printed", f"{rope_root(4, 0.001**0.5, rope_slope_printed):.1f}", display=False)

# %% [markdown]
# ## Beyond the hypothesis: real rotations
#
# What does RoPE do with its usual frequencies, and sequences far longer than four tokens <span class="atlas-origin">ours</span>? Fast pairs have wrapped and cancel out; slow pairs have hardly turned. The sum falls quickly over the first ten tokens and then stays on a slowly
# sinking plateau ({numref}`fig-rope-logits`, right). One layer is then no bell ({numref}`fig-rope-real`): it is a spike on the nearest tokens plus something closer to plain causal averaging over all others.

# %% tags=["hide-input"]
one = torch.zeros(tokens, 64, dtype=torch.float64)
one[:, 0::2] = 1  # the same vector everywhere, an equal share of its norm in every pair
turned = rope(one, frequencies)
cosines = logits(turned, turned) * math.sqrt(64) / 32  # 1 on the diagonal
shares = {}
for size in (0, 4, 8, 16):
    map = attention_weights(size * cosines, dense(causal, tokens))
    shares[size] = (map[-1].flip(0), peak_distance.last_rows(map, deepest, 0.0, torch.Generator()))
figure, (left, right) = plt.subplots(1, 2, figsize=(7.2, 3.5))
for (size, (row, rows)), color, style, marker in zip(
    shares.items(), (muted, blue, orange, green), (":", "-", "--", "-."), "osD^", strict=True
):
    left.plot(torch.arange(tokens) + 1, row, style, color=color)
    right.plot(
        range(1, deepest + 1),
        rows[:, 0],
        style,
        color=color,
        marker=marker,
        markersize=4,
        label=f"$S={size}$" if size else "no rotation",
    )
left.set(xscale="log", yscale="log", xlabel="distance + 1", ylabel="share", title="one layer, last token")
left.set_xticks([1, 10, 100], [1, 10, 100])
right.set(xlabel="layers", ylabel="share of token 1", title="many layers", ylim=(-0.02, 1))
right.legend()
figures.show(
    figure,
    name="rope-real",
    caption=f"Real rotations, 64 dimensions, base 10000, equal content, $N={tokens}$; $S$ is the logit at distance 0. Beyond the lemma's four tokens one layer is a spike on a plateau, and the plateau decides the collapse onto token 1.",
    alt="Left: share against distance on logarithmic axes: a flat line without rotation; for larger S a spike at short distance and a lower plateau. Right: the share of "
    "token 1 rises with depth, fastest without rotation, hardly at all for S of 16.",
)
for size, (row, rows) in shares.items():
    glue(f"rope-real-first-{size}", f"{100 * rows[-1, 0]:.1f}", display=False)
    glue(f"rope-real-step-{size}", f"{cumulants(row)[0]:.0f}", display=False)
slower = rope(one, rope_frequencies(64, base=500000.0))
map = attention_weights(8 * logits(slower, slower) * math.sqrt(64) / 32, dense(causal, tokens))
first = peak_distance.last_rows(map, deepest, 0.0, torch.Generator())[-1, 0]
glue("rope-real-base", f"{100 * first:.1f}", display=False)
glue("rope-real-layers", str(deepest), display=False)

# %% [markdown]
# So the size of the logits decides. After {glue:text}`rope-real-layers` layers token 1 holds {glue:text}`rope-real-first-0` % without rotation, {glue:text}`rope-real-first-4` % with $S=4$, {glue:text}`rope-real-first-8` % with $S=8$ and {glue:text}`rope-real-first-16` % with $S=16$;
# the mean step of the last token's first look is {glue:text}`rope-real-step-0`, {glue:text}`rope-real-step-4`, {glue:text}`rope-real-step-8` and {glue:text}`rope-real-step-16` tokens. With small logits RoPE slows the collapse a little, with large ones it stops it at this depth. No hill travels through the middle: the mean
# step is either a large part of the sequence or a few tokens.
#
# ## What to do with it
#
# - Trust the direction: a larger angle looks nearer, more layers look farther. Do not use the printed $L(x)$ to *place* a peak: use $0.56\,(t+1)/\theta$ with the effective angle of {eq}`eq-rope-effective`, or {eq}`eq-walk-peak`.
# - A larger base slows the rotations down, which raises the plateau: with base 500000 and $S=8$ token 1 holds {glue:text}`rope-real-base` % in place of {glue:text}`rope-real-first-8` %.
# - RoPE's pull toward the near scales with the size of the logits; a decay mask's does not. That may be one reason why the paper's experiments see a stronger pull from the decay mask <span class="atlas-origin">ours</span>.
#
# These are statements about content that does not prefer a position. Trained queries and keys can use single frequencies to look at a certain distance, which no flat map can.
#
# ## Exercises

# %% [markdown]
# ```{exercise-start} What a detour costs
# :label: ex-rope-costs
# ```

# %% [markdown]
# **Difficulty** ●●○○○ · **Time** 10 minutes
#
# Four layers, 12 tokens back. List all paths. What are the least, the mean and the largest sum of squared steps? Compare with {eq}`eq-rope-cost`.

# %% [markdown]
# ```{exercise-end}
# ```

# %% [markdown]
# ```{solution-start} ex-rope-costs
# :class: dropdown
# :label: sol-rope-costs
# ```

# %% [markdown]
# Equal steps are cheapest, $12^2/4$. One long step is dearest, $12^2$. The mean is $12\,(24+3)/5$.

# %%
from itertools import product

from attention_atlas.exercises import position_bias_encodings as exercises

paths = [steps for steps in product(range(13), repeat=4) if sum(steps) == 12]
costs = [sum(step**2 for step in steps) for steps in paths]
print(exercises.check_step_costs((min(costs), sum(costs) / len(costs), max(costs))))

# %% [markdown]
# ```{solution-end}
# ```

# %% [markdown]
# ```{exercise-start} How long may the sequence be?
# :label: ex-rope-longest
# ```

# %% [markdown]
# **Difficulty** ●○○○○ · **Time** 5 minutes
#
# Queries and keys all point in the same direction ($\delta = 0$) and $\theta_1 = 0.01$. For how many tokens does {prf:ref}`Lemma 4.6 <lem-rope-bounds>` hold?

# %% [markdown]
# ```{exercise-end}
# ```

# %% [markdown]
# ```{solution-start} ex-rope-longest
# :class: dropdown
# :label: sol-rope-longest
# ```

# %% [markdown]
# The largest distance is $N-1$, and it may turn by at most $\pi$.

# %%
print(exercises.check_longest(math.floor(math.pi / 0.01) + 1))

# %% [markdown]
# ```{solution-end}
# ```

# %% [markdown]
# ```{exercise-start} Place the peak
# :label: ex-rope-walk
# ```

# %% [markdown]
# **Difficulty** ●●●○○ · **Time** 15 minutes
#
# A RoPE-like map with $\theta_1^2 = 0.002$ and 9 layers. Where does {prf:ref}`prop-walk-peak` put the peak? Give a tenth of a token, then check it against the rollout of 400 tokens.

# %% [markdown]
# ```{exercise-end}
# ```

# %% [markdown]
# ```{solution-start} ex-rope-walk
# :class: dropdown
# :label: sol-rope-walk
# ```

# %% [markdown]
# One step has the probabilities $\propto e^{-\theta_1^2s^2}$, $s = 0, 1, 2, \dots$ The mean gives the speed, the third cumulant says how far the peak lags behind the mean.

# %%
step = torch.arange(1024, dtype=torch.float64)
weight = torch.exp(-0.002 * step**2)
weight /= weight.sum()
mean = weight @ step
variance, third = weight @ (step - mean) ** 2, weight @ (step - mean) ** 3
peak = (9 * mean - third / (2 * variance)).item()
rows = peak_distance.last_rows(flat_map(400, angle=0.002**0.5), 9, 0.0, torch.Generator())
print(exercises.check_walk(peak), "Exact:", int(rows[-1].flip(0).argmax()))

# %% [markdown]
# ```{solution-end}
# ```
