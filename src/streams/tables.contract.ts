/**
 * What the tables of streams promise on every database: their definitions, and what each was doing last.
 * In: a way to open an empty database. Out: tests; each database's test file runs this suite.
 */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { StreamGap } from '@oxbow/media/segment';
import { createManualClock } from '../lib/clock.ts';
import { openLeaseTable } from '../store/lease-table.ts';
import type { OpenDatabase } from '../store/store.fixture.ts';
import type { StreamDefinition } from './definition.ts';
import { lastSavedUs, readSavedState, type SavedState, writeSavedState } from './saved-state.ts';
import { hideStream, readDefinitions, readRemoved, writeDefinition } from './stream-table.ts';

const NOW_US = 1_795_000_000_000_000;

const definition: StreamDefinition = {
  id: 'id',
  name: 'door',
  source: { type: 'test' },
  origin: 'api',
  record: true,
  keepMs: undefined,
  title: 'The door',
  description: 'Seen from the street.',
  visibility: 'private',
  visibilityIsSet: true,
  createdUs: NOW_US,
  stopped: false,
  paused: false,
};

const offline: StreamGap = { fromUs: NOW_US, toUs: NOW_US + 5, cause: 'offline', detail: 'stopped' };
const state: SavedState = { atUs: NOW_US, clean: true, gaps: [offline], generation: undefined, liveSource: null };

/** Every database runs this suite. */
export function streamTablesContract(name: string, open: OpenDatabase): void {
  suite(`streams on ${name}`, () => {
    test('a definition is read as it was written; written again it is replaced', async () => {
      await using database = await open();
      const { db } = database;
      await writeDefinition({ db }, definition);
      assert.deepEqual(await readDefinitions(db), [definition]);
      const changed = {
        ...definition,
        name: 'gate',
        record: false,
        keepMs: 2 ** 40,
        stopped: true,
        paused: true,
        storage: 'local',
      };
      await writeDefinition({ db }, changed);
      assert.deepEqual(await readDefinitions(db), [changed]);
      await assert.rejects(
        writeDefinition({ db }, { ...definition, id: 'other', name: 'gate' }),
        'a name has one stream',
      );
    });

    test('a hidden stream is listed as removed, and is restored when it is written', async () => {
      await using database = await open();
      const { db } = database;
      await writeDefinition({ db }, definition);
      await hideStream({ db }, 'id', NOW_US + 1);
      assert.deepEqual([await readDefinitions(db), (await readRemoved(db)).map(({ id }) => id)], [[], ['id']]);
      await writeDefinition({ db }, definition);
      assert.deepEqual([await readDefinitions(db), await readRemoved(db)], [[definition], []]);
    });

    test('a process whose lease another one has taken changes no definition', async () => {
      await using database = await open();
      const { db } = database;
      const leases = openLeaseTable(db, createManualClock());
      const { token } = await leases.take('node/a', { holder: 'a', ttlMs: 1000 });
      const store = { db, fence: { name: 'node/a', token } };
      await writeDefinition(store, definition);
      await leases.take('node/a', { holder: 'b', ttlMs: 1000, replaces: token });
      await assert.rejects(writeDefinition(store, { ...definition, stopped: true }), { code: 'data-in-use' });
      await assert.rejects(hideStream(store, definition.id, NOW_US), { code: 'data-in-use' });
      assert.deepEqual(await readDefinitions(db), [definition]);
    });

    test('the saved state is read back, and a later one replaces it', async () => {
      await using database = await open();
      const { db } = database;
      assert.deepEqual([await readSavedState(db, 's'), await lastSavedUs(db)], [undefined, undefined]);
      const leases = openLeaseTable(db, createManualClock());
      const { token } = await leases.take('cam', { holder: 'a', ttlMs: 1000 });
      const store = { db, fence: { name: 'cam', token } };
      await writeSavedState(store, 's', state);
      const generation = {
        number: 5,
        firstMsn: 9,
        family: 'x',
        targetDurationS: 2,
        holdBackS: 6,
        bandwidths: { 1: 5 },
      };
      const newer: SavedState = { atUs: NOW_US + 10, clean: false, gaps: [], generation, liveSource: 'key' };
      await writeSavedState(store, 's', newer);
      await writeSavedState(store, 'other', state);
      assert.deepEqual(await readSavedState(db, 's'), newer);
      assert.equal(await lastSavedUs(db), NOW_US + 10);
      await leases.take('cam', { holder: 'b', ttlMs: 1000, replaces: token });
      await writeSavedState(store, 's', state);
      assert.deepEqual(await readSavedState(db, 's'), newer, 'another process has the streams');
    });
  });
}
