/**
 * The addresses of clips: the page, the file and the picture of one.
 * In: paths below /c/. Out: the requested media; media-address.ts has it in its union. Pure.
 */

/** The media that a path of a clip names. `stream` is undefined: the clip knows its stream. */
export type ClipAddress = { readonly stream: undefined; readonly clip: string } & {
  readonly kind: 'clip-file' | 'clip-preview';
};

/** A path in the folder of a clip that names nothing there. */
export interface UnknownClipAddress {
  readonly kind: 'unknown';
  readonly stream: undefined;
  readonly clip: string;
  readonly class: 'clip';
  readonly path: string;
}

const CLIPS = '/c/';

const ID = /^[A-Za-z0-9_-]{1,40}$/;
const files = { 'clip.mp4': 'clip-file', 'preview.jpg': 'clip-preview' } as const;

/** Whether a text has the form of a clip's id. */
export function isClipId(text: string): boolean {
  return ID.test(text);
}

/** Whether a path is below the folder of a clip, as opposed to the clip's page. */
export function isBelowClip(path: string): boolean {
  return path.startsWith(CLIPS) && path.indexOf('/', CLIPS.length) >= 0 && !path.endsWith('/');
}

/** Parses a path below the folder of a clip; `unknown` if it names no media there. */
export function parseClipAddress(path: string): ClipAddress | UnknownClipAddress {
  const [clip = '', file = '', ...more] = path.slice(CLIPS.length).split('/');
  if (!ID.test(clip) || more.length > 0 || !Object.hasOwn(files, file)) {
    return { kind: 'unknown', stream: undefined, clip, class: 'clip', path };
  }
  return { kind: files[file as keyof typeof files], stream: undefined, clip };
}

/** Prints the path of an address; `parseClipAddress` is the inverse. */
export function printClipAddress({ kind, clip }: ClipAddress): string {
  return `${CLIPS}${clip}/${kind === 'clip-file' ? 'clip.mp4' : 'preview.jpg'}`;
}

/** The path of a clip's page. */
export function clipPage(clip: string): string {
  return `${CLIPS}${clip}`;
}
