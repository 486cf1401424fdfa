/**
 * Gives a link to the viewer: into the clipboard, or to be copied by hand where the browser forbids that.
 * In: a path of this oxbow. Out: the clipboard, a word.
 */
import { t } from '../shell/preferences.svelte.ts';
import { toast } from '../shell/toast.svelte.ts';

/** @param path of this interface, with its query */
export async function copyLink(path: string): Promise<void> {
  const link = new URL(path, location.href).href;
  try {
    await navigator.clipboard.writeText(link); // undefined without HTTPS, away from this computer
    toast({ text: t('clip.copied'), tone: 'good' });
  } catch {
    toast({ text: t('clip.copyThis', { link }), lastsMs: 60_000 });
  }
}
