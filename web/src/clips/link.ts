/**
 * Gives a link to the viewer: into the clipboard, or to be copied by hand where the browser forbids that.
 * In: a path of this oxbow. Out: the clipboard, a word.
 */
import { watchTokenOf } from '../api/server.ts';
import { copyText } from '../components/copy.ts';
import { t } from '../shell/preferences.svelte.ts';
import { session } from '../shell/session.svelte.ts';
import { toast } from '../shell/toast.svelte.ts';
import { withWatchToken } from '../watch/addresses.ts';

/**
 * A path that opens for others, and in another tab, as it does here: a guest's right to watch goes along. That of whoever is signed in does
 * not: they give one in the share dialog, where they say for how long.
 *
 * @param path of this interface, with its query
 * @param stream that it shows
 */
export function pathFor(path: string, stream: string): string {
  return withWatchToken(path, session.may('share') ? null : watchTokenOf(stream));
}

/** Copies a path, as `pathFor` makes it. */
export async function copyLink(path: string, stream: string): Promise<void> {
  const link = new URL(pathFor(path, stream), location.href).href;
  if (!(await copyText(link))) return toast({ text: t('clip.copyThis', { link }), lastsMs: 60_000 });
  const isOurs = session.may('share') && watchTokenOf(stream) !== undefined;
  toast({ text: isOurs ? t('share.copiedSignedIn') : t('clip.copied'), tone: 'good' });
}
