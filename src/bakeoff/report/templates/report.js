"use strict";
// Tooltips, and one replicate highlighted in all charts. The page says everything without this.
(() => {
  const tip = document.getElementById("tip");
  const bar = document.getElementById("replicates-bar");
  const style = document.head.appendChild(document.createElement("style"));
  let pinned = "", shown = "";

  // One style rule instead of a class on thousands of marks.
  const show = (r) => {
    if (r === shown) return;
    shown = r;
    style.textContent = r
      ? `[data-r]{opacity:.1}[data-r="${r}"]{opacity:1;fill-opacity:1;stroke-opacity:1;stroke-width:2.2px}`
      : "";
  };

  const numbers = bar.dataset.replicates.trim().split(/\s+/).filter((n) => /^\d+$/.test(n));
  const buttons = new Map();
  const pin = (r) => {
    pinned = r;
    show(r);
    buttons.forEach((b, n) => b.setAttribute("aria-pressed", String(n === r)));
  };
  if (numbers.length > 1) {
    const word = document.createElement("span");
    word.textContent = "Highlight replicate ";
    word.id = "replicates-word";
    bar.setAttribute("role", "group");
    bar.setAttribute("aria-labelledby", word.id);
    bar.append(word);
    for (const n of ["", ...numbers]) {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = n || "all";
      button.setAttribute("aria-pressed", String(n === ""));
      button.addEventListener("click", () => pin(pinned === n ? "" : n));
      buttons.set(n, button);
      bar.append(button);
    }
    bar.hidden = false;
  }

  const place = (x, y) => {
    const box = tip.getBoundingClientRect();
    tip.style.left = Math.max(8, Math.min(x + 14, innerWidth - box.width - 8)) + "px";
    tip.style.top = (y + 18 + box.height > innerHeight ? y - box.height - 12 : y + 18) + "px";
  };
  const say = (text, x, y) => {
    tip.textContent = text;
    tip.hidden = !text;
    if (text) place(x, y);
  };

  // The marks' <title> elements are the tooltips of a page without script; here they become one
  // that shows at once, and the slow one is taken away while the pointer is on the mark.
  let mark = null, title = null;
  const leave = () => {
    if (mark && title) mark.prepend(title);
    mark = title = null;
    say("", 0, 0);
    show(pinned);
  };
  document.addEventListener("pointerover", (event) => {
    const over = event.target.closest ? event.target.closest("figure.chart svg *") : null;
    if (over === mark) return;
    leave();
    const found = over && over.querySelector(":scope > title");
    if (!found) return;
    mark = over;
    title = found;
    const text = found.textContent;
    found.remove();
    if (over.dataset.r) show(over.dataset.r);
    say(text, event.clientX, event.clientY);
  });
  document.addEventListener("pointermove", (event) => {
    if (mark) place(event.clientX, event.clientY);
  });
  document.addEventListener("pointerdown", (event) => {
    const on = event.target.closest ? event.target.closest("figure.chart [data-r]") : null;
    if (on) pin(pinned === on.dataset.r ? "" : on.dataset.r);
  });

  // Keyboard: in a focused chart the arrows walk through its replicates, Escape lets go.
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") { leave(); pin(""); return; }
    const chart = event.target;
    if (!chart.matches || !chart.matches("figure.chart")) return;
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const here = [...new Set([...chart.querySelectorAll("[data-r]")].map((e) => e.dataset.r))]
      .sort((a, b) => a - b);
    if (!here.length) return;
    event.preventDefault();
    const at = here.indexOf(pinned);
    const next = here[(at < 0 ? (step > 0 ? 0 : here.length - 1) : at + step + here.length) % here.length];
    pin(next);
    const marks = [...chart.querySelectorAll(`[data-r="${next}"] > title`)]
      .map((t) => t.textContent).filter((t) => /\d.*\d/.test(t) && t !== `replicate ${next}`);
    const more = marks.length > 6 ? `\n${marks.length - 5} more` : "";
    const box = chart.getBoundingClientRect();
    say([`Replicate ${next}`, ...marks.slice(0, more ? 5 : 6)].join("\n") + more, box.left, Math.max(0, box.top));
  });
  document.addEventListener("focusout", leave);

  addEventListener("beforeprint", () => {
    document.querySelectorAll("details:not([open])").forEach((d) => {
      d.open = true;
      d.dataset.folded = "";
    });
  });
  addEventListener("afterprint", () => {
    document.querySelectorAll("details[data-folded]").forEach((d) => {
      d.open = false;
      delete d.dataset.folded;
    });
  });
})();
