// Requests to this server that change something, with the token of the page.

/** Send *fields* to *address* by POST, also if the page is left meanwhile; returns the answer, which
    may be a refusal. */
export function post(address, fields = {}) {
  const token = document.querySelector("meta[name=csrf-token]").content;
  return fetch(address, {
    method: "POST",
    keepalive: true,
    headers: { "X-CSRFToken": token, Accept: "application/json" },
    body: new URLSearchParams(fields),
  });
}
