/**
 * Addresses that are pasted into a page: they are checked at once.
 * In: paste events. Out: the address, if the text is one.
 */
import { readPastedAddress } from '../../../src/api/source/pasted-address.ts';

/**
 * The pasted address; also of a kind that oxbow cannot pull, so that the record page says so.
 *
 * @param into the field that the text is for; a paste into another field returns undefined
 */
export function pastedAddress(event: ClipboardEvent, into?: HTMLElement): string | undefined {
  const { target } = event;
  const isEditable =
    target instanceof HTMLElement && (target.matches('input, textarea, select') || target.isContentEditable);
  if (isEditable && target !== into) return undefined;
  const text = event.clipboardData?.getData('text').trim() ?? '';
  const read = readPastedAddress(text);
  return 'unsupported' in read && read.unsupported === 'text' ? undefined : text;
}
