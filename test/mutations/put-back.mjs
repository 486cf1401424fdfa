/**
 * Loaded by `--import` in every process and thread of a test: source files are read with a change of
 * defect.ts.
 * In: the changes, as JSON in TESTS_CHANGES. Out: changed sources. Plain JavaScript: tests of the launcher
 * start a Node that reads no types.
 */
import module from 'node:module';
import { pathToFileURL } from 'node:url';

const root = new URL('../../', import.meta.url);
const changes = new Map(
  JSON.parse(process.env.TESTS_CHANGES ?? '[]').map((change) => [new URL(change.file, root).href, change]),
);
// An old Node starts nothing but the launcher.
module.registerHooks?.({
  load(url, context, next) {
    const loaded = next(url, context);
    const change = changes.get(url.startsWith('file:') ? url : pathToFileURL(url).href);
    if (!change) return loaded;
    const source = String(loaded.source);
    if (source.split(change.find).length !== 2) throw new Error(`${change.file} does not have «${change.find}» once`);
    return { ...loaded, source: source.replace(change.find, () => change.replace) };
  },
});
