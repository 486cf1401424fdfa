/**
 * An HTTP server with rooms, for tests.
 * In: the parts of rooms that a test has. Out: a running server.
 */
import type { HttpDeps } from '../../http/deps.ts';
import { startTestServer, type TestServer } from '../../http/fixture.ts';
import { routesWith } from '../../http/routes/table.ts';
import type { CertificateFiles } from '../../serve/tls/tls-certificate.ts';
import { rooms } from './feature.ts';
import type { RoomParts } from './parts.ts';
import { usualSocketLimits } from './sockets/socket-limits.ts';

/** The table of the core and of rooms: the same each time, so that its schemas are compiled once. */
const routes = routesWith([rooms]);

/** `features` of a server with these parts. */
export function featuresWith(parts: Partial<RoomParts>): HttpDeps['features'] {
  return new Map([['rooms', { socketLimits: () => usualSocketLimits, ...parts }]]);
}

export function startRoomServer(
  parts: Partial<RoomParts>,
  change: Partial<HttpDeps> = {},
  tls?: CertificateFiles,
): Promise<TestServer> {
  return startTestServer({ features: featuresWith(parts), ...change }, tls, { routes, additions: [rooms.additions!] });
}
