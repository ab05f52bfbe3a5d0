/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

// The count over time against the limit. data.history: [level, s, count, most, limit]; level k has a
// point for 4^k seconds.
(() => {
  const section = document.getElementById("time");
  const box = document.getElementById("chart");
  const detail = section.querySelector(".detail");
  const height = 300,
    top = 22,
    lane = 30,
    axis = 24;
  let range = 0; // ms; 0: all
  let pressed = null; // the events that are being told

  // The finest point there is for each time, in order. A coarser one that reaches into the time of
  // finer ones has a count of theirs.
  function merge(history) {
    const points = [];
    let edge = Infinity;
    for (let level = 0; level < 8; level++) {
      const span = 4 ** level * 1000;
      const mine = history.filter((p) => p[0] === level && p[1] * 1000 + span <= edge);
      for (const [, s, count, most, limit] of mine)
        points.push({
          from: Math.max(s * 1000, data.since),
          to: Math.min(s * 1000 + span, data.now),
          count,
          most,
          limit,
        });
      for (const p of mine) edge = Math.min(edge, p[1] * 1000);
    }
    return points.filter((p) => p.to >= p.from).sort((a, b) => a.from - b.from);
  }

  const points = merge(data.history);
  if (points.length === 0) {
    nothing(section, data.why || "The record has no counts yet.");
    return;
  }
  const end = Math.max(data.now, points[points.length - 1].to);
  // From the process's beginning, if the history reaches back to it.
  const begin = points[0].from - data.since < (end - data.since) / 20 ? data.since : points[0].from;
  const ranges = [
    [64, "1 min"],
    [256, "4 min"],
    [1024, "17 min"],
    [4096, "68 min"],
    [16384, "4.5 h"],
    [65536, "18 h"],
    [262144, "3 days"],
    [1048576, "12 days"],
  ].filter(([s]) => s * 1000 < end - begin);

  function nice(most, ticks) {
    const rough = most / ticks,
      power = 10 ** Math.floor(Math.log10(rough));
    return Math.max(1, [1, 2, 5, 10].find((m) => m * power >= rough) * power);
  }

  const steps = [
    1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 172800,
    345600,
  ].map((s) => s * 1000);
  function timeLabel(ms, step) {
    if (step < 60000) return clock(ms);
    const atMidnight = clock(ms) === "00:00:00";
    return step >= 86400000 || atMidnight ? iso(ms).slice(5, 10) : clock(ms).slice(0, 5);
  }

  function tellEvents(list) {
    detail.replaceChildren();
    for (const [ms, kind, , , text] of list.slice(0, 4))
      detail.append(el("b", null, moment(ms) + " " + kind), " ", text, el("br"));
    if (list.length > 4) detail.append("and " + (list.length - 4) + " more: see the events below");
  }

  function tellPoint(p) {
    detail.replaceChildren(
      el("b", null, moment(p.to)),
      " " +
        counted(p.count, "map") +
        ", " +
        percent(p.count, p.limit) +
        " of " +
        grouped(p.limit) +
        (p.most > p.count
          ? "; at most " + grouped(p.most) + " in the " + duration(p.to - p.from) + " before"
          : ""),
    );
  }

  const hint = "Point at the line or at a mark, or use the arrow keys. Times are " + data.zoneName + ".";
  let here = -1; // the point told, for the keyboard

  function draw() {
    const width = box.clientWidth;
    const left = range ? Math.max(begin, end - range) : begin;
    const shown = points.filter((p) => p.to >= left);
    // What was the count when the picture begins: the last known before it.
    const before =
      points.filter((p) => p.to < left).pop() || (left < points[0].from ? points[0] : undefined);
    const most = Math.max(1, ...shown.map((p) => p.most), before ? before.count : 0);
    const limit = Math.max(...shown.map((p) => p.limit), 0);
    // A limit that is far away would press the line flat: then it is only said.
    const withLimit = limit > 0 && most >= limit / 8;
    const high = withLimit ? Math.max(limit, most) * 1.06 : most * 1.15;
    const step = nice(high, 5);
    const labels = [];
    for (let v = 0; v <= high; v += step) labels.push(v);
    const margin = Math.max(...labels.map((v) => grouped(v).length)) * 7.2 + 10;
    const bottom = height - axis - lane,
      wide = Math.max(1, width - margin - 8);
    const x = (ms) => margin + ((ms - left) / Math.max(1, end - left)) * wide;
    const y = (n) => bottom - (n / high) * (bottom - top);
    const picture = svg("svg", {
      width,
      height,
      viewBox: "0 0 " + width + " " + height,
      tabindex: 0,
      role: "img",
      "aria-label":
        "The number of maps from " +
        moment(left) +
        " to " +
        moment(end) +
        ": now " +
        grouped(points[points.length - 1].count) +
        ", at most " +
        grouped(most) +
        ", limit " +
        grouped(limit),
    });

    for (const v of labels) {
      picture.append(svg("line", { class: "grid", x1: margin, x2: margin + wide, y1: y(v), y2: y(v) }));
      picture.append(svg("text", { x: margin - 8, y: y(v) + 4, "text-anchor": "end" }, grouped(v)));
    }
    const room = wide / 76,
      apart =
        steps.find((s) => (end - left) / s <= room) || Math.ceil((end - left) / room / 86400000) * 86400000;
    const first = Math.ceil((left + data.zone * 1000) / apart) * apart - data.zone * 1000;
    for (let t = first; t <= end; t += apart) {
      picture.append(svg("line", { class: "grid", x1: x(t), x2: x(t), y1: bottom, y2: bottom + 5 }));
      const edge = x(t) > margin + wide - 24 ? "end" : x(t) < 24 ? "start" : "middle";
      picture.append(svg("text", { x: x(t), y: bottom + 18, "text-anchor": edge }, timeLabel(t, apart)));
    }

    // Line: each point's count holds until the next one's.
    const line = [],
      band = [];
    let level = before ? before.count : shown.length ? shown[0].count : 0;
    line.push("M" + x(left).toFixed(1) + " " + y(level).toFixed(1));
    for (const p of shown) {
      const from = Math.max(left, p.from);
      line.push("L" + x(p.to).toFixed(1) + " " + y(p.count).toFixed(1));
      if (p.most > p.count)
        band.push(
          "M" +
            x(from).toFixed(1) +
            " " +
            y(p.most).toFixed(1) +
            "H" +
            Math.max(x(p.to), x(from) + 1).toFixed(1) +
            "V" +
            y(p.count).toFixed(1) +
            "H" +
            x(from).toFixed(1) +
            "Z",
        );
      level = p.count;
    }
    line.push("H" + x(end).toFixed(1));
    if (band.length) picture.append(svg("path", { class: "most", d: band.join("") }));
    if (withLimit) {
      const l = ["M" + x(left).toFixed(1) + " " + y((before || shown[0]).limit).toFixed(1)];
      for (const p of shown)
        l.push("H" + x(Math.max(left, p.from)).toFixed(1) + "V" + y(p.limit).toFixed(1));
      l.push("H" + x(end).toFixed(1));
      picture.append(svg("path", { class: "limit", d: l.join("") }));
    }
    picture.append(
      svg(
        "text",
        {
          class: "limit-name",
          x: margin + wide,
          y: withLimit ? y(limit) - 6 : top - 8,
          "text-anchor": "end",
        },
        "limit " + grouped(limit) + (withLimit ? "" : ", far above"),
      ),
    );
    picture.append(svg("path", { class: "count", d: line.join("") }));
    picture.append(svg("circle", { class: "dot", cx: x(end), cy: y(level), r: 3.5 }));
    const cross = svg("line", { class: "here", y1: top, y2: bottom, visibility: "hidden" });
    picture.append(cross);

    function point(i) {
      if (!shown.length) return;
      here = Math.max(0, Math.min(shown.length - 1, i));
      const at = x(Math.max(left, shown[here].to));
      cross.setAttribute("x1", at);
      cross.setAttribute("x2", at);
      cross.setAttribute("visibility", "visible");
      tellPoint(shown[here]);
    }
    const nearest = (e) => {
      const ms = left + ((e.clientX - picture.getBoundingClientRect().left - margin) / wide) * (end - left);
      let best = 0;
      for (let i = 0; i < shown.length; i++)
        if (Math.abs(shown[i].to - ms) < Math.abs(shown[best].to - ms)) best = i;
      point(best);
    };
    picture.addEventListener("pointermove", nearest);
    picture.addEventListener("pointerdown", nearest); // a tap moves nothing
    picture.addEventListener("keydown", (e) => {
      const to = { ArrowLeft: here - 1, ArrowRight: here + 1, Home: 0, End: shown.length - 1 }[e.key];
      if (to === undefined) return;
      e.preventDefault();
      point(here < 0 ? shown.length - 1 : to);
    });
    here = -1;

    // Marks of the events, those that would lie over each other as one.
    const marks = [];
    for (const event of data.events) {
      if (event[0] < left) continue;
      const at = Math.min(x(event[0]), margin + wide),
        last = marks[marks.length - 1];
      if (last && at - last.x < 26) last.list.push(event);
      else marks.push({ x: at, list: [event] });
    }
    box.replaceChildren(picture);
    for (const m of marks) {
      const worst = Math.min(...m.list.map((e) => e[2]));
      const b = el("button", {
        type: "button",
        class: "mark level" + worst + (m.list.length > 1 ? " many" : ""),
        "data-n": m.list.length,
        "aria-pressed": "false",
        "aria-label":
          m.list.length > 1
            ? m.list.length + " events from " + moment(m.list[0][0])
            : moment(m.list[0][0]) + " " + m.list[0][1] + ": " + m.list[0][4],
      });
      b.style.left = Math.min(m.x - 12, width - 24) + "px";
      b.style.top = height - lane + 4 + "px";
      const tell = () => {
        if (pressed) pressed.setAttribute("aria-pressed", "false");
        pressed = b;
        b.setAttribute("aria-pressed", "true");
        tellEvents(m.list);
      };
      b.addEventListener("click", tell);
      b.addEventListener("focus", tell);
      b.addEventListener("pointerenter", tell);
      box.append(b);
    }
  }

  detail.textContent = hint;
  if (ranges.length)
    section.querySelector(".controls").append(
      choice(
        "The last",
        ranges.map(([s, label]) => [s * 1000, label]).concat([[0, "all " + duration(end - begin)]]),
        0,
        (ms) => {
          range = ms;
          draw();
        },
      ),
    );
  redrawn(box, draw);
})();
