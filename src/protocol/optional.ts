import { Type, type Static, type TOptional, type TSchema, type TUnion, type TNull } from 'typebox'

/** A field that may be absent or null; both mean that it was not given. */
export function optional<Schema extends TSchema>(schema: Schema): TOptional<TUnion<[Schema, TNull]>> {
  return Type.Optional(Type.Union([schema, Type.Null()]))
}

/** A field that is always sent, and null where there is nothing to say. */
export function nullable<Schema extends TSchema>(schema: Schema): TUnion<[Schema, TNull]> {
  return Type.Union([schema, Type.Null()])
}

/**
 * A union whose variants are told apart by `type`.
 *
 * @param fallback The `type` that is meant where the field is absent.
 * @param unknownCode The error code for a `type` that no variant has.
 */
export function tagged<const Variants extends TSchema[]>(
  variants: [...Variants],
  options: { $id?: string; fallback?: string; unknownCode: string; propertyName?: string },
): TUnion<Variants> {
  const { fallback, unknownCode, propertyName = 'type', ...rest } = options
  return Type.Union(variants, {
    ...rest,
    discriminator: { propertyName },
    'x-unknown-code': unknownCode,
    ...(fallback === undefined ? {} : { 'x-fallback': fallback }),
  })
}

/** Any JSON object. */
export const AnyObject = Type.Record(Type.String(), Type.Unknown())
export type AnyObject = Static<typeof AnyObject>
