import { leaseTableContract } from './lease-table.contract.ts';
import { openTemporaryStore } from './store.fixture.ts';

leaseTableContract('SQLite', openTemporaryStore);
