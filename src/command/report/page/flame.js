/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

// The flame graph: live mappings by who mapped them, the outermost call on top. data.stacks have
// their frames innermost first, as elements of data.frames: [function, where, module, kind].
(() => {
  const section = document.getElementById("stacks");
  const box = document.getElementById("flame");
  const detail = section.querySelector(".detail");
  const least = 2; // px: what is narrower is left out
  const kinds = { own: "the program", java: "Java", lib: "libraries", none: "unknown code" };
  let by = "n",
    zoom,
    words = "";

  if (data.stacks.length === 0) {
    nothing(section, data.noStacks);
    return;
  }

  function node(parent, frame) {
    return { parent, frame, name: frame[0], kind: frame[3], n: 0, b: 0, inside: new Map(), children: [] };
  }
  function build() {
    const root = node(null, ["all live mappings", "", "", "none"]);
    const add = (at, s) => {
      at.n += s.n;
      at.b += s.b;
    };
    for (const s of data.stacks) {
      let at = root;
      add(at, s);
      const frames = s.s.length
        ? s.s.map((i) => data.frames[i])
        : [["no stack was recorded", "", "", "none"]];
      for (let i = frames.length - 1; i >= 0; i--) {
        const key = frames[i][0] + "\n" + frames[i][2];
        let next = at.inside.get(key);
        if (!next) at.inside.set(key, (next = node(at, frames[i])));
        at = next;
        add(at, s);
      }
    }
    if (data.moreStacks.n) {
      const rest = node(root, [counted(data.moreStacks.groups, "more stack"), "", "", "none"]);
      add(rest, data.moreStacks);
      add(root, data.moreStacks);
      root.inside.set("", rest);
    }
    return root;
  }
  function order(at) {
    at.children = [...at.inside.values()].sort((a, b) => b[by] - a[by]);
    at.children.forEach(order);
  }
  const root = (zoom = build());
  order(root);

  const matches = (n) =>
    words !== "" && (n.name + "\n" + n.frame[1] + "\n" + n.frame[2]).toLowerCase().includes(words);
  const amount = (n) => (by === "n" ? counted(n.n, "mapping") : bytes(n.b));
  const share = (n) => percent(n[by], root[by]);

  function tell(n) {
    detail.replaceChildren(
      el("b", null, ...breakable(n.name)),
      " " +
        amount(n) +
        ", " +
        share(n) +
        " of all" +
        (by === "n" ? ", " + bytes(n.b) : ", " + counted(n.n, "mapping")),
    );
    const where = [n.frame[1], n.frame[2]].filter((w) => w).join(" in ");
    if (where) detail.append(el("br"), ...breakable(where));
  }
  const hint =
    "Enter or a click shows one part over the whole width, Escape all again; arrow keys go up, down and aside. " +
    "Width is the share of what is still mapped; the call that mapped it is at the bottom.";

  let focused = root;
  function draw(keepFocus) {
    const width = box.clientWidth,
      high = matchMedia("(pointer: coarse)").matches ? 30 : 22;
    const rows = el("div", { class: "rows", role: "tree", "aria-label": "Live mappings by call stack" });
    let deepest = 0;
    const items = new Map();
    const path = [];
    for (let n = zoom; n; n = n.parent) path.unshift(n);
    if (!path.includes(focused) && !inside(focused, zoom)) focused = zoom;

    function put(n, left, wide, depth, above) {
      const px = (wide * width) / 100;
      const e = el(
        "div",
        {
          class:
            "frame " +
            n.kind +
            (above ? " above" : "") +
            (matches(n) ? " hit" : "") +
            (px < 24 ? " thin" : ""),
          role: "treeitem",
          "aria-level": depth + 1,
          tabindex: n === focused ? 0 : -1,
          "aria-selected": String(n === zoom),
          "aria-label": n.name + ", " + amount(n) + ", " + share(n),
        },
        px < 24 ? "" : n.name,
      );
      e.style.left = left + "%";
      e.style.width = wide + "%";
      e.style.top = depth * high + "px";
      items.set(n, e);
      e.frame = n;
      rows.append(e);
      deepest = Math.max(deepest, depth);
    }
    function descend(n, left, wide, depth) {
      put(n, left, wide, depth, false);
      for (const child of n.children) {
        const w = n[by] ? (wide * child[by]) / n[by] : 0;
        if ((w * width) / 100 < least) break;
        descend(child, left, w, depth + 1);
        left += w;
      }
    }
    path.slice(0, -1).forEach((n, depth) => put(n, 0, 100, depth, true));
    descend(zoom, 0, 100, path.length - 1);
    rows.style.height = (deepest + 1) * high + 2 + "px";
    if (!items.has(focused)) {
      focused = zoom;
      items.get(zoom).setAttribute("tabindex", 0);
    }
    box.replaceChildren(rows);
    reset.disabled = zoom === root && words === "";
    if (keepFocus) items.get(focused).focus();
  }
  function inside(n, of) {
    for (; n; n = n.parent) if (n === of) return true;
    return false;
  }
  function show(n) {
    zoom = focused = n;
    draw(true);
  }

  box.addEventListener("click", (e) => e.target.frame && show(e.target.frame));
  box.addEventListener("pointerover", (e) => e.target.frame && tell(e.target.frame));
  box.addEventListener("focusin", (e) => {
    if (!e.target.frame) return;
    const old = box.querySelector('[tabindex="0"]');
    if (old) old.setAttribute("tabindex", -1);
    e.target.setAttribute("tabindex", 0);
    focused = e.target.frame;
    tell(focused);
  });
  box.addEventListener("keydown", (e) => {
    const at = e.target.frame;
    if (!at) return;
    const aside = (by1) => at.parent && at.parent.children[at.parent.children.indexOf(at) + by1];
    const moves = {
      ArrowDown: () => at.children[0],
      ArrowUp: () => at.parent,
      ArrowLeft: () => aside(-1),
      ArrowRight: () => aside(1),
      Home: () => root,
    };
    if (moves[e.key]) {
      e.preventDefault();
      const to = moves[e.key]();
      const item = to && [...box.querySelectorAll(".frame")].find((f) => f.frame === to);
      if (item) item.focus();
    } else if (e.key === "Enter" || e.key === " ") {
      e.preventDefault();
      show(at);
    } else if (e.key === "Escape") {
      show(root);
    }
  });

  // Mappings below a frame that matches, each counted once.
  function matched(n) {
    if (matches(n)) return n[by];
    return n.children.reduce((sum, c) => sum + matched(c), 0);
  }
  const search = el("input", {
    type: "search",
    placeholder: "Function, file or module",
    "aria-label": "Search the stacks",
  });
  const found = el("span", { class: "found", role: "status" });
  search.addEventListener("input", () => {
    words = search.value.trim().toLowerCase();
    const sum = words ? matched(root) : 0;
    found.textContent = !words
      ? ""
      : !sum
        ? "nothing found"
        : (by === "n" ? counted(sum, "mapping") : bytes(sum)) + " found, " + percent(sum, root[by]);
    draw(false);
  });
  search.addEventListener("keydown", (e) => {
    if (e.key !== "Escape" || search.value === "") return;
    search.value = "";
    search.dispatchEvent(new Event("input"));
  });
  const reset = el("button", { type: "button" }, "Reset");
  reset.addEventListener("click", () => {
    search.value = "";
    zoom = focused = root;
    search.dispatchEvent(new Event("input"));
  });
  const controls = section.querySelector(".controls");
  controls.append(
    choice(
      "Width",
      [
        ["n", "mappings"],
        ["b", "bytes"],
      ],
      by,
      (value) => {
        by = value;
        order(root);
        search.dispatchEvent(new Event("input"));
      },
    ),
    search,
    reset,
    found,
  );

  section.querySelector(".lead").append(...timed(data.stacksLead));
  const legend = el("div", { class: "legend" });
  const there = new Set(data.frames.map((f) => f[3]));
  for (const [kind, label] of Object.entries(kinds))
    if (there.has(kind))
      legend.append(el("span", { class: "key" }, el("span", { class: "swatch " + kind }), label));
  section.querySelector(".controls").after(legend);
  detail.textContent = hint;
  redrawn(box, () => draw(false));
})();
