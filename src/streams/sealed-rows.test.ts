import { openTemporaryStore } from '../store/store.fixture.ts';
import { sealedRowsContract } from './sealed-rows.contract.ts';

sealedRowsContract('SQLite', openTemporaryStore);
