/**
 * Names of streams from the names of cameras and paths of other programs.
 * In: names of cameras, a wish. Out: valid names, different for each. Pure.
 */
import { parseStreamName } from '../../api/stream/stream-refusals.ts';
import { OxbowError } from '../../lib/errors.ts';

const LONGEST = 64;

/**
 * Names the streams of cameras.
 *
 * @param as name of the only stream; the beginning of the names of several
 * @param folder name of the folder, for a camera without a name
 * @throws OxbowError `bad-name`; `bad-request` if there is no name, or two cameras would have the same one
 */
export function streamNames(
  cameras: readonly string[],
  as: string | undefined,
  folder: string,
): ReadonlyMap<string, string> {
  if (as !== undefined) parseStreamName(as);
  const names = new Map<string, string>();
  for (const camera of cameras) {
    const cameraName = validName(camera === '' ? folder : camera);
    const name = as === undefined ? cameraName : cameras.length === 1 ? as : `${as}-${cameraName}`.slice(0, LONGEST);
    if (name === '') throw clash(`"${camera}" cannot be made into the name of a stream`);
    const other = [...names].find(([, taken]) => taken === name);
    if (other) throw clash(`"${other[0]}" and "${camera}" would both be the stream ${name}`);
    names.set(camera, name);
  }
  return names;
}

function validName(text: string): string {
  const plain = text
    .toLowerCase()
    .normalize('NFKD')
    .replaceAll(/[^a-z0-9_]+/g, '-');
  return plain
    .replace(/^[-_]+/, '')
    .slice(0, LONGEST)
    .replace(/-+$/, '');
}

function clash(text: string): OxbowError {
  return new OxbowError('bad-request', `${text}.`, {
    extra: { hint: 'Import the folder of one camera at a time, with --as NAME.' },
  });
}
