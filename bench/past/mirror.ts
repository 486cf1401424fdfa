/**
 * `npm run bench -- mirror`: recording live HLS pulls with a second place, compared with recording alone.
 * In: options. Out: a table. The second place is a folder of the same disk, or a bucket of another process:
 * what is measured is oxbow.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeCertificate } from '../../test/fixtures/certificate.ts';
import { startServer } from '../../test/fixtures/server.ts';
import { openS3Place } from '../../test/fixtures/services/s3-place.ts';
import { type Durations, measure } from '../measure.ts';
import { makeBenchMedia } from '../media.ts';
import { describeMachine } from '../process-tree.ts';
import { launcher, type StartRecorders } from '../recorders.ts';
import { printTable, say } from '../report.ts';
import { orTiny } from '../tiny.ts';

/** Options of `bench mirror`. */
interface MirrorBenchOptions extends Durations {
  readonly streams: number;
  /** Rounds; the table has the least of each. */
  readonly rounds: number;
  /** Which ways are measured, apart from none; default both. */
  readonly only: readonly string[];
  /** What the second place is. */
  readonly place: string;
}

/** `log`: a mirror whose complete files are ranges of its objects. */
const MODES = ['none', 'copy', 'mirror', 'log'] as const;
/** A folder of the same disk, and buckets of S3: with the MD5 that all servers know, and with CRC-32. */
const PLACES = ['folder', 'http', 'https', 'https-crc32'];

/** Opens a second place. */
async function openPlace(place: string, folder: string) {
  if (!PLACES.includes(place)) throw new Error(`--place ${place}: it is one of ${PLACES.join(', ')}.`);
  const path = join(folder, 'second');
  await mkdir(path);
  const none = async () => undefined;
  if (place === 'folder') return { target: { type: 'folder', path }, env: {}, [Symbol.asyncDispose]: none };
  const [scheme, hash] = place.split('-');
  const pair = scheme === 'https' ? await makeCertificate(folder, 'place') : undefined;
  const pem = pair && { cert: await readFile(pair.cert, 'utf8'), key: await readFile(pair.key, 'utf8') };
  const server = await openS3Place({ ...pem });
  const endpoint = `${scheme}://127.0.0.1:${server.port}`;
  const checksums = hash === undefined ? 'required' : 'supported';
  return {
    target: { type: 's3', endpoint, bucket: 'media', accessKeyId: 'bench', secretAccessKey: 'bench', checksums },
    env: pair ? { NODE_EXTRA_CA_CERTS: pair.cert } : {},
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

/** Records with or without a second place. */
const recorders =
  (mode: (typeof MODES)[number], place: string): StartRecorders =>
  async (urls, folder) => {
    const second = await openPlace(place, folder);
    const how = mode === 'log' ? { mode: 'mirror', mirrorArchive: 'log' } : { mode };
    const storage = mode === 'none' ? {} : { targets: { second: second.target }, target: 'second', ...how };
    const config = join(folder, 'oxbow.yaml');
    await writeFile(config, JSON.stringify({ storage }));
    const off = ['--content-check-mode', 'off', '--record-storyboard', 'off'];
    const args = ['--config', config, ...off, ...urls.map((url, k) => `s${k}=${url}`)];
    const server = await startServer({ args, data: join(folder, 'data'), program: launcher, env: second.env });
    return {
      pids: [server.pid],
      async problems() {
        if (mode !== 'mirror' && mode !== 'log') return '';
        const metrics = Buffer.from(await server.bytes('/metrics')).toString();
        const put = /^oxbow_storage_mirror_requests_total\{[^}]*result="put"\} (\d+)/m.exec(metrics)?.[1] ?? '0';
        const sent = /^oxbow_storage_mirror_sent_bytes_total\{[^}]*\} (\d+)/m.exec(metrics)?.[1] ?? '0';
        return `${put} objects, ${(Number(sent) / 1e6).toFixed(1)} MB`;
      },
      async [Symbol.asyncDispose]() {
        await server[Symbol.asyncDispose]();
        await second[Symbol.asyncDispose]();
      },
    };
  };

/** Measures each way in turn. Returns the report. */
export async function benchMirror(options: MirrorBenchOptions): Promise<string> {
  const { streams, rounds, only, place, warmUpS, measureS } = options;
  say('encoding the media');
  const media = makeBenchMedia(warmUpS + measureS + orTiny(30, 16));
  const modes = MODES.filter((mode) => mode === 'none' || only.length === 0 || only.includes(mode));
  const least = new Map<string, { percent: number; notes: string }>();
  for (let round = 0; round < rounds; round++) {
    for (const mode of modes) {
      say(`${mode}, ${streams} streams, ${warmUpS} s + ${measureS} s`);
      const { cpuPercent, problems } = await measure(recorders(mode, place), streams, media, { warmUpS, measureS });
      const before = least.get(mode);
      const percent = cpuPercent / streams;
      if (!before || percent < before.percent) least.set(mode, { percent, notes: problems });
    }
  }
  const none = least.get('none')!.percent;
  const rows = modes.map((mode) => {
    const { percent, notes } = least.get(mode)!;
    const more = `${(percent - none).toFixed(3)} %`;
    return [mode, `${percent.toFixed(3)} %`, more, (percent / none).toFixed(2), notes || '-'];
  });
  const about =
    `${describeMachine()}; Node ${process.version}; ${streams} HLS pulls of ${(media.bitrate / 1e6).toFixed(2)} Mbps, ` +
    `2 s segments, to ${place}, ${measureS} s measured after ${warmUpS} s, the least of ${rounds}`;
  return `${about}\n\n${printTable(['storage.mode', 'CPU of a core per stream', 'more', 'ratio', 'sent'], rows)}`;
}
