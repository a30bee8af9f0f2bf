"use strict";
/* Switches, sorting, the picture slider and deep links. Without this script everything is shown.

   The address holds the state: #SECTION?scale=4&dataset=Set5&q=text&sort=TABLE:COLUMN:a|d */
(() => {
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const form = document.getElementById("switches");
  const fields = form.elements;
  const tables = all("table[data-sortable]");
  let section = "";
  let sorted = "";

  // --- what is shown -----------------------------------------------------------------------
  const names = new Map();
  for (const row of all("tbody tr")) names.set(row, row.cells[0].textContent.toLowerCase());
  for (const shot of all(".shots li[data-variant]")) names.set(shot, shot.dataset.variant.toLowerCase());
  const crops = all(".crop");
  const placed = all("[data-scale], [data-dataset]").filter((e) => !names.has(e) && !crops.includes(e));
  const noCrops = document.getElementById("no-crops");

  const wanted = () => ({
    scale: fields.scale ? fields.scale.value : "",
    dataset: fields.dataset ? fields.dataset.value : "",
    q: fields.q.value.trim(),
  });
  const matches = (element, state) =>
    (!state.scale || !element.dataset.scale || element.dataset.scale === state.scale) &&
    (!state.dataset || !element.dataset.dataset || element.dataset.dataset === state.dataset);

  function show() {
    const state = wanted();
    const text = state.q.toLowerCase();
    for (const element of placed) element.hidden = !matches(element, state);
    // Few datasets have pictures: those of another one are better than none, if it is said.
    const any = crops.some((crop) => crop.dataset.dataset === state.dataset);
    const shown = any ? state : { ...state, dataset: "" };
    for (const crop of crops) crop.hidden = !matches(crop, shown);
    if (noCrops) {
      noCrops.hidden = any || !state.dataset;
      noCrops.textContent = `No pictures of ${state.dataset} were saved; these are of other datasets.`;
    }
    for (const [row, name] of names) row.hidden = !matches(row, state) || !name.includes(text);
    for (const table of tables) {
      const rows = [...table.tBodies[0].rows];
      const shown = rows.filter((row) => !row.hidden).length;
      table.closest(".table").querySelector(".count").textContent =
        shown === rows.length ? "" : `${shown} of ${rows.length} rows shown, by the switches above.`;
    }
  }

  // --- sorting -----------------------------------------------------------------------------
  const value = (cell, numeric) => {
    const text = cell.dataset.v ?? cell.firstChild?.textContent ?? "";
    if (!numeric) return text.toLowerCase();
    const number = text === "" ? NaN : Number(text.replace(/^inf$/, "Infinity").replace(/^-inf$/, "-Infinity"));
    return number;
  };
  function sort(table, column, descending) {
    const head = table.tHead.rows[0].cells;
    const numeric = head[column].classList.contains("n");
    const keyed = [...table.tBodies[0].rows].map((row) => [value(row.cells[column], numeric), row]);
    const blank = (key) => (numeric ? Number.isNaN(key) : key === "");
    keyed.sort(([a], [b]) => {
      // What was not measured stays at the end, either way.
      if (blank(a) || blank(b)) return blank(a) - blank(b);
      const order = numeric ? (a < b ? -1 : a > b ? 1 : 0) : a.localeCompare(b, "en", { numeric: true });
      return descending ? -order : order;
    });
    table.tBodies[0].append(...keyed.map(([, row]) => row));
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

  // --- deep links --------------------------------------------------------------------------
  const first = { scale: fields.scale ? fields.scale.value : "", dataset: fields.dataset ? fields.dataset.value : "" };
  function remember() {
    const state = wanted();
    const search = new URLSearchParams();
    if (state.scale !== first.scale) search.set("scale", state.scale);
    if (state.dataset !== first.dataset) search.set("dataset", state.dataset);
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
    const [name, words] = location.hash.slice(1).split("?", 2);
    section = name;
    if (words !== undefined) {
      const search = new URLSearchParams(words);
      choose(fields.scale, search.get("scale") ?? first.scale);
      choose(fields.dataset, search.get("dataset") ?? first.dataset);
      fields.q.value = search.get("q") ?? "";
      const [id, column, way] = (search.get("sort") ?? "").split(":");
      const table = tables.find((t) => t.id === id);
      if (table && table.tHead.rows[0].cells[Number(column)]) sort(table, Number(column), way === "d");
    }
    show();
    const target = section && document.getElementById(section);
    if (target && words !== undefined) target.scrollIntoView();
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

  // --- pictures ----------------------------------------------------------------------------
  for (const crop of crops) {
    const shots = all("img[data-name]", crop);
    const pair = crop.querySelector(".pair");
    const [under, over] = all("img", pair);
    const set = (select, image) => {
      const shot = shots[select.selectedIndex];
      image.src = shot.src;
      image.alt = shot.alt;
    };
    const [left, right] = all("select", crop);
    for (const select of [left, right]) select.replaceChildren(...shots.map((s) => new Option(s.dataset.name)));
    // Bicubic, where it is there, comes right after HR.
    left.selectedIndex = Math.min(1, shots.length - 1);
    right.selectedIndex = shots.length - 1;
    left.addEventListener("change", () => set(left, over));
    right.addEventListener("change", () => set(right, under));
    const range = crop.querySelector("input[type=range]");
    range.addEventListener("input", () => pair.style.setProperty("--x", range.value + "%"));
    set(left, over);
    set(right, under);
    crop.querySelector(".compare").hidden = false;
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
  addEventListener("beforeprint", () => all("details").forEach((d) => (d.open = true)));

  form.hidden = false;
  recall();
})();
