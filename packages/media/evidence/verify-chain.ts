/**
 * Verifies the blocks of a bundle: signatures, links, anchors.
 * In: a bundle. Out: the records that are proved, findings. docs/5-record/evidence.md, "Verifying".
 */
import { printBase64Url } from '../base64.ts';
import { concatBytes } from '../bytes.ts';
import { messageOf } from '../errors.ts';
import {
  BLOCK_CONTEXT,
  type EvidenceBlock,
  type EvidenceSegment,
  type EvidenceTrack,
  PART_CONTEXT,
  parseBlock,
} from './block.ts';
import type { EvidenceAnchor, EvidenceBundle } from './bundle.ts';
import type { EvidenceCrypto } from './crypto.ts';
import type { EvidenceReport, Finding } from './report.ts';
import { fromBase64Url, inContext, isEqual, utf8 } from './text-bytes.ts';
import { proveKeys } from './verify-keys.ts';

/** A record with what its block says. */
export interface ProvedSegment extends EvidenceSegment {
  readonly block: EvidenceBlock;
  /** Tracks of its init section, by id. */
  readonly initTracks: ReadonlyMap<number, EvidenceTrack>;
}

/** What the chain proves. */
export interface ProvedChain {
  /** By start, then by MSN. */
  readonly segments: readonly ProvedSegment[];
  readonly byMsn: ReadonlyMap<number, ProvedSegment>;
  readonly blocks: readonly EvidenceBlock[];
  readonly keys: EvidenceReport['keys'];
  readonly keyBytes: ReadonlyMap<string, Uint8Array>;
  readonly accepted: ReadonlySet<string>;
  readonly anchors: EvidenceReport['anchors'];
  readonly findings: readonly Finding[];
}

/** Options of a verification. */
export interface VerifyOptions {
  /** Ids of the keys that are known to be the server's; empty: the report says which key signs. */
  readonly trusted?: readonly string[];
  readonly crypto: EvidenceCrypto;
  readonly signal?: AbortSignal;
  /** Called with the share that is done, 0 to 1. */
  readonly progress?: (share: number) => void;
}

/** Verifies the chain of a bundle. Never throws for malformed evidence: that is a finding. */
export async function verifyChain(bundle: EvidenceBundle, options: VerifyOptions): Promise<ProvedChain> {
  const { trusted = [], crypto, signal } = options;
  const findings: Finding[] = [];
  const parsed = parseAll(bundle, findings);
  const signers = parsed.map(({ block }) => block.key);
  const keys = await proveKeys(bundle.keys, { trusted, signers }, crypto);
  const anchors: EvidenceReport['anchors'][number][] = [];
  const blocks: EvidenceBlock[] = [];
  let before: { readonly block: EvidenceBlock; readonly hash: string } | undefined;
  for (const { block, signed } of parsed) {
    signal?.throwIfAborted();
    const digest = await crypto.sha256(utf8(signed.text));
    const at = spanOf(block);
    const key = keys.bytes.get(block.key);
    const message = inContext(block.part ? PART_CONTEXT : BLOCK_CONTEXT, digest);
    // Links and anchors are of the whole block.
    const hash = block.part ? fromBase64Url(block.part.of) : digest;
    if (block.stream !== bundle.stream) {
      findings.push({ code: 'chain-broken', detail: `block ${block.seq} is of another stream`, ...at });
    }
    if (!key || !keys.accepted.has(block.key)) {
      findings.push({ code: 'unknown-key', detail: `block ${block.seq} is signed by ${block.key}`, ...at });
    }
    if (!key || !(await crypto.verify(key, fromBase64Url(signed.signature), message))) {
      findings.push({ code: 'bad-signature', detail: `the signature of block ${block.seq} is not valid`, ...at });
    } else {
      blocks.push(block);
    }
    if (before && block.seq <= before.block.seq) {
      findings.push({ code: 'chain-broken', detail: `block ${block.seq} follows block ${before.block.seq}`, ...at });
    } else if (before && block.seq === before.block.seq + 1 && block.prev !== before.hash) {
      findings.push({ code: 'chain-broken', detail: `block ${block.seq} does not continue the block before`, ...at });
    }
    for (const anchor of signed.anchors) {
      if (await fits(anchor, hash, crypto)) {
        const { place, root, token } = anchor;
        anchors.push(token === undefined ? { place, atUs: anchor.at, root } : { place, atUs: anchor.at, root, token });
      } else findings.push({ code: 'wrong-anchor', detail: `an anchor of block ${block.seq} does not fit`, ...at });
    }
    before = { block, hash: printBase64Url(hash) };
  }
  const { segments, byMsn } = recordsOf(blocks, findings);
  return {
    segments,
    byMsn,
    blocks,
    keys: [...new Set(signers)].map((id) => ({ id, trusted: keys.trusted.has(id) })),
    keyBytes: keys.bytes,
    accepted: keys.accepted,
    anchors,
    findings,
  };
}

function parseAll(bundle: EvidenceBundle, findings: Finding[]) {
  return bundle.blocks.flatMap((signed, i) => {
    try {
      return [{ signed, block: parseBlock(signed.text) }];
    } catch (error) {
      findings.push({ code: 'chain-broken', detail: `block ${i} of the file: ${messageOf(error)}` });
      return [];
    }
  });
}

/** The media of a block. */
function spanOf({ segments }: EvidenceBlock): Pick<Finding, 'fromUs' | 'toUs'> {
  if (segments.length === 0) return {};
  const fromUs = segments.reduce((first, { from }) => Math.min(first, from), Number.POSITIVE_INFINITY);
  return {
    fromUs,
    toUs: segments.reduce((last, { from, duration }) => Math.max(last, from + duration), Number.NEGATIVE_INFINITY),
  };
}

function recordsOf(blocks: readonly EvidenceBlock[], findings: Finding[]) {
  const byMsn = new Map<number, ProvedSegment>();
  for (const block of blocks) {
    const inits = new Map(block.inits.map(({ number, tracks }) => [number, new Map(tracks.map((t) => [t.id, t]))]));
    for (const record of block.segments) {
      const initTracks = inits.get(record.init) ?? new Map<number, EvidenceTrack>();
      if (byMsn.has(record.msn)) {
        const toUs = record.from + record.duration;
        findings.push({ code: 'chain-broken', detail: `two records of ${record.msn}`, fromUs: record.from, toUs });
      } else byMsn.set(record.msn, Object.assign({ block, initTracks }, record));
    }
  }
  const segments = [...byMsn.values()].sort((a, b) => a.from - b.from || a.msn - b.msn);
  return { segments, byMsn };
}

/** Whether a block is in the tree of an anchor: leaf and nodes as in RFC 9162, 2.1.1. */
async function fits(anchor: EvidenceAnchor, hash: Uint8Array, crypto: EvidenceCrypto): Promise<boolean> {
  let node = await crypto.sha256(concatBytes([Uint8Array.of(0), hash]));
  for (const step of anchor.path) {
    const isLeft = step.startsWith('<');
    const other = fromBase64Url(isLeft ? step.slice(1) : step);
    const [left, right] = isLeft ? [other, node] : [node, other];
    node = await crypto.sha256(concatBytes([Uint8Array.of(1), left, right]));
  }
  return isEqual(node, fromBase64Url(anchor.root));
}
