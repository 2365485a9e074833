/** What a URL is meant to lead to. */
export type FetchKind = 'image' | 'file'

/** What was fetched. */
export interface Fetched {
  /** What the bytes themselves say they are; never what their server says. */
  readonly mediaType: string
  readonly bytes: Uint8Array
}

/** Fetches what users give URLs of: the guarded way out, as those who need it see it. */
export interface UserFetcher {
  /**
   * Fetches an image (PNG, JPEG, GIF, WebP) or a file (PDF, or text in UTF-8).
   *
   * @throws {ApiError} 400 `invalid_image_url` or `invalid_file_url`, which tells nothing of our network; 503
   * `fetch_unavailable` where the fault is ours.
   * @throws The signal's reason, where it was aborted.
   */
  fetch(url: string, wanted: FetchKind, signal: AbortSignal): Promise<Fetched>
}
