/**
 * `node:http` and `node:https`, without the cost of an import: an import reads every export,
 * and behind the getters of `WebSocket` and others is undici, 0.7 MB of source that oxbow does not use and 13
 * MiB of memory.
 * In: Node. Out: the same modules. Types may be imported as ever.
 */

/** The module `node:http`. */
export const http: typeof import('node:http') = process.getBuiltinModule('node:http');
/** The module `node:https`. */
export const https: typeof import('node:https') = process.getBuiltinModule('node:https');
