/** What can be done with an account as it is, and why all else cannot. The gateway has the last word. */

import { t } from "../i18n.js";

const REFUSED = {
  removed: ["test", "refresh", "pause", "resume", "clear", "edit", "export"],
  client: ["refresh", "clear", "edit", "export"],
  out: ["test", "refresh", "pause", "resume"],
  paused: ["test", "refresh"],
  file: ["delete"],
};

/** Whether it serves nobody until it has another token, or the old one is good again. */
const isOut = ({ state }) => state === "dead" || state === "banned";

const holding = (account) => ({
  removed: account.state === "removed",
  client: account.origin === "client",
  out: isOut(account),
  paused: account.state === "paused",
  file: account.origin === "file" && account.state !== "removed",
});

/** Why an action is refused for the account, in words; "" where it is not. */
export function hindrance(action, account) {
  const holds = holding(account);
  const why = Object.keys(REFUSED).find((each) => holds[each] && REFUSED[each].includes(action));
  return why ? t(`hindrance.${why}`) : "";
}

const ORDER = ["token", "resume", "test", "refresh", "pause", "clear", "edit", "export", "delete"];
const WANTED = {
  token: (account) => isOut(account) && account.origin === "operator",
  resume: ({ state }) => state === "paused",
  pause: ({ state }) => state !== "paused",
};

/** What to offer for the account, the most fitting first. */
export const offered = (account) => ORDER.filter((action) => !hindrance(action, account) && (WANTED[action]?.(account) ?? true));

/** What the operator should know before he chooses, in words; "" for nothing. */
export function advice(account) {
  if (isOut(account)) return t(`advice.out_${account.origin}`);
  return account.state === "removed" ? hindrance("test", account) : "";
}
