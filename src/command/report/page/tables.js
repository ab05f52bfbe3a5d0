/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

// The tables. Headers are buttons that sort; a long table shows its first rows until asked.
(() => {
  const first = 20;

  // columns: { key, title, show(row), num, name, hidden }; rows have a value under each key.
  function table(caption, columns, rows, sorted) {
    columns = columns.filter(
      (c) => !c.optional || rows.some((r) => r[c.key] !== null && r[c.key] !== undefined),
    );
    let by = columns.find((c) => c.key === sorted) || columns[0],
      down = true,
      all = rows.length <= first;
    // Roles are said, because on a narrow screen the rows are blocks.
    const body = el("tbody", { role: "rowgroup" });
    const heads = columns.map((c) => {
      const b = el("button", { type: "button" }, c.title);
      const th = el("th", { scope: "col", role: "columnheader", class: c.num ? "num" : null }, b);
      b.addEventListener("click", () => {
        down = by === c ? !down : c.num || c.time ? true : false;
        by = c;
        fill();
      });
      return th;
    });
    const more = el("button", { type: "button", class: "more" }, "Show all " + grouped(rows.length));
    more.addEventListener("click", () => {
      all = true;
      fill();
    });
    function fill() {
      const value = (r) =>
        r[by.key] === null || r[by.key] === undefined ? -1 : by.age ? data.now - r[by.key] : r[by.key];
      const way = down ? -1 : 1;
      const list = rows
        .map((r, i) => [r, i])
        .sort(([a, i], [b, k]) => {
          const x = value(a),
            y = value(b);
          return (x < y ? -way : x > y ? way : 0) || i - k;
        });
      heads.forEach((th, i) => {
        if (columns[i] === by) th.setAttribute("aria-sort", down ? "descending" : "ascending");
        else th.removeAttribute("aria-sort");
      });
      body.replaceChildren(
        ...list
          .slice(0, all ? rows.length : first)
          .map(([r]) =>
            el(
              "tr",
              { role: "row", class: r.class },
              ...columns.map((c) =>
                el(
                  "td",
                  {
                    role: "cell",
                    class: c.num ? "num" : c.name ? "name" : c.time ? "when" : c.class,
                    "data-name": c.num || (c.time && c.key !== "ms") ? c.title : null,
                  },
                  c.show(r),
                ),
              ),
            ),
          ),
      );
      more.hidden = all;
    }
    fill();
    return el(
      "div",
      null,
      el(
        "table",
        { role: "table" },
        el("caption", null, caption),
        el("thead", { role: "rowgroup" }, el("tr", { role: "row" }, ...heads)),
        body,
      ),
      more,
    );
  }

  const number = (key, title) => ({
    key,
    title,
    num: true,
    optional: true,
    show: (r) => (r[key] === null || r[key] === undefined ? "" : grouped(r[key])),
  });
  const total = data.live || data.maps || 1;
  const columnsOf = (name, rows) =>
    [
      name,
      number("n", "mappings"),
      { key: "share", title: "share", num: true, optional: true, show: (r) => percent(r.share, total) },
      number("v", "maps"),
      { key: "b", title: "size", num: true, show: (r) => bytes(r.b) },
      // A file is one file.
      rows === data.files ? null : number("f", "files"),
      number("d", "deleted"),
      {
        key: "o",
        title: "oldest",
        num: true,
        age: true,
        optional: true,
        show: (r) => (r.o ? duration(data.now - r.o) : ""),
      },
      {
        key: "y",
        title: "newest",
        num: true,
        age: true,
        optional: true,
        show: (r) => (r.y ? duration(data.now - r.y) : ""),
      },
    ].filter((c) => c);
  for (const list of [data.stacks, data.files, data.suffixes, data.deleted])
    for (const r of list) r.share = data.live ? r.n : r.v;

  // A stack is called by where the program itself acts in it.
  const site = (s) => (s.at === undefined ? ["no stack was recorded", "", "", "none"] : data.frames[s.at]);
  const placed = (f) => [f[1], f[2]].filter((w) => w).join(" in ");
  function showStack(s) {
    const top = site(s),
      where = placed(top);
    const box = el("div");
    const list = el(
      "ol",
      { class: "frames", hidden: true },
      ...s.s.map((i) => {
        const f = data.frames[i];
        return el("li", null, ...breakable(f[0]), " ", el("span", null, ...breakable(placed(f))));
      }),
    );
    const open = el("button", { type: "button", "aria-expanded": "false" }, ...breakable(top[0]));
    open.addEventListener("click", () => {
      list.hidden = !list.hidden;
      open.setAttribute("aria-expanded", String(!list.hidden));
    });
    box.append(s.s.length ? open : top[0]);
    if (where) box.append(el("small", null, ...breakable(where)));
    if (s.e)
      box.append(
        el("small", null, ...breakable("of " + s.e), s.f > 1 ? " and " + grouped(s.f - 1) + " more" : ""),
      );
    if (s.s.length) box.append(list);
    return box;
  }
  for (const s of data.stacks) s.name = site(s)[0];

  const breakableName = (r) => el("span", null, ...breakable(r.name));
  const left = (more) => (more ? "; " + grouped(more) + " more are left out" : "");
  const what = data.live ? "live mappings" : "maps";
  const panels = [
    [
      "stack",
      data.stacks,
      "Live mappings by the call stack that made them; a name opens its stack" +
        left(data.moreStacks.groups),
      { key: "name", title: "stack", name: true, show: showStack },
    ],
    [
      "file",
      data.files,
      (data.partly
        ? "The files that held most maps when they were last read"
        : "The " + what + " by file") + left(data.moreFiles),
      { key: "name", title: "file", name: true, show: breakableName },
    ],
    [
      "suffix",
      data.suffixes,
      "The " + what + " by how the names of their files end",
      { key: "name", title: "files", name: true, show: breakableName },
    ],
    [
      "deleted or not",
      data.deleted,
      "Of files that are deleted or replaced, of files that are there, and of none",
      { key: "name", title: "what", name: true, show: breakableName },
    ],
  ].filter((p) => p[1].length);
  const home = document.getElementById("tables");
  const made = panels.map(([, rows, caption, name], i) =>
    el("div", { class: "panel", hidden: i !== 0 }, table(caption, columnsOf(name, rows), rows, "share")),
  );
  if (made.length === 0) nothing(document.getElementById("numbers"), "Nothing is known of what is mapped.");
  else {
    home.append(...made);
    document.querySelector("#numbers .controls").append(
      choice(
        "By",
        panels.map((p, i) => [i, p[0]]),
        0,
        (chosen) => made.forEach((panel, i) => (panel.hidden = i !== chosen)),
      ),
    );
  }

  const levels = { 1: "error", 2: "warning", 3: "info" };
  const happened = data.events.map(([ms, kind, level, thread, text]) => ({
    ms,
    kind,
    level,
    thread,
    text,
    class: "level" + level,
  }));
  if (happened.length === 0)
    nothing(document.getElementById("events"), data.why || "Nothing has befallen this process.");
  else
    document.getElementById("happened").append(
      table(
        data.eventsLead,
        [
          { key: "ms", title: "when", time: true, show: (e) => moment(e.ms) },
          { key: "kind", title: "what", class: "kind", show: (e) => e.kind },
          { key: "level", title: "level", show: (e) => levels[e.level] || "" },
          { key: "thread", title: "thread", num: true, show: (e) => String(e.thread) },
          { key: "text", title: "text", name: true, show: (e) => e.text },
        ],
        happened,
        "ms",
      ),
    );
})();
