import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Type } from '../../api/type.ts';
import { operationName } from './operation-name.ts';

test('a route has an operation name', () => {
  const list = { 200: Type.Object({ items: Type.Array(Type.String()) }) };
  const named = [
    ['GET', '/api/v1/streams', 'listStreams', list],
    ['POST', '/api/v1/streams', 'createStream'],
    ['GET', '/api/v1/streams/:name', 'getStream'],
    ['PUT', '/api/v1/streams/:name', 'replaceStream'],
    ['PATCH', '/api/v1/streams/:name', 'updateStream'],
    ['DELETE', '/api/v1/streams/:name', 'deleteStream'],
    ['POST', '/api/v1/streams/:name/restart', 'restartStream'],
    ['GET', '/api/v1/streams/:name/gaps', 'listStreamGaps', list],
    ['GET', '/api/v1/streams/:name/timeline', 'getStreamTimeline'],
    ['DELETE', '/api/v1/streams/:name/markers/:id', 'deleteStreamMarker'],
    ['POST', '/api/v1/exports/:id/tickets', 'createExportTicket'],
    ['POST', '/api/v1/sign-in', 'signIn'],
    ['POST', '/api/v1/probe', 'probe'],
    ['GET', '/livez', 'getLivez'],
  ] as const;
  for (const [method, path, name, replies = {}] of named) {
    assert.equal(operationName({ method, path, replies }), name);
  }
});
