import { exerciseHostile } from '../testing/hostile.ts'
import { createGeminiReader } from './stream.ts'

const KEYS =
  'candidates content parts index finishReason finishMessage promptFeedback blockReason text thought ' +
  'thoughtSignature functionCall id name args error code status citationMetadata citations ' +
  'groundingMetadata groundingChunks groundingSupports web uri segment startIndex endIndex ' +
  'groundingChunkIndices logprobsResult chosenCandidates token topCandidates usageMetadata ' +
  'promptTokenCount candidatesTokenCount serviceTier details'

exerciseHostile('gemini', {
  createReader: () => createGeminiReader({ callIdPrefix: 'call_made_', secrets: [] }),
  keys: KEYS.split(' '),
  words: ['STOP', 'SAFETY', 'MALFORMED_FUNCTION_CALL', 'standard', 'UNAVAILABLE'],
  shape: (value, rest) => ({
    candidates: [
      { content: { parts: [value, rest] }, groundingMetadata: rest, citationMetadata: rest, logprobsResult: value },
    ],
    usageMetadata: rest,
  }),
})
