import { openTemporaryStore } from '../../../store/store.fixture.ts';
import { roomTablesContract } from './room-tables.contract.ts';

roomTablesContract('SQLite', openTemporaryStore);
