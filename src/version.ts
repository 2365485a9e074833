/** The version of this program: that of package.json, checked by a test. */
export const VERSION = '0.1.0'
