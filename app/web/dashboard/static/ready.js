// What only a script answers is disabled until the script is there: a slow phone shows the page before.

/** Let people use all of the page, since this script now answers them. */
export function ready() {
  for (const one of document.querySelectorAll("[data-scripted]")) {
    one.disabled = false;
  }
}

/** Send *form* when somebody changes one of *fields*, also if that was before this script was there. */
export function sendOnChange(form, fields) {
  const send = () => form.requestSubmit();
  if (fields.some(isChanged)) {
    send();
  }
  fields.forEach((one) => one.addEventListener("change", send));
}

/** Whether *list* has another choice than the page came with: the first one, if it names none. */
function isChanged(list) {
  const options = [...list.options];
  return list.value !== (options.find((one) => one.defaultSelected) ?? options[0]).value;
}
