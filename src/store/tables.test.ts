import { leaseTableContract } from './lease-table.contract.ts';
import { openTemporaryStore } from './store.fixture.ts';
import { textsContract } from './texts.contract.ts';

leaseTableContract('SQLite', openTemporaryStore);
textsContract('SQLite', openTemporaryStore);
