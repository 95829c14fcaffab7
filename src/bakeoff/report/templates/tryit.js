"use strict";
// The final model in the page: decode its weights, make the input, predict, show.
(() => {
  const body = document.getElementById("tryit-body");
  const model = JSON.parse(document.getElementById("model").textContent);
  const score = document.getElementById("tryit").dataset.score;

  const bytes = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  const half = (h) => {
    const sign = h & 0x8000 ? -1 : 1, e = (h >> 10) & 31, f = h & 1023;
    if (e === 0) return sign * f * 2 ** -24;
    return e === 31 ? (f ? NaN : sign * Infinity) : sign * (1 + f / 1024) * 2 ** (e - 15);
  };
  const floats = (text, kind) => {
    const raw = bytes(text), view = new DataView(raw.buffer);
    if (kind === "float16")
      return Float64Array.from({ length: raw.length / 2 }, (_, i) => half(view.getUint16(2 * i, true)));
    return Float64Array.from({ length: raw.length / 4 }, (_, i) => view.getFloat32(4 * i, true));
  };
  const layers = model.layers.map((layer) => ({
    fanIn: layer.fan_in,
    fanOut: layer.fan_out,
    kernel: floats(layer.kernel, model.dtype).map((w) => w * layer.kernel_factor),
    bias: floats(layer.bias, "float32"),
  }));
  const shift = floats(model.shift, "float32"), factor = floats(model.factor, "float32");

  // Abramowitz and Stegun 7.1.26 is too coarse; this is W. J. Cody's series and continued fraction.
  const erf = (x) => {
    const a = Math.abs(x);
    if (a > 6) return Math.sign(x);
    if (a < 2.5) {
      let term = a, sum = a;
      for (let n = 1; n < 60; n++) {
        term *= (-a * a) / n;
        sum += term / (2 * n + 1);
      }
      return Math.sign(x) * (2 / Math.sqrt(Math.PI)) * sum;
    }
    let fraction = 0;
    for (let n = 60; n > 0; n--) fraction = n / 2 / (a + fraction);
    return Math.sign(x) * (1 - Math.exp(-a * a) / ((a + fraction) * Math.sqrt(Math.PI)));
  };
  const softplus = (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
  const activations = {
    linear: (x) => x,
    sigmoid: (x) => 1 / (1 + Math.exp(-x)),
    tanh: Math.tanh,
    relu: (x) => Math.max(x, 0),
    leaky_relu: (x) => (x > 0 ? x : model.negative_slope * x),
    elu: (x) => (x > 0 ? x : Math.expm1(x)),
    selu: (x) => 1.0507009873554805 * (x > 0 ? x : 1.6732632423543772 * Math.expm1(x)),
    gelu: (x) => 0.5 * x * (1 + erf(x / Math.SQRT2)),
    silu: (x) => x / (1 + Math.exp(-x)),
    softplus,
  };
  const act = activations[model.activation];

  // The columns of a table as the network takes them, as bakeoff.data.encoding does it.
  const encode = (row) => !model.encoding.length ? row : model.encoding.flatMap((part, i) => {
    const v = row[i], missing = Number.isNaN(v), at = part.kept.indexOf(v);
    return [
      ...(part.median === null ? [] : [missing ? part.median : v]),
      ...part.kept.map((_, k) => Number(k === at)),
      ...(part.rare ? [Number(!missing && at < 0)] : []),
      ...(part.flag ? [Number(missing)] : []),
    ];
  });

  const predict = (features) => {
    let x = Float64Array.from(encode(features), (v, i) =>
      (v - shift[shift.length > 1 ? i : 0]) * factor[factor.length > 1 ? i : 0]);
    layers.forEach((layer, depth) => {
      const out = Float64Array.from(layer.bias);
      for (let i = 0; i < layer.fanIn; i++) {
        if (x[i] === 0) continue;
        for (let j = 0, k = i * layer.fanOut; j < layer.fanOut; j++, k++) out[j] += x[i] * layer.kernel[k];
      }
      x = depth < layers.length - 1 ? out.map(act) : out;
    });
    if (model.target) return x; // in its own units
    const top = Math.max(...x), powers = x.map((v) => Math.exp(v - top));
    const sum = powers.reduce((a, b) => a + b, 0);
    return powers.map((v) => v / sum);
  };

  // The drawing becomes an example as bakeoff.dense.preprocess does it, byte for byte: every sum is
  // a whole number below 2^53, halves are rounded up (docs/models.md has the steps).
  const overlaps = (from, to) => Array.from({ length: to }, (_, i) => {
    const cells = [];
    for (let s = Math.floor((i * from) / to); s * to < (i + 1) * from; s++)
      cells.push([s, Math.min((i + 1) * from, (s + 1) * to) - Math.max(i * from, s * to)]);
    return cells;
  });
  const fitted = (h, w, boxH, boxW) => h * boxW >= w * boxH
    ? [boxH, Math.max(1, Math.floor((2 * w * boxH + h) / (2 * h)))]
    : [Math.max(1, Math.floor((2 * h * boxW + w) / (2 * w))), boxW];
  const centred = (mass, side) => {
    const total = mass.reduce((a, b) => a + b, 0);
    const moment = mass.reduce((a, m, i) => a + m * i, 0);
    if (!total) return Math.floor((side - mass.length) / 2);
    const offset = Math.floor((28 * total - 2 * moment + total) / (2 * total));
    return Math.min(Math.max(offset, 0), side - mass.length);
  };
  const preprocess = (ink, width, height) => {
    const [rows, columns] = model.image_shape;
    const result = new Float64Array(rows * columns);
    let left = width, right = -1, top = height, bottom = -1;
    for (let y = 0; y < height; y++)
      for (let x = 0; x < width; x++)
        if (ink[y * width + x] > 0) {
          left = Math.min(left, x); right = Math.max(right, x);
          top = Math.min(top, y); bottom = Math.max(bottom, y);
        }
    if (right < 0) return result;
    const w = right - left + 1, h = bottom - top + 1, mnist = rows === 28 && columns === 28;
    const [nh, nw] = fitted(h, w, mnist ? 20 : rows, mnist ? 20 : columns);
    const across = overlaps(w, nw), down = overlaps(h, nh), area = w * h;
    const lines = Array.from({ length: h }, (_, y) => across.map((cells) =>
      cells.reduce((sum, [x, part]) => sum + part * ink[(top + y) * width + left + x], 0)));
    const small = down.map((cells) => across.map((_, x) => {
      const total = cells.reduce((sum, [y, part]) => sum + part * lines[y][x], 0);
      return Math.floor((2 * total + area) / (2 * area));
    }));
    const y0 = mnist ? centred(small.map((row) => row.reduce((a, b) => a + b, 0)), rows)
      : Math.floor((rows - nh) / 2);
    const x0 = mnist ? centred(across.map((_, x) => small.reduce((a, row) => a + row[x], 0)), columns)
      : Math.floor((columns - nw) / 2);
    small.forEach((row, y) => row.forEach((v, x) => {
      result[(y0 + y) * columns + x0 + x] = model.whole ? v : Math.fround(v * (model.peak / 255));
    }));
    return result;
  };

  const element = (tag, className, parent, text) => {
    const made = document.createElement(tag);
    if (className) made.className = className;
    if (text !== undefined) made.textContent = text;
    if (parent) parent.append(made);
    return made;
  };
  element("p", "", body, "The final model runs in this page."
    + (score ? ` Its ${score}; it knows nothing of what is unlike the data it was trained on.` : ""));
  const brief = (v) => (Number.isNaN(v) ? "missing" : String(Number.isInteger(v) ? v : Number(v.toPrecision(4))).replace("-", "−"));
  const grid = element("div", "grid", body);

  const bars = element("div", "bars");
  element("p", "label", bars, "What it says");
  const said = element("p", "unseen", bars);
  said.setAttribute("role", "status");
  const rows = model.class_names.map((name) => {
    const row = element("div", "bar", bars);
    element("span", "", row, name).title = name;
    const fill = element("i", "", element("span", "", row));
    return { row, fill, number: element("span", "", row, "–") };
  });
  const value = model.target ? element("p", "value", bars, "–") : null;
  let last = null;
  const tell = (features) => {
    last = features && { features, probabilities: predict(features) };
    if (value) {
      value.textContent = said.textContent = `${model.target} ${brief(last.probabilities[0])}`;
      return;
    }
    const top = last ? last.probabilities.indexOf(Math.max(...last.probabilities)) : -1;
    rows.forEach(({ row, fill, number }, i) => {
      const p = last ? last.probabilities[i] : 0;
      row.classList.toggle("top", i === top);
      fill.style.width = (100 * p).toFixed(1) + "%";
      number.textContent = last ? (100 * p).toFixed(1) + " %" : "–";
    });
    said.textContent = last
      ? `${model.class_names[top]}, ${(100 * last.probabilities[top]).toFixed(0)} per cent` : "";
  };

  if (model.kind === "draw") {
    const [height, width] = model.image_shape;
    const left = element("div", "", grid);
    const frame = element("div", "frame", left);
    const pad = element("canvas", "pad", frame);
    const invitation = element("span", "", frame, "Draw here, with a finger or the mouse");
    invitation.setAttribute("aria-hidden", "true");
    pad.width = pad.height = 280;
    pad.id = "pad";
    pad.setAttribute("role", "img");
    pad.setAttribute("aria-label", "Drawing area; draw with a pointer");
    const pen = pad.getContext("2d", { willReadFrequently: true });
    const clear = () => {
      pen.fillStyle = "#000";
      pen.fillRect(0, 0, 280, 280);
      look();
    };
    const middle = element("div", "", grid);
    element("p", "label", middle, `What the model sees (${width} × ${height})`);
    const seen = element("canvas", "seen", middle);
    seen.width = width;
    seen.height = height;
    seen.setAttribute("role", "img");
    seen.setAttribute("aria-label", "The drawing as the model sees it");
    const look = () => {
      const pixels = pen.getImageData(0, 0, 280, 280).data;
      const ink = new Float64Array(280 * 280);
      for (let i = 0; i < ink.length; i++) ink[i] = pixels[4 * i];
      const input = preprocess(ink, 280, 280);
      const picture = seen.getContext("2d"), image = picture.createImageData(width, height);
      input.forEach((v, i) => {
        image.data.fill(Math.round((255 * v) / model.peak), 4 * i, 4 * i + 3);
        image.data[4 * i + 3] = 255;
      });
      picture.putImageData(image, 0, 0);
      invitation.hidden = ink.some((v) => v > 0);
      tell(input.some((v) => v > 0) ? input : null);
    };
    let from = null;
    const at = (event) => {
      const box = pad.getBoundingClientRect();
      return [((event.clientX - box.left) * 280) / box.width, ((event.clientY - box.top) * 280) / box.height];
    };
    const stroke = (to) => {
      pen.strokeStyle = "#fff";
      pen.lineWidth = 22;
      pen.lineCap = pen.lineJoin = "round";
      pen.beginPath();
      pen.moveTo(...from);
      pen.lineTo(...to);
      pen.stroke();
      from = to;
      look();
    };
    pad.addEventListener("pointerdown", (event) => {
      pad.setPointerCapture(event.pointerId);
      from = at(event);
      stroke(from);
    });
    pad.addEventListener("pointermove", (event) => { if (from) stroke(at(event)); });
    for (const end of ["pointerup", "pointercancel"]) pad.addEventListener(end, () => { from = null; });
    pad.addEventListener("input", look); // whoever else paints on the canvas says so with this event
    const button = element("button", "", left, "Clear");
    button.type = "button";
    button.addEventListener("click", clear);
    grid.append(bars);
    clear();
  } else {
    const panel = element("div", "sliders", grid);
    element("p", "label", panel, "The features that matter most; the others stay as in the example");
    let features = [], at = 0;
    const start2000 = Date.UTC(2000, 0, 1), day = 864e5;
    const inputs = model.sliders.map((slider) => {
      const label = element("label", "", panel);
      element("span", "", label, slider.name);
      const input = document.createElement(slider.choices.length ? "select" : "input");
      const set = (v) => {
        features[slider.index] = v;
        tell(features);
      };
      if (slider.choices.length) {
        label.append(input);
        const offered = slider.missing ? [...slider.choices, ["", "(missing)"]] : slider.choices;
        for (const [code, word] of offered) element("option", "", input, word).value = code;
        input.addEventListener("input", () => set(input.value === "" ? NaN : Number(input.value)));
        const known = new Set(slider.choices.map(([code]) => code));
        return () => {
          const v = features[slider.index];
          input.value = Number.isNaN(v) ? "" : known.has(v) ? v : -1;
        };
      }
      if (slider.parts.length) {
        label.append(input);
        input.type = slider.parts.some(([, part]) => part === "hour") ? "datetime-local" : "date";
        input.addEventListener("input", () => {
          const t = input.valueAsNumber, date = new Date(t);
          const parts = {
            days: (t - start2000) / day, year: date.getUTCFullYear(), month: date.getUTCMonth() + 1,
            day: date.getUTCDate(), day_of_week: (date.getUTCDay() + 6) % 7, hour: date.getUTCHours(),
          };
          slider.parts.forEach(([index, part]) => { features[index] = parts[part]; });
          tell(features);
        });
        return () => {
          const t = Math.round(start2000 / 6e4 + features[slider.index] * 1440) * 6e4;
          if (Number.isNaN(t)) input.value = ""; else input.valueAsNumber = t;
        };
      }
      const value = element("output", "", label);
      label.append(input);
      const step = slider.whole ? 1 : "any";
      Object.assign(input, { type: "range", min: slider.low, max: slider.high, step });
      const show = () => { value.textContent = brief(features[slider.index]); };
      input.addEventListener("input", () => { set(Number(input.value)); show(); });
      return () => {
        const v = features[slider.index];
        input.value = Number.isNaN(v) ? (slider.low + slider.high) / 2 : v;
        show();
      };
    });
    const note = element("p", "label", panel);
    const start = () => {
      const example = model.examples[at];
      features = example.values.map((v) => v ?? NaN);
      inputs.forEach((show) => show());
      const actual = model.target ? brief(example.actual) : model.class_names[example.actual];
      note.textContent = `Started from test example ${example.row}, which is ${actual}.`;
      tell(features);
    };
    const button = element("button", "", panel, "Another example");
    button.type = "button";
    button.addEventListener("click", () => { at = (at + 1) % model.examples.length; start(); });
    grid.append(bars);
    start();
  }
  // For tests and the curious: the input as the model sees it, and its probabilities.
  window.bakeoff = { predict: (f) => [...predict(f)], last: () => last && {
    features: [...last.features], probabilities: [...last.probabilities] } };
})();
