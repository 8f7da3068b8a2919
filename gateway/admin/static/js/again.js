import { on, store } from "./store.js";

/**
 * Calls `load` every so many seconds while somebody looks, and as soon as the page is live again. While the gateway
 * itself sees nothing there is nothing to ask for.
 */
export function again(load, seconds, signal) {
  let ticks = 0;
  function tick() {
    ticks += 1;
    if (ticks % seconds === 0 && !document.hidden && store.live !== "blind") load();
  }
  on("tick", tick, signal);
  on("live", () => store.live === "open" && load(), signal);
}
