// Pictures that change: the one before must not stand beside the words on the next one.

/** Show the picture at *address* in *image*, which is hidden until it has come; "" is no picture. */
export function showPicture(image, address) {
  image.hidden = true;
  if (address) {
    image.src = address;
  } else {
    image.removeAttribute("src");
  }
}

/** Show *image* whenever its picture has come; *onFailure* is called when there is none. */
export function showLoaded(image, onFailure = () => {}) {
  image.addEventListener("load", () => (image.hidden = false));
  image.addEventListener("error", () => {
    image.hidden = true;
    onFailure();
  });
  if (image.complete && image.getAttribute("src")) {
    image.hidden = !image.naturalWidth; // it came before this script
  }
}
