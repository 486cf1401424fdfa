import { openTemporaryStore } from '../store/store.fixture.ts';
import { sharedAccountsContract } from './shared-accounts.contract.ts';

sharedAccountsContract('SQLite', openTemporaryStore);
