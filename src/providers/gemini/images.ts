import type { JsonObject } from '../../protocol/json.ts'
import { objectIn, textIn } from '../loose.ts'
import type { WirePart } from './wire.ts'

const IMAGE = /^image\/([a-z0-9.+-]+)$/i

/** The image in a part, as the item that Responses has for one; undefined where it is none. */
export function imageItem({ inlineData, thoughtSignature }: WirePart): JsonObject | undefined {
  const { mimeType, data } = objectIn(inlineData)
  const format = IMAGE.exec(textIn(mimeType))?.[1]
  const [result, signature] = [textIn(data), textIn(thoughtSignature)]
  if (format === undefined || result === '') return undefined
  const signed = signature === '' ? {} : { encrypted_content: signature }
  return { type: 'image_generation_call', status: 'completed', result, output_format: format, ...signed }
}

/** The same as Google wants it back; undefined for any other item. */
export function imagePart(item: JsonObject): JsonObject | undefined {
  const { type, result, output_format: format, encrypted_content: signature } = item
  if (type !== 'image_generation_call' || typeof result !== 'string' || typeof format !== 'string') return undefined
  const signed = typeof signature === 'string' ? { thoughtSignature: signature } : {}
  return { inlineData: { mimeType: `image/${format}`, data: result }, ...signed }
}
