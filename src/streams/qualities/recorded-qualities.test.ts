import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { Track } from '@oxbow/media/frame';
import { parsePlaylist } from '@oxbow/media/m3u8/parse';
import type { MediaPlaylist } from '@oxbow/media/m3u8/playlist';
import { parseMediaAddress } from '../../api/media-address.ts';
import { openRangeReader } from '../../archive/range-reader.ts';
import { recordingPrefix } from '../../archive/recording-locations.ts';
import { bytesOf } from '../../delivery/delivery.fixture.ts';
import { createMediaRouter, type MediaRouter } from '../../delivery/media-router.ts';
import type { Reply } from '../../delivery/reply.ts';
import { Stills } from '../../delivery/stills.ts';
import type { MakeKeyPicture } from '../../ffmpeg/engine.ts';
import { Repacketizer } from '../../packager/follower.fixture.ts';
import { StoryboardQueue } from '../record/storyboard-queue.ts';
import {
  type Folder,
  openStreams,
  START_MS,
  type StreamsRig,
  temporaryFolder,
  testSource,
} from '../streams.fixture.ts';

/** A stream with a recorded quality `180`, and requests for its media. */
interface Rig extends AsyncDisposable {
  readonly streams: StreamsRig;
  readonly encoder: Repacketizer;
  /** Encodes from now on, this much later, s. */
  encode(delayS?: number): Repacketizer;
  flow(ms: number): Promise<void>;
  text(path: string): Promise<string>;
  list(path: string): Promise<MediaPlaylist>;
  bytes(path: string): Promise<Uint8Array>;
}

async function openRig(folder: Folder, nowMs?: number, makePicture?: MakeKeyPicture): Promise<Rig> {
  const opened = new AsyncDisposableStack();
  const queue = new StoryboardQueue({ monotonicMs: () => 0, failed: (error) => assert.fail(String(error)) });
  const maker = makePicture && { storyboardMaker: { queue, makePicture } };
  const streams = opened.use(await openStreams({ folder: folder.path, ...(nowMs && { nowMs }), ...maker }));
  const reader = opened.use(openRangeReader(streams.segments));
  const { signal } = new AbortController();
  const stills = new Stills({ reader, signal, makeStill: () => Promise.reject(new Error('no stills')) });
  const answer: MediaRouter = createMediaRouter({
    find: (name) => streams.catalog.find(name)?.served,
    clock: streams.clock,
    reader,
    stills,
  });
  if (!streams.catalog.find('door')) await streams.api.create('door', { ...testSource, recordQualities: true });
  const door = () => streams.catalog.get('door');
  let encoder: Repacketizer | undefined;
  const get = (path: string): Promise<Reply> => {
    const [plain, query] = path.split('?') as [string, string?];
    return answer(parseMediaAddress(plain)!, new URLSearchParams(query), { signal });
  };
  const bytes = async (path: string) => bytesOf(await get(path), reader);
  const text = async (path: string) => new TextDecoder().decode(await bytes(path));
  return {
    streams,
    get encoder() {
      return encoder!;
    },
    encode(delayS = 0) {
      encoder = new Repacketizer(door().derived.inputs.open('180')!, delayS);
      door().stream.sinks.attach(encoder, { name: 'encoder' });
      return encoder;
    },
    async flow(ms) {
      streams.source('door').flow(ms);
      await streams.settle();
    },
    text,
    bytes,
    async list(path) {
      const parsed = parsePlaylist(await text(path));
      assert.equal(parsed.kind, 'media');
      return parsed.playlist as MediaPlaylist;
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}

const at = (seconds: number) => Math.floor(START_MS / 1000) + seconds;
const windowOf = (from: number, to: number) => `/vod/door/${at(from)}/${at(to)}`;
const msnOf = (uri: string) => Number(/(\d+)\.m4s$/.exec(uri)![1]);

suite('recorded qualities (docs/media.md 14, 15)', () => {
  test('small pictures are made of the smallest quality while it is live', async (t) => {
    await using folder = await temporaryFolder();
    const trackIds: number[] = [];
    await using rig = await openRig(folder, undefined, async ({ bytes }) => {
      // ISO 14496-12, 8.3.2: the track follows version, flags and two times.
      const tkhd = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).indexOf('tkhd') + 4;
      trackIds.push(new DataView(bytes.buffer, bytes.byteOffset + tkhd).getUint32(bytes[tkhd] === 1 ? 20 : 12));
      return { jpeg: bytes.slice(0, 4), luma: new Uint8Array(256), cpuUs: 0 };
    });
    const { input } = rig.streams.source('door');
    const startRun = input.startRun.bind(input);
    t.mock.method(input, 'startRun', (run: Parameters<typeof startRun>[0]) => {
      const larger = (track: Track): Track =>
        track.kind === 'video' ? { ...track, config: { ...track.config, width: 640, height: 360 } } : track;
      startRun({ ...run, tracks: run.tracks.map(larger) });
    });
    await rig.flow(9000);
    rig.encode(1);
    await rig.flow(31_000);
    assert.equal(trackIds[0], 1, 'there was no quality yet');
    assert.deepEqual(trackIds.slice(-2), [241, 241]);
  });

  test('a window lists a quality with the MSNs, cuts and dates of the stream, and its segments are those that were live', async () => {
    await using folder = await temporaryFolder();
    await using rig = await openRig(folder);
    rig.encode();
    await rig.flow(9000);
    const { list } = rig.streams.catalog.get('door').served.qualities.get('180')!;
    const [first] = list.segments.filter(({ sealed }) => sealed);
    const live = await rig.bytes(`/live/door/av0-180/${first!.msn}.m4s`);
    const init = await rig.bytes(`/live/door/av0-180/init-${first!.init.number}.mp4`);
    await rig.flow(21_000);
    assert.equal(list.find(first!.msn)!.bytes, undefined, 'it has left memory');
    const folderOf = windowOf(0, 20);
    assert.match(await rig.text(`${folderOf}/index.m3u8`), /RESOLUTION=320x180,FRAME-RATE=10.000.*\nav0-180\.m3u8/);
    const [source, own] = await Promise.all(['av0', 'av0-180'].map((id) => rig.list(`${folderOf}/${id}.m3u8`)));
    const shown = ({ segments }: MediaPlaylist) =>
      segments.map(({ uri, durationS, programDateTimeMs, discontinuity, gap }) => {
        return [msnOf(uri), durationS, programDateTimeMs, discontinuity, gap];
      });
    assert.deepEqual(shown(own!), shown(source!));
    assert.ok(own!.endList && own!.segments.length >= 9);
    assert.equal(own!.segments[0]!.uri, `../../../../live/door/av0-180/${first!.msn}.m4s`);
    assert.deepEqual(await rig.bytes(`/live/door/av0-180/${first!.msn}.m4s`), live);
    assert.equal(own!.segments[0]!.map!.uri, `../../../../live/door/av0-180/init-${first!.init.number}.mp4`);
    assert.deepEqual(await rig.bytes(`/live/door/av0-180/init-${first!.init.number}.mp4`), init);
    const manifest = await rig.text(`${folderOf}/index.mpd`);
    assert.match(manifest, /<Representation id="v0-180"/);
  });

  test('deleted segments leave the live windows of the stream and of its qualities', async () => {
    await using folder = await temporaryFolder();
    await using rig = await openRig(folder);
    rig.encode();
    await rig.flow(9000);
    const { served, files } = rig.streams.catalog.get('door');
    const lists = [served.list, served.qualities.get('180')!.list];
    const deleted = lists[1]!.segments[0]!.msn;
    for (const list of lists) assert.ok(list.find(deleted));
    files.erase(deleted);
    for (const list of lists) {
      assert.equal(list.find(deleted), undefined);
      assert.ok(list.segments[0]!.msn > deleted);
      assert.equal(list.erasures, 1);
    }
  });

  test('a DVR playlist continues from recorded segments to live ones', async () => {
    await using folder = await temporaryFolder();
    await using rig = await openRig(folder);
    rig.encode();
    await rig.flow(400_000);
    const index = await rig.text('/live/door/dvr-30m/index.m3u8');
    const path = /^av0-180\/g\d+\.m3u8$/m.exec(index)?.[0];
    assert.ok(path, index);
    const own = await rig.list(`/live/door/dvr-30m/${path}`);
    const source = await rig.list(`/live/door/dvr-30m/${path.replace('av0-180', 'av0')}`);
    assert.ok(own.segments.length > rig.streams.catalog.get('door').served.list.segments.length);
    assert.deepEqual(
      [own.mediaSequence, own.discontinuitySequence, own.segments.map(({ uri, gap }) => [msnOf(uri), gap])],
      [source.mediaSequence, source.discontinuitySequence, source.segments.map(({ uri, gap }) => [msnOf(uri), gap])],
    );
    await rig.bytes(`/live/door/av0-180/${msnOf(own.segments[0]!.uri)}.m4s`);
  });

  test('what a quality misses is a GAP in its window; one that misses much is not listed, and not in a file', async () => {
    await using folder = await temporaryFolder();
    await using rig = await openRig(folder);
    const encoder = rig.encode();
    const fromS = START_MS / 1000 + 6;
    encoder.drops = ({ dts }) => dts / 90_000 > fromS && dts / 90_000 < fromS + 1.5;
    await rig.flow(60_000);
    const own = await rig.list(`${windowOf(0, 50)}/av0-180.m3u8`);
    const source = await rig.list(`${windowOf(0, 50)}/av0.m3u8`);
    assert.deepEqual(
      own.segments.map(({ uri }) => msnOf(uri)),
      source.segments.map(({ uri }) => msnOf(uri)),
    );
    assert.ok(own.segments.some(({ gap }) => gap));
    assert.match(await rig.text(`${windowOf(0, 50)}/index.m3u8`), /av0-180/);
    assert.doesNotMatch(await rig.text(`${windowOf(0, 12)}/index.m3u8`), /av0-180/);
    await assert.rejects(rig.bytes(`/clip/door/${at(0)}/${at(12)}.mp4?quality=180`), { code: 'no-media' });
    const clip = await rig.bytes(`/clip/door/${at(20)}/${at(30)}.mp4?quality=180p`);
    assert.notDeepEqual(clip, await rig.bytes(`/clip/door/${at(20)}/${at(30)}.mp4`));
  });

  test('a window is complete when a quality that is later has its last segment too', async () => {
    await using folder = await temporaryFolder();
    await using rig = await openRig(folder);
    rig.encode(3);
    await rig.flow(21_500);
    const look = async () =>
      Promise.all(['av0', 'av0-180'].map(async (id) => (await rig.list(`${windowOf(0, 20)}/${id}.m3u8`)).endList));
    assert.deepEqual(await look(), [true, false]);
    await rig.flow(4000);
    assert.deepEqual(await look(), [true, true]);
    const gaps = (await rig.list(`${windowOf(0, 20)}/av0-180.m3u8`)).segments.filter(({ gap }) => gap);
    assert.deepEqual(gaps, []);
  });

  for (const how of ['in order', 'by a crash', 'and its database is lost'] as const) {
    test(`qualities are played after a process that ended ${how}`, async () => {
      await using folder = await temporaryFolder();
      await using left = new AsyncDisposableStack();
      let next: Folder = folder;
      let uris: string[];
      let media: Uint8Array;
      {
        await using rig = await openRig(folder);
        rig.encode();
        await rig.flow(80_000);
        const { segments } = await rig.list(`${windowOf(0, 70)}/av0-180.m3u8`);
        uris = segments.map(({ uri, map }) => `${uri} ${map!.uri}`);
        media = await rig.bytes(`/live/door/av0-180/${msnOf(segments[3]!.uri)}.m4s`);
        if (how !== 'in order') next = left.use(await rig.streams.crash());
      }
      if (how === 'and its database is lost') {
        const { rebuildIndex } = await import('../offline/rebuild.ts');
        await rebuildIndex(next.path, { signal: new AbortController().signal });
      }
      await using rig = await openRig(next, START_MS + 100_000);
      const after = await rig.list(`${windowOf(0, 70)}/av0-180.m3u8`);
      assert.deepEqual(
        after.segments.map(({ uri, map }) => `${uri} ${map!.uri}`),
        uris,
      );
      assert.match(await rig.text(`${windowOf(0, 70)}/index.m3u8`), /av0-180\.m3u8/);
      assert.deepEqual(await rig.bytes(`/live/door/av0-180/${msnOf(after.segments[3]!.uri)}.m4s`), media);
      // It continues under the same configuration.
      rig.encode();
      await rig.flow(20_000);
      const maps = (await rig.list(`${windowOf(0, 119)}/av0-180.m3u8`)).segments.map(({ map }) => map!.uri);
      assert.equal(new Set(maps).size, 1);
    });
  }

  test('without the setting nothing of a quality is recorded; its recording is deleted with that of the stream', async () => {
    await using folder = await temporaryFolder();
    await using rig = await openRig(folder);
    const { api, catalog, segments, deps } = rig.streams;
    const { id } = catalog.get('door').definition;
    const files = async () => (await Array.fromAsync(segments.list(recordingPrefix(`${id}/q-180`)))).length;
    await api.update('door', { recordQualities: null });
    rig.encode();
    await rig.flow(20_000);
    assert.equal(await files(), 0);
    await assert.rejects(rig.list(`${windowOf(0, 10)}/av0-180.m3u8`), { code: 'no-media' });
    await api.update('door', { recordQualities: true });
    await rig.flow(80_000);
    assert.ok((await files()) > 0);
    const { bytes } = await deps.recordings.table.totals(id);
    await api.update('door', { recordQualities: null });
    await rig.flow(2000);
    const more = await deps.recordings.table.totals(id);
    assert.ok(more.bytes > bytes, 'the totals have the files of qualities');
    await api.remove('door', { recordings: 'delete' });
    assert.equal(await files(), 0);
    assert.deepEqual(await deps.recordings.table.qualitiesOf(id), []);
  });
});
