/**
 * The addresses of assets of the library: playlists, manifest, segments, the original, pictures.
 * In: paths below /assets/. Out: the requested media; media-address.ts has it in its union. Pure.
 */
import { digitsAt } from '../../lib/whole-number.ts';
import { KEYS_FOLDER, keyFileOf, keyFolderOf, keyOfFile, keyOfFolder, LICENCE_FILE } from '../content-key-name.ts';

/** The media that an asset path names. `stream` is undefined: an asset belongs to none. */
export type AssetAddress = { readonly stream: undefined; readonly asset: string } & (
  | { readonly kind: 'asset-index' }
  | { readonly kind: 'asset-manifest' }
  | { readonly kind: 'asset-playlist'; readonly rendition: string }
  | { readonly kind: 'asset-init'; readonly rendition: string; readonly init: number; readonly key?: string }
  /** `key` as of a segment of a stream. */
  | { readonly kind: 'asset-segment'; readonly rendition: string; readonly msn: number; readonly key?: string }
  | {
      /** As `stored-segment` of a stream. */
      readonly kind: 'asset-stored-segment';
      readonly rendition: string;
      readonly msn: number;
      readonly offset: number;
    }
  | { readonly kind: 'asset-subtitles'; readonly rendition: string; readonly msn: number; readonly key?: string }
  | { readonly kind: 'asset-key'; readonly key: string }
  | { readonly kind: 'asset-licence' }
  | { readonly kind: 'asset-file'; readonly rendition: string }
  | { readonly kind: 'asset-text'; readonly rendition: string; readonly form: 'vtt' | 'ass' }
  | { readonly kind: 'asset-chapters' }
  | { readonly kind: 'asset-original' }
  | { readonly kind: 'asset-poster' }
  | { readonly kind: 'asset-storyboard' }
  | { readonly kind: 'asset-sprite'; readonly sprite: number }
);

/** The folder of all assets. */
export const ASSETS = '/assets/';

const ID = /^[a-z0-9]{1,40}$/;
const RENDITION = /^[a-z0-9-]{1,32}$/;
const SUBTITLES = /^s\d[a-z0-9-]{0,30}$/;
const files = {
  'index.m3u8': 'asset-index',
  'index.mpd': 'asset-manifest',
  original: 'asset-original',
  'poster.jpg': 'asset-poster',
  'storyboard.vtt': 'asset-storyboard',
  'chapters.vtt': 'asset-chapters',
} as const;

/** Parses a path below `/assets/`; undefined if it names nothing there. */
export function parseAssetAddress(path: string): AssetAddress | undefined {
  const [asset = '', folder = '', file, encrypted, ...more] = path.slice(ASSETS.length).split('/');
  if (!ID.test(asset) || more.length > 0) return undefined;
  const base = { stream: undefined, asset };
  if (file === undefined) return parseFile(base, folder);
  if (!RENDITION.test(folder)) return undefined;
  if (encrypted === undefined) return parseOfRendition(base, folder, file);
  const key = keyOfFolder(file);
  const address = key === undefined ? undefined : parseOfRendition(base, folder, encrypted);
  switch (address?.kind) {
    case 'asset-init':
    case 'asset-segment':
    case 'asset-subtitles':
      return { ...address, key: key! };
    default:
      return undefined;
  }
}

function parseOfRendition(
  base: Pick<AssetAddress, 'stream' | 'asset'>,
  rendition: string,
  file: string,
): AssetAddress | undefined {
  if (rendition === KEYS_FOLDER) {
    if (file === LICENCE_FILE) return { kind: 'asset-licence', ...base };
    const key = keyOfFile(file);
    return key === undefined ? undefined : { kind: 'asset-key', ...base, key };
  }
  if (file.startsWith('init-') && file.endsWith('.mp4')) {
    const init = digitsAt(file, 5, file.length - 4, 9);
    return init < 0 ? undefined : { kind: 'asset-init', ...base, rendition, init };
  }
  if (file.endsWith('.mp4')) {
    const dash = file.indexOf('-');
    const msn = digitsAt(file, 0, dash, 15);
    const offset = digitsAt(file, dash + 1, file.length - 4, 15);
    return msn < 0 || offset < 0 ? undefined : { kind: 'asset-stored-segment', ...base, rendition, msn, offset };
  }
  const msn = digitsAt(file, 0, file.length - 4, 15);
  if (msn < 0) return undefined;
  if (file.endsWith('.m4s')) return { kind: 'asset-segment', ...base, rendition, msn };
  const isText = file.endsWith('.vtt') && SUBTITLES.test(rendition);
  return isText ? { kind: 'asset-subtitles', ...base, rendition, msn } : undefined;
}

function parseFile(base: Pick<AssetAddress, 'stream' | 'asset'>, file: string): AssetAddress | undefined {
  if (Object.hasOwn(files, file)) return { kind: files[file as keyof typeof files], ...base };
  if (file.startsWith('storyboard-') && file.endsWith('.jpg')) {
    const sprite = digitsAt(file, 11, file.length - 4, 5);
    return sprite < 0 ? undefined : { kind: 'asset-sprite', ...base, sprite };
  }
  const dot = file.indexOf('.');
  const rendition = file.slice(0, Math.max(0, dot));
  const ending = file.slice(rendition.length);
  if (!RENDITION.test(rendition)) return undefined;
  if (SUBTITLES.test(rendition) && (ending === '.vtt' || ending === '.ass')) {
    return { kind: 'asset-text', ...base, rendition, form: ending === '.vtt' ? 'vtt' : 'ass' };
  }
  if (ending === '.m3u8') return { kind: 'asset-playlist', ...base, rendition };
  return ending === '.mp4' ? { kind: 'asset-file', ...base, rendition } : undefined;
}

/** Prints the path of an address; the inverse of `parseAssetAddress`. */
export function printAssetAddress(address: AssetAddress): string {
  const folder = `${ASSETS}${address.asset}`;
  switch (address.kind) {
    case 'asset-index':
      return `${folder}/index.m3u8`;
    case 'asset-manifest':
      return `${folder}/index.mpd`;
    case 'asset-playlist':
      return `${folder}/${address.rendition}.m3u8`;
    case 'asset-init':
      return `${folder}/${address.rendition}/${folderOf(address.key)}init-${address.init}.mp4`;
    case 'asset-segment':
      return `${folder}/${address.rendition}/${folderOf(address.key)}${address.msn}.m4s`;
    case 'asset-stored-segment':
      return `${folder}/${address.rendition}/${address.msn}-${address.offset}.mp4`;
    case 'asset-subtitles':
      return `${folder}/${address.rendition}/${folderOf(address.key)}${address.msn}.vtt`;
    case 'asset-key':
      return `${folder}/${KEYS_FOLDER}/${keyFileOf(address.key)}`;
    case 'asset-licence':
      return `${folder}/${KEYS_FOLDER}/${LICENCE_FILE}`;
    case 'asset-file':
      return `${folder}/${address.rendition}.mp4`;
    case 'asset-text':
      return `${folder}/${address.rendition}.${address.form}`;
    case 'asset-chapters':
      return `${folder}/chapters.vtt`;
    case 'asset-original':
      return `${folder}/original`;
    case 'asset-poster':
      return `${folder}/poster.jpg`;
    case 'asset-storyboard':
      return `${folder}/storyboard.vtt`;
    case 'asset-sprite':
      return `${folder}/storyboard-${address.sprite}.jpg`;
  }
}

const folderOf = (key: string | undefined): string => (key === undefined ? '' : keyFolderOf(key));
