/** What `assert.throws` compares a 400 of ours with: its code and field, and its message where one is given. */
export function apiFault(code: string, param: string, message?: string | RegExp): object {
  const fault = { name: 'ApiError', status: 400, type: 'invalid_request_error', code, param }
  return message === undefined ? fault : { ...fault, message }
}
