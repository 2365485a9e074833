/** One thing that is wrong, and where: a path such as `keys[0].key`. */
export interface ConfigProblem {
  readonly path: string
  /** What is wrong, as it goes on after the path. */
  readonly text: string
}
