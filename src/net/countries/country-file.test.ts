/**
 * Waits for wall time: the real file is looked at every few milliseconds.
 */
import assert from 'node:assert/strict';
import { rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { openFolder } from '../../../test/fixtures/server.ts';
import { until } from '../../../test/fixtures/wait.ts';
import type { OxbowError } from '../../lib/errors.ts';
import { createLog } from '../../observe/log.ts';
import { createMetrics } from '../../observe/metrics.ts';
import { CountryFile } from './country-file.ts';
import { countryRecord, writeMmdb } from './mmdb.fixture.ts';

const german = writeMmdb({ '10.0.0.0/8': countryRecord('DE') }, { builtS: 1_700_000_000 });
const austrian = writeMmdb({ '10.0.0.0/8': countryRecord('AT') }, { builtS: 1_800_000_000 });

async function openRig(bytes: Buffer = german) {
  const folder = await openFolder('countries');
  const path = join(folder.path, 'countries.mmdb');
  await writeFile(path, bytes);
  const lines: string[] = [];
  const log = createLog({ level: 'info', format: 'json', write: (line) => lines.push(line) });
  const metrics = createMetrics();
  const stop = new AbortController();
  const file = await CountryFile.open(path, { log, metrics }, stop);
  const done = file.follow({ signal: stop.signal, everyMs: 5 });
  const replace = async (content: Buffer) => {
    await writeFile(`${path}.new`, content);
    await rename(`${path}.new`, path);
  };
  return {
    path,
    file,
    replace,
    logged: (text: string) => lines.filter((line) => line.includes(text)),
    read: async (name: string) =>
      (await metrics.print()).split('\n').filter((line) => line.startsWith(`oxbow_country_file_${name}`)),
    async [Symbol.asyncDispose]() {
      stop.abort();
      await done;
      await folder[Symbol.asyncDispose]();
    },
  };
}

suite('a file of countries', () => {
  test('is read again when it is replaced, by a file or by a link, and the addresses of before are looked up again', async () => {
    await using rig = await openRig();
    const { file } = rig;
    assert.deepEqual(
      ['10.0.0.1', '::ffff:10.0.0.1', '11.0.0.1', 'door', ''].map((address) => file.find(address)),
      ['DE', 'DE', undefined, undefined, undefined],
    );
    await rig.replace(austrian);
    await until('the new file is used', async () => file.find('10.0.0.1') === 'AT');
    assert.equal(file.revision, 2);
    assert.deepEqual(await rig.read('built'), ['oxbow_country_file_built_seconds 1800000000']);
    const other = `${rig.path}.other`;
    await writeFile(other, german);
    await symlink(other, `${rig.path}.link`);
    await rename(`${rig.path}.link`, rig.path);
    await until('the linked file is used', async () => file.find('10.0.0.1') === 'DE');
  });

  test('that is damaged, cut off or gone is logged and counted once, and the one before stays until there is a good one', async () => {
    await using rig = await openRig();
    const { file } = rig;
    const refused = 'the new file of countries cannot be used; keeping the current one';
    await rig.replace(Buffer.from('<html>too many downloads</html>'));
    await until('the page is refused', async () => rig.logged(refused).length === 1);
    assert.match(rig.logged(refused)[0]!, /no metadata of a MaxMind DB/);
    await rig.replace(austrian.subarray(0, -5));
    await until('the part is refused', async () => rig.logged(refused).length === 2);
    await rm(rig.path);
    await until('the missing file is refused', async () => rig.logged(refused).length === 3);
    assert.match(rig.logged(refused)[2]!, /ENOENT/);
    assert.equal(file.find('10.0.0.1'), 'DE');
    assert.ok((await rig.read('reads')).includes('oxbow_country_file_reads_total{result="refused"} 3'));
    await rig.replace(austrian);
    await until('the good file is used', async () => file.find('10.0.0.1') === 'AT');
    assert.equal(rig.logged(refused).length, 3);
  });

  test('that cannot be used at the start is refused, with the file and what to do', async () => {
    await using rig = await openRig();
    const { log, metrics } = {
      log: createLog({ level: 'info', format: 'json', write: () => {} }),
      metrics: createMetrics(),
    };
    const noise = `${rig.path}.noise`;
    await writeFile(noise, 'noise');
    for (const [path, reason] of [
      [`${rig.path}.none`, /none cannot be used: ENOENT/],
      [noise, /noise cannot be used: no metadata of a MaxMind DB \(byte 5\)\.$/],
    ] as const) {
      await assert.rejects(
        CountryFile.open(path, { log, metrics }, new AbortController()),
        ({ code, message, extra }: OxbowError) => {
          assert.equal(code, 'bad-setting');
          assert.match(message, reason);
          assert.match(String(extra.hint), /`watchRules\.countryFile`/);
          return true;
        },
      );
    }
  });

  test('has a bounded cache: what falls out of it is looked up again', async () => {
    await using rig = await openRig();
    const addresses = Array.from({ length: 45_000 }, (_, at) => `${at % 2 ? 10 : 11}.0.${at >> 8}.${at & 255}`);
    for (let round = 0; round < 2; round++) {
      for (const [at, address] of addresses.entries()) assert.equal(rig.file.find(address), at % 2 ? 'DE' : undefined);
    }
    assert.ok(rig.file.cached <= 20_000, String(rig.file.cached));
  });
});
