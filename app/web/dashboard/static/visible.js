// Work that repeats only while somebody sees the page.

/** Call *work*, which may be async, every *seconds* while the page is visible. */
export function whileVisible(work, seconds) {
  let timer = 0;
  let isBusy = false;

  async function run() {
    timer = 0;
    if (isBusy) {
      return;
    }
    isBusy = true;
    try {
      await work();
    } finally {
      isBusy = false;
      plan();
    }
  }

  function plan() {
    if (!document.hidden && !timer) {
      timer = setTimeout(run, seconds * 1000);
    }
  }

  document.addEventListener("visibilitychange", () => {
    clearTimeout(timer);
    timer = 0;
    if (!document.hidden) {
      run();
    }
  });
  plan();
}
