import { openTemporaryStore } from '../../store/store.fixture.ts';
import { chainTablesContract } from './chain-tables.contract.ts';

chainTablesContract('SQLite', openTemporaryStore);
