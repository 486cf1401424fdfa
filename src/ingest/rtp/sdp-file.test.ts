import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { avSdp } from './rtp.fixture.ts';
import { readSdpFile } from './sdp-file.ts';

test('an SDP file has usable media; others are refused with the reason', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'oxbow-sdp-'));
  t.after(() => rm(folder, { recursive: true }));
  const path = join(folder, 'cam.sdp');
  const refused = async (text: string, error: object) => {
    await writeFile(path, text);
    await assert.rejects(readSdpFile(path), error);
  };
  await writeFile(path, avSdp);
  assert.deepEqual(
    (await readSdpFile(path)).map(({ kind }) => kind),
    ['video', 'audio'],
  );
  const isFailed = (message: RegExp) => ({ code: 'source-failed', message });
  await refused('#EXTM3U', { name: 'FormatError' });
  await refused('x'.repeat(200_000), isFailed(/it is no SDP file/));
  const unsupported = avSdp.replace('H264', 'jxsv').replace('opus/48000/2', 'L24/48000');
  await refused(unsupported, isFailed(/no usable media: oxbow does not support JPEG XS video, PCM audio/));
  await assert.rejects(readSdpFile(folder), isFailed(/it is no SDP file/));
  await assert.rejects(readSdpFile(join(folder, 'none.sdp')), isFailed(/none.sdp: there is no such file/));
});
