/**
 * Leaves the sentences of messages for the service worker, in the language of the reader.
 * In: the texts of the page. Out: a stored response.
 */
import '../text/history.ts';
import './texts.ts';
import { alarmCodes } from '../../../src/api/alarms/alarm-rules.ts';
import { alarmName } from '../admin/alarms/chart.ts';
import { preferences, t } from '../viewer/preferences.svelte.ts';
import { type PushTexts, TEXTS_CACHE, TEXTS_PATH } from './worker-protocol.ts';

/** Where a browser forbids storage, messages are in English. Never rejects. */
export async function leaveTexts(): Promise<void> {
  await preferences.ready();
  const texts: PushTexts = {
    live: t('push.isLive'),
    clips: t('push.newClip'),
    clipsUntitled: t('push.newClipUntitled'),
    alarm: t('push.alarm'),
    test: t('push.works'),
    alarms: Object.fromEntries(alarmCodes.map((code) => [code, alarmName(code, preferences.language)])),
  };
  try {
    const cache = await caches.open(TEXTS_CACHE);
    await cache.put(TEXTS_PATH, Response.json(texts));
  } catch {
    // Storage is forbidden.
  }
}
