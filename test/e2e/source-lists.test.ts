import assert from 'node:assert/strict';
import { createCipheriv } from 'node:crypto';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import type { StreamView } from '../../src/api/shapes.ts';
import { packetHashes, pictureHashes, run } from '../fixtures/ffmpeg.ts';
import { need } from '../fixtures/need.ts';
import { type Asked, makeHls, type Origin, openOrigin } from '../fixtures/origin.ts';
import { chunkFiles } from '../fixtures/recordings.ts';
import { type Folder, openFolder, type Server, startServer } from '../fixtures/server.ts';
import { type Listed, perRequest, readListed, slidingList } from '../fixtures/sliding-list.ts';
import { until } from '../fixtures/wait.ts';

/** Length of every source, seconds. */
const SECONDS = 6;
/** Sound may begin with the first picture and end with the last: frames that may be missing at each end. */
const MAX_MISSING = 8;

const head = (lines: readonly string[] = []) =>
  ['#EXTM3U', '#EXT-X-VERSION:7', '#EXT-X-TARGETDURATION:2', '#EXT-X-MEDIA-SEQUENCE:0', ...lines].join('\n');
const entry = ({ durationS, uri }: Listed) => `#EXTINF:${durationS.toFixed(5)},\n${uri}`;
const master = (...variants: string[]) => ['#EXTM3U', ...variants, ''].join('\n');
const variant = (uri: string, rest = '') => `#EXT-X-STREAM-INF:BANDWIDTH=500000${rest}\n${uri}`;

/** AES-128 in CBC mode with PKCS7 padding (RFC 8216bis 4.4.4.4). */
function encrypt(bytes: Uint8Array, key: Uint8Array, iv: Uint8Array): Uint8Array {
  const cipher = createCipheriv('aes-128-cbc', key, iv);
  return Buffer.concat([cipher.update(bytes), cipher.final()]);
}

/** The media sequence number as an IV. */
function ivOf(msn: number): Uint8Array {
  const iv = Buffer.alloc(16);
  iv.writeUInt32BE(msn, 12);
  return iv;
}

/** An ID3 tag with the MPEG-2 timestamp of the first sample (RFC 8216bis 3.1.4). */
function timestampTag(seconds: number): Uint8Array {
  const owner = Buffer.from('com.apple.streaming.transportStreamTimestamp\0');
  const time = Buffer.alloc(8);
  time.writeBigUInt64BE(BigInt(Math.round(seconds * 90_000)));
  const frame = Buffer.concat([Buffer.from('PRIV'), Buffer.of(0, 0, 0, owner.length + 8, 0, 0), owner, time]);
  return Buffer.concat([Buffer.from('ID3'), Buffer.of(4, 0, 0, 0, 0, 0, frame.length), frame]);
}

/** Runs `make` once for each key. */
function remembered<T>(make: (key: string) => Promise<T>): (key: string) => Promise<T> {
  const made = new Map<string, Promise<T>>();
  return (key) => {
    const found = made.get(key) ?? make(key);
    made.set(key, found);
    return found;
  };
}

/** A stream of the configuration, and what of the source it must become. */
interface Case {
  readonly sentence: string;
  /** Lines of YAML behind `url`, below `source`. */
  readonly settings?: readonly string[];
  /** Path of the list on the origin. */
  readonly path: string;
  /** Files that ffmpeg reads as the truth: pictures one after the other, then one for each track of sound. */
  readonly pictures?: readonly string[];
  readonly sound?: readonly string[];
  readonly languages?: readonly string[];
}

suite('a source with an unusual playlist is recorded as it is', { skip: need('ffmpeg') }, () => {
  let folder: Folder;
  let origin: Origin;
  let server: Server;
  const views = new Map<string, StreamView>();
  let chunks: Map<string, string[]>;
  const cases = new Map<string, Case>();
  /** User-Agent of each request for the list of `agent`. */
  const agents: (string | undefined)[] = [];
  const file = (...path: string[]) => join(folder.path, ...path);
  /** Of the sources: many cases have the same one. */
  const sourcePictures = remembered((path) => pictureHashes(file(path)));
  const sourceSound = remembered((path) => packetHashes(file(path), 'a:0'));
  const truth = { pictures: ['ts/index.m3u8'], sound: ['ts/index.m3u8'] };

  before(async () => {
    folder = await openFolder('source-lists');
    const common = { seconds: SECONDS, segmentS: 2 };
    await makeHls({ folder: file('ts'), ...common });
    await makeHls({ folder: file('fmp4'), container: 'fmp4', ...common });
    await makeHls({ folder: file('small'), container: 'fmp4', size: '96x54', ...common });
    await makeHls({ folder: file('video'), container: 'fmp4', audio: 'none', ...common });
    await makeSound('eng', 1000);
    await makeSound('deu', 440);
    await makeRanges();
    origin = await openOrigin({ folder: folder.path });
    await Promise.all([
      putKeys(),
      putKeysOfMp4(),
      putTokens(),
      putExpiring(),
      putRenditions(),
      putMapChange(),
      putRadio(),
      putRest(),
    ]);
    const config = file('oxbow.yaml');
    const streams = [...cases].map(([name, { path, settings = [] }]) =>
      [`  ${name}:`, '    source:', `      url: ${origin.url}${path}`, ...settings.map((line) => `      ${line}`)].join(
        '\n',
      ),
    );
    await writeFile(config, `streams:\n${streams.join('\n')}\n`);
    server = await startServer({ data: file('data'), args: ['--config', config] });
    for (const [name, { pictures, sound }] of cases) {
      if (!pictures && !sound) continue;
      const whole = async () => {
        const view = await server.stream(name, 'over');
        return view.recorded.seconds > SECONDS * (pictures?.length ?? 1) - 0.2 && view;
      };
      views.set(name, await until(`all of ${name} is recorded`, whole));
    }
  });
  after(async () => {
    await server?.[Symbol.asyncDispose]();
    await origin?.[Symbol.asyncDispose]();
    await folder?.[Symbol.asyncDispose]();
  });

  /** Sound alone, in pieces of two seconds. */
  async function makeSound(name: string, hertz: number): Promise<void> {
    await mkdir(file(name));
    const { code, stderr } = await run('ffmpeg', [
      ...['-v', 'error', '-y', '-f', 'lavfi', '-i', `sine=frequency=${hertz}:sample_rate=48000:duration=${SECONDS}`],
      ...['-c:a', 'aac', '-b:a', '64k', '-f', 'hls', '-hls_time', '2', '-hls_playlist_type', 'vod'],
      ...['-hls_segment_type', 'fmp4', '-hls_segment_filename', file(name, 'sound%d.m4s'), file(name, 'sound.m3u8')],
    ]);
    assert.equal(code, 0, stderr);
  }

  /** Radio: AAC without a container. */
  async function putRadio(): Promise<void> {
    await mkdir(file('radio'));
    const { code, stderr } = await run('ffmpeg', [
      ...['-v', 'error', '-y', '-i', file('ts', 'index.m3u8'), '-map', '0:a', '-c', 'copy', '-f', 'segment'],
      ...['-segment_time', '2', '-segment_format', 'adts', file('radio', 'piece%d.aac')],
    ]);
    assert.equal(code, 0, stderr);
    const lines: string[] = [];
    let atS = 0;
    for (const name of (await readdir(file('radio'))).sort()) {
      const bytes = await readFile(file('radio', name));
      const durationS = ((await packetHashes(file('radio', name), 'a:0')).length * 1024) / 48_000;
      origin.put(`/radio/${name}`, Buffer.concat([timestampTag(100 + atS), bytes]));
      lines.push(`#EXTINF:${durationS.toFixed(5)},\n${name}`);
      atS += durationS;
    }
    origin.put('/radio/index.m3u8', [head(), ...lines, '#EXT-X-ENDLIST', ''].join('\n'));
    cases.set('radio', {
      sentence: 'radio: AAC without a container, timed by ID3 tags',
      path: '/radio/index.m3u8',
      sound: ['ts/index.m3u8'],
    });
  }

  async function makeRanges(): Promise<void> {
    await mkdir(file('ranges'));
    const { code, stderr } = await run('ffmpeg', [
      ...['-v', 'error', '-y', '-i', file('fmp4', 'index.m3u8'), '-c', 'copy', '-f', 'hls', '-hls_time', '2'],
      ...['-hls_playlist_type', 'vod', '-hls_segment_type', 'fmp4', '-hls_flags', 'single_file'],
      ...['-hls_segment_filename', file('ranges', 'all.m4s'), file('ranges', 'ranges.m3u8')],
    ]);
    assert.equal(code, 0, stderr);
    cases.set('ranges', {
      sentence: 'segments that are ranges of one file, the init section too',
      path: '/ranges/ranges.m3u8',
      ...truth,
    });
  }

  /** A key that rotates, given an IV and not, and a segment in the clear. */
  async function putKeys(): Promise<void> {
    const segments = await readListed(file('ts'));
    const keys = [Buffer.from('0123456789abcdef'), Buffer.from('fedcba9876543210')];
    const iv = Buffer.from('00112233445566778899aabbccddeeff', 'hex');
    const tags = [
      `#EXT-X-KEY:METHOD=AES-128,URI="keys/0?v=1",IV=0x${iv.toString('hex')}`,
      '#EXT-X-KEY:METHOD=AES-128,URI="keys/1",KEYFORMAT="identity",KEYFORMATVERSIONS="1"',
      '#EXT-X-KEY:METHOD=NONE',
    ];
    const lines: string[] = [];
    for (const [i, segment] of segments.entries()) {
      const bytes = await readFile(file('ts', segment.uri));
      const key = keys[i];
      origin.put(`/keys/seg${i}.ts`, key ? encrypt(bytes, key, i === 0 ? iv : ivOf(i)) : bytes);
      lines.push(tags[i]!, `#EXTINF:${segment.durationS.toFixed(5)},\nkeys/seg${i}.ts`);
    }
    for (const [i, key] of keys.entries()) {
      origin.put(`/keys/${i}`, ({ headers }) => (headers['x-door'] === 'open' ? key : { status: 403 }));
    }
    origin.put('/keys.m3u8', [head(), ...lines, '#EXT-X-ENDLIST', ''].join('\n'));
    cases.set('keys', {
      sentence: 'AES-128 with a key that rotates, fetched with the header fields of the source',
      path: '/keys.m3u8',
      settings: ['headers: { X-Door: open }'],
      ...truth,
    });
  }

  /** The init section is encrypted as well. */
  async function putKeysOfMp4(): Promise<void> {
    const segments = await readListed(file('fmp4'));
    const key = Buffer.from('0123456789abcdef');
    const iv = ivOf(7);
    for (const name of ['init.mp4', ...segments.map(({ uri }) => uri)]) {
      origin.put(`/sealed/${name}`, encrypt(await readFile(file('fmp4', name)), key, iv));
    }
    origin.put('/sealed/key', key);
    const tag = `#EXT-X-KEY:METHOD=AES-128,URI="key",IV=0x${Buffer.from(iv).toString('hex')}`;
    const list = [head([tag, '#EXT-X-MAP:URI="init.mp4"']), ...segments.map(entry), '#EXT-X-ENDLIST', ''];
    origin.put('/sealed/index.m3u8', list.join('\n'));
    cases.set('sealed', {
      sentence: 'fragmented MP4 whose init section is encrypted too',
      path: '/sealed/index.m3u8',
      ...truth,
    });
  }

  /**
   * A live list with another token in each reload, which needs a cookie, packed, with a mark and the line
   * ends of Windows.
   */
  async function putTokens(): Promise<void> {
    const segments = await readListed(file('ts'));
    let loads = 0;
    const print = slidingList({ segments, window: 3, released: perRequest({ first: 1, step: 1 }) });
    const hasCookie = ({ headers }: Asked) => headers.cookie === 'sid=7';
    origin.put('/tokens.m3u8', () => ({
      headers: { 'set-cookie': ['sid=7; Path=/tokens; HttpOnly', 'other=1; Domain=elsewhere.example'] },
      body: master(variant('/tokens/live.m3u8')),
    }));
    origin.put('/tokens/live.m3u8', (asked) => {
      if (!hasCookie(asked)) return { status: 403 };
      loads += 1;
      const text = print().replaceAll(/(seg\d+\.ts)/g, `$1?token=${loads}`);
      return { headers: { 'content-encoding': 'gzip' }, body: gzipSync(`\uFEFF${text.replaceAll('\n', '\r\n')}`) };
    });
    for (const { uri } of segments) {
      const bytes = await readFile(file('ts', uri));
      origin.put(`/tokens/${uri}`, (asked) => {
        const fresh = Number(asked.query.get('token')) > loads - 3;
        return hasCookie(asked) && fresh ? bytes : { status: 403 };
      });
    }
    cases.set('tokens', {
      sentence: 'tokens that change in every reload, cookies, gzip, a byte order mark, CRLF',
      path: '/tokens.m3u8',
      ...truth,
    });
  }

  /**
   * The address of the Media Playlist is good for two loads; the Multivariant Playlist then names another.
   */
  async function putExpiring(): Promise<void> {
    const segments = (await readListed(file('ts'))).map((segment) => ({ ...segment, uri: `/ts/${segment.uri}` }));
    const print = slidingList({ segments, window: 3, released: perRequest({ first: 1, step: 1 }) });
    let pass = 0;
    let left = 0;
    origin.put('/expiring.m3u8', () => {
      pass += 1;
      left = 2;
      return master(variant(`/expiring/${pass}.m3u8`));
    });
    for (let i = 1; i < 10; i++) {
      origin.put(`/expiring/${i}.m3u8`, () => {
        if (i !== pass || left <= 0) return { status: 403 };
        left -= 1;
        return print();
      });
    }
    cases.set('expiring', {
      sentence: 'an address of the Media Playlist that expires and is requested again',
      path: '/expiring.m3u8',
      ...truth,
    });
  }

  /** Pictures with two languages beside them; two qualities. */
  async function putRenditions(): Promise<void> {
    const audio = (name: string, language: string, uri: string) =>
      `#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="${name}",LANGUAGE="${language}",AUTOSELECT=YES,URI="${uri}"`;
    origin.put(
      '/languages.m3u8',
      master(
        audio('English', 'en', '/eng/sound.m3u8'),
        audio('Deutsch', 'de', '/deu/sound.m3u8'),
        variant('/video/index.m3u8', ',AUDIO="a"'),
      ),
    );
    cases.set('languages', {
      sentence: 'alternate audio: every language becomes a track',
      path: '/languages.m3u8',
      pictures: ['video/index.m3u8'],
      sound: ['eng/sound.m3u8', 'deu/sound.m3u8'],
      languages: ['und', 'en', 'de'],
    });
    const two = master(
      '#EXT-X-STREAM-INF:BANDWIDTH=200000,RESOLUTION=96x54\n/small/index.m3u8',
      '#EXT-X-STREAM-INF:BANDWIDTH=600000,RESOLUTION=160x90\n/fmp4/index.m3u8',
    );
    origin.put('/two.m3u8', two);
    const small = { pictures: ['small/index.m3u8'], sound: ['small/index.m3u8'] };
    cases.set('best', { sentence: 'the best quality where none was chosen', path: '/two.m3u8', ...truth });
    cases.set('worst', { sentence: 'the worst quality', path: '/two.m3u8', settings: ['quality: worst'], ...small });
    cases.set('height', {
      sentence: 'a quality by its height',
      path: '/two.m3u8',
      settings: ['quality: 54p'],
      ...small,
    });
    cases.set('bitrate', {
      sentence: 'a quality by its bitrate',
      path: '/two.m3u8',
      settings: ['quality: 300k'],
      ...small,
    });
  }

  async function putMapChange(): Promise<void> {
    const lines = [];
    for (const name of ['fmp4', 'small']) {
      if (lines.length > 0) lines.push('#EXT-X-DISCONTINUITY');
      lines.push(`#EXT-X-MAP:URI="/${name}/init.mp4"`, ...(await readListed(file(name), `/${name}/`)).map(entry));
    }
    origin.put('/maps.m3u8', [head(), ...lines, '#EXT-X-ENDLIST', ''].join('\n'));
    cases.set('maps', {
      sentence: 'another init section in mid-list, of another size of picture',
      path: '/maps.m3u8',
      pictures: ['fmp4/index.m3u8', 'small/index.m3u8'],
    });
  }

  async function putRest(): Promise<void> {
    const plain = await readFile(file('ts', 'index.m3u8'), 'utf8');
    origin.put('/ts/agent.m3u8', ({ headers }) => {
      agents.push(headers['user-agent']);
      return plain;
    });
    cases.set('agent', {
      sentence: 'a User-Agent by its preset',
      path: '/ts/agent.m3u8',
      settings: ['userAgent: vsr'],
      ...truth,
    });
    const locked = '#EXT-X-KEY:METHOD=SAMPLE-AES,URI="skd://key",KEYFORMAT="com.apple.streamingkeydelivery"';
    origin.put('/locked.m3u8', plain.replace('#EXTINF', `${locked}\n#EXTINF`));
    cases.set('locked', { sentence: 'protected', path: '/locked.m3u8' });
  }

  test('a protected source is refused with its reason', async () => {
    const view = await until('it says so', async () => {
      const now = await server.json<StreamView>('/api/v1/streams/locked');
      return now.problem !== '' && now;
    });
    assert.match(view.problem, /FairPlay/);
    assert.equal(view.recorded.seconds, 0);
  });

  test('the preset of a User-Agent is sent', () => {
    assert.deepEqual([...new Set(agents)], ['iptv/1.0']);
  });

  test('no error was logged, and every source was recorded correctly', async (t) => {
    assert.equal((await server.stop()).code, 0);
    assert.deepEqual(server.log('error'), []);
    chunks = await chunkFiles(file('data'));
    for (const [name, { sentence, pictures, sound, languages }] of cases) {
      if (!pictures && !sound) continue;
      await t.test(`${sentence} (${name})`, async () => {
        const files = chunks.get(name)!;
        if (pictures) {
          const shown = (await Promise.all(pictures.map(sourcePictures))).flat();
          assert.deepEqual((await Promise.all(files.map(pictureHashes))).flat(), shown);
        }
        for (const [i, path] of (sound ?? []).entries()) await assertSound(files, i, path);
        const tracks = views.get(name)!.tracks;
        if (languages)
          assert.deepEqual(
            tracks.map(({ language }) => language),
            languages,
          );
      });
    }
  });

  async function assertSound(files: readonly string[], track: number, source: string): Promise<void> {
    const wanted = await sourceSound(source);
    const recorded = (await Promise.all(files.map((path) => packetHashes(path, `a:${track}`)))).flat();
    // A few frames of silence where the sound ended before the pictures.
    while (!wanted.includes(recorded.at(-1)!)) recorded.pop();
    const at = wanted.indexOf(recorded[0]!);
    assert.ok(at >= 0 && at <= MAX_MISSING, `sound ${track} begins with frame ${at} of the source`);
    assert.deepEqual(recorded, wanted.slice(at, at + recorded.length));
    assert.ok(
      wanted.length - at - recorded.length <= MAX_MISSING,
      `${wanted.length - at - recorded.length} are missing`,
    );
  }
});
