/**
 * The JSON of evidence: what a check of a recording says, the blocks of its chain, the public keys.
 * In: features/evidence. Out: its routes; the command line and pages.
 */
import type { EvidenceGap } from '@oxbow/media/evidence/block';
import { type EvidenceReport, type FindingCode, findingCodes } from '@oxbow/media/evidence/report';
import { gapCauses } from '@oxbow/media/gap';
import type { Static } from 'typebox';
import { printRfc3339 } from '../instant.ts';
import { Type } from '../type.ts';

const Time = Type.String({ format: 'date-time', description: 'RFC 3339, UTC, milliseconds' });
const text = (description: string) => Type.String({ description });

/** A public key of a server. */
export const EvidenceKeyView = Type.Object(
  {
    id: text('the first 16 bytes of the SHA-256 of the key, base64url'),
    public: text('Ed25519, 32 bytes, base64url'),
    made: Type.Integer({ description: 'µs since 1970' }),
    by: Type.Array(Type.Object({ key: Type.String(), signature: Type.String() }), {
      description: 'keys that vouch for it, with their signatures',
    }),
  },
  { $id: 'EvidenceKey' },
);

/** All public keys. */
export const EvidenceKeyList = Type.Object(
  { items: Type.Array(EvidenceKeyView), nextCursor: Type.Null() },
  { $id: 'EvidenceKeyList' },
);

/** Blocks of a chain: see docs/5-record/evidence.md. */
export const EvidenceBlocks = Type.Object(
  {
    v: Type.Literal(1),
    stream: text('id of the stream'),
    name: text('name of the stream'),
    keys: Type.Array(EvidenceKeyView),
    blocks: Type.Array(
      Type.Object({
        text: text('the JSON that is hashed and signed, byte by byte'),
        signature: text('Ed25519, base64url'),
        anchors: Type.Array(
          Type.Object({
            place: text('`webhook`, `bucket`, `node` or `rfc3161`'),
            at: Type.Integer({ description: 'µs since 1970' }),
            root: text('the hash that is outside, base64url'),
            path: Type.Array(Type.String(), { description: 'from the block to the root' }),
            token: Type.Optional(text('a TimeStampResp (RFC 3161), base64')),
          }),
        ),
      }),
      { description: 'oldest first' },
    ),
  },
  { $id: 'EvidenceBlocks' },
);

const Span = { from: Time, to: Time };

/** What a check says. */
export const EvidenceCheck = Type.Object(
  {
    ok: Type.Boolean({ description: 'nothing was changed, and nothing is missing without a declared cause' }),
    parts: Type.Array(Type.Object({ ...Span, segments: Type.Integer() }), { description: 'media that is proved' }),
    gaps: Type.Array(
      Type.Object({
        ...Span,
        cause: Type.Unsafe<EvidenceGap[2]>(Type.String({ enum: [...gapCauses, 'offline'] })),
        detail: Type.String(),
      }),
      { description: 'missing media that the chain declares' },
    ),
    gone: Type.Array(
      Type.Object({ ...Span, why: Type.Unsafe<'expired' | 'erased'>(Type.String({ enum: ['expired', 'erased'] })) }),
      {
        description: 'media of which only the records are left',
      },
    ),
    breaks: Type.Array(Type.Object({ at: Time, why: Type.String() }), {
      description: 'where another process continued the chain',
    }),
    segments: Type.Integer(),
    encoded: Type.Integer({ description: 'pictures that the export encoded again; they are not proved' }),
    cut: Type.Integer({
      description: 'blocks of which the file has a part, signed again: the rest is hidden from its reader',
    }),
    sealed: Type.Boolean({
      description:
        'the file is the one that the server made of this media; its pictures are not compared with the records',
    }),
    late: Type.Integer({ description: 'segments that were hashed from the disk, after a crash' }),
    healed: Type.Integer({ description: 'segments that were filled in later' }),
    keys: Type.Array(Type.Object({ id: Type.String(), trusted: Type.Boolean() })),
    anchors: Type.Array(Type.Object({ place: Type.String(), at: Time, root: Type.String() })),
    findings: Type.Array(
      Type.Object({
        code: Type.Unsafe<FindingCode>(Type.String({ enum: [...findingCodes] })),
        from: Type.Union([Time, Type.Null()]),
        to: Type.Union([Time, Type.Null()]),
        detail: Type.String(),
      }),
      { description: 'what is wrong; empty if `ok`' },
    ),
  },
  { $id: 'EvidenceCheck' },
);

/** The values of the shapes. */
export type EvidenceKeyView = Static<typeof EvidenceKeyView>;
export type EvidenceCheck = Static<typeof EvidenceCheck>;
export type EvidenceBlocks = Static<typeof EvidenceBlocks>;

const time = (us: number) => printRfc3339(us / 1000);
const gapView = ([from, to, cause, detail]: EvidenceGap) => ({ from: time(from), to: time(to), cause, detail });

/** The JSON of a report. */
export function checkView(report: EvidenceReport): EvidenceCheck {
  const { ok, segments, encoded, cut, sealed, late, healed } = report;
  return {
    ok,
    parts: report.parts.map(({ fromUs, toUs, segments: count }) => ({
      from: time(fromUs),
      to: time(toUs),
      segments: count,
    })),
    gaps: report.gaps.map(gapView),
    gone: report.gone.map(({ fromUs, toUs, why }) => ({ from: time(fromUs), to: time(toUs), why })),
    breaks: report.breaks.map(({ atUs, why }) => ({ at: time(atUs), why })),
    segments,
    encoded,
    cut,
    sealed,
    late,
    healed,
    keys: report.keys.map(({ id, trusted }) => ({ id, trusted })),
    anchors: report.anchors.map(({ place, atUs, root }) => ({ place, at: time(atUs), root })),
    findings: report.findings.map(({ code, fromUs, toUs, detail }) => ({
      code,
      from: fromUs === undefined ? null : time(fromUs),
      to: toUs === undefined ? null : time(toUs),
      detail,
    })),
  };
}
