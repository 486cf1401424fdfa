/**
 * The settings of delivery between viewers, a part of the table of all settings.
 * In: the types of settings. Out: the section `peers` for config/schema.ts.
 */
import { flag, integer, section } from '../../config/option.ts';

export const peersSection = section({
  enabled: flag(
    false,
    'Whether viewers who consent give each other segments of streams with `peerDelivery`, over WebRTC. Each of them then sees the IP addresses of others.',
    { reload: 'live' },
  ),
  connections: integer('10000', { min: 1, max: 1_000_000 }, 'Most viewers that are introduced to each other at once.', {
    reload: 'live',
  }),
  connectionsPerStream: integer('5000', { min: 1, max: 1_000_000 }, 'The same of one stream.', { reload: 'live' }),
  connectionsPerAddress: integer('50', { min: 1, max: 100_000 }, 'The same from one IP address, or one IPv6 /64.', {
    reload: 'live',
  }),
});

/** The values that bound connections. */
export interface PeerLimits {
  readonly connections: number;
  readonly connectionsPerStream: number;
  readonly connectionsPerAddress: number;
}
