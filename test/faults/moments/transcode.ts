/**
 * Films that are uploaded: the import, and the qualities that are encoded.
 * In: a film. Out: after the next start every quality is made, once, and no other file is left.
 */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { JobView } from '../../../src/api/jobs/job-shapes.ts';
import type { AssetView } from '../../../src/api/library/asset-shapes.ts';
import { checkPresentation, printFindings } from '../../conformance/checker.ts';
import { openHttpFetch } from '../../conformance/http-fetch.ts';
import { pictureHashes } from '../../fixtures/ffmpeg.ts';
import { makeFilm } from '../../fixtures/library/film.ts';
import { download, readMedia, readMultivariant, resolvePath } from '../../fixtures/playlists.ts';
import { type Server, startServer } from '../../fixtures/server.ts';
import { until } from '../../fixtures/wait.ts';
import { type Activity, filesBelow } from './activity.ts';

/** Longer than a chunk file of an asset, so that there are several. */
const SECONDS = 8;
const args = ['--library-ladder-rungs', '144', '--library-ladder-effort', 'fastest'];

const isOver = ({ state }: { readonly state: string }) => state === 'done' || state === 'failed';

/** The assets when everything of them is made. */
async function endedAssets(server: Server): Promise<AssetView[]> {
  return until('all qualities are made', async () => {
    const { items } = await server.json<{ items: AssetView[] }>('/api/v1/assets');
    const views = await Promise.all(items.map(({ id }) => server.json<AssetView>(`/api/v1/assets/${id}`)));
    const isMade = ({ state, renditions }: AssetView) =>
      state === 'failed' || (state === 'ready' && renditions.every(isOver));
    return views.filter(({ state }) => state !== 'uploading').every(isMade) && views;
  });
}

/** MD5 of the pictures of each rendition that a player may choose. */
async function picturesOf(server: Server, { hls }: AssetView, folder: string): Promise<string[][]> {
  const { variants } = await readMultivariant(server, hls!);
  const paths = [...new Set(variants.map(({ uri }) => resolvePath(uri, hls!)))];
  return Promise.all(
    paths.map(async (each, i) => {
      const { path, list } = await readMedia(server, each);
      const file = join(folder, `rendition-${i}.mp4`);
      await download(server, path, list.segments, file);
      return pictureHashes(file);
    }),
  );
}

/** See above. */
export const transcoding: Activity = {
  name: 'transcode',
  steps: ['sql insert job', 'sql insert asset_chunk', 'sql update asset'],
  async prepare(folder) {
    const path = join(folder, 'film.mp4');
    await makeFilm(path, { seconds: SECONDS });
    const film = await readFile(path);
    const source = await pictureHashes(path);
    return {
      async trial(own) {
        const options = { data: join(own, 'data'), adminToken: 'an-administrator', args };
        let answered: string | undefined;
        const upload = async (server: Server) => {
          const sent = await server.fetch('/api/v1/uploads/file?filename=film.mp4', { method: 'PUT', body: film });
          assert.equal(sent.status, 201);
          answered = ((await sent.json()) as { asset: string }).asset;
        };
        return {
          async run(env, began) {
            await using server = await startServer({ ...options, env });
            await upload(server);
            began();
            await endedAssets(server);
          },
          async check() {
            {
              await using server = await startServer(options);
              if (answered === undefined) await upload(server);
              const assets = await endedAssets(server);
              const view = assets.find(({ id }) => id === answered)!;
              assert.deepEqual([view.state, view.error], ['ready', null]);
              assert.deepEqual(
                view.renditions.filter(({ state }) => state !== 'done'),
                [],
              );
              assert.deepEqual(
                view.renditions.map(({ id }) => id),
                ['source', 'v0-144'],
              );
              using http = openHttpFetch(server.url);
              const findings = await checkPresentation(http.fetch, view.hls!, { still: true });
              assert.equal(printFindings(findings.filter(({ severity }) => severity === 'must')), '');
              const pictures = await picturesOf(server, view, own);
              assert.deepEqual(new Set(pictures.map(({ length }) => length)), new Set([source.length]));
              assert.ok(
                pictures.some((one) => one.join() === source.join()),
                'the original is copied bit by bit',
              );
              const { items } = await server.json<{ items: JobView[] }>('/api/v1/jobs');
              assert.deepEqual(
                items.filter(({ state }) => state !== 'done'),
                [],
              );
            }
            assertStored(options.data, await filesBelow(join(options.data, 'assets')));
          },
        };
      },
      async [Symbol.asyncDispose]() {},
    };
  },
};

/** Every chunk file is in the index, each segment of a rendition in one of them, and there is no other. */
function assertStored(data: string, files: readonly string[]): void {
  using db = new DatabaseSync(join(data, 'oxbow.db'), { readOnly: true });
  const rows = db
    .prepare('SELECT path, rendition, first_msn, last_msn FROM asset_chunk ORDER BY asset_id, rendition, first_msn')
    .all() as { path: string; rendition: string; first_msn: number; last_msn: number }[];
  const chunks = files.filter((path) => path.endsWith('.mp4')).map((path) => relative(data, path));
  assert.deepEqual(chunks.sort(), rows.map(({ path }) => path).sort());
  for (const [i, { rendition, first_msn }] of rows.entries()) {
    const before = rows[i - 1];
    if (before?.rendition === rendition) assert.equal(first_msn, before.last_msn + 1);
  }
  assert.deepEqual(
    files.filter((path) => path.endsWith('.part')),
    [],
  );
}
