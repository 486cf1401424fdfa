import assert from 'node:assert/strict';
import { readdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { suite, test } from 'node:test';
import { openVirtualTime } from '../../test/fixtures/virtual-time.ts';
import { openLocalSegmentStore } from '../archive/local-segment-store.ts';
import type { Publisher } from '../ingest/publisher.ts';
import { rebuildIndex } from './offline/rebuild.ts';
import { readSavedState } from './saved-state.ts';
import {
  type Folder,
  openStreams,
  PlayedSource,
  START_MS,
  type StreamsRig,
  temporaryFolder,
  timeline,
} from './streams.fixture.ts';

const pull = { source: { type: 'pull', url: 'http://127.0.0.1:9/live.m3u8' } } as const;
const push = { source: { type: 'push' } } as const;
const { signal } = new AbortController();
/** When the next process starts. */
const LATER_S = 3600;
const SECOND = START_MS * 1000;

/** A stream that plays. */
interface Played {
  readonly rig: StreamsRig;
  readonly name: string;
  readonly media: PlayedSource;
  /** Of a stream of type push. */
  readonly publisher: Publisher | undefined;
}

/** Ways in which a stream ends in order while oxbow runs. */
const ends: Readonly<Record<string, { of: typeof pull | typeof push; end(played: Played): unknown }>> = {
  'awaited-source': { of: pull, end: ({ media }) => media.ends(0, 'the source ended its playlist') },
  'finished-source': { of: pull, end: ({ media }) => media.done.resolve('the end') },
  'lost-publisher': { of: push, end: ({ publisher }) => publisher!.close('the publisher left') },
  stopped: { of: pull, end: ({ rig, name }) => rig.api.stop(name) },
  'stopped-publisher': { of: push, end: ({ rig, name }) => rig.api.stop(name) },
  paused: { of: pull, end: ({ rig, name }) => rig.api.pause(name) },
  replaced: {
    of: pull,
    end: ({ rig, name }) => rig.api.replace(name, { source: { type: 'pull', url: 'http://127.0.0.1:9/other.m3u8' } }),
  },
  orphan: { of: pull, end: ({ rig, name }) => rig.catalog.get(name).stop('no longer in the settings') },
};

/** Creates a stream, whose media comes as time passes, or all at once. */
async function play(rig: StreamsRig, name: string, of: typeof pull | typeof push, isAhead: boolean): Promise<Played> {
  const { definition, publishers } = rig.catalog.get(name);
  const request = { protocol: 'rtmp', remote: '203.0.113.7:50000', signal } as const;
  const publisher = of === push ? await publishers.claim(request) : undefined;
  const media = publisher ? new PlayedSource(definition, publisher, { signal }, rig.clock) : rig.source(name);
  if (isAhead) media.race(5);
  else media.flow(5000);
  return { rig, name, media, publisher };
}

/** Where the media of a stream ends, and the pieces behind, as `kind seconds…seconds`. */
async function tailOf(rig: StreamsRig, name: string): Promise<{ endS: string; after: string[] }> {
  const pieces = await timeline(rig, name);
  const last = pieces.findLastIndex((piece) => piece.startsWith('media'));
  return { endS: pieces[last]?.split('…')[1] ?? '', after: pieces.slice(last + 1) };
}

const names = Object.keys(ends);

/** All timelines after the next start, with the database and without. */
async function checkNext(left: Folder, endS: ReadonlyMap<string, string>): Promise<void> {
  const check = async (what: string) => {
    await using rig = await openStreams({ folder: left.path, nowMs: START_MS + LATER_S * 1000 });
    for (const name of names) {
      const end = endS.get(name)!;
      assert.deepEqual(
        await tailOf(rig, name),
        { endS: end, after: [`offline ${end}…${LATER_S}`] },
        `${name}: ${what}`,
      );
    }
  };
  await check('next start');
  for (const name of await readdir(left.path)) if (name.startsWith('oxbow.db')) await rm(path.join(left.path, name));
  await rebuildIndex(left.path, { signal });
  await check('rebuilt');
}

suite('a stream that ends in order has all that was announced, and then is offline', () => {
  for (const isAhead of [false, true]) {
    const how = isAhead ? 'came faster than time' : 'came as time passed';

    test(`it ended, then a crash; its media ${how}`, async () => {
      using time = openVirtualTime();
      await using folder = await temporaryFolder();
      await using rig = await openStreams({ folder: folder.path });
      for (const [name, { of }] of Object.entries(ends)) await rig.api.create(name, of);
      const endS = new Map<string, string>();
      for (const [name, { of, end }] of Object.entries(ends)) {
        const played = await play(rig, name, of, isAhead);
        const { stream } = rig.catalog.get(name);
        await end(played);
        endS.set(name, String((stream.edge.endUs - SECOND) / 1e6));
      }
      // Its publisher does not return.
      await time.runFor(6000);
      await using left = await rig.crash();
      await checkNext(left, endS);
    });

    test(`oxbow closes; its media ${how}`, async () => {
      await using folder = await temporaryFolder();
      await using rig = await openStreams({ folder: folder.path });
      for (const [name, { of }] of Object.entries(ends)) await rig.api.create(name, of);
      const endS = new Map<string, string>();
      for (const [name, { of }] of Object.entries(ends)) {
        const { publisher } = await play(rig, name, of, isAhead);
        const { stream } = rig.catalog.get(name);
        if (name === 'lost-publisher') publisher!.close('the publisher left');
        endS.set(name, String((stream.edge.endUs - SECOND) / 1e6));
      }
      await rig.control.close();
      await using left = await rig.crash();
      await checkNext(left, endS);
    });
  }

  test('a crash before the last segment of a publisher that left is complete: its media is lost, then it is offline', async () => {
    await using folder = await temporaryFolder();
    await using rig = await openStreams({ folder: folder.path });
    await rig.api.create('door', push);
    (await play(rig, 'door', push, false)).publisher!.close('the publisher left');
    await using left = await rig.crash();
    await using next = await openStreams({ folder: left.path, nowMs: START_MS + 60_000 });
    assert.deepEqual(await timeline(next), ['media 0…4', 'crash 4…5', 'offline 5…60']);
  });

  test('a disk that no longer answers when oxbow has to end: what it did not take is a crash, and oxbow was stopped behind it', async () => {
    await using folder = await temporaryFolder();
    await using segments = openLocalSegmentStore({ folder: folder.path });
    let answers: Promise<void> = Promise.resolve();
    const create = segments.create.bind(segments);
    segments.create = async (...options) => {
      const writer = await create(...options);
      const append = writer.append.bind(writer);
      writer.append = (pieces) => answers.then(() => append(pieces));
      return writer;
    };
    await using rig = await openStreams({ folder: folder.path, segments });
    await rig.api.create('door', pull);
    rig.source('door').flow(5000);
    await rig.settle();
    const answer = Promise.withResolvers<void>();
    answers = answer.promise;
    rig.source('door').flow(6000);
    const { id } = rig.catalog.get('door').definition;
    const closing = rig.control.close();
    const saved = async () => (await readSavedState(rig.store.db, id))?.gaps.length === 1;
    while (!(await saved())) await new Promise(setImmediate);
    await using left = await rig.crash({ isSettled: false });
    answer.resolve();
    await closing;
    await using next = await openStreams({ folder: left.path, nowMs: START_MS + 60_000 });
    assert.deepEqual(await timeline(next), ['media 0…4', 'crash 4…11', 'offline 11…60']);
  });
});
