# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %% [markdown]
# # A network written by hand
#
# Numbers, one separator among them, and the question for the last token: what is the mean of the numbers **after** the separator? How exactly can two layers of softmax attention answer, and can one layer?
#
# {numref}`fig-catch-by-hand` shows a network without training that does it. In layer 1 every token after [SEP] is *caught*: it attends to [SEP]. What [SEP] writes to all of them is a *tag*. In layer 2 the last token attends to whatever carries the tag, and their numbers are *retrieved*.

# %% tags=["parameters"]
tokens: int = 32  # length of the sequences, [SEP] included
draws: int = 150  # lengths at which the bounds are checked, each with 67 settings
sequences: int = 4000  # random sequences on which the errors are measured
steps: int = 49  # points of the map over beta, and over gamma

# %% tags=["hide-input"]
import math

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from IPython.display import Markdown, display
from matplotlib.colors import LogNorm

from attention_atlas import figures
from attention_atlas.checks.catch_tag_release import ROUNDED, settings
from attention_atlas.drawing.attention import attention_map
from attention_atlas.exercises import catch_construction as exercises
from attention_atlas.models.averager import forward
from attention_atlas.tasks.averaging import Averaging, draw, placed
from attention_atlas.theory.catch_tag_release import bound, construction, exact_error, one_layer
from attention_atlas.wording import probability, say, short

figures.style()
blue, orange, green, red, muted = (figures.PALETTE[name] for name in ("blue", "orange", "green", "red", "muted"))
task = Averaging(tokens, low=0.0, high=1.0)
mean = (task.low + task.high) / 2
batch = draw(task, sequences, torch.Generator().manual_seed(0))

# %% tags=["hide-input"]
small = placed(torch.rand(1, 11, generator=torch.Generator().manual_seed(1), dtype=torch.float64), torch.tensor([4]))
seen = forward(*construction.catch_tag_release(40, 20), small.features[None])
figure, (first, middle, second) = plt.subplots(1, 3, figsize=(7.2, 2.9), width_ratios=(1, 0.75, 1))
attention_map(first, seen.weights[0][0, 0, 0])
image = attention_map(second, seen.weights[1][0, 0, 0])
after = small.after[0].numpy()
place, shades = np.arange(1, 13), np.where(after, orange, np.where(np.arange(12) == 4, blue, muted))
middle.set_box_aspect(1 / 0.75)
middle.barh(place, seen.streams[1][0, 0, :, construction.TAG], color=shades, height=0.7)
middle.set(ylim=(12.6, 0.4), xlim=(0, 1.08), yticks=[1, 5, 12], yticklabels=["1", "[SEP]", "12"], xticks=[0, 1])
for axes, title in ((first, "1 · catch"), (middle, "tag in the stream"), (second, "2 · retrieve")):
    axes.set_title(title)
figure.colorbar(image, ax=second, fraction=0.046, label="attention")
figures.show(
    figure,
    name="catch-by-hand",
    caption=f"The construction at $\\beta=40$, $\\gamma=20$ on {len(after)} tokens with [SEP] fifth. Left: layer 1, tokens after [SEP] attend to it alone. Middle: the tag "
    "that each token carries afterwards (orange: after [SEP]; blue: [SEP]). Right: layer 2; the last row averages the tagged tokens. Exact zeros are left empty.",
    alt="Left: an attention map whose first four rows are spread evenly and whose later rows put everything on column five. Middle: bars "
    "that are zero for the first four tokens and one for all others. Right: a map whose last row is spread evenly over the last seven columns.",
)

# %% [markdown]
# ```{admonition} What is whose
# :class: note
# The task and the mechanism are those of Zhang 2025 {cite}`zhang2025`. **We have not seen the full text**, only abstracts and quoted passages. The networks, the bounds, the argument about one layer and all proofs on this page are derived here.
# The first version of the paper says that simple tasks like averaging "necessitate" the mechanism; the second shows that it *can* solve such a task, and that training finds it. This page is about *can*.
# ```
#
# ## The task and the construction
#
# A sequence has $T$ tokens: $m$ numbers, [SEP] at place $p = m+1$, then $n \ge 1$ numbers, $T = m+1+n$. The place of [SEP] is uniform (our choice). Attention is causal, $\operatorname{softmax}(QK^\top)V$ without $1/\sqrt d$, and there are no positions.
#
# ````{prf:proposition} The construction
# :label: prop-catch-construction
#
# <span class="atlas-origin">derived here</span> In the basis $e_{\rm num}, e_{\rm const}, e_{\rm sep}, e_{\rm tag}, e_{\rm answer}$ a number is $(x,1,0,0,0)$ and [SEP] is $(0,1,1,0,0)$. With
#
# $$
# \begin{aligned}
# W_QW_K^\top &= \beta\,e_{\rm const}e_{\rm sep}^\top, & W_VW_O &= e_{\rm sep}e_{\rm tag}^\top & &\text{(layer 1)},\\
# W_QW_K^\top &= \gamma\,e_{\rm const}(e_{\rm tag}-2e_{\rm sep})^\top, & W_VW_O &= e_{\rm num}e_{\rm answer}^\top & &\text{(layer 2)}
# \end{aligned}
# $$ (eq-catch-construction)
#
# token $i \ge p$ carries the tag
#
# $$\alpha_i = \frac{e^\beta}{e^\beta + i - 1}, \qquad 1-\alpha_i \le (i-1)\,e^{-\beta},$$ (eq-catch-tag)
#
# tokens before [SEP] carry none, and the last token answers $\sum_j w_jx_j$ with $x_p = 0$ and weights proportional to
#
# $$1 \ \ (j<p), \qquad e^{\gamma(\alpha_p-2)} \ \ (j=p), \qquad e^{\gamma\alpha_j} \ \ (j>p) .$$ (eq-catch-weights)
# ````
#
# All four products have **rank one**. The proof is reading off: in layer 1 every logit is 0 but $\beta$ for [SEP], which no earlier token sees. In layer 2 the logit of token $j$ is $\gamma$ times its tag, less $2\gamma$ at [SEP]. The 2 is there because [SEP] tags itself: with $\alpha_p - 2 \le -1$ it ends up below the untagged numbers.
#
# By the paper's convention a sink receives more than 0.2 on average from the tokens that can see it. [SEP] is one as soon as $e^\beta > \frac{T-1}4$: then all $\alpha_i > 0.2$.
#
# ## How wrong can it be?
#
# Let $w$ be any weights of the last token and $c_j = w_j - \frac1n[j>p]$ how much they deviate from those that are asked for.
#
# ````{prf:proposition} Exact errors of given weights
# :label: prop-catch-worst
#
# <span class="atlas-origin">derived here</span> Let $\mathrm{TV} = \sum_{j>p}\left(\frac1n - w_j\right)_+$.
#
# 1. If all numbers lie in $[a,b]$, the largest error is $(b-a)\,\mathrm{TV} - w_p\min(-a,b)$, and it is attained. A range that contains 0 costs at most its length times TV.
# 2. If they are independent with mean $\mu$ and variance $v$, the expected squared error is $v\sum_{j\ne p}c_j^2 + \mu^2w_p^2$.
# 3. If all numbers are shifted by $s$, the error changes by $-s\,w_p$.
# ````
#
# ````{dropdown} Proof
# <span class="atlas-origin">derived here</span> The error is $\sum_{j\ne p}c_jx_j$, since $x_p=0$. Weights and targets both sum to 1, so $\sum_{j\ne p}c_j = -w_p$; that is the third claim. Only tokens after [SEP] can have $c_j<0$, so the negative parts sum to TV and the positive ones to $\mathrm{TV}-w_p$.
# On $[a,b]$ the error is lowest with $b$ where $c_j<0$ and $a$ elsewhere: $-b\,\mathrm{TV} + a(\mathrm{TV}-w_p) = -(b-a)\mathrm{TV} - aw_p$. It is highest the other way round: $(b-a)\mathrm{TV} - bw_p$. The larger size of the two is the first claim.
# Second claim: the error has the mean $\mu\sum_{j\ne p}c_j = -\mu w_p$ and the variance $v\sum_{j\ne p}c_j^2$.
# ````
#
# So the length of the range matters, and where it lies matters only through what leaks to [SEP]: its 0 is an answer from outside of a range far from 0.
#
# ````{prf:proposition} Bounds
# :label: prop-catch-bound
#
# <span class="atlas-origin">derived here</span> For $\gamma\ge0$ and numbers in $[0,R]$ (or in any range of length $R$ that contains 0) the construction errs by at most
#
# $$R\left[e^{\gamma(T-1)e^{-\beta}} - 1 + \frac{m+e^{-\gamma}}n\,e^{-\gamma\alpha_T}\right] .$$ (eq-catch-bound)
#
# More sharply, by at most
#
# $$
# \begin{gathered}
# R\left[\varepsilon + (1-\varepsilon)\tanh\frac{\gamma\delta}4\right], \\
# \varepsilon = \frac{\omega}{\omega+n}, \quad \omega = (m+e^{-\gamma})\,e^{-\gamma\alpha_T}, \quad \delta = \alpha_{p+1}-\alpha_T ,
# \end{gathered}
# $$ (eq-catch-sharp)
#
# which is never above $R$ and never above {eq}`eq-catch-bound`. In any other range $[a,b]$ add $\max(a,-b)\,w_p$, where $w_p \le e^{-\gamma(1+\alpha_T)}/n$.
# ````
#
# ````{dropdown} Proof
# <span class="atlas-origin">derived here</span> Let $S=\sum_{j>p}w_j$, $u_j = w_j/S$ for $j>p$, and $\bar x$ the right answer. For $x\in[0,R]^T$
#
# $$\sum_jw_jx_j - \bar x = \Big[\sum_{j<p}w_jx_j - (1-S)\bar x\Big] + S\Big[\sum_{j>p}u_jx_j - \bar x\Big] .$$
#
# *The mass that is missed.* The first bracket is between $-(1-S)R$ and $(1-S)R$. After [SEP] the tags fall with the place, so $\sum_{j>p}e^{\gamma\alpha_j}\ge ne^{\gamma\alpha_T}$; and $e^{\gamma(\alpha_p-2)}\le e^{-\gamma}$. Hence $1-S\le\omega/(\omega+n) = \varepsilon$.
#
# *The spread of the tags.* The second bracket is at most $R$ times the total variation between $u$ and equal shares. The ratio of two shares is at most $r = e^{\gamma\delta}$. For a set of $k = fn$ of the $n$ tokens $u(\text{set})/u(\text{rest})\le rf/(1-f)$, so
#
# $$u(\text{set}) - f \le \frac{rf}{rf+1-f} - f = \frac{f(1-f)(r-1)}{rf+1-f} \le \frac{\sqrt r-1}{\sqrt r+1} = \tanh\frac{\ln r}4 ,$$
#
# with equality at $f = 1/(1+\sqrt r)$. Together: $R\left[(1-S) + S\tanh\frac{\gamma\delta}4\right]$, which increases in $1-S$. This is {eq}`eq-catch-sharp`.
#
# *The simple form.* $\varepsilon\le\omega/n$; $\tanh y\le y$ and $y \le e^{4y}-1$ for $y \ge 0$; $\delta\le1-\alpha_T\le(T-1)e^{-\beta}$. For a range $[a,b]$ that contains 0 use {prf:ref}`prop-catch-worst`: the proof above bounds TV, as its worst case on $[0,1]$ is TV. For any other range that proposition adds $\max(a,-b)\,w_p$, and $w_p\le e^{\gamma(\alpha_p-2)}/(ne^{\gamma\alpha_T})$.
# ````
#
# The two terms are the two layers. A **weak catch** gives later tokens less tag, and layer 2 magnifies the differences: $\gamma(T-1)e^{-\beta}$. A **weak retrieval** leaves weight on what is not tagged: $\frac mne^{-\gamma}$. (Cards: {ref}`bounds <card-atlas-ctr-bound>`, {ref}`exact errors <card-atlas-ctr-error>`.)

# %% tags=["hide-input"]
points = {"(40, 20)": (40.0, 20.0), "(10, 20)": (10.0, 20.0), "(5, 20)": (5.0, 20.0), "(40, 0)": (40.0, 0.0)}
lines = ["| $(\\beta, \\gamma)$ | expected | measured | without the tag |", "|:--|--:|--:|--:|"]
for label, (beta, gamma) in points.items():
    at = torch.tensor(beta, dtype=torch.float64), torch.tensor(gamma, dtype=torch.float64), mean, task.variance
    with_tag, without = (exact_error.expected_error(tokens, *at, tagged=tagged).item() for tagged in (True, False))
    output = forward(*construction.catch_tag_release(beta, gamma), batch.features[None]).output[0, :, -1]
    measured = (output - batch.target).square().mean().item()
    lines.append(f"| {label} | {short(with_tag)} | {short(measured)} | {probability(without)} |")
    say(f"catch-mse-{beta:.0f}-{gamma:.0f}", short(with_tag))
references = exact_error.reference_errors(tokens, mean, task.variance)
say("catch-mse-global", probability(references["global mean"]))
say("catch-mse-constant", probability(references["constant"]))
say("catch-mse-uniform", probability(references["uniform"]))
say("catch-sequences", f"{sequences:,}")
display(Markdown("\n".join(lines)))

# %% [markdown]
# Mean squared errors for $T=32$ and numbers from $U(0,1)$. *Expected* is the exact sum over the place of [SEP], *measured* the network itself on {glue:text}`catch-sequences` sequences. Without the tag (value matrix of layer 1 zero, attention as before) the network gives the mean of **all** numbers, and its error is that of the
# global mean, $v\left(\mathbb E\frac1n - \frac1{T-1}\right)$ = {glue:text}`catch-mse-global`. Not looking at the sequence at all costs $v\,\mathbb E\frac1n$ = {glue:text}`catch-mse-constant`, the variance of the answer. (In the last row nothing is released: all tokens count alike, [SEP] as a 0, which costs {glue:text}`catch-mse-uniform`.) So attending to [SEP] is worth nothing by itself. What [SEP] *writes* is.

# %% tags=["hide-input"]
betas, gammas = torch.linspace(0, 40, steps, dtype=torch.float64), torch.linspace(0, 25, steps, dtype=torch.float64)
beta, gamma = torch.meshgrid(betas, gammas, indexing="xy")
exact = exact_error.expected_error(tokens, beta, gamma, mean, task.variance)
every = torch.arange(tokens - 1).expand(*beta.shape, tokens - 1)
each = every, tokens - 1 - every, beta[..., None].expand(every.shape), gamma[..., None].expand(every.shape)
sharp, simple = (limit(*each).square().mean(-1) for limit in (bound.sharp_bound, bound.error_bound))
best = exact.argmin(0)
inside = best < steps - 1
figure, panels = plt.subplots(1, 3, figsize=(7.2, 3.1), sharey=True)
norm = LogNorm(1e-20, 1)
maps = {"expected error²": exact, "sharper bound²": sharp, "simple bound²": simple}
look = dict(color=red, markeredgecolor="w", markeredgewidth=0.8, markersize=7, clip_on=False, zorder=4)
for axes, (title, values) in zip(panels, maps.items(), strict=True):
    shown = values.clamp(min=1e-20).where(values <= 1, torch.nan)
    image = axes.pcolormesh(betas, gammas, shown, norm=norm, rasterized=True)
    axes.set(title=title, xlabel="catch $\\beta$", xlim=(0, 40), ylim=(0, 25))
    axes.grid(False)
    for marker, (b, g) in zip("osD^", points.values(), strict=True):
        axes.plot(b, g, marker, **look)
panels[0].plot(betas[inside], gammas[best[inside]], "--", color=red, linewidth=1.4)
panels[0].set_ylabel("retrieval $\\gamma$")
figure.colorbar(image, ax=panels, fraction=0.03, ticks=[1, 1e-5, 1e-10, 1e-15, 1e-20])
at_five = exact_error.expected_error(tokens, torch.full_like(gammas, 5.0), gammas, mean, task.variance)
say("catch-best-gamma", f"{gammas[at_five.argmin()]:.1f}")
say("catch-best-mse", short(at_five.min().item()))
figures.show(
    figure,
    name="catch-error-map",
    caption=f"Expected squared error of the construction and the mean squares of both bounds, $T={tokens}$, $U(0,1)$, exact sums over the place of [SEP]. Empty: above 1, where a bound says nothing. Red: the four settings of the table; dashed: the best $\\gamma$ for each $\\beta$.",
    alt="Three maps over beta and gamma. In each the error is small in the upper right and falls as both grow. The middle map is nearly "
    "the same as the left one with a margin; the right one is empty where beta is below about six or gamma below about two.",
)

# %% [markdown]
# Stronger is not always better. At $\beta = 5$ the error is {glue:text}`catch-mse-5-20` at $\gamma=20$, but {glue:text}`catch-best-mse` at $\gamma=$ {glue:text}`catch-best-gamma`: a retrieval that is too sharp picks the tokens that were caught best. With $\gamma(T-1)e^{-\beta}$ small, as at
# $(40,20)$, only the retrieval limits, and the error falls by $e^{-2}$ with every unit of $\gamma$, to {glue:text}`catch-mse-40-20`.
#
# ### The check

# %% tags=["hide-input"]
generator = torch.Generator().manual_seed(0)
found = pd.concat([settings(generator) for _ in range(draws)], ignore_index=True)
relative = {name: found[name] / found["span"] for name in ("error", "worst", "sharp", "bound")}
resolved = relative["worst"] > 100 * ROUNDED
loose = {name: np.log10(relative[name] / relative["worst"])[resolved] for name in ("sharp", "bound")}
typical = np.log10(relative["bound"] / relative["error"])[resolved]
kept = {name: (relative["error"] <= relative[name] + ROUNDED).sum() for name in ("sharp", "bound")}
say("catch-settings", f"{len(found):,}")
say("catch-kept", "all" if min(kept.values()) == len(found) else f"{min(kept.values()):,}")
say("catch-resolved", f"{resolved.sum():,}")
say("catch-loose-median", f"{10 ** loose['bound'].median():.2g}")
say("catch-loose-high", short(10 ** loose["bound"].quantile(0.9)))
say("catch-sharp-median", f"{10 ** loose['sharp'].median():.2f}")
say("catch-sharp-most", f"{10 ** loose['sharp'].max():.2f}")
say("catch-typical", f"{10 ** typical.median():.2g}")
say("catch-vacuous", f"{(relative['bound'] > 1).mean():.0%}")
untagged = pd.concat([settings(generator, tagged=False, strong=True) for _ in range(draws // 6)])
failed = untagged["found_worst"] > untagged["bound"]
say("catch-untagged", f"{len(untagged):,}")
say("catch-untagged-failed", "all" if failed.all() else f"{failed.sum():,}")
figure, (left, right) = plt.subplots(1, 2, figsize=(7.2, 3.4))
for name, color, marker in (("bound", orange, "."), ("sharp", blue, ".")):
    left.loglog(relative["error"].clip(lower=1e-17), relative[name].clip(upper=1e6), marker, color=color, markersize=2, alpha=0.35, rasterized=True)  # fmt: skip
left.plot([1e-17, 1], [1e-17, 1], "--", color=muted, linewidth=1.2)
left.set(xlabel="|error| / R", ylabel="bound / R", xlim=(1e-17, 2), ylim=(1e-17, 2e6))
edges = np.linspace(0, 3, 61)
for name, color, label in (("bound", orange, "simple"), ("sharp", blue, "sharper")):
    right.hist(loose[name].clip(upper=2.99), edges, color=color, alpha=0.55, label=label)
right.set(xlabel="decades above the worst error", ylabel="settings")
right.legend()
figures.show(
    figure,
    name="catch-looseness",
    caption=f"{len(found):,} random settings of $m$, $n$, $\\beta$, $\\gamma$, $R$ and the numbers. Left: both bounds against the error of the network; below the dashed line a bound would be broken "
    "(clipped at $10^{-17}$, where float64 has nothing left, and at $10^6$). Right: the bounds against the worst error that any numbers cause; the last bar holds all above.",
    alt="Left: two clouds of points above the diagonal, the sharper bound closer to it and never above one, the simple bound going up to large "
    "values. Right: the sharper bound stays within four tenths of a decade, with a large peak at zero and a small one at 0.3; the simple bound reaches three decades and more.",
)

# %% [markdown]
# In {glue:text}`catch-kept` of {glue:text}`catch-settings` settings both bounds hold. Against the worst numbers (in the {glue:text}`catch-resolved` settings where float64 resolves them) the simple bound is too large by a factor of {glue:text}`catch-loose-median` in the median and {glue:text}`catch-loose-high` at the 90th percentile;
# it says nothing (more than $R$) in {glue:text}`catch-vacuous` of all settings. The sharper one is too large by {glue:text}`catch-sharp-median` in the median and {glue:text}`catch-sharp-most` at most. (Its small peak at a factor of 2: tags fall evenly along the sequence, but the lemma in the proof has to allow for two values only.) Random numbers are kinder than the worst: against their error the simple bound is off by
# {glue:text}`catch-typical` in the median.
#
# **Negative control:** without the tag, at $\beta\ge20$ and $\gamma\ge10$ and with a number before [SEP], the simple bound fails on the worst numbers in {glue:text}`catch-untagged-failed` of {glue:text}`catch-untagged` settings.
#
# ## The same with an outlier
#
# In language models tags are often *outlier features*: few coordinates, very large. Two coordinates are enough to build that.
#
# ````{prf:proposition} The variant with an outlier
# :label: prop-catch-outlier
#
# <span class="atlas-origin">derived here</span> Let a number be $(x,-1)$ and [SEP] $(0,s)$. With $-\beta\,e_{\rm tag}e_{\rm tag}^\top$ and $W_VW_O=v\,e_{\rm tag}e_{\rm tag}^\top$ in layer 1, and $\gamma\,e_{\rm tag}e_{\rm tag}^\top$, $W_VW_O=e_{\rm num}e_{\rm answer}^\top$ in layer 2, the tag coordinate becomes
#
# $$
# \begin{aligned}
# \text{before [SEP]:}\quad & -(1+v), \\
# \text{at [SEP]:}\quad & s-v+v(1+s)\,\kappa, & \kappa &= \frac1{1+m\,e^{\beta s(1+s)}}, \\
# \text{after [SEP]:}\quad & -(1+v)+v(1+s)\,\alpha_i, & \alpha_i &= \frac1{1+(i-1)e^{-\beta(1+s)}} .
# \end{aligned}
# $$ (eq-catch-outlier)
#
# For $v>1$, $vs>1$ and $\beta, \gamma\to\infty$ (with $\gamma e^{-\beta(1+s)} \to 0$) the error tends to 0 if a number comes before [SEP]. **If [SEP] comes first it fails, whatever the constants:** as soon as the last token has a positive coordinate $\tau$, non-negative numbers with mean $\bar x$ get an answer of at most $n\,e^{-\gamma\tau(1+s)}\,\bar x$.
# ````
#
# ````{dropdown} Proof
# <span class="atlas-origin">derived here</span> A number has the logit $-\beta\cdot(-1)\cdot s=\beta s$ for [SEP] and $-\beta$ for numbers. So after [SEP] it attends to it with $\alpha_i$, and $-1+v(\alpha_is-(1-\alpha_i))$ is the last expression; before [SEP] it sees only $-1$. [SEP] itself *avoids* its like: its logit for itself is $-\beta s^2$, for each of the $m$ numbers before it
# $+\beta s$. So it attends to itself with $\kappa$, and has $s+v(\kappa s-(1-\kappa))$ afterwards.
#
# *A number before it.* Then $\kappa\le e^{-\beta s(1+s)}\to0$. With $\tau\to vs-1>0$ the logits of layer 2 are $\gamma\tau$ times the coordinates, which tend to $-(1+v)$, $s-v$ and $vs-1$. The last is the largest since $vs-1-(s-v) = (v-1)(s+1)>0$ and $vs-1+(1+v)=v(1+s)>0$. The tagged tokens differ by at most $v(1+s)(T-1)e^{-\beta(1+s)}$. With numbers in $[0,R]$ the
# steps of {prf:ref}`prop-catch-bound` give the error $R\left[\varepsilon+(1-\varepsilon)\tanh\frac{\gamma\tau v(1+s)\delta}4\right]$ with $\varepsilon=\frac\omega{\omega+n}$ and $\omega = me^{-\gamma\tau v(1+s)\alpha_T}+e^{-\gamma\tau(1+s)(v(\alpha_T-e^{-\beta s(1+s)})-1)}$, which is what the card checks.
#
# *None before it.* Then $\kappa=1$: nothing else is there to attend to. [SEP] has $s+vs$ and exceeds a tagged number by $(1+s)\left[1+v(1-\alpha_i)\right]\ge1+s$. So a number's weight is at most $e^{-\gamma\tau(1+s)}$, and the value of [SEP] is 0.
# ````

# %% tags=["hide-input"]
variant = construction.outlier_tag()
tagged = construction.outlier_tags(tokens, torch.tensor([tokens // 2, 0]), beta=20.0)
numbers = torch.rand(200, tokens - 1, generator=generator, dtype=torch.float64)
apart = []
for where in range(tokens - 1):
    tried = placed(numbers, torch.full((200,), where))
    apart.append((forward(*variant, tried.features[None]).output[0, :, -1] - tried.target).square().mean().item())
drawn = [error if error > 1e-34 else math.nan for error in apart[1:]]
figure, (left, right) = plt.subplots(1, 2, figsize=(7.2, 3.3))
left.plot(np.arange(1, tokens + 1), tagged[0], "o", color=blue, markersize=3, label="[SEP] in the middle")
left.plot(np.arange(1, tokens + 1), tagged[1], "s", color=orange, markersize=6.5, fillstyle="none", label="[SEP] first")
left.set(xlabel="token", ylabel="tag coordinate after layer 1", ylim=(-4, 14))
left.legend(loc="upper center", ncols=2, columnspacing=0.8, handletextpad=0.2)
right.semilogy(np.arange(2, tokens), drawn, "o", color=blue, markersize=4)
right.semilogy(1, apart[0], "s", color=orange, markersize=6)
right.set(xlabel="place of [SEP]", ylabel="mean squared error", ylim=(1e-35, 10))
say("catch-outlier-rest", short(float(np.mean(apart[1:]))))
say("catch-outlier-first", f"{apart[0]:.2f}")
every = torch.arange(tokens - 1)
over_all = exact_error.mean_squared_error(construction.outlier_retrieval(construction.outlier_tags(tokens, every, 20.0), 3.0), every, mean, task.variance)  # fmt: skip
say("catch-outlier-all", probability(over_all.mean().item()))
figures.show(
    figure,
    name="catch-outlier",
    caption=f"The variant at $s=3$, $v=2$, $\\beta=20$, $\\gamma=3$, $T={tokens}$. Left: the tag coordinate; numbers after [SEP] have 5 and [SEP] has 1 in the middle, but 9 if it comes first. "
    "Right: mean squared error on 200 sequences for every place of [SEP] (not drawn below $10^{-34}$, where it is exactly 0).",
    alt="Left: with the separator in the middle, coordinates of minus three before it, one at it and five after it; with the separator first, nine for it and five "
    "for all others. Right: errors around ten to the minus thirty-three for every place but the first, where the error is about one quarter.",
)

# %% [markdown]
# Wherever a number precedes [SEP], the mean squared error is {glue:text}`catch-outlier-rest`: rounding. With [SEP] first it is {glue:text}`catch-outlier-first`, since the answer is 0; expected over all places, {glue:text}`catch-outlier-all`: no better than the global mean ({glue:text}`catch-mse-global`). One dummy token in front repairs it: [SEP] then has something else to look at. The construction
# {eq}`eq-catch-construction` needs none, because its retrieval knows [SEP] by a coordinate of its own. (Card: {ref}`variant <card-atlas-ctr-outlier>`.)
#
# ## One layer cannot
#
# ````{prf:proposition} Two sequences that one layer cannot tell apart
# :label: prop-catch-one-layer
#
# <span class="atlas-origin">derived here</span> Let a predictor be one causal attention layer without positions, with any number of heads, softmax or ReLU, residual, LayerNorm, MLP and readout. On one of
#
# $$(a,\ \text{[SEP]},\ b,\ c) \qquad\text{and}\qquad (b,\ \text{[SEP]},\ a,\ c)$$ (eq-catch-witness)
#
# it errs by at least $\lvert a-b\rvert/4$; with $n$ numbers after [SEP], two of which are exchanged like this, by $\lvert a-b\rvert/(2n)$.
# ````
#
# ````{dropdown} Proof
# <span class="atlas-origin">derived here</span> What a head adds at the last token is $\sum_j f(x_T,x_j)\,v(x_j)$, with softmax divided by $\sum_jf(x_T,x_j)$ and with our ReLU attention by $T$. Sums do not depend on the order of their terms. Everything else acts on the last token alone. So the output is a function of $x_T$ and of the *multiset* of the other tokens. The two
# sequences share both, and get one output $o$, but their targets are $\frac{b+c}2$ and $\frac{a+c}2$. These are $\frac{\lvert a-b\rvert}2$ apart, and $o$ is at least half of that from one of them. In general the targets are $\frac{\lvert a-b\rvert}n$ apart.
# ````
#
# **This shows that a second layer is needed, not that a sink is.** Nothing here says how two layers have to solve the task.
#
# How well *can* one layer do? The best function of the last number and the multiset of the others is a conditional mean.
#
# ````{prf:proposition} The best that one layer can do
# :label: prop-catch-one-layer-best
#
# <span class="atlas-origin">derived here</span> Let the numbers be exchangeable, [SEP] be at a place independent of them, and $h=\mathbb E\frac1n$. The best guess, in squared error, is
#
# $$\hat y = h\,x_T+(1-h)\,\overline{x}_{\rm others},$$ (eq-catch-best)
#
# where the mean is over the $T-2$ numbers other than the last. One layer of uniform attention reaches it. For independent numbers of variance $v$ its expected squared error is
#
# $$v\,(1-h)\left(h-\frac{1-h}{T-2}\right) .$$ (eq-catch-best-error)
#
# If the place is uniform, $h = H_{T-1}/(T-1)$ with the harmonic number $H$.
# ````
#
# ````{dropdown} Proof
# <span class="atlas-origin">derived here</span> Given $n$, $x_T$ and the multiset, the $n-1$ other numbers after [SEP] are any $n-1$ of the $T-2$, all choices being equally likely; so the mean of $y$ is $\frac1n\left(x_T+(n-1)\,\overline x_{\rm others}\right)$. The place is independent of the numbers: average over $n$. The conditional mean is the best guess.
#
# *One layer.* With all logits 0 and the value $\frac{T}{T-2}(1-h)\,x$ a head gives $\frac{1-h}{T-2}$ of the sum of all numbers ([SEP] adds 0); the readout adds $h-\frac{1-h}{T-2}$ times $x_T$ from the residual.
#
# *Error.* With $r=\frac{1-h}{T-2}$, answer and guess differ by $\frac1n-h$ in the last number, by $\frac1n-r$ in the $n-1$ others after [SEP] and by $-r$ in the $m$ before it. Given $n$ the expected squared error is $v\left[(\frac1n-h)^2+(n-1)(\frac1n-r)^2+mr^2\right]$. Expand the last two terms with $n-1+m=T-2$: $\frac{n-1}{n^2}-2r\frac{n-1}n+(T-2)r^2$. Now take the mean over $n$:
# $\mathbb E\frac1{n^2}-h^2+h-\mathbb E\frac1{n^2}-2r(1-h)+r(1-h) = (1-h)(h-r)$.
# ````

# %% tags=["hide-input"]
after = torch.arange(1, tokens, dtype=torch.float64)
place = tokens - 1 - after.long()
strong = construction.retrieval(construction.tags(tokens, place, torch.full_like(after, 10.0)), place, torch.full_like(after, 20.0))  # fmt: skip
numbered = {
    "constant": task.variance / after,
    "global mean": task.variance * (1 / after - 1 / (tokens - 1)),
    "best of one layer": one_layer.best_error_given(after, tokens, task.variance),
    "two layers (10, 20)": exact_error.mean_squared_error(strong, place, mean, task.variance),
}
best_one = one_layer.best_error(tokens, task.variance)
output = forward(*one_layer.best_network(tokens), batch.features[None]).output[0, :, -1]
squared = (output - batch.target).square()
noise = (squared.std() / math.sqrt(sequences)).item()
means = {name: values.mean().item() for name, values in numbered.items()}
means["two layers (40, 20)"] = exact_error.expected_error(tokens, *torch.tensor([[40.0], [20.0]], dtype=torch.float64), mean, task.variance).item()  # fmt: skip
share = exact_error.expected_share(tokens)
say("catch-share", probability(share, 3))
say("catch-one-layer", probability(best_one))
say("catch-one-layer-measured", f"{probability(squared.mean().item())} ± {probability(noise)}")
say("catch-one-layer-gain", f"{1 - best_one / references['constant']:.0%}")
say("catch-one-layer-ratio", short(best_one / means["two layers (40, 20)"]))
figure, (left, right) = plt.subplots(1, 2, figsize=(7.2, 3.4), width_ratios=(1.25, 1))
looks = (("-", muted), ("--", green), ("-", blue), ("-.", orange))
for (name, values), (line, color) in zip(numbered.items(), looks, strict=True):
    left.semilogy(after, values.clamp(min=1e-9), line, color=color, label=name)
left.set(xlabel="numbers after [SEP], $n$", ylabel="expected squared error", ylim=(1e-9, 0.3))
left.legend(loc=(0.04, 0.33))
colors = [color for _, color in looks] + [red]
for height, (value, color) in enumerate(zip(means.values(), colors, strict=True)):
    right.semilogx(value, -height, "o", color=color, markersize=7)
    label = short(value) if value < 1e-3 else probability(value)
    right.text(value, -height + 0.22, label, ha="center", va="bottom", fontsize=9)
right.set(xlim=(1e-21, 300), xticks=[1e-18, 1e-12, 1e-6, 1], yticks=[], ylim=(-4.5, 0.8))
right.set_xlabel("mean over the place of [SEP]")
figures.show(
    figure,
    name="catch-one-layer",
    caption=f"Left: expected squared error given $n$, exact, $T={tokens}$, $U(0,1)$. Right: its mean over the place of [SEP], in the same order and colors; last the two layers at $(40, 20)$.",
    alt="Left: three curves between one hundredth and one tenth at small n; the best of one layer lies below the constant and the global mean there and stays near one "
    "thousandth at large n, where the global mean goes to zero. Two layers are orders of magnitude below. Right: dots at .0108, .0081, .0073, about ten to the minus seven and ten to the minus seventeen.",
)

# %% [markdown]
# At $T=32$ the last number gets the share $h$ = {glue:text}`catch-share`. The best of one layer has an error of {glue:text}`catch-one-layer` (a network of one layer, measured: {glue:text}`catch-one-layer-measured`), {glue:text}`catch-one-layer-gain` below the variance of the answer. Two layers at $(40,20)$ are better by a factor of
# {glue:text}`catch-one-layer-ratio`. A trained network whose error is near {glue:text}`catch-one-layer` does no better than one layer can, whatever its second layer looks like; near {glue:text}`catch-mse-global` it averages everything. (Cards: {ref}`witness <card-atlas-ctr-one-layer>`, {ref}`best guess <card-atlas-ctr-one-layer-best>`.)
#
# ## What a practitioner takes away
#
# - **A sink can carry a message.** Here all of the work is done by what [SEP] writes. A head that "only" attends to a sink is not idle if the sink's value is not small; look at the value after $W_O$ before pruning it.
# - **Saturate the catch before you sharpen the retrieval.** Unequal tags are magnified: keep $\gamma(T-1)e^{-\beta}$ below 1. At a given $m/n$ the length enters only here, so a longer context needs a stronger catch: $\beta$ has to grow with $\ln T$.
# - **Yardsticks for training.** Variance of the answer, global mean, best of one layer: three numbers that tell what a failed run has learned instead.
# - **A first token tags itself.** It has nobody else to attend to. A mechanism that tells sink and tagged tokens apart by size alone, as the variant does, needs a token in front.
#
# ## Exercises

# %% [markdown]
# ```{exercise-start} How sharp a retrieval?
# :label: ex-catch-strength
# ```

# %% [markdown]
# **Difficulty** ●○○○○ · **Time** 5 minutes
#
# Tags are perfect ($\beta\to\infty$). 30 numbers come before [SEP] and 10 after it. Which $\gamma$ leaves one thousandth of the last token's attention to the numbers before [SEP]? (What [SEP] itself gets may be neglected.)

# %% [markdown]
# ```{exercise-end}
# ```

# %% [markdown]
# ```{solution-start} ex-catch-strength
# :class: dropdown
# :label: sol-catch-strength
# ```

# %% [markdown]
# By {eq}`eq-catch-weights` the odds of before against after are $\frac{m}{n}e^{-\gamma} = 3e^{-\gamma}$, and should be $1:999$.

# %%
print(exercises.check_strength(math.log(3 * 999)))

# %% [markdown]
# ```{solution-end}
# ```

# %% [markdown]
# ```{exercise-start} Far from zero
# :label: ex-catch-range
# ```

# %% [markdown]
# **Difficulty** ●●○○○ · **Time** 10 minutes
#
# [SEP] comes first, one number follows, tags are perfect and $\gamma=2$. Numbers lie in $[10,11]$. How wrong can the construction be?

# %% [markdown]
# ```{exercise-end}
# ```

# %% [markdown]
# ```{solution-start} ex-catch-range
# :class: dropdown
# :label: sol-catch-range
# ```

# %% [markdown]
# The logits are $\gamma$ for the number and $\gamma(1-2)$ for [SEP], so $w_p = 1/(1+e^{4})$ and $\mathrm{TV}=w_p$. {prf:ref}`prop-catch-worst` gives $(11-10)\,w_p+10\,w_p$. Subtracting 10 from all numbers first would have made the error eleven times smaller.

# %%
print(exercises.check_range(11 / (1 + math.exp(4))))

# %% [markdown]
# ```{solution-end}
# ```

# %% [markdown]
# ```{exercise-start} The share of the last number
# :label: ex-catch-share
# ```

# %% [markdown]
# **Difficulty** ●●○○○ · **Time** 10 minutes
#
# Four tokens, [SEP] at any of the first three places with equal probability. Which coefficient does the last number have in the best guess of one layer?

# %% [markdown]
# ```{exercise-end}
# ```

# %% [markdown]
# ```{solution-start} ex-catch-share
# :class: dropdown
# :label: sol-catch-share
# ```

# %% [markdown]
# $n$ is 1, 2 or 3, so $h=\frac13\left(1+\frac12+\frac13\right)$.

# %%
print(exercises.check_share((1 + 1 / 2 + 1 / 3) / 3))

# %% [markdown]
# ```{solution-end}
# ```

# %% [markdown]
# ```{exercise-start} How large a copy?
# :label: ex-catch-copy
# ```

# %% [markdown]
# **Difficulty** ●●●○○ · **Time** 15 minutes
#
# In the variant with an outlier, $s=3$, $\beta$ is large and a number comes before [SEP]. Which value must $v$ exceed for the last token to prefer tagged numbers to [SEP]?

# %% [markdown]
# ```{exercise-end}
# ```

# %% [markdown]
# ```{solution-start} ex-catch-copy
# :class: dropdown
# :label: sol-catch-copy
# ```

# %% [markdown]
# By {eq}`eq-catch-outlier` tagged numbers have $vs-1$ and [SEP] has $s-v$. The difference $(v-1)(s+1)$ changes sign at the same $v$ for every $s$.

# %%
print(exercises.check_copy((3.0 + 1.0) / (3.0 + 1.0)))

# %% [markdown]
# ```{solution-end}
# ```
