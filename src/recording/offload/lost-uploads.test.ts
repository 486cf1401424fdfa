import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { type ObjectClient, ObjectError } from '../../archive/objects/object-client.ts';
import { LostUploads } from './lost-uploads.ts';

const HOUR_MS = 3600_000;
const { signal } = new AbortController();

/** A target in memory with one open upload of a stream `s`, and a server that looks every hour. */
function openPlace(run?: string) {
  const notes = new Map<string, string>();
  const open = new Map([['lost', { key: 'o/3/recordings/s/1.mp4', startedMs: 1 }]]);
  const state = { nowMs: 1_700_000_000_000, mayDelete: true };
  const client = {
    async *list() {
      for (const key of [...notes.keys()]) yield { key };
    },
    async *openUploads() {
      for (const [uploadId, each] of open) yield { uploadId, ...each };
    },
    read: async (key: string) => (notes.has(key) ? Buffer.from(notes.get(key)!) : undefined),
    async put(key: string, { size, read }: { size: number; read(at: number, length: number): Promise<Uint8Array> }) {
      notes.set(key, Buffer.from(await read(0, size)).toString());
    },
    async delete(key: string) {
      if (!state.mayDelete) throw new ObjectError('AccessDenied');
      notes.delete(key);
    },
    abandon: async (_: string, { uploadId }: { uploadId: string }) => void open.delete(uploadId),
  } as unknown as ObjectClient;
  const lost = new LostUploads({
    uploads: {
      ownOf: async (locations) => new Set(locations),
      ownIds: async () => ['s'],
      knownIds: async () => new Set<string>(),
      idOf: () => 's',
    },
    prefix: 'o',
    server: 'one',
    run,
    nowMs: () => state.nowMs,
  });
  return {
    state,
    open,
    names: () => [...notes.keys()].map((key) => key.slice('o/upload-servers/'.length)).sort(),
    note: (name: string, by?: string) =>
      notes.set(`o/upload-servers/${name}.json`, JSON.stringify({ at: state.nowMs, ids: ['s'], run: by })),
    async look() {
      state.nowMs += HOUR_MS;
      await lost.look(client, { signal });
    },
  };
}

suite('the note of a server in a target', () => {
  test('of a copy of the data folder has the same name: nothing is discarded while the copy writes it', async () => {
    const { note, look, open } = openPlace('this process');
    for (let hour = 0; hour < 5; hour++) {
      note('one', 'another process');
      await look();
      assert.ok(open.has('lost'), `hour ${hour}`);
    }
    for (let hour = 0; hour < 3; hour++) await look();
    assert.equal(open.has('lost'), false, 'the copy is gone');
  });

  test('of nodes of a cluster is shared: it is no other server', async () => {
    const { note, look, open } = openPlace();
    note('one');
    await look();
    assert.equal(open.has('lost'), false);
  });

  test('is deleted when it has been the same for a week, and not before', async () => {
    const { state, note, look, names } = openPlace('this process');
    note('gone');
    const hour = async () => {
      note('here');
      await look();
    };
    for (let at = 0; at < 6; at++) await hour();
    assert.deepEqual(names(), ['gone.json', 'here.json', 'one.json'], 'it may return');
    state.nowMs += 7 * 24 * HOUR_MS;
    await hour();
    assert.deepEqual(names(), ['here.json', 'one.json']);
  });

  test('stays where the target lets nothing be deleted, and uploads are discarded nevertheless', async () => {
    const { state, note, look, names, open } = openPlace('this process');
    state.mayDelete = false;
    note('gone');
    state.nowMs += 7 * 24 * HOUR_MS;
    for (let at = 0; at < 6; at++) await look();
    assert.deepEqual(names(), ['gone.json', 'one.json']);
    assert.equal(open.has('lost'), false);
  });
});
