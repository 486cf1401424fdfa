/**
 * Copies a link for the viewer, or shows it to be copied by hand if the browser forbids that.
 * In: a path of this interface. Out: the clipboard, a toast.
 */

import { withWatchToken } from '../../addresses.ts';
import { watchTokenOf } from '../../api/server.ts';
import { t } from '../../viewer/preferences.svelte.ts';
import { session } from '../../viewer/session.svelte.ts';
import { toast } from '../toasts/toast.svelte.ts';
import { copyText } from './copy.ts';
import { opensHereOnly } from './local-link.ts';

/**
 * A path that opens the same for others and in another tab: with a guest's playback token. Signed-in
 * users create a token with a lifetime in the share dialog instead.
 *
 * @param path of this interface, with its query
 * @param stream shown at the path
 */
export function pathFor(path: string, stream: string): string {
  return withWatchToken(path, session.may('share') ? null : watchTokenOf(stream));
}

/** Copies a path, as returned by `pathFor`. */
export async function copyLink(path: string, stream: string): Promise<void> {
  const isOurs = session.may('share') && watchTokenOf(stream) !== undefined;
  const link = new URL(pathFor(path, stream), location.href).href;
  await copyAddress(link, isOurs ? t('share.copiedSignedIn') : t('clip.copied'));
}

/** Copies an absolute address; `done` is shown then. */
export async function copyAddress(link: string, done = t('clip.copied')): Promise<void> {
  if (await copyText(link)) {
    toast(opensHereOnly(link) ? { text: `${done}. ${t('copy.hereOnly')}` } : { text: done, tone: 'good' });
  } else toast({ text: t('clip.copyThis', { link }), lastsMs: 60_000 });
}
