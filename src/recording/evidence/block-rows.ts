/**
 * The blocks of chains in the metadata store.
 * In: signed blocks; a stream and a time range. Out: rows. docs/5-record/evidence.md.
 */
import { promisify } from 'node:util';
import { deflateRawSync, inflateRaw } from 'node:zlib';
import type { EvidenceBlock } from '@oxbow/media/evidence/block';
import type { EvidenceAnchor, SignedBlock } from '@oxbow/media/evidence/bundle';
import type { Kysely } from 'kysely';
import type { Tables } from '../../store/schema.ts';
import { changeRows, type StreamRows } from '../../store/shards/stream-rows.ts';

/** Largest text of a block that is read, bytes. */
const MAX_TEXT_BYTES = 16 * 1024 * 1024;
/** Blocks of a day. */
const MAX_NEWEST = 1440;
/** Blocks that are read at once. */
const PAGE = 200;

const inflate = promisify(inflateRaw);

/** The newest block of a stream. */
export interface ChainHead {
  readonly seq: number;
  /** base64url. */
  readonly hash: string;
  readonly keyId: string;
  /** End of the media in the chain, µs since 1970; 0: it has none. */
  readonly toUs: number;
  readonly block: EvidenceBlock;
}

/** A block that is about to be stored. */
export interface NewBlock {
  readonly block: EvidenceBlock;
  readonly text: string;
  /** Of the text, base64url. */
  readonly hash: string;
  readonly signature: string;
}

/** Media time of a block that was read, with its text. */
export interface StoredBlock extends SignedBlock {
  readonly seq: number;
}

/** A block with the places that have it. */
export interface NewestBlock {
  readonly streamId: string;
  readonly seq: number;
  /** base64url. */
  readonly hash: string;
  readonly places: readonly string[];
}

/** Reads and writes blocks. */
export class BlockRows {
  readonly #rows: StreamRows;

  constructor(rows: StreamRows) {
    this.#rows = rows;
  }

  /** The newest block; undefined: the chain begins. */
  async head(streamId: string): Promise<ChainHead | undefined> {
    const row = await this.#rows.read(streamId, (db) =>
      db
        .selectFrom('evidence_block')
        .select(['seq', 'hash', 'key_id', 'text'])
        .where('stream_id', '=', streamId)
        .orderBy('seq', 'desc')
        .limit(1)
        .executeTakeFirst(),
    );
    if (!row) return undefined;
    const block = JSON.parse(await textOf(row.text)) as EvidenceBlock;
    const end = await this.#rows.read(streamId, (db) =>
      db
        .selectFrom('evidence_block')
        .select((eb) => eb.fn.max('to_us').as('us'))
        .where('stream_id', '=', streamId)
        .executeTakeFirst(),
    );
    return { seq: row.seq, hash: row.hash, keyId: row.key_id, toUs: Number(end?.us ?? 0), block };
  }

  /**
   * Adds a block.
   *
   * @returns false if another process has written a block with its number
   * @throws as `StreamRows.write`
   */
  async add(streamId: string, { block, text, hash, signature }: NewBlock): Promise<boolean> {
    let isAdded = false;
    await changeRows(this.#rows, streamId, async (transaction) => {
      const result = await transaction
        .insertInto('evidence_block')
        .values({
          stream_id: streamId,
          seq: block.seq,
          ...spanOf(block),
          at_us: block.at,
          hash,
          signature,
          key_id: block.key,
          text: deflateRawSync(text),
          text_bytes: Buffer.byteLength(text),
          anchors: '[]',
        })
        .onConflict((conflict) => conflict.columns(['stream_id', 'seq']).doNothing())
        .executeTakeFirst();
      isAdded = Number(result.numInsertedOrUpdatedRows ?? 0) > 0;
    });
    return isAdded;
  }

  /**
   * The newest blocks of a stream, back to an instant, and the places of their anchors; the oldest first, and
   * no more than a day of them.
   *
   * @param sinceUs µs since 1970
   */
  async newest(streamId: string, sinceUs: number): Promise<readonly NewestBlock[]> {
    const blocks: NewestBlock[] = [];
    for (let before = Number.MAX_SAFE_INTEGER; blocks.length < MAX_NEWEST; ) {
      const last = before;
      const rows = await this.#rows.read(streamId, (db) =>
        db
          .selectFrom('evidence_block')
          .select(['seq', 'hash', 'anchors', 'at_us'])
          .where('stream_id', '=', streamId)
          .where('seq', '<', last)
          .orderBy('seq', 'desc')
          .limit(PAGE)
          .execute(),
      );
      for (const { seq, hash, anchors, at_us: atUs } of rows) {
        if (atUs < sinceUs) return blocks.reverse();
        const places = (JSON.parse(anchors) as EvidenceAnchor[]).map(({ place }) => place);
        blocks.push({ streamId, seq, hash, places });
      }
      if (rows.length < PAGE) break;
      before = rows.at(-1)!.seq;
    }
    return blocks.reverse();
  }

  /** Adds an anchor to a block. */
  async anchor(streamId: string, seq: number, anchor: EvidenceAnchor): Promise<void> {
    await changeRows(this.#rows, streamId, async (transaction) => {
      const row = await transaction
        .selectFrom('evidence_block')
        .select('anchors')
        .where('stream_id', '=', streamId)
        .where('seq', '=', seq)
        .executeTakeFirst();
      if (!row) return;
      const anchors = [...(JSON.parse(row.anchors) as EvidenceAnchor[]), anchor];
      await transaction
        .updateTable('evidence_block')
        .set({ anchors: JSON.stringify(anchors) })
        .where('stream_id', '=', streamId)
        .where('seq', '=', seq)
        .execute();
    });
  }

  /** Whether a block has media that was recorded in [fromUs, toUs). */
  async hasMedia(streamId: string, fromUs: number, toUs: number): Promise<boolean> {
    const row = await this.#rows.read(streamId, (db) =>
      db
        .selectFrom('evidence_block')
        .select('from_us')
        .where('stream_id', '=', streamId)
        .where('to_us', '>', fromUs)
        .orderBy('to_us')
        .limit(1)
        .executeTakeFirst(),
    );
    return row !== undefined && Number(row.from_us) < toUs;
  }

  /**
   * The blocks with media of [fromUs, toUs), those between them, and those about media that was filled in or
   * deleted there; the oldest first. Where media was filled in, the block with what follows belongs to them:
   * its record has the gap, of which a range may have only the filled part.
   */
  async *between(streamId: string, fromUs: number, toUs: number): AsyncGenerator<StoredBlock> {
    const bounds = await this.#rows.read(streamId, (db) =>
      db
        .selectFrom('evidence_block')
        .select((eb) => [eb.fn.min('seq').as('first'), eb.fn.max('seq').as('last')])
        .where('stream_id', '=', streamId)
        .where('to_us', '>', fromUs)
        .where('from_us', '<', toUs)
        .executeTakeFirst(),
    );
    const next = await this.#nextAfterFilled(streamId, fromUs, toUs);
    const first = Number(bounds?.first ?? next ?? 0);
    const last = Math.max(Number(bounds?.last ?? -1), next ?? -1);
    for (let from = 0; ; ) {
      const page = await this.#page(streamId, { fromUs, toUs, first, last, from });
      for (const row of page) {
        const anchors = JSON.parse(row.anchors) as EvidenceAnchor[];
        yield { seq: row.seq, text: await textOf(row.text), signature: row.signature, anchors };
      }
      if (page.length < PAGE) return;
      from = page.at(-1)!.seq + 1;
    }
  }

  /**
   * The block with the media that follows a range; undefined: nothing was filled in there, or none follows.
   */
  async #nextAfterFilled(streamId: string, fromUs: number, toUs: number): Promise<number | undefined> {
    const row = await this.#rows.read(streamId, (db) =>
      db
        .selectFrom('evidence_block')
        .select('seq')
        .where('stream_id', '=', streamId)
        .where('to_us', '>', toUs)
        .where('from_us', '>=', toUs)
        .where(({ exists, selectFrom }) =>
          exists(
            selectFrom('evidence_block as filled')
              .select('filled.seq')
              .where('filled.stream_id', '=', streamId)
              .where('filled.past_to_us', '>', fromUs)
              .where('filled.past_from_us', '<', toUs),
          ),
        )
        .orderBy('to_us')
        .limit(1)
        .executeTakeFirst(),
    );
    return row?.seq;
  }

  #page(
    streamId: string,
    { fromUs, toUs, first, last, from }: Readonly<Record<'fromUs' | 'toUs' | 'first' | 'last' | 'from', number>>,
  ) {
    return this.#rows.read(streamId, (db: Kysely<Tables>) =>
      db
        .selectFrom('evidence_block')
        .select(['seq', 'text', 'signature', 'anchors'])
        .where('stream_id', '=', streamId)
        .where('seq', '>=', from)
        .where((eb) =>
          eb.or([
            eb.and([eb('seq', '>=', first), eb('seq', '<=', last)]),
            eb.and([eb('past_to_us', '>', fromUs), eb('past_from_us', '<', toUs)]),
          ]),
        )
        .orderBy('seq')
        .limit(PAGE)
        .execute(),
    );
  }
}

async function textOf(bytes: Uint8Array): Promise<string> {
  return (await inflate(bytes, { maxOutputLength: MAX_TEXT_BYTES })).toString();
}

/** The media of a block, as its row has it. */
function spanOf({ segments, notes }: EvidenceBlock) {
  const spans = segments.map(({ from, duration, healed }) => ({ from, to: from + duration, isPast: healed === 1 }));
  const [fromUs, toUs] = bounds(spans.filter(({ isPast }) => !isPast));
  const erased = notes.flatMap((note) => (note.what === 'erased' ? note : []));
  const [pastFromUs, pastToUs] = bounds([...spans.filter(({ isPast }) => isPast), ...erased]);
  return { from_us: fromUs, to_us: toUs, past_from_us: pastFromUs, past_to_us: pastToUs };
}

function bounds(spans: readonly { readonly from: number; readonly to: number }[]): [number | null, number | null] {
  if (spans.length === 0) return [null, null];
  return [Math.min(...spans.map(({ from }) => from)), Math.max(...spans.map(({ to }) => to))];
}
