/**
 * What happened to a stream, in words.
 * In: items of the API. Out: text in the language of the viewer.
 */
import type { HappenedItem } from '../../../../src/api/alarms/alarm-shapes.ts';
import '../../text/audit.ts';
import '../../text/history.ts';
import { isTextKey } from '../../text/text.ts';
import { preferences, t } from '../../viewer/preferences.svelte.ts';
import { actionText } from '../audit/sentence.ts';
import { alarmName } from './chart.ts';

/** Colours of the kinds. */
export const tones = { gap: 'live', alarm: 'warn', offline: 'quiet', event: 'quiet', change: 'quiet' } as const;

/** What happened; an unknown code is its text. */
export function happenedText({ kind, code, detail }: HappenedItem): string {
  if (kind === 'alarm') return alarmName(code, preferences.language);
  if (kind === 'offline') return t('history.offline');
  if (kind === 'change') return actionText(code, t);
  if (code === 'stream.recording') return t(detail === 'on' ? 'history.recordingOn' : 'history.recordingOff');
  const key = kind === 'gap' ? `cause.${code}` : `history.event.${code}`;
  return isTextKey(key) ? t(key) : code;
}
