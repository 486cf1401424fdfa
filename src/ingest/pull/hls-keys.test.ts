import assert from 'node:assert/strict';
import { createCipheriv, randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { run } from '../../../test/fixtures/ffmpeg.ts';
import { need } from '../../../test/fixtures/need.ts';
import type { Asked, Origin } from '../../../test/fixtures/origin.ts';
import { FPS, listOf, makeMedia, pull, removeMedia, requested } from './pull.fixture.ts';

const msnIv = (msn: number) => Buffer.from(msn.toString(16).padStart(32, '0'), 'hex');

function encrypt(clear: Uint8Array, key: Uint8Array, iv: Uint8Array): Uint8Array {
  const cipher = createCipheriv('aes-128-cbc', key, iv);
  return Buffer.concat([cipher.update(clear), cipher.final()]);
}

suite('pulling encrypted HLS', { skip: need('ffmpeg') }, () => {
  let folder = '';
  const read = (path: string) => readFile(join(folder, path));
  before(async () => {
    folder = await makeMedia({ ts: { seconds: 4 }, fmp4: { seconds: 2, container: 'fmp4' } });
    await writeFile(join(folder, 'ffmpeg.key'), randomBytes(16));
    const info = ['ffmpeg.key', join(folder, 'ffmpeg.key'), '0123456789abcdef0123456789abcdef', ''].join('\n');
    await writeFile(join(folder, 'key.info'), info);
    await run('ffmpeg', [
      ...['-loglevel', 'error', '-nostdin', '-y', '-i', join(folder, 'ts/index.m3u8'), '-c', 'copy', '-f', 'hls'],
      ...['-hls_time', '1', '-hls_list_size', '0', '-hls_key_info_file', join(folder, 'key.info')],
      ...['-hls_segment_filename', join(folder, 'ffmpeg%d.ts'), join(folder, 'ffmpeg.m3u8')],
    ]);
  });
  after(removeMedia);

  /** Segments of `ts`, each encrypted with its key and its number. */
  async function putCoded(origin: Origin, ...keys: readonly Uint8Array[]): Promise<void> {
    for (const [n, key] of keys.entries()) {
      origin.put(`/coded${n}.ts`, encrypt(await read(`ts/seg${n}.ts`), key, msnIv(n)));
    }
  }
  const keyed = (uri: string, segment: string, more = '') =>
    `#EXT-X-KEY:METHOD=AES-128,URI="${uri}"${more}\n${segment}`;

  test('a source encrypted by ffmpeg is published completely', async () => {
    await using p = await pull('/ffmpeg.m3u8');
    await p.end();
    assert.equal(p.input.videoFrames, 4 * FPS);
    assert.deepEqual([p.input.absences, p.input.damages, p.input.runs.length], [[], [], 1]);
    assert.equal(p.origin.requests.filter((path) => path === '/ffmpeg.key').length, 1);
  });

  test('changing keys are fetched once each, with the headers of the source, and never logged', async () => {
    const [a, b] = [randomBytes(16), randomBytes(16)];
    const logged: string[] = [];
    const note = (fields: object, message: string) => void logged.push(JSON.stringify(fields) + message);
    const sent: Asked['headers'][] = [];
    const give = (key: Uint8Array) => (request: Asked) => {
      sent.push(request.headers);
      return key;
    };
    const options = { headers: { 'X-Pass': 'open', Cookie: 'a=1' }, log: { info: note, warn: note } };
    await using p = await pull('/live.m3u8', options, async (origin) => {
      await putCoded(origin, a, a, b);
      origin.put('/keys/0.bin', give(a));
      origin.put('/keys/1.bin', give(b));
      const segments = [
        keyed('keys/0.bin?token=s3cret', 'coded0.ts'),
        'coded1.ts',
        keyed('keys/1.bin', 'coded2.ts'),
        '#EXT-X-KEY:METHOD=NONE\nts/seg3.ts',
      ];
      origin.put('/live.m3u8', listOf({ segments, end: true }));
    });
    await p.end();
    assert.equal(p.input.videoFrames, 4 * FPS);
    assert.deepEqual([p.input.absences, p.input.damages, p.input.runs.length], [[], [], 1]);
    assert.deepEqual(
      sent.map((headers) => [headers['x-pass'], headers.cookie]),
      [
        ['open', 'a=1'],
        ['open', 'a=1'],
      ],
    );
    assert.ok(!logged.join().includes('s3cret'));
    for (const key of [a, b]) assert.ok(!logged.join().includes(key.toString('hex')));
  });

  test('a Media Initialization Section after EXT-X-KEY is encrypted too, with the IV of that tag (RFC 8216bis 4.4.4.4)', async () => {
    const key = randomBytes(16);
    const iv = randomBytes(16);
    await using p = await pull('/live.m3u8', {}, async (origin) => {
      origin.put('/key', key);
      origin.put('/init.mp4', encrypt(await read('fmp4/init.mp4'), key, iv));
      origin.put('/0.m4s', encrypt(await read('fmp4/seg0.m4s'), key, iv));
      const first = keyed('key', '#EXT-X-MAP:URI="init.mp4"\n0.m4s', `,IV=0x${iv.toString('hex')}`);
      // Some packagers write an unencrypted section after an EXT-X-KEY without IV.
      origin.put('/1.m4s', encrypt(await read('fmp4/seg1.m4s'), key, msnIv(1)));
      const second = keyed('key', '#EXT-X-MAP:URI="fmp4/init.mp4"\n1.m4s');
      origin.put('/live.m3u8', listOf({ segments: [first, second], end: true }));
    });
    await p.end();
    assert.deepEqual(p.input.absences, []);
    assert.equal(p.input.videoFrames, 2 * FPS);
  });

  test('a key of a wrong length, a wrong key and an encrypted section without IV cause gaps with a cause', async () => {
    const key = randomBytes(16);
    await using p = await pull('/live.m3u8', {}, async (origin) => {
      await putCoded(origin, key, key, key, key);
      origin.put('/key', key);
      origin.put('/short', key.subarray(1));
      origin.put('/wrong', randomBytes(16));
      origin.put('/init.mp4', encrypt(await read('fmp4/init.mp4'), key, msnIv(0)));
      const segments = [
        keyed('short', 'coded0.ts'),
        keyed('wrong', 'coded1.ts'),
        keyed('key', '#EXT-X-MAP:URI="init.mp4"\ncoded2.ts'),
        '#EXT-X-KEY:METHOD=AES-128\ncoded2.ts?again',
        '#EXT-X-KEY:METHOD=NONE\n#EXT-X-MAP:URI="fmp4/init.mp4"\nts/seg3.ts',
      ];
      origin.put('/live.m3u8', listOf({ segments, end: true }));
    });
    await p.end();
    assert.equal(p.input.videoFrames, FPS);
    const causes = [
      /^bad-media coded0\.ts: the key has 15 bytes instead of 16 \(3 tries\)$/,
      /^bad-media coded1\.ts: it cannot be decrypted with its key: /,
      /^bad-media coded2\.ts: an encrypted Media Initialization Section has no IV \(3 tries\)$/,
      /^bad-media coded2\.ts: EXT-X-KEY has no valid URI \(3 tries\)$/,
    ];
    assert.equal(p.input.absences.length, causes.length);
    for (const [i, cause] of causes.entries()) assert.match(p.input.absences[i]!, cause);
  });

  test('an unavailable key is requested again, and a key that has changed at its URL is fetched again', async () => {
    const [before, now] = [randomBytes(16), randomBytes(16)];
    await using p = await pull('/live.m3u8', {}, async (origin) => {
      await putCoded(origin, before, now);
      let loads = 0;
      origin.put('/key', () => (loads === 1 ? before : now));
      origin.fault('/key', { kind: 'status', status: 503 }, 1);
      origin.put('/live.m3u8', () => {
        loads += 1;
        const segments = [keyed('key', 'coded0.ts'), 'coded1.ts'];
        return listOf({ segments: segments.slice(0, loads), end: loads === 2 });
      });
    });
    await p.end();
    assert.deepEqual(p.input.absences, []);
    assert.equal(p.input.videoFrames, 2 * FPS);
    assert.equal(requested(p.origin, '/key').length, 3);
  });

  test('a key in a data URL is used', async () => {
    const key = randomBytes(16);
    await using p = await pull('/live.m3u8', {}, async (origin) => {
      await putCoded(origin, key);
      const uri = `data:application/octet-stream;base64,${key.toString('base64').replaceAll('=', '%3D')}`;
      origin.put('/live.m3u8', listOf({ segments: [keyed(uri, 'coded0.ts')], end: true }));
    });
    await p.end();
    assert.equal(p.input.videoFrames, FPS);
  });
});
