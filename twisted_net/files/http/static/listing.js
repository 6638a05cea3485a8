// Sorts and filters the rows that are there, and sends files where that is allowed; without it the page
// is the same, in order of names.

const body = document.querySelector("tbody");
const heads = [...document.querySelectorAll("thead th")].slice(0, 3);
const key = (row, column) => row.cells[column].dataset.key;

function compare(one, other, column) {
  const [a, b] = [key(one, column), key(other, column)];
  return column === 0 ? a.localeCompare(b, undefined, { numeric: true }) : a - b;
}

function sort(column) {
  const descending = heads[column].ariaSort === "ascending";
  for (const head of heads) head.ariaSort = null;
  heads[column].ariaSort = descending ? "descending" : "ascending";
  const rows = [...body.rows].sort((one, other) => compare(one, other, column));
  body.append(...(descending ? rows.reverse() : rows));
}

heads.forEach((head, column) => {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = head.textContent;
  button.addEventListener("click", () => sort(column));
  head.replaceChildren(button);
});

const filter = document.createElement("input");
filter.type = "search";
filter.placeholder = "filter";
filter.setAttribute("aria-label", "filter by name");
filter.addEventListener("input", () => {
  const wanted = filter.value.toLocaleLowerCase();
  for (const row of body.rows) row.hidden = !key(row, 0).toLocaleLowerCase().includes(wanted);
});
document.querySelector("table").before(filter);

// Sending files, one after the other, each as `curl -T` does it.

function put(file, told) {
  return new Promise((done) => {
    const ask = new XMLHttpRequest();
    ask.open("PUT", "./" + encodeURIComponent(file.name));
    ask.upload.onprogress = ({ loaded, total }) => told(`${Math.floor((100 * loaded) / (total || 1))} %`);
    ask.onload = () => done(ask.status < 300 ? "" : ask.responseText.trim());
    ask.onerror = () => done("the connection was lost; nothing is stored");
    ask.send(file);
  });
}

if ("put" in document.body.dataset) {
  const [label, chosen, said] = ["label", "input", "output"].map((name) => document.createElement(name));
  chosen.type = "file";
  chosen.multiple = true;
  label.append("send files here: ", chosen);
  chosen.addEventListener("change", async () => {
    const failed = [];
    chosen.disabled = true;
    for (const file of chosen.files) {
      const why = await put(file, (how) => { said.textContent = `${file.name}: ${how}`; });
      if (why) failed.push(`${file.name}: ${why}`);
    }
    if (!failed.length) location.reload();
    said.textContent = failed.join("\n");
    chosen.disabled = false;
    chosen.value = "";
  });
  const line = document.createElement("p");
  line.append(label, " ", said);
  document.querySelector("table").after(line);
}
