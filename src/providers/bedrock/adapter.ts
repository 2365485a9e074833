import type { ModelCall } from '../../core/model-call.ts'
import type { Adapter } from '../adapter.ts'
import { keepsTo } from '../anthropic/schema.ts'
import { endpointOf, type Family, type ProviderSetup } from '../family.ts'
import { createCallFilter } from '../fields.ts'
import { BedrockCall, type BedrockWire } from './call.ts'
import { Connector } from './client.ts'
import { factsOf } from './models.ts'
import { buildConverseRequest } from './request.ts'
import { loadSdk, type Sdk } from './sdk.ts'
import { createConverseReader } from './stream.ts'
import { CONTENT, DIALECTS, FIELDS } from './tables.ts'

/** Every model of Amazon Bedrock that can converse. */
export const bedrock: Family = bedrockWith(loadSdk)

/** The family with another way to come by the SDK. */
export function bedrockWith(load: () => Promise<Sdk>): Family {
  return {
    about: 'Converse: the models of Amazon Bedrock, through the AWS SDK, which is installed apart.',
    create: (setup) => createAdapter(setup, load),
    fieldsOf: () => FIELDS,
    contentOf: () => CONTENT,
  }
}

function createAdapter(setup: ProviderSetup, load: () => Promise<Sdk>): Adapter {
  const { secrets } = endpointOf(setup, { baseUrl: undefined, headers: {} })
  const wire: BedrockWire = { connector: new Connector(setup, load), secrets }
  const filter = createCallFilter(FIELDS, CONTENT)
  return {
    id: setup.id,
    families: DIALECTS.converse.families,
    content: CONTENT,
    takesSchemas(model, _, schema) {
      const { schemas, claude } = factsOf(model)
      return schemas && (claude === undefined || keepsTo(schema))
    },
    prepare(call) {
      const settled = filter(call)
      const { input, warnings } = buildConverseRequest(settled.call)
      return new BedrockCall(wire, {
        input,
        warnings: [...settled.warnings, ...warnings],
        isStreamed: call.canStream,
        createReader: readerMaker(call),
      })
    },
    // The list of models is another service of AWS, with another SDK.
    listModels: () => Promise.resolve([]),
  }
}

/** A function of its own: what it returns is kept while the provider is silent, and must not hold the call. */
function readerMaker({ callIdPrefix, model }: ModelCall) {
  const { vendor } = factsOf(model)
  return () => createConverseReader({ callIdPrefix, vendor })
}
