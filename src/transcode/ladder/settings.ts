/**
 * The settings of ladders as the plan takes them.
 * In: the section `library.ladder`. Out: LadderSettings. Pure.
 */
import type { Config } from '../../config/schema.ts';
import type { LadderSettings } from './plan-shapes.ts';

/** The settings of a plan; undefined where nothing is to be encoded. */
export function ladderSettingsOf({ encode, ...settings }: Config['library']['ladder']): LadderSettings | undefined {
  return encode ? settings : undefined;
}
