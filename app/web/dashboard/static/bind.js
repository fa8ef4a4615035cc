// Shows values of the state in the elements of a page that name them.
//
// data-text="armed.since": its text, hidden while there is none. data-show and data-hide: hidden
// or not. data-checked: a switch. data-list: one <li> for each text.

function valueOf(state, path) {
  return path.split(".").reduce((value, name) => value?.[name], state);
}

export function show(state, root = document) {
  for (const one of root.querySelectorAll("[data-text]")) {
    const text = valueOf(state, one.dataset.text) ?? "";
    if (one.textContent !== text) {
      one.textContent = text;
    }
    one.hidden = text === "";
  }
  const focused = document.activeElement;
  for (const one of root.querySelectorAll("[data-show]")) {
    one.hidden = !valueOf(state, one.dataset.show);
  }
  for (const one of root.querySelectorAll("[data-hide]")) {
    one.hidden = Boolean(valueOf(state, one.dataset.hide));
  }
  refocus(focused);
  for (const one of root.querySelectorAll("[data-checked]")) {
    // A switch whose command is on its way shows what the person wants.
    if (!Number(one.dataset.sent)) {
      one.checked = Boolean(valueOf(state, one.dataset.checked));
    }
  }
  for (const one of root.querySelectorAll("[data-list]")) {
    showList(one, valueOf(state, one.dataset.list) ?? []);
  }
}

/** Give the focus of *element*, if it is hidden now, to a button beside it: Arm in place of Disarm. */
function refocus(element) {
  const place = element?.closest("[hidden]")?.parentElement;
  place?.querySelector(":scope > :not([hidden]) button")?.focus();
}

function showList(list, texts) {
  const items = texts.map((text) => {
    const item = document.createElement("li");
    item.textContent = text;
    return item;
  });
  list.replaceChildren(...items);
  list.closest(".list-group-item")?.toggleAttribute("hidden", !texts.length);
}
