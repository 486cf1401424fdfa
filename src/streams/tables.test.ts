import { openTemporaryStore } from '../store/store.fixture.ts';
import { streamTablesContract } from './tables.contract.ts';

streamTablesContract('SQLite', openTemporaryStore);
