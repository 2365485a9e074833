import type { Store } from '../store.ts'

/** Runs one check of the contract on a fresh store of its own. */
export type OnStore = (sentence: string, check: (store: Store) => Promise<void>) => void
