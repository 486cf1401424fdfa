/*
 * Several tracks over RTMP (Enhanced RTMP 2, multitrack): further sound is further tracks of the stream,
 * further pictures are its qualities. Encoders that send this are rare: the publisher follows the
 * specification.
 */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { printAmf0 } from '@oxbow/media/amf/amf0';
import { concatBytes } from '@oxbow/media/bytes';
import { at, colorInfo, HDR10 } from '@oxbow/media/flv/forms.fixture';
import { readFlv } from '@oxbow/media/flv/media.fixture';
import { FLV_TYPE, type FlvMessage } from '@oxbow/media/flv/message';
import type { StreamView } from '../../src/api/shapes.ts';
import { pictureHashes, run } from '../fixtures/ffmpeg.ts';
import { need } from '../fixtures/need.ts';
import {
  download,
  readFirstVariant,
  readMedia,
  readMultivariant,
  resolvePath,
  stretchesOf,
} from '../fixtures/playlists.ts';
import { publishScript } from '../fixtures/publishers/flv-script.ts';
import { publishByFfmpeg8 } from '../fixtures/publishers/publishers.ts';
import { createPush, endRecording } from '../fixtures/publishers/push-streams.ts';
import { type Folder, openFolder, type Server, startPlainServer } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';
import { firstOf, fullTest } from '../full.ts';

const adminToken = 'let-me-in-please';
const SECONDS = 6;
const ONE_TRACK = 0;
const MANY_TRACKS = 1;
const MANY_CODECS = 2;

/** How the tracks of one kind are put into messages. */
type Form = typeof ONE_TRACK | typeof MANY_TRACKS | typeof MANY_CODECS;

const ascii = (text: string) => new TextEncoder().encode(text);
const u24 = (value: number) => Uint8Array.of(value >> 16, value >> 8, value);
const isVideo = ({ type }: FlvMessage) => type === FLV_TYPE.video;

/** What a legacy message of H.264 or AAC carries. */
function contentOf({ type, body }: FlvMessage) {
  const video = type === FLV_TYPE.video;
  const packet = body[1]!;
  // The composition time is part of coded frames alone.
  return { packet, payload: body.subarray(video ? (packet === 1 ? 2 : 5) : 2), key: video && body[0]! >> 4 === 1 };
}

/** One message with the packets of several tracks, all at one time and of one type. */
function message(form: Form, tracks: readonly (readonly [number, FlvMessage])[]): FlvMessage {
  const [, first] = tracks[0]!;
  const { packet, key } = contentOf(first);
  const codec = ascii(isVideo(first) ? 'avc1' : 'mp4a');
  const head = isVideo(first) ? 0x80 | ((key ? 1 : 2) << 4) | 6 : 0x90 | 5;
  const parts = tracks.flatMap(([id, each]) => {
    const { payload } = contentOf(each);
    const size = form === ONE_TRACK ? [] : [u24(payload.length)];
    return [...(form === MANY_CODECS ? [codec] : []), Uint8Array.of(id), ...size, payload];
  });
  const common = form === MANY_CODECS ? [] : [codec];
  const body = concatBytes([Uint8Array.of(head, (form << 4) | packet), ...common, ...parts]);
  return { type: first.type, timestampMs: first.timestampMs, body };
}

/** The messages of the first film, with those of the second as further tracks with the number 1. */
function combine(form: Form, first: readonly FlvMessage[], second: readonly FlvMessage[]): FlvMessage[] {
  const others = new Map(second.map((each) => [`${each.type} ${each.body[1]} ${each.timestampMs}`, each]));
  return first.flatMap((each) => {
    if (each.type === FLV_TYPE.script) return [];
    const other = others.get(`${each.type} ${each.body[1]} ${each.timestampMs}`);
    if (!other) return [message(form, [[0, each]])];
    const both = [
      [0, each],
      [1, other],
    ] as const;
    return form === ONE_TRACK ? both.map((one) => message(form, [one])) : [message(form, both)];
  });
}

suite('several tracks over RTMP', { skip: need('ffmpeg'), concurrency: 3 }, () => {
  const opened = new AsyncDisposableStack();
  let folder: Folder;
  let server: Server;
  const films: { messages: FlvMessage[]; pictures: readonly string[] }[] = [];

  before(async () => {
    folder = opened.use(await openFolder('rtmp-tracks'));
    for (const [size, hertz] of [
      ['320x180', 440],
      ['160x90', 880],
    ] as const) {
      const film = join(folder.path, `${size}.flv`);
      const made = await run('ffmpeg', [
        ...['-v', 'error', '-f', 'lavfi', '-i', `testsrc2=size=${size}:rate=25:duration=${SECONDS}`],
        ...['-f', 'lavfi', '-i', `sine=frequency=${hertz}:sample_rate=48000:duration=${SECONDS}`],
        ...['-c:v', 'libx264', '-preset', 'ultrafast', '-g', '25', '-bf', '0', '-c:a', 'aac', film],
      ]);
      assert.equal(made.code, 0, made.stderr);
      films.push({ messages: readFlv(await readFile(film)), pictures: await pictureHashes(film) });
    }
    server = opened.use(await startPlainServer({ data: join(folder.path, 'data'), adminToken, ingest: ['rtmp'] }));
  });
  after(() => opened.disposeAsync());

  async function recordQualities(name: string): Promise<void> {
    const headers = { 'content-type': 'application/json' };
    const body = JSON.stringify({ recordQualities: true });
    assert.ok((await server.fetch(`/api/v1/streams/${name}`, { method: 'PATCH', headers, body })).ok);
  }

  /** MD5 of the recorded pictures of a rendition. */
  async function recorded(name: string, rendition: RegExp): Promise<string[]> {
    const { recorded } = await server.json<StreamView>(`/api/v1/streams/${name}`);
    const [from, to] = [Math.floor(Date.parse(recorded.from!) / 1000), Math.ceil(Date.parse(recorded.to!) / 1000)];
    const index = `/vod/${name}/${from}/${to}/index.m3u8`;
    const { variants } = await readMultivariant(server, index);
    const variant = variants.find(({ uri }) => rendition.test(uri));
    assert.ok(variant, `${rendition} is among ${variants.map(({ uri }) => uri).join()}`);
    const { path, list } = await readMedia(server, resolvePath(variant.uri, index));
    const stretches = stretchesOf(list);
    assert.equal(stretches.length, 1, 'one run');
    const file = join(folder.path, `${name}.mp4`);
    await download(server, path, stretches[0]!, file);
    return pictureHashes(file);
  }

  for (const [name, form] of firstOf(1, [
    ['many', MANY_TRACKS],
    ['one', ONE_TRACK],
    ['codecs', MANY_CODECS],
  ] as const)) {
    test(`in the form ${form} of the specification: every picture of each track is recorded`, async () => {
      const key = await createPush(server, name, { qualities: '90p' });
      await recordQualities(name);
      const info = { audiocodecid: 'mp4a', videocodecid: 'avc1', videoTrackIdInfoMap: { 1: { width: 160 } } };
      const audio = { audioTrackIdInfoMap: { 1: { language: 'de', title: 'Kommentar' } } };
      const metadata = printAmf0(['@setDataFrame', 'onMetaData', Object.assign(info, audio)]);
      const [high, low] = films;
      const messages = combine(form, high!.messages, low!.messages);
      const published = publishScript(`${server.ingest.rtmp}/${name}?key=${key}`, [
        { type: FLV_TYPE.script, timestampMs: 0, body: metadata },
        ...messages,
      ]);
      await server.stream(name, 'live');
      const live = await until('the second picture is a quality', async () => {
        const view = await server.json<StreamView>(`/api/v1/streams/${name}`);
        return view.qualities?.length === 1 && view;
      });
      assert.deepEqual(live.qualities, ['90']);
      assert.deepEqual(
        live.tracks.map(({ kind, height, language }) => [kind, height, language]),
        [
          ['video', 180, 'und'],
          ['audio', undefined, 'und'],
          ['audio', undefined, 'de'],
        ],
      );
      const { renditions } = await readMultivariant(server, `/live/${name}/index.m3u8`);
      assert.ok(
        renditions.some((each) => each.name === 'Kommentar'),
        renditions.map((each) => each.name).join(),
      );
      await published;
      await endRecording(server, name, SECONDS - 0.2);
      assert.deepEqual(await recorded(name, /^v0\./), high!.pictures);
      assert.deepEqual(await recorded(name, /^v0-90\./), low!.pictures);
    });
  }

  test('colorInfo is in initialization sections and lists; its end is another run, and no picture is lost', async () => {
    const key = await createPush(server, 'colours');
    const { messages, pictures } = films[1]!;
    const isHead = ({ type, body }: FlvMessage) => type === FLV_TYPE.script || body[1] === 0;
    const timed = messages.filter((each) => !isHead(each) && each.timestampMs < 4000);
    const published = publishScript(`${server.ingest.rtmp}/colours?key=${key}`, [
      ...messages.filter(isHead),
      colorInfo(HDR10),
      ...timed.filter(({ timestampMs }) => timestampMs < 1960),
      at(1960, colorInfo(undefined)),
      ...timed.filter(({ timestampMs }) => timestampMs >= 1960),
    ]);
    await server.stream('colours', 'live');
    const { variants } = await readMultivariant(server, '/live/colours/index.m3u8');
    assert.deepEqual(
      variants.map(({ videoRange }) => videoRange),
      ['PQ'],
    );
    await published;
    await endRecording(server, 'colours', 3.8);
    const { recorded } = await server.json<StreamView>('/api/v1/streams/colours');
    const [from, to] = [Math.floor(Date.parse(recorded.from!) / 1000), Math.ceil(Date.parse(recorded.to!) / 1000)];
    const { path, list } = await readFirstVariant(server, `/vod/colours/${from}/${to}/index.m3u8`);
    const found: string[] = [];
    const colours: string[] = [];
    for (const [i, stretch] of stretchesOf(list).entries()) {
      const file = join(folder.path, `colours-${i}.mp4`);
      await download(server, path, stretch, file);
      found.push(...(await pictureHashes(file)));
      const entries = 'stream=color_primaries,color_transfer:stream_side_data=max_content,max_luminance,red_x';
      const args = ['-v', 'error', '-select_streams', 'v:0', '-show_entries', entries, '-of', 'csv=p=0', file];
      colours.push((await run('ffprobe', args)).stdout.toString().trim().replaceAll(/\s+/g, ' '));
    }
    assert.deepEqual(colours, ['smpte2084,bt2020,34000/50000,10000000/10000 1000', 'unknown,unknown']);
    assert.deepEqual(found, pictures.slice(0, 100));
  });

  fullTest('FFmpeg 8: every picture of both its video tracks is recorded', async () => {
    const file = join(folder.path, 'both.mp4');
    const inputs = ['320x180', '160x90'].flatMap((size) => ['-i', join(folder.path, `${size}.flv`)]);
    const made = await run('ffmpeg', ['-v', 'error', ...inputs, '-map', '0', '-map', '1', '-c', 'copy', file]);
    assert.equal(made.code, 0, made.stderr);
    const key = await createPush(server, 'ffmpeg8');
    await recordQualities('ffmpeg8');
    await using publisher = publishByFfmpeg8({ file, url: `${server.ingest.rtmp}/ffmpeg8?key=${key}`, format: 'flv' });
    await publisher.ended;
    await endRecording(server, 'ffmpeg8', SECONDS - 0.2);
    assert.deepEqual(await recorded('ffmpeg8', /^v0\./), films[0]!.pictures);
    assert.deepEqual(await recorded('ffmpeg8', /^v0-90\./), films[1]!.pictures);
  });

  fullTest('a pause, a stop and the removal of the stream while tracks come are no bug', async () => {
    const key = await createPush(server, 'removed', { quality: 'worst' });
    const messages = combine(ONE_TRACK, films[0]!.messages, films[1]!.messages);
    const published = publishScript(`${server.ingest.rtmp}/removed?key=${key}`, messages).catch(() => undefined);
    const view = await until('the larger picture is the quality', async () => {
      const found = await server.json<StreamView>('/api/v1/streams/removed');
      return found.qualities?.includes('180') && found;
    });
    assert.equal(view.tracks.find(({ kind }) => kind === 'video')?.height, 90);
    const send = (path: string, method = 'POST') => server.fetch(`/api/v1/streams/removed${path}`, { method });
    for (const path of ['/pause', '/resume', '/stop']) assert.ok((await send(path)).ok, path);
    assert.ok((await send('', 'DELETE')).ok);
    await published;
    const metrics = await (await server.fetch('/metrics')).text();
    assert.deepEqual(metrics.match(/^oxbow_bugs_total\S* [1-9].*$/gm), null);
  });
});
