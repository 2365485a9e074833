/**
 * Where a server stands on its way from its start to its end. One that is starting has its port, and takes no requests:
 * what an earlier process left is not taken up yet, and other processes do not know it. A lame duck still takes
 * requests, and tells its probe that it will not for long; a draining server takes none, and lets those end that it has;
 * a stopped one ends them.
 */
export type Phase = 'starting' | 'ready' | 'lame-duck' | 'draining' | 'stopped'

/** The way of one server. */
export interface Stage {
  phase(): Phase
  /** Goes on. There is no way back. */
  enter(next: Phase): void
  /** Does something as soon as the server is stopped. @returns what takes it back. */
  onStopped(act: () => void): () => void
}

/** Begins the way of a server. */
export function createStage(): Stage {
  // A `Set` would be given a new table again and again, and each old one keeps what it held (engine/registry.ts).
  const acts: ((() => void) | undefined)[] = []
  const free: number[] = []
  let phase: Phase = 'starting'
  return {
    phase: () => phase,
    enter(next) {
      phase = next
      if (next !== 'stopped') return
      for (const act of acts.splice(0)) act?.()
    },
    onStopped(act) {
      if (phase === 'stopped') {
        act()
        return () => {}
      }
      const place = free.pop() ?? acts.length
      acts[place] = act
      return () => {
        if (acts[place] !== act) return
        acts[place] = undefined
        free.push(place)
      }
    },
  }
}
