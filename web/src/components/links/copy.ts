/**
 * Copies a text for the viewer.
 * In: a text, the field that shows it. Out: the clipboard, or the selected field if the browser forbids
 * copying.
 */

/** @returns false if the browser forbids it: then the field is selected, for the viewer to copy */
export async function copyText(text: string, field?: HTMLInputElement | null): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text); // undefined without HTTPS, except on localhost
    return true;
  } catch {
    field?.focus();
    field?.select();
    return false;
  }
}
