import { test } from 'node:test';
import { fastify } from 'fastify';
import { routes } from '../../app/routes.fixture.ts';
import { NamedSchemas } from './named-schemas.ts';
import { describeRoute } from './openapi.ts';

test('the schemas that requests must match compile for every route, although a server compiles them when they are first used', async () => {
  await using app = fastify();
  const names = new NamedSchemas();
  const described = routes.map(({ method, path, ...route }) => ({
    method,
    url: path,
    schema: describeRoute({ method, path, ...route }, names),
  }));
  for (const schema of names.all) app.addSchema(schema);
  const asJson = { exposeHeadRoute: false, serializerCompiler: () => JSON.stringify, handler: () => ({}) };
  for (const route of described) app.route({ ...route, ...asJson });
  await app.ready();
});
