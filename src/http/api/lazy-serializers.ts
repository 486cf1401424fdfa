/**
 * What turns answers into JSON by their schemas, made when the first such answer is sent: making all of them at once would take most
 * of the time of a start.
 * In: the schemas of a server's routes. Out: a function for each, which leaves out what its schema does not name.
 */
import SerializerSelector from '@fastify/fast-json-stringify-compiler';

/** Fastify's own factory of serializers, but for the time at which they are made. */
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
