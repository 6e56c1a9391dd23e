/**
 * Copies a text, in the old way: navigator.clipboard is held back where a notebook isn't served over https. Returns
 * whether that was allowed; what has the focus around an element keeps it.
 */
export function copyText(text: string, from: Element): boolean {
  const before = (from.getRootNode() as Document | ShadowRoot).activeElement as HTMLElement | null;
  const field = document.createElement("textarea");
  field.style.cssText = "position:fixed;opacity:0";
  field.value = text;
  document.body.append(field);
  field.select();
  const copied = document.execCommand("copy");
  field.remove();
  before?.focus({ preventScroll: true });
  return copied;
}
