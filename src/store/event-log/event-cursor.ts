/**
 * Cursors of the log of past events, as clients get and send them.
 * In: a text, or a position of a log. Out: the other. Pure.
 */
import { parseInstant } from '../../api/instant.ts';
import { OxbowError, sentenceOf } from '../../lib/errors.ts';

/** Where a reader begins. */
export type Since =
  | { readonly kind: 'cursor'; readonly log: string; readonly position: number }
  | { readonly kind: 'id'; readonly id: string }
  | { readonly kind: 'time'; readonly ms: number };

/** The form of ids of events of every bus. */
export const EVENT_ID = /^[0-9a-z]{9}-[0-9a-z]{7}$/;
/**
 * A log is named by its time of creation, as the first part of an id; after a promotion also by the time of
 * that.
 */
export const LOG_TIME_DIGITS = 9;
const CURSOR = /^c([0-9a-z]{9,20})\.([0-9a-z]{1,10})$/;

/** The cursor of a position. @param log names the log */
export function printCursor(log: string, position: number): string {
  return `c${log}.${position.toString(36)}`;
}

/**
 * Reads a cursor, the id of an event, or an instant.
 *
 * @throws OxbowError `bad-request`
 */
export function parseSince(text: string): Since {
  const [, log, position] = CURSOR.exec(text) ?? [];
  if (log !== undefined && position !== undefined)
    return { kind: 'cursor', log, position: Number.parseInt(position, 36) };
  if (EVENT_ID.test(text)) return { kind: 'id', id: text };
  try {
    return { kind: 'time', ms: parseInstant(text) };
  } catch (error) {
    throw new OxbowError(
      'bad-request',
      `\`since\` (${text.slice(0, 80)}) is no cursor, no id of an event and no time.`,
      {
        extra: { hint: `Send \`next\` of an earlier answer, the id of an event, or a time: ${sentenceOf(error)}` },
        cause: error,
      },
    );
  }
}
