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
# A token's score reaches the next layer only where the softmax is not flat. Which tokens of a wandering sequence have such a score?
#
# {numref}`fig-localization-rho` has the answer of a formula with two numbers of the weights in it: the mean of the query-key eigenvalues, as
# $\eta$, and their standard deviation $s$. At mean zero all tokens are alike. **A mean away from zero picks one half of the sequence, and the
# smaller the spread the sharper.** Independent tokens show nothing of this.

# %% tags=["parameters"]
profile: str = "quick"  # size at which missing results are computed
widest: int = 1024  # largest dimension at which the exact law is computed, a power of 2

# %% tags=["hide-input"]
import math

import matplotlib.pyplot as plt
import torch
from IPython.display import Markdown, display

from attention_atlas import figures
from attention_atlas.exercises import localization_propagation as exercises
from attention_atlas.experiments import localization
from attention_atlas.localization_points import Points, chance_beyond, gaussian_errors, standardized, summary
from attention_atlas.theory.localization.forms import random_walk
from attention_atlas.theory.localization.propagation import drift_window, finite, limit, moments
from attention_atlas.theory.localization.spectrum import Spectrum, of_eigenvalues
from attention_atlas.wording import probability, say, thousandths

figures.style()
blue, orange, green, red, ink, muted = (figures.PALETTE[n] for n in ("blue", "orange", "green", "red", "ink", "muted"))
GRID = [point for point in localization.configurations(profile) if point.startswith("grid-")]
grid = Points(GRID, profile)
walks = Points([f"persistence-{p}" for p in (0.0, 0.5, 0.9, 0.98, 1.0)], profile)

# %% tags=["hide-input"]
figure, panels = plt.subplots(2, 3, figsize=(7.2, 5.0), sharex=True, sharey=True)
shown = {f"grid-T64-d128-{name}": grid for name in ("uniform", "spread", "late", "narrow", "early")} | {
    "persistence-0.0": walks
}
for axes, (point, source) in zip(panels.flat, shown.items(), strict=True):
    config, simulated = source.configs[point], source.by_key(point, "propagates")
    place = torch.arange(1, config.tokens + 1).double() / config.tokens
    axes.plot(place, finite(config.forms, config.spectrum), color=blue, label=f"formula, T = {config.tokens}")
    if config.persistence == 1:
        axes.plot(place, limit(place, config.spectrum), color=orange, linestyle="--", label="formula, T → ∞")
    every = simulated.iloc[::4]
    axes.errorbar(
        every.index / config.tokens, every["mean"], 2 * every["standard_error"], color=ink, marker="o", markersize=3.5,
        linestyle="", capsize=2, label="simulated",
    )  # fmt: skip
    what = "independent tokens\n" if config.persistence == 0 else ""
    axes.set_title(f"{what}η = {config.eta:g}, s = {config.deviation:g}", fontsize=10)
    axes.set(ylim=(-0.04, 1.04), xticks=[0, 0.5, 1])
for axes in panels[1]:
    axes.set_xlabel("position θ of the key")
for axes in panels[:, 0]:
    axes.set_ylabel("ρ")
panels[0, 0].legend(loc="upper center", fontsize=9)
figures.show(
    figure,
    name="localization-rho",
    caption=f"Signal propagation probability $\\rho$ of every key of the last query, 64 tokens in 128 dimensions, {grid.sequences} sequences, "
    "every fourth key, bars of two standard errors. Where there is no dashed line the limit does not exist.",
    alt="Six panels of probability against position. With eta 0 the curves are flat near one half with small spread, lower and humped in the middle with spread 1. With eta 2 "
    "they rise past the middle; with eta 4 they form a hump between one half and three quarters; with eta minus 1 they fall. Independent tokens: flat. Points lie on the lines.",
    provenance=grid.provenance,
)

# %% [markdown]
# ```{admonition} Whose theorem is this?
# :class: note
# Bao and coauthors {cite}`bao2024` name the ingredients in their abstract: random-walk tokens, a piecewise-linear softmax, the *signal
# propagation probability*. The full text was not at hand. The definitions below are our reading of these words, and **formulas and constants are our reconstruction**.
# ```
#
# ## The model
#
# Tokens walk: $x_i = \xi_1 + \dots + \xi_i$ with independent steps $\xi_s \sim \mathcal N(0, I_d)$. The last one asks. Key $i$ has the score $w_i = x_i^\top W x_T/\sqrt d$ and the *centered* score
# $z_i = w_i - \frac1T\sum_j w_j$. At equal scores the softmax has the tangent $\frac1T + \frac{z_i}T$ (to first order in all scores at once). Clipped to $[0, 1]$ it is a piecewise-linear softmax, and
#
# $$
# \rho_i = P(-1 < z_i < T-1)
# $$ (eq-localization-rho)
#
# is the probability that the weight of key $i$ still depends on its score. Outside of the two bounds the derivative is zero, and no signal passes.
#
# Of the weights three numbers matter: $\eta = \operatorname{tr} W/\sqrt d$, $\xi = \operatorname{tr} W^2/d$ and $\xi_F = \|W\|_F^2/d$. For symmetric $W$ the last two are equal, and
# $\xi = \eta^2/d + s^2$ with the standard deviation $s$ of the eigenvalues.
#
# ````{prf:proposition} Mean and variance of a score
# :label: prop-propagation
#
# <span class="atlas-origin">derived here</span> For any $W$, exactly,
#
# $$
# \mathbb E z_i = \eta\,S_i, \qquad \operatorname{Var} z_i = \xi_F\,a_i T + \xi\,S_i^2,
# $$
#
# with $S_i = i - \frac{T+1}2$ and $a_i T = \frac1{6T}\bigl[i(i-1)(2i-1) + (T-i)(T-i+1)(2(T-i)+1)\bigr]$. With scores taken for Gaussian,
# $\rho_i \approx \Phi\bigl(\tfrac{T-1-\mathbb E z_i}{\sigma_i}\bigr) - \Phi\bigl(\tfrac{-1-\mathbb E z_i}{\sigma_i}\bigr)$, and for $T\to\infty$ at $\theta = i/T$
#
# $$
# \rho(\theta) = \Phi\Bigl(\frac{1-(\theta-\frac12)\eta}{\sqrt V}\Bigr) - \Phi\Bigl(\frac{-(\theta-\frac12)\eta}{\sqrt V}\Bigr),
# \qquad V = \xi_F\bigl(\theta^2-\theta+\tfrac13\bigr) + \xi\bigl(\theta-\tfrac12\bigr)^2 .
# $$ (eq-localization-limit)
#
# For symmetric $W$, $V = \xi\,(2\theta^2-2\theta+\frac7{12})$.
# ````
#
# ````{prf:proof}
# The key less the mean key is $u = \sum_s c_s\xi_s$ with $c_s = [s \le i] - \frac{T-s+1}T$, the query is $v = \sum_s \xi_s$, and $z_i = u^\top W v/\sqrt d$. Coordinate by coordinate $(u, v)$ is a Gaussian pair with variances $a_i = \sum c_s^2$ and $T$ and covariance
# $S_i = \sum c_s$. Isserlis' theorem gives $\mathbb E\,u^\top W v = S_i\operatorname{tr} W$ and $\operatorname{Var} u^\top W v = a_iT\,\|W\|_F^2 + S_i^2\operatorname{tr} W^2$. Summing $c_s$ and $c_s^2$ gives the closed forms. Divide $z_i$ and both bounds by $T$:
# $S_i/T \to \theta-\frac12$ and $a_i/T \to \frac{\theta^3 + (1-\theta)^3}3 = \theta^2-\theta+\frac13$.
# ````
#
# Another covariance $\Sigma$ of the steps changes nothing but $W$, which becomes $\Sigma^{1/2}W\Sigma^{1/2}$.
#
# ````{prf:proposition} The exact law
# :label: prop-exact-law
#
# <span class="atlas-origin">derived here</span> Let $W$ be normal with eigenvalues $\lambda_k$, and $m_k = \lambda_k/\sqrt d$. Then
#
# $$
# \mathbb E\,e^{\mathrm itz_i} = \prod_{k=1}^d \bigl(1 - 2\mathrm it\,S_i\operatorname{Re} m_k + t^2\,(a_iT - S_i^2)\,|m_k|^2\bigr)^{-1/2} .
# $$
#
# For symmetric $W$ a score is a sum of $d$ independent differences of two chi-squares, $z_i = \sum_k m_k\,(p\,A_k - q\,B_k)$ with $p, q = \frac12(\sqrt{a_iT} \pm S_i)$.
# ````
#
# ````{prf:proof}
# Given $v$, $u$ is Gaussian with mean $\frac{S_i}T v$ and covariance $(a_i - S_i^2/T)I$. So $\mathbb E[e^{\mathrm itz}\mid v] = \exp\bigl(\frac{\mathrm it S_i}{T\sqrt d}v^\top W v - \frac{t^2}{2d}(a_i - \frac{S_i^2}T)\|Wv\|^2\bigr)$, a Gaussian integral in $v$. For normal $W$ both quadratic forms are
# diagonal in one basis. The second statement is $uv = pA - qB$ for a pair of Gaussians.
# ````
#
# So no simulation is needed for $\rho_i$ at any $T$ and $d$: one numerical integral gives it, after Gil-Pelaez. We simulate all the same.
#
# ## The check

# %% tags=["hide-input"]
small = [point for point in GRID if grid.configs[point].tokens <= 64 and grid.configs[point].d_model <= 128]
apart = summary(grid.beside(law=False))
with_law = grid.beside(small)
off = standardized(with_law)
say("localization-grid-points", f"{len(GRID)}")
say("localization-grid-keys", f"{len(grid.beside(law=False)):,}")
say("localization-largest", thousandths(apart["largest"].max()))
say("localization-largest-where", apart["largest"].idxmax().removeprefix("grid-").replace("-", ", "))
say("localization-median", thousandths(apart["median"].median()))
middle = apart[(apart["tokens"] == 64) & (apart["d_model"] == 128)]
say("localization-middle-largest", thousandths(middle["largest"].max()))
say("localization-middle-median", thousandths(middle["median"].max()))
say("localization-law-keys", f"{len(off):,}")
say("localization-law-beyond", f"{(off.abs() > 3.5).sum()}")
say("localization-law-chance", f"{chance_beyond(3.5, len(off)):.1f}")
say("localization-law-root", f"{off.pow(2).mean() ** 0.5:.2f}")
by_size = apart.groupby(["tokens", "d_model"])[["largest", "median"]].agg({"largest": "max", "median": "median"})
rows = ["| T | d | largest | median |", "|--:|--:|--:|--:|"]
rows += [
    f"| {T} | {d} | {thousandths(row['largest'])} | {thousandths(row['median'])} |"
    for (T, d), row in by_size.iterrows()
]
display(Markdown("\n".join(rows)))

# %% [markdown]
# The table has $|$simulated $-$ formula$|$ by length and dimension, over all eight spectra of the grid, two of which rotate ({glue:text}`localization-grid-points` points, {glue:text}`localization-grid-keys` keys). The largest deviation of all is {glue:text}`localization-largest`, at
# {glue:text}`localization-largest-where`; the median over the points of the median over keys is {glue:text}`localization-median`. At $T = 64$, $d = 128$ the largest is {glue:text}`localization-middle-largest`, and no spectrum has a median above {glue:text}`localization-middle-median`.
#
# Is what is left noise, or the Gaussian? Against the *exact law* ({glue:text}`localization-law-keys` keys at $T \le 64$, $d \le 128$), {glue:text}`localization-law-beyond` differ by more than 3.5 standard errors, where chance allows {glue:text}`localization-law-chance` (keys of one point share their sequences), and the root mean
# square is {glue:text}`localization-law-root` standard errors. So the formula's error is the Gaussian's. {numref}`fig-localization-error` shows how it falls.

# %% tags=["hide-input"]
dimensions = [2**power for power in range(4, int(math.log2(widest)) + 1)]
looks = {
    (2.0, 0.5): (blue, "o", "η = 2, s = ½"),
    (0.0, 1.0): (orange, "s", "η = 0, s = 1"),
    (2.0, 0.0): (green, "^", "η = 2, s = 0"),
}
errors = {spectrum: gaussian_errors(64, *spectrum, dimensions) for spectrum in looks}
lengths = Points([f"length-{tokens}" for tokens in (16, 128, 1024, 2048)], profile)
late = of_eigenvalues(lengths.configs["length-16"].eigenvalues)
long = {2**power: None for power in range(3, 13)}
for tokens in long:
    place = torch.arange(1, tokens + 1).double() / tokens
    long[tokens] = (finite(random_walk(tokens), late) - limit(place, late)).abs().max().item()
figure, (left, right) = plt.subplots(1, 2, figsize=(7.2, 3.5))
for spectrum, (color, marker, label) in looks.items():
    left.loglog(dimensions, errors[spectrum], color=color, marker=marker, label=label)
for power, style in ((-1, ":"), (-0.5, "--")):
    left.loglog(
        dimensions, [0.2 * (d / 16) ** power for d in dimensions], color=muted, linestyle=style, label=f"∝ d^{power:g}"
    )
left.set(xlabel="dimension d", ylabel="largest error over the keys", title="Gaussian against exact law, T = 64")
right.loglog(list(long), list(long.values()), color=blue, marker="o", label="η = 2, s = ½")
right.loglog(list(long), [long[8] * 8 / tokens for tokens in long], color=muted, linestyle=":", label="∝ 1/T")
right.set(xlabel="length T", title="finite T against the limit, d = 128")
for axes in (left, right):
    axes.legend(fontsize=9)
figures.show(
    figure,
    name="localization-error",
    caption="Two errors without any randomness. Left: what is lost by taking scores for Gaussian. Right: what is lost by taking the sequence for endless.",
    alt="Two log-log plots. Left: errors of two spectra with spread fall parallel to 1/d, that of equal eigenvalues parallel to one over the root of d. Right: the error falls parallel to 1/T.",
)
say(
    "localization-error-128",
    thousandths(errors[2.0, 0.5][dimensions.index(128)] if 128 in dimensions else errors[2.0, 0.5][-1]),
)
ends = lengths.beside(law=False)
apart_ends = summary(ends)
say("localization-length-first", thousandths(apart_ends["endless"].iloc[0]))
say("localization-length-last", thousandths(apart_ends["endless"].iloc[-1]))
last = ends[ends["point"] == "length-2048"]
say("localization-length-simulated", thousandths((last["mean"] - last["limit"]).abs().max()))
say("localization-length-sequences", f"{lengths.configs['length-2048'].sequences:,}")

# %% [markdown]
# With spread eigenvalues the error falls as $1/d$, because their skewness cancels around the mean; with equal ones as $1/\sqrt d$. Berry and Esseen's theorem guarantees the slower of the two, unless one eigenvalue stands out: then a score never becomes
# Gaussian, and the formula is wrong at any $d$. The limit is approached as $1/T$: from {glue:text}`localization-length-first` at $T = 16$ to {glue:text}`localization-length-last` at 2,048. There {glue:text}`localization-length-sequences` simulated
# sequences are within {glue:text}`localization-length-simulated` of the limit, the Gaussian's share and noise included.
#
# Every statement of this page has a {doc}`card </_executed/back_matter/theorem_cards>` with its margin and a control that must fail.
#
# ## What makes it local
#
# ````{prf:proposition} Localization
# :label: prop-localized
#
# <span class="atlas-origin">derived here</span> Let $\xi \to 0$ at a fixed $\eta \ne 0$ (symmetric $W$; since $\xi \ge \eta^2/d$ this needs $d\to\infty$). Then $\rho(\theta) \to 1$ where $0 < (\theta-\frac12)\,\eta < 1$, and $\rho(\theta)\to 0$ outside. At $\eta = 0$, $\rho(\theta) \to \frac12$ for all $\theta$.
# As $\xi \to\infty$, $\rho(\theta)\to 0$ for all.
# ````
#
# ````{prf:proof}
# In {eq}`eq-localization-limit` $V \le \frac7{12}\xi \to 0$: both arguments go to $\pm\infty$ by the signs of $1 - (\theta-\frac12)\eta$ and of $(\theta-\frac12)\eta$. At $\eta = 0$ they are $1/\sqrt V$ and $0$. For $\xi\to\infty$ both go to 0.
# ````
#
# This is the abstract's sentence, as we read it: *a small variance of the eigenspectrum, with a mean away from zero, makes attention localized*. Mean zero is the case of rank collapse: no token stands out. A large variance stops all signals.
#
# ````{prf:proposition} No walk, no place
# :label: prop-iid-flat
#
# <span class="atlas-origin">derived here</span> If the tokens are independent and alike, $\rho_1 = \dots = \rho_{T-1}$ for every $W$.
# ````
#
# ````{prf:proof}
# Exchanging two tokens other than the query changes no law.
# ````
#
# ## Beyond the tangent
#
# The clipped tangent is a caricature: it is used for scores of the size of $T$. What does the softmax itself do with the same sequences? Its own measure of a passing signal is the mean derivative of a weight, $\mathbb E[T S_i(1-S_i)]/(1-1/T)$ in units of what it is at equal
# scores. For the clipped tangent the same mean *is* $\rho_i$.

# %% tags=["hide-input"]
scales = Points(["drift-0-0", "drift-20-0", "drift-20-16"], profile)
figure, panels = plt.subplots(1, 3, figsize=(7.2, 3.3))
cases = (
    ("unit steps\nη = 2, s = ½", grid, "grid-T64-d128-late"),
    ("steps of variance 1/T\nη = 20, s = 0", scales, "drift-20-0"),
)
for axes, (title, source, point) in zip(panels, cases, strict=False):
    config = source.configs[point]
    for quantity, color, style, label in (
        ("propagates", blue, "-", "ρ"), ("sensitivity", orange, "--", "sensitivity"), ("weight", green, ":", "T × weight"),
    ):  # fmt: skip
        curve = source.by_key(point, quantity)["mean"]
        axes.plot(curve.index / config.tokens, curve, color=color, linestyle=style, label=label)
    axes.set_title(title, fontsize=10)
    axes.set(yscale="symlog", xlabel="position θ", ylim=(0, None))
panels[0].legend(fontsize=9, loc="upper left")
for color, persistence in zip(figures.shades(5), (0.0, 0.5, 0.9, 0.98, 1.0), strict=True):
    curve = walks.by_key(f"persistence-{persistence}", "propagates")["mean"]
    panels[2].plot(curve.index / 64, curve, color=color, label=f"φ = {persistence:g}")
panels[2].set_title("from independent to walk\nη = 2, s = ¼", fontsize=10)
panels[2].set(xlabel="position θ", ylabel="ρ", ylim=(0, 1.04))
panels[2].legend(fontsize=9)
figures.show(
    figure,
    name="localization-softmax",
    caption="64 tokens in 128 dimensions. Left and middle: the clipped tangent ($\\rho$) and the softmax itself on the same sequences, on a scale that is linear below 1 and logarithmic above. Right: tokens that keep a share φ of the one before.",
    alt="Left: rho rises past the middle, while sensitivity and weight of the softmax are near zero but for the last keys. Middle: rho is one for all but the first keys, weight and sensitivity rise smoothly to the end. Right: "
    "flat curves for small persistence, rising ones only close to 1.",
    provenance=scales.provenance,
)
edge = grid.by_key("grid-T64-d128-late", "weight")["mean"].iloc[-1] / 64
say("localization-last-weight", probability(edge, 2))
say(
    "localization-late-entropy",
    probability(grid.tables["grid-T64-d128-late"].set_index("quantity")["mean"]["entropy"], 2),
)
say("localization-drift-entropy", probability(scales.tables["drift-20-0"].set_index("quantity")["mean"]["entropy"], 2))
begin, end = drift_window(20.0)
say("localization-window-20", f"{probability(begin, 2)} and {probability(end, 2)}")

# %% [markdown]
# *Unit steps.* The two disagree about the place. Scores grow like $\eta\,i$, so the softmax is all but decided by the last keys: the query's own token gets {glue:text}`localization-last-weight` of the weight, and the entropy is {glue:text}`localization-late-entropy` of its largest. The tangent calls these keys *clipped* or *passing*; it cannot see that one of them takes all.
#
# *Steps of variance 1/T*, that is $\eta$ and $s$ divided by $T$. Now $\eta$ is the drift of the score along the whole sequence, scores are of order one, and tangent and softmax agree that the late keys win. The entropy is {glue:text}`localization-drift-entropy` of its largest: localized, not collapsed. This is the scale of
# {doc}`/_executed/localization/phase_diagram`, which asks the softmax only.
#
# *The walk.* The effect needs tokens that remember. At φ = .9, a memory of ten tokens, little of it is left. The authors say themselves that the random walk is a strong assumption.
#
# ## What to do with it
#
# - **Look at two numbers of a head**, $\operatorname{tr} W/\sqrt d$ and the spread of its eigenvalues: {doc}`/_executed/localization/locater` reads both off $W_Q$ and $W_K$ without ever forming $W$.
# - **Ask whether embeddings walk.** Where neighbors are no more alike than strangers, no spectrum localizes by position.
# - **Do not trust the tangent for large scores.** It says where signals *can* pass at once, not where attention goes.
#
# ## Exercises

# %% [markdown]
# ```{exercise-start} How wide is the window?
# :label: ex-localization-window
# ```

# %% [markdown]
# **Difficulty** ●○○○○ · **Time** 5 minutes
#
# All eigenvalues are equal, $\eta = 5$, and the walk is endless. Which share of the tokens propagates a signal?

# %% [markdown]
# ```{exercise-end}
# ```

# %% [markdown]
# ```{solution-start} ex-localization-window
# :class: dropdown
# :label: sol-localization-window
# ```

# %% [markdown]
# Those with $0 < (\theta - \frac12)\cdot 5 < 1$, from the middle to .7: {prf:ref}`prop-localized`. The last tokens score too high.

# %%
start, stop = drift_window(5.0)
print(exercises.check_window(stop - start))

# %% [markdown]
# ```{solution-end}
# ```

# %% [markdown]
# ```{exercise-start} Three tokens
# :label: ex-localization-three
# ```

# %% [markdown]
# **Difficulty** ●●○○○ · **Time** 10 minutes
#
# A walk of three tokens, $W = I$. What is the variance of the last token's centered score $z_3$? (Write key and query in the steps.)

# %% [markdown]
# ```{exercise-end}
# ```

# %% [markdown]
# ```{solution-start} ex-localization-three
# :class: dropdown
# :label: sol-localization-three
# ```

# %% [markdown]
# The key less the mean token is $(\xi_2 + 2\xi_3)/3$, the query $\xi_1 + \xi_2 + \xi_3$: variances $\frac59$ and 3, covariance 1. With $\xi_F = \xi = 1$ the variance is $\frac53 + 1$.

# %%
print(exercises.check_variance(moments(random_walk(3), Spectrum(1.0, 1.0))[1][-1].item()))

# %% [markdown]
# ```{solution-end}
# ```

# %% [markdown]
# ```{exercise-start} Spread enough to stop nine in ten
# :label: ex-localization-spread
# ```

# %% [markdown]
# **Difficulty** ●●●○○ · **Time** 15 minutes
#
# Mean zero, symmetric $W$, an endless walk. How large must the standard deviation of the eigenvalues be for the middle token to propagate with probability .1 only?

# %% [markdown]
# ```{exercise-end}
# ```

# %% [markdown]
# ```{solution-start} ex-localization-spread
# :class: dropdown
# :label: sol-localization-spread
# ```

# %% [markdown]
# At $\theta = \frac12$, $\eta = 0$: $\rho = \Phi(1/\sqrt V) - \frac12$ with $V = \xi/12$. It is .1 where $1/\sqrt V = \Phi^{-1}(.6)$, and $s = \sqrt\xi$.

# %%
quantile = torch.special.ndtri(torch.tensor(0.6, dtype=torch.float64)).item()
print(exercises.check_deviation(math.sqrt(12) / quantile))

# %% [markdown]
# ```{solution-end}
# ```
