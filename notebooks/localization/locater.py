# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %% [markdown]
# # LocAteR: shrink the spectrum, keep its mean
#
# If attention localizes when the eigenvalues of $W = W_Q^\top W_K$ lie close together, away from zero, can we ask a network for that?
#
# Bao 2024 {cite}`bao2024` add a penalty to the loss. It asks for a small **scale** of the eigenspectrum at an unchanged **mean** <span class="atlas-origin">paper</span>. Let gradient descent follow the penalty alone, from random weights ({numref}`fig-localization-locater-spectra`). Measured by $\|W\|_F^2$, the scale
# draws all eigenvalues together. Measured by $\operatorname{tr}(W^2)$, it drives them apart: the penalty has no lower bound, because eigenvalues may turn imaginary and their squares negative.

# %% tags=["parameters"]
d_model: int = 32  # width of the model, and of the head unless a smaller one is named
steps: int = 2000  # most steps of gradient descent
seed: int = 0  # of the random weights at the start
starts: int = 5  # random starts per width in the check of the minimum

# %% tags=["hide-input"]
import math

import matplotlib.pyplot as plt
import torch
from IPython.display import Markdown, display

from attention_atlas import figures
from attention_atlas.exercises import localization_locater as exercises
from attention_atlas.training.locater import Locater, head_spectrum, multiplications
from attention_atlas.training.locater_flow import Flow, descend, kept_trace, start
from attention_atlas.training.query_key_weights import query_key_weights
from attention_atlas.wording import say, short, signed

figures.style()
blue, orange, ink, muted, pale = (figures.PALETTE[name] for name in ("blue", "orange", "ink", "muted", "line"))


def descent(source=seed, **settings):
    """Gradient descent on the penalty from seeded weights."""
    flow = Flow(**{"d_model": d_model, "d_head": d_model, "steps": steps, **settings})
    return descend(flow, *start(flow, torch.Generator().manual_seed(source)))


# %% tags=["hide-input"]
settling, running = descent(every=2), descent(scale="trace_square", every=1)
figure, panels = plt.subplots(1, 3, figsize=(7.2, 3.0))
shown = (
    ("random weights", settling.spectra[0], ink, "o"),
    ("$\\|W\\|_F^2$: they meet", settling.spectra[-1], blue, "s"),
    ("$\\mathrm{tr}(W^2)$: they run away", running.spectra[-1], orange, "^"),
)
for axes, (title, values, color, marker) in zip(panels, shown, strict=True):
    axes.axhline(0, color=pale, linewidth=0.8)
    axes.axvline(0, color=pale, linewidth=0.8)
    axes.plot(values.real, values.imag, marker, color=color, markersize=5, linestyle="none")
    axes.set(title=title, xlabel="real part")
panels[0].set_ylabel("imaginary part")
reach = 1.1 * settling.spectra[0].abs().max().item()
for axes in panels[:2]:
    axes.set(xlim=(-reach, reach), ylim=(-reach, reach))
figures.show(
    figure,
    name="localization-locater-spectra",
    caption=f"The {d_model} eigenvalues of $W$ before and after gradient descent on the penalty alone. Left: random weights whose trace is about half of $d$. Middle: the end with $\\|W\\|_F^2$, on the axes of the left panel. Right: with $\\operatorname{{tr}}(W^2)$, stopped when $\\|W\\|_F^2$ had grown a hundredfold; "
    "mind the axes.",
    alt="Three scatter plots in the complex plane. The random eigenvalues form a broad cloud right of zero. With the Frobenius norm they sit on one real point. With the trace of the square they spread along the imaginary axis, far beyond the first plot's range.",
)
first, last, away = settling.table.iloc[0], settling.table.iloc[-1], running.table.iloc[-1]
say("locater-deviation-first", f"{math.sqrt(first['real_variance']):.2f}")
say("locater-deviation-last", short(math.sqrt(last["real_variance"])))
say("locater-mean-first", f"{first['eigenvalue_mean']:.3f}")
say("locater-mean-last", f"{last['eigenvalue_mean']:.3f}")
say("locater-mean-away", f"{away['eigenvalue_mean']:.3f}")
say("locater-away-steps", f"{away['step']:.0f}")
say("locater-away-square", signed(away["trace_square"], ",.0f"))

# %% [markdown]
# The standard deviation of the real parts falls from {glue:text}`locater-deviation-first` to {glue:text}`locater-deviation-last`; the mean goes from {glue:text}`locater-mean-first` to {glue:text}`locater-mean-last`. With $\operatorname{tr}(W^2)$ the mean is kept as well, {glue:text}`locater-mean-away`, but after {glue:text}`locater-away-steps` steps
# $\operatorname{tr}(W^2)$ is {glue:text}`locater-away-square` and falling.
#
# ## The penalty
#
# For each head, with weights $a, b > 0$ and a trace $m$ to keep,
#
# $$a\,s(W) + b\,(\operatorname{tr} W - m)^2, \qquad s(W) = \|W\|_F^2 \ \text{ or } \ \operatorname{tr}(W^2).$$ (eq-locater-penalty)
#
# The idea is the paper's. This form, both choices of $s$ and all constants are our reconstruction <span class="atlas-origin">ours</span>: we had the abstract and not the text, and do not know which scale the authors take. The trace is the sum of the eigenvalues, so keeping it keeps their mean.
#
# ## What bounds the scale
#
# In the chapter's units, $\eta = \operatorname{tr} W/\sqrt d$, $\xi = \operatorname{tr}(W^2)/d$ and $\xi_F = \|W\|_F^2/d$. A head of width $r < d$ has a $W$ of rank at most $r$.
#
# ````{prf:proposition} Scale and mean of a spectrum
# :label: prop-spectrum-scale
#
# <span class="atlas-origin">derived here</span> Let $W$ be a real $d \times d$ matrix of rank at most $r$, $S$ its symmetric and $A$ its antisymmetric part. Then
#
# $$\operatorname{tr}(W^2) = \|S\|_F^2 - \|A\|_F^2, \qquad \|W\|_F^2 = \|S\|_F^2 + \|A\|_F^2 \;\ge\; \frac{(\operatorname{tr} W)^2}{r} .$$ (eq-locater-bound)
#
# The bound is met exactly by $W = c\,P$, $P$ an orthogonal projection of rank $r$ (and by $W = 0$). So $|\xi| \le \xi_F$ and $\xi_F \ge \eta^2/d$, with equality if and only if $W$ is a multiple of the identity. If $W$ is symmetric, $\xi = \xi_F$ obeys the same bound. If it need not be, and $r \ge 2$, then
# $\operatorname{tr}(W^2)$ has no lower bound at any trace.
# ````
#
# ````{dropdown} Proof
# <span class="atlas-origin">derived here</span> $S$ and $A$ are orthogonal in the inner product $\langle X, Y\rangle = \operatorname{tr}(X^\top Y)$. So $\|W\|_F^2 = \|S\|_F^2 + \|A\|_F^2$, and $\operatorname{tr}(W^2) = \langle W^\top, W\rangle = \langle S - A, S + A\rangle = \|S\|_F^2 - \|A\|_F^2$.
#
# Let $P$ be the orthogonal projection onto the column space of $W \ne 0$, of dimension $k \le r$. Then $W = PW$, and by Cauchy–Schwarz $(\operatorname{tr} W)^2 = \langle P, W\rangle^2 \le k\,\|W\|_F^2 \le r\,\|W\|_F^2$. The first is an equality if and only if $W = cP$, the second if and only if $k = r$. For $r = d$, $P = I$.
#
# Take $W = cP + t\,(e e'^\top - e' e^\top)$ with orthonormal $e, e'$ in the range of $P$: its rank is at most $r$, its trace $cr$, and $\operatorname{tr}(W^2) = c^2 r - 2t^2$.
# ````
#
# In words: rotation costs $\|W\|_F^2$ and *pays* under $\operatorname{tr}(W^2)$. {numref}`fig-localization-locater-flow` has both along the way down.

# %% tags=["hide-input"]
bound = kept_trace(settling.target, d_model, 1.0, 1.0) ** 2 / d_model
figure, panels = plt.subplots(1, 3, figsize=(7.2, 3.0), sharey=False)
for run, name, color, line in ((settling, "$\\|W\\|_F^2$", blue, "-"), (running, "$\\mathrm{tr}(W^2)$", orange, "--")):
    table = run.table[run.table["time"] < 1.5]
    for axes, column in zip(panels, ("trace", "frobenius", "trace_square"), strict=True):
        axes.plot(table["time"], table[column], line, color=color, label=f"descends on {name}")
for axes, title in zip(panels, ("$\\mathrm{tr}\\,W$", "$\\|W\\|_F^2$", "$\\mathrm{tr}(W^2)$"), strict=True):
    axes.set(title=title, xlabel="time (sum of steps)")
start_scale = first["frobenius"]
panels[0].set_ylim(0, 1.3 * max(settling.target, 1.0))
panels[1].set_ylim(0, 5 * start_scale)
panels[2].set_ylim(-5 * start_scale, 1.5 * start_scale)
panels[1].axhline(bound, color=muted, linewidth=1, linestyle=":")
panels[0].legend(loc="lower right", fontsize=9)
figures.show(
    figure,
    name="localization-locater-flow",
    caption=f"Both descents from the same weights, $d={d_model}$, $a=b=1$. The dotted line is the least $\\|W\\|_F^2$, by {{eq}}`eq-locater-bound` at the trace that is left. The dashed curves end in finite time.",
    alt="Three panels over time. The trace stays nearly level in both descents. Solid: the Frobenius norm falls to just above a dotted bound and the trace of the square falls slightly. Dashed: the Frobenius norm shoots up and the trace of the square plunges below zero.",
)
say("locater-settled-scale", f"{last['frobenius']:.3f}")
say("locater-settled-bound", f"{bound:.3f}")
say("locater-first-scale", f"{first['frobenius']:.1f}")

# %% [markdown]
# The solid descent brings $\|W\|_F^2$ from {glue:text}`locater-first-scale` to {glue:text}`locater-settled-scale`; its bound is {glue:text}`locater-settled-bound`.
#
# ## Where it leads
#
# ````{prf:proposition} The minimum of LocAteR's penalty
# :label: prop-locater-minimum
#
# <span class="atlas-origin">derived here</span> Let $a, b > 0$, $m \ne 0$, and a head of width $r$.
#
# 1. With $s(W) = \|W\|_F^2$ the penalty {eq}`eq-locater-penalty` is least exactly for $W = c\,P$, $P$ any orthogonal projection of rank $r$, with
#
#    $$\operatorname{tr} W = c\,r = \frac{m}{1 + a/(b\,r)} .$$ (eq-locater-kept)
#
# 2. With $s(W) = \operatorname{tr}(W^2)$ and $r \ge 2$ there is no minimum. Let $r = d$, $m > 0$ and $W_Q = W_K = \sqrt c\,I$. This is a minimum among symmetric $W$, and gradient descent rests there. A small antisymmetric disturbance of $W$ grows as $e^{4act}$. With $\|W\|_F^2$ it fades as $e^{-4act}$.
# ````
#
# ````{dropdown} Proof
# <span class="atlas-origin">derived here</span> At a given trace $\tau$ the least scale is $\tau^2/r$, met by $W = (\tau/r)P$ only ({prf:ref}`prop-spectrum-scale`). What is left, $a\tau^2/r + b(\tau-m)^2$, is a parabola with its vertex at {eq}`eq-locater-kept`. Symmetric matrices obey the same bound, which gives the first half of 2; that there is no minimum is the last
# sentence of {prf:ref}`prop-spectrum-scale`.
#
# The factors move by $\dot W_Q = -W_K G^\top$, $\dot W_K = -W_Q G$, where $G$ is the gradient in $W$: $G = 2aW^\top + 2b(\operatorname{tr}W - m)I$, which is 0 at $cI$. Disturb the factors so that $W = cI + A$. The trace is as before, so $G = -2aA$ to first order, and $\dot W = \dot W_Q^\top W_K + W_Q^\top \dot W_K = -cG - cG = 4ac\,A$.
# With $\|W\|_F^2$ it is $G = +2aA$.
# ````
#
# Three things follow.
#
# - **The trace is not quite kept.** The scale term takes the share {eq}`eq-locater-kept`. In the figures $a/(br) = 1/d$.
# - **A narrow head cannot have equal eigenvalues.** $r$ of them become equal. The other $d-r$ are 0, whatever the penalty asks for.
# - **Symmetry does not save $\operatorname{tr}(W^2)$.** Whatever breaks the symmetry grows, be it a rounding error.
#
# We do not prove that gradient descent always finds this minimum. Here it did, from {glue:text}`locater-starts` random starts of heads of three widths. The largest relative distance of the penalty from its least value was {glue:text}`locater-excess`.

# %% tags=["hide-input"]
narrow = d_model // 2
excess = []
for d_head in (narrow // 8, narrow // 4, narrow // 2):
    for source in range(starts):
        end = descent(source, d_model=narrow, d_head=max(d_head, 1), every=steps)
        least = end.target**2 / (1 + max(d_head, 1))
        excess.append(abs(end.table["penalty"].iloc[-1] / least - 1))
say("locater-starts", f"{len(excess)}")
say("locater-excess", short(max(max(excess), 1e-16)))

almost = {"correlation": 1 - 1e-8, "every": 2}
fading, growing = descent(**almost), descent(scale="trace_square", **almost)
rate = 8 * kept_trace(growing.target, d_model, 1.0, 1.0) / d_model
figure, axes = plt.subplots(figsize=(7.2, 3.3))
for run, name, color, line in ((growing, "$\\mathrm{tr}(W^2)$", orange, "--"), (fading, "$\\|W\\|_F^2$", blue, "-")):
    table = run.table[(run.table["time"] < 3) & (run.table["antisymmetric_share"] > 1e-12)]
    axes.semilogy(table["time"], table["antisymmetric_share"], line, color=color, label=f"descends on {name}")
late = growing.table[growing.table["antisymmetric_share"].between(1e-4, 1e-2)]
meeting, ends = late.iloc[0], late.iloc[[0, -1]]
times = torch.linspace(0, growing.table["time"].iloc[-1], 50, dtype=torch.float64)
axes.semilogy(
    times,
    meeting["antisymmetric_share"] * torch.exp(rate * (times - meeting["time"])),
    ":",
    color=muted,
    label="growth derived, $e^{8act}$",
)
axes.set(xlabel="time (sum of steps)", ylabel="share of $\\|W\\|_F^2$\nthat is antisymmetric", ylim=(1e-12, 3))
axes.legend(loc="center right")
figures.show(
    figure,
    name="localization-locater-saddle",
    caption="A start that is symmetric but for a share of a few $10^{-9}$. Squares of $A$ go with twice the rate of {prf:ref}`prop-locater-minimum`. The dotted line has that slope and is laid through one point. Early on $W$ is not yet near $cI$, and the slopes differ.",
    alt="On a logarithmic axis the antisymmetric share grows along a straight line from ten to the minus nine to one when the trace of the square is descended on, parallel to a dotted line at the end, and falls when the Frobenius norm is.",
)
measured = ends["antisymmetric_share"].map(math.log).diff().iloc[-1] / ends["time"].diff().iloc[-1]
say("locater-rate-measured", f"{measured:.2f}")
say("locater-rate-derived", f"{rate:.2f}")

# %% [markdown]
# Between shares of $10^{-4}$ and $10^{-2}$ the antisymmetric part grows at a rate of {glue:text}`locater-rate-measured`; near $cI$ the derived one is {glue:text}`locater-rate-derived`. Here $W$ is not $cI$ yet. The entry of $A$ between two eigenvalues grows at the rate $2a(\lambda_i + \lambda_j)$ by the same computation <span class="atlas-origin">derived here</span>, so the larger ones lead.
#
# So our default is $\|W\|_F^2$. It agrees with $\operatorname{tr}(W^2)$ where $W$ is symmetric, bounds it from above where it is not, and has a minimum.
#
# ## Without the large matrix
#
# $W$ is $d \times d$, its factors $r \times d$. All three traces come from $r \times r$ products:
#
# $$
# \begin{aligned}
# \operatorname{tr} W &= \sum_{ci} (W_Q)_{ci}(W_K)_{ci}, \\
# \operatorname{tr}(W^2) &= \operatorname{tr}\bigl[(W_K W_Q^\top)^2\bigr], \\
# \|W\|_F^2 &= \operatorname{tr}\bigl[(W_Q W_Q^\top)(W_K W_K^\top)\bigr].
# \end{aligned}
# $$ (eq-locater-grams)
#
# All are cyclic permutations under a trace <span class="atlas-origin">derived here</span>. Multiplications per head, counted and not timed:

# %% tags=["hide-input"]
lines = [
    "| head width | model width | $\\operatorname{tr}(W^2)$ | $\\lVert W\\rVert_F^2$ | by way of $W$ | factor |",
    "|--:|--:|--:|--:|--:|--:|",
]
for d_head, width in ((64, 768), (128, 4096), (128, 128)):
    count = multiplications(d_head, width)
    factor = count["dense"] / count["frobenius"]
    lines.append(
        f"| {d_head} | {width} | {count['trace_square']:,} | {count['frobenius']:,} | {count['dense']:,} | {factor:.2g} |"
    )
display(Markdown("\n".join(lines)))

# %% [markdown]
# The factor is about $d/(2r)$. The last row has the sizes of the paper's experiment, one head as wide as the model. There the small products are as large as $W$, and two of them cost more than one.
#
# ## In your own model
#
# Take any model whose attention layers have usual names, here one of torch's; for others `weights=` takes a function. Three lines add the penalty.

# %%
torch.manual_seed(seed)
layer = torch.nn.TransformerEncoderLayer(64, nhead=4, batch_first=True)
model = torch.nn.TransformerEncoder(layer, num_layers=2)

# %%
locater = Locater(scale_weight=1e-3, mean_weight=1e-2).bound_to(model)
loss = model(torch.randn(8, 10, 64)).square().mean()  # your own loss
(loss + locater(model)).backward()

# %% [markdown]
# `bound_to` notes the trace that every head has at that moment. Mind the moment. Fresh weights are independent, so a fresh head's trace is near zero:

# %%
query, key = query_key_weights(model)["layers.0.self_attn"]
for head in range(4):
    print(f"head {head + 1}: eta = {head_spectrum(query[head], key[head]).eta:+.3f}")

# %%
aimed = 5 * math.sqrt(16)  # the trace with eta = 5, in heads of width 16
locater = Locater(scale_weight=1e-3, mean_weight=1e-2, target_trace=aimed)

# %% [markdown]
# Keeping *that* mean means to ask for no preference at all. Where mean and scale are both near zero attention is uniform ({doc}`/_executed/localization/phase_diagram`). Localization needs a mean away from zero. So bind after some training, or name a target.
#
# *Temperature.* A head divides its scores by $\sqrt r$ and not by $\sqrt d$. That is as if its $W$ were larger by $\sqrt{d/r}$. In the chapter's units such a head has
#
# $$\eta = \frac{\operatorname{tr} W}{\sqrt r}, \qquad \xi = \frac{\operatorname{tr}(W^2)}{r}, \qquad \xi_F = \frac{\|W\|_F^2}{r} \;\ge\; \frac{\eta^2}{r} ,$$ (eq-locater-head)
#
# which `head_spectrum` returns. At the same $\eta$ a narrow head keeps a larger scale than a wide one, even at its minimum.
#
# ## What to do with it
#
# - Take $\|W\|_F^2$. If you must take $\operatorname{tr}(W^2)$, watch its sign.
# - Choose the target first. {eq}`eq-locater-kept` says what is left of it; make $b\,r$ large against $a$.
# - Biases of queries and keys, rotary positions and norms of queries or keys are not part of $W$. With them the penalty says less about the scores.
# - It is a sum over heads: a weight that suits one head suits any number.
#
# **What is not here.** In the paper LocAteR improves validation perplexity and raises attention entropy on WikiText-2 <span class="atlas-origin">paper</span>. That experiment has a page of its own, {doc}`/_executed/language_models/locater_on_text`. What this page shows is what the penalty asks for, and not whether language models profit from it.
#
# ## Exercises

# %% [markdown]
# ```{exercise-start} A penalty without a floor
# :label: ex-locater-runaway
# ```

# %% [markdown]
# **Difficulty** ●●○○○ · **Time** 10 minutes
#
# Find $4\times4$ matrices $W_Q$ and $W_K$ with $\operatorname{tr} W = 8$ and $\operatorname{tr}(W^2) \le -100$.

# %% [markdown]
# ```{exercise-end}
# ```

# %% [markdown]
# ```{solution-start} ex-locater-runaway
# :class: dropdown
# :label: sol-locater-runaway
# ```

# %% [markdown]
# Start from $2I$, which has the trace 8 and $\operatorname{tr}(W^2) = 16$. Adding $t$ at one place and $-t$ at its mirror image takes $2t^2$ away: {prf:ref}`prop-spectrum-scale`. $t = 8$ will do. With $W_Q = I$, $W_K = W$.

# %%
key = 2 * torch.eye(4)
key[0, 1], key[1, 0] = 8, -8
print(exercises.check_runaway(torch.eye(4), key))

# %% [markdown]
# ```{solution-end}
# ```

# %% [markdown]
# ```{exercise-start} What is left of the trace
# :label: ex-locater-trace
# ```

# %% [markdown]
# **Difficulty** ●●○○○ · **Time** 10 minutes
#
# A model of width 64 has heads of width 16. LocAteR with $\|W\|_F^2$, $a = 0.8$ and $b = 0.1$ is to keep the trace 12. Which trace does a head have where the penalty is least?

# %% [markdown]
# ```{exercise-end}
# ```

# %% [markdown]
# ```{solution-start} ex-locater-trace
# :class: dropdown
# :label: sol-locater-trace
# ```

# %% [markdown]
# At the trace $\tau$ the least $\|W\|_F^2$ is $\tau^2/16$: the rank decides, and not the width of the model. The derivative of $0.8\,\tau^2/16 + 0.1\,(\tau - 12)^2$ is zero at $\tau = 12/(1 + 0.8/1.6)$.

# %%
print(exercises.check_kept_trace(12 / (1 + 0.8 / (0.1 * 16))))

# %% [markdown]
# ```{solution-end}
# ```
