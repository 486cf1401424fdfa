/**
 * Names of content keys in addresses of media: `{series}-{number}`. Encrypted segments are in a folder for
 * their key, so that the bytes of an address never change, and keys in the folder `keys` of their stream or
 * asset.
 * In: pieces of paths. Out: names, and pieces of paths. Pure. docs/decisions/0104.
 */

/** The folder of the keys of a stream or an asset. */
export const KEYS_FOLDER = 'keys';
/** The file in it that answers requests for ClearKey licences. */
export const LICENCE_FILE = 'clearkey';
const ENDING = '.key';
const NAME = /^[0-9a-z]{1,16}-\d{1,15}$/;

/** The folder of the segments with a key, relative to their usual one, with a slash at its end. */
export function keyFolderOf(name: string): string {
  return `k${name}/`;
}

/** The name of the key of a folder; undefined for another folder. */
export function keyOfFolder(folder: string): string | undefined {
  if (!folder.startsWith('k')) return undefined;
  const name = folder.slice(1);
  return NAME.test(name) ? name : undefined;
}

/** Name of the file with the 16 bytes of a key, in the folder of keys. */
export function keyFileOf(name: string): string {
  return `${name}${ENDING}`;
}

/** The name of the key in a file of the folder of keys; undefined for another file. */
export function keyOfFile(file: string): string | undefined {
  if (!file.endsWith(ENDING)) return undefined;
  const name = file.slice(0, -ENDING.length);
  return NAME.test(name) ? name : undefined;
}
