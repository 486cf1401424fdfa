import { openTemporaryStore } from '../store/store.fixture.ts';
import { sharedJobsContract } from './shared-jobs.contract.ts';

sharedJobsContract('SQLite', openTemporaryStore);
