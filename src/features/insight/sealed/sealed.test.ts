import { openTemporaryStore } from '../../../store/store.fixture.ts';
import { sealedContract } from './sealed.contract.ts';

sealedContract('SQLite', openTemporaryStore);
