import { createSocket } from 'node:dgram';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { createSilentLog } from '../../observe/log.ts';
import { openBondedPort } from './bonded-port.ts';

test('everything is counted, also what came less than a second after the last counts', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'oxbow-bonded-port-'));
  const stranger = createSocket('udp4');
  const endpoint = { address: '127.0.0.1', port: 0 };
  const all = Promise.withResolvers<void>();
  const send = () => stranger.send('no packet of SRTLA', bonded!.port, '127.0.0.1');
  const bonded = await openBondedPort({
    config: { srt: endpoint, srtla: endpoint, srtMaxCallers: 25 },
    names: ['process-1'],
    folder,
    log: createSilentLog(),
    counted({ ignored }) {
      if (ignored === 2) all.resolve();
      else send();
    },
  });
  try {
    send();
    await all.promise;
  } finally {
    await bonded!.close();
    stranger.close();
    rmSync(folder, { recursive: true });
  }
});
