# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %% [markdown]
# # Where signals pass
#
# Which tokens can the last one hear, and what do the eigenvalues of $W = W_Q^\top W_K$ have to do with it?
#
# Softmax is nearly flat where a weight is close to 0. A token whose score lies there may change as it likes: nothing of it passes. {numref}`fig-localization-rho` shows how likely a token is *not* there. Without drift
# (eigenvalues of mean 0) the middle of a walk is heard best. With drift and **little spread** it is a window just past the middle, the same in every sequence. That is localization.

# %% tags=["parameters"]
profile: str = "quick"  # size at which missing results are computed
widest: int = 1024  # largest dimension at which the error of the Gaussian formula is computed, a power of 2 from 256 on

# %% tags=["hide-input"]
import math

import matplotlib.pyplot as plt
import numpy as np
import torch
from IPython.display import Markdown, display

from attention_atlas import figures
from attention_atlas.exercises import localization_propagation as exercises
from attention_atlas.experiments import localization
from attention_atlas.outcomes.localization_points import Points, chance_beyond, gaussian_errors, standardized, summary
from attention_atlas.tasks.random_walk import mixing
from attention_atlas.theory.localization import forms
from attention_atlas.theory.localization.propagation import drift_window, finite, limit, moments, tilt
from attention_atlas.theory.localization.spectrum import Spectrum, eigenvalues, of_eigenvalues
from attention_atlas.wording import probability, say

figures.style()
blue, orange, green, purple, muted = (figures.PALETTE[name] for name in ("blue", "orange", "green", "purple", "muted"))
names = list(localization.configurations("paper"))
groups = {group: [name for name in names if name.startswith(group)] for group in ("grid", "dimension", "length", "persistence", "drift", "shape")}  # fmt: skip
checked = Points(groups["grid"] + groups["dimension"] + groups["length"], profile)
wandering, drifting, shaped = (Points(groups[group], profile) for group in ("persistence", "drift", "shape"))
walk, theta = forms.random_walk(64), np.arange(1, 65) / 64
fine = torch.linspace(0, 1, 201, dtype=torch.float64)

# %% tags=["hide-input"]
shown = ("uniform", "spread", "concentrated", "late", "early", "narrow")
figure, panels = plt.subplots(2, 3, figsize=(7.2, 4.9), sharex=True, sharey=True)
for axes, name in zip(panels.flat, shown, strict=True):
    point = f"grid-T64-d128-{name}"
    config, found = checked.configs[point], checked.rows(point, "propagates").iloc[::3]
    axes.plot(theta, finite(walk, config.spectrum), color=blue, label="formula, $T=64$")
    axes.plot(fine, limit(fine, config.spectrum), "--", color=green, label="endless walk")
    axes.errorbar(found.index / 64, found["mean"], 2 * found["standard_error"], fmt="o", markersize=3.5, color=orange, label="simulated")  # fmt: skip
    alone = finite(forms.independent(64), config.spectrum)
    axes.plot(theta[:-1], alone[:-1], ":", color=muted, label="independent tokens")
    axes.plot(theta[-1:], alone[-1:], "s", markersize=3.5, color=muted)
    axes.set(title=f"$\\eta={config.eta:g}$, $s={config.deviation:g}$", ylim=(-0.04, 1.06), xticks=[0, 0.5, 1])
for axes in panels[1]:
    axes.set_xlabel("place $\\theta=i/T$")
for axes in panels[:, 0]:
    axes.set_ylabel("$\\rho$")
figure.legend(*panels[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=4)
figures.show(
    figure,
    name="localization-rho",
    caption="Signal propagation probability of the key at place $\\theta$ for the last query: $d=128$, eigenvalues of mean "
    f"$\\eta/\\sqrt d$ and standard deviation $s$. Points: {checked.configs['grid-T64-d128-late'].sequences:,} random walks, two standard "
    "errors. Dotted: independent tokens, the same for every key but the query itself (square).",
    alt="Six panels of probability against place. Without drift the curve is symmetric about the middle, and much lower "
    "where the spread is large. With positive drift it climbs from near 0 at the start to a plateau past the middle; with "
    "negative drift it is the other way round; with a drift of 4 it is a bump between one half and three quarters. "
    "Simulated points follow the lines. Independent tokens give flat dotted lines.",
    provenance=checked.provenance,
)

# %% [markdown]
# ```{admonition} Our reconstruction
# :class: note
# The abstract of Bao 2024 {cite}`bao2024` names the ingredients: a random-walk model of tokens, a piecewise-linear softmax, the *signal propagation probability*, mean and variance of the eigenspectrum. **We have not seen the full text.** Normalization,
# formulas, constants and proofs on this page are derived here. They are our reconstruction, and the paper's may differ in every constant.
# ```
#
# ## The model
#
# Tokens wander: $x_i = \xi_1 + \dots + \xi_i$ with independent steps $\xi_s \sim N(0, I_d)$. The last token asks, without a mask and without position encodings. Key $i$ gets the score
# $w_i = x_i^\top W x_T/\sqrt d$; less the mean of all keys it is $z_i = w_i - \frac1T\sum_j w_j$. The softmax is replaced by its tangent at equal scores, clipped to what a weight can be:
#
# $$\text{weight}_i = \operatorname{clip}_{[0,1]}\left(\frac1T + \frac{z_i}{T}\right) .$$ (eq-localization-tangent)
#
# Where it is not clipped its slope is $1/T$, elsewhere 0. So token $i$ **propagates** its signal if $-1 < z_i < T-1$, and the *signal propagation probability* is
#
# $$\rho_i = P(-1 < z_i < T-1) .$$ (eq-localization-rho)
#
# Three numbers of the weights will matter:
#
# $$\eta = \frac{\operatorname{tr} W}{\sqrt d}, \qquad \xi = \frac{\operatorname{tr} W^2}{d}, \qquad \xi_F = \frac{\lVert W\rVert_F^2}{d} .$$ (eq-localization-spectrum)
#
# For symmetric $W$ the last two are equal, $\xi = \xi_F = \eta^2/d + s^2$, with $s$ the standard deviation of the eigenvalues.
#
# ## Four statements
#
# ````{prf:proposition} Signal propagation along a walk
# :label: prop-propagation
#
# <span class="atlas-origin">derived here</span> For any $W$, at any $T$ and $d$,
#
# $$\mathbb E z_i = \eta\,S_i, \qquad \operatorname{Var} z_i = \xi_F\,a_i b + \xi\,S_i^2,$$ (eq-localization-moments)
#
# with $S_i = i - \frac{T+1}2$ and $a_i b = \frac{i(i-1)(2i-1) + (T-i)(T-i+1)(2(T-i)+1)}{6T}$. Taking $z_i$ for Gaussian,
#
# $$\rho_i \approx \Phi\left(\frac{T-1-\eta S_i}{\sigma_i}\right) - \Phi\left(\frac{-1-\eta S_i}{\sigma_i}\right), \qquad \sigma_i^2 = \operatorname{Var} z_i .$$ (eq-localization-finite)
#
# This formula converges, for $T \to \infty$ at $\theta = i/T$ and fixed $\xi_F > 0$, to
#
# $$
# \begin{gathered}
# \rho(\theta) = \Phi\left(\frac{1-(\theta-\frac12)\eta}{\sqrt{V}}\right) - \Phi\left(\frac{-(\theta-\frac12)\eta}{\sqrt{V}}\right), \\
# V = \xi_F\left(\theta^2-\theta+\tfrac13\right) + \xi\left(\theta-\tfrac12\right)^2 .
# \end{gathered}
# $$ (eq-localization-limit)
# ````
#
# ````{dropdown} Proof
# <span class="atlas-origin">derived here</span> *Moments.* $z_i = u^\top W v/\sqrt d$ with the centered key $u = x_i - \frac1T\sum_j x_j$ and the query $v = x_T$. The coordinates of $(u, v)$ are independent copies of one Gaussian pair with covariance $S$ and
# variances $a$ and $b$. So $\mathbb E\,u^\top W v = S \operatorname{tr} W$. By Isserlis' theorem
# $\mathbb E[u_k v_l u_m v_n] = S^2\delta_{kl}\delta_{mn} + ab\,\delta_{km}\delta_{ln} + S^2\delta_{kn}\delta_{lm}$; summed against $W_{kl}W_{mn}$ the three terms are $S^2(\operatorname{tr}W)^2$, $ab\lVert W\rVert_F^2$ and $S^2\operatorname{tr}W^2$.
# The first is the squared mean. Divide by $d$.
#
# *Forms of the walk.* Step $s$ is in $x_i$ if $s \le i$, and in the mean with the share $(T-s+1)/T$. So its coefficient in $u$ is $c_s = (s-1)/T$ for $s \le i$ and $-(T-s+1)/T$ for $s > i$; in $v$ it is 1. Hence
# $S_i = \sum_s c_s = i - \frac{T+1}2$, $b = T$, and $a_i = \sum_s c_s^2$ is two sums of squares, over $1, \dots, i-1$ and $1, \dots, T-i$, divided by $T^2$.
#
# *Limit.* $S_i/T \to \theta - \frac12$ and $a_i b/T^2 \to \frac{\theta^3 + (1-\theta)^3}3 = \theta^2 - \theta + \frac13 \ge \frac1{12}$. Divide numerators and denominators in {eq}`eq-localization-finite` by $T$. The bounds become $1 - \frac1T$ and $-\frac1T$;
# $\Phi$ is continuous and $V \ge \xi_F/12 > 0$ (as $\xi \ge -\xi_F$ and $\theta^2-\theta+\frac13 - (\theta-\frac12)^2 = \frac1{12}$).
# ````
#
# ````{prf:proposition} The exact law
# :label: prop-exact-law
#
# <span class="atlas-origin">derived here</span> Let $W$ be normal with eigenvalues $\lambda_k$, and $m_k = \lambda_k/\sqrt d$. Then
#
# $$\mathbb E\,e^{\mathrm i t z} = \prod_k\left(1 - 2\mathrm i\,t S \operatorname{Re} m_k + t^2\,(ab - S^2)\,\lvert m_k\rvert^2\right)^{-1/2} .$$ (eq-localization-law)
#
# For symmetric $W$, $z = \sum_k m_k\,(p A_k - q B_k)$ with independent chi-squares $A_k, B_k$ of one degree of freedom and $p, q = \frac12(\sqrt{ab} \pm S)$.
# ````
#
# ````{dropdown} Proof
# <span class="atlas-origin">derived here</span> *Symmetric $W$.* Rotating all tokens changes nothing in their law, so $W$ may be taken diagonal, and $z = \sum_k m_k u_k v_k$. With $\beta = \sqrt{b/a}$ we have $u_kv_k = \frac1{4\beta}\left[(\beta u_k+v_k)^2 - (\beta u_k-v_k)^2\right]$.
# The two Gaussians in brackets have the covariance $\beta^2a - b = 0$, so they are independent, with variances $2b \pm 2\beta S$. Since $b/\beta = \sqrt{ab}$, $u_kv_k = pA_k - qB_k$. The characteristic function of $m(pA - qB)$ is
# $\left[(1-2\mathrm itmp)(1+2\mathrm itmq)\right]^{-1/2}$; now $p - q = S$ and $4pq = ab - S^2$.
#
# *Normal $W$.* It is an orthogonal sum of numbers and of $2\times2$ blocks $lI + kJ$, $J$ a quarter turn. Given $v$, the form of a block is Gaussian in $u \mid v \sim N\left(\frac Sb v,\,(a - \frac{S^2}b)I\right)$ with mean $\frac Sb\,l\,\lvert v\rvert^2$ and variance
# $(a-\frac{S^2}b)(l^2+k^2)\lvert v\rvert^2$, as $v^\top Jv = 0$. Averaging over $\lvert v\rvert^2$, $b$ times a chi-square of two degrees of freedom, gives the two factors of the pair $l \pm \mathrm ik$ (with $l, k$ divided by $\sqrt d$).
# ````
#
# ````{prf:proposition} Localized
# :label: prop-localized
#
# <span class="atlas-origin">derived here</span> Let $W$ be symmetric and $\eta \ne 0$ fixed. As $\xi \to 0$ (which needs $d \to \infty$, since $\xi \ge \eta^2/d$)
#
# $$\rho(\theta) \to \begin{cases} 1 & 0 < (\theta-\frac12)\,\eta < 1 ,\\ \frac12 & \text{on the edges},\\ 0 & \text{elsewhere.}\end{cases}$$ (eq-localization-window)
#
# The window begins in the middle and is $\min(\frac12, \frac1{\lvert\eta\rvert})$ long. At $\eta = 0$ instead $\rho \to \frac12$ everywhere: no place is favored. As $\xi \to \infty$, $\rho \le \sqrt{6/(\pi\xi)} \to 0$ everywhere, whatever $\eta$ is.
# ````
#
# ````{dropdown} Proof
# <span class="atlas-origin">derived here</span> In {eq}`eq-localization-limit` $V = \xi\,(2\theta^2-2\theta+\frac7{12}) \to 0$. An argument of $\Phi$ goes to $\pm\infty$ with the sign of its numerator, or is 0 where that is 0. At $\eta = 0$ the second numerator is 0 and the first is 1. For the last claim: $\Phi$ has the slope
# $\frac1{\sqrt{2\pi}}$ at most, and the arguments differ by $1/\sqrt V \le \sqrt{12/\xi}$.
# ````
#
# ````{prf:proposition} The control: independent tokens
# :label: prop-iid-flat
#
# <span class="atlas-origin">derived here</span> If the tokens are independent, $x_i \sim N(0, I)$, then $\rho_1 = \dots = \rho_{T-1}$ for every $W$.
# ````
#
# Exchanging two keys that are not the query leaves the law of the whole sequence as it is. So the eigenspectrum alone localizes nothing. It takes tokens that *remember*: the drift comes from $S_i$, how much more key $i$ has in common with the query than other keys have.
#
# (Cards: {ref}`moments <card-atlas-propagation-moments>`, {ref}`exact law <card-atlas-propagation-law>`, {ref}`limit <card-atlas-propagation-limit>`, {ref}`window <card-atlas-localized>`, {ref}`control <card-atlas-independent-flat>`.)

# %% tags=["hide-input"]
beside = checked.beside()
grid = beside[beside["point"].str.startswith("grid")]
table = summary(grid)
middle = table[(table["tokens"] == 64) & (table["d_model"] == 128)]
apart = (grid["mean"] - grid["finite"]).abs()
in_middle = apart[(grid["tokens"] == 64) & (grid["d_model"] == 128)]
scores, FAR = standardized(beside), 3.5
beyond, chance = int((scores.abs() > FAR).sum()), chance_beyond(FAR, len(scores))
numbers = {
    "largest": table["largest"].max(), "median": apart.median(), "middle-largest": middle["largest"].max(),
    "middle-median": in_middle.median(), "predicted": table["predicted"].max(),
}  # fmt: skip
for name, value in numbers.items():
    say(f"propagation-{name}", probability(value, 3))
say("propagation-worst", table["largest"].idxmax().removeprefix("grid-").replace("-", ", "))
say("propagation-points", f"{beside['point'].nunique()}")
say("propagation-compared", f"{len(scores):,}")
say("propagation-beyond", f"{beyond}")
say("propagation-chance", f"{chance:.1f}")
say("propagation-rms", f"{(scores**2).mean() ** 0.5:.2f}")
lines = ["| $d$ | largest, simulated − formula | median | largest, exact law − formula |", "|--:|--:|--:|--:|"]
for d, part in grid.assign(apart=apart, law=(grid["exact"] - grid["finite"]).abs()).groupby("d_model"):
    lines.append(f"| {d} | {part['apart'].max():.4f} | {part['apart'].median():.4f} | {part['law'].max():.4f} |")

# %% [markdown]
# ## The check
#
# Eight spectra, three lengths (16, 64, 256), three dimensions (32, 128, 512): 72 simulations, up to 64 keys each. Two of the spectra rotate planes (complex eigenvalues), so that $\xi \ne \xi_F$ is tested too. Nothing is fitted.

# %% tags=["hide-input"]
display(Markdown("\n".join(lines)))

# %% [markdown]
# At $T = 64$, $d = 128$ the formula {eq}`eq-localization-finite` is off by {glue:text}`propagation-middle-largest` at most and {glue:text}`propagation-middle-median` in the median; over the whole grid by
# {glue:text}`propagation-largest` at most ({glue:text}`propagation-worst`) and {glue:text}`propagation-median` in the median. The largest difference is not noise. The exact law {eq}`eq-localization-law` predicts one of {glue:text}`propagation-predicted`: a score in
# few dimensions is not Gaussian.
#
# Against the **exact law** only noise should be left ({numref}`fig-localization-check`, left). In {glue:text}`propagation-points` simulations {glue:text}`propagation-compared` probabilities can be compared (those where at least 25 sequences should propagate and 25 should not).
# Off by more than 3.5 standard errors: {glue:text}`propagation-beyond`, where chance alone gives {glue:text}`propagation-chance` on average. (Neighboring keys share their sequences, so they come in clusters.) The root mean square is {glue:text}`propagation-rms` standard errors, and should be near 1.

# %% tags=["hide-input"]
figure, (left, right) = plt.subplots(1, 2, figsize=(7.2, 3.5))
left.hist(scores, bins=np.linspace(-5, 5, 41), density=True, color=orange, alpha=0.7, label="simulated")
bell = np.linspace(-5, 5, 201)
left.plot(bell, np.exp(-(bell**2) / 2) / math.sqrt(2 * math.pi), color=blue, label="standard normal")
left.set(xlabel="(simulated − exact) / standard error", ylabel="density")
left.set_ylim(top=0.62)
left.legend(loc="upper left")
for (tokens, part), marker, color in zip(table.groupby("tokens"), "os^", (blue, orange, green), strict=True):
    right.loglog(part["predicted"], part["largest"], marker, color=color, label=f"$T={tokens}$")
ends = np.array([table["predicted"].min(), table["predicted"].max()])
right.loglog(ends, ends, "--", color=muted, label="equal")
right.set(xlabel="largest |exact − formula|", ylabel="largest |simulated − formula|")
right.legend()
figures.show(
    figure,
    name="localization-check",
    caption=f"Left: simulated less exact probabilities in standard errors, {checked.sequences} sequences a point. Right: the error of the Gaussian "
    "formula, one mark for each of the 72 simulations; where noise is small beside it, it is the error that the exact law predicts.",
    alt="Left: a histogram of standardized differences that follows the bell curve. Right: on logarithmic axes the marks lie "
    "along the diagonal at large predicted errors and level off above it at small ones, at the level of Monte-Carlo noise.",
    provenance=checked.provenance,
)

# %% [markdown]
# **Which limit sets in where?** Two approximations lead from the exact law to the curve of the endless walk: Gaussian scores (large $d$) and a long walk (large $T$). {numref}`fig-localization-convergence` takes them one at a time.

# %% tags=["hide-input"]
dimensions = [2**power for power in range(4, widest.bit_length())]
lengths = [2**power for power in range(4, 12)]
spectra = {"$\\eta=2$, $s=0.5$": (2.0, 0.5), "$\\eta=0$, $s=1$": (0.0, 1.0), "$\\eta=2$, $s=0$": (2.0, 0.0)}
slopes = []
figure, (left, right) = plt.subplots(1, 2, figsize=(7.2, 3.5))
for (label, (eta, deviation)), marker, color in zip(spectra.items(), "os^", (orange, blue, purple), strict=True):
    errors = gaussian_errors(64, eta, deviation, dimensions)
    slopes.append(math.log(errors[-1] / errors[3]) / math.log(dimensions[-1] / dimensions[3]))
    left.loglog(dimensions, errors, marker=marker, color=color, label=label)
    spectrum = of_eigenvalues(eigenvalues(128, eta, deviation))
    places = [torch.arange(1, length + 1, dtype=torch.float64) / length for length in lengths]
    gaps = [(finite(forms.random_walk(n), spectrum) - limit(p, spectrum)).abs().max() for n, p in zip(lengths, places, strict=True)]  # fmt: skip
    right.loglog(lengths, gaps, marker=marker, color=color)
left.set(xlabel="dimension $d$", ylabel="largest |exact − Gaussian formula|", xticks=dimensions[::2])
right.set(xlabel="length $T$", ylabel="largest |formula − endless walk|", xticks=lengths[1::3])
for axes in (left, right):
    axes.xaxis.set_major_formatter("{x:.0f}")
    axes.xaxis.set_minor_formatter("")
left.legend()
figures.show(
    figure,
    name="localization-convergence",
    caption="Left: error of the Gaussian formula at $T=64$ against the dimension. Right: distance of the formula from that of an endless walk "
    "at $d=128$, falling as $1/T$. Theory only, no simulation; largest over the keys.",
    alt="Two log-log panels of three falling lines each. Left: the two lines with spread eigenvalues fall twice as "
    "steeply as the one whose eigenvalues are all equal. Right: all three fall in parallel with the length.",
)
for name, slope in zip(("late", "spread", "equal"), slopes, strict=True):
    say(f"propagation-slope-{name}", f"{slope:.2f}".replace("-", "−"))
say("propagation-widest", f"{widest:,}")
spikes = summary(shaped.beside(law=False))
for shape in ("gaussian", "two-point", "spike"):
    say(f"propagation-shape-{shape}", probability(spikes.loc[f"shape-{shape}", "largest"], 3))

# %% [markdown]
# From $d = 128$ to {glue:text}`propagation-widest` the error of the Gaussian formula falls with the exponent {glue:text}`propagation-slope-late` ($\eta = 2$, $s = 0.5$) and {glue:text}`propagation-slope-spread` ($\eta = 0$, $s = 1$): like $1/d$. If $W$ is a multiple of the identity it is {glue:text}`propagation-slope-equal`, like $1/\sqrt d$:
# then mean and spread of a score shrink together, and its skewness $\propto d^{-1/2}$ stays.
#
# *Only two moments?* Formula {eq}`eq-localization-finite` knows of the spectrum its mean and its scale alone. With the same $\eta = 2$ and $s = 0.5$, but eigenvalues that are Gaussian, two-valued, or all equal but one, its largest errors are {glue:text}`propagation-shape-gaussian`, {glue:text}`propagation-shape-two-point` and
# {glue:text}`propagation-shape-spike`. One outlier that carries the whole spread is the case in which it should not be used.
#
# ## How much of a walk is needed?

# %% tags=["hide-input"]
figure, (left, right) = plt.subplots(1, 2, figsize=(7.2, 3.6))
styles = zip(groups["persistence"], figures.shades(5), "os^Dv", strict=True)
for point, color, marker in styles:
    config, found = wandering.configs[point], wandering.rows(point, "propagates").iloc[::4]
    left.plot(theta, finite(config.forms, config.spectrum), color=color)
    left.errorbar(found.index / 64, found["mean"], 2 * found["standard_error"], fmt=marker, markersize=4, color=color, label=f"$\\varphi={config.persistence:g}$")  # fmt: skip
left.set(xlabel="place $\\theta$", ylabel="$\\rho$", ylim=(-0.03, 1.03))
left.legend(fontsize=9)
spectrum = wandering.configs["persistence-1.0"].spectrum
memory = np.geomspace(1, 2000, 60)  # 1 / (1 - persistence)
for tokens, color, style in ((64, blue, "-"), (256, orange, "--")):
    tilts = [tilt(finite(forms.of_mixing(mixing(tokens, 1 - 1 / steps)), spectrum)) for steps in memory]
    share = np.array(tilts) / tilt(finite(forms.random_walk(tokens), spectrum))
    right.semilogx(memory / tokens, share, style, color=color, label=f"$T={tokens}$")
    say(f"propagation-memory-{tokens}", f"{np.interp(0.5, share, memory) / tokens:.2f}")
right.set(xlabel="memory $1/(1-\\varphi)$ as a share of $T$", ylabel="late less early, share of the walk's")
right.legend()
figures.show(
    figure,
    name="localization-persistence",
    caption="Ours: tokens $x_i = \\varphi\\,x_{i-1} + \\xi_i$, from independent ($\\varphi=0$) to the walk ($\\varphi=1$); $\\eta=2$, $s=.25$, $d=128$. Left: "
    f"$T=64$, {wandering.sequences} sequences; lines are the formula with the moments of these tokens. Right: mean of $\\rho$ over the last quarter less "
    "that over the first, divided by what it is for the walk.",
    alt="Left: the curve for independent tokens is flat, and those for larger persistence rise toward the end, the walk's the "
    "most. Right: the difference between late and early keys, zero at short memory, climbs as memory grows to the length.",
    provenance=wandering.provenance,
)

# %% [markdown]
# Half of the walk's tilt is there once the memory $1/(1-\varphi)$ is {glue:text}`propagation-memory-64` of the length at $T = 64$, and {glue:text}`propagation-memory-256` at $T = 256$. "Strong random walk" is a strong word: the tokens must remember over such a share of the *whole* context. Text that forgets its
# topic after a hundred tokens is, for a window of thousands, closer to independent tokens.
#
# ## Beyond the tangent
#
# Formula {eq}`eq-localization-tangent` is a tangent at equal scores, used far away from them. What does the softmax itself do on the same sequences? Its counterpart of $\rho_i$ is the mean slope in the same units,
#
# $$\text{sensitivity}_i = \frac{T\,\mathbb E\left[p_i\,(1-p_i)\right]}{1 - 1/T}, \qquad p = \operatorname{softmax}(z),$$ (eq-localization-sensitivity)
#
# which is 1 at equal scores; for the clipped tangent the same mean is $\rho_i$.

# %% tags=["hide-input"]
compared = {
    "unit steps, $\\eta=2$, $s=0.5$": (checked, "grid-T64-d128-late"),
    "unit steps, $\\eta=4$, $s=0.5$": (checked, "grid-T64-d128-narrow"),
    "steps $1/T$, $\\eta=5$, $s=4$": (drifting, "drift-5-4"),
    "steps $1/T$, $\\eta=20$, $s=4$": (drifting, "drift-20-4"),
}
figure, panels = plt.subplots(2, 2, figsize=(7.2, 5.2), sharex=True)
for axes, (label, (points, name)) in zip(panels.flat, compared.items(), strict=True):
    looks = (("propagates", "tangent: ρ", blue, "-"), ("sensitivity", "softmax: sensitivity", orange, "--"), ("weight", "softmax: weight × T", muted, ":"))  # fmt: skip
    for quantity, text, color, style in looks:
        axes.plot(theta, points.rows(name, quantity)["mean"], style, color=color, label=text)
    axes.set_title(label)
    axes.set_yscale("symlog", linthresh=1)
    axes.set_ylim(-0.05, 70)
    axes.set_yticks([0, 0.5, 1, 10], ["0", "½", "1", "10"])
for axes in panels[1]:
    axes.set_xlabel("place $\\theta$")
panels[0, 0].legend(fontsize=9)
figures.show(
    figure,
    name="localization-softmax",
    caption="Tangent and softmax on the same walks, $T=64$, $d=128$; means over "
    f"{drifting.configs['drift-5-4'].sequences:,} sequences. Linear up to 1, logarithmic above. Where all scores are equal, all three are 1.",
    alt="Four panels against place. Unit steps: the tangent's curve is a broad rise or a bump past the middle, while the softmax's weight "
    "is piled up at the very end and its sensitivity is far below 1 elsewhere. Steps of variance 1/T: weight and "
    "sensitivity rise smoothly toward the end, the more steeply for the stronger drift.",
    provenance=drifting.provenance,
)
for name, (points, point) in {"unit": compared["unit steps, $\\eta=4$, $s=0.5$"], "drift": compared["steps $1/T$, $\\eta=5$, $s=4$"]}.items():  # fmt: skip
    weight, entropy = points.rows(point, "weight")["mean"] / 64, points.rows(point, "entropy")["mean"].iloc[0]
    inside = (theta > 0.5) & (theta < 0.75)
    say(f"propagation-{name}-window", f"{100 * weight[inside].sum():.2g}")
    say(f"propagation-{name}-last", f"{100 * weight[theta > 0.9].sum():.0f}")
    say(f"propagation-{name}-entropy", probability(entropy, 2))
say("propagation-window-end", f"{drift_window(4.0)[1]:.2f}")

# %% [markdown]
# With **unit steps** scores grow like $T$. At $\eta = 4$ the tangent passes signals from the window between ½ and {glue:text}`propagation-window-end` of the sequence. The softmax gives those keys {glue:text}`propagation-unit-window` % of its weight, and
# {glue:text}`propagation-unit-last` % to the last tenth; its entropy is {glue:text}`propagation-unit-entropy` of $\ln T$. The upper bound $z < T-1$, which closes the tangent's window, has no counterpart in a softmax: a key is not switched off by
# a high score, its rivals are.
#
# With **steps of variance $1/T$** the whole walk has unit size, and scores stay of order $\eta$: the mean score climbs by $\eta$ from the first key to the last. This is the scaling at which a softmax does something in between. At $\eta = 5$, $s = 4$ the last tenth gets {glue:text}`propagation-drift-last` % of the weight,
# with an entropy of {glue:text}`propagation-drift-entropy`. The tangent's upper bound is far away there, and the two agree on the direction: late keys pass more.
#
# So of the reconstruction we trust the **moments** {eq}`eq-localization-moments` (exact, and no tangent in them) and the **contrast** (drift is common to all sequences, spread is not). We do not trust the *place* of the window. {doc}`/_executed/localization/phase_diagram` goes on with the full softmax.
#
# ## What a practitioner takes away
#
# - **Two numbers of a head tell much**: $\eta = \operatorname{tr}(W_Q^\top W_K)/\sqrt d$ and $\xi_F = \lVert W_Q^\top W_K\rVert_F^2/d$. They cost two products of small Gram matrices, and no data. Multiply both sides of $W$ by the root of the steps' covariance if it is not the identity.
# - **Drift against noise.** Along a long walk the drift separates the ends of the sequence by $\eta$ in units of $T$, and a score is spread by $\sqrt{\tfrac7{12}\,\xi}$ at its ends. Where the first is larger, attention goes to the same place in every sequence.
# - **Look at the tokens first.** Half of the tilt takes a memory of {glue:text}`propagation-memory-256` of the context ($T = 256$). Tokens that forget much sooner have hardly a drift, whatever the eigenvalues are.
# - **Beware of outliers.** A spectrum with one large eigenvalue is not described by mean and variance.
#
# ## Exercises

# %% [markdown]
# ```{exercise-start} The window
# :label: ex-localization-window
# ```

# %% [markdown]
# **Difficulty** ●○○○○ · **Time** 5 minutes
#
# All eigenvalues are equal, $\eta = 5$, the walk is endless and $d$ large. Which share of the sequence propagates?

# %% [markdown]
# ```{exercise-end}
# ```

# %% [markdown]
# ```{solution-start} ex-localization-window
# :class: dropdown
# :label: sol-localization-window
# ```

# %% [markdown]
# {prf:ref}`prop-localized`: $0 < 5\,(\theta - \frac12) < 1$.

# %%
start, end = drift_window(5.0)
print(exercises.check_window(end - start))

# %% [markdown]
# ```{solution-end}
# ```

# %% [markdown]
# ```{exercise-start} Three tokens
# :label: ex-localization-variance
# ```

# %% [markdown]
# **Difficulty** ●●○○○ · **Time** 15 minutes
#
# Three tokens of a random walk, $W = I$. What is the variance of $z_3$, the centered score of the query on itself? By hand first, then by simulation.

# %% [markdown]
# ```{exercise-end}
# ```

# %% [markdown]
# ```{solution-start} ex-localization-variance
# :class: dropdown
# :label: sol-localization-variance
# ```

# %% [markdown]
# The centered key is $u = \frac13\xi_2 + \frac23\xi_3$, so $a = \frac59$; $b = 3$ and $S = 1$. Of the identity $\xi = \xi_F = 1$ in any dimension.

# %%
print(exercises.check_variance(moments(forms.random_walk(3), Spectrum(1.0, 1.0))[1][-1].item()))

# %% [markdown]
# ```{solution-end}
# ```

# %% [markdown]
# ```{exercise-start} Too much spread
# :label: ex-localization-deviation
# ```

# %% [markdown]
# **Difficulty** ●●●○○ · **Time** 15 minutes
#
# Symmetric $W$ with eigenvalues of mean 0, an endless walk. At which standard deviation of the eigenvalues does the *middle* token propagate with probability .1?

# %% [markdown]
# ```{exercise-end}
# ```

# %% [markdown]
# ```{solution-start} ex-localization-deviation
# :class: dropdown
# :label: sol-localization-deviation
# ```

# %% [markdown]
# At $\eta = 0$, $\theta = \frac12$ {eq}`eq-localization-limit` is $\Phi(1/\sqrt V) - \frac12$ with $V = s^2/12$. Solve for $V$:

# %%
deviation = math.sqrt(12) / torch.special.ndtri(torch.tensor(0.6, dtype=torch.float64)).item()
print(exercises.check_deviation(deviation))

# %% [markdown]
# ```{solution-end}
# ```
