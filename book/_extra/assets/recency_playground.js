/* Early or late? The playground of the chapter "Recency": plain JavaScript, no kernel, no network, no build step.
 *
 * The numbers are recency_model.js's, the pictures lean on drawing.js; both come before this script.
 * Whatever a reader sees counts tokens and layers from 1, as the paper does.
 */
(function (root) {
  "use strict";

  const { drawing } = root.AttentionAtlas;
  const { clamp, trim, paint, paintBar, slider, radios, unhurried, glyph, icon } = drawing;
  const { recency } = root.AttentionAtlas;
  const { NORMALIZATIONS, RESIDUALS, climb, start, idealGaps, offsetOf } = recency;

  const SLIDERS = [
    { key: "alpha", label: "anisotropy", symbol: "α", min: 0, max: 0.95, step: 0.05 },
    // Four steps to a doubling: the slider holds 4 log2 d.
    {
      ...{ key: "d", label: "dimension", symbol: "d", min: 16, max: 40, step: 1 },
      ...{ read: (k) => Math.round(2 ** (k / 4)), place: (value) => 4 * Math.log2(value) },
    },
    { key: "layers", label: "layers", symbol: "L", min: 1, max: 16, step: 1 },
    { key: "tokens", label: "tokens", symbol: "S", min: 3, max: 16, step: 1 },
    { key: "shown", label: "layer shown in the maps", symbol: "", min: 1, max: 16, step: 1 },
  ];
  const CHOICES = [
    {
      key: "normalization",
      label: "Normalization",
      options: { none: "none", layernorm: "LayerNorm", rmsnorm: "RMSNorm", l2: "L2" },
    },
    {
      key: "residual",
      label: "Residual",
      options: { none: "none", raw: "raw (pre-norm)", normalized: "normalized (post-norm)" },
    },
    { key: "causal", label: "Mask", options: { true: "causal", false: "none" } },
  ];
  const PAPER = { tokens: 10, causal: true }; // what the paper's four rows have in common
  const PRESETS = [
    { label: "α = 0, no norm: early tokens win", alpha: 0, normalization: "none", residual: "none" },
    { label: "α = 0, LayerNorm: next to nothing", alpha: 0, normalization: "layernorm", residual: "none" },
    { label: "α = 0.5, LayerNorm: recency", alpha: 0.5, normalization: "layernorm", residual: "none" },
    { label: "α = 0.5, LayerNorm, residual: weaker", alpha: 0.5, normalization: "layernorm", residual: "raw" },
  ];
  // Kim 2026, printed in the figures: layers 1, 2, ... of each preset at each d. A test compares them with data/reference.
  const PRINTED = {
    16: [
      "0.5000 0.5005 0.0822 0.0140",
      "0.5000 0.5015 0.5051 0.5114",
      "0.5000 0.6382 0.8002 0.9079",
      "0.5000 0.5931 0.6610 0.7078",
    ],
    64: [
      "0.5000 0.5000 0.0069 0.0001",
      "0.5000 0.5000 0.5000 0.5000",
      "0.5000 0.5544 0.6274 0.7073",
      "0.5000 0.5457 0.5791 0.6053",
    ],
    256: ["0.5000 0.5000", "0.5000 0.5000", "0.5000 0.5023", "0.5000 0.5021"],
    1024: ["0.5000 0.5000", "0.5000 0.5000", "0.5000 0.5000", "0.5000 0.5000"],
  };
  recency.PRINTED = PRINTED;
  const DEFAULTS = {
    alpha: 0.5,
    d: 16,
    layers: 4,
    tokens: 10,
    shown: 0,
    normalization: "layernorm",
    residual: "none",
    causal: true,
  };
  const SETTING = ["alpha", "d", "layers", "tokens", "normalization", "residual", "causal"]; // what the model depends on
  const GUTTER = 44; // of the curve, for its numbers
  const SEED = 1;
  const ENOUGH = 10000; // sequences after which the Monte Carlo rests
  const FIRST = 40,
    NEXT = 16; // milliseconds of computing before the first picture, and between two later ones

  /** A state that is possible, from whatever was asked for: impossible values go to the nearest possible one. */
  function legal(asked) {
    const state = { ...DEFAULTS, ...asked, causal: String(asked.causal ?? true) !== "false" };
    for (const slider of SLIDERS) {
      const { key } = slider;
      const range = key === "shown" ? { ...slider, min: 0 } : slider;
      state[key] = drawing.nearest(range, state[key], DEFAULTS[key]);
    }
    if (state.shown >= state.layers) state.shown = 0; // the last layer, however many there are
    if (!NORMALIZATIONS.includes(state.normalization)) state.normalization = DEFAULTS.normalization;
    if (!RESIDUALS.includes(state.residual)) state.residual = DEFAULTS.residual;
    if (state.normalization === "none" && state.residual === "normalized") state.residual = "raw"; // the same there
    return state;
  }
  const agrees = (state, wanted) =>
    Object.entries({ ...PAPER, ...wanted }).every(([key, value]) => key === "label" || state[key] === value);
  const printedFor = (state) =>
    PRINTED[state.d]?.[PRESETS.findIndex((preset) => agrees(state, preset))]?.split(" ") ?? [];
  const pick = (state) => Object.fromEntries(SETTING.map((key) => [key, state[key]]));

  /** A score from its gap: near the largest possible score, by how little it falls short of it. */
  function said(gap, offset) {
    if (gap < 0 && gap > -1e-3 * offset) return `${trim(offset)} − ${(-gap).toExponential(1)}`;
    return String(Number((gap + offset).toPrecision(4)));
  }
  const signed = (value) =>
    (value < 0 ? "−" : "+") +
    (Math.abs(value) >= 0.001 || value === 0 ? Math.abs(value).toFixed(3) : Math.abs(value).toExponential(1));
  /** A share with two standard errors, to the digits that these leave. */
  function shareOf({ probability, error }) {
    const digits = error > 0 ? clamp(Math.ceil(-Math.log10(2 * error)), 2, 5) : 3;
    const percent = `${(100 * probability).toFixed(Math.max(1, digits - 2))} %`;
    return { percent, text: `${probability.toFixed(digits)} ± ${error > 0 ? (2 * error).toFixed(digits) : 0}` };
  }

  /** What is seen in one layer, in words. */
  function describe(state, shown, layer) {
    const { probability, error } = layer;
    const parts = CHOICES.map(
      ({ key, options }) =>
        `${key === "normalization" ? "" : `${key === "causal" ? "mask" : key} `}${options[state[key]]}`,
    );
    if (state.normalization === "none") parts[0] = "no normalization";
    const start = `Layer ${shown} of ${state.layers} (α = ${trim(state.alpha)}, d = ${state.d}, ${parts.join(", ")})`;
    if (probability === null)
      return `${start}: all tokens have become equal up to rounding, so no order of their scores is left to look at.`;
    const exchangeable = shown === 1 || !state.causal;
    const verdict =
      Math.abs(probability - 0.5) <= 3 * error ? "no preference" : probability > 0.5 ? "recency" : "early bias";
    const why = !state.causal
      ? " Without a mask a token does not know its place, so RP is exactly 0.5."
      : shown === 1
        ? " In layer 1 all tokens are alike, so RP is exactly 0.5: order enters with the outputs of layer 1."
        : "";
    return (
      `${start}: ${exchangeable ? "no preference" : verdict}. Of a query's earlier tokens, two at a time, the later one has the higher score in ` +
      `${shareOf(layer).percent} of all cases: the recency probability RP = ${shareOf(layer).text} (0.5: no preference).${why}`
    );
  }

  const TEMPLATE = `
    ${drawing.presets(
      PRESETS.map(({ label }) => label),
      "Presets: the paper's four rows",
      "aa-even",
    )}
    <p class="aa-summary" aria-live="polite"></p>
    <div class="aa-grid">
      <form class="aa-controls" aria-label="Settings">
        <div class="aa-sliders">${SLIDERS.map(slider).join("")}</div>
        ${CHOICES.map(radios).join("")}
        <div class="aa-buttons"><button type="button" data-do="reset">Reset</button></div>
      </form>
      <div class="aa-main">
        <div class="aa-pair">
          <div><p class="aa-title">Simulated: mean scores</p><div class="aa-frame"><canvas role="img" data-part="simulated"></canvas></div></div>
          <div><p class="aa-title">Idealized: no chance</p><div class="aa-frame"><canvas role="img" data-part="ideal"></canvas></div></div>
        </div>
        <div class="aa-bar aa-wide"><span data-part="low"></span><canvas width="256" height="1" aria-hidden="true"></canvas><span data-part="high"></span></div>
        <p class="aa-note">Rows: query token i, 1 on top. Columns: key token j, 1 on the left. The diagonal, which no comparison uses, may be brighter than the bar.</p>
        <p class="aa-title aa-later" data-part="chart-title">Recency probability, layer by layer</p>
        <svg class="aa-curve" role="img" aria-labelledby="aa-chart-title"><title id="aa-chart-title"></title><g></g></svg>
        <dl class="aa-facts"></dl>
      </div>
    </div>`;

  function mount(host) {
    host.innerHTML = TEMPLATE;
    const one = (selector) => host.querySelector(selector);
    const part = (name) => one(`[data-part="${name}"]`);
    const curve = one(".aa-curve");
    let state = null;
    let run = null; // {key, sequences, work, ideal, seen}: the Monte Carlo of the present setting
    paintBar(one(".aa-bar canvas"));

    const begin = unhurried({ first: FIRST, next: NEXT, show: draw });
    /** A piece of the simulation. Which sequences come next does not depend on how they are cut into pieces. */
    function simulate() {
      run.work.more(50);
      run.sequences += 50;
      return run.sequences < ENOUGH;
    }

    function render(now) {
      state = now;
      const setting = pick(state);
      const key = JSON.stringify(setting);
      if (run?.key !== key) {
        run = { key, sequences: 0, work: start(setting, SEED), ideal: idealGaps(setting) };
        begin(() => simulate());
      }
      renderControls();
      draw();
    }
    const shownLayer = () => state.shown || state.layers;
    function announce() {
      const sentence = describe(state, shownLayer(), run.seen.layers[shownLayer() - 1]);
      if (one(".aa-summary").textContent !== sentence) one(".aa-summary").textContent = sentence;
    }

    function renderControls() {
      one("#aa-shown").max = state.layers;
      drawing.showControls(host, {
        ...{ sliders: SLIDERS, choices: CHOICES, state: { ...state, shown: shownLayer() } },
        pressed: (index) => agrees(state, PRESETS[index]),
      });
      one('[value="normalized"]').disabled = state.normalization === "none";
    }

    function draw() {
      run.seen = run.work.summary();
      const shown = shownLayer();
      const offset = offsetOf(state);
      const simulated = run.seen.layers[shown - 1],
        ideal = run.ideal[shown - 1];
      // The colours span the pairs that are compared, in both maps, but not less than the simulation's own noise.
      const compared = [simulated.gaps, ideal].flatMap((rows) =>
        rows.flatMap((row, i) => [...row.filter((_, j) => (state.causal ? j < i : j !== i))]),
      );
      const low = Math.min(...compared),
        high = Math.max(...compared, low + 10 * simulated.climbError, low + 1e-12 * (offset || 1));
      const visible = (i, j) => !state.causal || j <= i;
      const place = (gap) => clamp((gap - low) / (high - low), 0, 1);
      for (const [name, rows] of [
        ["simulated", simulated.gaps],
        ["ideal", ideal],
      ]) {
        paint(part(name), rows, place, visible);
        part(name).setAttribute(
          "aria-label",
          `Heat map of the ${name === "ideal" ? "idealized" : "mean simulated"} scores in layer ${shown}, ${state.tokens} queries by ${state.tokens} keys, from ${said(low, offset)} to ${said(high, offset)}; the last query scores key ${state.tokens - 1} by ${signed(climb(rows))} against key 1.`,
        );
      }
      part("low").textContent = said(low, offset);
      part("high").textContent = `≥ ${said(high, offset)}`;
      drawChart(shown);
      drawFacts(shown, simulated, ideal);
      if (run.sequences >= ENOUGH && !run.done) {
        run.done = true;
        if (stage.resting()) announce();
      }
    }

    function drawChart(shown) {
      const { layers } = state;
      const gutter = GUTTER,
        head = 22,
        foot = 38,
        height = 250;
      const width = Math.max(200, Math.round(curve.getBoundingClientRect().width) || 400);
      const x = (layer) => gutter + ((layer - 0.5) / layers) * (width - gutter - 1);
      const y = (value) => head + (1 - value) * (height - head - foot);
      const found = run.seen.layers
        .map((layer, index) => ({ ...layer, at: x(index + 1) }))
        .filter((layer) => layer.probability !== null);
      const path = (points) =>
        points
          .map(([at, value], index) => `${index ? "L" : "M"}${at.toFixed(1)} ${y(clamp(value, 0, 1)).toFixed(2)}`)
          .join("");
      const edge = (sign) => found.map(({ at, probability, error }) => [at, probability + 2 * sign * error]);
      const printed = printedFor(state).slice(0, layers);
      const stride = layers > 8 && width < 480 ? 2 : 1;
      curve.setAttribute("viewBox", `0 0 ${width} ${height}`);
      curve.setAttribute("height", height);
      curve.querySelector("g").innerHTML =
        `<line class="aa-cross" x1="${x(shown)}" x2="${x(shown)}" y1="${head}" y2="${y(0)}"/>` +
        [0, 0.25, 0.5, 0.75, 1]
          .map(
            (
              level,
            ) => `<line class="${level === 0.5 ? "aa-pinned" : "aa-rule"}" x1="${gutter}" x2="${width - 1}" y1="${y(level)}" y2="${y(level)}"/>
          <text class="aa-small" x="${gutter - 6}" y="${y(level) + 4}" text-anchor="end">${level}</text>`,
          )
          .join("") +
        `<text class="aa-small" x="${gutter}" y="${y(1) - 7}">↑ recency: later keys score higher</text>
         <text class="aa-small" x="${gutter}" y="${height - 3}">↓ early bias: earlier keys score higher</text>
         <text class="aa-small" x="${width - 4}" y="${y(0.5) + 15}" text-anchor="end">no preference</text>` +
        Array.from({ length: layers }, (_, index) => index + 1)
          .filter((layer) => layer % stride === 0 || layer === 1)
          .map(
            (layer) => `<text class="aa-small" x="${x(layer)}" y="${y(0) + 16}" text-anchor="middle">${layer}</text>`,
          )
          .join("") +
        `<text class="aa-small" x="${width - 4}" y="${height - 3}" text-anchor="end">layer</text>` +
        (found.length
          ? `<path class="aa-area aa-band" d="${path([...edge(1), ...edge(-1).reverse()])}Z"/><path class="aa-line" d="${path(found.map(({ at, probability }) => [at, probability]))}"/>`
          : "") +
        `<g class="aa-exact">${found.map(({ at, probability }) => glyph("circle", at, y(probability))).join("")}</g>` +
        `<g class="aa-ring">${printed.map((value, index) => glyph("ring", x(index + 1), y(value))).join("")}</g>` +
        (found.length < layers
          ? `<text class="aa-small aa-strong" x="${width - 4}" y="${y(0.5) - 8}" text-anchor="end">then equal up to rounding</text>`
          : "");
      curve.querySelector("title").textContent = `Recency probability by layer. ${run.seen.layers
        .map(
          ({ probability }, index) =>
            `Layer ${index + 1}: ${probability === null ? "undecided" : probability.toFixed(3)}`,
        )
        .join(", ")}.`;
    }

    function drawFacts(shown, simulated, ideal) {
      const printed = printedFor(state)[shown - 1];
      const key = state.tokens - 1;
      const facts = [
        [
          icon("exact", "circle") + `simulated, layer ${shown}`,
          simulated.probability === null
            ? "<b>undecided</b>"
            : `<b>RP ${shareOf(simulated).text}</b><small>two standard errors</small>`,
        ],
        [
          icon("ring", "ring") + "paper, Kim 2026",
          printed === undefined
            ? "<b>not printed</b><small>for this setting</small>"
            : `<b>RP ${printed}</b><small>the ring around the dot</small>`,
        ],
        [
          `query ${state.tokens}, score of key ${key} less key 1`,
          `<b>${signed(simulated.climb)}</b> ± ${(2 * simulated.climbError).toPrecision(1)}<small>idealized: ${signed(climb(ideal))}</small>`,
        ],
        [
          "sequences",
          `<b>${run.sequences.toLocaleString("en")}</b><small>${run.sequences < ENOUGH ? `of ${ENOUGH.toLocaleString("en")}, still counting` : `all done, seed ${SEED}`}</small>`,
        ],
      ];
      one(".aa-facts").innerHTML = drawing.facts(facts);
    }

    // ---- what the hand does
    curve.addEventListener("click", ({ clientX }) => {
      const box = curve.getBoundingClientRect();
      stage.update({
        shown: clamp(Math.ceil(((clientX - box.left - GUTTER) / (box.width - GUTTER)) * state.layers), 1, 16),
      });
    });
    const stage = drawing.stage(host, {
      ...{ first: "alpha", defaults: DEFAULTS, legal, sliders: SLIDERS, render, rest: announce },
      press(button) {
        const { label, ...preset } = PRESETS[button.dataset.preset] ?? {};
        return button.dataset.preset ? { ...PAPER, ...preset } : DEFAULTS;
      },
    });
    stage.begin();
  }

  drawing.mountAll("data-attention-atlas-recency", mount);
})(typeof window === "undefined" ? globalThis : window);
