/**
 * Loaded before each file of tests: what holds for programs that tests start. They do not write coverage: many are killed on purpose,
 * and one torn file makes Node's runner report no coverage at all, and forget its threshold. They share what Node has compiled, so that
 * each of some hundred starts takes two thirds of the time.
 * In: the runner's environment. Out: the same for children; nothing changes for this process.
 */
const { TESTS_COMPILE_CACHE: cache } = process.env;
delete process.env.NODE_V8_COVERAGE;
delete process.env.TESTS_COMPILE_CACHE;
if (cache !== undefined) process.env.NODE_COMPILE_CACHE = cache;
