/**
 * The version that this interface was built from.
 * In: package.json, by the build (vite.config.js). Out: the footer.
 */
declare const OXBOW_VERSION: string;

/** As in package.json, e.g. `1.2.0`. */
export const version: string = OXBOW_VERSION;
