/**
 * A reporter of Node's runner for programs.
 * In: events. Out: a line of JSON for each test: its name, and whether it passed, failed by an assertion or
 * otherwise, or was skipped.
 */
export default async function* results(source) {
  for await (const { type, data } of source) {
    if (type !== 'test:pass' && type !== 'test:fail') continue;
    if (data.details.type === 'suite') continue;
    const { error } = data.details;
    const result = data.skip !== undefined ? 'skipped' : type === 'test:pass' ? 'passed' : 'failed';
    // Of a test that did not end in time, or whose hook failed, the defect was not seen.
    const isSeen = error?.failureType === 'testCodeFailure';
    yield `${JSON.stringify({ name: data.name, result, isSeen, problem: String(error?.cause?.message ?? error ?? '') })}\n`;
  }
}
