/**
 * Whether viewers of a stream may give each other its segments: only where anyone may have them, and the same
 * bytes are for all.
 * In: a definition, the settings now. Out: yes or no, for views of streams and features/peers. Pure.
 * docs/4-watch/peers.md.
 */
import type { Config } from '../config/schema.ts';
import { pastRulesInForce, rulesInForce, type StreamDefinition } from './definition.ts';

/** The settings that decide. */
export type PeerConditions = Pick<Config, 'peers' | 'watchRules' | 'encryption'>;

/**
 * Whether it is set for the server and the stream, and the stream is open to everyone: not signed or private,
 * not encrypted, without rules by network and country, and without rules for the past, which may delay what
 * viewers get. Undefined: there is no stream.
 */
export function givesToPeers(
  definition: StreamDefinition | undefined,
  { peers, watchRules, encryption }: PeerConditions,
): boolean {
  if (!peers.enabled || !definition?.peerDelivery) return false;
  const isOpen = definition.visibility === 'public' || definition.visibility === 'unlisted';
  const isClear = (definition.encryption ?? encryption.streams) === 'none';
  const hasRules = rulesInForce(definition, watchRules) !== undefined || pastRulesInForce(definition) !== undefined;
  return isOpen && isClear && !hasRules;
}
