/**
 * Resolves the packages of the tree by their folders. On Windows npm links them by junctions, which Node
 * resolves; Wine shows the links of Linux as folders below node_modules, where Node strips no types.
 */
import { registerHooks } from 'node:module';

const root = new URL('../../packages/', import.meta.url);

registerHooks({
  resolve(specifier, context, nextResolve) {
    const [, path] = /^@oxbow\/(.+)$/.exec(specifier) ?? [];
    return nextResolve(path === undefined ? specifier : new URL(`${path}.ts`, root).href, context);
  },
});
