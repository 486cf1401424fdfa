// The bucket is a real S3 server behind a socket: a pass waits for its answers. The pauses between passes are
// on virtual time.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { openVirtualTime } from '../../../test/fixtures/virtual-time.ts';
import { extraLocation, originalLocation } from '../../archive/asset-locations.ts';
import { temporaryFolder } from '../../archive/media.fixture.ts';
import { openFolderClient } from '../../archive/objects/folder-client.ts';
import type { ObjectClient } from '../../archive/objects/object-client.ts';
import {
  type BadNetwork,
  type ObjectServer,
  openBadNetwork,
  startS3,
} from '../../archive/objects/object-servers.fixture.ts';
import { openTiered } from '../../archive/objects/tiered.fixture.ts';
import { type SegmentLocation, segmentLocation } from '../../archive/segment-store.ts';
import { bytesOf } from '../../archive/segment-stores.fixture.ts';
import { createSystemClock } from '../../lib/clock.ts';
import { soleRows } from '../../store/shards/stream-rows.ts';
import { LoggedCopies } from '../mirror/logged-copies.ts';
import { Candidates } from './candidates.ts';
import { Offload, type OffloadOptions } from './offload.ts';

const DAY_US = 86_400_000_000;

let server: ObjectServer;
let direct: ObjectClient;
before(async () => {
  server = await startS3();
  direct = await server.client();
});
after(async () => {
  await direct[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

interface Rig extends AsyncDisposable {
  readonly tiered: Awaited<ReturnType<typeof openTiered>>;
  readonly network: BadNetwork;
  readonly offload: Offload;
  readonly storage: { target: string; mode: 'copy' | 'move'; after: number };
  /** `storage` of the stream. */
  own: string | undefined;
  readonly reports: string[];
  /** Locations of files that were checked before their upload. */
  readonly checked: readonly string[];
  /** Time of the offload, ms since 1970. */
  nowMs: number;
  pass(): Promise<boolean | 'more'>;
  /** Stores a sealed file of the stream. */
  record(msn: number, bytes?: Uint8Array): Promise<SegmentLocation>;
  stored(): Promise<string[]>;
}

/** An offload to a bucket behind a bad network. @param bucket another bucket, without a network */
async function openRig(change: Partial<Rig['storage']> = {}, isNode = false, bucket?: ObjectClient): Promise<Rig> {
  const opened = new AsyncDisposableStack();
  const network = opened.use(await openBadNetwork(server.port));
  const client = bucket ?? opened.use(await server.client(network.port));
  const tiered = opened.use(await openTiered(client));
  const { db } = tiered.database;
  const clock = createSystemClock();
  const storage = { target: 'bucket', mode: 'copy' as const, after: 0, ...change };
  const reports: string[] = [];
  const checked: string[] = [];
  const state: { own: string | undefined; nowMs: number } = { own: undefined, nowMs: 1_700_000_000_000 };
  const targets = {
    names: ['bucket'],
    find: () => ({ prefix: 'o' }),
    client: async () => client,
  } as unknown as OffloadOptions['targets'];
  const isHere = (location: SegmentLocation) =>
    tiered.store.local.size(location).then(
      () => true,
      () => false,
    );
  const offload = new Offload({
    store: tiered.store,
    objects: tiered.objects,
    uploads: tiered.uploads,
    deletions: tiered.deletions,
    server: 'one',
    targets,
    candidates: new Candidates(
      { db, rows: soleRows(db) },
      tiered.objects,
      isNode ? { isHere, owns: () => false } : undefined,
    ),
    isGone: isNode ? async () => false : undefined,
    settings: { now: { storage } },
    policies: () => [{ streamId: 's', target: state.own === 'local' ? undefined : (state.own ?? storage.target) }],
    qualitiesOf: async () => [],
    clock: { nowMs: () => state.nowMs, monotonicMs: () => clock.monotonicMs() + state.nowMs - 1_700_000_000_000 },
    logged: new LoggedCopies({
      mirror: { whenSent: async () => undefined, keep() {}, release() {}, holds: () => false },
      index: tiered.objects,
      deletions: tiered.deletions,
      rewritten: { has: () => false },
      prefixOf: () => 'o',
    }),
    check: async (location) => {
      checked.push(location);
    },
    release: (location) => tiered.store.release(location),
    report: {
      sent: () => {},
      ended: (_, result) => reports.push(result),
      changed: (_, problem) => reports.push(problem === undefined ? 'ok' : 'failing'),
      failed: (error) => reports.push(String(error)),
    },
  });
  const stop = new AbortController();
  const rig: Rig = {
    tiered,
    network,
    offload,
    storage,
    reports,
    checked,
    get own() {
      return state.own;
    },
    set own(own) {
      state.own = own;
    },
    get nowMs() {
      return state.nowMs;
    },
    set nowMs(ms) {
      state.nowMs = ms;
    },
    pass: () => offload.pass('bucket', stop),
    async record(msn, bytes = randomBytes(1000)) {
      const location = segmentLocation(`recordings/s/2023/11/14/22/${msn}.mp4`);
      await tiered.store.put(location, bytes);
      const startUs = 1_700_000_000_000_000 - DAY_US + msn * 60_000_000;
      await db
        .insertInto('chunk_file')
        .values({
          stream_id: 's',
          first_msn: msn,
          last_msn: msn,
          start_us: startUs,
          end_us: startUs + 60_000_000,
          path: location,
          size: bytes.length,
          run: 1,
          utc_offset_us: 0,
          run_clock: 'pdt',
          init_number: 0,
          discontinuity_sequence: 0,
          segment_count: 1,
          absences: '[]',
          incomplete: 0,
          segments: new Uint8Array(),
        })
        .execute();
      offload.sealed('s');
      return location;
    },
    async stored() {
      const token = tiered.fence.token;
      const keys = (await Array.fromAsync((bucket ?? direct).list(`o/${token}/`))).map(({ key }) => key);
      return keys.map((key) => key.split('/').at(-1)!);
    },
    async [Symbol.asyncDispose]() {
      await opened.disposeAsync();
      if (bucket) return;
      // The bucket of the server is shared.
      for await (const { key } of direct.list('')) await direct.delete(key);
    },
  };
  return rig;
}

async function addStream(rig: Rig): Promise<void> {
  const { db } = rig.tiered.database;
  const texts = { id: 's', name: 's', source: '{"type":"test"}', origin: 'api', title: '', description: '' };
  const numbers = { record: 1, visibility_set: 0, created_us: 1, stopped: 0, paused: 0, show_rewound: 0 };
  await db
    .insertInto('stream')
    .values({ ...texts, ...numbers, peer_delivery: 0, visibility: 'public', qualities: '{}' })
    .execute();
}

/** What another server notes in the bucket. */
function noteOf(name: string, ids: unknown) {
  const bytes = Buffer.from(JSON.stringify({ at: 1, ids }));
  const read = async (at: number, length: number) => bytes.subarray(at, at + length);
  return [`o/upload-servers/${name}.json`, { size: bytes.length, read }] as const;
}

suite('an offload', () => {
  test('looks at all open uploads of a bucket, some at a time', async () => {
    const open = new Map<string, { key: string; startedMs: number }>();
    for (let i = 0; i < 12_000; i++)
      open.set(`${i}`, { key: `o/3/photos/${String(i).padStart(5, '0')}`, startedMs: 1 });
    open.set('lost', { key: 'o/3/recordings/s/1.mp4', startedMs: 1 });
    const bucket = new Proxy(direct, {
      get(client, name) {
        if (name === 'openUploads')
          return (_: string, { after }: { after?: { key: string } } = {}) =>
            [...open].map(([uploadId, each]) => ({ uploadId, ...each })).filter(({ key }) => !after || key > after.key);
        if (name === 'abandon') return async (_: string, upload: { uploadId: string }) => open.delete(upload.uploadId);
        const value = Reflect.get(client, name, client);
        return typeof value === 'function' ? value.bind(client) : value;
      },
    });
    await using rig = await openRig({}, false, bucket);
    await addStream(rig);
    await rig.pass();
    for (let at = 0; at < 2; at++) {
      assert.ok(open.has('lost'));
      rig.nowMs += 60_000;
      await rig.pass();
    }
    assert.equal(open.has('lost'), false);
  });

  test('discards uploads in parts that no database knows, a day after they began', async () => {
    const dayMs = 24 * 3600_000;
    const nowMs = 1_700_000_000_000;
    const open = new Map<string, { key: string; startedMs: number }>([
      ['lost', { key: 'o/3/recordings/s/1.mp4', startedMs: nowMs - dayMs - 1 }],
      ['young', { key: 'o/3/recordings/s/2.mp4', startedMs: nowMs - dayMs / 2 }],
      ['continued', { key: 'o/3/recordings/s/3.mp4', startedMs: 1 }],
      ['arriving', { key: 'o/3/assets/a/original~x', startedMs: 1 }],
      ['doomed', { key: 'o/3/recordings/s/4.mp4', startedMs: 1 }],
      ['another program', { key: 'o/3/photos/5.jpg', startedMs: 1 }],
      ['beside', { key: 'other/3/recordings/s/6.mp4', startedMs: 1 }],
      ['another server', { key: 'o/3/recordings/theirs/7.mp4', startedMs: 1 }],
    ]);
    const bucket = new Proxy(direct, {
      get(client, name) {
        if (name === 'openUploads') return () => [...open].map(([uploadId, each]) => ({ uploadId, ...each }));
        if (name === 'abandon') return async (_: string, upload: { uploadId: string }) => open.delete(upload.uploadId);
        const value = Reflect.get(client, name, client);
        return typeof value === 'function' ? value.bind(client) : value;
      },
    });
    await using rig = await openRig({}, false, bucket);
    const { db } = rig.tiered.database;
    await addStream(rig);
    const parts = (uploadId: string) => JSON.stringify({ uploadId, partBytes: 1, parts: [] });
    const at = { location: 'recordings/s/3.mp4', target: 'bucket', key: 'k' };
    await rig.tiered.store.put(segmentLocation(at.location), randomBytes(10));
    await db
      .insertInto('object_upload')
      .values({ ...at, fence: 1, parts: parts('continued') })
      .execute();
    await db
      .insertInto('object_deletion')
      .values({ target: 'bucket', key: 'd', parts: parts('doomed'), again: 0, due_us: nowMs * 2000 })
      .execute();
    const staged = { location: 'assets/a/original', target: 'bucket', key: 's', part_bytes: 1, last_number: 0 };
    await db
      .insertInto('staged_upload')
      .values({ ...staged, upload_id: 'arriving' })
      .execute();
    const note = (name: string, ids: unknown) => direct.put(...noteOf(name, ids));
    await note('two', ['s', 'another']);
    await note('three', ['others']);
    const left = () => [...open.keys()].sort().join();
    const hour = async () => {
      rig.nowMs += 3600_000;
      await rig.pass();
    };
    for (let at = 0; at < 6; at++) {
      await note('two', ['s', `another ${at}`]);
      await hour();
    }
    assert.ok(left().includes('lost'), 'a server with the same streams is there, as one that was restored');
    for (let at = 0; at < 2; at++) await hour();
    assert.ok(left().includes('lost'));
    await hour();
    assert.equal(left(), 'another program,another server,arriving,beside,continued,doomed,young');
    rig.nowMs += dayMs;
    await rig.pass();
    assert.ok(!left().includes('young'));
  });

  test('copies sealed files to the bucket, and keeps them', async () => {
    await using rig = await openRig();
    const [a, b] = [await rig.record(1), await rig.record(2)];
    assert.equal(await rig.pass(), true);
    assert.deepEqual(await rig.stored(), ['1.mp4', '2.mp4']);
    for (const location of [a, b]) assert.equal(await rig.tiered.local.size(location), 1000);
    const c = await rig.record(3);
    await rig.pass();
    assert.equal((await rig.tiered.objects.find(c))!.local, 1);
    assert.deepEqual(rig.reports, ['stored', 'stored', 'stored']);
    await rig.pass();
    assert.deepEqual((await rig.offload.waiting()).get('bucket'), { files: 0, bytes: 0 });
  });

  test('a node leaves the uploads and files of other nodes alone, and finds its own behind them', async () => {
    await using rig = await openRig({ mode: 'move' }, true);
    const { objects, uploads, local } = rig.tiered;
    const elsewhere: SegmentLocation[] = [];
    for (let msn = 1; msn <= 40; msn++) {
      elsewhere.push(await rig.record(msn));
      await local.delete(elsewhere.at(-1)!);
    }
    const [uploading, uploaded] = [elsewhere[0]!, elsewhere[1]!];
    await uploads.begin(uploading, 'bucket', `o/9/${uploading}`);
    await objects.adopt({ location: uploaded, target: 'bucket', key: `o/9/${uploaded}`, size: 1000, fence: 9 }, true);
    await rig.record(41);
    await rig.pass();
    assert.deepEqual(rig.reports, ['stored']);
    assert.deepEqual(
      (await uploads.all()).map(({ location }) => location),
      [uploading],
    );
    assert.equal((await objects.find(uploaded))?.local, 1, 'it is still on the disk of the other node');
  });

  test('a node copies the original and the subtitles that it has of an asset of another node', async () => {
    await using rig = await openRig({}, true);
    const { store, database, objects } = rig.tiered;
    const text = extraLocation('film', 'added-1.vtt');
    for (const [id, state] of [
      ['arriving', 'uploading'],
      ['other', 'ready'],
      ['film', 'ready'],
    ] as const) {
      await database.db
        .insertInto('asset')
        .values({
          id,
          state,
          title: id,
          title_key: id,
          description: '',
          tags: '[]',
          visibility: 'public',
          owner: 'admin',
          origin: 'upload',
          failure: null,
          filename: id,
          bytes: 9,
          sha256: null,
          content_type: '',
          facts: null,
          duration_us: null,
          recording: null,
          poster_us: null,
          revision: 1,
          created_us: 1,
          changed_us: 1,
          deleted_us: null,
        })
        .execute();
    }
    await database.db
      .insertInto('asset_subtitle')
      .values({
        asset_id: 'film',
        origin: 'upload',
        language: 'en',
        title: '',
        is_default: 0,
        is_forced: 0,
        cues: 1,
        charset: '',
        path: text,
        script_path: null,
      })
      .execute();
    for (const location of [originalLocation('film'), text]) await store.put(location, randomBytes(9));
    await rig.pass();
    assert.deepEqual(rig.reports, ['stored', 'stored']);
    for (const location of [originalLocation('film'), text]) assert.ok(await objects.find(location), location);
    await rig.pass();
    assert.deepEqual(rig.reports.length, 2, 'nothing is left');
  });

  test('moves files: they are in the bucket alone, with the same bytes', async () => {
    await using rig = await openRig({ mode: 'move' });
    const bytes = randomBytes(9_000_000);
    const location = await rig.record(1, bytes);
    await rig.pass();
    await assert.rejects(rig.tiered.local.size(location), { code: 'gone' });
    assert.deepEqual(Buffer.from(await bytesOf(rig.tiered.store, location)), bytes);
  });

  test('a mode that changes from copy to move deletes the files of what was copied', async () => {
    await using rig = await openRig();
    const location = await rig.record(1);
    await rig.pass();
    rig.storage.mode = 'move';
    await rig.pass();
    await assert.rejects(rig.tiered.local.size(location), { code: 'gone' });
    assert.equal(await rig.tiered.store.size(location), 1000);
  });

  test('waits until media is as old as `storage.after` says', async () => {
    await using rig = await openRig({ after: 24 * 3600_000 });
    await rig.record(0);
    await rig.record(60);
    await rig.pass();
    assert.deepEqual(await rig.stored(), []);
    rig.nowMs += 60_000;
    await rig.pass();
    assert.deepEqual(await rig.stored(), ['0.mp4']);
    rig.nowMs += 3600_000;
    await rig.pass();
    assert.deepEqual(await rig.stored(), ['0.mp4', '60.mp4']);
  });

  test('leaves recordings of a stream with `storage: local` in the data folder', async () => {
    await using rig = await openRig({ mode: 'move' });
    rig.own = 'local';
    const location = await rig.record(1);
    await rig.pass();
    assert.deepEqual(await rig.stored(), []);
    assert.equal(await rig.tiered.local.size(location), 1000);
  });

  test('a bucket that is cut off in mid-upload loses nothing: the rest is sent when it is back', async () => {
    await using rig = await openRig({ mode: 'move' });
    const bytes = randomBytes(18_000_000);
    const location = await rig.record(1, bytes);
    rig.network.cutAfter(17_500_000);
    assert.equal(await rig.pass(), false);
    assert.equal(await rig.tiered.local.size(location), bytes.length);
    assert.deepEqual(await rig.stored(), [], 'no object is there before it is complete');
    rig.network.flow();
    const before = rig.network.received;
    assert.equal(await rig.pass(), true);
    assert.ok(rig.network.received - before < 4_000_000, 'only the last part was sent again');
    assert.deepEqual(Buffer.from(await bytesOf(rig.tiered.store, location)), bytes);
  });

  test('a lost bucket is reported once, tried again with pauses, and reported when it works again', async () => {
    using time = openVirtualTime();
    await using folder = await temporaryFolder();
    const disk = join(folder.path, 'disk');
    await mkdir(disk);
    await using client = await openFolderClient(disk);
    await using rig = await openRig({}, false, client);
    await rig.record(1);
    await rename(disk, `${disk}-unplugged`);
    const stop = new AbortController();
    const run = rig.offload.run(stop);
    await time.until('it is reported', () => rig.reports.includes('failing'));
    assert.equal(rig.offload.failing[0]!.target, 'bucket');
    assert.equal(time.nowMs, 3000);
    const location = await rig.record(2);
    assert.equal((await bytesOf(rig.tiered.store, location)).length, 1000, 'recordings are read and written meanwhile');
    assert.equal((await rig.offload.waiting()).get('bucket')!.files, 2);
    await time.runFor(60_000);
    await rename(`${disk}-unplugged`, disk);
    const backMs = time.nowMs;
    await time.until('both files are stored', async () => (await rig.stored()).length === 2);
    await time.until('it is reported', () => rig.reports.includes('ok'));
    assert.equal(time.nowMs - backMs, 3000, 'with the next try');
    assert.deepEqual(rig.offload.failing, []);
    assert.equal(rig.reports.filter((report) => report === 'failing').length, 1);
    stop.abort();
    await run;
  });

  for (const [what, status] of [
    ['answers with errors', 500],
    ['does not exist', 404],
    ['refuses the key', 403],
    ['is full', 507],
  ] as const) {
    test(`a bucket that ${what} gets the files when it works again`, async () => {
      await using rig = await openRig({ mode: 'move' });
      const bytes = randomBytes(1000);
      const location = await rig.record(1, bytes);
      rig.network.refuse(status);
      assert.equal(await rig.pass(), false);
      assert.equal(await rig.tiered.local.size(location), 1000);
      assert.equal(await rig.tiered.objects.find(location), undefined);
      rig.network.flow();
      assert.equal(await rig.pass(), true);
      assert.deepEqual(Buffer.from(await bytesOf(rig.tiered.store, location)), bytes);
    });
  }

  test('uploads a file that was written again, also of media that was uploaded long ago', async () => {
    await using rig = await openRig();
    const { store, objects } = rig.tiered;
    const [location] = [await rig.record(1), await rig.record(2), await rig.record(3)];
    await rig.pass();
    await rig.pass(); // nothing to do: the search does not read the rows of these files again
    const bytes = randomBytes(900);
    await store.put(location, bytes);
    rig.offload.rewritten('s');
    assert.equal((await rig.offload.waiting()).get('bucket')!.files > 0, true);
    await rig.pass();
    assert.equal((await objects.find(location))?.size, 900);
    const copy = (await store.copyOf(location))!;
    assert.deepEqual(Buffer.from(await copy.read(location, { offset: 0, length: 900 })), bytes);
  });

  test('uploads a file that was written again while it was searched for others', async () => {
    await using rig = await openRig();
    const { store, objects } = rig.tiered;
    const location = await rig.record(1);
    await rig.pass();
    rig.offload.sealed('s');
    const targetsOf = objects.targetsOf.bind(objects);
    objects.targetsOf = async (locations) => {
      const targets = await targetsOf(locations);
      if (!locations.includes(location)) return targets;
      objects.targetsOf = targetsOf;
      await store.put(location, randomBytes(900));
      rig.offload.rewritten('s');
      return targets;
    };
    await rig.pass();
    await rig.pass();
    assert.equal((await objects.find(location))?.size, 900);
  });

  test('checks a file before its upload, unless it was written just now', async () => {
    await using rig = await openRig();
    const [old, young] = [await rig.record(1), await rig.record(2)];
    rig.offload.written(old);
    rig.nowMs += 30_000;
    rig.offload.written(young);
    await rig.pass();
    assert.deepEqual(rig.checked, ['recordings/s/stream.json', old]);
    assert.equal((await rig.stored()).length, 2);
  });

  test('a slow bucket gets all files', async () => {
    await using rig = await openRig();
    rig.network.delay(100);
    for (let msn = 1; msn <= 6; msn++) await rig.record(msn);
    assert.equal(await rig.pass(), true);
    assert.equal((await rig.stored()).length, 6);
  });

  test('what retention deletes is deleted in the bucket, when it can be reached', async () => {
    await using rig = await openRig({ mode: 'move' });
    const location = await rig.record(1);
    await rig.record(2);
    await rig.pass();
    rig.network.cut();
    await rig.tiered.store.delete(location);
    assert.equal(await rig.pass(), false);
    assert.deepEqual(await rig.stored(), ['1.mp4', '2.mp4']);
    rig.network.flow();
    assert.equal(await rig.pass(), true);
    assert.deepEqual(await rig.stored(), ['2.mp4']);
  });

  test('an upload that a killed process began of a file that is gone is discarded', async () => {
    await using rig = await openRig();
    const location = await rig.record(1, randomBytes(18_000_000));
    rig.network.cutAfter(9_000_000);
    await assert.rejects(rig.tiered.upload(location));
    rig.network.flow();
    await rig.tiered.local.delete(location);
    await rig.tiered.database.db.deleteFrom('chunk_file').execute();
    assert.equal((await rig.tiered.uploads.all()).length, 1);
    await rig.pass();
    assert.deepEqual(await rig.tiered.uploads.all(), []);
  });

  test('a file that always fails does not hold up the others', async () => {
    await using rig = await openRig();
    const bad = randomBytes(1000);
    await rig.record(1, bad);
    for (let msn = 2; msn <= 5; msn++) await rig.record(msn);
    for (let i = 0; i < 4; i++) {
      rig.network.damage(bad.subarray(100, 116));
      await rig.pass();
    }
    assert.deepEqual(await rig.stored().then((all) => all.filter((name) => name !== '1.mp4')), [
      '2.mp4',
      '3.mp4',
      '4.mp4',
      '5.mp4',
    ]);
    assert.equal((await rig.tiered.objects.targetsOf([segmentLocation('recordings/s/2023/11/14/22/1.mp4')])).size, 0);
  });
});
