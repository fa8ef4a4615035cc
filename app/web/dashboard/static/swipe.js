// Swipes to the left and to the right on an element, by finger, pen or mouse.

const ENOUGH_PX = 70;

/** Call *done* with "left" or "right" after a swipe on *element*, whose content moves along. */
export function onSwipe(element, moved, done) {
  let start = null;

  function toward(event) {
    const across = event.clientX - start.x;
    const isLong = Math.abs(across) > Math.max(ENOUGH_PX, 2 * Math.abs(event.clientY - start.y));
    return isLong ? (across < 0 ? "left" : "right") : "";
  }

  function end() {
    start = null;
    delete element.dataset.toward;
    moved().style.transform = "";
  }

  element.addEventListener("pointerdown", (event) => {
    if (event.isPrimary && event.button === 0 && event.target.tagName !== "VIDEO") {
      start = { x: event.clientX, y: event.clientY };
      element.setPointerCapture(event.pointerId);
    }
  });
  element.addEventListener("pointermove", (event) => {
    if (start) {
      element.dataset.toward = toward(event);
      moved().style.transform = `translateX(${event.clientX - start.x}px)`;
    }
  });
  element.addEventListener("pointerup", (event) => {
    const direction = start ? toward(event) : "";
    if (start) {
      end();
    }
    if (direction) {
      done(direction);
    }
  });
  element.addEventListener("pointercancel", () => start && end());
}
