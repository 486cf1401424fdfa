/**
 * Verifies an exported file: its samples are those of the segments that the chain has, without a hole that
 * the chain does not declare.
 * In: a file. Out: a report. docs/5-record/evidence.md, "Verifying".
 */
import { printBase64Url } from '../base64.ts';
import { messageOf } from '../errors.ts';
import { EXPORT_CONTEXT, FILE_CONTEXT } from './block.ts';
import { type EvidenceBundle, type ExportSeal, parseBundle, parseSeal, sealText } from './bundle.ts';
import { readEvidenceFile } from './evidence-file.ts';
import { FileCheck } from './file-check.ts';
import type { EvidenceFile, FileRanges } from './file-parts.ts';
import type { EvidenceReport, Finding } from './report.ts';
import { digestOf, readSidecar } from './sidecar.ts';
import { fromBase64Url, inContext, utf8 } from './text-bytes.ts';
import { type ProvedChain, type VerifyOptions, verifyChain } from './verify-chain.ts';

/** Bytes that are hashed at once. */
const HEAD_LIMIT = 600 * 1024 * 1024;

/** What is lost, and where it is. */
const NO_EVIDENCE =
  'the file has no evidence of oxbow; a program that writes a file again, as ffmpeg -c copy and editors do, ' +
  'leaves out its signatures, its times and its gaps: verify the file as it came from the server';

export interface FileOptions extends VerifyOptions {
  /** The file with its evidence, if that is next to it. */
  readonly sidecar?: Uint8Array | undefined;
}

/**
 * Verifies a file. What is wrong with it is a finding; only `read` and the signal make it throw.
 *
 * Throws what `file.read` does, and the reason of the signal.
 */
export async function verifyFile(file: FileRanges, options: FileOptions): Promise<EvidenceReport> {
  let parts: EvidenceFile | undefined;
  try {
    parts = await readParts(file, options);
  } catch (error) {
    if (!isMalformed(error)) throw error;
    return failed('unreadable', messageOf(error));
  }
  if (!parts) return failed('no-evidence', NO_EVIDENCE);
  let bundle: EvidenceBundle;
  try {
    bundle = parseBundle(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(parts.bundle));
  } catch (error) {
    return failed('unreadable', messageOf(error));
  }
  const chain = await verifyChain(bundle, options);
  const seal = await verifySeal(file, parts, chain, options);
  let checked: Awaited<ReturnType<FileCheck['run']>>;
  try {
    checked = await new FileCheck({ file, parts, bundle, chain, ...options }).run();
  } catch (error) {
    if (!isMalformed(error)) throw error;
    return failed('unreadable', messageOf(error));
  }
  const findings = [...seal.findings, ...chain.findings, ...checked.findings];
  return reportOf(bundle, signedBy(chain, seal.key, options), checked, findings, {
    exportedUs: seal.atUs,
    sealed: parts.form === 'sealed',
  });
}

/** Its own evidence first, which has each sample. */
async function readParts(file: FileRanges, { sidecar }: FileOptions): Promise<EvidenceFile | undefined> {
  if (!sidecar) return readEvidenceFile(file);
  const own = await readEvidenceFile(file).catch((error: unknown) => {
    if (!isMalformed(error)) throw error;
    return undefined;
  });
  return own ?? readSidecar(sidecar, file);
}

/** The report of what was checked. */
export function reportOf(
  bundle: Pick<EvidenceBundle, 'stream' | 'name'>,
  chain: ProvedChain,
  checked: Pick<EvidenceReport, 'parts' | 'gaps' | 'gone' | 'late' | 'healed' | 'encoded' | 'segments' | 'samples'>,
  findings: readonly Finding[],
  { exportedUs, sealed = false }: { readonly exportedUs?: number | undefined; readonly sealed?: boolean } = {},
): EvidenceReport {
  const { parts, gaps, gone, late, healed, encoded, segments, samples } = checked;
  return {
    ok: findings.length === 0,
    stream: bundle.stream,
    name: bundle.name,
    parts,
    gaps,
    gone,
    breaks: chain.blocks.flatMap(({ begins, at }) => (begins && begins !== 'new' ? [{ atUs: at, why: begins }] : [])),
    late,
    healed,
    encoded,
    cut: chain.blocks.filter(({ part }) => part !== undefined).length,
    sealed,
    segments,
    samples,
    exportedUs,
    keys: chain.keys,
    anchors: chain.anchors,
    findings,
  };
}

/** The chain with the key of the seal among its keys: it may have signed no block. */
function signedBy(chain: ProvedChain, key: string | undefined, { trusted = [] }: VerifyOptions): ProvedChain {
  if (key === undefined || chain.keys.some(({ id }) => id === key)) return chain;
  const more = { id: key, trusted: trusted.length > 0 && chain.accepted.has(key) };
  return Object.assign({}, chain, { keys: [...chain.keys, more] });
}

function failed(code: 'unreadable' | 'no-evidence', detail: string): EvidenceReport {
  return {
    ok: false,
    stream: '',
    name: '',
    parts: [],
    gaps: [],
    gone: [],
    breaks: [],
    late: 0,
    healed: 0,
    encoded: 0,
    cut: 0,
    sealed: false,
    segments: 0,
    samples: 0,
    exportedUs: undefined,
    keys: [],
    anchors: [],
    findings: [{ code, detail }],
  };
}

/** The signature of the server over the file that it made. */
async function verifySeal(
  file: FileRanges,
  parts: EvidenceFile,
  chain: ProvedChain,
  options: FileOptions,
): Promise<{
  readonly key: string | undefined;
  readonly atUs: number | undefined;
  readonly findings: readonly Finding[];
}> {
  const { crypto } = options;
  let seal: ExportSeal;
  try {
    seal = parseSeal(parts.seal);
  } catch (error) {
    return { key: undefined, atUs: undefined, findings: [{ code: 'file-changed', detail: messageOf(error) }] };
  }
  const findings: Finding[] = [];
  const key = chain.keyBytes.get(seal.key);
  const message = inContext(
    parts.form === 'sealed' ? FILE_CONTEXT : EXPORT_CONTEXT,
    await crypto.sha256(utf8(sealText(seal))),
  );
  const isSigned = key && (await crypto.verify(key, fromBase64Url(seal.signature), message));
  if (!isSigned || printBase64Url(fromBase64Url(seal.signature)) !== seal.signature) {
    findings.push({ code: 'bad-signature', detail: 'the seal of the export is not valid' });
  } else if (!chain.accepted.has(seal.key)) {
    findings.push({ code: 'unknown-key', detail: `the export is signed by ${seal.key}` });
  }
  if (printBase64Url(await crypto.sha256(parts.bundle)) !== seal.bundle) {
    findings.push({ code: 'file-changed', detail: 'the evidence was changed after the export' });
  }
  const isSealed = parts.form === 'sealed';
  const isHead = parts.headBytes === seal.headBytes && (isSealed || parts.headBytes <= HEAD_LIMIT);
  const hash = async () => (isSealed ? digestOf(file, options) : crypto.sha256(await file.read(0, parts.headBytes)));
  const head = isHead ? printBase64Url(await hash()) : '';
  const detail = isSealed ? 'the file was changed after the export' : 'the header of the file was changed';
  if (head !== seal.head) findings.push({ code: 'file-changed', detail });
  return { key: seal.key, atUs: seal.at, findings };
}

function isMalformed(error: unknown): boolean {
  return error instanceof Error && (error.name === 'FormatError' || error.name === 'OxbowError');
}
