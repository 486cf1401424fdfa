import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { seeded } from '@oxbow/media/random.fixture';
import { startS3 } from '../../src/archive/objects/object-servers.fixture.ts';
import { needPostgres, openDatabases } from '../fixtures/engines/postgres.ts';
import { need } from '../fixtures/need.ts';
import { openFolder, startPlainServer } from '../fixtures/server.ts';
import { fullTest, perTier } from '../full.ts';
import { type Loss, lose, type SecondPlace } from './mirror.fixture.ts';

const SEED = 20_261_130;
/** `MIRROR_LOSSES=10` loses the server a hundred times, for about an hour. */
const FULL_TIMES = Number(process.env.MIRROR_LOSSES ?? 1);
const SECRET = 'a-secret-of-a-vault-for-tests';
/** A kill comes up to this much after the first segment is recorded, ms. */
const LATEST_MS = 6000;
/** Some come when a file is complete and its objects are deleted: a minute later at the latest, ms. */
const LATE_MS = 70_000;
/** The copy ends at most this much before what viewers had, ms. */
const LIMIT_MS = 2000;

function assertPlays({ edgeMs, endMs, behindS, clipS, recordedS, pictures, decoded }: Loss): void {
  assert.ok(edgeMs - endMs <= LIMIT_MS, `the copy ends ${edgeMs - endMs} ms before; the gauge said ${behindS} s`);
  // A stream begins up to half a second before its first picture, without a gap.
  assert.ok(Math.abs(clipS - recordedS) < 0.6, `the clip has ${clipS} s of ${recordedS} s`);
  assert.ok(pictures > 0);
  assert.equal(decoded, pictures, 'all pictures are decoded');
}

suite('a server that is lost with its data folder leaves a copy that plays to two seconds before its end', {
  skip: need('ffmpeg'),
}, () => {
  const random = seeded(SEED);
  /** Loses it a number of times. @param placeOf another second place each time */
  const loseOften = async (
    folder: string,
    times: number,
    note: (text: string) => void,
    placeOf: (life: number) => Promise<SecondPlace>,
    { lateEvery = 10, leastLateMs = 0 } = {},
  ) => {
    const missing: number[] = [];
    for (let life = 0; life < times; life++) {
      const afterMs =
        life % lateEvery === lateEvery - 1 ? leastLateMs + random(LATE_MS - leastLateMs) : random(LATEST_MS);
      const loss = await lose(folder, await placeOf(life), afterMs, life);
      missing.push(Math.round(loss.edgeMs - loss.endMs));
      assertPlays(loss);
    }
    note(`${times} losses: at most ${Math.max(...missing)} ms are missing (${missing.join(', ')})`);
  };

  test('in a folder', async (context) => {
    await using folder = await openFolder('mirror');
    const note = (text: string) => context.diagnostic(text);
    await loseOften(folder.path, perTier({ first: 1, full: 5 * FULL_TIMES }), note, async (life) => {
      const path = join(folder.path, `second-${life}`);
      await mkdir(path);
      return { target: { type: 'folder', path } };
    });
  });

  fullTest('in a bucket', async (context) => {
    await using folder = await openFolder('mirror-s3');
    await using bucket = await startS3();
    const note = (text: string) => context.diagnostic(text);
    await loseOften(folder.path, perTier({ first: 1, full: 3 * FULL_TIMES }), note, async (life) => ({
      target: { ...bucket.target(), prefix: `life-${life}` },
    }));
  });

  fullTest('in a bucket, where complete files are ranges of the objects', async (context) => {
    await using folder = await openFolder('mirror-log');
    await using bucket = await startS3();
    const note = (text: string) => context.diagnostic(text);
    const placeOf = async (life: number) => ({
      target: { ...bucket.target(), prefix: `life-${life}` },
      storage: { mirrorArchive: 'log' },
    });
    await loseOften(folder.path, 4 * FULL_TIMES, note, placeOf, { lateEvery: 2, leastLateMs: 60_000 });
  });

  fullTest('at another oxbow', async (context) => {
    await using folder = await openFolder('mirror-vault');
    const path = join(folder.path, 'vault');
    await mkdir(path);
    const args = ['--vault-folder', path, '--vault-secret', SECRET];
    await using other = await startPlainServer({ data: join(folder.path, 'other'), args, sample: false });
    const note = (text: string) => context.diagnostic(text);
    await loseOften(folder.path, perTier({ first: 1, full: 2 * FULL_TIMES }), note, async (life) => ({
      target: { type: 'oxbow', endpoint: other.url, vaultSecret: SECRET, prefix: `life-${life}` },
    }));
  });

  fullTest('in a folder, with PostgreSQL, which is lost too', { skip: needPostgres() }, async (context) => {
    await using folder = await openFolder('mirror-postgres');
    await using databases = await openDatabases();
    const note = (text: string) => context.diagnostic(text);
    await loseOften(folder.path, FULL_TIMES, note, async (life) => {
      const path = join(folder.path, `second-${life}`);
      await mkdir(path);
      const urls = [databases.url(await databases.create()), databases.url(await databases.create())];
      return { target: { type: 'folder', path }, args: (at) => ['--store-url', urls[at % 2]!] };
    });
  });

  fullTest('in a folder, with PostgreSQL, which is not lost', { skip: needPostgres() }, async (context) => {
    await using folder = await openFolder('mirror-shared');
    await using databases = await openDatabases();
    const note = (text: string) => context.diagnostic(text);
    await loseOften(folder.path, FULL_TIMES, note, async (life) => {
      const path = join(folder.path, `second-${life}`);
      await mkdir(path);
      const url = databases.url(await databases.create());
      return { target: { type: 'folder', path }, args: () => ['--store-url', url], keepsDatabase: true };
    });
  });
});
