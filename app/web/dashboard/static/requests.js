// Requests to this server that change something, with the token of the page.

/** Send *fields* to *address* by POST; returns the answer, also when it is a refusal. */
export function post(address, fields = {}) {
  const token = document.querySelector("meta[name=csrf-token]").content;
  return fetch(address, {
    method: "POST",
    headers: { "X-CSRFToken": token, Accept: "application/json" },
    body: new URLSearchParams(fields),
  });
}
