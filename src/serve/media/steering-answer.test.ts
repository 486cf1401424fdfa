import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { SteeringRequest } from '../../api/steering/steering-shapes.ts';
import { shareTestServer } from '../../http/fixture.ts';

const PATH = '/live/public/steering.json';

suite('Steering Manifests', () => {
  const asked: SteeringRequest[] = [];
  const steering = {
    manifest(request: SteeringRequest) {
      asked.push(request);
      return request.query.has('off') ? undefined : '{"VERSION":1}';
    },
  };
  const countries = { revision: 1, find: (address: string) => (address === '192.0.2.7' ? 'DE' : undefined) };
  const shared = shareTestServer(() => ({ steering, countries, countryHeader: 'cf-ipcountry' }));
  const get = (path: string, init: RequestInit = {}) => fetch(`${shared().url}${path}`, init);

  test('are read by pages of other sites, and kept by no cache', async () => {
    const answer = await get(`${PATH}?_HLS_pathway=eu`);
    assert.equal(answer.status, 200);
    assert.equal(answer.headers.get('content-type'), 'application/json');
    assert.equal(answer.headers.get('cache-control'), 'no-store');
    assert.equal(answer.headers.get('access-control-allow-origin'), '*');
    assert.equal(await answer.text(), '{"VERSION":1}');
    assert.equal(asked.at(-1)!.query.get('_HLS_pathway'), 'eu');
    assert.equal((await get(PATH, { method: 'HEAD' })).headers.get('content-length'), '13');
  });

  test('are for the address of the viewer and the host of the edge, as a trusted proxy says', async () => {
    await get(PATH, { headers: { 'x-forwarded-for': '192.0.2.7', 'x-forwarded-host': 'eu.example' } });
    const { address, origin, stream } = asked.at(-1)!;
    assert.deepEqual([address, new URL(origin!).host, stream], ['192.0.2.7', 'eu.example', 'public']);
    assert.equal(asked.at(-1)!.country, 'DE', 'by the file');
    await get(PATH, { headers: { 'x-forwarded-for': '192.0.2.7', 'cf-ipcountry': 'AT' } });
    assert.equal(asked.at(-1)!.country, 'AT', 'as the proxy says');
  });

  test('need what playback needs, and are not found where nothing is steered', async () => {
    assert.equal((await get('/live/private/steering.json')).status, 404);
    const { access, clock } = shared().deps;
    const token = access.watch.sign('signed', clock.nowMs() + 60_000);
    assert.equal((await get('/live/signed/steering.json')).status, 404);
    assert.equal((await get(`/t/${token}/live/signed/steering.json`)).status, 200);
    assert.equal(asked.at(-1)!.token, token);
    assert.equal((await get(`${PATH}?off`)).status, 404);
    assert.equal((await get(PATH, { method: 'POST' })).status, 405);
  });
});
