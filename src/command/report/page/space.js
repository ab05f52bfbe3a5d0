/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

// The address space, read like text: from left to right and from top to bottom by address, what is
// not mapped left out. data.space.runs: [page, pages to its end, name, files, [holder, maps, pages
// mapped, ...], [borders by reason...]]; a run is what lies side by side, of one holder or of several
// in turn. A run is as wide as it has maps (or bytes), and its height is divided by whose they are.
(() => {
  const section = document.getElementById("space");
  const box = document.getElementById("ribbon");
  const detail = section.querySelector(".detail");
  const space = data.space;
  if (space.runs.length === 0) {
    nothing(
      section,
      "Nothing is known of this address space: the process is gone, and its record has no mappings.",
    );
    return;
  }
  const unit = space.unit; // "map" of the kernel, or "mapping" of the record
  const reasons = [
    ["another file", "rest", "different files never share a map"],
    ["a gap", "plain", "nothing is mapped between them"],
    ["another protection", "c1", "readable, writable, executable or shared are not the same"],
    [
      "out of order",
      "c4",
      "parts of one file that do not lie in the order of the file: mapherd puts them in order",
    ],
    ["nothing that /proc shows", "c0", "advice, a lock, or another open of the file keeps them apart"],
  ];
  const runs = space.runs.map(([from, span, name, files, shares, borders]) => {
    const run = { from, span, name, files, borders, holders: [], maps: 0, pages: 0 };
    for (let i = 0; i < shares.length; i += 3) {
      run.holders.push({ of: shares[i], maps: shares[i + 1], pages: shares[i + 2] });
      run.maps += shares[i + 1];
      run.pages += shares[i + 2];
    }
    return run;
  });
  // Who holds most has the first colour.
  const palette = ["c0", "c1", "c2", "c3", "c4", "c5", "c6"];
  const ranks = space.holders.map((h, i) => [h, i]).sort((a, b) => b[0].maps - a[0].maps);
  const coloured = ranks.filter(([h]) => !h.plain && !h.rest).map(([, i]) => i);
  const order = ranks.map(([, i]) => i);
  const holderColour = (i) =>
    space.holders[i].plain
      ? "plain"
      : space.holders[i].rest
        ? "rest"
        : palette[coloured.indexOf(i) % palette.length];
  let weight = "maps",
    colour = "holder",
    lit = -1,
    here = -1;
  let boxes = []; // where each run is: [run, x, row, width]...
  let rowHeight;
  const rowGap = 5;

  // What a run is made of, in the chosen colouring: [class, colour, share]...; shares sum up to 1.
  function layers(run) {
    if (colour === "holder")
      return run.holders
        .slice()
        .sort((a, b) => order.indexOf(a.of) - order.indexOf(b.of))
        .map((h) => [h.of, holderColour(h.of), h[weight] / (run[weight] || 1)]);
    const sum = run.borders.reduce((a, b) => a + b, 0);
    return run.borders.map((n, i) => [i, reasons[i][1], n / (sum || 1)]).filter((l) => l[2] > 0);
  }

  const address = (page) => "0x" + (BigInt(page) * BigInt(data.pageSize)).toString(16);
  function tell(i) {
    const run = runs[i];
    if (!run) return;
    const name = space.names[run.name],
      holders = run.holders.slice().sort((a, b) => b.maps - a.maps);
    detail.replaceChildren(
      el("span", { class: "mono" }, address(run.from) + "-" + address(run.from + run.span)),
      " " + counted(run.maps, unit) + ", " + bytes(run.pages * data.pageSize) + ": ",
    );
    holders.forEach((h, k) =>
      detail.append(
        k ? ", " : "",
        el("b", null, ...breakable(space.holders[h.of].name)),
        holders.length > 1 ? " " + grouped(h.maps) : "",
      ),
    );
    if (name && (holders.length > 1 || name !== space.holders[holders[0].of].name))
      detail.append(
        el("br"),
        run.files > 1 ? counted(run.files, "file") + ", the first " : "first ",
        ...breakable(name),
      );
    const why = run.borders
      .map((n, k) => [n, reasons[k][0]])
      .filter(([n]) => n > 0)
      .sort((a, b) => b[0] - a[0]);
    if (why.length)
      detail.append(
        el("br"),
        "kept apart by: " +
          why.map(([n, text]) => text + (run.maps > 1 ? " (" + grouped(n) + ")" : "")).join(", "),
      );
  }

  function draw() {
    const width = box.clientWidth,
      labels = width >= 700 ? 124 : 0,
      wide = width - labels;
    const total = runs.reduce((sum, r) => sum + r[weight], 0) || 1;
    // Enough rows that a run is seen, and no more than a screen of them.
    const rows = Math.max(
      2,
      Math.min(width < 700 ? 36 : 28, Math.ceil(Math.sqrt(runs.length * 2)), Math.ceil(runs.length / 2)),
    );
    rowHeight = width < 700 ? 16 : 20;
    const height = rows * (rowHeight + rowGap),
      scale = devicePixelRatio || 1;
    const canvas = el("canvas", {
      tabindex: 0,
      role: "img",
      "aria-label":
        "The address space by address: " +
        space.holders.map((h) => h.name + " " + counted(h.maps, unit)).join(", "),
    });
    canvas.width = Math.round(width * scale);
    canvas.height = Math.round(height * scale);
    canvas.style.height = height + "px";
    const paint = canvas.getContext("2d");
    paint.scale(scale, scale);
    const style = getComputedStyle(document.documentElement);
    const hue = {};
    for (const c of [...palette, "rest", "plain", "muted", "text"])
      hue[c] = style.getPropertyValue("--" + c).trim();
    paint.font = "11px ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace";
    paint.textBaseline = "middle";
    boxes = [];
    let at = 0,
      labelled = -1;
    runs.forEach((run, i) => {
      let left = (run[weight] / total) * rows * wide;
      const parts = layers(run);
      while (left > 0.001) {
        const row = Math.min(rows - 1, Math.floor(at / wide + 1e-9)),
          x = at - row * wide,
          top = row * (rowHeight + rowGap);
        const w = row === rows - 1 ? left : Math.min(left, wide - x);
        if (row !== labelled && labels) {
          labelled = row;
          paint.globalAlpha = 1;
          paint.fillStyle = hue.muted;
          paint.fillText(address(run.from), 0, top + rowHeight / 2);
        }
        // The largest holder lies at the bottom. A gap is a line of ground, where there is room.
        const gap = w > 12 && i + 1 < runs.length && runs[i + 1].from !== run.from + run.span;
        let y = top + rowHeight;
        for (const [c, name, share] of parts) {
          paint.globalAlpha = lit >= 0 && lit !== c ? 0.13 : 1;
          paint.fillStyle = hue[name];
          y -= share * rowHeight;
          paint.fillRect(labels + x, y, gap ? w - 1 : w, share * rowHeight);
        }
        boxes.push([i, labels + x, row, w]);
        at += w;
        left -= w;
      }
    });
    paint.globalAlpha = 1;
    if (here >= 0) {
      paint.strokeStyle = hue.text;
      paint.lineWidth = 2;
      for (const [i, x, row, w] of boxes)
        if (i === here)
          paint.strokeRect(x - 1, row * (rowHeight + rowGap) - 1, Math.max(w, 3) + 1, rowHeight + 2);
    }
    const find = (e) => {
      const r = canvas.getBoundingClientRect(),
        x = e.clientX - r.left;
      const row = Math.floor((e.clientY - r.top) / (rowHeight + rowGap));
      let best = null,
        far = Infinity;
      for (const b of boxes) {
        const d = b[2] !== row ? Infinity : x < b[1] ? b[1] - x : x > b[1] + b[3] ? x - b[1] - b[3] : 0;
        if (d < far) [best, far] = [b, d];
      }
      return best ? best[0] : -1;
    };
    canvas.addEventListener("pointermove", (e) => tell(find(e)));
    canvas.addEventListener("click", (e) => go(find(e)));
    canvas.addEventListener("keydown", (e) => {
      const to = {
        ArrowLeft: here - 1,
        ArrowRight: here + 1,
        ArrowUp: here - 20,
        ArrowDown: here + 20,
        Home: 0,
        End: runs.length - 1,
      }[e.key];
      if (to === undefined) return;
      e.preventDefault();
      go(Math.max(0, Math.min(runs.length - 1, to)));
    });
    const had = box.contains(document.activeElement);
    box.replaceChildren(canvas);
    if (had) canvas.focus({ preventScroll: true });
  }
  function go(i) {
    if (i < 0) return;
    here = i;
    draw();
    tell(i);
  }

  function classes() {
    if (colour === "holder")
      return ranks.map(([h, i]) => [i, holderColour(i), h.name, h.maps]).filter((r) => r[3] > 0);
    return reasons.map((r, i) => [i, r[1], r[0], space.reasons[i], r[2]]).filter((r) => r[3] > 0);
  }
  function legend() {
    const list = section.querySelector(".legend");
    list.replaceChildren();
    for (const [i, swatch, name, n, title] of classes()) {
      const b = el(
        "button",
        { type: "button", "aria-pressed": String(lit === i), title: title || null },
        el("span", { class: "swatch " + swatch }),
        el("span", { class: "long" }, ...breakable(name)),
        el("span", null, grouped(n)),
      );
      b.addEventListener("click", () => {
        lit = lit === i ? -1 : i;
        legend();
        draw();
        detail.textContent = lit >= 0 && title ? name + ": " + title + "." : hint;
        section.querySelectorAll(".legend button")[classes().findIndex((c) => c[0] === i)].focus();
      });
      list.append(b);
    }
  }
  const hint =
    "Point at a part, or use the arrow keys, to see what it is; press a name to see where it lies. " +
    "Read it like text, from low to high addresses; what is not mapped is left out. Where holders take turns, the height is divided.";
  section.querySelector(".lead").textContent = space.lead;
  section.querySelector(".controls").append(
    choice(
      "Colour",
      [
        ["holder", "who holds it"],
        ["reason", "why it is not merged"],
      ],
      colour,
      (value) => {
        colour = value;
        lit = -1;
        legend();
        draw();
      },
    ),
    choice(
      "Width",
      [
        ["maps", "number of " + unit + "s"],
        ["pages", "bytes"],
      ],
      weight,
      (value) => {
        weight = value;
        draw();
      },
    ),
  );
  detail.textContent = hint;
  legend();
  redrawn(box, draw);
})();
