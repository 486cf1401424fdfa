/**
 * Compiles the schemas of a route when they are first used: compiling all of them would take most of the
 * startup time. All servers of a process share the compiled schemas, because the table of routes never
 * changes.
 * In: the table of routes, a server. Out: the routes with their schemas, and options for them: validators,
 * and serializers that omit members that their schema does not name.
 */
import SerializerSelector from '@fastify/fast-json-stringify-compiler';
import type { FastifyInstance, FastifySchemaCompiler, FastifySerializerCompiler } from 'fastify';
import type { Route } from '../route/route.ts';
import { type JsonSchema, NamedSchemas } from './named-schemas.ts';
import { describeRoute } from './openapi.ts';

/** The compilers of a route. */
interface LazyCompilers {
  readonly validatorCompiler: FastifySchemaCompiler<unknown>;
  readonly serializerCompiler: FastifySerializerCompiler<unknown>;
}

/** The routes of a server. */
interface DescribedRoutes {
  readonly described: readonly { readonly route: Route; readonly schema: Record<string, unknown> }[];
  readonly names: NamedSchemas;
}

type Validate = ReturnType<FastifySchemaCompiler<unknown>>;
type Serialize = ReturnType<FastifySerializerCompiler<unknown>>;

const tables = new WeakMap<readonly Route[], DescribedRoutes>();
const validators = new WeakMap<object, Validate>();
const serializers = new WeakMap<object, Serialize>();

/**
 * Every route of the table with its schema, and the named schemas that these refer to: the same objects each
 * time.
 */
export function describedRoutes(routes: readonly Route[]): DescribedRoutes {
  return getOrCreate(tables, routes, () => {
    const names = new NamedSchemas();
    return { described: routes.map((route) => ({ route, schema: describeRoute(route, names) })), names };
  });
}

/**
 * Compilers that begin with the first request and the first answer.
 *
 * @param app one of its routes must have a schema of its query and no compilers: for it fastify makes the
 *   compiler that the others share
 * @param names the schemas that those of the routes refer to
 */
export function lazyCompilers(app: FastifyInstance, names: NamedSchemas): LazyCompilers {
  const compileSerializer = (route: Parameters<FastifySerializerCompiler<unknown>>[0]): Serialize => {
    const schema = route.schema as JsonSchema;
    const schemas = Object.fromEntries(names.reachedFrom(schema).map((each) => [each.$id, each]));
    return SerializerSelector()(schemas, undefined)({ ...route, schema } as never);
  };
  return {
    validatorCompiler(route) {
      const schema = route.schema as object;
      const validate: Validate = (value) => {
        const compiled = getOrCreate(validators, schema, () => app.validatorCompiler!(route));
        const result = compiled(value);
        validate.errors = compiled.errors ?? null;
        return result;
      };
      return validate;
    },
    serializerCompiler: (route) => (value) =>
      getOrCreate(serializers, route.schema as object, () => compileSerializer(route))(value),
  };
}

/** The value of `key`, which is made when it is first used. */
function getOrCreate<K extends object, V>(values: WeakMap<K, V>, key: K, make: () => V): V {
  let value = values.get(key);
  if (value === undefined) {
    value = make();
    values.set(key, value);
  }
  return value;
}
