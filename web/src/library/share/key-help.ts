/**
 * The keys of the page of a video: those of a stream, without what belongs to live and to markers.
 * In: the keys of players. Out: the help.
 */
import { type KeyGroup, type KeyRow, keyHelp } from '../../media/keys.ts';

/** What a video has not. */
const absent: ReadonlySet<string> = new Set(['keys.catchUp', 'keys.point', 'keys.time', 'keys.clips', 'keys.marker']);
/** Keys with other names. */
const renamed: Readonly<Partial<Record<string, KeyRow['text']>>> = {
  'keys.live': 'asset.keys.end',
  'keys.oldest': 'asset.keys.start',
};

/** The help of a video's page. */
export const videoKeyHelp: readonly KeyGroup[] = keyHelp.map(({ title, rows }) => ({
  title,
  rows: rows.filter(({ text }) => !absent.has(text)).map((row) => ({ ...row, text: renamed[row.text] ?? row.text })),
}));
