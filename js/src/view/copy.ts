import type { Context } from "../context";
import { copyText } from "../copy-text";
import { h } from "../dom";

/** Signs of what was copied that are repeated. */
const REPEATED = 80;

/** Copies a text and says so, in the gallery of an element. */
export function copy(context: Context, text: string, from: HTMLElement): void {
  const start = text.length > REPEATED ? `${text.slice(0, REPEATED)}…` : text;
  context.say(copyText(text, from) ? `Copied ${start}` : `Copying is not allowed here: ${text}`);
}

/** Lets the browser save a file. */
export function download(name: string, data: BlobPart, type: string): void {
  const url = URL.createObjectURL(new Blob([data], { type }));
  const link = h("a", { href: url, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
