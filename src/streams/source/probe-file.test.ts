import assert from 'node:assert/strict';
import { open, readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { type Box, readBoxes } from '@oxbow/media/isobmff/box';
import { run } from '../../../test/fixtures/ffmpeg.ts';
import { need } from '../../../test/fixtures/need.ts';
import { closeEngine } from '../../ffmpeg/engine.ts';
import { type Folder, temporaryFolder } from '../streams.fixture.ts';
import { probeFile } from './probe-file.ts';

const { signal } = new AbortController();

suite('probing a local file', { skip: need('ffmpeg') }, () => {
  let folder: Folder;
  let bytes: Uint8Array;
  let boxes: Box[];
  const file = (name: string) => join(folder.path, name);
  const box = (type: string) => boxes.find((one) => one.type === type)!;
  before(async () => {
    folder = await temporaryFolder();
    const inputs = ['-f', 'lavfi', '-i', 'testsrc2=s=192x108:r=25:d=4', '-f', 'lavfi', '-i', 'sine=r=48000:d=4'];
    const codecs = ['-c:v', 'libx264', '-preset', 'ultrafast', '-c:a', 'aac', '-ac', '2'];
    const made = await run('ffmpeg', ['-v', 'error', ...inputs, ...codecs, file('end.mp4')]);
    assert.equal(made.code, 0, made.stderr);
    bytes = await readFile(file('end.mp4'));
    boxes = readBoxes(bytes);
  });
  after(async () => {
    await closeEngine();
    await folder[Symbol.asyncDispose]();
  });

  test('an MP4 file with 5 GiB of media before its index gives the same result as a small one', async () => {
    const mediaBytes = 5 * 1024 ** 3;
    const [ftyp, moov] = [box('ftyp'), box('moov')];
    const at = ftyp.end + mediaBytes;
    await using large = await open(file('large.mp4'), 'w'); // sparse: nothing is written between head and index
    const head = Buffer.alloc(16);
    head.writeUInt32BE(1, 0);
    head.write('mdat', 4);
    head.writeBigUInt64BE(BigInt(mediaBytes), 8);
    await large.write(bytes.subarray(ftyp.start, ftyp.end), 0, ftyp.end, 0);
    await large.write(head, 0, 16, ftyp.end);
    await large.write(bytes.subarray(moov.start, moov.end), 0, moov.end - moov.start, at);
    const [small, found] = [
      await probeFile(file('end.mp4'), { signal }),
      await probeFile(file('large.mp4'), { signal }),
    ];
    assert.equal(small.tracks.length, 2);
    assert.deepEqual(found.tracks, small.tracks);
    assert.deepEqual([found.container, found.durationS], [small.container, small.durationS]);
    assert.equal(found.tracks[0]!.frameRate, 25);
    assert.ok(found.media!.bitrate > 1e9, 'of the whole file');
  });

  test('an MP4 file that is truncated before its index is refused with a hint', async () => {
    await writeFile(file('cut.mp4'), bytes);
    await truncate(file('cut.mp4'), box('moov').start - 100);
    await assert.rejects(
      probeFile(file('cut.mp4'), { signal }),
      (error: Error & { code: string; extra: { hint: string } }) => {
        assert.equal(error.code, 'unsupported-media');
        assert.match(error.message, /no index \(moov\)/);
        assert.doesNotMatch(error.extra.hint, /doctor/);
        return true;
      },
    );
  });

  test('a file without media is refused without a hint to run doctor', async () => {
    await writeFile(file('noise.bin'), Buffer.alloc(100_000, 'noise'));
    await assert.rejects(
      probeFile(file('noise.bin'), { signal }),
      (error: Error & { code: string; extra: { hint: string } }) => {
        assert.equal(error.code, 'unsupported-media');
        assert.match(error.extra.hint, /media file/);
        return true;
      },
    );
  });
});
