import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { need } from '../../test/fixtures/need.ts';
import { setNetworkPolicy } from '../lib/confine/confine.ts';
import { OxbowError } from '../lib/errors.ts';
import { collectGarbage } from '../lib/memory/heap.ts';
import { type DemuxPacket, openDemuxer } from './demux.ts';
import { closeEngine, makeStill, probeBytes } from './engine.ts';
import type { StreamInput } from './stream-input.ts';

const signal = new AbortController().signal;

/** Bytes as an input that counts what was read. */
function inputOf(bytes: Uint8Array): StreamInput & { readBytes: number } {
  const input = {
    length: bytes.length,
    readBytes: 0,
    async read(offset: number, count: number) {
      input.readBytes += count;
      return bytes.subarray(offset, offset + count);
    },
  };
  return input;
}

/** Packets of all streams. */
async function packetsOf(bytes: Uint8Array) {
  await using demuxer = await openDemuxer(inputOf(bytes), { openMs: 20_000, signal });
  const packets: DemuxPacket[] = [];
  const reading = demuxer.packets(demuxer.info.streams.map(({ index }) => index));
  for (;;) {
    const { value, done } = await reading.next();
    if (done) return { info: demuxer.info, packets, ended: value };
    packets.push(...(value as readonly DemuxPacket[]));
  }
}

suite('demuxing in a process', { skip: need('ffmpeg') }, () => {
  let folder = '';
  const film = (ending = 'mkv') => join(folder, `film.${ending}`);
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'oxbow-demux-'));
    const args =
      '-v error -nostdin -f lavfi -i testsrc2=s=160x90:r=25 -f lavfi -i sine=r=48000 -t 2 -c:v libx264 -preset ultrafast -bf 2 ' +
      '-g 25 -pix_fmt yuv420p -c:a libopus -metadata:s:a language=ger -metadata title=Harbour';
    execFileSync('ffmpeg', [...args.split(' '), film()], { timeout: 60_000 });
    execFileSync('ffmpeg', ['-v', 'error', '-i', film(), '-c', 'copy', film('mp4')], { timeout: 60_000 });
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  test('the packets are those that ffmpeg copies, and the description is that of the file', async () => {
    const { info, packets, ended } = await packetsOf(readFileSync(film()));
    assert.equal(ended, '');
    assert.equal(info.container, 'matroska,webm');
    assert.equal(info.title, 'Harbour');
    assert.deepEqual(
      info.streams.map(({ kind, codec, language }) => [kind, codec, language]),
      [
        ['video', 'h264', 'und'],
        ['audio', 'opus', 'ger'],
      ],
    );
    assert.deepEqual([info.streams[0]!.width, info.streams[0]!.height, info.streams[0]!.frameRate], [160, 90, 25]);
    const text = execFileSync('ffmpeg', [
      ...'-v error -nostdin -i'.split(' '),
      film(),
      ...'-c copy -f framehash -hash md5 -'.split(' '),
    ]);
    const lines = text
      .toString()
      .split('\n')
      .filter((line) => /^\d/.test(line))
      .map((line) => line.split(',').map((field) => field.trim()));
    const listed = (index: number) => lines.filter((fields) => Number(fields[0]) === index).map((fields) => fields[5]);
    for (const { index } of info.streams) {
      const own = packets.filter((packet) => packet.index === index);
      assert.deepEqual(
        own.map(({ data }) => createHash('md5').update(data).digest('hex')),
        listed(index),
      );
    }
  });

  test('packets that were read are not kept while the file is read', { timeout: 60_000 }, async () => {
    let gone = 0;
    const registry = new FinalizationRegistry<void>(() => gone++);
    const whole = inputOf(readFileSync(film()));
    // In small pieces: the packets come in several turns.
    const input: StreamInput = {
      length: whole.length,
      read: async (offset, count) => {
        await turn();
        return whole.read(offset, Math.min(count, 2048));
      },
    };
    await using demuxer = await openDemuxer(input, { openMs: 20_000, signal });
    const reading = demuxer.packets([0, 1]);
    const read = async () => {
      const { value, done } = await reading.next();
      assert.ok(!done);
      for (const packet of value) registry.register(packet, undefined);
      return value.length;
    };
    const first = await read();
    await read(); // the generator refers to what it has given last
    while (gone < first) {
      collectGarbage();
      await turn();
    }
  });

  test('a file that the parent can read no longer ends with the error of the parent', async () => {
    const bytes = readFileSync(film());
    let reads = 0;
    const input: StreamInput = {
      length: bytes.length,
      async read(offset, count) {
        if (++reads > 1) throw new OxbowError('source-failed', 'the network is away');
        return bytes.subarray(offset, offset + Math.min(count, 4096));
      },
    };
    await assert.rejects(
      async () => {
        await using demuxer = await openDemuxer(input, { openMs: 20_000, signal });
        for await (const _ of demuxer.packets([0, 1]));
      },
      { code: 'source-failed' },
    );
  });

  test('files that name other files or addresses open nothing, also where the process has a network', async () => {
    setNetworkPolicy('off');
    const opened: string[] = [];
    const server = createServer((socket) => {
      opened.push('connection');
      socket.destroy();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    try {
      const { port } = server.address() as { port: number };
      const url = `http://127.0.0.1:${port}/`;
      const texts = [
        `#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\n${url}a.ts\n#EXT-X-ENDLIST\n`,
        `#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXT-X-MAP:URI="tcp://127.0.0.1:${port}"\n#EXTINF:4,\n${url}a.m4s\n`,
        `ffconcat version 1.0\nfile '${film()}'\nfile '${url}b.mp4'\n`,
        `<?xml version="1.0"?><MPD><Period><BaseURL>${url}</BaseURL></Period></MPD>`,
        `v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nm=video ${port} RTP/AVP 96\n`,
        `[Reference]\nRef1=${url}c\n`,
      ];
      for (const text of texts) {
        const bytes = Buffer.from(text);
        await assert.rejects(packetsOf(bytes), { code: 'unsupported-media' });
        await assert.rejects(probeBytes(bytes, { signal }), { code: 'engine-failed' });
        await assert.rejects(makeStill({ bytes, width: 64 }, { signal }), { code: 'engine-failed' });
      }
      const movie = readFileSync(film('mp4'));
      const own = await packetsOf(movie);
      for (const reference of [urlEntry(`${url}d.mp4`), aliasEntry(`${url}e.mp4`)]) {
        // The media of this file is said to be elsewhere: it is read from here, or not at all.
        const { packets } = await packetsOf(withReference(movie, reference));
        assert.ok(packets.length === 0 || packets.length === own.packets.length, `${packets.length} packets`);
        await makeStill({ bytes: withReference(movie, reference), width: 64 }, { signal }).catch((error) =>
          assert.equal(error.code, 'engine-failed'),
        );
      }
      assert.deepEqual(opened, []);
    } finally {
      setNetworkPolicy('auto');
      await closeEngine();
      await new Promise((resolve) => server.close(resolve));
    }
  });
});

/** An entry of `dref` with the address of the media (ISO 14496-12 8.7.2). */
function urlEntry(url: string): Buffer {
  return box('url ', Buffer.from(`\0\0\0\0${url}\0`));
}

/** An alias record of QuickTime with an absolute path. */
function aliasEntry(path: string): Buffer {
  const fixed = Buffer.alloc(4 + 10 + 28 + 12 + 64 + 16 + 4 + 16);
  const text = Buffer.from(path + (path.length % 2 === 1 ? '\0' : ''));
  const head = Buffer.from([0, 2, text.length >> 8, text.length & 255]);
  return box('alis', Buffer.concat([fixed, head, text, Buffer.from([255, 255, 0, 0])]));
}

function box(type: string, content: Uint8Array): Buffer {
  const head = Buffer.alloc(8);
  head.writeUInt32BE(8 + content.length);
  head.write(type, 4, 'latin1');
  return Buffer.concat([head, content]);
}

const PARENTS = ['moov', 'trak', 'mdia', 'minf', 'dinf'];

/** The same file, whose tracks have their media where `entry` says. Its `moov` must come last. */
function withReference(bytes: Buffer, entry: Buffer): Buffer {
  const pieces: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const length = bytes.readUInt32BE(at);
    const type = bytes.toString('latin1', at + 4, at + 8);
    const content = bytes.subarray(at + 8, at + length);
    if (type === 'dref') pieces.push(box(type, Buffer.concat([Buffer.from([0, 0, 0, 0, 0, 0, 0, 1]), entry])));
    else pieces.push(box(type, PARENTS.includes(type) ? withReference(content, entry) : content));
    at += length;
  }
  return Buffer.concat(pieces);
}
