import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { launch, messageOf } from '../rig/process.ts'
import type { Rig, Server } from '../rig/rig.ts'
import { measureCost, type Amounts, type Cost } from './cost.ts'
import { measureSaturated, type Saturated, type SaturatedAmounts } from './saturated.ts'

/** What one server costs. */
export interface FloorCost {
  readonly cost: Cost
  readonly saturated: Saturated
}

/** The smallest gateway that can be beside the raw pipe, without and with its thread of SQLite: a round each. */
export interface Floor {
  readonly connections: number
  readonly pipe: readonly FloorCost[]
  readonly stub: readonly FloorCost[]
  readonly stored: readonly FloorCost[]
}

/** How much is done to find it. */
export interface FloorPlan {
  readonly rounds: number
  readonly warm: Amounts
  readonly cost: Amounts
  readonly saturated: SaturatedAmounts
}

const REST_MS = 300

/** What the stub of `rig/stub.ts` costs: no gateway of this design can cost less. */
export async function measureFloor(rig: Rig, plan: FloorPlan): Promise<Floor> {
  const stub = await startStub(rig, [])
  const stored = await startStub(rig, [join(rig.folder, 'stub.db')])
  const sides = { pipe: rig.pipe, stub, stored }
  const found = { pipe: [] as FloorCost[], stub: [] as FloorCost[], stored: [] as FloorCost[] }
  for (const server of Object.values(sides)) await measureCost(rig, server, plan.warm)
  for (let round = 0; round < plan.rounds; round++) {
    for (const name of ['pipe', 'stub', 'stored'] as const) {
      const cost = await measureCost(rig, sides[name], plan.cost)
      found[name].push({ cost, saturated: await measureSaturated(rig, sides[name], plan.saturated) })
      await setTimeout(REST_MS)
    }
  }
  await Promise.all([stub.process.stop(), stored.process.stop()])
  return { connections: plan.cost.connections, ...found }
}

async function startStub(rig: Rig, args: readonly string[]): Promise<Server> {
  const process = launch({ args: [new URL('../rig/stub.ts', import.meta.url).pathname, rig.upstreamOrigin, ...args] })
  const { port } = (await messageOf(process.child)) as { port: number } // Sent by stub.ts.
  return {
    process,
    target: {
      name: 'stub',
      origin: `http://127.0.0.1:${port}`,
      path: '/v1/responses',
      headers: {},
      body: (prompt, stream) => ({ model: 'mock', stream, input: prompt }),
    },
  }
}
