/**
 * Converts the playlist of a SyncTV room: folders and links; entries of media servers and of its RTMP
 * server are left out.
 * In: rows of `movies`. Out: rows of room_item. Pure.
 */
import type { Insertable } from 'kysely';
import type { ItemTarget } from '../../../api/room/item-shapes.ts';
import type { RoomItemTable } from '../tables.ts';
import { flagOf, jsonOf, type LeftOut, numberOf, type Row, textOf, timeOf } from './synctv-rows.ts';

const MAX_URL = 8192;
const MAX_HEADERS = 20;
const MAX_SUBTITLES = 32;

/** Converts the playlist of one room. */
export function convertItems(
  movies: readonly Row[],
  {
    room,
    owner,
    nowMs,
  }: { readonly room: { readonly id: string; readonly name: string }; readonly owner: string; readonly nowMs: number },
  leftOut: LeftOut[],
): Insertable<RoomItemTable>[] {
  const items: Insertable<RoomItemTable>[] = [];
  for (const row of movies) {
    const name = textOf(row, 'base_name');
    const target = targetOf(row);
    if (typeof target === 'string') {
      leftOut.push({ kind: 'entry', name, room: room.name, reason: target });
      continue;
    }
    items.push({
      id: textOf(row, 'id'),
      room_id: room.id,
      parent_id: textOf(row, 'base_parent_id') || null,
      rank: numberOf(row, 'position'),
      name,
      target: JSON.stringify(target),
      signed: 0,
      added_by: textOf(row, 'creator_id') || owner,
      created_us: timeOf(row, 'created_at', nowMs) * 1000,
    });
  }
  const folders = new Set(items.filter(({ target }) => target === FOLDER).map(({ id }) => id));
  // An entry whose folder was left out moves to the top.
  return items.map((item) =>
    item.parent_id == null || folders.has(item.parent_id) ? item : { ...item, parent_id: null },
  );
}

const FOLDER = JSON.stringify({ kind: 'folder' });

/** The target, or the reason why there is none. */
function targetOf(row: Row): ItemTarget | string {
  const vendor = textOf(row, 'base_vendor_info_vendor');
  if (vendor !== '') return `it is an entry of ${vendor}: connect the account in oxbow and add it again`;
  if (flagOf(row, 'base_is_folder')) return { kind: 'folder' };
  if (flagOf(row, 'base_rtmp_source')) return 'it is published to SyncTV by RTMP: create a stream and publish to it';
  const url = URL.parse(textOf(row, 'base_url'));
  if (url === null || !/^https?:$/.test(url.protocol) || url.href.length > MAX_URL) {
    return 'its address is not an http or https address';
  }
  const type = typeOf(textOf(row, 'base_type'), url.pathname);
  const headers = textMap(jsonOf(row, 'base_headers'), MAX_HEADERS, (value) => value);
  const subtitles = textMap(
    jsonOf(row, 'base_subtitles'),
    MAX_SUBTITLES,
    (value) => (value as { url?: unknown } | null)?.url,
  );
  return {
    kind: 'link',
    url: url.href,
    ...(type && { type }),
    ...(flagOf(row, 'base_proxy') && { proxy: true }),
    ...(flagOf(row, 'base_live') && { live: true }),
    ...(headers.length > 0 && { headers: Object.fromEntries(headers) }),
    ...(subtitles.length > 0 && { subtitles: subtitles.map(([name, address]) => ({ name, url: address })) }),
  };
}

/** SyncTV's `type` is a media type, an extension, or empty. */
function typeOf(type: string, path: string): 'hls' | 'dash' | 'file' | undefined {
  const text = `${type.toLowerCase()} ${/\.(\w+)$/.exec(path.toLowerCase())?.[1] ?? ''}`;
  if (/m3u|mpegurl/.test(text)) return 'hls';
  if (/mpd|dash/.test(text)) return 'dash';
  return /mp4|webm|mkv|mov|flv|mp3|m4a|ogg/.test(text) ? 'file' : undefined;
}

/** Entries of an object whose values have a text. */
function textMap(value: unknown, most: number, textFrom: (value: unknown) => unknown): [string, string][] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return [];
  return Object.entries(value)
    .flatMap(([name, entry]): [string, string][] => {
      const text = textFrom(entry);
      return typeof text === 'string' && text !== '' ? [[name, text]] : [];
    })
    .slice(0, most);
}
