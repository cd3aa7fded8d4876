# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %% [markdown]
# # The simulation needs no vectors
#
# Kim 2026 {cite}`kim2026` <span class="atlas-origin">paper</span> simulates ten million sequences of up to 1024 dimensions. How much of all these numbers does an attention score see?
#
# Hardly any. A stack without weights sees its tokens only through their inner products. For Gaussian tokens those can be drawn directly: a small triangle of numbers, whose size does not depend on the dimension ({numref}`fig-gram-idea`).

# %% tags=["parameters"]
sequences: int = 10_000  # sequences by vectors in every live comparison; four times as many by factors
deepest: int = 48  # layers in the test of rounding
deep_sequences: int = 400  # sequences in the test of rounding

# %% tags=["hide-input"]
import math

import matplotlib.pyplot as plt
import torch
from IPython.display import Markdown, display

from attention_atlas import figures
from attention_atlas.checks import recency as checks
from attention_atlas.drawing.recency import score_map
from attention_atlas.drawing.signed import signed_map
from attention_atlas.exercises import recency_variants as exercises
from attention_atlas.positions import rope, rope_frequencies
from attention_atlas.simulation.agreement import (
    FACTORS,
    canceling_recency,
    decline,
    departure,
    factors_and_vectors,
)
from attention_atlas.simulation.gram import GramSimulator
from attention_atlas.simulation.model import Model
from attention_atlas.simulation.stream import simulate
from attention_atlas.theory.recency.gram import equicorrelated, gram_layer
from attention_atlas.wording import say, short, signed

figures.style()
tokens, alpha = 10, 0.5
CAUGHT = 4.0  # standard errors from which on we call a difference found


# %% tags=["hide-input"]
shown = Model(64, alpha, tokens=tokens)
noise = torch.randn(tokens + 1, 64, generator=torch.Generator().manual_seed(8), dtype=torch.float64)
vectors = (noise[1:] + shown.shared * noise[:1]) / math.sqrt(64)
gram = vectors @ vectors.T
factor = torch.linalg.cholesky(gram).masked_fill(torch.ones_like(gram).triu(1).bool(), torch.nan)
pairs = tokens * (tokens + 1) // 2

figure, panels = plt.subplots(1, 3, figsize=(7.2, 2.0), width_ratios=(2.6, 1, 1))
for axes, map, title in zip(
    panels,
    (vectors, gram, factor),
    (f"tokens $X$: {vectors.numel()} numbers", f"$G=XX^\\top$: {pairs}", f"$L$, $LL^\\top=G$: {pairs}"),
    strict=True,
):
    signed_map(axes, map)
    axes.set_title(title, fontsize=10)
panels[0].set(xlabel="coordinate", ylabel="token", aspect="auto")
panels[1].set(xlabel="token")
panels[2].set(xlabel="coordinate")
figures.show(
    figure,
    name="gram-idea",
    caption=f"One sequence of {tokens} tokens in 64 dimensions, its Gram matrix of inner products, and the triangular factor of that matrix (orange: positive, blue: negative). Each of the three gives the same attention scores in every layer. The factor has "
    f"{pairs} numbers in any dimension of at least {tokens}, and its law is known: it can be drawn without the tokens.",
    alt="A wide noisy strip of ten rows, a ten by ten matrix with a strong diagonal, and a lower triangle with a strong diagonal and first column.",
)

# %% [markdown]
# ## Why inner products are enough
#
# ````{prf:proposition} Gram reduction
# :label: prop-gram-reduction
#
# <span class="atlas-origin">derived here</span> Let $X$ hold a layer's raw tokens as rows (with LayerNorm: centered), $G = XX^\top$. The layer's scores are a function of $G$, and so is the Gram matrix of its output:
#
# $$
# G' = M G M^\top , \qquad M = P D + R , \qquad D = \mathrm{diag}(s/\|x_j\|) .
# $$ (eq-gram-layer)
#
# $P$ are the attention weights, $s$ is the norm of a normalized token ($D = I$ without normalization), and $R$ is $0$ without residual, $I$ with the raw and $D$ with the normalized one. So the scores of all layers follow from the first Gram matrix.
# ````
#
# ````{prf:proof}
# Norms are on the diagonal, $\|x_j\|^2 = G_{jj}$. The normalized tokens are $H = DX$. Scores are the entries of $HH^\top = DGD$, up to a constant factor. $P$ is their masked softmax, and the
# output is $PH$ (plus $X$, plus $H$) $= MX$. Hence $G' = MXX^\top M^\top$. Go on by induction.
#
# LayerNorm also centers, $x \mapsto \Pi x = x - \frac1d 11^\top x$. Centering acts on coordinates, mixing and residuals act on tokens, so they commute: the centered output of a layer is the output for centered tokens. Center once, before the first layer; from then on
# LayerNorm is a scaling to norm $\sqrt d$ within the $(d-1)$-dimensional space of centered vectors.
# ````
#
# ````{prf:proposition} The law of the factor
# :label: prop-bartlett
#
# <span class="atlas-origin">derived here</span> For the tokens $x_t = (g_t + \ell c)/\sqrt d$ of Kim 2026 and $n \ge S$, the first Gram matrix has the law of $LL^\top$ with $L = CB/\sqrt d$: $C$ is lower triangular with $CC^\top = I + \ell^2 11^\top$, and $B$ is lower triangular with independent
# entries, standard normals below the diagonal and $\sqrt{\chi^2_n}, \sqrt{\chi^2_{n-1}}, \dots, \sqrt{\chi^2_{n-S+1}}$ on it. Without LayerNorm $n = d$, with it $n = d-1$. Under a causal mask every layer keeps the factor lower triangular.
# ````
#
# ````{dropdown} Proof
# The columns of $X = (G_0 + \ell\,1c^\top)/\sqrt d$ are independent with law $N\bigl(0, (I + \ell^2 11^\top)/d\bigr)$, so $X$ has the law of $CZ/\sqrt d$ with an $S\times d$ matrix $Z$ of independent standard normals. Centering multiplies $Z$ by $\Pi$ from the right. In an orthonormal
# basis of the centered vectors its rows are standard normal in $d-1$ dimensions; the divisor stays $d$.
#
# Write $Z$ ($S \times n$) as $BQ$ by Gram-Schmidt on its rows: $B$ lower triangular with a positive diagonal, the rows of $Q$ orthonormal. Given the first $j-1$ rows, row $j$ is still standard normal. Its components along the $j-1$ directions found so far are independent
# standard normals; the squared length of what is left over is $\chi^2$ with $n-(j-1)$ degrees of freedom and independent of them. None of these laws depends on the earlier rows, so all entries are independent. And $ZZ^\top = BQQ^\top B^\top = BB^\top$: Bartlett's decomposition of
# a Wishart matrix.
#
# A causal $P$ is lower triangular and so is $M$. Therefore $G' = (ML)(ML)^\top$ with $ML$ lower triangular.
# ````
#
# (Cards: {ref}`Gram reduction <card-atlas-gram-reduction>`, {ref}`law of the factor <card-atlas-bartlett>`.)
#
# Read $L$ by rows: row $j$ holds the coordinates of token $j$ in a basis that is built as the tokens come. Token 1 defines the first axis, token 2 the plane, and so on. This is why a causal mask suits it so well: a mixture of the first $j$ tokens lies in the space of the first
# $j$ axes.
#
# ## The check: two simulators, one law
#
# The *direct* simulator draws vectors and passes them through the layers. The *Gram* simulator draws factors. They share no random number and little code, so they can only agree in distribution. RP is the recency probability, with its standard error.

# %% tags=["hide-input"]
lines = ["| $d$ | layer | RP, Gram | RP, direct | difference / error |", "|--:|--:|--:|--:|--:|"]
compared = {}
for place, d in enumerate((16, 64, 256), start=1):
    both = compared[d] = factors_and_vectors(Model(d, alpha, tokens=tokens), sequences, seed=place)
    for row in both[both["quantity"] == "recency_probability"].itertuples():
        ours, theirs = (
            f"{row.mean_first:.4f} ± {row.standard_error_first:.4f}",
            f"{row.mean_second:.4f} ± {row.standard_error_second:.4f}",
        )
        lines.append(f"| {d} | {row.layer} | {ours} | {theirs} | {signed(row.deviation, '+.1f')} |")
display(Markdown("\n".join(lines)))
recencies = [both[both["quantity"] == "recency_probability"]["deviation"] for both in compared.values()]
beside = [both[(both["quantity"] == "gap") & (both["query"] != both["key"])]["deviation"] for both in compared.values()]
say("gram-worst-z", f"{max(z.abs().max() for z in recencies):.1f}")
say("gram-map-rms", ", ".join(f"{(z**2).mean() ** 0.5:.2f}" for z in beside))
say("gram-map-worst", f"{max(z.abs().max() for z in beside):.1f}")
say("gram-map-entries", f"{len(beside[0])}")

# %% [markdown]
# The largest difference of a recency probability is {glue:text}`gram-worst-z` standard errors. The {glue:text}`gram-map-entries` mean scores beside the diagonal differ by a root mean square of {glue:text}`gram-map-rms` standard errors ($d = 16, 64, 256$; 1 is expected), at
# most by {glue:text}`gram-map-worst`. They are no independent tests: all entries of a map, and all layers, come from the same sequences, and a sequence that is more aligned than others lifts all of its scores.

# %% tags=["hide-input"]
both = compared[64]
layer = both[(both["quantity"] == "gap") & (both["layer"] == 3)]
layer = layer.assign(deviation=layer["deviation"].where(layer["query"] != layer["key"]))  # a token's gap to itself is 0
shown = both[(both["quantity"] == "recency_probability") & (both["layer"] == 3)].iloc[0]
maps = {
    column: torch.tensor(layer.pivot(index="query", columns="key", values=column).to_numpy())
    for column in ("mean_first", "mean_second", "deviation")
}
largest = Model(64, alpha, tokens=tokens).offset  # gaps are scores less the largest possible one
figure, (one, two, three) = plt.subplots(1, 3, figsize=(7.2, 2.9))
score_map(one, maps["mean_first"] + largest, recency=shown["mean_first"])
score_map(two, maps["mean_second"] + largest, recency=shown["mean_second"], labels=False)
image = signed_map(three, maps["deviation"], limit=4.0, corners=False)
one.set_title("by factors", fontsize=10)
two.set_title("by vectors", fontsize=10)
three.set_title("difference / standard error", fontsize=10)
three.spines[:].set_visible(False)
figure.colorbar(image, ax=three, orientation="horizontal", shrink=0.9, pad=0.06, ticks=[-4, -2, 0, 2, 4])
figures.show(
    figure,
    name="gram-agreement",
    caption=f"Mean scores of layer 3 at $d = 64$, $\\alpha = {alpha}$, LayerNorm, no residual, from {FACTORS * sequences:,} factors and from {sequences:,} sequences of vectors. The entries of a map share their sequences, so neighbors differ alike.",
    alt=f"Two score maps that look alike, brightest close to the diagonal, and a pale map of their differences, none above {layer['deviation'].abs().max():.1f} standard errors.",
)

# %% [markdown]
# ## Two controls
#
# A test that passes must be able to fail.
#
# **The wrong degrees of freedom.** Forget that centering takes a dimension and draw $\chi^2_d, \chi^2_{d-1}, \dots$ Since centered tokens are only scaled from then on, this is exactly RMSNorm in place of LayerNorm. Compare it with LayerNorm by vectors.
#
# **Rotary positions.** RoPE turns coordinates, and a Gram matrix does not know coordinates. Take tokens $X$ and the same tokens $XO$ in another orthonormal basis. One Gram matrix, but $\langle R_i x_i, R_j x_j\rangle \ne \langle R_i O x_i, R_j O x_j\rangle$ unless $O$ commutes with the rotations.

# %% tags=["hide-input"]
lines = ["| $d$ | layer 2 | layer 3 | layer 4 |", "|--:|--:|--:|--:|"]
for place, d in enumerate((16, 256), start=1):
    honest, claimed = (Model(d, alpha, kind, tokens=tokens) for kind in ("layernorm", "rmsnorm"))
    both = factors_and_vectors(honest, sequences, seed=place, claimed=claimed)
    found = both[(both["quantity"] == "recency_probability") & (both["layer"] > 1)]["deviation"]
    lines.append(f"| {d} | " + " | ".join(signed(value, "+.1f") for value in found) + " |")
    say(f"gram-wrong-{d}", f"{found.abs().max():.1f}")
    say(f"gram-wrong-verdict-{d}", "is caught" if found.abs().max() > CAUGHT else "passes unseen")
display(Markdown("\n".join(lines)))
say("gram-wrong-threshold", f"{CAUGHT:g}")

reduction = checks.gram_reduction(20, torch.Generator().manual_seed(4))
turned = checks.gram_reduction_control(20, torch.Generator().manual_seed(4))
say("gram-check-margin", f"{reduction.margin.min():.1f}")
say("gram-control-margin", f"{-turned.margin.max():.1f}")
basis = torch.linalg.qr(torch.randn(64, 64, generator=torch.Generator().manual_seed(5), dtype=torch.float64)).Q
frequencies = rope_frequencies(64)
samples = (vectors, vectors @ basis)
plain, rotated = ([x @ x.T for x in stack] for stack in (samples, [rope(x, frequencies) for x in samples]))
say("gram-basis-plain", short((plain[0] - plain[1]).abs().max().item()))
say("gram-basis-rope", short((rotated[0] - rotated[1]).abs().max().item()))

# %% [markdown]
# The table has the differences of the recency probability, in standard errors, with one degree of freedom too many. At $d = 16$ they reach {glue:text}`gram-wrong-16`, at $d = 256$ {glue:text}`gram-wrong-256`. A test that asks for {glue:text}`gram-wrong-threshold` standard errors decides: at $d=16$ the mistake {glue:text}`gram-wrong-verdict-16`, at
# $d = 256$ it {glue:text}`gram-wrong-verdict-256`. One dimension in 256 is little, so test at small $d$.
#
# With the tokens of {numref}`fig-gram-idea` and a random basis the plain inner products of $X$ and $XO$ agree to {glue:text}`gram-basis-plain`; after rotation by position they differ by up to {glue:text}`gram-basis-rope`. Over random stacks of any normalization, residual and mask,
# {eq}`eq-gram-layer` agrees with vectors to $10^{-10}$ with at least {glue:text}`gram-check-margin` decades to spare. With rotations it misses that by at least {glue:text}`gram-control-margin` decades. So the Gram simulator refuses RoPE, and {doc}`/_executed/recency/rope` uses vectors.
#
# ## What it costs
#
# Count multiply-adds per sequence and layer, under a causal mask, as the library's loops do them <span class="atlas-origin">derived here</span>:
#
# | | by vectors | by factors |
# |:--|:--|:--|
# | random numbers per sequence | $(S+1)\,d$ normals | $\tfrac12 S(S-1)$ normals, $S$ chi-squares |
# | scores | $S^2 d$ | $\sum_{c=1}^{S} c^2 = \tfrac16 S(S+1)(2S+1)$ |
# | mixing | $S^2 d$ | $\sum_{k=1}^{S} k\,(S-k+1) = \tfrac16 S(S+1)(S+2)$ |
# | sum | $2 S^2 d$ | $\tfrac12 S (S+1)^2$ |
# | exponentials | $\tfrac12 S(S+1)$ | $\tfrac12 S(S+1)$ |
#
# The ratio is $4 S d/(S+1)^2$, about $4d/S$. A factor has $S$ coordinates in place of $d$, half of them are zero, and the products skip the zeros.

# %% tags=["hide-input"]
dimensions = torch.logspace(math.log2(16), 12, 50, base=2.0, dtype=torch.float64)
figure, axes = plt.subplots(figsize=(7.2, 3.3))
for length, color, marker in ((10, "blue", "o"), (50, "orange", "s")):
    grid = dimensions[dimensions >= length]
    shade = figures.PALETTE[color]
    axes.loglog(
        grid, 2 * length**2 * grid, color=shade, marker=marker, markevery=12, label=f"vectors, {length} tokens", base=2
    )
    axes.loglog(
        grid,
        torch.full_like(grid, length * (length + 1) ** 2 / 2),
        "--",
        color=shade,
        marker=marker,
        markevery=12,
        label=f"factors, {length} tokens",
        base=2,
    )
axes.set_yscale("log", base=10)
axes.set(xlabel="dimension $d$", ylabel="multiply-adds per\nsequence and layer", xticks=[16, 64, 256, 1024, 4096])
axes.xaxis.set_major_formatter("{x:.0f}")
axes.legend(ncols=2, loc="upper left")
axes.set_ylim(top=2e9)
figures.show(
    figure,
    name="gram-cost",
    caption="Operations of one layer on one sequence, counted as in the table. A factor needs at least as many dimensions as tokens, $d \\ge S$, so the lines for 50 tokens begin at 50.",
    alt="On logarithmic axes two rising lines for vectors and two flat lines for factors; at 10 tokens and 1024 dimensions they are more than two decades apart.",
)
for d in (16, 1024):
    say(f"gram-ratio-{d}", f"{4 * tokens * d / (tokens + 1) ** 2:.0f}")
say("gram-numbers", f"{(tokens + 1) * 1024 / pairs:.0f}")
say("gram-gigabytes", f"{1e7 * tokens * 1024 * 4 / 1e9:.0f}")
say("gram-chunk", f"{GramSimulator(Model(1024, alpha, tokens=tokens), 0).chunk * tokens**2 * 8 / 1e6:.1f}")

# %% [markdown]
# For the paper's 10 tokens that is {glue:text}`gram-ratio-16` times fewer operations at $d=16$ and {glue:text}`gram-ratio-1024` times fewer at $d=1024$, with {glue:text}`gram-numbers` times fewer random numbers there. Held at once, ten million sequences in 1024 dimensions are
# {glue:text}`gram-gigabytes` GB in float32. Both simulators stream; a chunk of factors is {glue:text}`gram-chunk` MB whatever $d$ is. Operations are not seconds: `bench/README.md`, section "Recency: sequences per second", has what was measured, where it falls short included.
#
# ## Comparing without canceling
#
# In deep layers all cosines tend to 1 ({doc}`/_executed/recency/depth`). Two scores then differ by $\sqrt d\,(\cos_{ik} - \cos_{ij})$, and a cosine in float64 keeps of $1-\cos$ only what is above $10^{-16}$. A recency probability asks for nothing but the order of the scores, and that order is soon made of
# rounding errors.
#
# The factor offers a way out <span class="atlas-origin">derived here</span>. Scale every row to norm 1: $f_i$, with first coordinate $f_{i1} = 1 + a_i$ and the others $r_i$. Then
#
# $$
# \cos_{ij} - 1 \;=\; a_i + (1+a_i)\,a_j + \langle r_i, r_j\rangle , \qquad a_i = -\frac{\|r_i\|^2}{1+f_{i1}} .
# $$ (eq-no-cancellation)
#
# The left side is expanded from $(1+a_i)(1+a_j) + \langle r_i, r_j\rangle - 1$; the formula for $a_i$ follows from $f_{i1}^2 = 1-\|r_i\|^2$. Near 1 every term is as small as the result and nothing large is subtracted. It works because the first token is an axis of the factor, and the first token
# is what the others collapse to.

# %% tags=["hide-input"]
model = Model(16, alpha, layers=deepest, tokens=tokens)


def by_layer(kind):
    table = simulate(model, deep_sequences, seed=3, simulator=kind, map_layers=()).table()
    return table["mean"][table.quantity == "recency_probability"].tolist()


FACTORS_LABEL, GRAMS, DOUBLE, SINGLE = (
    "factors, cos − 1",
    "Gram matrices, cos, float64",
    "vectors, cos, float64",
    "vectors, cos, float32",
)
curves = {
    FACTORS_LABEL: (by_layer("gram"), "blue", "o", "-"),
    GRAMS: (canceling_recency(model, deep_sequences, seed=3), "orange", "s", "-"),
    DOUBLE: (by_layer("direct"), "green", "^", "--"),
    SINGLE: (by_layer("direct32"), "purple", "D", ":"),
}
true, naive = curves[FACTORS_LABEL][0], curves[GRAMS][0]
lost = {
    GRAMS: departure(naive, true),
    FACTORS_LABEL: decline(true),
    DOUBLE: decline(curves[DOUBLE][0]),
    SINGLE: decline(curves[SINGLE][0]),
}
lost = {label: f"{layer}" if layer else f"after {deepest}" for label, layer in lost.items()}
figure, axes = plt.subplots(figsize=(7.2, 3.4))
for label, (values, color, marker, line) in curves.items():
    axes.plot(
        range(1, deepest + 1),
        values,
        line,
        color=figures.PALETTE[color],
        marker=marker,
        markersize=4,
        markevery=3,
        label=label,
    )
axes.axhline(0.5, color=figures.PALETTE["line"], linewidth=0.8)
axes.set(xlabel="layer", ylabel="recency probability", xlim=(1, deepest), ylim=(0, 1.03))
axes.legend(loc="lower left")
figures.show(
    figure,
    name="gram-rounding",
    caption=f"Recency probability over depth, $d=16$, $\\alpha={alpha}$, LayerNorm, no residual, {deep_sequences} sequences. Nothing in the model changes with depth: where a curve comes down, the cosines of neighbors agree to the last digit and rounding decides (equal scores count as no preference for the later key).",
    alt=f"Four curves rise together to nearly 1. The float32 one comes down from layer {lost[SINGLE]} on, vectors in float64 from layer {lost[DOUBLE]}, Gram matrices from layer {lost[GRAMS]}; the curve by factors ends at {true[-1]:.3f}.",
)
say("gram-naive-layer", lost[GRAMS])
say("gram-direct-layer", lost[DOUBLE])
say("gram-single-layer", lost[SINGLE])
say("gram-naive-end", f"{naive[-1]:.2f}")
say("gram-true-end", f"{true[-1]:.3f}")
say("gram-ends", f"{-math.log(2.2e-308) / math.log(4):.0f}")

# %% [markdown]
# In {numref}`fig-gram-rounding` the recursion {eq}`eq-gram-layer` on Gram matrices starts from the very same draws as ours. They part by more than 0.01 at layer {glue:text}`gram-naive-layer`; at the last layer the one says {glue:text}`gram-naive-end`, ours {glue:text}`gram-true-end`. Vectors in float64 lose more than 0.01 at layer
# {glue:text}`gram-direct-layer`, in float32, which is the precision of the simulation <span class="atlas-origin">official code</span>, at layer {glue:text}`gram-single-layer`. The paper's four layers are far from that. Anyone who looks deeper and finds that recency fades should look at the digits first. With {eq}`eq-no-cancellation` the differences,
# which fall by a factor of 4 per layer in the end ({prf:ref}`prop-recency-rates`), are lost only when they leave the range of float64, after about {glue:text}`gram-ends` such layers.
#
# ## What to do with it
#
# - Before simulating vectors, ask what the model sees of them. Here it is inner products, and those of Gaussian tokens are easier to draw than the tokens.
# - Compare near-equal numbers by their difference from the common value, not by themselves.
# - Test a shortcut where it would fail: at small $d$, where one degree of freedom shows, and in deep layers, where digits run out.
#
# The limits: Gaussian tokens, no weights, no RoPE, and at least as many dimensions as tokens.
#
# ## Exercises

# %% [markdown]
# ```{exercise-start} What is left for the last token
# :label: ex-gram-degrees
# ```

# %% [markdown]
# **Difficulty** ●○○○○ · **Time** 5 minutes
#
# LayerNorm, $d = 16$, 10 tokens. How many degrees of freedom has the square of the last diagonal entry of $B$?

# %% [markdown]
# ```{exercise-end}
# ```

# %% [markdown]
# ```{solution-start} ex-gram-degrees
# :class: dropdown
# :label: sol-gram-degrees
# ```

# %% [markdown]
# It is the squared length of the part of token 10 outside the space of the other nine, within the 15 dimensions of centered vectors.

# %%
print(exercises.check_degrees(16 - 1 - 9))

# %% [markdown]
# ```{solution-end}
# ```

# %% [markdown]
# ```{exercise-start} A layer on a Gram matrix, by hand
# :label: ex-gram-layer
# ```

# %% [markdown]
# **Difficulty** ●●○○○ · **Time** 10 minutes
#
# Two unit tokens with $\langle x_1, x_2\rangle = \tfrac12$, causal mask, L2 normalization (scores are cosines), no residual. What is the squared norm of token 2 after the layer? Use {eq}`eq-gram-layer`, no vector.

# %% [markdown]
# ```{exercise-end}
# ```

# %% [markdown]
# ```{solution-start} ex-gram-layer
# :class: dropdown
# :label: sol-gram-layer
# ```

# %% [markdown]
# Token 2 gives itself $q = e/(e + \sqrt e)$ and token 1 $p = 1-q$. Entry (2, 2) of $PGP^\top$ is $p^2 + q^2 + 2pq\cdot\tfrac12$.

# %%
_, weights, after = gram_layer(equicorrelated(2, 0.5), d_model=1, normalization="l2")
p, q = weights[1].tolist()
print(exercises.check_gram_layer(p**2 + q**2 + p * q), "By the library:", round(after[1, 1].item(), 4))

# %% [markdown]
# ```{solution-end}
# ```
