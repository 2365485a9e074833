import type { ContentTable } from '../content.ts'

/** A provider that takes every kind of content. */
export const TAKES_ALL: ContentTable = {
  imageData: 'map',
  imageUrl: 'map',
  imageDetail: 'map',
  fileData: 'map',
  fileUrl: 'map',
  resultParts: 'map',
}
