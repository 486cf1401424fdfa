/**
 * Problems with devices in plain words.
 * In: a problem. Out: a title, and what to do. Pure.
 */
import { isTextKey, type TextKey } from '../text/text.ts';
import type { CaptureProblem } from './capture.svelte.ts';

/** Title and hint of a problem: those of its device, otherwise those of all devices. */
export function problemText(
  { kind, problem }: CaptureProblem,
  t: (key: TextKey) => string,
): { readonly title: string; readonly hint: string } {
  const find = (family: string, last: TextKey) => {
    const keys = [`${family}.${kind}.${problem}`, `${family}.${problem}`];
    return t((keys.find((key) => isTextKey(key)) as TextKey | undefined) ?? last);
  };
  const hint = problem === 'insecure' ? t('studio.insecureHow') : find('studio.problemHow', 'studio.problemHow.failed');
  return { title: find('studio.problem', 'studio.problem.failed'), hint };
}
