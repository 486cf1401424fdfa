/**
 * Compiles the JSON serializer of a route when its first answer is sent: compiling all of them would take most of the startup time.
 * In: the schemas of a server's routes. Out: a function for each, which omits members that its schema does not name.
 */
import SerializerSelector from '@fastify/fast-json-stringify-compiler';

/** Fastify's own serializer factory, compiling on first use. */
export const lazySerializers: ReturnType<typeof SerializerSelector> = (schemas, options) => {
  const compile = SerializerSelector()(schemas, options);
  return (route) => {
    let serialize: ReturnType<typeof compile> | undefined;
    return (value) => {
      serialize ??= compile(route);
      return serialize(value);
    };
  };
};
