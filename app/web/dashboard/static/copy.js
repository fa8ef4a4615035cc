// Copies a text of the page.

/** Copy the text of *element*; returns what to say of it. */
export async function copyFrom(element) {
  try {
    await navigator.clipboard.writeText(element.textContent);
    return "Copied.";
  } catch {
    // A page without TLS has no clipboard, but may copy what is selected.
    getSelection().selectAllChildren(element);
    return document.execCommand("copy") ? "Copied." : "The lines are selected: copy them by Ctrl-C.";
  }
}
