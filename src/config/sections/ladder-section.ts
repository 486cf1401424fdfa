/**
 * The settings of ladders, a part of the section `library`.
 * In: the types of settings. Out: the section `library.ladder`, read by transcode/ladder/settings.
 */
import { FormatError } from '@oxbow/media/errors';
import { choice, createOption, flag, integer, section } from '../option.ts';

const LEAST_RUNG = 144;
const MOST_RUNG = 4320;
const MAX_RUNGS = 10;

function readRungs(value: unknown): readonly number[] {
  const items = Array.isArray(value) ? value : String(value).split(',');
  const rungs = items.map((item) => Number(String(item).trim().replace(/p$/, '')));
  const isValid = (rung: number) => Number.isInteger(rung) && rung % 2 === 0 && rung >= LEAST_RUNG && rung <= MOST_RUNG;
  if (rungs.length === 0 || rungs.length > MAX_RUNGS || !rungs.every(isValid)) {
    const range = `even heights from ${LEAST_RUNG} to ${MOST_RUNG}, such as 360,720,1080`;
    throw new FormatError(`"${String(value)}" is not a list of up to ${MAX_RUNGS} ${range}`, 0);
  }
  return [...new Set(rungs)].sort((a, b) => a - b);
}

const rungs = createOption<readonly number[]>(
  {
    placeholder: 'HEIGHT,…',
    json: { type: ['array', 'string'], items: { type: 'integer' } },
    read: readRungs,
    print: (value) => value.join(','),
  },
  '360,480,720,1080,1440,2160',
  'Heights of the qualities that are encoded, as far as the source is as large; of portrait video the widths.',
  { reload: 'live' },
);

const loudness = createOption<number | undefined>(
  {
    placeholder: 'LUFS',
    json: { type: ['number', 'string'] },
    read(value) {
      if (value === '') return undefined;
      const target = Number(value);
      if (!Number.isFinite(target) || target < -40 || target > -5) {
        throw new FormatError(`"${String(value)}" is not a loudness from -40 to -5 LUFS`, 0);
      }
      return target;
    },
    print: (value) => (value === undefined ? '' : String(value)),
  },
  '',
  'Loudness to which audio is normalized by one constant gain, e.g. `-16`. Default: the loudness of the source.',
  { reload: 'live' },
);

export const ladderSection = section({
  encode: flag(true, 'Whether uploaded videos are encoded in several qualities.', { reload: 'live' }),
  plan: choice(
    ['measured', 'fixed'],
    'measured',
    'Whether samples of a video decide its qualities: how many bits each size of it needs. `fixed`: a table does, for all videos alike.',
    { reload: 'live' },
  ),
  preset: choice(
    ['h264', 'vp9', 'hevc', 'av1'],
    'h264',
    'Codec in addition to H.264 and AAC, which are always encoded; with `vp9` and `av1` also Opus.',
    { reload: 'live' },
  ),
  rungs,
  effort: choice(
    ['fastest', 'fast', 'balanced', 'small'],
    'fast',
    'How much time encoders take for a smaller file at the same quality.',
    { reload: 'live' },
  ),
  passes: integer(
    '1',
    { min: 1, max: 2 },
    'Passes over H.264: 1 has a constant quality below a highest bit rate; 2 has the bit rate of each quality on average, and takes about half as long again.',
    { reload: 'live' },
  ),
  halveLowRungs: flag(
    false,
    'Whether 360p and below get half the frame rate of sources with more than 30 pictures a second.',
    {
      reload: 'live',
    },
  ),
  fields: flag(
    false,
    'Whether each field of interlaced video becomes a picture: 50 a second of 1080i25. Otherwise each two become one.',
    { reload: 'live' },
  ),
  loudness,
});
