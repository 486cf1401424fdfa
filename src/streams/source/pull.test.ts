import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openOrigin } from '../../../test/fixtures/origin.ts';
import { RecordingInput } from '../../ingest/pull/run/recording-input.fixture.ts';
import { createSystemClock } from '../../lib/clock.ts';
import { createNet } from '../../net/net.ts';
import { runPull } from './pull.ts';

test('an address of unknown type is requested with the User-Agent of its source', async () => {
  await using origin = await openOrigin();
  await using net = createNet({ allow: [] });
  const seen: (string | undefined)[] = [];
  origin.put('/live/1234', ({ headers }) => {
    seen.push(headers['user-agent']);
    return headers['user-agent'] === 'iptv/1.0' ? '#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXT-X-ENDLIST\n' : undefined;
  });
  const config = {
    pages: { patterns: [], ytDlp: 'none', timeout: 1000, format: '' },
    pull: { quality: '', from: 0, userAgent: 'vsr' },
    live: { assemblyDeadline: 200 },
  };
  const log = { info() {}, warn() {} };
  const source = { type: 'pull', url: `${origin.url}/live/1234`, headers: {} } as const;
  await runPull(
    { net, clock: createSystemClock(), log, config: config as never },
    { source, trusted: true, input: new RecordingInput() },
    { signal: AbortSignal.timeout(60_000) },
  );
  assert.deepEqual(seen, ['iptv/1.0', 'iptv/1.0']);
});
