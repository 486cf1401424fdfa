/**
 * The settings of a cluster and of Redis, a part of the table of all settings.
 * In: the types of settings. Out: the sections `redis` and `cluster` for schema.ts.
 */

import { flag, integer, section } from '../option.ts';
import { hostPorts, namePrefix, redisUrl } from './server-option.ts';

/** Where Redis is. */
export const redisSection = section({
  url: redisUrl(
    'Redis server that the nodes of a cluster share: `redis://USER:PASSWORD@HOST:PORT/DATABASE`, or `rediss://` for TLS. Used only with `cluster.enabled`.',
  ),
  sentinels: hostPorts('Sentinels, which name the master. Host and port of `redis.url` are then not used.'),
  sentinelName: namePrefix('oxbow', 'Name of the master that the sentinels watch.'),
  replicas: integer(
    '0',
    { min: 0, max: 10 },
    'Number of replicas of Redis that must have a lease before it counts as confirmed: after a failover it is still known.',
  ),
  prefix: namePrefix('oxbow', 'First part of the keys in Redis: the same on all nodes of a cluster.'),
});

/** What the nodes of a cluster share. */
export const clusterSection = section({
  enabled: flag(false, 'Whether this server is a node of a cluster. Needs `redis.url`.'),
  redis: section({
    enabled: flag(true, 'In a cluster: whether the leases on publishers are in Redis.'),
  }),
  pubsub: section({
    enabled: flag(true, 'In a cluster: whether events of all nodes are delivered, through Redis.'),
  }),
  shadow: flag(
    false,
    'In a cluster: Redis does all of this beside the server itself, without being in charge, and differences are counted (`oxbow_cluster_shadow_total`).',
  ),
});
