import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { after, suite, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { concatBytes } from '@oxbow/media/bytes';
import { need } from '../../../test/fixtures/need.ts';
import type { ImportResult } from '../../api/library/asset-facts.ts';
import { runHandler } from '../../jobs/worker-job.fixture.ts';
import { OxbowError } from '../../lib/errors.ts';
import { assertDamageSurvived, FilmFolder, h264, testInput } from './film.fixture.ts';
import { createImportHandler } from './import-original.ts';

/** Imports a file; every refusal has a code and a sentence. */
async function importOf(original: Uint8Array, limits = {}): Promise<ImportResult> {
  return (await runHandler(createImportHandler(limits), { files: { original } })).result as ImportResult;
}

async function refusalOf(original: Uint8Array, limits = {}): Promise<string> {
  try {
    await importOf(original, limits);
  } catch (error) {
    assert.ok(error instanceof OxbowError, String((error as Error).stack));
    assert.equal(error.code, 'unsupported-media');
    return error.message;
  }
  return assert.fail('it was imported');
}

/** A box of ISO BMFF. */
function box(type: string, ...bodies: readonly Uint8Array[]): Uint8Array {
  const length = bodies.reduce((sum, body) => sum + body.length, 8);
  const head = Buffer.alloc(8);
  head.writeUInt32BE(length);
  head.write(type, 4, 'latin1');
  return concatBytes([head, ...bodies]);
}

suite('originals that are hostile or damaged', { skip: need('ffmpeg') }, () => {
  const films = new FilmFolder();
  after(() => films[Symbol.dispose]());
  const film = films.make(`${testInput(4)} ${h264} -c:a aac -movflags +faststart`, 'mp4');

  test('files that are no film are refused by what they are', async () => {
    const cases: readonly (readonly [string | Uint8Array, RegExp])[] = [
      ['', /empty/],
      ['%PDF-1.7\n', /PDF/],
      ['PK\x03\x04abcd', /ZIP/],
      ['<!doctype html><html></html>', /document/],
      ['#EXTM3U\nfile:///etc/passwd\n', /playlist/],
      ["ffconcat version 1.0\nfile '/etc/passwd'\n", /playlist/],
      [Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), /picture/],
      [Buffer.from('3026b2758e66cf11a6d900aa0062ce6c', 'hex'), /Windows Media .* is not accepted\. Accepted are MP4/],
      [Buffer.from('060e2b34020501010d01020101020400', 'hex'), /MXF is not accepted/],
      ['FORM\0\0\0\x20AIFFCOMM', /AIFF is not accepted/],
      ['#!AMR\n\x3c', /AMR is not accepted/],
      ['no media at all, whatever its name says', /a text file/],
      [Uint8Array.from({ length: 5000 }, (_, i) => (i * 37) % 251), /not a media file that oxbow can read\.$/],
      [box('ftyp', Buffer.from('heic\0\0\0\0mif1heic')), /picture, not a film/],
    ];
    for (const [bytes, reason] of cases) assert.match(await refusalOf(Buffer.from(bytes as string)), reason);
  });

  test('pictures without a container are refused, because they have no times', async () => {
    const raw = films.make('-map 0:v -c copy -bsf:v h264_mp4toannexb', 'h264', film);
    assert.match(await refusalOf(raw), /Raw H\.264 has no times: put it into MP4/);
  });

  test('a file that ends early is imported up to its end, and says how much is missing', async () => {
    const { facts, endUs, source, losses } = await importOf(film.subarray(0, Math.floor(film.length * 0.6)));
    assert.match(facts.warnings.join(' '), /ends early: \d\.\d of 4\.0 seconds are missing/);
    assert.deepEqual(losses, ['end']);
    assert.ok(endUs > 1_000_000 && endUs < 3_800_000);
    assert.ok(source);
    const tail = films.make('-map 0 -c copy -movflags 0', 'mp4', film);
    for (const share of [0.2, 0.5, 0.9]) {
      const cut = tail.subarray(0, Math.floor(tail.length * share));
      assert.match(await refusalOf(cut), /^The file ends early: its index, which is at its end, is missing\./);
    }
  });

  test('encrypted media is refused', async () => {
    const key =
      '-encryption_scheme cenc-aes-ctr -encryption_key 00112233445566778899aabbccddeeff -encryption_kid 112233445566778899aabbccddeeff00';
    assert.match(await refusalOf(films.make(`-map 0 -c copy ${key}`, 'mp4', film)), /encrypted/);
  });

  test('pictures that are too large or too many are refused before they are read', async () => {
    const large = films.make('-f lavfi -i color=s=128x128:d=1 -c:v mpeg4', 'mp4');
    assert.match(await refusalOf(large, { maxSide: 100 }), /128 × 128 pixels/);
    assert.match(await refusalOf(film, { maxFrameRate: 20 }), /25 pictures per second/);
    assert.match(await refusalOf(film, { maxDurationS: 3 }), /lasts/);
    const bomb = films.make(
      '-f lavfi -i color=s=16384x16:d=1:r=1 -c:v libx264 -preset ultrafast -pix_fmt yuv420p',
      'mp4',
    );
    assert.match(await refusalOf(bomb), /16384 × 16 pixels/);
    const quick = films.make(
      '-f lavfi -i color=s=64x64:d=1:r=1000 -c:v libx264 -preset ultrafast -pix_fmt yuv420p',
      'mp4',
    );
    assert.match(await refusalOf(quick), /1000 pictures per second/);
  });

  test('one frame that lasts 100 hours is refused', async () => {
    const still = new Uint8Array(films.make('-f lavfi -i color=s=64x64:d=1:r=1 -c:v libx264 -pix_fmt yuv420p', 'mp4'));
    const at = Buffer.from(still).indexOf('stts') + 4 + 4 + 4; // first entry: count, duration
    new DataView(still.buffer).setUint32(at + 4, 0xffff_ffff);
    assert.match(await refusalOf(still), /lasts|pictures per second/);
  });

  test('sample tables that name the same bytes again and again are refused', async () => {
    const sound = new Uint8Array(films.make('-f lavfi -i sine=r=48000:d=8 -c:a aac -movflags +faststart', 'mp4'));
    const view = new DataView(sound.buffer);
    const sizes = Buffer.from(sound).indexOf('stsz') + 4;
    const count = view.getUint32(sizes + 8);
    for (let i = 0; i < count; i++) view.setUint32(sizes + 12 + i * 4, 60_000);
    const chunks = Buffer.from(sound).indexOf('stco') + 4;
    for (let i = 0; i < view.getUint32(chunks + 4); i++) view.setUint32(chunks + 8 + i * 4, 100);
    assert.match(await refusalOf(sound), /same bytes|ends early|damaged|no media/);
  });

  test('10,000 tracks, a huge moov and a deep one are refused', async () => {
    const ftyp = box('ftyp', Buffer.from('isom\0\0\0\0isom'));
    const trak = box('trak', box('tkhd', Buffer.alloc(84)));
    const many = concatBytes([
      ftyp,
      box('moov', box('mvhd', Buffer.alloc(100)), ...Array.from({ length: 10_000 }, () => trak)),
    ]);
    assert.match(await refusalOf(many), /not a media file|tracks|no picture/);
    const claimed = Buffer.concat([ftyp, Buffer.from('7fffffff6d6f6f76', 'hex'), Buffer.alloc(1000)]);
    assert.match(await refusalOf(claimed), /not a media file|no picture|ends early/);
    let deep: Uint8Array = Buffer.alloc(0);
    for (let i = 0; i < 2000; i++) deep = box('moov', deep);
    assert.match(await refusalOf(concatBytes([ftyp, deep])), /not a media file|no picture|ends early/);
  });

  test('addresses and paths inside a file are not opened', async (t) => {
    const opened: string[] = [];
    const server = createServer((socket) => {
      opened.push('connection');
      socket.destroy();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    t.after(() => server.close());
    const { port } = server.address() as { port: number };
    // The data reference of the picture names an address in place of "this file".
    const url = box('url ', Buffer.from([0, 0, 0, 0]), Buffer.from(`http://127.0.0.1:${port}/media.mp4\0`));
    const at = Buffer.from(film).indexOf('url ') - 4;
    const dref = concatBytes([film.subarray(0, at), url, film.subarray(at + 12)]);
    await importOf(dref).catch((error: unknown) => assert.ok(error instanceof OxbowError));
    const attached = films.make(
      `-map 0 -c copy -attach ${fileURLToPath(import.meta.url)} -metadata:s:t mimetype=text/html`,
      'mkv',
      film,
    );
    const { facts } = await importOf(attached);
    assert.deepEqual(
      facts.tracks.map(({ kind }) => kind),
      ['video', 'audio'],
    );
    assert.deepEqual(opened, []);
  });

  test('random damage never ends the worker, and no process of FFmpeg remains', () =>
    assertDamageSurvived(films, film, 6));
});
