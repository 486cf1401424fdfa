/**
 * When the second place of recordings is late.
 * In: MirrorView. Out: yes or no. Pure.
 */
import type { MirrorView } from '../../../src/api/admin-shapes.ts';

/** As the alarm `mirror-behind`, seconds. */
const LATE_S = 10;

/** Whether the copy is further behind than it is with a second between two objects. */
export function isLate({ behindSeconds }: Pick<MirrorView, 'behindSeconds'>): boolean {
  return behindSeconds > LATE_S;
}
