# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %% [markdown]
# # How much anisotropy makes recency
#
# LayerNorm brings recency, anisotropy feeds it. How much of it is needed, and why does a wide model need more?
#
# {numref}`fig-recency-alpha` has the answer for 16 dimensions. The formula for all dimensions is
# further down {eq}`eq-recency-signal`: the signal dies like $e^{-(1-\alpha)\sqrt d}$.

# %% tags=["parameters"]
profile: str = "quick"  # size at which missing results are computed
threshold: float = 0.75  # recency probability from which on we say that recency has begun

# %% tags=["hide-input"]
import math

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from IPython.display import Markdown, display
from myst_nb import glue

from attention_atlas import figures
from attention_atlas.drawing.recency import probability, score_maps, with_error
from attention_atlas.exercises import recency_puzzle as exercises
from attention_atlas.experiments import recency
from attention_atlas.outcomes import recency_points
from attention_atlas.outcomes.recency_points import Points
from attention_atlas.simulation.model import Model
from attention_atlas.simulation.stream import simulate
from attention_atlas.theory.recency.closed_form import recency_effect
from attention_atlas.theory.recency.signal import estimated_recency, signal_to_noise

figures.style()
SWEEPS = {  # alpha: point, without and with residual
    "none": {0.0: "maps-d16-layernorm", 0.5: "maps-d16-anisotropic"} | {a: f"alpha-{a}-none" for a in (0.2, 0.4, 0.6, 0.8)},
    "raw": {0.5: "maps-d16-residual"} | {a: f"alpha-{a}-raw" for a in (0.0, 0.2, 0.4, 0.6, 0.8)},
}  # fmt: skip
SWEEPS = {residual: dict(sorted(points.items())) for residual, points in SWEEPS.items()}
sweep = Points([point for points in SWEEPS.values() for point in points.values()], profile)
reported = recency_points.printed()


def say(name, value):
    glue(name, value, display=False)


# %% tags=["hide-input"]
figure, panels = plt.subplots(1, 2, figsize=(7.2, 3.6), sharey=True)
looks = dict(zip(range(1, 5), zip(["muted", "blue", "orange", "green"], "os^D", strict=True), strict=True))
for axes, (residual, points) in zip(panels, SWEEPS.items(), strict=True):
    for layer, (color, marker) in looks.items():
        curve = [sweep.recency(point)["mean"].loc[layer] for point in points.values()]
        axes.plot(list(points), curve, color=figures.PALETTE[color], marker=marker, label=f"layer {layer}")
    paper = reported[(reported.d == 16) & (reported.layernorm == 1) & (reported.residual == int(residual == "raw"))]
    axes.plot(
        paper["alpha"], paper["recency_probability"], linestyle="", marker="o", markersize=10, markerfacecolor="none",
        markeredgecolor=figures.PALETTE["ink"], markeredgewidth=1, label="printed in the paper",
    )  # fmt: skip
    axes.set(xlabel="α, the expected cosine of two tokens", xticks=[0, 0.2, 0.4, 0.6, 0.8], ylim=(0.46, 1.02))
    axes.set_title({"none": "no residual", "raw": "residual"}[residual])
panels[0].set_ylabel("recency probability")
panels[1].legend(loc="upper left")
top = {residual: sweep.recency(points[0.8])["mean"].loc[4] for residual, points in SWEEPS.items()}
figures.show(
    figure,
    name="recency-alpha",
    caption=f"Recency probability against anisotropy: LayerNorm, 10 tokens in 16 dimensions, {sweep.sequences} sequences a point. At "
    f"α = .8 layer 4 has {probability(top['none'], 3)} without and {probability(top['raw'], 3)} with residual. Circles: the "
    "paper's values, which other figures of it give for α = 0 and .5.",
    alt="Two panels. Recency probability of layers 2, 3 and 4 rises with alpha from one half; without residual to nearly "
    "1 at alpha 0.8, with residual to 0.83. Layer 1 stays at one half.",
    provenance=sweep.provenance,
)

# %% [markdown]
# ## The paper's two sweeps
#
# The paper {cite}`kim2026` shows score maps of four layers for four values of $\alpha$ without and five with residual. **Of these figures
# we have not seen the printed numbers**: ours were computed blind. The table below gives them with their standard
# errors, so that whoever holds the paper can compare. (The circles of {numref}`fig-recency-alpha` and the lines for $\alpha = .5$ belong to {doc}`other figures </_executed/recency/puzzle>` of the paper.)

# %% tags=["hide-input"]


def draw(residual, values, name, lead, alt):
    """A sweep over alpha: one row for each, one column for each layer."""
    points = [SWEEPS[residual][alpha] for alpha in values]
    layers = range(1, 5)
    figure = plt.figure(figsize=(7.2, 1.9 * len(values)))
    score_maps(
        figure,
        [[sweep.score_map(p, layer) for layer in layers] for p in points],
        [f"layer {layer}" for layer in layers],
        [f"α = {alpha:g}" for alpha in values],
        [[sweep.recency(p)["mean"].loc[layer] for layer in layers] for p in points],
        least_range=[[sweep.noise(p, n) for n in layers] for p in points],
    )
    caption = (
        f"{lead} Mean scores before the softmax, LayerNorm, 16 dimensions, {sweep.sequences} sequences. Below each map: its smallest "
        "score and how much larger the largest is, the diagonal left out."
    )
    figures.show(figure, name, caption, alt, sweep.provenance)


draw(
    "none",
    (0.2, 0.4, 0.6, 0.8),
    "recency-alpha-maps",
    "The sweep without residual.",
    "Sixteen triangular heat maps. Layer 1 is flat; from layer 2 on every row rises to the right, whatever alpha is.",
)

# %% tags=["hide-input"]
draw(
    "raw",
    (0.0, 0.2, 0.4, 0.6, 0.8),
    "recency-alpha-residual-maps",
    "The sweep with residual.",
    "Twenty triangular heat maps. As without residual, but the recency probabilities stay lower.",
)

# %% tags=["hide-input"]
lines = ["| residual | α | layer 1 | layer 2 | layer 3 | layer 4 |", "|:--|--:|--:|--:|--:|--:|"]
for residual, points in SWEEPS.items():
    for alpha, point in points.items():
        cells = [with_error(*values) for values in sweep.recency(point).itertuples(index=False)]
        lines.append(f"| {'yes' if residual == 'raw' else 'no'} | {alpha:g} | {' | '.join(cells)} |")
display(Markdown("\n".join(lines)))
second = {alpha: sweep.recency(SWEEPS["none"][alpha])["mean"].loc[2] for alpha in (0.2, 0.8)}
last_row = {alpha: sweep.score_map(p, 2)[-1] for alpha, p in SWEEPS["none"].items()}
effects = {alpha: (row[-2] - row[0]).item() for alpha, row in last_row.items()}
best = np.argmax([recency_effect(10, 16, n / 100)[-1] for n in range(100)]) / 100
say("alpha-best-effect", f"{best:.2f}".removeprefix("0"))
for alpha, value in second.items():
    say(f"alpha-second-{alpha}", probability(value, 3))
for alpha, value in effects.items():
    say(f"alpha-effect-{alpha}", f"{value:.2f}")

# %% [markdown]
# (In parentheses: the standard error of the last digits.) Two things are worth noticing.
#
# *The probability rises with $\alpha$ all the way*: in layer 2 from {glue:text}`alpha-second-0.2` at .2 to {glue:text}`alpha-second-0.8` at .8. *The mean effect does not.* The last query scores key 9 above key 1 by {glue:text}`alpha-effect-0.2`,
# {glue:text}`alpha-effect-0.4`, {glue:text}`alpha-effect-0.6` and {glue:text}`alpha-effect-0.8` on average at $\alpha = .2, .4, .6, .8$. It grows and falls again, because tokens that are nearly parallel have little left to average away. The relative effect of {prf:ref}`prop-layer-two` has its maximum near
# $\alpha$ = {glue:text}`alpha-best-effect` here. The probability goes on rising since the noise falls even faster. A mean map and a probability answer different questions.
#
# ## Signal and noise
#
# ````{prf:remark} When recency shows in layer 2
# :label: rem-recency-signal
#
# <span class="atlas-origin">derived here</span> An estimate, not a theorem. To first order in $q = e^{-(1-\alpha)\sqrt d}$, the weight that a token gives to another one relative to
# itself, layer 2 of the idealized stack scores key $k$ above key $j$ by $\sqrt d\,\alpha\,(1-\alpha)\,(k-j)\,q$. The scores of random tokens differ anyway, with a standard deviation of $(1-\alpha)\sqrt{2 + 2\alpha - \alpha^2}$. The
# ratio of the two is $(k-j)\,\rho$ with
#
# $$
# \begin{gathered}
# \rho = \frac{\alpha\,\sqrt d\; e^{-(1-\alpha)\sqrt d}}{\sqrt{2 + 2\alpha - \alpha^2}} , \\
# \mathrm{RP} \approx \text{mean of } \Phi\bigl((k-j)\,\rho\bigr) \text{ over } j < k < i .
# \end{gathered}
# $$ (eq-recency-signal)
# ````
#
# ````{dropdown} Why
# <span class="atlas-origin">derived here</span> *Signal.* By {prf:ref}`prop-layer-two` $S_{ik} - S_{ij} = \sqrt d\,\langle o_i, o_j\rangle\, h(i)\,(h(k) - h(j))$ without residual. To first order in $q$,
# $h(j) = 1 + (1-\alpha)(j-1)q$; all other factors are taken at $q = 0$, where $\langle o_i, o_j\rangle = \alpha$ and $h(i) = 1$.
#
# *Noise.* A token in units of its mean length is $\sqrt\alpha\,\hat c + \sqrt{1-\alpha}\,\hat g$ with $\hat c = c/\sqrt d$, $\hat g = g/\sqrt d$. To first order in $1/\sqrt d$ its cosine with token $i$ varies through three independent numbers of its own:
# $\langle \hat c, \hat g\rangle$ with weight $\sqrt{\alpha(1-\alpha)}\,(1 - \alpha)$ (the $-\alpha$ is the change of its norm), $\langle \hat g_i, \hat g\rangle$ with $1-\alpha$, and $\|\hat g\|^2$ with $-\tfrac12\alpha(1-\alpha)$.
# Their variances are $1/d$, $1/d$ and $2/d$, so $d$ times the variance of the cosine is $(1-\alpha)^2\bigl[\alpha(1-\alpha) + 1 + \tfrac12\alpha^2\bigr]$. Two keys have twice that, and scores are $\sqrt d$ times cosines.
# ````
#
# Signal and noise both shrink with $1-\alpha$, and that factor cancels. What is left rises with $\alpha$. Width enters through the exponential: the first layer
# must *mix* tokens for their lengths to differ at all, and a token in $d$ dimensions holds on to itself with a lead of $(1-\alpha)\sqrt d$ in score.
#
# ## Where recency begins and where it is lost

# %% tags=["hide-input"]
grid = Points(recency.group("grid", profile), profile)
rows = pd.concat([grid.recency(n).assign(d=c.d_model, alpha=c.alpha).reset_index() for n, c in grid.configs.items()])
sizes, alphas = sorted(rows["d"].unique()), sorted(rows["alpha"].unique())
deepest = int(rows["layer"].max())
begun = rows[rows["mean"] >= threshold].groupby(["d", "alpha"])["layer"].min()

figure, (left, right) = plt.subplots(1, 2, figsize=(7.2, 3.9), width_ratios=(1, 1.15))
for column, d in enumerate(sizes):
    for line, alpha in enumerate(alphas):
        layer = begun.get((d, alpha))
        strength = 0.0 if layer is None else 0.75 * (1 - math.log2(layer) / (math.log2(deepest) + 1))
        left.add_patch(plt.Rectangle((column - 0.5, line - 0.5), 1, 1, facecolor=(figures.PALETTE["blue"], strength)))
        left.text(
            column, line, "·" if layer is None else f"{layer}", ha="center", va="center_baseline", fontsize=9.5,
            color=figures.PALETTE["muted" if layer is None else "ink"],
        )  # fmt: skip
left.grid(False)
left.spines[:].set_visible(False)
left.tick_params(length=0)
left.set(xlim=(-0.5, len(sizes) - 0.5), ylim=(-0.5, len(alphas) - 0.5), xlabel="dimension d", ylabel="α")
left.set_xticks(range(len(sizes)), [f"{d}" for d in sizes])
left.set_yticks(range(len(alphas)), [f"{alpha:g}" for alpha in alphas])
left.set_title(f"first layer with RP ≥ {probability(threshold, 2)}")

second = rows[rows["layer"] == 2]
ratio = np.geomspace(1e-5, 2, 60)
curve = [np.mean([0.5 * math.erf((k - j) * r / 2**0.5) for k in range(9) for j in range(k) for _ in range(9 - k)]) for r in ratio]  # fmt: skip
right.plot(ratio, curve, color=figures.PALETTE["ink"], linewidth=1.2, label="estimate")
for d, (color, marker) in zip(sizes, zip(figures.SERIES, "os^Dv", strict=False), strict=True):
    part = second[(second["d"] == d) & (second["mean"] - 0.5 > 4 * second["standard_error"]) & (second["alpha"] > 0)]
    where = [signal_to_noise(d, alpha) for alpha in part["alpha"]]
    right.plot(where, part["mean"] - 0.5, linestyle="", marker=marker, color=figures.PALETTE[color], label=f"d = {d}")
right.set(xscale="log", yscale="log", xlim=(2e-4, 2), ylim=(4e-4, 0.7))
right.set(xlabel="signal to noise ρ, one token apart", ylabel="RP − ½ of layer 2")
right.legend(loc="lower right")
figures.show(
    figure,
    name="recency-grid",
    caption=f"Ours: {len(grid.configs)} stacks with LayerNorm, no residual, {grid.sequences} sequences each. Left: the first of {deepest} layers whose recency "
    f"probability reaches {threshold:g}; a dot where none does. Right: layer 2 against the estimate {{eq}}`eq-recency-signal`, which has "
    "nothing fitted; stacks whose recency exceeds four standard errors.",
    alt="Left: a table over dimension and alpha. At 16 dimensions recency begins within 16 layers at every alpha, in "
    "layer 2 from alpha 0.7 on; at 256 dimensions only for large alpha. Right: the points of all dimensions "
    "fall onto one rising curve and stay below it where the ratio is large.",
    provenance=grid.provenance,
)
compare = second.assign(
    estimate=[estimated_recency(10, d, a) for d, a in zip(second["d"], second["alpha"], strict=True)]
)
wide = compare[
    (compare["d"] >= 64) & (compare["mean"] < 0.65) & (compare["mean"] - 0.5 > 10 * compare["standard_error"])
]
say("alpha-estimate-cases", f"{len(wide)}")
if len(wide):
    off = ((wide["estimate"] - wide["mean"]) / (wide["mean"] - 0.5)).abs().max()
    say("alpha-estimate-off", f"{off:.0%}")
else:
    say("alpha-estimate-off", "nothing to compare")
saturated = compare[(compare["d"] == 16) & (compare["alpha"] == 0.8)].iloc[0]
say("alpha-saturated", f"{saturated['estimate']:.2f}")
say("alpha-saturated-ours", f"{saturated['mean']:.2f}")
final = rows[rows["layer"] == deepest].set_index(["d", "alpha"])["mean"]
say("alpha-final-256-4", probability(final[256, 0.4], 3))
say("alpha-final-256-8", probability(final[256, 0.8], 4))
say("alpha-final-16-0", probability(final[16, 0.0], 2))
say("alpha-deepest", f"{deepest}")
for d in (128, 1024, 4096):
    alpha = next(a / 1000 for a in range(1000) if estimated_recency(10, d, a / 1000) > 0.6)
    say(f"alpha-needed-{d}", f"{alpha:.2f}".removeprefix("0"))

# %% [markdown]
# **It begins** where $\rho$ does. On the right, stacks of five widths lie on one curve that has nothing fitted. In the {glue:text}`alpha-estimate-cases` stacks with $d \ge 64$ that have some recency in layer 2
# (ten standard errors above ½) and not much (below .65), the estimate of $\mathrm{RP} - \tfrac12$ is off by {glue:text}`alpha-estimate-off` at most. Above that it promises too much ($d = 16$, $\alpha = .8$: {glue:text}`alpha-saturated` for {glue:text}`alpha-saturated-ours`): the first layer then mixes so
# strongly that the lengths of late tokens no longer differ.
#
# **It is lost** in wide models. At $d = 256$ and $\alpha = .4$ layer {glue:text}`alpha-deepest` has {glue:text}`alpha-final-256-4`; at $\alpha = .8$ it has {glue:text}`alpha-final-256-8`. Isotropic tokens in 16 dimensions get to {glue:text}`alpha-final-16-0`. Depth helps: every layer
# that mixes a little leaves the tokens more alike than it found them, so that $\alpha$ itself grows from layer to layer.
#
# **How anisotropic must a model be?** $\rho$ reaches order one where $(1-\alpha)\sqrt d \approx \ln(\alpha\sqrt d)$. For a recency probability of .6 in layer 2 the estimate asks for $\alpha$ = {glue:text}`alpha-needed-128` at $d = 128$, {glue:text}`alpha-needed-1024` at 1024, {glue:text}`alpha-needed-4096` at 4096.
#
# ## What a practitioner takes away
#
# - **Width alone does not decide, the mean cosine does.** Measure the mean cosine of your normalized hidden states and put it into {eq}`eq-recency-signal`. The wider the stack, the more abrupt the change: $\rho$
#   grows about $e$-fold with every $1/\sqrt d$ of $\alpha$.
# - **The $\sqrt d$ is the scale of the scores.** Here all $d$ dimensions sit in one head without weights, so a token's score on itself is $\sqrt d$. In a trained head $W_Q$ and $W_K$ set that lead. Read $(1-\alpha)\sqrt d$ as "how much more a token scores itself
#   than its neighbors", in nats: heads that attend to themselves sharply should show little of this recency, heads that average more. We have not tested that on trained heads.
# - **Whatever makes tokens alike feeds it**: a large common component, outlier dimensions, depth.
# - **A mean score map is not enough.** Its range falls for large $\alpha$ while the probability rises.
#
# Next: how far down does it go? {doc}`/_executed/recency/depth`
#
# ## Exercises

# %% [markdown]
# ```{exercise-start} A wider model
# :label: ex-recency-anisotropy
# ```

# %% [markdown]
# **Difficulty** ●●●○○ · **Time** 20 minutes
#
# At $d = 64$ and $\alpha = .5$ layer 2 has a recency probability of .554. Which $\alpha$ gives a stack of 1024 dimensions the same signal-to-noise ratio $\rho$? Guess from
# $(1-\alpha)\sqrt d$ first. Then compute, and check with a small simulation.

# %% [markdown]
# ```{exercise-end}
# ```

# %% [markdown]
# ```{solution-start} ex-recency-anisotropy
# :class: dropdown
# :label: sol-recency-anisotropy
# ```

# %% [markdown]
# Keeping $(1-\alpha)\sqrt d = 4$ would give .875. But the factor $\alpha\sqrt d$ in front has grown too, so less is enough. $\rho$ rises with $\alpha$: bisect.

# %%
low, high = 0.5, 0.999
for _ in range(40):
    middle = (low + high) / 2
    low, high = (middle, high) if signal_to_noise(1024, middle) < signal_to_noise(64, 0.5) else (low, middle)
table = simulate(Model(1024, low, layers=2), sequences=5000, map_layers=()).table()
found = table[(table["quantity"] == "recency_probability") & (table["layer"] == 2)]
print(f"alpha = {low:.3f}, simulated: {found['mean'].item():.4f} ± {found['standard_error'].item():.4f}")
exercises.check_anisotropy(low)

# %% [markdown]
# ```{solution-end}
# ```
