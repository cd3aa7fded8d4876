/* Where does token i look? The playground of Attention Atlas: plain JavaScript, no kernel, no network, no build step.
 *
 * First half, `AttentionAtlas.model`: pure numbers, float64, the same statements as the Python library
 * (tests/book/test_playground_numbers.py compares them on a grid). Token indices are 0-based there.
 * Second half: the view. Whatever a reader sees counts tokens from 1, as the paper does.
 */
(function (root) {
  "use strict";

  // ------------------------------------------------------------------------------------------------------------ model

  const MASKS = ["none", "causal", "sliding_window", "prefix"];

  function checkMask(mask, parameter, tokens = Infinity) {
    if (!MASKS.includes(mask)) throw new RangeError(`mask must be one of ${MASKS.join(", ")}, got ${mask}`);
    if (mask === "sliding_window" && !(parameter >= 2)) {
      throw new RangeError(`sliding_window needs a width >= 2, got ${parameter}`);
    }
    if (mask === "prefix" && !(parameter >= 1 && parameter <= tokens)) {
      throw new RangeError(`prefix needs a length from 1 to ${tokens}, got ${parameter}`);
    }
  }

  /** May query i attend to key j? */
  function maskAllows(mask, parameter, i, j) {
    if (mask === "none") return true;
    if (mask === "causal") return j <= i;
    if (mask === "sliding_window") return i - parameter < j && j <= i;
    return j <= i || (i < parameter && j < parameter);
  }

  /** Can what key j holds have reached query i after so many layers? False: the rollout is zero there, exactly. */
  function reaches(mask, parameter, layers, i, j) {
    return mask === "sliding_window" ? j <= i && i - j <= layers * (parameter - 1) : maskAllows(mask, parameter, i, j);
  }

  /** How many tokens reach every other token: the center nodes of the mask's graph. */
  function centerNodes({ tokens, mask, parameter }) {
    return mask === "none" ? tokens : mask === "prefix" ? parameter : 1;
  }

  /** The last key that query i sees; no mask here has a gap before it other than the window's far end. */
  function lastKey(tokens, mask, parameter, i) {
    return mask === "none" ? tokens - 1 : mask === "prefix" ? Math.max(i, parameter - 1) : i;
  }

  /** Attention of one layer when every content logit is equal: rows of softmax(-slope |i-j| - angle^2 (i-j)^2). */
  function flatMap({ tokens, mask, parameter, slope = 0, angle = 0 }) {
    checkMask(mask, parameter, tokens);
    return Array.from({ length: tokens }, (_, i) => {
      const row = new Float64Array(tokens);
      let sum = 0;
      for (let j = 0; j < tokens; j++) {
        if (!maskAllows(mask, parameter, i, j)) continue;
        const distance = Math.abs(i - j);
        // The largest logit of a row is the diagonal's 0, so the softmax needs no shift.
        sum += row[j] = Math.exp(-slope * distance - angle * angle * distance * distance);
      }
      return row.map((weight) => weight / sum);
    });
  }

  function withResidual(map, strength) {
    return map.map((row, i) => row.map((weight, j) => (weight + (i === j ? strength : 0)) / (1 + strength)));
  }

  /** left . right for maps of one mask: keys beyond the last visible one are skipped, which halves a causal product twice. */
  function multiply(left, right, last) {
    return left.map((row) => {
      const product = new Float64Array(row.length);
      for (let k = 0; k < row.length; k++) {
        const weight = row[k];
        if (weight === 0) continue;
        for (let j = 0, end = last(k); j <= end; j++) product[j] += weight * right[k][j];
      }
      return product;
    });
  }

  /** P: the product of `layers` equal maps (A + r I) / (1 + r), by squaring. The paper's t is layers - 1. */
  function rollout({ layers, residual = 0, ...setting }) {
    const last = (i) => lastKey(setting.tokens, setting.mask, setting.parameter, i);
    let square = withResidual(flatMap(setting), residual);
    let product = null;
    for (let left = layers; left > 0; left >>= 1) {
      if (left & 1) product = product ? multiply(product, square, last) : square;
      if (left > 1) square = multiply(square, square, last);
    }
    return product;
  }

  /** The last token's row of P, one layer at a time: another road to the same numbers as `rollout`. */
  function lastRow({ layers, residual = 0, ...setting }) {
    const map = withResidual(flatMap(setting), residual);
    let row = new Float64Array(setting.tokens);
    row[setting.tokens - 1] = 1;
    for (let layer = 0; layer < layers; layer++) [row] = multiply([row], map, () => setting.tokens - 1);
    return row;
  }

  /** Step of the walk far from the first token: probability of going s tokens back in one layer, or null if it has no limit. */
  function stepKernel({ mask, parameter, slope = 0, angle = 0, residual = 0 }) {
    checkMask(mask, parameter);
    // Without a mask the walk has no direction; without decay or window every length is as likely as any other.
    if (mask === "none" || (mask !== "sliding_window" && slope === 0 && angle === 0)) return null;
    const kernel = [];
    const length = mask === "sliding_window" ? parameter : Infinity;
    // Beyond cost 80 a step is rarer than 2e-35: nothing of it is left in float64 cumulants.
    for (let s = 0, cost = 0; s < length && cost < 80; s++, cost = slope * s + angle * angle * s * s) {
      kernel.push(Math.exp(-cost));
    }
    const sum = kernel.reduce((total, weight) => total + weight, 0);
    return Float64Array.from(kernel, (weight, s) => (weight / sum + (s === 0 ? residual : 0)) / (1 + residual));
  }

  /** Mean, variance and third cumulant of a step. */
  function cumulants(kernel) {
    let mean = 0,
      variance = 0,
      third = 0;
    kernel.forEach((weight, s) => {
      mean += weight * s;
    });
    kernel.forEach((weight, s) => {
      variance += weight * (s - mean) ** 2;
      third += weight * (s - mean) ** 3;
    });
    return { mean, variance, third };
  }

  /** Derived here: where a sum of `layers` independent steps is most likely, layers mu - kappa3 / (2 kappa2). */
  function walkPeak({ layers, ...setting }) {
    const kernel = stepKernel(setting);
    if (!kernel) return null;
    const { mean, variance, third } = cumulants(kernel);
    return variance === 0 ? null : layers * mean - third / (2 * variance);
  }

  /** Wu 2025, t = layers - 1. Theorem 4.5 (decay): t / (e^m - 1). Theorem 4.7 (RoPE): argmax of log binom(t+x, x) - angle^2 x^2. */
  function paperPeak({ layers, slope = 0, angle = 0 }) {
    const t = layers - 1;
    if (slope > 0 === angle > 0) return null; // the paper has a formula for each alone, none for both or neither
    if (slope > 0) return t / Math.expm1(slope);
    let x = 0;
    // L(x+1) - L(x) falls with x, so the first step that does not climb ends the search.
    while (Math.log1p(t / (x + 1)) > angle * angle * (2 * x + 1)) x++;
    return x;
  }

  /** Distance of the highest local maximum of a query's row among the keys from `first` on; null if it only climbs toward them. */
  function exactPeak(row, query, first = 1) {
    let best = null;
    for (let j = first; j <= query; j++) {
      const isPeak = row[j] > row[j - 1] && (j === query || row[j] >= row[j + 1]);
      if (isPeak && (best === null || row[j] > row[best])) best = j;
    }
    return best === null ? null : query - best;
  }

  const model = {
    MASKS,
    maskAllows,
    reaches,
    centerNodes,
    flatMap,
    rollout,
    lastRow,
    stepKernel,
    cumulants,
    walkPeak,
    paperPeak,
    exactPeak,
  };
  root.AttentionAtlas = { ...root.AttentionAtlas, model };
  if (typeof module !== "undefined") module.exports = root.AttentionAtlas;
  if (typeof document === "undefined") return;

  // ------------------------------------------------------------------------------------------------------------- view

  // drawing.js comes before this script.
  const { drawing } = root.AttentionAtlas;
  const { clamp, trim, count, paint, paintBar, slider, glyph, icon, readAddress, writeAddress } = drawing;
  const MASK_LABELS = { none: "No mask", causal: "Causal", sliding_window: "Window", prefix: "Prefix" };
  const PARAMETER = {
    sliding_window: { label: "window", symbol: "w", least: 2, usual: 5 },
    prefix: { label: "prefix", symbol: "K", least: 1, usual: 4 },
  };
  const SLIDERS = [
    { key: "tokens", label: "tokens", symbol: "N", min: 8, max: 128, step: 1 },
    { key: "layers", label: "layers", symbol: "L", min: 1, max: 32, step: 1 },
    { key: "slope", label: "decay slope", symbol: "m", min: 0, max: 1, step: 0.01 },
    { key: "angle", label: "RoPE angle", symbol: "θ₁", min: 0, max: 0.3, step: 0.005 },
    { key: "residual", label: "residual", symbol: "r", min: 0, max: 4, step: 0.1 },
  ];
  const DEFAULTS = {
    tokens: 64,
    layers: 12,
    mask: "causal",
    parameter: 0,
    slope: 0,
    angle: 0,
    residual: 0,
    query: 0,
    colours: "log",
    curve: "linear",
    pinned: "",
  };
  const PRESETS = [
    { label: "Causal, nothing else: the first token wins", state: {} },
    {
      label: "Window 5: same limit, slower",
      state: { mask: "sliding_window", parameter: 5, layers: 16 },
      pin: { layers: 16 },
    },
    { label: "Prefix 4: shared by the prefix", state: { mask: "prefix", parameter: 4, layers: 8 } },
    {
      label: "Decay m = 0.22 (0.8 per token): 2 against 12 layers",
      state: { tokens: 128, slope: 0.22 },
      pin: { tokens: 128, slope: 0.22, layers: 2 },
    },
    { label: "RoPE-like: further than the formula says", state: { tokens: 128, angle: 0.06, layers: 6 } },
    {
      label: "Residual: the same walk, held back",
      state: { tokens: 128, slope: 0.22, residual: 1 },
      pin: { tokens: 128, slope: 0.22 },
    },
  ];
  const LOG_FLOOR = -4; // the colours and the logarithmic axis span four decades
  const SETTING = ["tokens", "layers", "mask", "parameter", "slope", "angle", "residual"]; // what the model depends on

  /** A state that is possible, from whatever was asked for: impossible values go to the nearest possible one. */
  function legal(asked) {
    const state = { ...DEFAULTS, ...asked };
    for (const slider of SLIDERS) state[slider.key] = drawing.nearest(slider, state[slider.key], DEFAULTS[slider.key]);
    if (!MASKS.includes(state.mask)) state.mask = DEFAULTS.mask;
    const rule = PARAMETER[state.mask];
    state.parameter = rule ? clamp(Math.round(Number(state.parameter)) || rule.usual, rule.least, state.tokens) : 0;
    const query = Math.round(Number(state.query)) || 0; // 0: the last token, whatever N is
    state.query = query >= 1 && query < state.tokens ? query : 0;
    if (state.colours !== "linear") state.colours = "log";
    if (state.curve !== "log") state.curve = "linear";
    return state;
  }

  const pack = (state) => SETTING.map((key) => state[key]).join(",");
  function unpack(text) {
    const values = String(text).split(",");
    return values.length === SETTING.length
      ? legal(Object.fromEntries(SETTING.map((key, index) => [key, values[index]])))
      : null;
  }

  function percent(share) {
    if (share >= 0.9995) return "100 %";
    if (share < 0.0005) return share === 0 ? "0 %" : "under 0.1 %";
    return `${(100 * share).toFixed(share >= 0.1 ? 0 : 1)} %`;
  }
  const back = (distance) => (distance < 0.5 ? "on the token itself" : `${trim(Number(distance.toFixed(1)))} back`);

  /** Where the walk puts the peak, or why it puts none there. */
  function ours(state, query) {
    const peak = walkPeak(state);
    if (peak === null) {
      return {
        why: state.mask === "none" ? "without a mask the walk has no direction" : "every step length is equally likely",
      };
    }
    const distance = Math.max(0, peak); // a mode below 0 is the token itself
    if (state.layers === 1) return { why: "one layer is a single step, not a walk" };
    if (distance > query) return { why: `${Math.round(distance)} back is beyond the first token` };
    if (state.mask === "prefix" && query - distance < state.parameter)
      return { why: "the walk has reached the prefix" };
    return { distance };
  }

  /** The paper's formula, printed only where the paper states it. */
  function paper(state, query) {
    if (state.mask !== "causal") return { stated: false, why: "the paper states a peak for the causal mask only" };
    if (state.slope === 0 && state.angle === 0) return { why: "Theorem 4.1: the first token takes all in the limit" };
    if (state.slope > 0 && state.angle > 0)
      return { stated: false, why: "the paper treats decay and RoPE one at a time" };
    if (state.residual > 0) return { stated: false, why: "the paper's theorem is without residual" };
    const distance = paperPeak(state);
    return distance > query ? { why: `${Math.round(distance)} back is beyond the first token` } : { distance };
  }

  function named(state) {
    const parts = [
      state.mask === "none"
        ? "no mask"
        : state.mask === "causal"
          ? "causal mask"
          : state.mask === "prefix"
            ? `prefix of ${state.parameter}`
            : `window of ${state.parameter}`,
    ];
    if (state.slope) parts.push(`m = ${trim(state.slope)}`);
    if (state.angle) parts.push(`θ₁ = ${trim(state.angle)}`);
    if (state.residual) parts.push(`r = ${trim(state.residual)}`);
    return parts.join(", ");
  }

  /** Share -> place on the colour bar in [0, 1]. */
  function scale(kind, top) {
    return kind === "log"
      ? (share) => clamp(1 - Math.log10(Math.max(share, 1e-300)) / LOG_FLOOR, 0, 1)
      : (share) => clamp(share / top, 0, 1);
  }

  const TEMPLATE = `
    ${drawing.presets(
      PRESETS.map(({ label }) => label),
      "Presets: settings that tell the paper's stories",
    )}
    <p class="aa-summary" aria-live="polite"></p>
    <div class="aa-grid">
      <form class="aa-controls" aria-label="Settings">
        <fieldset class="aa-masks"><legend>Mask</legend><div class="aa-radios"></div></fieldset>
        <div class="aa-sliders"></div>
        <div class="aa-buttons">
          <button type="button" data-do="grow">Grow depth</button>
          <button type="button" data-do="pin">Pin curve</button>
          <button type="button" data-do="reset">Reset</button>
        </div>
      </form>
      <div class="aa-main">
        <div class="aa-head">
          <p class="aa-title" data-part="rollout-title"></p>
          <label class="aa-switch"><input type="checkbox" data-switch="colours"> log colors</label>
        </div>
        <div class="aa-map">
          <span class="aa-axis aa-axis-query">query token i</span>
          <span class="aa-tick aa-tick-top">1</span><span class="aa-tick aa-tick-bottom" data-part="tokens"></span>
          <div class="aa-frame">
            <canvas role="img" data-part="rollout"></canvas>
            <svg class="aa-overlay" aria-hidden="true" preserveAspectRatio="none"></svg>
            <div class="aa-picker" tabindex="0" role="slider" aria-orientation="vertical" aria-label="Query token whose row is drawn below" aria-valuemin="1"></div>
          </div>
        </div>
        <div class="aa-bar"><span data-part="low"></span><canvas width="256" height="1" aria-hidden="true"></canvas><span data-part="high"></span>
          <span class="aa-zero"><i></i> exactly 0</span></div>
        <div class="aa-head">
          <p class="aa-title" data-part="curve-title"></p>
          <label class="aa-switch"><input type="checkbox" data-switch="curve"> log axis</label>
        </div>
        <svg class="aa-curve" role="img" aria-labelledby="aa-curve-title"><title id="aa-curve-title"></title><g></g></svg>
        <dl class="aa-facts"></dl>
      </div>
      <div class="aa-side">
        <div class="aa-single">
          <p class="aa-title">One layer A</p>
          <div class="aa-frame"><canvas role="img" data-part="single"></canvas></div>
          <p class="aa-note">What one layer does, on the same colors. All <em>L</em> layers are equal.</p>
        </div>
      </div>
    </div>`;

  function mount(host) {
    host.innerHTML = TEMPLATE;
    const one = (selector) => host.querySelector(selector);
    const part = (name) => one(`[data-part="${name}"]`);
    const picker = one(".aa-picker"),
      overlay = one(".aa-overlay"),
      curve = one(".aa-curve");
    const calm = root.matchMedia("(prefers-reduced-motion: reduce)");
    const remembered = {}; // the parameter of the masks not chosen at present
    let state = legal(readAddress("tokens") ?? {});
    let hover = null; // {query, key}, 0-based, while the pointer is over a picture
    let cache = { key: "" };
    let frame = 0,
      timer = 0,
      growth = 0,
      ready = false;

    // ---- controls, made once
    for (const mask of MASKS) {
      one(".aa-radios").insertAdjacentHTML(
        "beforeend",
        `<label><input type="radio" name="aa-mask" value="${mask}"><span>${MASK_LABELS[mask]}</span></label>`,
      );
    }
    one(".aa-masks").insertAdjacentHTML(
      "beforeend",
      slider({ key: "parameter", label: "", symbol: "", min: 1, max: 8, step: 1 }),
    );
    one(".aa-sliders").innerHTML = SLIDERS.map(slider).join("");

    paintBar(one(".aa-bar canvas"));

    // ---- state
    function update(changes) {
      state = legal({ ...state, ...changes });
      ready = true; // from now on the address carries the state
      schedule();
    }
    function schedule() {
      if (!frame)
        frame = root.requestAnimationFrame(() => {
          frame = 0;
          render();
        });
    }
    function stopGrowing() {
      root.clearInterval(growth);
      growth = 0;
    }
    function grow() {
      if (growth) return void (stopGrowing(), schedule());
      const most = SLIDERS.find(({ key }) => key === "layers").max;
      const next = () => {
        if (state.layers >= most) stopGrowing();
        update({ layers: Math.min(most, state.layers + 1) });
      };
      if (calm.matches) return void update({ layers: state.layers >= most ? 1 : state.layers + 1 }); // one layer a press, no animation
      update({ layers: 1 });
      growth = root.setInterval(next, 220);
    }

    // ---- what is drawn
    function compute() {
      const key = pack(state);
      if (cache.key !== key) cache = { ...cache, key, rows: rollout(state), single: flatMap(state) };
      if (cache.pinKey !== state.pinned) {
        const setting = state.pinned ? unpack(state.pinned) : null;
        cache = { ...cache, pinKey: state.pinned, pin: setting && { setting, rows: rollout(setting) } };
      }
    }

    function render() {
      compute();
      const { rows, single, pin } = cache;
      const { tokens, mask, parameter, layers } = state;
      const query = hover ? hover.query : (state.query || tokens) - 1;
      const row = rows[query];
      const centers = centerNodes(state);
      const found = {
        exact: mask === "none" ? null : exactPeak(row, query, centers),
        ours: ours(state, query),
        paper: paper(state, query),
      };
      renderControls();
      // A linear scale ends at the largest share of the last row: the first rows are 1 in any causal map and would darken the rest.
      const top = Math.max(...rows[tokens - 1]);
      const place = scale(state.colours, top);
      paint(part("rollout"), rows, place, (i, j) => reaches(mask, parameter, layers, i, j));
      paint(part("single"), single, place, (i, j) => maskAllows(mask, parameter, i, j));
      part("low").textContent = state.colours === "log" ? "≤ 0.0001" : "0";
      part("high").textContent = state.colours === "log" ? "1" : `≥ ${Number(top.toPrecision(2))}`;
      part("tokens").textContent = tokens;
      part("rollout-title").innerHTML = `Rollout: ${count(layers, "layer")}`;
      part("curve-title").textContent =
        `Where token ${query + 1} looks` + (hover ? `: ${percent(row[hover.key])} at token ${hover.key + 1}` : "");
      renderOverlay(query, found);
      renderCurve(row, query, found, pin);
      renderFacts(row, query, found, centers);
      const sentence = describe(row, query, found, centers);
      part("rollout").setAttribute(
        "aria-label",
        `Heat map of the rollout, ${tokens} queries by ${tokens} keys, ${count(layers, "layer")}, ${named(state)}. ${sentence}`,
      );
      part("single").setAttribute(
        "aria-label",
        `Heat map of one layer's attention, ${tokens} queries by ${tokens} keys, ${named(state)}.`,
      );
      picker.setAttribute("aria-valuemax", tokens);
      picker.setAttribute("aria-valuenow", query + 1);
      picker.setAttribute("aria-valuetext", `token ${query + 1} of ${tokens}`);
      root.clearTimeout(timer);
      // A screen reader hears the sentence once the hand rests, and the address changes then too.
      timer = root.setTimeout(
        () => {
          if (one(".aa-summary").textContent !== sentence) one(".aa-summary").textContent = sentence;
          if (ready) writeAddress("tokens", state, DEFAULTS);
        },
        ready ? 180 : 0,
      );
    }

    function renderControls() {
      const rule = PARAMETER[state.mask];
      for (const { key } of SLIDERS) {
        const input = one(`#aa-${key}`);
        if (Number(input.value) !== state[key]) input.value = state[key];
        one(`[data-slider="${key}"] output`).textContent = trim(state[key]);
      }
      for (const input of host.querySelectorAll('[name="aa-mask"]')) input.checked = input.value === state.mask;
      const row = one('[data-slider="parameter"]');
      row.classList.toggle("aa-idle", !rule);
      one("#aa-parameter").disabled = !rule;
      if (rule) {
        Object.assign(one("#aa-parameter"), { min: rule.least, max: state.tokens });
        one("#aa-parameter").value = state.parameter;
        row.querySelector("label").innerHTML = `<span>${rule.label}</span> <i>${rule.symbol}</i>`;
        row.querySelector("output").textContent = state.parameter;
      }
      one('[data-switch="colours"]').checked = state.colours === "log";
      one('[data-switch="curve"]').checked = state.curve === "log";
      one('[data-do="pin"]').textContent = state.pinned ? "Unpin" : "Pin curve";
      one('[data-do="grow"]').textContent = growth ? "Stop" : calm.matches ? "One layer more" : "Grow depth";
      for (const button of host.querySelectorAll("[data-preset]")) {
        const preset = legal(PRESETS[button.dataset.preset].state);
        button.setAttribute("aria-pressed", String(pack(preset) === pack(state)));
      }
    }

    function renderOverlay(query, found) {
      const { tokens } = state;
      overlay.setAttribute("viewBox", `0 0 ${tokens} ${tokens}`);
      const ridge = (style, { distance }) =>
        distance === undefined
          ? ""
          : `<line class="${style}" x1="0.5" y1="${distance + 0.5}" x2="${tokens - 0.5 - distance}" y2="${tokens - 0.5}"/>`;
      overlay.innerHTML =
        ridge("aa-under", found.ours) +
        ridge("aa-under", found.paper) +
        ridge("aa-ours", found.ours) +
        ridge("aa-paper", found.paper) +
        ["aa-under", "aa-row"]
          .map((style) => `<rect class="${style}" x="0" y="${query}" width="${tokens}" height="1"/>`)
          .join("");
    }

    function renderCurve(row, query, found, pin) {
      const { tokens } = state;
      const gutter = 44,
        head = 50,
        foot = 34,
        height = 250;
      const width = Math.max(200, Math.round(curve.getBoundingClientRect().width) || 400);
      const inner = { width: width - gutter - 1, height: height - head - foot };
      const pinned = pin ? pin.rows[Math.min(query, pin.setting.tokens - 1)] : null;
      const shown = [...row.slice(0, state.mask === "none" ? tokens : query + 1), ...(pinned ?? [])];
      // With an interior peak the axis ends above it, and a first token that towers over it is cut with its value written.
      const first = centerNodes(state);
      const hump = found.exact === null ? 0 : row[query - found.exact];
      const most = Math.max(...shown);
      const top = hump > 0 && most > 4 * hump ? Math.max(4 * hump, 1e-3) : most * 1.06;
      const log = state.curve === "log";
      const x = (j) => gutter + ((j + 0.5) / tokens) * inner.width;
      const y = (share) =>
        head +
        inner.height *
          (1 - (log ? clamp(1 - Math.log10(Math.max(share, 1e-300)) / LOG_FLOOR, 0, 1) : clamp(share / top, 0, 1)));
      const base = head + inner.height;
      const line = (values) =>
        Array.from(values, (share, j) => `${j ? "L" : "M"}${x(j).toFixed(1)} ${y(share).toFixed(1)}`).join("");

      const round = 10 ** Math.floor(Math.log10(top));
      const tick = [5, 2, 1, 0.5, 0.2].map((factor) => factor * round).filter((value) => top / value >= 2)[0] ?? round;
      const levels = log
        ? [1, 0.1, 0.01, 0.001, 0.0001]
        : Array.from({ length: Math.floor(top / tick) + 1 }, (_, k) => k * tick);
      const stride = [1, 2, 5, 10, 20, 25, 50].find((step) => (tokens / step) * 34 <= inner.width) ?? 50;
      const columns = [
        0,
        ...Array.from({ length: tokens }, (_, j) => j).filter((j) => (j + 1) % stride === 0 && j + 1 > stride * 0.6),
      ];

      let drawing = levels
        .map(
          (level) => `<line class="aa-rule" x1="${gutter}" x2="${width - 1}" y1="${y(level)}" y2="${y(level)}"/>
        <text class="aa-small" x="${gutter - 6}" y="${y(level) + 4}" text-anchor="end">${trim(Number(level.toPrecision(2))) === "0" && level ? level.toExponential(0) : Number(level.toPrecision(2))}</text>`,
        )
        .join("");
      drawing += columns
        .map((j) => `<text class="aa-small" x="${x(j)}" y="${base + 16}" text-anchor="middle">${j + 1}</text>`)
        .join("");
      drawing += `<text class="aa-small" x="${gutter + inner.width / 2}" y="${height - 3}" text-anchor="middle">key token j (aligned with the map)</text>`;
      if (pinned) drawing += `<path class="aa-pinned" d="${line(pinned.slice(0, tokens))}"/>`;
      const visible =
        state.mask === "none" ? row : row.slice(0, lastKey(tokens, state.mask, state.parameter, query) + 1);
      drawing += `<path class="aa-area" d="${line(visible)}L${x(visible.length - 1)} ${base}L${x(0)} ${base}Z"/><path class="aa-line" d="${line(visible)}"/>`;
      if (tokens <= 48)
        drawing += Array.from(
          visible,
          (share, j) => `<circle class="aa-dot" cx="${x(j)}" cy="${y(share)}" r="2"/>`,
        ).join("");

      if (!log && most > top) {
        const cut = Array.from(visible)
          .map((share, j) => ({ share, j }))
          .filter(({ share }) => share > top);
        if (cut.length && cut[0].j < first) {
          const text = `${first > 1 ? "prefix: " : "token 1: "}${percent(row.slice(0, first).reduce((sum, share) => sum + share, 0))} ↑`;
          drawing += `<text class="aa-small aa-strong" x="${x(0) + 6}" y="${head + 12}">${text}</text>`;
        }
      }
      // The two predictions: a line through the plot, a shape and words in the head, one row each so that they never collide.
      const mark = (kind, shape, level, { distance }, words) => {
        if (distance === undefined) return "";
        const at = x(query - distance),
          side = at + 170 > width ? -1 : 1;
        return `<line class="aa-${kind} aa-drop" x1="${at}" x2="${at}" y1="${level}" y2="${base}"/><g class="aa-${kind}">${glyph(shape, at, level)}</g>
          <text class="aa-${kind} aa-word" x="${at + side * 12}" y="${level + 4}" text-anchor="${side < 0 ? "end" : "start"}">${words} ${back(distance)}</text>`;
      };
      drawing +=
        mark("paper", "triangle", 12, found.paper, "paper:") + mark("ours", "diamond", 32, found.ours, "derived here:");
      if (found.ours.distance === undefined && found.paper.distance === undefined && state.mask !== "none") {
        drawing += `<text class="aa-small" x="${width - 4}" y="32" text-anchor="end">no interior peak predicted</text>`;
      }
      if (found.exact !== null)
        drawing += `<g class="aa-exact">${glyph("circle", x(query - found.exact), y(row[query - found.exact]))}</g>`;
      if (hover)
        drawing += `<line class="aa-cross" x1="${x(hover.key)}" x2="${x(hover.key)}" y1="${head}" y2="${base}"/>`;
      curve.setAttribute("viewBox", `0 0 ${width} ${height}`);
      curve.setAttribute("height", height);
      curve.querySelector("g").innerHTML = drawing;
      curve.querySelector("title").textContent =
        `Share of each key token in the context of token ${query + 1}. ${describe(row, query, found, first)}`;
    }

    function renderFacts(row, query, found, centers) {
      const best = row.indexOf(Math.max(...row));
      const share = row.slice(0, centers).reduce((sum, weight) => sum + weight, 0);
      const none = (why) => `<b>no interior peak</b><small>${why}</small>`;
      const value = ({ distance, why }) => (distance === undefined ? none(why) : `<b>${back(distance)}</b>`);
      const facts = [
        [
          icon("exact", "circle") + "exact peak",
          state.mask === "none"
            ? `<b>token ${best + 1}</b><small>${percent(row[best])}; no side wins without a mask</small>`
            : found.exact === null
              ? none("the row only climbs toward its start")
              : `<b>${back(found.exact)}</b><small>token ${query - found.exact + 1}, ${percent(row[query - found.exact])}</small>`,
        ],
        [icon("ours", "diamond") + "walk, derived here", value(found.ours)],
        [
          icon("paper", "triangle") + "paper, Wu 2025",
          found.paper.stated === false ? `<b>not stated</b><small>${found.paper.why}</small>` : value(found.paper),
        ],
        [
          count(centers, "center node"),
          `<b>${percent(share)}</b><small>${state.mask === "none" ? "all tokens reach all" : centers > 1 ? `held by tokens 1 to ${centers}` : "held by token 1"}</small>`,
        ],
      ];
      if (cache.pin)
        facts.push([
          `<svg class="aa-icon" viewBox="-8 -8 16 16" aria-hidden="true"><path class="aa-pinned" d="M-8 0H8"/></svg>pinned curve`,
          `<small>${count(cache.pin.setting.layers, "layer")}, ${named(cache.pin.setting)}</small>`,
        ]);
      one(".aa-facts").innerHTML = drawing.facts(facts);
    }

    function describe(row, query, found, centers) {
      const best = row.indexOf(Math.max(...row));
      const share = row.slice(0, centers).reduce((sum, weight) => sum + weight, 0);
      const who = centers > 1 ? `the ${centers} prefix tokens together hold` : "token 1 holds";
      const start = `After ${count(state.layers, "layer")} (${named(state)}), token ${query + 1} draws most from token ${best + 1} (${percent(row[best])})`;
      if (state.mask === "none") return `${start}; every token reaches every other, so no token takes all.`;
      const holds = best === 0 && centers === 1 ? "" : `; ${who} ${percent(share)}`;
      const peak = found.exact === null ? " There is no interior peak." : ` The interior peak is ${back(found.exact)}.`;
      const predicted = found.ours.distance === undefined ? "" : ` The walk predicts ${back(found.ours.distance)}.`;
      const printed =
        found.paper.distance === undefined ? "" : ` The paper's formula gives ${back(found.paper.distance)}.`;
      return `${start}${holds}.${peak}${predicted}${printed}`;
    }

    // ---- what the hand does
    host.addEventListener("input", ({ target }) => {
      stopGrowing();
      if (target.name === "aa-mask") {
        remembered[state.mask] = state.parameter;
        update({ mask: target.value, parameter: remembered[target.value] ?? 0 });
      } else if (target.dataset.switch === "colours") update({ colours: target.checked ? "log" : "linear" });
      else if (target.dataset.switch === "curve") update({ curve: target.checked ? "log" : "linear" });
      else if (target.type === "range") update({ [target.id.slice(3)]: Number(target.value) });
    });
    host.addEventListener("click", ({ target }) => {
      const button = target.closest("button");
      if (!button) return;
      const action = button.dataset.do;
      if (action !== "grow") stopGrowing();
      if (button.dataset.preset) {
        const { state: asked, pin } = PRESETS[button.dataset.preset];
        update({ ...DEFAULTS, colours: state.colours, ...asked, pinned: pin ? pack(legal(pin)) : "" });
      } else if (action === "pin") update({ pinned: state.pinned ? "" : pack(state) });
      else if (action === "reset") update({ ...DEFAULTS });
      else if (action === "grow") grow();
    });
    one(".aa-controls").addEventListener("submit", (event) => event.preventDefault());

    function cell(event) {
      const box = picker.getBoundingClientRect();
      const index = (at, start, length) =>
        clamp(Math.floor(((at - start) / length) * state.tokens), 0, state.tokens - 1);
      return { query: index(event.clientY, box.top, box.height), key: index(event.clientX, box.left, box.width) };
    }
    picker.addEventListener("pointermove", (event) => {
      if (event.pointerType !== "touch") {
        hover = cell(event);
        schedule();
      }
    });
    picker.addEventListener("pointerleave", () => {
      hover = null;
      schedule();
    });
    picker.addEventListener("click", (event) => update({ query: cell(event).query + 1 }));
    picker.addEventListener("keydown", (event) => {
      const query = drawing.stepped(event.key, state.query || state.tokens, state.tokens, 1);
      if (query === undefined) return;
      event.preventDefault();
      hover = null;
      update({ query });
    });
    root.addEventListener("hashchange", () => {
      const asked = readAddress("tokens");
      if (!asked) return;
      stopGrowing();
      state = legal(asked);
      schedule();
      host.scrollIntoView({ behavior: calm.matches ? "auto" : "smooth", block: "start" }); // the links of the text below
    });
    new ResizeObserver(schedule).observe(host);
    render();
  }

  drawing.mountAll("data-attention-atlas-playground", mount);
})(typeof window === "undefined" ? globalThis : window);
