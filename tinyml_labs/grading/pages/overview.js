"use strict";
for (const table of document.querySelectorAll("table.sortable")) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    if (head.hasAttribute("data-fixed")) return;
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const down = head.getAttribute("aria-sort") === "ascending";
      const key = (row) => row.cells[column].dataset.sort ?? row.cells[column].textContent.trim();
      const order = new Intl.Collator("en", { numeric: false });
      const compare = (one, other) => {
        const [a, b] = [key(one), key(other)];
        const byNumber = Number(a) - Number(b);
        return a !== "" && b !== "" && !Number.isNaN(byNumber) ? byNumber : order.compare(a, b);
      };
      const rows = [...table.tBodies[0].rows].sort((one, other) => (down ? -1 : 1) * compare(one, other));
      for (const each of heads) each.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      table.tBodies[0].append(...rows);
    });
  });
}
