/**
 * Evidence over the API: blocks of a range, a check of it, the public keys.
 * In: streams, their chains. Out: what the routes answer.
 */
import {
  checkView,
  type EvidenceBlocks,
  type EvidenceCheck,
  type EvidenceKeyView,
} from '../../api/evidence/evidence-shapes.ts';
import type { RangeReader } from '../../archive/range-reader.ts';
import type { Range } from '../../delivery/past/past.ts';
import { checkRange as checkLength } from '../../delivery/past/past.ts';
import { Semaphore } from '../../delivery/segment-memo.ts';
import { OxbowError } from '../../lib/errors.ts';
import type { Evidence, EvidenceRangeBundle } from '../../recording/evidence/evidence.ts';
import type { Catalog } from '../../streams/catalog.ts';
import { checkRange } from './check-range.ts';

/** Checks that read media at the same time. */
const CHECKS_AT_ONCE = 1;

/** What the routes need. */
export class EvidenceApi {
  readonly #evidence: Evidence | undefined;
  readonly #catalog: Pick<Catalog, 'get'>;
  readonly #reader: Pick<RangeReader, 'read'>;
  readonly #checking = new Semaphore(CHECKS_AT_ONCE);

  constructor(evidence: Evidence | undefined, catalog: Pick<Catalog, 'get'>, reader: Pick<RangeReader, 'read'>) {
    this.#evidence = evidence;
    this.#catalog = catalog;
    this.#reader = reader;
  }

  /** The public keys of this server, and of the nodes of its cluster. @throws OxbowError `no-evidence` */
  async keys(): Promise<EvidenceKeyView[]> {
    return (await this.#needed().publicKeys()).map(({ by, ...key }) => ({ ...key, by: [...by] }));
  }

  /** @throws OxbowError `stream-unknown`, `bad-time`, `window-too-long`, `no-evidence` */
  async blocks(name: string, range: Range): Promise<EvidenceBlocks> {
    return structuredClone(await this.#bundle(name, range)) as EvidenceBlocks;
  }

  /** Reads the media of a range and compares it. @throws as `blocks`, and what reading does */
  async check(name: string, range: Range, options: { readonly signal: AbortSignal }): Promise<EvidenceCheck> {
    const { served } = this.#catalog.get(name);
    const trusted = [this.#needed().keyId];
    const report = await this.#checking.run(async () => {
      options.signal.throwIfAborted();
      const untilUs = served.recording.endUs;
      // Read in its turn, so that checks that wait hold no blocks.
      const bundle = await this.#bundle(name, range);
      const horizonUs = served.horizonUs();
      const recorded = { recording: served.recording, reader: this.#reader, bundle, trusted, horizonUs, untilUs };
      return checkRange(recorded, range, options);
    });
    return checkView(report);
  }

  async #bundle(name: string, range: Range): Promise<EvidenceRangeBundle> {
    checkLength(range);
    const { recording } = this.#catalog.get(name).served;
    const bundle = await this.#needed().bundle({ id: recording.streamId, name }, [range]);
    if (bundle) return bundle;
    throw new OxbowError('no-evidence', `The chain of ${name} has nothing between these times.`);
  }

  #needed(): Evidence {
    if (this.#evidence) return this.#evidence;
    throw new OxbowError('no-evidence', 'There are no chains of evidence: `evidence.enabled` is off.');
  }
}
