"use strict";
// The page works without this script: tables are whole, only plots, filters and sorting need it.
(() => {
  const read = (id) => JSON.parse(document.getElementById(id).textContent);
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const root = document.documentElement;
  const plots = read("plots");
  const views = new Map();

  // ---- light and dark: what the system says, until a person says otherwise
  const system = matchMedia("(prefers-color-scheme: dark)");
  const button = document.getElementById("theme");
  let chosen = null;
  try { chosen = localStorage.getItem("secateur-theme"); } catch { /* no storage here */ }
  const show = () => {
    const dark = chosen ? chosen === "dark" : system.matches;
    root.dataset.theme = dark ? "dark" : "light";
    button.textContent = dark ? "Light" : "Dark";
    button.setAttribute("aria-label", `Switch to ${dark ? "light" : "dark"} colours`);
  };
  button.hidden = false;
  button.addEventListener("click", () => {
    chosen = root.dataset.theme === "dark" ? "light" : "dark";
    try { localStorage.setItem("secateur-theme", chosen); } catch { /* not kept then */ }
    show();
  });
  system.addEventListener("change", show);
  show();
  let printed = null;
  addEventListener("beforeprint", () => { printed = root.dataset.theme; root.dataset.theme = "light"; });
  addEventListener("afterprint", () => { root.dataset.theme = printed; });

  // ---- sorting: by the values, never by what is shown; what is missing comes last
  const compare = (a, b) => {
    const x = a.dataset.v ?? a.textContent.trim();
    const y = b.dataset.v ?? b.textContent.trim();
    if (x === "" || y === "") return null;
    const order = Number(x) - Number(y);
    return Number.isNaN(order) ? x.localeCompare(y, undefined, { numeric: true }) : order;
  };
  for (const table of all("table.sortable")) {
    const heads = all("thead th", table);
    heads.forEach((head, column) => {
      const press = head.querySelector("button");
      if (!press) return;
      press.addEventListener("click", () => {
        const down = head.getAttribute("aria-sort") === "ascending";
        heads.forEach((other) => other.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", down ? "descending" : "ascending");
        const body = table.tBodies[0];
        const missing = (row) => (row.cells[column].dataset.v ?? row.cells[column].textContent.trim()) === "";
        const rows = [...body.rows].sort((a, b) =>
          missing(a) - missing(b) || (down ? -1 : 1) * (compare(a.cells[column], b.cells[column]) ?? 0));
        body.append(...rows);
      });
    });
  }

  // ---- filters: by instance and method
  const form = document.getElementById("filters");
  const told = document.getElementById("told");
  const boxes = all('input[name="method"]', form);
  const names = read("instances");
  const chosenNow = () => {
    const part = form.elements.instance.value.trim().toLowerCase();
    const family = form.elements.family?.value ?? "";
    return {
      methods: new Set(boxes.filter((box) => box.checked).map((box) => box.value)),
      instances: new Set(names.filter((one) =>
        one.name.toLowerCase().includes(part) && (!family || one.family === family))
        .map((one) => one.name)),
    };
  };
  const keeps = ({ methods, instances }) => (row) =>
    ["method", "first", "second"].every((key) => row[key] === undefined || methods.has(row[key]))
    && (row.instance === undefined || instances.has(row.instance));
  const shownOf = (plot, now) => Object.fromEntries(Object.entries(plot.data).map(([name, rows]) => {
    let kept = rows.filter(keeps(now));
    if (plot.most) {
      const first = new Set([...new Set(kept.map((row) => row.instance))].slice(0, plot.most));
      kept = kept.filter((row) => first.has(row.instance));
    }
    return [name, kept];
  }));
  const filterPlot = (id, now) => {
    const { view, plot } = views.get(id);
    const shown = shownOf(plot, now);
    const place = document.getElementById(`plot-${id}`);
    const left = Object.values(shown).flat().some((row) => (row.method ?? row.first) !== undefined);
    place.hidden = !left;
    document.getElementById(`none-${id}`).hidden = left;
    tellMost(id, plot, now, shown);
    if (!left) return null;  // axes of nothing have no ends
    for (const [name, rows] of Object.entries(shown)) view.data(name, rows);
    return view.runAsync();
  };
  const tellMost = (id, plot, now, shown) => {
    const line = document.getElementById(`most-${id}`);
    if (!line) return;
    const there = new Set(Object.values(plot.data).flat().map((row) => row.instance)
      .filter((name) => now.instances.has(name))).size;
    const seen = new Set(Object.values(shown).flat().map((row) => row.instance)).size;
    line.textContent = seen < there
      ? `Drawn: the first ${seen} of ${there} instances; narrow the filter to see others. The table holds all.` : "";
  };
  const filter = async () => {
    const now = chosenNow();
    for (const row of all("tr[data-method], tr[data-instance]")) {
      const held = [row.dataset.method, row.dataset.second].filter((name) => name !== undefined);
      row.hidden = !held.every((name) => now.methods.has(name))
        || (row.dataset.instance !== undefined && !now.instances.has(row.dataset.instance));
    }
    for (const item of all("li[data-method]")) item.hidden = !now.methods.has(item.dataset.method);
    for (const table of all("table.filtered")) {
      const none = table.closest(".scroll").nextElementSibling;
      if (none?.classList.contains("nothing")) {
        none.hidden = [...table.tBodies[0].rows].some((row) => !row.hidden);
      }
    }
    told.textContent = `${now.instances.size} of ${names.length} instances, `
      + `${now.methods.size} of ${boxes.length} methods`;
    await Promise.all([...views.keys()].map((id) => filterPlot(id, now)));
    root.dataset.filtered = String(Number(root.dataset.filtered ?? 0) + 1);
  };
  let waiting = 0;
  form.addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(filter, 120); });
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(filter));
  const choice = form.querySelector("details");
  document.addEventListener("click", (event) => { if (!choice.contains(event.target)) choice.open = false; });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !choice.open) return;
    choice.open = false;
    choice.querySelector("summary").focus();
  });
  document.getElementById("all").addEventListener("click", () => { boxes.forEach((box) => { box.checked = true; }); filter(); });
  document.getElementById("none").addEventListener("click", () => { boxes.forEach((box) => { box.checked = false; }); filter(); });

  // ---- plots, one after the other, so that the text can be read at once
  const draw = async () => {
    for (const [id, plot] of Object.entries(plots)) {
      const place = document.getElementById(`plot-${id}`);
      try {
        const now = chosenNow();
        const shown = shownOf(plot, now);
        const sources = plot.spec.data.map((source) =>
          (source.name in shown ? { ...source, values: shown[source.name] } : source));
        const { view } = await window.vegaEmbed(place, { ...plot.spec, data: sources }, {
          ast: true, renderer: "svg", actions: false, mode: "vega",
        });
        views.set(id, { view, plot });
        tellMost(id, plot, now, shown);
        const svg = place.querySelector("svg");
        svg.setAttribute("role", "img");
        svg.setAttribute("aria-label", plot.alt);
      } catch (error) {
        place.className = "plot failed";
        place.textContent = "This plot could not be drawn by this browser. ";
        console.error(id, error);
      }
      await new Promise((done) => setTimeout(done));
    }
    root.dataset.drawn = String(views.size);
  };
  form.hidden = false;
  draw();
})();
