import { openTemporaryStore } from '../store/store.fixture.ts';
import { tableQueueContract } from './table-queue.contract.ts';

tableQueueContract('SQLite', openTemporaryStore);
