// Areas of a picture: what is wrong with one, and the lines of the configuration for all.
// Corners are [x, y] in thousandths of the picture's width and height.

const MOST_LETTERS = 40;

/** What is wrong with *area*, in words; null if nothing is. */
export function faultOf(area, kind) {
  if (area.corners.length < 3) return "It needs at least three corners.";
  return shapeFault(area.corners, true) ?? (kind.settings ? settingsFault(area) : null);
}

/** Which edges of *corners* cross or touch, in words; null if none do. */
export function shapeFault(corners, isClosed) {
  const count = corners.length;
  const edges = isClosed ? count : count - 1;
  const edge = (at) => [corners[at], corners[(at + 1) % count]];
  for (let first = 0; first < edges; first += 1) {
    const next = (first + 1) % count;
    if (isSame(...edge(first))) return `Corners ${first + 1} and ${next + 1} are the same.`;
    for (let second = first + 1; second < edges; second += 1) {
      if (clash(edge(first), edge(second))) {
        return `It crosses itself: the edge after corner ${first + 1} meets the edge after corner ` +
          `${second + 1}.`;
      }
    }
  }
  return null;
}

/** The lines for the section of a camera: a complete list for each of *kinds*. */
export function linesOf(areas, kinds) {
  return kinds.map((kind) => linesOfKind(areas.filter((one) => one.kind === kind.name), kind))
    .join("");
}

/** A corner as people read it. */
export function cornerText([x, y]) {
  return `${(x / 10).toFixed(1)} % from the left, ${(y / 10).toFixed(1)} % from the top`;
}

function settingsFault(area) {
  const letters = [...area.name.trim()].length;
  if (letters === 0) return "It needs a name.";
  if (letters > MOST_LETTERS) return `Its name is longer than ${MOST_LETTERS} letters.`;
  const size = area.min_size;
  if (size !== null && !(sizeText(size) > 0 && sizeText(size) < 1)) {
    return "Its smallest size must be a share of the picture, between 0 and 1.";
  }
  return null;
}

function linesOfKind(areas, kind) {
  if (areas.length === 0) return `    ${kind.key}: []\n`;
  const items = areas.map((area) => (kind.settings ? mapping(area) : `      - ${flow(area)}\n`));
  return `    ${kind.key}:\n${items.join("")}`;
}

function mapping(area) {
  const lines = [`      - name: ${quoted(area.name.trim())}`, `        area: ${flow(area)}`];
  if (area.min_size !== null) lines.push(`        min_size: ${sizeText(area.min_size)}`);
  lines.push(`        then: ${area.then}`);
  return `${lines.join("\n")}\n`;
}

function flow(area) {
  const fraction = (value) => (value / 1000).toFixed(3);
  return `[${area.corners.map(([x, y]) => `[${fraction(x)}, ${fraction(y)}]`).join(", ")}]`;
}

/** *text* in quotes, as YAML reads it: as JSON, with everything escaped that no line may have. */
function quoted(text) {
  return JSON.stringify(text).replace(
    /[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]/g,
    (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

function sizeText(size) {
  return size.toFixed(6).replace(/0+$/, "").replace(/\.$/, ".0");
}

function isSame([x1, y1], [x2, y2]) {
  return x1 === x2 && y1 === y2;
}

/** Whether two edges meet elsewhere than in the one corner that neighbours share. */
function clash([a, b], [c, d]) {
  if (isSame(b, c) && isSame(a, d)) return true;
  if (isSame(b, c)) return folds(a, b, d);
  if (isSame(a, d)) return folds(c, a, b);
  const [sideC, sideD] = [side(a, b, c), side(a, b, d)];
  const [sideA, sideB] = [side(c, d, a), side(c, d, b)];
  if (sideC * sideD < 0 && sideA * sideB < 0) return true;
  return (sideC === 0 && isBetween(a, b, c)) || (sideD === 0 && isBetween(a, b, d)) ||
    (sideA === 0 && isBetween(c, d, a)) || (sideB === 0 && isBetween(c, d, b));
}

/** Whether the way from *a* over *corner* to *b* goes straight back. */
function folds(a, corner, b) {
  const back = (a[0] - corner[0]) * (b[0] - corner[0]) + (a[1] - corner[1]) * (b[1] - corner[1]);
  return side(a, corner, b) === 0 && back > 0;
}

/** On which side of the line from *a* to *b* the point *p* is; 0 is on it. */
function side(a, b, p) {
  return Math.sign((b[0] - a[0]) * (p[1] - a[1]) - (b[1] - a[1]) * (p[0] - a[0]));
}

function isBetween(a, b, p) {
  return Math.min(a[0], b[0]) <= p[0] && p[0] <= Math.max(a[0], b[0]) &&
    Math.min(a[1], b[1]) <= p[1] && p[1] <= Math.max(a[1], b[1]);
}
