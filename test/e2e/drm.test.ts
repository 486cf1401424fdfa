/**
 * Streams with common encryption whose keys are of a key server: it may be down without a loss of the
 * recording, and an edge passes licences on.
 */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { newestStretch } from '../browser/stretch.ts';
import { readFirstVariant, resolvePath } from '../fixtures/playlists.ts';
import { startEdge } from '../fixtures/proxies/edge.ts';
import { openFolder, smallPicture, startServer } from '../fixtures/server.ts';
import { openKeyServer } from '../fixtures/services/key-server.ts';
import { until } from '../fixtures/wait.ts';

suite('common encryption with a key server', () => {
  test('records while the server is down, plays when it is back, and gives licences at an edge', async () => {
    await using folder = await openFolder('drm');
    await using keys = await openKeyServer();
    keys.state.isDown = true;
    await using server = await startServer({
      data: `${folder.path}/data`,
      args: [
        ...[...smallPicture, '--hls-segment-duration', '1s', '--encryption-streams', 'cbcs'],
        ...['--encryption-key-every', '4', '--encryption-clear-key', 'on', '--encryption-key-server-url', keys.url],
      ],
    });
    const { fromMs } = await newestStretch(server, 3);
    const refused = await server.fetch('/live/demo/index.m3u8');
    assert.deepEqual([refused.status, ((await refused.json()) as { code: string }).code], [503, 'key-server-failed']);
    const later = await newestStretch(server, 5);
    assert.equal(later.fromMs, fromMs, 'the recording has no hole');
    keys.state.isDown = false;
    const { list, path } = await until('the stream plays', () =>
      readFirstVariant(server, '/live/demo/index.m3u8').catch(() => undefined),
    );
    const [segment] = list.segments;
    const tags = segment!.keys ?? [];
    assert.deepEqual(
      tags.map(({ keyFormat }) => keyFormat),
      ['com.apple.streamingkeydelivery', 'org.w3.clearkey'],
    );
    assert.equal(new Set(keys.state.requested).size, keys.state.requested.length, 'each key is requested once');
    keys.state.isDown = true;
    assert.equal((await server.fetch(path)).status, 200, 'keys in memory are enough');
    await using edge = await startEdge(server.url, {});
    const init = Buffer.from(await (await fetch(`${edge.url}${resolvePath(segment!.map!.uri, path)}`)).arrayBuffer());
    const tenc = init.indexOf('tenc');
    const kid = init.subarray(tenc + 12, tenc + 28).toString('base64url');
    const answer = await fetch(`${edge.url}/live/demo/keys/clearkey`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ kids: [kid] }),
    });
    assert.deepEqual(await answer.json(), { keys: [{ kty: 'oct', kid, k: kid }], type: 'temporary' });
  });
});
