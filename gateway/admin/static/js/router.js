/** The address after `#`: a view, and what is open in it, as in `#/accounts/alice`. */

export const VIEWS = ["overview", "accounts", "keys", "playground", "audit"];

export function route() {
  const [view, detail = ""] = location.hash.replace(/^#\//, "").split("/");
  return { view: VIEWS.includes(view) ? view : VIEWS[0], detail: decoded(detail) };
}

/** An address that somebody has cut off names nothing. */
function decoded(detail) {
  try {
    return decodeURIComponent(detail);
  } catch {
    return "";
  }
}

export const address = (view, detail = "") => `#/${view}${detail && `/${encodeURIComponent(detail)}`}`;
