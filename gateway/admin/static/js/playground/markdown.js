/** The little of Markdown that answers are full of. Every piece of text becomes a text node and nothing else. */

import { h } from "../dom.js";

const INLINE = /(`+)(.+?)\1|\*\*(.+?)\*\*|(?<![\w*])\*([^\s*][^*]*)\*(?![\w*])|\[([^\]]+)\]\((https?:\/\/[^\s)]+)\)/g;

/** A line as nodes: code, strong and stressed words, links that lead to the web. */
function inline(text) {
  const nodes = [];
  let at = 0;
  for (const found of text.matchAll(INLINE)) {
    const [all, , code, strong, stressed, label, url] = found;
    nodes.push(text.slice(at, found.index));
    if (code) nodes.push(h("code", {}, code));
    else if (strong) nodes.push(h("strong", {}, strong));
    else if (stressed) nodes.push(h("em", {}, stressed));
    else nodes.push(h("a", { href: url, target: "_blank", rel: "noreferrer noopener" }, label));
    at = found.index + all.length;
  }
  return [...nodes, text.slice(at)];
}

/** What a line begins. */
function block(line) {
  const heading = /^#{1,6} (.*)/.exec(line);
  if (heading) return { tag: "p", look: "heading", text: heading[1] };
  const bullet = /^\s*[-*] (.*)/.exec(line);
  if (bullet) return { tag: "li", list: "ul", text: bullet[1] };
  const point = /^\s*\d+[.)] (.*)/.exec(line);
  if (point) return { tag: "li", list: "ol", text: point[1] };
  return { tag: "p", look: null, text: line };
}

/** The nodes of a text, which may not be complete yet. */
export function render(text) {
  const nodes = [];
  let fence = null;
  for (const line of text.split("\n")) {
    if (/^\s*```/.test(line)) {
      fence = fence ? null : h("code");
      if (fence) nodes.push(h("pre", { tabindex: "0" }, fence));
    } else if (fence) fence.append(`${line}\n`);
    else if (line.trim()) {
      const { tag, look, list, text: rest } = block(line);
      const element = h(tag, { class: look }, inline(rest));
      if (!list) nodes.push(element);
      else if (nodes.at(-1)?.localName === list) nodes.at(-1).append(element);
      else nodes.push(h(list, {}, element));
    }
  }
  return nodes;
}
