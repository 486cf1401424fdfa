/**
 * `oxbow verify FILE|STREAM`: whether an exported file, or a range of a recording, is complete and unchanged.
 * In: a file, or a stream with a range of a running oxbow. Out: sentences or JSON; exit 1 if something is
 * wrong. docs/5-record/evidence.md.
 */
import { existsSync, statSync } from 'node:fs';
import { open, readFile } from 'node:fs/promises';
import { blockRanges } from '@oxbow/media/evidence/block-ranges';
import { MAX_BOX_BYTES } from '@oxbow/media/evidence/evidence-box';
import { sidecarName } from '@oxbow/media/evidence/sidecar';
import { verifyFile } from '@oxbow/media/evidence/verify-file';
import type { Command } from 'commander';
import { checkView, type EvidenceCheck } from '../../api/evidence/evidence-shapes.ts';
import { systemCrypto } from '../../features/evidence/check-range.ts';
import { OxbowError } from '../../lib/errors.ts';
import { printable } from '../../lib/text/printable.ts';
import { readKeys } from '../../recording/evidence/evidence-keys.ts';
import { bar, openProgressLine } from '../progress.ts';
import { TYPED_FORMS, typedEnd, typedTime } from '../recordings/typed-time.ts';
import { askServer } from '../running-server.ts';
import { addSettingFlags, readSettings } from '../setting-flags.ts';
import { onStopSignal } from '../stop-signals.ts';
import { type ExitCode, say, sayJson } from '../terminal.ts';

interface Options {
  readonly from?: string;
  readonly to?: string;
  readonly duration?: string;
  readonly key?: readonly string[];
  readonly server?: string;
  readonly json?: true;
}

/** Adds the verb. */
export function addVerify(program: Command, exit: (code: ExitCode) => void): void {
  const verb = program
    .command('verify')
    .summary('whether an exported file is complete and unchanged')
    .description(
      'Verifies an MP4 or MKV that oxbow exported, a clip, or a range of a recording, with its chain of evidence. Of another file the evidence is next to it, as FILE.evidence. A file needs no server.',
    )
    .argument('<FILE|STREAM>', 'path of a file, or name of a stream of a running oxbow')
    .option('--from <TIME>', `With a stream: start: ${TYPED_FORMS}.`)
    .option('--to <TIME>', 'With a stream: end, in one of the same forms.')
    .option('--duration <DURATION>', 'With a stream: duration, instead of --to: 90s, 15m, 1h30m.')
    .option('--key <ID...>', 'Ids of the keys that may sign; default: those of the data folder, if it has some.')
    .option('--server <URL>', 'Address of a running oxbow; default the one that runs on the data folder.')
    .option('--json', 'Print the result as JSON.');
  addSettingFlags(verb, ['data', 'adminToken']);
  verb.addHelpText('after', examples);
  verb.action(async (subject: string) => exit(await runVerify(subject, verb)));
}

const examples = `
Examples:
  oxbow verify meeting.mp4
  oxbow verify meeting.mp4 --key 8m1Uf0k2cC4uS7yA0wz5xQ
  oxbow verify door --from "yesterday 14:00" --duration 1h`;

async function runVerify(subject: string, verb: Command): Promise<ExitCode> {
  const options = verb.opts<Options>();
  const { config } = await readSettings(verb, [], new Set(['from']));
  const controller = new AbortController();
  using _signals = onStopSignal(() => controller.abort(new DOMException('stopped', 'AbortError')));
  const { signal } = controller;
  try {
    const check = existsSync(subject)
      ? await checkFile(subject, options.key ?? (await ownKeys(config.data)), signal)
      : await askServer(config, options.server, (client) =>
          client.getStreamEvidenceCheck({ name: subject, ...rangeOf(subject, options) }, { signal }),
        );
    if (options.json) sayJson(check);
    else for (const line of describe(subject, check)) say(line);
    return check.ok ? 0 : 1;
  } catch (error) {
    if (signal.aborted) return 130;
    throw error;
  }
}

/** Keys of the data folder; none if it has no file of keys. */
async function ownKeys(data: string): Promise<readonly string[]> {
  return ((await readKeys(data))?.keys ?? []).map(({ id }) => id);
}

function rangeOf(subject: string, { from, to, duration }: Options) {
  if (from === undefined || (to === undefined) === (duration === undefined)) {
    const hint = `There is no file ${printable(subject)}; for a stream give --from, and either --to or --duration.`;
    throw new OxbowError('bad-request', hint);
  }
  const nowMs = Date.now();
  return { from: typedTime(from, nowMs), to: typedEnd((to ?? duration)!, nowMs) };
}

/** The evidence next to a file; undefined: it has none there. */
async function sidecarOf(path: string): Promise<Uint8Array | undefined> {
  const sidecar = sidecarName(path);
  if (!existsSync(sidecar)) return undefined;
  if (statSync(sidecar).size > MAX_BOX_BYTES) throw new OxbowError('bad-request', `${sidecar} is too large.`);
  return readFile(sidecar);
}

async function checkFile(path: string, trusted: readonly string[], signal: AbortSignal): Promise<EvidenceCheck> {
  await using handle = await open(path, 'r');
  using line = openProgressLine();
  const startMs = performance.now();
  const { size } = await handle.stat();
  const file = blockRanges(size, async (offset, length) => {
    const bytes = new Uint8Array(length);
    const { bytesRead } = await handle.read(bytes, 0, length, offset);
    return bytes.subarray(0, bytesRead);
  });
  const report = await verifyFile(file, {
    sidecar: await sidecarOf(path),
    crypto: systemCrypto,
    trusted,
    signal,
    progress: (share) => line.show(() => bar(share, performance.now() - startMs)),
  });
  return checkView(report);
}

/** The result in words. */
export function describe(subject: string, check: EvidenceCheck): string[] {
  const { ok, parts, gaps, gone, breaks, encoded, cut, sealed, late, healed, keys, anchors, findings } = check;
  const lines: string[] = [];
  const [first, last] = [parts[0], parts.at(-1)];
  const signed = keys.map(
    ({ id, trusted }) => `${printable(id)}${trusted ? ' (known)' : ' (compare it with the key of the server)'}`,
  );
  if (ok && first && last) {
    const gapped = gaps.length === 0 ? 'no gap' : gaps.length === 1 ? 'one gap' : `${gaps.length} gaps`;
    lines.push(`${printable(subject)}: complete from ${first.from} to ${last.to}, ${gapped}, unchanged.`);
  } else {
    lines.push(`${printable(subject)}: not proved. ${findings.length} findings.`);
  }
  for (const { from, to, cause, detail } of gaps) {
    const seconds = (Date.parse(to) - Date.parse(from)) / 1000;
    lines.push(
      `  gap of ${seconds.toFixed(1)} s from ${from}: ${printable(cause)}${detail ? `, ${printable(detail)}` : ''}`,
    );
  }
  for (const { from, to, why } of gone) lines.push(`  ${why}: ${from} to ${to}; only its records are left`);
  if (encoded > 0) lines.push(`  ${encoded} pictures at the edges were encoded again, and are not proved`);
  if (cut > 0) lines.push(`  ${cut} blocks are there in part: the rest was hidden from who made the file`);
  if (sealed) lines.push('  the server has signed the whole file; its pictures are not compared with the records');
  for (const { at, why } of breaks) lines.push(`  the chain was continued at ${at}: ${printable(why)}`);
  if (late > 0) lines.push(`  ${late} segments were hashed from the disk, after a crash`);
  if (healed > 0) lines.push(`  ${healed} segments were filled in later`);
  for (const key of signed) lines.push(`  signed by ${key}`);
  for (const place of new Set(anchors.map((anchor) => anchor.place))) {
    const of = anchors.filter((anchor) => anchor.place === place);
    lines.push(`  anchored ${of.length} times: ${printable(place)}, the last at ${of.at(-1)!.at}`);
  }
  for (const { code, from, to, detail } of findings.slice(0, MAX_SHOWN)) {
    lines.push(`  ${code}: ${printable(detail)}${from ? ` (${from} to ${to})` : ''}`);
  }
  if (findings.length > MAX_SHOWN) lines.push(`  and ${findings.length - MAX_SHOWN} more; --json prints all`);
  return lines;
}

/** Findings in the text. */
const MAX_SHOWN = 20;
