"use strict";
/* Switches, sorting, explanations, pictures and deep links. Without this script all is shown.

   The address holds the state:
   #SECTION?scale=4&dataset=Set5&metric=ssim_y&v=NAME&v=NAME&q=text&sort=TABLE:COLUMN:a|d */
(() => {
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const form = document.getElementById("switches");
  const fields = form.elements;
  const tables = all("table[data-sortable]");
  const chips = all("input[name=v]", form);
  let section = "";
  // Three plots share a page's width: small ones keep their letters large.
  let printing = false;
  let sorted = "";

  // --- what is shown -----------------------------------------------------------------------
  const variants = chips.map((chip) => ({ name: chip.value, label: chip.dataset.label }));
  // A title is a label, alone or with what sets its row apart in brackets. The longest label wins.
  const owner = (title) =>
    variants
      .filter(({ label }) => title === label || title.startsWith(label + " [") || title.startsWith(label + " less "))
      .sort((a, b) => b.label.length - a.label.length)[0];
  const named = new Map();
  const name = (element, title) => {
    const found = owner(title);
    named.set(element, { variant: found?.name, words: (title + " " + (found?.name ?? "")).toLowerCase() });
  };
  for (const row of all("tbody tr:not(.group)")) name(row, row.cells[0].firstChild?.textContent ?? "");
  for (const shot of all(".shots li[data-variant]")) name(shot, shot.dataset.variant);
  const drawn = all("svg [data-name]").map((mark) => [mark, owner(mark.dataset.name)?.name, mark.dataset.name.toLowerCase()]);
  const crops = all(".crop");
  const placed = all("[data-scale], [data-dataset], [data-metric]").filter((e) => !named.has(e) && !crops.includes(e));
  const noCrops = document.getElementById("no-crops");

  const wanted = () => ({
    scale: fields.scale ? fields.scale.value : "",
    dataset: fields.dataset ? fields.dataset.value : "",
    metric: fields.metric ? fields.metric.value : "",
    v: chips.filter((chip) => chip.checked).map((chip) => chip.value),
    q: fields.q.value.trim(),
  });
  const matches = ({ dataset: at }, state) =>
    ["scale", "dataset", "metric"].every((key) => !state[key] || !at[key] || at[key] === state[key]);
  // Rows of no variant, such as the seed noise, belong to all.
  const chosen = (variant, words, state) =>
    (!state.v.length || !variant || state.v.includes(variant)) && words.includes(state.q.toLowerCase());

  const first = wanted();
  function show(state = wanted()) {
    for (const element of placed) element.hidden = !matches(element, state);
    // Few datasets have pictures: those of another one are better than none, if it is said.
    const any = crops.some((crop) => crop.dataset.dataset === state.dataset);
    const shown = any ? state : { ...state, dataset: "" };
    for (const crop of crops) crop.hidden = !matches(crop, shown);
    if (noCrops) {
      const pictured = [...new Set(crops.map((crop) => crop.dataset.dataset))].join(" and ");
      noCrops.hidden = any || !state.dataset;
      // What the page opens with is nobody's wish.
      noCrops.textContent =
        `From the dataset ${pictured}.` + (state.dataset === first.dataset ? "" : ` Of ${state.dataset} none were saved.`);
    }
    for (const [element, { variant, words }] of named)
      element.hidden = !matches(element, state) || !chosen(variant, words, state);
    for (const [mark, variant, words] of drawn)
      mark.classList.toggle("off", !chosen(variant, words + " " + (variant ?? ""), state));
    for (const table of tables) {
      const rows = all("tbody tr:not(.group)", table);
      const count = rows.filter((row) => !row.hidden).length;
      for (const body of table.tBodies) body.hidden = [...body.rows].every((row) => row.hidden || row.className === "group");
      table.closest(".table").querySelector(".count").textContent =
        count === rows.length ? "" : `${count} of ${rows.length} rows, by the switches above`;
      // Where a page is narrow, a column that repeats a switch gives its room to the figures.
      for (const head of all("th[data-key]", table)) {
        const key = head.dataset.key;
        const told = state[key] && rows.every((row) => row.hidden || row.dataset[key] === state[key]);
        for (const row of [head.parentElement, ...rows]) row.cells[head.cellIndex].classList.toggle("told", Boolean(told));
      }
    }
    document.querySelector(".filtered").textContent = said(state);
    dispatchEvent(new CustomEvent("shown", { detail: state }));
  }
  function said(state) {
    const words = [state.scale && state.scale + "\u00d7", state.dataset];
    if (fields.metric) words.push(fields.metric[[...fields.metric].findIndex((f) => f.checked)].nextSibling.textContent);
    words.push(...variants.filter(({ name }) => state.v.includes(name)).map(({ label }) => label));
    if (state.q) words.push(`variants with \u201c${state.q}\u201d`);
    return "Shown: " + (words.filter(Boolean).join(", ") || "everything") + ".";
  }

  // --- sorting -----------------------------------------------------------------------------
  const value = (cell, numeric) => {
    const text = cell.dataset.v ?? cell.firstChild?.textContent ?? "";
    if (!numeric) return text.toLowerCase();
    return text === "" ? NaN : Number(text.replace(/^inf$/, "Infinity").replace(/^-inf$/, "-Infinity"));
  };
  function sort(table, column, descending) {
    const head = table.tHead.rows[0].cells;
    const numeric = head[column].classList.contains("n");
    const blank = (key) => (numeric ? Number.isNaN(key) : key === "");
    for (const body of table.tBodies) {
      const rows = [...body.rows].filter((row) => row.className !== "group");
      const keyed = rows.map((row) => [value(row.cells[column], numeric), row]);
      keyed.sort(([a], [b]) => {
        // What was not measured stays at the end, either way.
        if (blank(a) || blank(b)) return blank(a) - blank(b);
        const order = numeric ? (a < b ? -1 : a > b ? 1 : 0) : a.localeCompare(b, "en", { numeric: true });
        return descending ? -order : order;
      });
      body.append(...keyed.map(([, row]) => row));
    }
    for (const cell of head) cell.removeAttribute("aria-sort");
    head[column].setAttribute("aria-sort", descending ? "descending" : "ascending");
    sorted = `${table.id}:${column}:${descending ? "d" : "a"}`;
  }
  for (const table of tables) {
    [...table.tHead.rows[0].cells].forEach((cell, column) => {
      cell.querySelector("button").addEventListener("click", () => {
        const now = cell.getAttribute("aria-sort");
        // Figures read from the highest, names from A.
        sort(table, column, now ? now === "ascending" : cell.classList.contains("n"));
        remember();
      });
    });
  }

  // --- explanations: what a pointer tells, for fingers and keys ------------------------------
  const tip = document.getElementById("tip");
  const explain = (element) => tell(element?.getAttribute("title"), element?.getBoundingClientRect());
  function tell(note, box) {
    tip.hidden = !note;
    if (!note) return;
    tip.textContent = note;
    const left = Math.max(8, Math.min(box.left, innerWidth - tip.offsetWidth - 8));
    const below = box.bottom + 6 + tip.offsetHeight < innerHeight;
    tip.style.left = left + "px";
    tip.style.top = (below ? box.bottom + 6 : box.top - tip.offsetHeight - 6) + "px";
  }
  addEventListener("click", (event) => explain(event.target.closest?.(":is(td, tbody th)[title]")));
  addEventListener("scroll", () => (tip.hidden = true), { passive: true, capture: true });
  for (const region of all(".scroll")) {
    const cells = () => all(":is(td, tbody th)[title]", region).filter((cell) => cell.checkVisibility());
    if (region.querySelector("[title]")) region.setAttribute("aria-description", "Enter: what its cells mean; arrows go on, Escape ends");
    region.addEventListener("keydown", (event) => {
      const at = cells().indexOf(event.target);
      const step = { Enter: at < 0 ? 1 : 0, ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
      if (event.key === "Escape" && at >= 0) {
        tip.hidden = true;
        region.focus();
      } else if (step && (at >= 0 || (event.target === region && event.key === "Enter"))) {
        event.preventDefault();
        const next = cells()[at < 0 ? 0 : at + step];
        if (!next) return;
        next.tabIndex = -1;
        next.focus();
        explain(next);
      }
    });
  }

  // --- dots of a drawn plot: a row of them is one path, in the order of the images -------------
  for (const canvas of all(".canvas[data-points]")) {
    let dots;
    const read = () => {
      const { names, rows, digits } = JSON.parse(canvas.dataset.points);
      const signed = (value) => (value < 0 ? "\u2212" : "+") + Math.abs(value).toFixed(digits);
      return Object.entries(rows).map(([title, values]) => {
        const paths = all("g[data-name] > path", canvas).filter((path) => path.parentNode.dataset.name === title);
        const path = paths.find((p) => p.getAttribute("d").split("M").length - 1 === values.length);
        const places = [...(path?.getAttribute("d") ?? "").matchAll(/M\s*([-\d.]+)\s+([-\d.]+)/g)];
        return places
          .map(([, x, y], i) => ({ path, x: Number(x), y: Number(y), value: values[i], words: `${names[i]}: ${title} ${signed(values[i])} dB` }))
          .sort((a, b) => a.value - b.value);
      });
    };
    const rows = () => (dots ??= read()).filter((row) => row.length && !row[0].path.closest(".off"));
    const place = ({ path, x, y }) => new DOMPoint(x, y).matrixTransform(path.getScreenCTM());
    const point = (dot) => {
      const { x, y } = place(dot);
      tell(dot.words, new DOMRect(x - 4, y - 4, 8, 8));
    };
    const near = ({ clientX, clientY }) => {
      const found = rows().flat().map((dot) => [Math.hypot(place(dot).x - clientX, place(dot).y - clientY), dot]);
      const [far, dot] = found.sort(([a], [b]) => a - b)[0] ?? [Infinity];
      far < 9 ? point(dot) : tell("");
    };
    canvas.addEventListener("pointermove", near);
    canvas.addEventListener("click", (event) => (event.stopPropagation(), near(event)));
    canvas.addEventListener("pointerleave", () => tell(""));
    canvas.setAttribute("aria-description", "Arrow keys: which image a dot is, from the lowest; up and down: another network");
    let at = [0, -1];
    canvas.addEventListener("keydown", (event) => {
      const [down, right] = { ArrowRight: [0, 1], ArrowLeft: [0, -1], ArrowDown: [1, 0], ArrowUp: [-1, 0] }[event.key] ?? [];
      const shown = rows();
      if (event.key === "Escape") tell("");
      if (down === undefined || !shown.length) return;
      event.preventDefault();
      const row = Math.max(0, Math.min(shown.length - 1, at[0] + down));
      at = [row, Math.max(0, Math.min(shown[row].length - 1, at[1] + right))];
      const dot = shown[at[0]][at[1]];
      canvas.scrollLeft += place(dot).x - canvas.getBoundingClientRect().left - canvas.clientWidth / 2;
      requestAnimationFrame(() => point(dot));
    });
    canvas.addEventListener("blur", () => tell(""));
  }

  // --- deep links --------------------------------------------------------------------------
  function remember() {
    const state = wanted();
    const search = new URLSearchParams();
    for (const key of ["scale", "dataset", "metric"]) if (state[key] !== first[key]) search.set(key, state[key]);
    for (const variant of state.v) search.append("v", variant);
    if (state.q) search.set("q", state.q);
    if (sorted) search.set("sort", sorted);
    const words = search.toString();
    history.replaceState(null, "", "#" + section + (words ? "?" + words : ""));
  }
  function choose(field, wish) {
    if (!field || wish === null) return;
    const values = field instanceof RadioNodeList ? [...field].map((f) => f.value) : [...field.options].map((o) => o.value);
    if (values.includes(wish)) field.value = wish;
  }
  function recall() {
    const [anchor, words] = location.hash.slice(1).split("?", 2);
    section = anchor;
    if (words !== undefined) {
      const search = new URLSearchParams(words);
      for (const key of ["scale", "dataset", "metric"]) choose(fields[key], search.get(key) ?? first[key]);
      for (const chip of chips) chip.checked = search.getAll("v").includes(chip.value);
      fields.q.value = search.get("q") ?? "";
      const [id, column, way] = (search.get("sort") ?? "").split(":");
      const table = tables.find((t) => t.id === id);
      if (table && table.tHead.rows[0].cells[Number(column)]) sort(table, Number(column), way === "d");
    }
    show();
    const target = section && document.getElementById(section);
    if (!target) return;
    let fold = target.closest("details:not([open])");
    const folded = Boolean(fold);
    for (; fold; fold = fold.parentElement.closest("details:not([open])")) fold.open = true;
    if (folded || words !== undefined) target.scrollIntoView();
  }
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("input", () => {
    show();
    remember();
  });
  addEventListener("hashchange", () => {
    recall();
    remember();
  });

  // --- the plot with axes to choose ----------------------------------------------------------
  const svg = (tag, attributes, text) => {
    const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    if (text !== undefined) element.textContent = text;
    return element;
  };
  const figure = (value) => value.toLocaleString("en", { maximumSignificantDigits: 6 }).replace("-", "\u2212");
  function steps(low, high, most) {
    const raw = (high - low) / most;
    const size = 10 ** Math.floor(Math.log10(raw));
    const step = [1, 2, 5, 10].map((n) => n * size).find((s) => s >= raw);
    const ticks = [];
    for (let i = Math.ceil(low / step); i * step <= high + step * 1e-9; i++) ticks.push(i * step + 0);
    return ticks;
  }
  function axis(values, from, to) {
    let [low, high] = [Math.min(...values), Math.max(...values)];
    const log = low > 0 && high / low > 3;
    const [f, g] = log ? [Math.log10, (v) => 10 ** v] : [(v) => v, (v) => v];
    [low, high] = [f(low), f(high)];
    const room = 0.12 * (high - low || Math.abs(high) || 1);
    [low, high] = [low - room, high + room];
    const place = (value) => from + ((f(value) - low) / (high - low)) * (to - from);
    let ticks = steps(low, high, Math.max(2, Math.abs(to - from) / 90));
    if (log) ticks = [1, 2, 3, 5].flatMap((n) => [...Array(13).keys()].map((e) => n * 10 ** (e - 4))).filter((v) => f(v) >= low && f(v) <= high);
    return { place, ticks };
  }
  // Beyond noise: the intervals have nothing in common.
  function beats(a, b, ways) {
    const surely = ways.map(({ key, high }) => (high ? a.figures[key][1] > b.figures[key][2] : a.figures[key][2] < b.figures[key][1]));
    const behind = ways.map(({ key, high }) => (high ? a.figures[key][2] < b.figures[key][1] : a.figures[key][1] > b.figures[key][2]));
    return surely.some(Boolean) && !behind.some(Boolean);
  }
  // Dots above each other, so close that their names would not be: from the top, two or more.
  function stacks(places) {
    const left = places.map((place, index) => ({ ...place, index })).sort((a, b) => a.y - b.y);
    const found = [];
    for (const dot of left) {
      const column = found.find((c) => Math.abs(c[0].x - dot.x) < 6 && dot.y - c[c.length - 1].y < 22);
      if (column) column.push(dot);
      else found.push([dot]);
    }
    return found.filter((column) => column.length > 1);
  }
  function view(dots, ways, labels, title) {
    const [width, height] = [Math.max(300, Math.min(600, labels.width)), 350];
    const drawing = svg("svg", { viewBox: `0 0 ${width} ${height}`, width, height, role: "img", "aria-label": `${title}: ${labels.y} over ${labels.x}` });
    const xs = axis(dots.flatMap((d) => d.figures[ways[0].key]), 62, width - 14);
    const ys = axis(dots.flatMap((d) => d.figures[ways[1].key]), height - 46, 14);
    const put = (tag, attributes, text) => drawing.append(svg(tag, attributes, text));
    const small = { "font-size": 12, fill: "var(--muted)" };
    for (const tick of ys.ticks) {
      put("line", { x1: 62, x2: width - 14, y1: ys.place(tick), y2: ys.place(tick), stroke: "var(--grid)" });
      put("text", { x: 56, y: ys.place(tick) + 4, "text-anchor": "end", ...small }, figure(tick));
    }
    for (const tick of xs.ticks) {
      put("line", { x1: xs.place(tick), x2: xs.place(tick), y1: 14, y2: height - 46, stroke: "var(--grid)" });
      put("text", { x: xs.place(tick), y: height - 29, "text-anchor": "middle", ...small }, figure(tick));
    }
    put("text", { x: (62 + width - 14) / 2, y: height - 9, "text-anchor": "middle", "font-size": 13, fill: "var(--ink)" }, labels.x);
    put("text", { x: 0, y: 0, transform: `translate(14 ${(height - 32) / 2}) rotate(-90)`, "text-anchor": "middle", "font-size": 13, fill: "var(--ink)" }, labels.y);
    const alike = dots.filter((dot) => !dot.apart);
    const taken = dots.map((d) => [xs.place(d.figures[ways[0].key][0]) - 7, ys.place(d.figures[ways[1].key][0]) - 7, 14, 14]);
    const columns = stacks(dots.map((d) => ({ x: xs.place(d.figures[ways[0].key][0]), y: ys.place(d.figures[ways[1].key][0]), title: d.title })));
    const bars = dots.map((d) => [xs.place(d.figures[ways[0].key][0]) - 1, ys.place(d.figures[ways[1].key][2]), 2, Math.abs(ys.place(d.figures[ways[1].key][1]) - ys.place(d.figures[ways[1].key][2]))]);
    const clashes = (left, top, w, h, others) => others.some(([l, t, ow, oh]) => left < l + ow && l < left + w && top < t + oh && t < top + h);
    const inside = (left, top, w, h) => left > 60 && left + w < width && top > 5 && top + h < height - 45;
    // Names of dots that lie above each other stand in their order, as one block.
    const stacked = new Map();
    for (const column of columns) {
      const w = Math.max(...column.map((d) => d.title.length)) * 6.4;
      const h = column.length * 14;
      const middle = column.reduce((sum, d) => sum + d.y, 0) / column.length;
      const shifts = [...Array(12).keys()].flatMap((n) => [7 * n, -7 * n]);
      const spots = [14, 30, 60].flatMap((far) => [1, -1].flatMap((way) => shifts.map((shift) => [way > 0 ? column[0].x + far : column[0].x - far - w, middle - h / 2 + shift, way])));
      const spot = spots.find(([left, top]) => inside(left, top, w, h) && !clashes(left, top, w, h, [...taken, ...bars]));
      if (!spot) continue;
      const [left, top, way] = spot;
      taken.push([left, top, w, h]);
      column.forEach((d, i) => stacked.set(d.index, [way > 0 ? left : left + w, top + 14 * i + 11, way > 0 ? "start" : "end"]));
    }
    // The baseline last: what lies at its place is not to cover it.
    for (const dot of [...dots].sort((a, b) => a.base - b.base)) {
      const [x, y] = [dot.figures[ways[0].key], dot.figures[ways[1].key]];
      const [cx, cy] = [xs.place(x[0]), ys.place(y[0])];
      const first = !dot.apart && !alike.some((other) => beats(other, dot, ways));
      const colour = dot.base ? "var(--orange)" : first ? "var(--blue)" : "var(--muted)";
      const mark = svg("g", { stroke: colour, fill: dot.apart ? "var(--surface)" : colour, "stroke-width": 1.6 });
      mark.append(svg("title", {}, `${dot.title}: ${labels.y} ${figure(y[0])}, ${labels.x} ${figure(x[0])}`));
      if (x[1] !== x[2]) mark.append(svg("line", { x1: xs.place(x[1]), x2: xs.place(x[2]), y1: cy, y2: cy }));
      if (y[1] !== y[2]) mark.append(svg("line", { x1: cx, x2: cx, y1: ys.place(y[1]), y2: ys.place(y[2]) }));
      if (dot.base) mark.append(svg("path", { d: `M${cx - 6} ${cy}l6 -6l6 6l-6 6z` }));
      else if (dot.apart) mark.append(svg("rect", { x: cx - 4.5, y: cy - 4.5, width: 9, height: 9 }));
      else mark.append(svg("circle", { cx, cy, r: first ? 5 : 4 }));
      drawing.append(mark);
      const size = dot.title.length * 6.4;
      const places = [[cx + 9, cy + 4, "start"], [cx - 9, cy + 4, "end"]];
      for (const far of [14, 26, 38, 50]) for (const way of [-1, 1]) places.push([cx + 9, cy + 4 + way * far, "start"], [cx - 9, cy + 4 + way * far, "end"]);
      const free = stacked.get(dots.indexOf(dot)) ?? places.find(([px, py, anchor]) => {
        const left = anchor === "start" ? px : px - size;
        return left > 60 && left + size < width && py > 16 && py < height - 48 && !taken.some(([l, t, w, h]) => left < l + w && l < left + size && py - 11 < t + h && t < py + 3);
      });
      if (!free) continue;
      const [px, py, anchor] = free;
      if (!stacked.has(dots.indexOf(dot))) taken.push([anchor === "start" ? px : px - size, py - 11, size, 14]);
      const side = anchor === "start" ? 1 : -1;
      if (Math.abs(py - 4 - cy) > 10 || Math.abs(px - cx) > 12) put("line", { x1: cx + 6 * side, y1: cy, x2: px - 2 * side, y2: py - 4, stroke: "var(--faint)", "stroke-width": 0.8 });
      put("text", { x: px, y: py, "text-anchor": anchor, "font-size": 12, fill: first || dot.base ? "var(--ink)" : "var(--muted)", "font-weight": dot.base ? 600 : 400 }, dot.title);
    }
    return drawing;
  }
  for (const explorer of all(".explorer")) {
    const dots = JSON.parse(explorer.dataset.dots);
    const [across, up] = all("select", explorer);
    const views = explorer.querySelector(".views");
    const link = explorer.querySelector("a");
    if (up.selectedIndex === across.selectedIndex) across.selectedIndex = up.options.length - 1;
    let state = wanted();
    const draw = () => {
      const ways = [across, up].map((select) => ({ key: select.value, high: select.selectedOptions[0].dataset.better === "high" }));
      const labels = { x: across.selectedOptions[0].text, y: up.selectedOptions[0].text, width: printing ? 400 : views.clientWidth || 700 };
      const shown = dots.filter((dot) => {
        const variant = owner(dot.title)?.name;
        return matches({ dataset: { scale: dot.scale, dataset: dot.dataset } }, state) && chosen(variant, `${dot.title} ${variant}`.toLowerCase(), state) && ways.every(({ key }) => dot.figures[key]);
      });
      const places = [...new Set(shown.map((dot) => `${dot.dataset} ${dot.scale}\u00d7`))];
      views.replaceChildren();
      for (const place of places) {
        const here = shown.filter((dot) => `${dot.dataset} ${dot.scale}\u00d7` === place);
        const box = document.createElement("figure");
        const words = document.createElement("figcaption");
        words.textContent = place;
        const xs = new Set(here.map((dot) => dot.figures[ways[0].key][0]));
        if (xs.size === 1 && here.length > 1) words.textContent += `: all have the same ${labels.x}, ${figure([...xs][0])}; choose another figure.`;
        else box.append(view(here, ways, labels, place));
        box.prepend(words);
        views.append(box);
      }
      if (!places.length) views.textContent = "None of what is chosen has both figures.";
      link.hidden = !views.querySelector("svg");
    };
    link.addEventListener("click", () => {
      const copy = views.querySelector("svg").cloneNode(true);
      const style = getComputedStyle(document.documentElement);
      copy.setAttribute("xmlns", "http://www.w3.org/2000/svg");
      copy.setAttribute("font-family", "sans-serif");
      const text = copy.outerHTML.replace(/var\((--[a-z]+)\)/g, (_, name) => style.getPropertyValue(name).trim());
      link.href = "data:image/svg+xml;charset=utf-8," + encodeURIComponent(text);
    });
    for (const select of [across, up]) select.addEventListener("change", draw);
    addEventListener("shown", ({ detail }) => {
      state = detail;
      draw();
    });
    explorer.hidden = false;
    let width = 0;
    new ResizeObserver(() => {
      if (views.clientWidth !== width) draw();
      width = views.clientWidth;
    }).observe(views);
  }

  // --- pictures ----------------------------------------------------------------------------
  for (const crop of crops) {
    const shots = all("img[data-name]", crop);
    const pair = crop.querySelector(".pair");
    const [under, over] = all("img", pair);
    const [leftTag, rightTag] = all(".tag", pair);
    const set = (select, image, tag) => {
      const shot = shots[select.selectedIndex];
      image.src = shot.src;
      image.alt = shot.alt;
      tag.textContent = shot.dataset.name;
    };
    const [left, right] = all("select", crop);
    for (const select of [left, right]) select.replaceChildren(...shots.map((s) => new Option(s.dataset.name)));
    const pick = (title, otherwise) => {
      const found = shots.findIndex((shot) => shot.dataset.name === title);
      return found < 0 ? otherwise : found;
    };
    const first = crop.querySelector(".compare").dataset;
    // Bicubic, where it is there, comes right after HR.
    left.selectedIndex = pick(first.left, Math.min(1, shots.length - 1));
    right.selectedIndex = pick(first.right, shots.length - 1);
    left.addEventListener("change", () => set(left, over, leftTag));
    right.addEventListener("change", () => set(right, under, rightTag));
    const range = crop.querySelector("input[type=range]");
    range.addEventListener("input", () => pair.style.setProperty("--x", range.value + "%"));
    set(left, over, leftTag);
    set(right, under, rightTag);
    crop.querySelector(".compare").hidden = false;
    const buttons = all("[data-zoom]", crop);
    for (const button of buttons)
      button.addEventListener("click", () => {
        crop.style.setProperty("--zoom", button.dataset.zoom);
        for (const other of buttons) other.setAttribute("aria-pressed", String(other === button));
      });
    // Every picture of the crop is enlarged about the same point.
    for (const event of ["pointermove", "pointerdown"])
      crop.addEventListener(event, ({ target, clientX, clientY }) => {
        const box = target.closest?.(".lens, .pair")?.getBoundingClientRect();
        if (!box) return;
        crop.style.setProperty("--at-x", `${(100 * (clientX - box.left)) / box.width}%`);
        crop.style.setProperty("--at-y", `${(100 * (clientY - box.top)) / box.height}%`);
      });
  }

  // --- what is wider than its place ----------------------------------------------------------
  const boxes = new ResizeObserver((entries) => entries.forEach(({ target }) => edges(target.matches(scrolling) ? target : target.parentNode)));
  const scrolling = ".scroll, .canvas, nav ul, .bar form, .chips";
  function edges(box) {
    const more = box.scrollWidth - box.clientWidth;
    box.classList.toggle("before", box.scrollLeft > 1);
    box.classList.toggle("after", more - box.scrollLeft > 1);
    const words = box.closest(".table, figure.plot")?.querySelector(".sideways");
    if (words && box.clientWidth) words.hidden = more <= 1;
  }
  for (const box of all(scrolling)) {
    boxes.observe(box);
    if (box.firstElementChild) boxes.observe(box.firstElementChild);
    box.addEventListener("scroll", () => edges(box), { passive: true });
  }

  // --- theme and print ---------------------------------------------------------------------
  const root = document.documentElement;
  const button = document.getElementById("theme");
  const system = matchMedia("(prefers-color-scheme: dark)");
  const stored = (set) => {
    // A browser may forbid a page from disk to store anything.
    try {
      if (set !== undefined) localStorage.setItem("report-theme", set);
      return localStorage.getItem("report-theme");
    } catch {
      return null;
    }
  };
  const dark = () => (root.dataset.theme ? root.dataset.theme === "dark" : system.matches);
  const caption = () => (button.textContent = dark() ? "Light theme" : "Dark theme");
  const before = stored();
  if (before === "dark" || before === "light") root.dataset.theme = before;
  button.addEventListener("click", () => {
    root.dataset.theme = dark() ? "light" : "dark";
    stored(root.dataset.theme);
    caption();
  });
  system.addEventListener("change", caption);
  caption();
  button.hidden = false;
  let opened = [];
  addEventListener("beforeprint", () => {
    printing = true;
    opened = all("details:not([open])");
    for (const fold of opened) fold.open = true;
    // What nobody chose is no filter; what somebody chose is kept, and said.
    const state = wanted();
    const chose = JSON.stringify(state) !== JSON.stringify(first);
    show(chose ? state : { ...state, scale: "", dataset: "", metric: "" });
    if (!chose) document.querySelector(".filtered").textContent = "Shown: everything.";
  });
  addEventListener("afterprint", () => {
    printing = false;
    for (const fold of opened) fold.open = false;
    show();
  });

  form.hidden = false;
  recall();
})();
