/**
 * Films that an encoder meets in practice, and what the encode handler makes of them.
 * In: changes of a source and of settings. Out: encoded files; assertions that several sources share. Used by
 * tests only.
 */
import assert from 'node:assert/strict';
import { AVCOL_SPC_BT709, AVCOL_TRC_BT709 } from 'node-av/constants';
import { type EncodeVideo, encodeJobs } from './encode-job.ts';
import { type EncodedFilm, encodeFilm, type Films, lumaOf, openFilms, timesOf } from './film.fixture.ts';
import { ladderDefaults, planLadder } from './plan.ts';
import type { LadderSettings, LadderSourceVideo } from './plan-shapes.ts';

/** What most of these films have. */
export const SOURCE: LadderSourceVideo = { stream: 0, codec: 'h264', width: 320, height: 180, frameRate: 25 };
/** Arguments of their encoder. */
export const X264 = '-threads 3 -c:v libx264 -preset ultrafast -bf 2 -g 25 -sc_threshold 0 -pix_fmt yuv420p -crf 12';
/** A picture of a quarter of that. */
export const half = { width: 160, height: 90 };
/** Two segments of a second. */
export const TWO_S = { originUs: 0, cuts: [0, 1_000_000], endUs: 2_000_000 };

/** A folder of films, and their encoder. */
export interface DifficultFilms extends AsyncDisposable {
  readonly films: Films;
  /** Encodes the picture of a film as a plan of one rung has it, changed by `change`. */
  encode(
    bytes: Uint8Array,
    video: Partial<LadderSourceVideo>,
    settings?: Partial<LadderSettings> & { times?: typeof TWO_S },
    change?: (video: EncodeVideo) => Partial<EncodeVideo>,
  ): Promise<EncodedFilm>;
  /** Path of an output. */
  fileOf(encoded: EncodedFilm, name: string): Promise<string>;
}

/** Creates a folder of films. */
export async function openDifficultFilms(): Promise<DifficultFilms> {
  const films = await openFilms();
  return {
    films,
    encode(bytes, video, { rungs = [120], times = TWO_S, ...settings } = {}, change = () => ({})) {
      const plan = planLadder(
        { video: { ...SOURCE, ...video }, audio: [] },
        { ...ladderDefaults, effort: 'fastest', rungs, ...settings },
      );
      const [job] = encodeJobs('a1', plan, times);
      const { media } = job!;
      assert.ok(media.kind === 'video');
      return encodeFilm(bytes, { ...job!, media: { ...media, ...change(media) } });
    },
    fileOf: ({ outputs }, name) => films.save(`${Math.random()}.mp4`, outputs.get(name)!),
    [Symbol.asyncDispose]: () => films[Symbol.asyncDispose](),
  };
}

/** HDR of a transfer is mapped to SDR. @param params of x265 */
export async function assertMappedToSdr(rig: DifficultFilms, transfer: string, params: string): Promise<void> {
  const hdr = await rig.films.make(
    `${transfer}.mp4`,
    `-f lavfi -i nullsrc=s=320x180:r=5,format=yuv420p10le,geq=lum=64+X*876/320:cb=512:cr=512 -t 1 -c:v libx265 -preset ultrafast -x265-params log-level=none:${params}`,
  );
  const times = { originUs: 0, cuts: [0], endUs: 1_000_000 };
  const video = { codec: 'hevc', frameRate: 5, transfer, matrix: 'bt2020nc' };
  const path = await rig.fileOf(await rig.encode(hdr, video, { times, rungs: [180] }), 'v0-180/1.mp4');
  const { row, matrix, transfer: made } = lumaOf(path);
  assert.deepEqual([matrix, made], [AVCOL_SPC_BT709, AVCOL_TRC_BT709]);
  assert.ok(row[2]! < 40 && row.at(-3)! > 180, `from ${row[2]} to ${row.at(-3)}`);
  assert.ok(
    row.every((value, i) => i < 8 || value >= row[i - 8]! - 3),
    'brightness does not fall',
  );
  assert.ok(Math.max(...row) - row[160]! > 20, `the middle is ${row[160]} of ${Math.max(...row)}`);

  // The plan of a live source does not know it: its pictures say so.
  const picture = { rotation: 0, interlaced: false, matrix: 'bt709' } as const;
  const live = await rig.encode(hdr, video, { times, rungs: [180] }, () => ({ picture }));
  assert.deepEqual(lumaOf(await rig.fileOf(live, 'v0-180/1.mp4')).row, row);
}

/** Damaged pictures are concealed or left out; the times of the others stay. @param threads of the encoder */
export async function assertDamageConcealed(rig: DifficultFilms, threads: number): Promise<void> {
  const film = await rig.films.make(
    'whole.mkv',
    `-f lavfi -i testsrc2=s=320x180:r=25 -t 4 ${X264} -threads ${threads}`,
  );
  const bytes = film.slice();
  for (let at = Math.floor(bytes.length * 0.3); at < bytes.length * 0.6; at += 97) bytes[at] = bytes[at]! ^ 0x5a;
  const times = { originUs: 0, cuts: [0, 1_000_000, 2_000_000, 3_000_000], endUs: 4_000_000 };
  const encoded = await rig.encode(bytes, {}, { times });
  const made = timesOf(await rig.fileOf(encoded, 'v0-120/1.mp4'));
  const grid = made.map(({ pts }) => ((pts - made[0]!.pts) * 25) % 1);
  assert.ok(grid.every((rest) => Math.min(rest, 1 - rest) < 0.01));
  assert.deepEqual(
    encoded.result.chunks.map(({ segments }) => segments),
    [4],
  );
  assert.deepEqual(
    made.filter(({ key }) => key).map(({ pts }) => Math.round(pts - made[0]!.pts)),
    [0, 1, 2, 3],
  );
}
