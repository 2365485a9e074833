/**
 * Loaded into a measured server before anything else (`--import`): tells the parent what its memory holds
 * after a collection, whenever it asks. It costs nothing while nobody asks.
 */
process.on('message', (message) => {
  if (message !== 'memory') return
  globalThis.gc?.()
  process.send?.(process.memoryUsage())
})
process.channel?.unref()
