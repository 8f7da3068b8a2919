/** What is wrong with what was written into a form, in the language of the page: browsers say it in their own. */

import { number } from "./format.js";
import { t } from "./i18n.js";

/** What is wrong with the first field that is, which gets the focus; "" where all is well. */
export function complaint(form) {
  const input = [...form.elements].find(({ validity }) => validity && !validity.valid);
  if (!input) return "";
  input.focus();
  return t("invalid.field", { field: input.labels?.[0]?.textContent ?? input.name, why: why(input) });
}

function why({ validity, min, max }) {
  if (validity.badInput) return t("invalid.number");
  if (validity.valueMissing) return t("invalid.missing");
  if (validity.rangeUnderflow) return t("invalid.low", { n: number(Number(min), 3) });
  if (validity.rangeOverflow) return t("invalid.high", { n: number(Number(max), 3) });
  return t(validity.stepMismatch ? "invalid.whole" : "invalid.other");
}
