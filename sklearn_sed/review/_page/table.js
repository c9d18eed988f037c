"use strict";
// Tables of events as text: cells between tabs, quoted where necessary.

const Table = {
  write(header, rows) {
    const cell = (value) => {
      const text = String(value ?? "").replace(/[\r\n]+/g, " ");
      return /["\t]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
    };
    return [header, ...rows].map((row) => row.map(cell).join("\t") + "\n").join("");
  },

  // Returns the rows as objects by the names of the columns.
  read(text) {
    const content = text.replace(/^\ufeff/, "");
    const first = content.split(/[\r\n]/, 1)[0];
    const separator = ["\t", ";", ","].find((one) => first.includes(one)) ?? "\t";
    const [header, ...rows] = Table.cells(content, separator);
    if (!header) throw new Error("the file is empty");
    return rows.map((row) =>
      Object.fromEntries(header.map((name, i) => [name.trim(), row[i] ?? ""])));
  },

  cells(text, separator) {
    const rows = [];
    let row = [], cell = "", quoted = false;
    const endCell = () => { row.push(cell); cell = ""; };
    const endRow = () => {
      endCell();
      if (row.some((one) => one.trim())) rows.push(row);
      row = [];
    };
    for (let i = 0; i < text.length; i++) {
      const letter = text[i];
      if (quoted) {
        if (letter !== '"') cell += letter;
        else if (text[i + 1] === '"') cell += text[++i];
        else quoted = false;
      } else if (letter === '"' && !cell) quoted = true;
      else if (letter === separator) endCell();
      else if (letter === "\n" || letter === "\r") endRow();
      else cell += letter;
    }
    endRow();
    return rows;
  },
};
