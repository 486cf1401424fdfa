/**
 * What a job does, in words.
 * In: its kind. Out: words; the kind itself if a later version has added it.
 */
import '../text/audit.ts';
import { isTextKey } from '../text/text.ts';
import { t } from '../viewer/preferences.svelte.ts';

/** A kind of job as people call it. */
export function jobKind(kind: string): string {
  const key = `jobKind.${kind}`;
  return isTextKey(key) ? t(key) : kind;
}
