import { Type } from 'typebox'
import { nullable } from './optional.ts'

/** What deleting a response answers. */
export const DeletedResponse = Type.Object(
  { id: Type.String(), object: Type.Literal('response.deleted'), deleted: Type.Literal(true) },
  { $id: 'DeletedResponse' },
)

/** A page of input items. */
export const ItemList = Type.Object(
  {
    object: Type.Literal('list'),
    data: Type.Array(Type.Object({ id: Type.String(), type: Type.String() })),
    first_id: nullable(Type.String()),
    last_id: nullable(Type.String()),
    has_more: Type.Boolean(),
  },
  { $id: 'ItemList' },
)

/** A model that clients may name. */
export const Model = Type.Object(
  { id: Type.String(), object: Type.Literal('model'), created: Type.Integer(), owned_by: Type.String() },
  { $id: 'Model' },
)

/** All models. */
export const ModelList = Type.Object({ object: Type.Literal('list'), data: Type.Array(Model) }, { $id: 'ModelList' })
