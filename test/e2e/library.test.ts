import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { promisify } from 'node:util';
import type { AssetView } from '../../src/api/library/asset-shapes.ts';
import { checkPresentation, printFindings } from '../conformance/checker.ts';
import { openHttpFetch } from '../conformance/http-fetch.ts';
import { checkManifest } from '../conformance/mpd.ts';
import { probe } from '../fixtures/ffmpeg.ts';
import { need } from '../fixtures/need.ts';
import { openFolder, type Server, startServer } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';

const run = promisify(execFile);

/** Paths of the playlists of picture and sound. */
async function listsOf(server: Server, path: string): Promise<string[]> {
  const text = await (await server.fetch(path)).text();
  const uris = [...text.matchAll(/^#EXT-X-MEDIA:TYPE=AUDIO.*URI="([^"]+)"|^([^#\s].*)$/gm)];
  return uris.map(([, sound, picture]) => new URL((sound ?? picture)!, `http://x${path}`).pathname);
}

/** The bytes of a whole rendition, one after another. */
async function appended(server: Server, list: string): Promise<Buffer> {
  const text = await (await server.fetch(list)).text();
  const uris = [...text.matchAll(/^#EXT-X-MAP:URI="([^"]+)"|^([^#\s].*)$/gm)].map(([, map, uri]) => (map ?? uri)!);
  const pieces: Buffer[] = [];
  for (const uri of uris) {
    const { pathname } = new URL(uri, `http://x${list}`);
    pieces.push(Buffer.from(await (await server.fetch(pathname)).arrayBuffer()));
  }
  return Buffer.concat(pieces);
}

suite('a file that is uploaded', { skip: need('ffmpeg') }, () => {
  test('plays in the original quality and in every other as HLS and DASH; sound that no browser plays is encoded', async () => {
    await using folder = await openFolder('library');
    const file = join(folder.path, 'film.mov');
    const srt = join(folder.path, 'film.srt');
    await writeFile(srt, '1\n00:00:00,500 --> 00:00:03,500\nRain\n');
    const input = '-v error -f lavfi -i testsrc2=s=640x360:r=25 -f lavfi -i sine=f=440:r=48000';
    const maps = `-i ${srt} -map 0 -map 1 -map 2 -t 4 -c:s mov_text -metadata:s:s:0 language=deu`;
    const output = '-c:v libx264 -preset veryfast -g 50 -bf 2 -pix_fmt yuv420p -c:a pcm_s16le';
    await run('ffmpeg', [...input.split(' '), ...maps.split(' '), ...output.split(' '), file]);
    await using server = await startServer({
      data: join(folder.path, 'data'),
      adminToken: 'let-me-in-please',
    });
    const sent = await server.fetch('/api/v1/uploads/file?filename=film.mov&visibility=public', {
      method: 'PUT',
      body: await readFile(file),
    });
    assert.equal(sent.status, 201, await sent.clone().text());
    const { asset: id } = (await sent.json()) as { asset: string };
    const view = await until(
      'all renditions are made',
      async () => {
        const now = await server.json<AssetView>(`/api/v1/assets/${id}`);
        const isOver = now.renditions.every(({ state }) => state === 'done' || state === 'failed');
        return (now.state === 'failed' || (now.state === 'ready' && isOver)) && now;
      },
      { withinMs: 300_000, everyMs: 250 },
    );
    assert.equal(view.error, null);
    assert.deepEqual(
      view.renditions.filter(({ state }) => state !== 'done'),
      [],
    );
    assert.ok(view.renditions.length >= 3, JSON.stringify(view.renditions));
    assert.ok(Math.abs(view.seconds! - 4) < 0.05);
    using http = openHttpFetch(server.url);
    const found = await checkPresentation(http.fetch, view.hls!, { still: true });
    assert.equal(printFindings(found.filter(({ severity }) => severity === 'must')), '');
    // As tools save it that append segments without changing them: the clock begins at 0, apart from what is
    // decoded before.
    for (const [i, list] of (await listsOf(server, view.hls!)).entries()) {
      const saved = join(folder.path, `saved-${i}.mp4`);
      await writeFile(saved, await appended(server, list));
      const { startS, durationS } = await probe(saved);
      assert.ok(startS >= 0 && startS < 0.25, `${list} begins at ${startS} s`);
      assert.ok(Math.abs(durationS - 4) < 0.3, `${list} lasts ${durationS} s`);
    }
    const plain = async (path: string) => {
      const { status, headers, body } = await http.fetch(path);
      return { status, headers, body, text: Buffer.from(body).toString() };
    };
    const { problems, periods } = await checkManifest(plain, view.dash!);
    assert.deepEqual(problems, []);
    const kinds = periods[0]!.representations.map(({ id: each }) => each.replace(/-\d+$/, '')).sort();
    assert.deepEqual([...new Set(kinds)], ['a0', `${view.subtitles[0]!.id}`, 'v0']);
    assert.match(await (await server.fetch(view.subtitles[0]!.vtt!)).text(), /00:00:00\.500 --> 00:00:03\.500\nRain/);
    assert.ok(kinds.filter((kind) => kind === 'v0').length >= 2, 'the source and an encoded quality');
  });
});
