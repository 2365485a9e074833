import assert from 'node:assert/strict'
import { test } from 'node:test'
import { StoreDamaged, StoreUnavailable } from '../store.ts'
import { faultOf, PoolExhausted, storeError, type Fault } from './faults.ts'

/** An error as the server sends it. */
function fromServer(code: string): Error {
  return Object.assign(new Error(`the server says ${code}`), { code, severity: 'ERROR' })
}

const faults: readonly { error: Error; fault: Fault }[] = [
  { error: fromServer('57P01'), fault: 'lost' },
  { error: fromServer('08006'), fault: 'lost' },
  { error: fromServer('25006'), fault: 'lost' },
  { error: fromServer('57P03'), fault: 'full' },
  { error: fromServer('53300'), fault: 'full' },
  { error: fromServer('40001'), fault: 'again' },
  { error: fromServer('40P01'), fault: 'again' },
  { error: fromServer('53100'), fault: 'busy' },
  { error: fromServer('57014'), fault: 'busy' },
  { error: fromServer('58030'), fault: 'busy' },
  { error: fromServer('28P01'), fault: 'refused' },
  { error: fromServer('3D000'), fault: 'refused' },
  { error: fromServer('XX001'), fault: 'damaged' },
  { error: fromServer('22021'), fault: 'ours' },
  { error: fromServer('42P01'), fault: 'ours' },
  { error: new PoolExhausted('all connections are in use'), fault: 'busy' },
  { error: Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' }), fault: 'lost' },
  { error: Object.assign(new AggregateError([], ''), { code: 'ECONNREFUSED' }), fault: 'lost' },
  { error: Object.assign(new Error('getaddrinfo'), { code: 'EAI_AGAIN' }), fault: 'lost' },
  { error: Object.assign(new Error('self-signed'), { code: 'SELF_SIGNED_CERT_IN_CHAIN' }), fault: 'ours' },
  { error: new Error('Connection terminated unexpectedly'), fault: 'lost' },
  { error: new Error('Connection terminated due to connection timeout'), fault: 'lost' },
  { error: new Error('Query read timeout'), fault: 'lost' },
  { error: new Error('timeout expired'), fault: 'lost' },
  { error: new TypeError('row is undefined'), fault: 'ours' },
]

for (const { error, fault } of faults) {
  const code = 'code' in error ? String(error.code) : error.message
  test(`${error.name} ${code} is ${fault}`, () => {
    assert.equal(faultOf(error), fault)
    const told = storeError(error)
    if (fault === 'ours') assert.equal(told, error)
    else assert.ok(told instanceof (fault === 'damaged' ? StoreDamaged : StoreUnavailable))
  })
}

test('an error that names several addresses is told by its code', () => {
  const error = Object.assign(new AggregateError([], ''), { code: 'ECONNREFUSED' })
  assert.equal(storeError(error).message, 'The database cannot be reached: ECONNREFUSED.')
})
