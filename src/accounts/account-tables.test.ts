import { openTemporaryStore } from '../store/store.fixture.ts';
import { accountTablesContract } from './account-tables.contract.ts';

accountTablesContract('SQLite', openTemporaryStore);
