// A picture on which areas are drawn, by pointer, touch or keyboard.

import { cornerText } from "./areas.js";

const WORLD = "http://www.w3.org/2000/svg";
const HANDLE_PX = 9;
const TOUCH_PX = 22;
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const STEP = 10;
const BIG_STEP = 50;

/**
 * Draws `board.areas` into *svg*. `board.selected` is the number of the area whose corners can be
 * moved, and `board.isOpen` says that it gets more of them. *act* is called with the name of what
 * somebody did: moved, added, removed, close, cancel or select.
 */
export class Drawing {
  constructor(svg, board, act) {
    this.svg = svg;
    this.board = board;
    this.act = act;
    this.layer = svg.querySelector("g");
    this.cursor = [500, 500];
    this.hasCursor = false;
    this.dragged = null;
    svg.addEventListener("pointerdown", (event) => this.press(event));
    svg.addEventListener("touchstart", (event) => this.touch(event), { passive: false });
    svg.addEventListener("pointermove", (event) => this.drag(event));
    svg.addEventListener("pointerup", () => { this.dragged = null; });
    svg.addEventListener("pointercancel", () => { this.dragged = null; });
    svg.addEventListener("keydown", (event) => this.key(event));
    svg.addEventListener("blur", () => { this.hasCursor = false; this.draw(); });
    new ResizeObserver(() => this.draw()).observe(svg);
  }

  /** Make the drawing as large as a picture of *width* and *height*. */
  resize(width, height) {
    this.svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    for (const one of this.svg.querySelectorAll("image, .no-picture")) {
      one.setAttribute("width", width);
      one.setAttribute("height", height);
    }
    this.draw();
  }

  draw() {
    const focused = this.layer.contains(document.activeElement)
      ? document.activeElement.dataset.corner : null;
    const { areas, selected, isOpen } = this.board;
    this.svg.classList.toggle("drawing", isOpen);
    this.layer.replaceChildren();
    areas.forEach((area, number) => this.drawArea(area, number));
    if (selected !== null) areas[selected].corners.forEach((one, at) => this.drawHandle(one, at));
    if (isOpen && this.hasCursor) this.drawCursor();
    if (focused !== null) this.layer.querySelector(`[data-corner="${focused}"]`)?.focus();
  }

  drawArea(area, number) {
    const { selected, isOpen } = this.board;
    const name = isOpen && number === selected ? "polyline" : "polygon";
    const points = area.corners.map((one) => this.point(one).join(",")).join(" ");
    const chosen = number === selected ? " selected" : "";
    const shape = this.add(name, { points, class: `area area-${area.kind}${chosen}` });
    shape.dataset.area = number;
    if (area.corners.length > 2) this.drawLabel(area);
  }

  drawLabel(area) {
    const points = area.corners.map((one) => this.point(one));
    const mean = (at) => points.reduce((sum, one) => sum + one[at], 0) / points.length;
    const [name, effect] = this.board.label(area);
    const size = 14 * this.unit();
    [name, effect].forEach((text, line) => {
      const y = mean(1) + (line - 0.2) * size * 1.2;
      const shown = this.add("text", { y, "font-size": size, class: "area-label" });
      shown.textContent = text;
      shown.setAttribute("x", this.inside(mean(0), shown.getComputedTextLength() / 2 + size / 2));
    });
  }

  /** The place nearest to *x* at which *half* to both sides is in the picture, if there is room. */
  inside(x, half) {
    const { width } = this.svg.viewBox.baseVal;
    return 2 * half > width ? width / 2 : Math.min(Math.max(x, half), width - half);
  }

  drawHandle(corner, at) {
    const [cx, cy] = this.point(corner);
    const r = HANDLE_PX * this.unit();
    const handle = this.add("circle", { cx, cy, r, class: "handle", role: "button", tabindex: 0 });
    handle.setAttribute("aria-label", `Corner ${at + 1}: ${cornerText(corner)}`);
    handle.dataset.corner = at;
  }

  drawCursor() {
    const [x, y] = this.point(this.cursor);
    const size = 14 * this.unit();
    const path = `M${x - size},${y}h${2 * size}M${x},${y - size}v${2 * size}`;
    this.add("path", { d: path, class: "cursor-halo" });
    this.add("path", { d: path, class: "cursor" });
  }

  press(event) {
    const { areas, selected, isOpen } = this.board;
    const at = this.at(event);
    const corner = selected === null ? -1 : this.nearest(areas[selected].corners, event);
    if (isOpen && corner === 0 && areas[selected].corners.length > 2) {
      event.preventDefault();
      this.act("close");
    } else if (corner >= 0) {
      this.dragged = corner;
      this.svg.setPointerCapture(event.pointerId);
    } else if (isOpen) {
      event.preventDefault();
      this.addCorner(at);
    } else if (event.target.dataset.area !== undefined) {
      this.act("select", Number(event.target.dataset.area));
    }
  }

  /** Keep a finger that drags a corner from scrolling the page. */
  touch(event) {
    const { areas, selected } = this.board;
    const { clientX, clientY } = event.changedTouches[0];
    const finger = { clientX, clientY, pointerType: "touch" };
    if (selected !== null && this.nearest(areas[selected].corners, finger) >= 0) {
      event.preventDefault();
    }
  }

  drag(event) {
    if (this.dragged === null) return;
    this.board.areas[this.board.selected].corners[this.dragged] = this.at(event);
    this.act("moved");
  }

  key(event) {
    const corner = event.target.dataset.corner;
    const arrow = ARROWS[event.key];
    if (arrow && corner !== undefined) this.moveCorner(Number(corner), arrow, event.shiftKey);
    else if (event.key === "Delete" && corner !== undefined) this.act("removed", Number(corner));
    else if (!this.board.isOpen) return;
    else if (arrow) this.moveCursor(arrow, event.shiftKey);
    else if (event.key === "Enter" && corner === undefined) this.setCorner();
    else if (event.key === "Backspace") this.act("removed");
    else if (event.key === "Escape") this.act("cancel");
    else return;
    event.preventDefault();
  }

  moveCorner(at, arrow, isBig) {
    const corners = this.board.areas[this.board.selected].corners;
    corners[at] = moved(corners[at], arrow, isBig);
    this.act("moved", at);
  }

  moveCursor(arrow, isBig) {
    this.cursor = moved(this.cursor, arrow, isBig);
    this.hasCursor = true;
    this.act("cursor", this.cursor);
  }

  /** Set a corner at the cursor; on the first corner, close the area. */
  setCorner() {
    const { corners } = this.board.areas[this.board.selected];
    const [first] = corners;
    this.hasCursor = true;
    if (corners.length > 2 && first[0] === this.cursor[0] && first[1] === this.cursor[1]) {
      this.act("close");
    } else {
      this.addCorner([...this.cursor]);
    }
  }

  addCorner(corner) {
    this.board.areas[this.board.selected].corners.push(corner);
    this.act("added");
  }

  /** The corner of *corners* that a finger at *event* means; -1 if there is none. */
  nearest(corners, event) {
    const box = this.svg.getBoundingClientRect();
    const reach = event.pointerType === "touch" ? TOUCH_PX : HANDLE_PX + 3;
    const distances = corners.map(([x, y]) => Math.hypot(
      box.left + (x / 1000) * box.width - event.clientX,
      box.top + (y / 1000) * box.height - event.clientY,
    ));
    const least = Math.min(...distances);
    return least <= reach ? distances.indexOf(least) : -1;
  }

  /** Where *event* is in the picture. */
  at(event) {
    const box = this.svg.getBoundingClientRect();
    return [
      within(((event.clientX - box.left) / box.width) * 1000),
      within(((event.clientY - box.top) / box.height) * 1000),
    ];
  }

  point([x, y]) {
    const { width, height } = this.svg.viewBox.baseVal;
    return [(x / 1000) * width, (y / 1000) * height];
  }

  /** The length of a CSS pixel in the drawing. */
  unit() {
    return this.svg.viewBox.baseVal.width / (this.svg.clientWidth || 1);
  }

  add(name, attributes) {
    const element = document.createElementNS(WORLD, name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    this.layer.append(element);
    return element;
  }
}

function moved([x, y], [right, down], isBig) {
  const step = isBig ? BIG_STEP : STEP;
  return [within(x + right * step), within(y + down * step)];
}

function within(value) {
  return Math.min(1000, Math.max(0, Math.round(value)));
}
