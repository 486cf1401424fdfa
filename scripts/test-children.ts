/**
 * Loaded before each file of tests: what holds for it, and for programs that it starts. Programs do not write
 * coverage: many are killed on purpose, and a torn file spoils the report. They share Node's compiled code,
 * so that each of some hundred starts takes two thirds of the time. At its end the process writes the CPU
 * time that it and its programs used.
 * In: the runner's environment. Out: the same for children; a file with seconds of CPU.
 */
import { writeFileSync } from 'node:fs';
import { waitedCpuS } from './tests/usage.ts';

const { TESTS_COMPILE_CACHE: cache, TESTS_USAGE: usage } = process.env;
delete process.env.NODE_V8_COVERAGE;
delete process.env.TESTS_COMPILE_CACHE;
if (cache !== undefined) process.env.NODE_COMPILE_CACHE = cache;
// New objects use the same few pages again: touching a fifth fewer pages, a start takes a tenth less of CPU
// time.
process.env.NODE_OPTIONS = [process.env.NODE_OPTIONS, '--max-semi-space-size=4'].filter(Boolean).join(' ');
const isRunner = process.env.NODE_TEST_CONTEXT !== undefined;
if (usage !== undefined && isRunner) process.on('exit', () => writeFileSync(usage, String(waitedCpuS())));
