/**
 * Gives a link to the viewer: into the clipboard, or to be copied by hand where the browser forbids that.
 * In: a path of this oxbow. Out: the clipboard, a word.
 */
import { rightTo } from '../api/server.ts';
import { adminToken } from '../record/token.svelte.ts';
import { t } from '../shell/preferences.svelte.ts';
import { toast } from '../shell/toast.svelte.ts';
import { withRight } from '../watch/addresses.ts';

/**
 * A guest's right to watch goes along. That of whoever is signed in does not: they give one in the share dialog, where they say for how long.
 *
 * @param path of this interface, with its query
 * @param stream that it shows
 */
export async function copyLink(path: string, stream: string): Promise<void> {
  const right = rightTo(stream);
  const link = new URL(withRight(path, adminToken.isSignedIn ? null : right), location.href).href;
  try {
    await navigator.clipboard.writeText(link); // undefined without HTTPS, away from this computer
    const isOurs = right !== undefined && adminToken.isSignedIn;
    toast({ text: isOurs ? t('share.copiedSignedIn') : t('clip.copied'), tone: 'good' });
  } catch {
    toast({ text: t('clip.copyThis', { link }), lastsMs: 60_000 });
  }
}
