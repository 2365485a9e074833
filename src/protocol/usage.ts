import { Type, type Static } from 'typebox'

const Count = Type.Integer({ minimum: 0 })

/** Tokens of one response. Input counts cache reads and writes; output counts reasoning. */
export const Usage = Type.Object(
  {
    input_tokens: Count,
    input_tokens_details: Type.Object({ cached_tokens: Count, cache_write_tokens: Count }),
    output_tokens: Count,
    output_tokens_details: Type.Object({ reasoning_tokens: Count }),
    total_tokens: Count,
  },
  { $id: 'Usage' },
)
export type Usage = Static<typeof Usage>
