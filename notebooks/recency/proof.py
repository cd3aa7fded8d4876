# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %% [markdown]
# # The proof in pictures
#
# A layer of causal attention has no preference for any earlier token. Why does the next layer have one, as soon as it
# normalizes what it reads?
#
# Because of two facts about the first layer's outputs $o_1, \dots, o_S$, and one division
# ({numref}`fig-recency-proof-idea`).
#
# 1. A token cannot tell earlier tokens apart: $\langle o_i, o_j\rangle$ is the **same for all** $j < i$.
# 2. A later token has averaged more tokens, and averages are short: $\|o_j\|$ **falls** with $j$.
# 3. Normalizing divides the first by the second. The quotient **rises** with $j$. That is recency.

# %% tags=["parameters"]
d_model: int = 64  # dimension d of the curves and of the predicted map: 16, 64, 256 or 1024
draws: int = 40  # random draws in the checks of the statements
profile: str = "quick"  # size at which missing results are computed

# %% tags=["hide-input"]
import itertools
import math

import matplotlib.pyplot as plt
import torch
from IPython.display import Markdown, display
from myst_nb import glue

from attention_atlas import figures, results
from attention_atlas.checks import recency as checks
from attention_atlas.drawing_recency import score_map
from attention_atlas.exercises import recency_proof as exercises
from attention_atlas.experiments import recency
from attention_atlas.theory.recency.closed_form import (
    effective_residual,
    h,
    inner_products,
    predicted_scores,
    recency_effect,
)

figures.style()
blue, orange, green, red, ink, muted = (
    figures.PALETTE[name] for name in ("blue", "orange", "green", "red", "ink", "muted")
)
widths, alpha, tokens = (16, 64, 256, 1024), 0.5, 10
before = torch.ones(tokens, tokens).tril(-1).bool()  # keys before the query: what a recency probability compares


def say(name, value):
    glue(name, value, display=False)


def simulated(point):
    """Configuration and table of one point, and where they come from."""
    found = results.obtain(recency, profile, [point])
    return recency.configurations(found.table["profile"].iloc[0])[point], found.table, found.provenance


def maps(point, quantity="score"):
    config, table, _ = simulated(point)
    return recency.score_map(config, table, 2, quantity)


def error(claimed, measured):
    """Root mean square of the relative error over all keys before the query."""
    return (claimed / measured - 1)[before].square().mean().sqrt().item()


def signed(value):
    """A number with two digits and a proper minus."""
    return (f"{value:.1e}" if abs(value) < 0.01 else f"{value:.1f}").replace("-", "−")


def digits(value, count):
    """A number below 1 as the paper prints it."""
    return f"{value:.{count}f}".removeprefix("0")


# %% tags=["hide-input"]
point = f"maps-d{d_model}-anisotropic"
config, table, provenance = simulated(point)
scores, products = maps(point), maps(point, "inner_product") / d_model
claimed, expected = predicted_scores(tokens, d_model, alpha), inner_products(tokens, d_model, alpha)
index = torch.arange(1, tokens + 1)
figure, (left, middle, right) = plt.subplots(1, 3, figsize=(7.2, 3.1))
panels = (
    (left, index[:-1], products[-1, :-1], expected[-1, :-1], "1. inner product\nwith $o_{10}$"),
    (middle, index, products.diagonal().sqrt(), 1 / h(tokens, d_model, alpha), "2. norm $\\|o_j\\|$"),
    (right, index[:-1], scores[-1, :-1], claimed[-1, :-1], "3. score of query 10\nin layer 2"),
)
for axes, where, measured, theory, title in panels:
    axes.plot(where, theory, color=blue, label="predicted")
    axes.plot(where, measured, "o", color=orange, label="simulated")
    axes.set(xlabel="token $j$", title=title, xticks=[1, 4, 7, 10])
left.set_ylim(0.9 * alpha, 1.15 * alpha)
middle.legend(loc="upper right")
figures.show(
    figure,
    name="recency-proof-idea",
    caption=f"$d={d_model}$, $\\alpha={alpha}$, ten tokens. Blue: the closed forms of this page, for tokens whose pairs all "
    f"have the cosine $\\alpha$. Orange: means over {config.sequences:,} random sequences; for the norm the root of the "
    "mean square. Inner products and norms in units of a normalized token.",
    alt="Three panels over the token's position. The inner product with the last token is a flat line, the norm falls, "
    "and the score, their quotient, rises steadily. Orange simulated points lie on or close to the blue predictions.",
    provenance=provenance,
)
say("proof-first-predicted", f"{claimed[-1, 0]:.3f}")
say("proof-first-simulated", f"{scores[-1, 0]:.3f}")
say("proof-first-error", f"{maps(point, 'standard_error')[-1, 0]:.4f}")
say("proof-growth", f"{h(tokens, d_model, alpha)[-1]:.4f}")
say("proof-width", f"{d_model}")

# %% [markdown]
# The score of query 10 on key 1 is predicted as {glue:text}`proof-first-predicted`; the simulation gives
# {glue:text}`proof-first-simulated` ± {glue:text}`proof-first-error`. Nothing was fitted; the small difference is real, and is what the
# idealization costs.
#
# The abstract of Kim 2026 {cite}`kim2026` states what happens, its code holds a formula for the norm. The statements below and
# their proofs are ours; each says so.
#
# ## The setting
#
# The tokens of {cite}`kim2026` point in random directions and share some of them: any two have the cosine $\alpha$ on average. We
# replace the average by the thing itself. All inputs of the first layer have the norm $\sqrt d$ of a normalized token,
# and **all** pairs have the cosine $\alpha \in [0,1)$. In units of $\sqrt d$ they are unit vectors $e_1, \dots, e_S$. A token's
# score on itself is $\sqrt d$, on any other $\alpha\sqrt d$. With
#
# $$u = e^{\sqrt d}, \qquad v = e^{\alpha\sqrt d}, \qquad D_j = u + (j-1)\,v$$ (eq-recency-uvd)
#
# token $j$ gives itself $P_{jj} = u/D_j$ and every earlier token $P_{jl} = v/D_j$. Its output is
# $o_j = \sum_{l \le j} P_{jl}\, e_l + r\, e_j$, where $r \ge 0$ is the strength of a residual connection. One identity does all the work.
# The weights of $o_j$ are $p_{jl} = P_{jl} + r\,[l=j]$; they add up to $1+r$; and since
# $\langle e_l, e_m\rangle = \alpha + (1-\alpha)[l=m]$,
#
# $$\langle o_i, o_j\rangle = (1+r)^2\alpha + (1-\alpha)\sum_l p_{il}\, p_{jl} .$$ (eq-recency-products)
#
# ## Later outputs are shorter
#
# ````{prf:proposition} The norm falls
# :label: prop-falling-norm
#
# <span class="atlas-origin">official code</span> The formula: $\|o_j\| = 1/h(j)$ with
#
# $$
# \frac1{h(j)^2} = r^2 + 2r\alpha + \alpha + (1-\alpha)\frac{2ru + v}{D_j} + (1-\alpha)\frac{u^2 - uv}{D_j^2} .
# $$ (eq-recency-h)
#
# <span class="atlas-origin">derived here</span> That it is the norm, and that it falls:
# $\|o_1\| = 1 + r > \|o_2\| > \dots > \|o_S\|$.
# ````
#
# ````{dropdown} Proof
# <span class="atlas-origin">derived here</span> Put $i = j$ in {eq}`eq-recency-products`. The sum is
#
# $$(P_{jj} + r)^2 + (j-1)\frac{v^2}{D_j^2} = r^2 + \frac{2ru}{D_j} + \frac{u^2 + (j-1)v^2}{D_j^2} .$$
#
# Since $(j-1)v = D_j - u$, the last term is $v/D_j + (u^2-uv)/D_j^2$. Adding $(1+r)^2\alpha$ gives {eq}`eq-recency-h`, because
# $(1+r)^2\alpha + (1-\alpha)r^2 = r^2 + 2r\alpha + \alpha$.
#
# Read it as a polynomial in $s = 1/D_j$. Its coefficients $(1-\alpha)(2ru+v)$ and $(1-\alpha)\,u(u-v)$ are positive, because
# $\alpha < 1$ makes $u > v$. So it rises strictly with $s > 0$, and $s$ falls strictly with $j$: $D_j$ grows by $v$ per token.
# ````
#
# ({ref}`Card of the formula <card-kim2026-h>`, {ref}`card of the fall <card-atlas-recency-norm>`.) In a picture: token 1 keeps its
# length, since it sees only itself. Token $j$ is an average of $j$ vectors that do not point the same way. So normalization, which
# brings all of them back to one length, must enlarge later tokens more. $h(j)$ is by how much.

# %% tags=["hide-input"]
figure, panels = plt.subplots(1, 2, figsize=(7.2, 3.4), sharex=True)
styles = zip((0.0, 0.2, 0.4, 0.6, 0.8), figures.shades(5), "os^Dv", strict=True)
for value, color, marker in styles:
    for axes, strength in zip(panels, (0.0, 1.0), strict=True):
        axes.plot(index, h(tokens, 64, value, strength), marker=marker, markersize=4, color=color, label=f"{value:g}")
panels[0].set(title="without residual, $r=0$", ylabel="$h(j)$", xlabel="token $j$", xticks=[1, 4, 7, 10])
panels[1].set(title="with residual, $r=1$", xlabel="token $j$")
panels[0].legend(title="$\\alpha$", title_fontsize=9.5)
figures.show(
    figure,
    name="recency-h-curves",
    caption="The factor $h(j)$ by which normalization enlarges token $j$, $d=64$: the curves of the official code, from "
    "{eq}`eq-recency-h`. Mind the axes: a residual of strength 1 halves $h$ and flattens it.",
    alt="Two panels of five curves over the tokens 1 to 10, one per alpha. Without residual they start at 1; those for "
    "alpha 0 and 0.2 stay there and the one for 0.8 climbs highest and bends. With residual they start at one half and "
    "climb far less.",
)
for value in (0.0, 0.6, 0.8):
    for strength in (0, 1):
        growth = recency_effect(tokens, 64, value, float(strength))[-1].item()
        say(f"proof-effect-{int(10 * value)}-{strength}", f"{100 * growth:.1f}")

# %% [markdown]
# Token 10 gains {glue:text}`proof-effect-6-0` % on token 1 for $\alpha = .6$ and {glue:text}`proof-effect-8-0` % for $.8$; with the
# residual {glue:text}`proof-effect-6-1` % and {glue:text}`proof-effect-8-1` %. At $\alpha = 0$ it is {glue:text}`proof-effect-0-0` %: orthogonal
# tokens in 64 dimensions hardly attend to each other, $v/u = e^{-8}$.
#
# ## Inner products are flat
#
# ````{prf:proposition} A token cannot tell earlier ones apart
# :label: prop-flat-inner
#
# <span class="atlas-origin">derived here</span> For all $j < i$
#
# $$\langle o_i, o_j\rangle = (1+r)\Bigl[(1+r)\,\alpha + (1-\alpha)\frac{v}{D_i}\Bigr] ,$$ (eq-recency-flat)
#
# which does not depend on $j$.
# ````
#
# ````{dropdown} Proof
# <span class="atlas-origin">derived here</span> $o_j$ has weights on tokens $l \le j$ only, and to all of those token $i > j$ gives the
# one weight $p_{il} = v/D_i$. So the sum in {eq}`eq-recency-products` is
# $\frac{v}{D_i}\sum_{l\le j} p_{jl} = \frac{v}{D_i}(1+r)$.
# ````
#
# ({ref}`Card <card-atlas-recency-flat>`.) Token $i$ does not see how token $j$ shared out its attention. It sees only that the shares
# add up to one. This is all that the causal mask contributes, and by itself it gives no preference.
#
# ## Their quotient rises
#
# ````{prf:proposition} Recency in the second layer
# :label: prop-layer-two
#
# <span class="atlas-origin">derived here</span> Without normalization the scores $S_{ij} = \sqrt d\,\langle o_i, o_j\rangle$ of the second layer
# are flat in $j < i$. With it
#
# $$S_{ij} = \sqrt d\;\langle o_i, o_j\rangle\; h(i)\, h(j)$$ (eq-recency-layer-two)
#
# rises strictly with $j < i$, and
#
# $$
# \frac{S_{ij}}{S_{i1}} - 1 = (1+r)\,h(j) - 1 \;\approx\; \frac{(1-\alpha)(j-1)}{1+r}\; e^{-(1-\alpha)\sqrt d}
# $$ (eq-recency-effect)
#
# as long as $(j-1)\,e^{-(1-\alpha)\sqrt d} \ll 1$.
# ````
#
# ````{dropdown} Proof
# <span class="atlas-origin">derived here</span> The first sentence is {prf:ref}`prop-flat-inner`. Normalizing divides by $\|o_i\|\,\|o_j\|$. Within a
# row the first norm is common to all keys, so is $\langle o_i, o_j\rangle > 0$, and $h(j) = 1/\|o_j\|$ rises strictly by
# {prf:ref}`prop-falling-norm`. Further $h(1) = 1/(1+r)$. For the last step put $q = v/u = e^{-(1-\alpha)\sqrt d}$ and $x_j = (j-1)v/D_j$,
# what token $j$ gives away. Then $u/D_j = 1 - x_j$ and {eq}`eq-recency-h` becomes
#
# $$(1+r)^2 - \frac1{h(j)^2} = (1-\alpha)\,x_j\,\bigl[\,2r + q + (1-q)(2 - x_j)\,\bigr] .$$
#
# For small $q$, $x_j \approx (j-1)q$ and the bracket is about $2(1+r)$.
# ````
#
# ({ref}`Card <card-atlas-recency-layer2>`.) {eq}`eq-recency-effect` says three things that the simulations show one by one.
#
# - **A residual weakens recency and does not remove it.** It divides the effect by $1+r$.
# - **A large dimension postpones it.** The effect of one layer is smaller by $e^{-(1-\alpha)\sqrt d}$. It needs depth to build up.
# - **Anisotropy amplifies it, up to a point.** More similar tokens attend to each other more, but there is less to average
#   away ({ref}`ex-strongest-alpha`).
#
# ## The predicted map
#
# The idealization has no noise. How much does that cost?

# %% tags=["hide-input"]
relative = claimed / scores - 1
largest = 100 * relative[before].abs().max().item()
figure, panels = plt.subplots(1, 3, figsize=(7.2, 3.4))
shown = {"predicted": claimed, "simulated": scores, "difference in %": 100 * relative}
for axes, (title, values) in zip(panels, shown.items(), strict=True):
    score_map(axes, values, labels=title == "predicted")
    axes.set_title(title)
figures.show(
    figure,
    name="recency-predicted-map",
    caption=f"Scores of the second layer, $d={d_model}$, $\\alpha={alpha}$, diagonal left out. Below each map: its smallest value, and by "
    "how much the largest exceeds it. Right: (predicted − simulated) / simulated, in percent.",
    alt="Two triangular heat maps that look the same: brighter toward the diagonal within each row. A third one of their "
    "relative difference, below one percent everywhere.",
    provenance=provenance,
)
say("proof-map-rms", f"{100 * error(claimed, scores):.2f}")
say("proof-map-largest", f"{largest:.2f}")

# %% [markdown]
# Over the whole map the relative error has a root mean square of {glue:text}`proof-map-rms` % and is at most
# {glue:text}`proof-map-largest` % ({numref}`fig-recency-predicted-map`). It falls with the dimension:

# %% tags=["hide-input"]
names = [f"maps-d{d}-anisotropic" for d in widths]
found = results.obtain(recency, profile, names)
rms, noise = [], []
lines = [
    "| $d$ | relative error, rms | its noise | rise of row 10, predicted | simulated | spread of a score | recency probability |",
    "|--:|--:|--:|--:|--:|--:|--:|",
]
for d, name in zip(widths, names, strict=True):
    own, own_table, _ = simulated(name)
    measured, uncertain = maps(name), maps(name, "standard_error")
    rms.append(error(predicted_scores(tokens, d, alpha), measured))
    noise.append((uncertain / measured)[before].square().mean().sqrt().item())
    rise = (measured[-1, -2] - measured[-1, 0]).item()
    ideal = predicted_scores(tokens, d, alpha)
    foreseen = (ideal[-1, -2] - ideal[-1, 0]).item()
    doubt = uncertain[-1, [0, -2]].norm().item()  # as if the two scores were independent
    spread = uncertain[-1, 0].item() * math.sqrt(own.sequences - 1)
    probability = own_table[(own_table.quantity == "recency_probability") & (own_table.layer == 2)]["mean"].item()
    lines.append(
        f"| {d} | {100 * rms[-1]:.3f}\u00a0% | {100 * noise[-1]:.3f}\u00a0% | {foreseen:.4f} | {rise:.4f}\u00a0±\u00a0{doubt:.4f} | {spread:.2f} | {digits(probability, 4)} |"
    )
falls = all(later < earlier for earlier, later in itertools.pairwise(rms))
say("proof-error-falls", "falls at every step" if falls else "does not fall at every step")
figure, axes = plt.subplots(figsize=(7.2, 3.3))
axes.loglog(widths, rms, "o-", color=orange, label="predicted against simulated map")
axes.loglog(widths, noise, "s:", color=muted, label="Monte-Carlo noise of the simulation")
axes.loglog(widths, [(1 - alpha**2) / (2 * d) for d in widths], "--", color=blue, label="$(1-\\alpha^2)/2d$")
axes.set(xlabel="dimension $d$", ylabel="relative error", xticks=widths)
axes.xaxis.set_major_formatter("{x:.0f}")
axes.xaxis.set_minor_formatter("")
axes.legend()
figures.show(
    figure,
    name="recency-map-error",
    caption="Root mean square of the relative error of the predicted layer-2 map, $\\alpha=.5$. Dashed: by how much the mean "
    "cosine of two random tokens falls short of $\\alpha$.",
    alt="The error falls with the dimension from several percent at 16 to a fraction of a per mille at 1024, where it "
    "follows the dashed line.",
    provenance=found.provenance,
)

# %% tags=["hide-input"]
display(Markdown("\n".join(lines).replace("| -0", "| −0")))

# %% [markdown]
# The error {glue:text}`proof-error-falls`. Part of it is not about attention at all
# <span class="atlas-origin">derived here</span>: two random tokens with correlated coordinates have a mean cosine of about
# $\alpha\,\bigl(1 - (1-\alpha^2)/2d\bigr)$, the well-known bias of a sample correlation, and not $\alpha$. At large $d$ this is all that is
# left. At $d = 16$ the weights matter too: they fluctuate by factors, because the
# scores fluctuate by more than half a unit. In between the two errors partly cancel, so the orange line dips below the dashed one.
#
# ### What the map does not tell
#
# Look at the last four columns (*rise*: score on key 9 less that on key 1). The map of $d = 1024$ is predicted best of all, and its recency probability is one half. There
# is no contradiction. The map is an **average**; the recency probability asks about **single** sequences. The cosine of two tokens
# fluctuates by about $1/\sqrt d$, the score is $\sqrt d$ times that, so a single score is spread over $O(1)$ whatever $d$ is. Against this stands the
# rise of {eq}`eq-recency-effect`, which fades like $\sqrt d\,e^{-(1-\alpha)\sqrt d}$. A predicted map can be perfect and the effect in it
# invisible in any one sequence. Read mean maps with the spread beside them.
#
# This is also where the proof stops. It gives the sign of the mean effect and its size, in layer 2, for idealized tokens. It does not
# give the recency probability, and at $d = 16$ the simulated inner products are themselves not quite flat:

# %% tags=["hide-input"]
narrow = maps("maps-d16-anisotropic", "inner_product") / 16
say("proof-narrow-first", f"{narrow[-1, 0]:.4f}")
say("proof-narrow-last", f"{narrow[-1, -2]:.4f}")
say("proof-narrow-predicted", f"{inner_products(tokens, 16, alpha)[-1, 0]:.4f}")

# %% [markdown]
# along row 10 they go from {glue:text}`proof-narrow-first` to {glue:text}`proof-narrow-last`, predicted
# {glue:text}`proof-narrow-predicted` throughout. The norm falls by far more.
#
# ## What the residual does
#
# The curves of {numref}`fig-recency-h-curves` have $r = 0$ and $r = 1$. The official simulation has neither
# ({ref}`ledger <ledger-kim2026-raw-residual>`).
#
# ````{prf:proposition} The strength of the simulated residual
# :label: prop-effective-residual
#
# <span class="atlas-origin">derived here</span> The official code adds the raw input of a layer to its output. In the first layer that is, on
# average, a residual of the strength
#
# $$r = \frac{1}{\sqrt{(1-\alpha)\,d}} .$$ (eq-recency-effective)
# ````
#
# ````{dropdown} Proof
# <span class="atlas-origin">derived here</span> A raw token is $x_t = (g_t + \ell c)/\sqrt d$ with $\ell^2 = \alpha/(1-\alpha)$ and independent
# $g_t, c \sim N(0, I)$. Its mean squared norm is $(d + \ell^2 d)/d = 1/(1-\alpha)$. A normalized token has the squared norm $d$. The ratio is
# $r^2$. (Centering removes one of the $d$ dimensions of the raw token; the formula leaves out that factor $1 - 1/d$.) In later layers
# the strength grows by about one per layer, because every layer adds a vector of about that length ({prf:ref}`prop-recency-rates`).
# ````
#
# ({ref}`Card <card-atlas-effective-residual>`.) In the usual words: the official simulation is **pre-norm**, $x \leftarrow x + \mathrm{Attn}(\mathrm{N}(x))$,
# and the curve for $r=1$ is **post-norm**, $h \leftarrow \mathrm{N}(h + \mathrm{Attn}(h))$. We simulate both.

# %% tags=["hide-input"]
strength = effective_residual(64, alpha)
cases = {"raw": "placement-d64-raw", "normalized": "placement-d64-normalized"}
found = results.obtain(recency, profile, list(cases.values()))
curves = {strength: (orange, "--", f"predicted, $r={digits(strength, 2)}$"), 1.0: (blue, "-", "predicted, $r=1$")}
figure, axes = plt.subplots(figsize=(7.2, 3.4))
axes.plot(index[:-1], predicted_scores(tokens, 64, alpha)[-1, :-1], ":", color=muted, label="predicted, $r=0$")
for value, (color, style, label) in curves.items():
    axes.plot(index[:-1], predicted_scores(tokens, 64, alpha, value)[-1, :-1], style, color=color, label=label)
for (kind, name), marker, color, label in zip(
    cases.items(), "os", (orange, blue), ("simulated, raw (pre-norm)", "simulated, normalized (post-norm)"), strict=True
):
    axes.plot(index[:-1], maps(name)[-1, :-1], marker, color=color, label=label)
    for value, short in ((strength, "effective"), (1.0, "one")):
        say(f"proof-{kind}-{short}", f"{100 * error(predicted_scores(tokens, 64, alpha, value), maps(name)):.2f}")
axes.set(xlabel="key $j$", ylabel="score of query 10, layer 2", xticks=range(1, 10))
axes.legend(loc="upper left", fontsize=9, bbox_to_anchor=(1.0, 1.0))
figures.show(
    figure,
    name="recency-residual-rows",
    caption=f"Which residual is which: the last row of the layer-2 map at $d=64$, $\\alpha={alpha}$. The official simulation follows "
    f"$r = 1/\\sqrt{{(1-\\alpha)d}} = {digits(strength, 2)}$, not the curve for $r=1$; a residual from the normalized input follows that.",
    alt="Score of query 10 against the key. Orange circles of the raw residual lie on the orange dashed curve just below the "
    "dotted one without residual. Blue squares of the normalized residual lie on a lower and flatter blue curve.",
    provenance=found.provenance,
)
say("proof-effective", digits(strength, 2))
narrow_raw = maps("maps-d16-residual")
say("proof-narrow-effective", digits(effective_residual(16, alpha), 2))
say(
    "proof-narrow-raw-effective",
    f"{100 * error(predicted_scores(tokens, 16, alpha, effective_residual(16, alpha)), narrow_raw):.1f}",
)
say("proof-narrow-raw-one", f"{100 * error(predicted_scores(tokens, 16, alpha, 1.0), narrow_raw):.1f}")
three = predicted_scores(3, 1, 0.0, residual=1.0)
say("proof-example-21", digits(three[1, 0].item(), 4))
say("proof-example-31", digits(three[2, 0].item(), 4))
say("proof-example-32", digits(three[2, 1].item(), 4))
own_square, misprinted = (2 + 2 * math.e) ** 2, 2 + 2 * math.e**2
norm = math.sqrt(1 + (1 + 2 * math.e) ** 2)
printed = [1 / math.sqrt(2 + misprinted), (2 + 2 * math.e) / (norm * math.sqrt(2 + misprinted))]
say("proof-example-misprint", f"{digits(printed[0], 3)} and {digits(printed[1], 3)}")

# %% [markdown]
# Relative error of the whole map at $d = 64$, root mean square:
#
# | simulated with | predicted with $r =$ {glue:text}`proof-effective` | predicted with $r = 1$ |
# |:--|--:|--:|
# | raw residual (official, pre-norm) | **{glue:text}`proof-raw-effective` %** | {glue:text}`proof-raw-one` % |
# | normalized residual (ours, post-norm) | {glue:text}`proof-normalized-effective` % | **{glue:text}`proof-normalized-one` %** |
#
# The dimension must be large enough for this test. At $d = 16$ the idealization itself is off by several percent, in the direction of
# too much recency, and the wrong $r = 1$ happens to come closer to the raw simulation ({glue:text}`proof-narrow-raw-one` %) than the right
# $r =$ {glue:text}`proof-narrow-effective` ({glue:text}`proof-narrow-raw-effective` %): two errors cancel.
#
# ### The worked example of the first version
#
# The first version of the paper computes one case by hand: three orthonormal tokens, score 1 on themselves and 0 on others,
# residual 1. In our formulas that is $u = e$, $v = 1$, $\alpha = 0$. The layer-2 scores are
#
# | | key 1 | key 2 |
# |:--|--:|--:|
# | query 2, computed | {glue:text}`proof-example-21` | |
# | query 2, printed | .154 | |
# | query 3, computed | {glue:text}`proof-example-31` | {glue:text}`proof-example-32` |
# | query 3, printed | .132 | .150 |
#
# The last one is cut off rather than rounded. The stored pages print $2 + 2e^2$ in a denominator where $(2+2e)^2$ is meant; with the
# former query 3 would have {glue:text}`proof-example-misprint`, so the printed results come from the latter
# ({ref}`ledger <ledger-kim2026-worked-example>`).
#
# ## The check

# %% tags=["hide-input"]
checked = {
    "{prf:ref}`prop-falling-norm`": ("falling_norm", "every token sees all tokens"),
    "{prf:ref}`prop-flat-inner`": ("flat_products", "one pair has another cosine"),
    "{prf:ref}`prop-layer-two`": ("layer_two_recency", "the second layer does not normalize"),
    "{prf:ref}`prop-effective-residual`": ("residual_strength", "strength 1 in its place"),
}
rows = ["| statement | formula | direction | broken hypothesis | broken |", "|:--|--:|--:|:--|--:|"]
for statement, (name, broken) in checked.items():
    held = getattr(checks, name)(draws, torch.Generator().manual_seed(4)).groupby("side")["margin"].min()
    control = getattr(checks, f"{name}_control")(draws, torch.Generator().manual_seed(4))["margin"]
    direction = [signed(held[side]) for side in ("upper", "lower") if side in held]
    rows.append(f"| {statement} | {held['holds']:.1f} | {''.join(direction)} | {broken} | {signed(control.max())} |")
say("proof-draws", f"{draws}")
display(Markdown("\n".join(rows)))

# %% [markdown]
# Smallest margin in {glue:text}`proof-draws` random draws of length, dimension, $\alpha$ and $r$, with explicit vectors. *Formula*: decades between
# the relative error and the tolerance $10^{-10}$. *Direction*: smallest step from token to token, in decades of the norm or score; it
# must be positive, and is small where the effect is. *Broken*: the largest, that is the mildest, margin of the control. All must be negative.
#
# ## What to do with it
#
# - **Ask for $(1-\alpha)\sqrt d$ first.** It is the gap between a token's score on itself and on others. Beyond about 5 a single layer
#   gives each neighbor less than a hundredth of its own weight and its recency is below what one sequence can show.
# - **Say where the residual comes from.** In the first layer pre-norm adds a small $r$ and post-norm $r = 1$, so pre-norm shows more recency in
#   layer 2. A few layers on the order is reversed: {doc}`/_executed/recency/depth`.
# - **Do not read a probability off a mean map**, nor a map off a probability.
#
# These layers have no weights. In a trained model queries and keys are projected, and the effect is what is added to whatever they do.
#
# ## Exercises

# %% [markdown]
# ```{exercise-start} Three tokens by hand
# :label: ex-recency-three
# ```

# %% [markdown]
# **Difficulty** ●●○○○ · **Time** 10 minutes
#
# Three orthonormal tokens; in the first layer a token has the score 1 on itself and 0 on earlier ones; the residual has strength 1.
# The second layer scores by the cosine. What is the score of query 3 on key 2?

# %% [markdown]
# ```{exercise-end}
# ```

# %% [markdown]
# ```{solution-start} ex-recency-three
# :class: dropdown
# :label: sol-recency-three
# ```

# %% [markdown]
# Times $e + 1$, token 2's output is $(1,\ 1 + 2e,\ 0)$: the layer gives it $1$ and $e$, the residual adds $e + 1$. Times $e + 2$, token 3's is
# $(1,\ 1,\ 2 + 2e)$. Their inner product is $2 + 2e$.

# %%
second = torch.tensor([1, 1 + 2 * math.e, 0]).double()
third = torch.tensor([1, 1, 2 + 2 * math.e]).double()
print(exercises.check_worked_example((second @ third / second.norm() / third.norm()).item()))

# %% [markdown]
# ```{solution-end}
# ```

# %% [markdown]
# ```{exercise-start} How similar is best?
# :label: ex-strongest-alpha
# ```

# %% [markdown]
# **Difficulty** ●●○○○ · **Time** 10 minutes
#
# For $d = 64$ and no residual, which $\alpha$ makes $h(10)/h(1) - 1$ largest? Guess from {eq}`eq-recency-effect`, then compute it. Why is the guess off?

# %% [markdown]
# ```{exercise-end}
# ```

# %% [markdown]
# ```{solution-start} ex-strongest-alpha
# :class: dropdown
# :label: sol-strongest-alpha
# ```

# %% [markdown]
# $(1-\alpha)\,e^{-(1-\alpha)\sqrt d}$ is largest at $1 - \alpha = 1/\sqrt d$, that is $\alpha = .875$. But there $v/u = e^{-1}$: nine earlier tokens take most
# of the weight, the average cannot get much shorter, and the approximation for small effects is no longer one.

# %%
alphas = torch.linspace(0, 0.99, 100)
effects = torch.stack([recency_effect(10, 64, value.item())[-1] for value in alphas])
print(exercises.check_strongest_alpha(alphas[effects.argmax()].item()))

# %% [markdown]
# ```{solution-end}
# ```
