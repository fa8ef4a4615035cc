// What the detector says of one picture: its tiles, and its verdict with the reasons.

const NEWLINE = 10;
const decoder = new TextDecoder();

/** The header and the JPEG of *message*, which is a line of JSON and the picture's bytes. */
export function split(message) {
  const end = message.indexOf(NEWLINE);
  return [JSON.parse(decoder.decode(message.subarray(0, end))), message.subarray(end + 1)];
}

/** Draw each of the *tiles*, a name with x, y, width and height, of *jpeg* on a canvas of *parent*. */
export async function drawTiles(parent, jpeg, tiles) {
  const picture = await createImageBitmap(new Blob([jpeg], { type: "image/jpeg" }));
  for (const canvas of parent.querySelectorAll("[data-tile]")) {
    const [x, y, width, height] = tiles[canvas.dataset.tile];
    canvas.width = width;
    canvas.height = height;
    canvas.getContext("2d").drawImage(picture, x, y, width, height, 0, 0, width, height);
  }
  picture.close();
}

/** Show the things that differ, *findings*, in *table*, under the names *columns*. */
export function showFindings(table, columns, findings) {
  const hasFigures = findings.some((one) => one.figures.length > 0);
  table.hidden = findings.length === 0;
  table.tHead.rows[0].replaceChildren(
    ...["what", ...(hasFigures ? columns : [])].map((text) => cell("th", text)),
  );
  table.tBodies[0].replaceChildren(...findings.map((one) => row(one, hasFigures)));
}

function row(finding, hasFigures) {
  const made = document.createElement("tr");
  made.append(cell("td", finding.title), ...(hasFigures ? finding.figures : []).map(
    (text) => cell("td", text),
  ));
  if (finding.confirmed) made.className = "fw-bold";
  return made;
}

function cell(name, text) {
  const made = document.createElement(name);
  made.textContent = text;
  return made;
}
