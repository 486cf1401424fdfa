/**
 * What a measured ladder saves, and that it costs nothing where there is nothing to save: both ladders of
 * slides, of a moving picture and of noise are encoded and compared with their source.
 * In: films of ffmpeg. Out: bytes at equal XPSNR, the time of the measurement.
 */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import type { JobView } from '../../src/api/jobs/job-shapes.ts';
import type { AssetFacts } from '../../src/api/library/asset-facts.ts';
import type { AssetView } from '../../src/api/library/asset-shapes.ts';
import type { UploadView } from '../../src/api/library/upload-shapes.ts';
import type { ProbedLadder } from '../../src/cli/probe-ladder.ts';
import { type Comparison, compareLadders, type FilmKind } from '../../src/transcode/ladder/compare.fixture.ts';
import { type Films, openFilms } from '../../src/transcode/ladder/film.fixture.ts';
import { runCommandLines } from '../fixtures/cli/command-lines.ts';
import { need } from '../fixtures/need.ts';
import { readMultivariant } from '../fixtures/playlists.ts';
import { openFolder, startServer } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';

suite('measured and fixed ladders', { skip: need('ffmpeg') }, () => {
  let films: Films;
  before(async () => {
    films = await openFilms();
  });
  after(() => films[Symbol.asyncDispose]());

  const compare = (kind: FilmKind, height: number, rungs: readonly number[]): Promise<Comparison> =>
    compareLadders(films, kind, { width: (height * 16) / 9, height, seconds: 12, settings: { rungs } });
  const text = ({ fixed, measured, share }: Comparison) => JSON.stringify({ share, fixed, measured });

  test('slides need at least a quarter fewer bytes for the same XPSNR', async () => {
    const found = await compare('slides', 720, [360, 480, 720]);
    assert.ok(found.share <= 0.75, text(found));
    // Its best quality is that of the fixed ladder.
    const best = (rungs: Comparison['fixed']) => Math.max(...rungs.map(({ xpsnr }) => xpsnr));
    assert.ok(best(found.measured) > best(found.fixed) - 0.1, text(found));
  });

  for (const kind of ['film', 'noise'] as const) {
    test(`${kind}: at most 5 % more bytes for the same XPSNR`, async () => {
      const found = await compare(kind, 360, [144, 240, 360]);
      assert.ok(found.share <= 1.05, text(found));
    });
  }

  test('a server with its worker says what an upload needs before it encodes it, and lists what was decided', async (t) => {
    await using folder = await openFolder('measured-ladder');
    const film = await films.make(
      'long.mp4',
      '-f lavfi -i testsrc2=s=320x180:r=10 -t 200 -c:v libx264 -preset ultrafast -g 20 -crf 10 -pix_fmt yuv420p',
    );
    const args = ['--library-ladder-rungs', '144,180', '--library-ladder-effort', 'fastest'];
    await using server = await startServer({
      args,
      data: join(folder.path, 'data'),
      adminToken: 'admin-token-of-this-test',
    });
    const body = new Uint8Array(film);
    const answer = await server.fetch('/api/v1/uploads/file?filename=film.mp4', { method: 'PUT', body });
    const { asset: id } = (await answer.json()) as UploadView;
    const find = () => server.json<AssetView>(`/api/v1/assets/${id}`);
    const ladderOf = ({ facts }: AssetView) => (facts as Partial<AssetFacts> | null)?.ladder;
    await until('its qualities are made', async () => {
      // In this order: the ladder is known before a job of it exists.
      const { items } = await server.json<{ items: JobView[] }>('/api/v1/jobs?limit=100');
      const asset = await find();
      const isEncoding = items.some(({ kind, input }) => kind === 'encode' && mediaKindOf(input) === 'video');
      if (isEncoding) assert.ok(ladderOf(asset), 'it is encoded before it is measured');
      return asset.state === 'ready' && ladderOf(asset) && asset.renditions.every(({ state }) => state === 'done');
    });
    const asset = await find();
    const ladder = ladderOf(asset)!;
    const names = asset.renditions.map((rendition) => rendition.id).filter((name) => name.startsWith('v0-'));
    if (ladder.plan === 'measured') {
      // The source is the best rung where it needs no more.
      const decided = ladder.rungs.map(({ name }) => `v0-${name}`);
      assert.ok(
        names.every((name) => decided.includes(name)),
        `${names} of ${decided}`,
      );
    } else assert.match((asset.facts as unknown as AssetFacts).warnings.join(), /The ladder was not measured/);
    const { variants } = await readMultivariant(server, asset.hls!);
    // And the source.
    assert.equal(variants.length, names.length + 1, `${variants.map(({ uri }) => uri)} of ${names}`);

    // The same file without an upload.
    const path = join(folder.path, 'long.mp4');
    await writeFile(path, film);
    const [said] = await runCommandLines([['probe', path, '--json', ...args]]);
    const { ladder: probed } = JSON.parse(said!.stdout) as { readonly ladder: ProbedLadder };
    t.diagnostic(`upload: ${ladder.plan}, ${ladder.samples} samples; probe: ${probed.plan}, ${probed.samples} samples`);
    // Each stops after a tenth of the time of an encode: on a busy machine one may have fewer samples. x264
    // with several threads and a cap does not make the same bytes twice, which can decide about a second rung
    // of a size.
    if (ladder.plan === 'measured' && probed.samples === ladder.samples) {
      assert.equal(probed.plan, 'measured');
      const made = ladder.rungs.filter(({ name }) => names.includes(`v0-${name}`));
      const first = (rungs: readonly (readonly [string, number])[]) => rungs.filter(([name]) => !/-\d+$/.test(name));
      assert.deepEqual(
        first(probed.video.map(({ rung, maxRate }) => [rung, maxRate])),
        first(made.map(({ name, maxRate }) => [name, maxRate])),
      );
    } else assert.ok(probed.plan === 'measured' || /The ladder was not measured/.test(probed.notes.join()));
  });
});

function mediaKindOf(input: unknown): string | undefined {
  return (input as { readonly media?: { readonly kind?: string } }).media?.kind;
}
