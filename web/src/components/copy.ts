/**
 * Copies a text for the viewer.
 * In: a text, the field that shows it. Out: the clipboard, or the field selected where the browser does not allow that.
 */

/** @returns false where the browser does not allow it: the field is selected then, for the viewer to copy */
export async function copyText(text: string, field?: HTMLInputElement | null): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text); // undefined without HTTPS, unless on this computer
    return true;
  } catch {
    field?.focus();
    field?.select();
    return false;
  }
}
