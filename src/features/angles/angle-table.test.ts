import { openTemporaryStore } from '../../store/store.fixture.ts';
import { angleTableContract } from './angle-table.contract.ts';

angleTableContract('SQLite', openTemporaryStore);
