/**
 * The whole table of routes, for tests of the layers below that check every row.
 * In: the features. Out: the table.
 */
export { routes } from './features.ts';
