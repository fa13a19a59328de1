// The page: draws what the master tells, each second, in the words of `sylph status`. Changes nothing and asks nobody else.
// What others wrote, such as names and errors, is set as text, never as HTML.
"use strict";

// ---- numbers as people read them: sylph_mp/control/quantities.py, digit for digit

const fixed = (x, digits) => {
  const text = x.toFixed(digits);
  const tie = (x * 2 ** (digits + 1)) % 2 === 1; // which Python rounds to the even digit
  return tie && text.at(-1) % 2 ? (x - 0.5 / 10 ** digits).toFixed(digits) : text;
};
const threeDigits = (x) => fixed(x, x < 9.995 ? 2 : x < 99.95 ? 1 : 0);
const wholeTime = (s) => {
  if (s < 60) return `${s}s`;
  if (s < 3600) return `${Math.floor(s / 60)}m${s % 60}s`;
  if (s < 86400) return `${Math.floor(s / 3600)}h${Math.floor((s % 3600) / 60)}m`;
  return `${Math.floor(s / 86400)}d${Math.floor((s % 86400) / 3600)}h`;
};
const tenths = (s) => (s < 9.95 ? `${fixed(s, 1)}s` : wholeTime(+fixed(s, 0)));
const known = (format) => (x) => (x === null || x === undefined ? "-" : format(x));

const quantities = {
  rate: known((x) => {
    if (x < 9.95) return x === 0 ? "0" : x >= 0.05 ? fixed(x, 1) : "<0.1";
    for (const [factor, unit] of [[1, ""], [1e3, "k"], [1e6, "M"]]) {
      if (x / factor < 999.5) return (unit ? threeDigits : (y) => fixed(y, 0))(x / factor) + unit;
    }
    return `${threeDigits(x / 1e9)}G`;
  }),
  duration: known((s) => {
    if (s < 0.00995) return `${fixed(s * 1e3, 1)}ms`;
    return s < 0.9995 ? `${fixed(s * 1e3, 0)}ms` : tenths(s);
  }),
  whole_duration: known((s) => {
    if (s < 0.001) return "<1ms";
    return s < 0.9995 ? `${fixed(s * 1e3, 0)}ms` : tenths(s);
  }),
  age: known((s) => (s < 0.1 ? quantities.whole_duration(s) : tenths(s))),
  seconds: known((s) => wholeTime(+fixed(s, 0))),
  size: known((bytes) => {
    const units = ["B", "KiB", "MiB", "GiB", "TiB"];
    let at = 0;
    for (; at < 4 && bytes >= 999.5; at += 1) bytes /= 1024;
    return fixed(bytes, at === 0 || bytes >= 99.95 ? 0 : 1) + units[at];
  }),
  share: known((x) => (x > 0 && x < 0.01 ? "<1%" : `${fixed(x * 100, 0)}%`)),
  number: known((n) => (n < 1000 ? `${n}` : quantities.rate(n))),
};
const { rate, duration, whole_duration, age, seconds, size, share, number } = quantities;
const spaced = (text) => text.replace(/^(<?[\d.]+)(%|[A-Za-jl-z][A-Za-z]*)$/, "$1 $2");
const two = (n) => `${n}`.padStart(2, "0");
const minute = (at) => `${two(new Date(at).getHours())}:${two(new Date(at).getMinutes())}`;
const clock = (at) => `${minute(at)}:${two(new Date(at).getSeconds())}`;

// ---- the document

const $ = (id) => document.getElementById(id);
const make = (name, properties = {}, ...children) => {
  const element = Object.assign(document.createElement(name), properties);
  element.append(...children);
  return element;
};
const draw = (name, attributes = {}, ...children) => {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
};
const say = (element, text) => element.textContent !== text && (element.textContent = text);

const copy = async (button, text) => {
  if (navigator.clipboard) await navigator.clipboard.writeText(text);
  else { // on plain HTTP from another host there is no clipboard
    const field = document.body.appendChild(make("textarea", { value: text }));
    field.select();
    document.execCommand("copy");
    field.remove();
    button.focus();
  }
  button.textContent = "copied";
  setTimeout(() => (button.textContent = "copy"), 2000);
};
const command = (text) => {
  const button = make("button", { type: "button", textContent: "copy", ariaLabel: `copy: ${text}` });
  button.onclick = () => copy(button, text);
  return make("span", { className: "command" }, "next: ", make("code", { textContent: text }), button);
};

// ---- what is known

const SPANS = { "15m": { length: 900, gap: 3, ticks: 300 }, "24h": { length: 86400, gap: 90, ticks: 21600 } };
const state = { points: { "15m": [], "24h": [] }, happened: [], status: null, place: "", heard: 0, how: "connecting" };
let columns = [];
let span = "15m";
let cursor = null; // the time that the pointer shows, or none

const pointOf = (values) => {
  const point = Object.fromEntries(columns.map((name, place) => [name, values[place]]));
  return { ...point, at: point.at * 1e3 };
};
const newest = () => state.points["15m"].at(-1);

function learn(news) {
  const { "15m": points, "24h": minutes } = state.points;
  for (const point of news.points.map(pointOf)) {
    if (points.length && point.number <= points.at(-1).number) continue;
    points.push(point);
    if (!minutes.length || point.at - minutes.at(-1).at >= 60e3) minutes.push(point);
  }
  points.splice(0, points.length - 900);
  minutes.splice(0, minutes.length - 1440);
  state.happened.push(...news.happened);
  state.happened.splice(0, state.happened.length - 1000);
  listHappened(news.happened);
  if (state.status?.master && news.status.master?.pid !== state.status.master.pid) location.reload();
  show(news.status);
  plotAll();
}

function show(status) {
  state.status = status;
  state.heard = Date.now();
  showVerdict(status);
  showNumbers(status);
  showProblems(status);
  showTopics(status);
  showSlots(status);
}

// ---- verdict, numbers, problems

const groupOf = (status) => {
  const groups = [...new Set(status.topics.map((topic) => topic.group))];
  return groups[0] ?? "sylph";
};

function showVerdict(status) {
  const word = status.verdict.replace("-", " ");
  const joint = status.verdict === "healthy" && status.notes.length ? ", but " : ": ";
  if ($("sentence").textContent !== word + joint + status.sentence) {
    $("sentence").replaceChildren(make("b", { textContent: word }), joint + status.sentence);
  }
  if ($("next").dataset.command !== (status.next ?? "")) {
    $("next").dataset.command = status.next ?? "";
    $("next").replaceChildren(...(status.next ? [command(status.next)] : []));
  }
  $("verdict").className = status.verdict;
  $("icon").href = `icon-${status.verdict}.svg`;
  const name = groupOf(status);
  document.title = status.problems.length ? `! ${status.problems[0].text} · ${name}` : name;
  say($("name"), status.master ? `${name} · ${status.master.host}` : name);
  say($("version"), status.master ? `sylph ${status.master.version}` : "sylph");
}

function showNumbers(status) {
  const point = newest() ?? {};
  const run = status.slots.filter((slot) => !["starting", "waiting", "gave-up", "hung"].includes(slot.state)).length;
  const wanted = status.master?.processes_wanted ?? "-";
  const rates = status.topics.map((topic) => topic.rate_per_s).filter((each) => each !== null);
  const numbers = [
    ["settled", `${rate(rates.length ? rates.reduce((sum, each) => sum + each, 0) : null)}/s`],
    ["fail", share(point.fail_ratio)],
    ["end p99", whole_duration(point.end_p99_s)],
    ["in flight", number(status.slots.reduce((sum, slot) => sum + slot.in_flight, 0))],
    ["consumers run", run === wanted ? `${run}` : `${run} of ${wanted}`],
  ];
  const list = $("numbers");
  if (!list.children.length) list.append(...numbers.map(() => make("div", {}, make("dt"), make("dd"))));
  numbers.forEach(([name, text], place) => {
    say(list.children[place].firstChild, name);
    say(list.children[place].lastChild, text);
  });
}

function showProblems(status) {
  const problems = status.problems.length > 1 ? status.problems : []; // the first line has told of one alone
  const said = [...problems.map((found) => [found.code, found.over_since ? found.text : found.sentence, found.next]), ...status.notes.map((note) => ["note", note.text, note.next])];
  const seen = JSON.stringify(said);
  if ($("problems").dataset.seen === seen) return;
  const held = $("problems").contains(document.activeElement) ? document.activeElement.ariaLabel : null;
  $("problems").dataset.seen = seen;
  const items = said.map(([code, text, next]) => make("li", {}, make("b", { textContent: code }), ` ${text} `, command(next)));
  $("problems").replaceChildren(...(items.length ? [make("ul", {}, ...items)] : []));
  if (held) [...$("problems").querySelectorAll("button")].find((button) => button.ariaLabel === held)?.focus();
}

// ---- tables: rows and cells are kept and changed, so that what somebody marks or reads stays

function fill(table, names, rows, left = []) {
  const [head, body] = [table.tHead, table.tBodies[0]];
  const shown = names.join();
  if (table.dataset.columns !== shown) {
    table.dataset.columns = shown;
    head.replaceChildren(make("tr", {}, ...names.map((name) => make("th", { scope: "col", textContent: name, className: left.includes(name) ? "left" : "" }))));
    body.replaceChildren();
  }
  while (body.rows.length > rows.length) body.lastChild.remove();
  rows.forEach((cells, place) => {
    const row = body.rows[place] ?? body.appendChild(newRow(names, left));
    names.forEach((name, at) => setCell(row.children[at], cells[name]));
  });
}
const newRow = (names, left) => make("tr", {}, ...names.map((name, place) => {
  const cell = make(place ? "td" : "th", { className: left.includes(name) ? "left" : "" });
  if (!place) cell.scope = "row";
  cell.dataset.label = name;
  return cell;
}));
function setCell(cell, value) {
  const text = typeof value === "string" ? value : value.text ?? "";
  if (cell.dataset.text !== text || value.svg) {
    cell.dataset.text = text;
    cell.title = text.length > 34 ? text : ""; // it may be cut
    cell.replaceChildren(...(value.svg ? [value.svg] : []), text);
  }
  cell.classList.toggle("bad", text.endsWith("!"));
  cell.classList.toggle("dim", text === "-");
}

const BAD_TOPIC = ["failing", "behind", "away"];
const BAD_SLOT = ["hung", "stuck", "gave-up"];
const worstFirst = (rows, problems, key, bad) => {
  const order = (row) => {
    const place = problems.findIndex((problem) => problem[key] === row[key]);
    return bad.includes(row.state) ? (place < 0 ? problems.length : place) : Infinity;
  };
  return rows.map((row) => [order(row), row]).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)).map(([, row]) => row);
};

function showTopics(status) {
  const told = status.topics.some((topic) => topic.backlog !== null);
  const rows = worstFirst(status.topics, status.problems, "topic", BAD_TOPIC).map((topic) => {
    const flying = topic.queued === null || topic.held === null ? null : topic.running + topic.queued + topic.held;
    const behind = topic.state === "behind" ? "!" : "";
    return {
      TOPIC: topic.topic,
      STATE: topic.state + (BAD_TOPIC.includes(topic.state) ? "!" : ""),
      SHARDS: `${topic.shards}`,
      "RATE/S": rate(topic.rate_per_s),
      "15 MIN": { svg: smallLine(topic.topic) },
      FAIL: share(topic.fail_ratio) + (topic.state === "failing" ? "!" : ""),
      "WAIT-p50": whole_duration(topic.wait_p50_s),
      "WAIT-p99": whole_duration(topic.wait_p99_s),
      "RUN-p50": duration(topic.run_p50_s),
      "RUN-p99": duration(topic.run_p99_s),
      "END-p99": topic.end_p99_s === 0 && topic.skewed ? "skew" : whole_duration(topic.end_p99_s),
      INFLIGHT: number(flying),
      ...(told ? { BACKLOG: number(topic.backlog) + behind } : {}),
      OLDEST: age(topic.oldest_s) + behind,
    };
  });
  if (rows.length) fill($("topics"), Object.keys(rows[0]), rows, ["TOPIC", "STATE", "15 MIN"]);
}

function smallLine(topic) {
  const points = state.points["15m"];
  const most = Math.max(1e-9, ...points.map((point) => point.rates[topic] ?? 0));
  const end = points.at(-1)?.at ?? 0;
  const path = lineOf(points, (point) => point.rates[topic] ?? null, (at) => 90 - ((end - at) / 900e3) * 90, (y) => 17 - (y / most) * 16, 3e3);
  const svg = draw("svg", { viewBox: "0 0 90 18", preserveAspectRatio: "none", "aria-hidden": "true" });
  svg.append(draw("path", { d: path, class: "a" }));
  return svg;
}

function slotState(slot) {
  if (BAD_SLOT.includes(slot.state)) return slot.state === "hung" ? `hung ${seconds(slot.state_s)}!` : `${slot.state}!`;
  if (slot.state === "waiting" && slot.retry_in_s !== null) return slot.retry_in_s >= 1 ? `waiting ${seconds(slot.retry_in_s)}` : slot.state;
  return slot.beat_age_s > 3 ? `${slot.state} ${seconds(slot.beat_age_s)}` : slot.state;
}

function showSlots(status) {
  const crashed = status.slots.some((slot) => slot.crashes);
  const rows = worstFirst(status.slots, status.problems, "slot", BAD_SLOT).map((slot) => ({
    SLOT: slot.stands_in_for === null ? `${slot.slot}` : `${slot.slot} for ${slot.stands_in_for}`,
    STATE: slotState(slot),
    PID: slot.pid === null ? "-" : `${slot.pid}`,
    UP: seconds(slot.uptime_s),
    "RATE/S": rate(slot.rate_per_s),
    BUSY: { text: share(slot.busy_ratio), svg: threadsBar(slot) },
    INFLIGHT: `${slot.in_flight}/${slot.in_flight_limit}`,
    BUFFER: share(slot.buffer_used_bytes === null ? null : slot.buffer_used_bytes / Math.max(1, slot.buffer_bytes)),
    CPU: share(slot.cpu_ratio),
    MEM: size(slot.rss_bytes) + (slot.guarded ? "!" : ""),
    ...(crashed ? { CRASHES: `${slot.crashes}` } : {}),
    SHARDS: slot.shards.join(" ") || "-",
  }));
  if (rows.length) fill($("slots"), Object.keys(rows[0]), rows, ["STATE", "PID", "UP", "MEM", "SHARDS"]);
}

function threadsBar(slot) {
  const threads = slot.threads ?? 0;
  const stuck = slot.running.filter((call) => call.limit_s !== null && call.run_s > call.limit_s).length;
  const [stuckWidth, busyWidth] = [stuck / threads || 0, slot.busy_ratio ?? 0].map((part) => Math.min(44, 44 * part));
  const svg = draw("svg", { class: "bar", viewBox: "0 0 44 10", role: "img" });
  svg.append(
    draw("title", {}, `${threads} threads, ${share(slot.busy_ratio)} busy, ${stuck} stuck`),
    draw("rect", { class: "idle", width: 44, height: 10 }),
    draw("rect", { class: "busy", width: Math.max(busyWidth, stuckWidth), height: 10 }),
    draw("rect", { class: "stuck", width: stuckWidth, height: 10 }),
  );
  return svg;
}

// ---- what happened

function listHappened(happened) {
  const list = $("happened").querySelector("ol");
  for (const event of happened) {
    const at = make("time", { dateTime: event.at, title: event.at, textContent: clock(event.at) });
    const texts = [event.who, event.event, event.text].map((textContent) => make("span", { textContent }));
    list.prepend(make("li", { className: event.level }, at, ...texts));
  }
  while (list.children.length > 50) list.lastChild.remove();
  const crashed = state.happened.some((event) => event.event === "crash");
  const up = state.status?.master ? ` since ${seconds(state.status.master.uptime_s)}` : "";
  say($("nothing"), crashed ? "" : `No crash${up}.`);
}

// ---- plots

const PLOTS = [
  { name: "rate/s", lines: [["a", "Ack", "acked_per_s"], ["b", "Retry", "retried_per_s"], ["c", "DeadLetter", "dead_per_s"]], format: rate, least: 1 },
  { name: "end to end", lines: [["a", "p50", "end_p50_s"], ["b", "p99", "end_p99_s"]], format: whole_duration, log: true },
  { name: "wait", lines: [["a", "p50", "wait_p50_s"], ["b", "p99", "wait_p99_s"]], format: whole_duration, log: true },
  { name: "consumers", lines: [["a", "run", "consumers"], ["b", "wanted", "wanted"]], format: (x) => (x === null ? "-" : fixed(x, 0)), least: 2, step: true },
];
const SIGNS = { grow: "▲", shrink: "▼", crash: "×", quiet: "○", start: "●" };
const [LEFT_EDGE, TOP, BOTTOM] = [46, 8, 20];

/** A path that breaks where nothing is known. */
function lineOf(points, valueOf, x, y, gap, step = false) {
  let [path, before] = ["", null];
  for (const point of points) {
    const value = valueOf(point);
    if (value === null) before = null;
    else {
      const to = `${x(point.at).toFixed(1)} ${y(value).toFixed(1)}`;
      if (!before || point.at - before.at > gap) path += `M${to}`;
      else path += step ? `H${x(point.at).toFixed(1)}V${y(value).toFixed(1)}` : `L${to}`;
      before = point;
    }
  }
  return path;
}

function scaleOf(plot, points, height) {
  const values = points.flatMap((point) => plot.lines.map(([, , key]) => point[key])).filter((value) => value !== null);
  if (plot.log) {
    const low = Math.floor(Math.log10(Math.max(1e-3, Math.min(...values))));
    const high = Math.max(low + 1, Math.ceil(Math.log10(Math.max(2e-3, ...values))));
    const ticks = Array.from({ length: high - low + 1 }, (_, place) => 10 ** (low + place));
    return { y: (value) => TOP + (1 - (Math.log10(Math.max(value, 10 ** low)) - low) / (high - low)) * height, ticks };
  }
  const most = Math.max(plot.least, ...values);
  const unit = 10 ** Math.floor(Math.log10(most / 2));
  const step = Math.max(plot.step ? 1 : 0, [1, 2, 5, 10].map((each) => each * unit).find((each) => most / each <= 4));
  const top = Math.ceil(most / step) * step;
  const ticks = Array.from({ length: Math.round(top / step) + 1 }, (_, place) => place * step);
  return { y: (value) => TOP + (1 - value / top) * height, ticks };
}

/** Times from `from` to `to` for which `holds` does not change: what is unknown or quiet. */
function stretches(points, gap, from) {
  const found = [];
  const add = (word, begin, end) => {
    const last = found.at(-1);
    if (last?.word === word && begin - last.end <= gap) last.end = end;
    else found.push({ word, begin, end });
  };
  points.forEach((point, place) => {
    const before = points[place - 1];
    if (before && point.at - before.at > gap) add("unknown", before.at, point.at);
    const begin = Math.max(from, before && point.at - before.at <= gap ? before.at : point.at);
    if (point.quiet) add("quiet", begin, point.at);
    else if (point.acked_per_s === null && point.consumers > 0 && place > 0) add("unknown", begin, point.at);
  });
  return found.filter(({ begin, end }) => end - begin > gap);
}

function buildPlots() {
  for (const plot of PLOTS) {
    plot.legend = make("span", { className: "legend" });
    plot.values = plot.lines.map(([style, name]) => {
      const value = make("i");
      const swatch = draw("svg", { viewBox: "0 0 22 8", "aria-hidden": "true" }, draw("path", { class: style, d: "M0 4H22" }));
      plot.legend.append(make("span", {}, swatch, `${name} `, value), " ");
      return value;
    });
    plot.svg = draw("svg", { class: "plot", role: "img", height: 168 });
    plot.caption = make("figcaption");
    plot.table = make("table", {}, make("thead"), make("tbody"));
    plot.details = make("details", {}, make("summary", { textContent: "as numbers" }), plot.table);
    plot.details.ontoggle = plotAll;
    plot.svg.onpointermove = (event) => point(plot.svg, event);
    plot.svg.onpointerleave = () => point(null);
    const head = make("div", { className: "head" }, make("b", { textContent: plot.name }), plot.legend);
    $("plots").append(make("figure", {}, head, plot.svg, plot.caption, plot.details));
  }
  const said = make("p", { id: "said", className: "hint" });
  $("plots").append(make("figure", { id: "marks" }, make("div", { className: "head" }, make("b", { textContent: "marks" }), make("span", { className: "legend", textContent: "▲ grow  ▼ shrink  × crash  ○ quiet  ● start" })), draw("svg", { class: "plot", height: 44 }), said));
  new ResizeObserver(plotAll).observe($("plots"));
}

function point(svg, event) {
  const box = svg?.getBoundingClientRect();
  const { from, to } = frame();
  const share = svg ? (event.clientX - box.left - LEFT_EDGE) / (box.width - LEFT_EDGE) : -1;
  cursor = share < 0 ? null : from + share * (to - from);
  plotAll();
}

/** The master's time, as its clock and the reader's may differ; without news the plots stand still. */
const frame = () => {
  const to = newest()?.at ?? Date.now();
  return { from: to - SPANS[span].length * 1e3, to };
};

function plotAll() {
  if (document.hidden || !columns.length) return;
  const { from, to } = frame();
  const lane = $("marks").querySelector("svg.plot");
  const [width, laneWidth] = [PLOTS[0].svg.clientWidth, lane.clientWidth]; // before anything changes: one layout is enough
  if (width <= LEFT_EDGE) return; // not laid out yet
  const points = state.points[span].filter((each) => each.at >= from);
  const marks = state.happened.filter((event) => event.mark && Date.parse(event.at) >= from);
  const shown = cursor === null ? newest() : points.reduce((best, each) => (best && Math.abs(best.at - cursor) <= Math.abs(each.at - cursor) ? best : each), null);
  for (const plot of PLOTS) drawPlot(plot, points, marks, from, to, shown, width);
  drawMarks(lane, marks, from, to, laneWidth);
}

function axis(svg, width, height, from, to) {
  const x = (at) => LEFT_EDGE + ((at - from) / (to - from)) * (width - LEFT_EDGE);
  const every = SPANS[span].ticks * 1e3;
  const zone = new Date().getTimezoneOffset() * 60e3;
  for (let at = Math.ceil((from - zone) / every) * every + zone; at <= to; at += every) {
    const anchor = x(at) > width - 20 ? "end" : x(at) < LEFT_EDGE + 20 ? "start" : "middle";
    svg.append(draw("path", { class: "grid", d: `M${x(at)} ${TOP}v${height}` }), draw("text", { x: x(at), y: TOP + height + 15, "text-anchor": anchor }, minute(at)));
  }
  return x;
}

function drawPlot(plot, points, marks, from, to, shown, width) {
  const { svg } = plot;
  const height = 168 - TOP - BOTTOM;
  const gap = SPANS[span].gap * 1e3;
  svg.setAttribute("viewBox", `0 0 ${width} 168`);
  const stripes = draw("pattern", { id: "hatch", width: 6, height: 6, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" }, draw("path", { class: "hatch", d: "M0 0V6" }));
  svg.replaceChildren(draw("defs", {}, stripes));
  const x = axis(svg, width, height, from, to);
  const { y, ticks } = scaleOf(plot, points, height);
  for (const tick of ticks) {
    svg.append(draw("path", { class: "grid", d: `M${LEFT_EDGE} ${y(tick)}H${width}` }), draw("text", { x: LEFT_EDGE - 6, y: y(tick) + 4, "text-anchor": "end" }, plot.format(tick)));
  }
  for (const { word, begin, end } of stretches(points, gap, from)) {
    const [left, wide] = [x(begin), x(end) - x(begin)];
    svg.append(draw("rect", { x: left, y: TOP, width: wide, height, fill: "url(#hatch)" }, draw("title", {}, word)));
    if (wide > 52) svg.append(draw("text", { x: left + wide / 2, y: TOP + 14, "text-anchor": "middle" }, word));
  }
  for (const event of marks) svg.append(draw("path", { class: `trace ${event.mark}`, d: `M${x(Date.parse(event.at))} ${TOP}v${height}` }));
  for (const [style, , key] of plot.lines) svg.append(draw("path", { class: style, d: lineOf(points, (each) => each[key], x, y, gap, plot.step) }));
  if (cursor !== null) svg.append(draw("path", { class: "cursor", d: `M${x(cursor)} ${TOP}v${height}` }));
  plot.lines.forEach(([, , key], place) => say(plot.values[place], plot.format(shown?.[key] ?? null)));
  const summary = summaryOf(plot, points);
  say(plot.caption, cursor === null || !shown ? summary : `${clock(shown.at)}: what is shown above`);
  svg.setAttribute("aria-label", `${plot.name}: ${summary}`);
  if (plot.details.open) listNumbers(plot, points);
}

function summaryOf(plot, points) {
  const master = state.status?.master;
  if (plot.name === "consumers" && master?.processes_min === master?.processes_max) return `Fixed at ${master?.processes_max} consumers (min = max).`;
  const [, name, key] = plot.lines.at(plot.log ? -1 : 0);
  const told = points.filter((each) => each[key] !== null);
  if (!told.length || (master && master.uptime_s < 60)) return `Running for ${spaced(seconds(master?.uptime_s))}: plots fill from the right.`;
  const most = told.reduce((best, each) => (each[key] > best[key] ? each : best));
  return `${name} ${spaced(plot.format(told.at(-1)[key]))} now, at most ${spaced(plot.format(most[key]))} at ${clock(most.at)}`;
}

/** One row a minute, or an hour. */
function listNumbers(plot, points) {
  const every = span === "15m" ? 60e3 : 3600e3;
  const rows = points.filter((each, place) => place === points.length - 1 || Math.floor(each.at / every) !== Math.floor(points[place + 1].at / every));
  const names = ["TIME", ...plot.lines.map(([, name]) => name)];
  fill(plot.table, names, rows.reverse().map((each) => Object.fromEntries([["TIME", clock(each.at)], ...plot.lines.map(([, name, key]) => [name, plot.format(each[key])])])));
}

function drawMarks(svg, marks, from, to, width) {
  const seen = [width, span, Math.floor(to / 1e3), marks.length].join();
  if (svg.dataset.seen === seen || svg.contains(document.activeElement)) return; // focus is not to be lost
  svg.dataset.seen = seen;
  svg.setAttribute("viewBox", `0 0 ${width} 44`);
  svg.replaceChildren();
  const x = axis(svg, width, 16, from, to);
  for (const event of marks) {
    const sentence = `${clock(event.at)} ${event.who}: ${event.event}: ${event.text}`;
    const sign = draw("text", { class: `mark ${event.mark}`, x: x(Date.parse(event.at)), y: TOP + 13, "text-anchor": "middle", tabindex: 0, role: "img", "aria-label": sentence }, draw("title", {}, sentence), SIGNS[event.mark]);
    sign.onfocus = sign.onpointerenter = () => say($("said"), sentence);
    svg.append(sign);
  }
  if (!marks.length) say($("said"), `Nothing to mark in these ${span === "15m" ? "15 min" : "24 h"}.`);
  else if ($("said").textContent.startsWith("Nothing")) say($("said"), "");
}

// ---- the connection

let stream = null;
let polling = null;

const eventAt = (place) => Number(place.split(".")[1]);

function listen() {
  if (stream || document.hidden) return;
  stream = new EventSource(`events?after=${state.place}`);
  stream.onmessage = (event) => {
    clearInterval(polling);
    polling = null;
    state.how = "live · 1 s";
    const news = JSON.parse(event.data);
    const count = eventAt(event.lastEventId) - eventAt(state.place);
    news.happened = count > 0 ? news.happened.slice(-count) : []; // a page that joins the others hears the last second twice
    state.place = event.lastEventId;
    learn(news);
  };
  stream.onerror = () => {
    if (stream?.readyState !== EventSource.CLOSED) return; // it comes back by itself
    stream = null;
    polling ??= setInterval(poll, 5000); // too many pages are open
    poll();
  };
}

async function poll() {
  try {
    const answer = await fetch("status.json");
    state.how = "polled · 5 s: too many pages are open";
    show(await answer.json());
  } catch {
    return; // the age tells
  }
  if (Math.random() < 0.1) listen();
}

function tellAge() {
  const silent = (Date.now() - state.heard) / 1000;
  const lost = state.heard && silent > (polling ? 8 : 3);
  $("age").classList.toggle("lost", Boolean(lost));
  say($("age"), lost ? `lost for ${spaced(seconds(silent))}` : state.how);
}

async function begin() {
  const beginning = await (await fetch("history.json")).json();
  ({ columns, place: state.place } = beginning);
  state.points = { "15m": beginning.seconds.map(pointOf), "24h": beginning.minutes.map(pointOf) };
  state.happened = beginning.happened;
  show(await (await fetch("status.json")).json());
  $("first").hidden = true;
  $("live").hidden = false;
  buildPlots();
  listHappened(state.happened);
  plotAll();
  listen();
  setInterval(tellAge, 1000);
  tellAge();
}

document.addEventListener("visibilitychange", () => {
  if (!document.hidden) return listen();
  stream?.close();
  stream = null;
});
for (const input of document.querySelectorAll("input[name=span]")) {
  input.onchange = () => {
    span = input.value;
    plotAll();
  };
}
begin();
