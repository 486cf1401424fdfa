/**
 * A message of the server as the system shows it.
 * In: the text of a push, sentences in the language of the reader. Out: title, body, the page that it opens.
 * Pure.
 */
import type { PushMessage } from '../../../src/api/push/push-shapes.ts';
import type { PushTexts } from './worker-protocol.ts';

/** Where no page has left others. */
export const englishTexts: PushTexts = {
  live: '{name} is live',
  clips: 'New clip: {name}',
  clipsUntitled: 'New clip',
  alarm: 'Alarm',
  test: 'Notifications work',
  alarms: {},
};

/** What the system shows. */
export interface Shown {
  readonly title: string;
  readonly body: string;
  readonly tag: string;
  /** Path with query, of this server. */
  readonly path: string;
  /** ms since 1970. */
  readonly atMs: number | undefined;
}

/**
 * @param text as it was decrypted; anything
 * @param sentences may lack some
 */
export function shownOf(text: string, sentences: Partial<PushTexts>): Shown {
  const texts: PushTexts = { ...englishTexts, ...sentences };
  const message = read(text);
  const { stream = '', title = '', alarm = '', tag = 'oxbow', url = '/' } = message;
  const path = url.startsWith('/') && !/^\/[/\\]/.test(url) ? url : '/';
  const shown = (head: string, body: string): Shown => ({ title: head, body, tag, path, atMs: message.atMs });
  switch (message.kind) {
    case 'live':
      return shown(
        texts.live.replace('{name}', () => title || stream),
        title === '' ? '' : stream,
      );
    case 'clips':
      return shown(title === '' ? texts.clipsUntitled : texts.clips.replace('{name}', () => title), stream);
    case 'alarms':
      return shown(texts.alarms[alarm] ?? `${texts.alarm}: ${alarm}`, stream);
    case 'test':
      return shown(texts.test, '');
    default:
      return shown('oxbow', ''); // of a newer server; browsers require that something is shown
  }
}

function read(text: string): Partial<PushMessage> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Partial<PushMessage>) : {};
  } catch {
    return {};
  }
}
