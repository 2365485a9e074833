import type { Metrics } from '../metrics.ts'

/** What a scraper reads of our own metrics: each line's name and labels, and its number. */
export async function samplesOf({ expose }: Metrics): Promise<ReadonlyMap<string, number>> {
  const lines = ((await expose?.())?.text ?? '').split('\n').filter((line) => line.startsWith('antiphon_'))
  return new Map(
    lines.map((line) => {
      const end = line.lastIndexOf(' ')
      return [line.slice('antiphon_'.length, end), Number(line.slice(end + 1))]
    }),
  )
}
