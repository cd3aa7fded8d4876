/* Uniform, localized, or collapsed? The playground of the chapter "Localization": plain JavaScript, no kernel, no network.
 *
 * The numbers are localization_model.js's, the pictures lean on drawing.js; random.js and both come before this script.
 * Whatever a reader sees counts tokens from 1, as the paper does.
 */
(function (root) {
  "use strict";

  const { drawing } = root.AttentionAtlas;
  const { clamp, trim, named, paint, paintBar, slider, radios, unhurried, legend, stroke, path } = drawing;
  const { localization } = root.AttentionAtlas;
  const { INCREMENTS, THRESHOLDS, leastXi, xiOf, deviationOf, eigenvalues, finite, limit } = localization;

  const MEMORY = [0, 0.5, 0.8, 0.9, 0.95, 0.98, 0.99, 1];
  const closest = (values, wanted) =>
    values.reduce((best, value, at) => (Math.abs(value - wanted) < Math.abs(values[best] - wanted) ? at : best), 0);
  const doubling = { read: (k) => Math.round(2 ** (k / 2)), place: (value) => 2 * Math.log2(value) }; // two steps each
  const SLIDERS = [
    { key: "eta", label: "drift tr W / √d", symbol: "η", min: -20, max: 20, step: 0.25 },
    { key: "deviation", label: "eigenvalues' deviation", symbol: "s", min: 0, max: 24, step: 0.25 },
    { key: "tokens", label: "tokens", symbol: "T", min: 6, max: 16, step: 1, ...doubling },
    { key: "d", label: "dimension", symbol: "d", min: 8, max: 18, step: 1, ...doubling },
    {
      ...{ key: "persistence", label: "kept of the last token", symbol: "φ", min: 0, max: MEMORY.length - 1, step: 1 },
      ...{ read: (k) => MEMORY[k], place: (value) => closest(MEMORY, value) },
    },
  ];
  const CHOICE = { key: "increments", label: "Steps", options: { short: "short: N(0, I/T)", unit: "unit: N(0, I)" } };
  const DEFAULTS = { eta: 8, deviation: 0, tokens: 64, d: 128, persistence: 1, increments: "short" };
  const PRESETS = [
    { label: "Rank collapse: no drift, no spread", eta: 0 },
    { label: "Localized: drift, no spread" },
    { label: "Spread spectrum: drift, some spread", deviation: 6 },
    { label: "Entropy collapse: much spread", deviation: 24 },
    { label: "Independent tokens: no order to see", eta: 2, deviation: 2, persistence: 0, increments: "unit" },
    { label: "Unit steps: the theorem's own scale", eta: 4, deviation: 0.25, increments: "unit" },
  ].map(({ label, ...changes }) => ({ label, wanted: { ...DEFAULTS, ...changes } }));
  const BLOCKS = 100; // pieces of the Monte Carlo, after which it rests
  const PIECE = 100; // sequences of the last query in each, and one whole map

  /** A state that is possible, from whatever was asked for; `refused` remembers a xi that no symmetric W has. */
  function legal(asked) {
    const state = { ...DEFAULTS, refused: null };
    for (const { key, min, max, read, place } of SLIDERS) {
      const value = Number(asked[key] ?? DEFAULTS[key]);
      const at = clamp(place ? place(value) : value, min, max);
      if (!Number.isNaN(at)) state[key] = read ? read(Math.round(at)) : Number(at.toFixed(3));
    }
    if (INCREMENTS.includes(asked.increments)) state.increments = asked.increments;
    if (asked.xi !== undefined && Number.isFinite(Number(asked.xi))) {
      const { deviation, possible } = deviationOf(state, Number(asked.xi));
      state.deviation = Number(Math.min(deviation, 24).toFixed(3));
      if (!possible) state.refused = Number(asked.xi);
    }
    return state;
  }
  const settingOf = ({ refused, ...setting }) => setting;
  const agrees = (state, wanted) => Object.entries(wanted).every(([key, value]) => state[key] === value);
  const short = (number) => String(Number(number.toPrecision(3)));

  function tokensOf({ tokens, persistence, increments }) {
    const step = increments === "unit" ? "N(0, I)" : "N(0, I/T)";
    if (persistence === 1) return `random walk of ${tokens} tokens with steps ${step}`;
    return `${tokens} ${persistence ? `tokens that keep ${persistence} of the one before, with steps` : "independent tokens"} ${step}`;
  }
  const floorOf = (state) => (state.deviation === 0 ? ", the least at this η" : `, at least ${short(leastXi(state))} at this η`);
  /** What is seen, in words. */
  function describe(state, maps) {
    const { entropy, residual, position } = maps;
    const word = localization.verdict(maps);
    const concentrated = 1 - entropy;
    const by =
      concentrated < 0.005
        ? "It looks at all tokens alike"
        : `Of what is missing, position explains ${Math.round((100 * position) / concentrated)} % and content the rest`;
    return (
      `<b>${word[0].toUpperCase()}${word.slice(1)}.</b> η = ${named(state.eta)}, s = ${named(state.deviation)} (ξ = ${short(xiOf(state))}${floorOf(state)}), ` +
      `${tokensOf(state)}, d = ${state.d}. Attention has ${(100 * entropy).toFixed(1)} % of the largest entropy. ${by}. ` +
      `The outputs keep ${(100 * residual).toFixed(1)} % of the inputs' differences.`
    );
  }

  const curve = (part, title, entries) => `<p class="aa-title aa-later">${title}</p>
    <svg class="aa-curve" role="img" data-part="${part}" aria-labelledby="aa-${part}-title"><title id="aa-${part}-title"></title><g></g></svg>
    ${legend(entries)}`;
  const TEMPLATE = `
    ${drawing.presets(PRESETS.map(({ label }) => label), "Presets")}
    <p class="aa-summary" aria-live="polite"></p>
    <div class="aa-grid">
      <form class="aa-controls" aria-label="Settings">
        <div class="aa-sliders">${SLIDERS.map(slider).join("")}</div>
        ${radios(CHOICE)}
        <p class="aa-title aa-later">Eigenvalues of W</p>
        <svg class="aa-spectrum" role="img" data-part="spectrum" aria-labelledby="aa-spectrum-title"><title id="aa-spectrum-title"></title><g></g></svg>
        <p class="aa-note" data-part="xi"></p>
        <div class="aa-buttons"><button type="button" data-do="reset">Reset</button></div>
      </form>
      <div class="aa-main">
        <div class="aa-pair">
          <div><p class="aa-title">One sequence</p><div class="aa-frame"><canvas role="img" data-part="single"></canvas></div></div>
          <div><p class="aa-title">Mean of <span data-part="number"></span></p><div class="aa-frame"><canvas role="img" data-part="mean"></canvas></div></div>
        </div>
        <div class="aa-bar aa-wide"><span>≤ 1/4T</span><span class="aa-stripe"><canvas width="256" height="1" aria-hidden="true"></canvas><i data-part="uniform"></i></span><span>1</span></div>
        <p class="aa-note">Attention without a mask. Rows: query, 1 on top. Columns: key, 1 on the left. Tick in the bar: 1/T, uniform.</p>
        ${curve("rho", "Signal propagation probability ρ, last token asking", [
          ["aa-limit", stroke, "T → ∞, formula"],
          ["aa-finite", '<circle cx="12" cy="6" r="3"/>', "this T, formula"],
          ["aa-seen", '<path d="M1 6H23" stroke-width="8"/>', "simulated, ± 2 errors"],
        ])}
        ${curve("softmax", "The softmax itself, last token asking", [
          ["aa-weight", stroke, "T × mean weight"],
          ["aa-sensitive", stroke, "sensitivity, the softmax's ρ"],
        ])}
      </div>
      <div class="aa-side"><dl class="aa-facts"></dl></div>
    </div>`;

  function mount(host) {
    host.innerHTML = TEMPLATE;
    const one = (selector) => host.querySelector(selector);
    const part = (name) => one(`[data-part="${name}"]`);
    let state = null;
    let run = null; // {key, blocks, query, maps, finite}: formulas and Monte Carlo of the present setting
    paintBar(one(".aa-bar canvas"));

    const begin = unhurried({ first: 40, next: 16, show: draw });
    function simulate() {
      run.query.more(PIECE);
      run.maps.more(1);
      return ++run.blocks < BLOCKS;
    }

    function render(now) {
      state = now;
      const setting = settingOf(state);
      const key = JSON.stringify(setting);
      if (run?.key !== key) {
        const query = localization.startQuery(setting, 1),
          maps = localization.startMaps(setting, 2);
        run = { key, blocks: 0, query, maps, finite: finite(setting) };
        begin(() => simulate());
      }
      renderControls();
      drawSpectrum();
      draw();
    }
    function announce() {
      const sentence = describe(state, run.maps.summary());
      if (run.said !== sentence) one(".aa-summary").innerHTML = run.said = sentence;
    }

    function renderControls() {
      const pressed = (index) => agrees(state, PRESETS[index].wanted);
      drawing.showControls(host, { sliders: SLIDERS, choices: [CHOICE], state, pressed });
      const least = short(leastXi(state));
      part("xi").innerHTML =
        `ξ = tr W²/d = η²/d + s² = <b>${short(xiOf(state))}</b>. A symmetric W has no less than η²/d = ${least}: s = 0, all eigenvalues equal.` +
        (state.refused === null ? "" : ` <b>ξ = ${named(state.refused)} was asked for and is impossible at η = ${named(state.eta)}.</b>`);
    }

    // ---- pictures
    /** Values from 0 to `top` along the positions; `marks(x, y)` draws them. */
    function plot(svg, { top, levels, dashed, side }, marks) {
      const axis = {
        levels: levels.map((level) => [level / top, trim(level), level === dashed ? "aa-pinned" : undefined]),
        ticks: [0, 0.25, 0.5, 0.75, 1].map((theta) => [theta, theta]),
        below: "θ = i/T, position of the key",
      };
      drawing.plot(svg, { ...axis, side }, (x, y) => marks(x, (value) => y(value / top)));
    }
    /** A band two standard errors wide on either side, and never thinner than a hair. */
    function band(kind, { mean, error }, x, y) {
      const edge = (sign) =>
        mean.map((value, i) => [x((i + 1) / mean.length), y(value + 2 * sign * (error[i] ?? 0)) - 1.5 * sign]);
      return `<path class="aa-area ${kind}" d="${path([...edge(1), ...edge(-1).reverse()])}Z"/>`;
    }
    const along = (values, x, y) => path(values.map((value, i) => [x((i + 1) / values.length), y(value)]));

    function draw() {
      const maps = (run.seen = run.maps.summary());
      const query = run.query.summary();
      const { tokens, persistence } = state;
      drawMaps(maps);
      plot(part("rho"), { top: 1, levels: [0, 0.25, 0.5, 0.75, 1], side: "↑ propagates: −1 < z < T − 1" }, (x, y) => {
        const stride = Math.ceil(tokens / 64);
        const dots = Array.from(run.finite, (value, i) => [x((i + 1) / tokens), y(value)]).filter(
          (_, i) => (tokens - 1 - i) % stride === 0,
        );
        const ends = Array.from({ length: 401 }, (_, at) => [x(at / 400), y(limit(state, at / 400))]);
        return (
          band("aa-seen", query.share, x, y) +
          (persistence === 1 ? `<path class="aa-limit" d="${path(ends)}"/>` : "") +
          `<g class="aa-finite">${dots.map(([x, y]) => `<circle cx="${x.toFixed(1)}" cy="${y.toFixed(2)}" r="2"/>`).join("")}</g>` +
          (persistence === 1 ? "" : `<text class="aa-small" x="${x(0.02)}" y="${y(0) - 6}">no T → ∞ line: it is the walk's</text>`)
        );
      });
      const weight = { mean: query.weight.mean.map((w) => tokens * w), error: query.weight.error.map((e) => tokens * e) };
      const highest = Math.max(...weight.mean, ...query.sensitivity.mean);
      const top = [2, 4, 8, 16, 32, 64, 128].find((each) => each >= highest) ?? 256;
      const levels = [...(top > 16 ? [] : [0]), 1, ...(top > 4 ? [top / 2] : []), top]; // numbers must not overlap
      plot(part("softmax"), { top, levels, dashed: 1, side: "↑ 1: uniform attention" }, (x, y) =>
        [
          ["aa-weight", weight],
          ["aa-sensitive", query.sensitivity],
        ]
          .map(([kind, values]) => band(kind, values, x, y) + `<path class="${kind}" d="${along(values.mean, x, y)}"/>`)
          .join(""),
      );
      tell(query, weight);
      drawFacts(query, maps);
      if (run.blocks >= BLOCKS && !run.done) {
        run.done = true;
        if (stage.resting()) announce();
      }
    }

    /** The two curves in words: at the first, the middle and the last key. */
    function tell({ share, sensitivity }, weight) {
      const at = [0, Math.floor((state.tokens - 1) / 2), state.tokens - 1];
      const list = (values) => at.map((i) => `key ${i + 1}: ${values[i].toFixed(2)}`).join(", ");
      part("rho").querySelector("title").textContent =
        `Signal propagation probability. Formula at this T: ${list(run.finite)}. Simulated: ${list(share.mean)}.`;
      part("softmax").querySelector("title").textContent =
        `T times mean weight: ${list(weight.mean)}. Sensitivity: ${list(sensitivity.mean)}.`;
    }

    function drawMaps({ first, mean, number, entropy }) {
      const { tokens } = state;
      const place = drawing.logarithmic(tokens);
      const rows = (map) => Array.from({ length: tokens }, (_, i) => map.subarray(i * tokens, (i + 1) * tokens));
      const shown = { single: first, mean };
      for (const [name, map] of Object.entries(shown)) {
        if (name === "single" && run.painted) continue; // the first sequence stays the first
        paint(part(name), rows(map), place, () => true);
        const ends = [map[(tokens - 1) * tokens], map[tokens * tokens - 1]].map((w) => (tokens * w).toFixed(2));
        part(name).setAttribute(
          "aria-label",
          `Heat map of attention, ${tokens} queries by ${tokens} keys, ${name === "single" ? "one sequence" : `mean of ${number} sequences`}. The last query gives key 1 ${ends[0]} times and itself ${ends[1]} times the uniform weight. Mean entropy of a sequence: ${(100 * entropy).toFixed(0)} % of the largest.`,
        );
      }
      run.painted = true;
      part("number").textContent = number;
      part("uniform").style.left = `${100 * place(1 / tokens)}%`;
    }

    /** A histogram on an axis that grows in steps, so that between them one sees the spectrum itself move. */
    function drawSpectrum() {
      const svg = part("spectrum");
      const width = Math.max(150, Math.round(svg.getBoundingClientRect().width) || 220),
        height = 92,
        base = 58;
      const values = eigenvalues(state);
      const mean = state.eta / Math.sqrt(state.d),
        s = state.deviation;
      const widest = Math.max(...values.map(Math.abs));
      const end = [2, 5, 10, 20, 50].find((each) => each >= widest) ?? 100;
      const x = (value) => width / 2 + (value / end) * (width / 2 - 8);
      const bins = new Uint32Array(51);
      for (const value of values) bins[clamp(Math.floor(((value / end + 1) / 2) * 51), 0, 50)]++;
      const most = Math.max(...bins),
        wide = (width - 16) / 51;
      const bar = (number, at) =>
        number && `<rect x="${8 + at * wide}" width="${Math.max(1, wide - 0.6)}" y="${base - 44 * (number / most)}" height="${44 * (number / most)}"/>`;
      const tick = (value, anchor) =>
        `<text class="aa-small" x="${x(value)}" y="${height - 3}" text-anchor="${anchor}">${named(value)}</text>`;
      svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
      svg.querySelector("g").innerHTML =
        `<g class="aa-bars">${[...bins].map(bar).filter(Boolean).join("")}</g>
         <line class="aa-rule" x1="8" x2="${width - 8}" y1="${base}" y2="${base}"/>
         <line class="aa-spread" x1="${x(mean - s)}" x2="${x(mean + s)}" y1="${base + 7}" y2="${base + 7}"/>
         <circle class="aa-center" cx="${x(mean)}" cy="${base + 7}" r="4"/>` +
        tick(-end, "start") + tick(0, "middle") + tick(end, "end"); // prettier-ignore
      svg.querySelector("title").textContent =
        `Histogram of ${state.d} eigenvalues: mean ${short(mean)}, standard deviation ${short(s)}.`;
    }

    function drawFacts(query, maps) {
      const pm = (value, error) => `<b>${value.toFixed(3)}</b>${error === null ? "" : ` ± ${(2 * error).toFixed(3)}`}`;
      const gaps = query.share.mean.map((value, i) => Math.abs(value - run.finite[i]));
      const worst = gaps.indexOf(Math.max(...gaps));
      const counted = `<b>${query.sequences.toLocaleString("en")}</b> for the last query, <b>${maps.number}</b> whole maps`;
      const facts = [
        ["entropy, share of ln T", `${pm(maps.entropy, maps.entropyError)}<small>below ${THRESHOLDS.entropy}: entropy collapse</small>`],
        ["rank residual", `${pm(maps.residual, maps.residualError)}<small>below ${THRESHOLDS.residual}: rank collapse</small>`],
        [
          "concentration",
          `<b>${maps.position.toFixed(3)}</b> by position, <b>${maps.content.toFixed(3)}</b> by content<small>neither collapse, and position not the smaller: localized</small>`,
        ],
        [
          "ρ: largest gap of formula and simulation",
          `<b>${gaps[worst].toFixed(3)}</b><small>at key ${worst + 1}, where 2 errors are ${(2 * query.share.error[worst]).toFixed(3)}</small>`,
        ],
        ["sequences", `${counted}; ${run.blocks < BLOCKS ? "still counting" : "all done, seeds 1 and 2"}`],
      ];
      one(".aa-facts").innerHTML = drawing.facts(facts);
    }

    const stage = drawing.stage(host, {
      ...{ first: "eta", defaults: DEFAULTS, legal, sliders: SLIDERS, kept: settingOf, render, rest: announce },
      press: (button) => PRESETS[button.dataset.preset]?.wanted ?? DEFAULTS,
    });
    stage.begin();
  }

  drawing.mountAll("data-attention-atlas-localization", mount);
})(typeof window === "undefined" ? globalThis : window);
