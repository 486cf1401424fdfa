/**
 * The measured ladder of an asset in words: what its picture needs, before it is encoded.
 * In: the facts of processing, see src/api/library/asset-facts.ts. Out: texts for the page. Pure.
 */
import type { AssetFacts, AssetLadder, AssetLadderRung } from '../../../src/api/library/asset-facts.ts';
import { bitrateText } from '../media/choice-text.ts';

/** A ladder in words. */
interface LadderFacts {
  readonly plan: AssetLadder['plan'];
  /** Of the best quality: its size, what it needs on average, and what the fixed ladder allows it. */
  readonly best: { readonly name: string; readonly rate: string; readonly limit: string };
  /** All qualities, the best first, e.g. `720p 280 kbit/s`. */
  readonly rungs: readonly string[];
}

/** The ladder of an asset; undefined where it was not measured, or of facts of another shape. */
export function ladderFacts(facts: Readonly<Partial<AssetFacts>> | null): LadderFacts | undefined {
  const { plan, rungs, fixed } = (facts?.ladder ?? {}) as Partial<AssetLadder>;
  if ((plan !== 'measured' && plan !== 'fixed') || !Array.isArray(rungs) || !Array.isArray(fixed)) return undefined;
  const [best] = rungs.filter(isRung);
  if (!best) return undefined;
  const limit = fixed.filter(isRung).find(({ height }) => height === best.height)?.maxRate ?? best.maxRate;
  return {
    plan,
    best: { name: nameOf(best), rate: bitrateText(best.bitRate), limit: bitrateText(limit) },
    rungs: rungs.filter(isRung).map((rung) => `${nameOf(rung)} ${bitrateText(rung.bitRate)}`),
  };
}

function isRung(rung: Partial<AssetLadderRung> | null): rung is AssetLadderRung {
  return [rung?.width, rung?.height, rung?.bitRate, rung?.maxRate].every((value) => Number.isFinite(value));
}

function nameOf({ width, height }: AssetLadderRung): string {
  return `${Math.min(width, height)}p`;
}
