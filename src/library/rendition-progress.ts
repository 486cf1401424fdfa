/**
 * Progress of the renditions in work: the reports of workers about their jobs, between the ends of jobs.
 * In: jobs of an asset. Out: progress by rendition. Pure.
 */

interface StoredJob {
  readonly state: string;
  /** JSON; `media.renditions` are the output of an encode job. */
  readonly input: string;
  /** JSON: progress by rendition, 0 to 1. */
  readonly parts: string;
}

/**
 * Progress of each rendition, 0 to 1: the mean of the jobs that make it.
 *
 * @param jobs all jobs of kind `encode` of one asset
 */
export function renditionProgress(jobs: readonly StoredJob[]): ReadonlyMap<string, number> {
  const sums = new Map<string, { done: number; jobs: number }>();
  for (const { state, input, parts } of jobs) {
    const { media } = JSON.parse(input) as {
      readonly media?: { readonly renditions?: readonly { readonly id: string }[] };
    };
    const reported = JSON.parse(parts) as Readonly<Record<string, number>>;
    for (const { id } of media?.renditions ?? []) {
      const sum = sums.get(id) ?? { done: 0, jobs: 0 };
      sum.done += state === 'done' ? 1 : state === 'running' ? (reported[id] ?? 0) : 0;
      sum.jobs += 1;
      sums.set(id, sum);
    }
  }
  return new Map([...sums].map(([id, { done, jobs: count }]) => [id, done / count]));
}
