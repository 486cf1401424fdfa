/**
 * The media that the proxy may send, by the type of the upstream's answer: it never sends anything that a
 * browser would run or show as a page.
 * In: Content-Type and path of an answer. Out: how it is passed on. Pure.
 */

/** How an answer is passed on. */
type Passed =
  | { readonly as: 'playlist' | 'manifest' }
  /** Bytes, with this Content-Type. */
  | { readonly as: 'bytes'; readonly contentType: string };

const PLAYLIST = /^(?:application|audio)\/(?:vnd\.apple\.mpegurl|x-mpegurl|mpegurl)$/;
const MEDIA = /^(?:video|audio)\/[a-z0-9.+-]+$|^(?:image\/(?:jpeg|png|webp|gif|avif)|application\/mp4|text\/vtt)$/;

/**
 * How to pass an answer on.
 *
 * @param contentType of the upstream; may be missing or wrong
 * @param path of the address that answered
 * @param isEntry whether it is the address of the item itself, whose type the item may name
 */
export function passedAs(
  contentType: string | undefined,
  path: string,
  isEntry: boolean,
  itemType: 'hls' | 'dash' | 'file' | undefined,
): Passed {
  const type = essence(contentType);
  const extension = /\.([a-z0-9]{1,5})$/i.exec(path)?.[1]?.toLowerCase() ?? '';
  if (PLAYLIST.test(type) || /^m3u8?$/.test(extension) || (isEntry && itemType === 'hls')) return { as: 'playlist' };
  if (type === 'application/dash+xml' || extension === 'mpd' || (isEntry && itemType === 'dash'))
    return { as: 'manifest' };
  return bytesOf(type);
}

/** An answer as media, or as bytes without a meaning. */
export function bytesOf(contentType: string | undefined): Extract<Passed, { as: 'bytes' }> {
  const type = essence(contentType);
  return { as: 'bytes', contentType: MEDIA.test(type) ? type : 'application/octet-stream' };
}

/** Whether it is a type of segments, or one that says nothing: not a page, a document or a list of files. */
export function mayBeMedia(contentType: string | undefined): boolean {
  const type = essence(contentType);
  return type === '' || MEDIA.test(type) || /^(?:application|binary)\/(?:octet-stream|ttml\+xml)$/.test(type);
}

const essence = (contentType = ''): string => contentType.split(';', 1)[0]!.trim().toLowerCase();
