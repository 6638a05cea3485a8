// Sorts and filters the rows that are there; without it the page is the same, in order of names.

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
