import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { openTimeZone } from '../../api/local-time.ts';
import { asAdmin, shareTestServer } from '../fixture.ts';

suite('timelines over the API', () => {
  const server = shareTestServer();

  test('are requested at the given resolution', async () => {
    const ask = (res: string) =>
      fetch(`${server().url}/api/v1/streams/public/timeline?from=1795000000&to=1795000600&res=${res}`, {
        headers: asAdmin,
      });
    assert.equal((await ask('60')).status, 200);
    assert.deepEqual(server().calls, ['timeline("public", 1795000000000, 1795000600000, 60)']);
    for (const res of ['-1', '1.5', 'x', '1234567']) assert.equal((await ask(res)).status, 400);
  });

  test('days are those of a zone, by default the last 31 of UTC', async () => {
    server().calls.length = 0;
    const ask = async (query: string) => {
      const response = await fetch(`${server().url}/api/v1/streams/public/days?${query}`, { headers: asAdmin });
      return {
        status: response.status,
        body: (await response.json()) as { code?: string; from?: string; to?: string },
      };
    };
    const zone = openTimeZone('Asia/Kolkata').name; // Asia/Calcutta, or what it is named today
    const { status, body } = await ask('from=2026-11-01&to=2026-11-02&zone=Asia/Kolkata');
    assert.deepEqual([status, body], [200, { zone, from: '2026-11-01', to: '2026-11-02', days: [] }]);
    assert.deepEqual(server().calls, [`days("public", "${zone}", "2026-11-01", "2026-11-02")`]);
    const usual = await ask('');
    assert.deepEqual([usual.body.from, usual.body.to], ['2026-10-20', '2026-11-19']);
    assert.equal((await ask('zone=Pacific/Kiritimati')).body.to, '2026-11-19');
    const codes = [];
    for (const query of [
      'from=1795000000',
      'from=2026-02-30',
      'from=2026-11-02&to=2026-11-01',
      'from=2025-11-01&to=2026-11-02',
      'zone=Mars',
      'colour=red',
    ])
      codes.push((await ask(query)).body.code);
    assert.deepEqual(codes, ['bad-time', 'bad-time', 'bad-time', 'window-too-long', 'bad-time-zone', 'bad-request']);
    assert.equal((await ask('from=2025-11-02&to=2026-11-02')).status, 200);
  });
});
