/**
 * What the API document requires of the server, sentence by sentence, in our words. Tests cite the ids
 * with `proves`; the coverage test fails on an id that nobody proves.
 */
export const REQUIREMENTS = {
  // Overview and authentication
  'overview.stateless': 'A request may carry the whole conversation itself.',
  'overview.stateful': 'A request may go on with a stored response.',
  'overview.streaming': 'Responses stream as server-sent events.',
  'overview.background': 'Long responses can run in the background.',
  'overview.storage': 'Responses are stored and can be retrieved.',
  'overview.tools': 'Models can call functions.',
  'overview.multimodal': 'Models that can read them get images and files.',
  'auth.all': 'Every API request needs an API key.',
  'auth.bearer': 'The key is accepted as Authorization: Bearer.',
  'auth.x-api-key': 'The key is accepted as x-api-key.',

  // Endpoints
  'endpoint.create': 'POST /v1/responses creates a response from the model.',
  'endpoint.info': 'GET /v1/responses describes the endpoint.',
  'endpoint.retrieve': 'GET /v1/responses/{id} gives a stored response.',
  'endpoint.delete': 'DELETE /v1/responses/{id} deletes a stored response, softly.',

  // Request parameters
  'param.model': 'model is a required string that names the model to use.',
  'param.input': 'input is required: a string or an array of items.',
  'param.instructions': 'instructions is an optional system instruction.',
  'param.max_output_tokens': 'max_output_tokens is an optional integer of at least 16 that limits the answer.',
  'param.temperature': 'temperature is an optional number from 0 to 2.',
  'param.temperature.reasoning': 'temperature is not supported by reasoning models.',
  'param.top_p': 'top_p is an optional number from 0 to 1.',
  'param.top_p.reasoning': 'top_p is not supported by reasoning models.',
  'param.tools': 'tools is an optional array of function tools.',
  'param.tool_choice': 'tool_choice is auto, none, required, or an object that names a function.',
  'param.parallel_tool_calls': 'parallel_tool_calls is an optional boolean that allows several calls at once.',
  'param.stream': 'stream is an optional boolean, false by default.',
  'param.store': 'store is an optional boolean, true by default.',
  'param.previous_response_id': 'previous_response_id is an optional string that links to an earlier response.',
  'param.reasoning': 'reasoning is an optional object for reasoning models.',
  'param.text': 'text is an optional object that sets the format.',
  'param.metadata': 'metadata is an optional object of at most 16 keys of 64 characters with values of 512.',
  'param.truncation': 'truncation is auto or disabled.',
  'param.user': 'user is an optional string that names the end user.',
  'param.seed': 'seed is an optional integer for reproducible sampling.',
  'param.background': 'background is an optional boolean that runs the response asynchronously.',
  'param.service_tier': 'service_tier is auto, default or flex.',

  // Input items, parts and images
  'item.message': 'An input item may be a message with role and content.',
  'item.function_call': 'An input item may be a function call that the model made.',
  'item.function_call_output': 'An input item may be the result of a function call.',
  'item.message.roles': 'A message has the role user, assistant, system or developer.',
  'item.message.content': 'The content of a message is a string or an array of parts.',
  'part.input_text': 'A part may be input text.',
  'part.input_image': 'A part may be an image, by URL or file id.',
  'part.input_file': 'A part may be a file.',
  'part.output_text': 'A part of an assistant message may be output text.',
  'part.refusal': 'A part may be a refusal of the model.',
  'image.detail': 'The detail of an image is auto, low or high.',

  // Tools, reasoning, formats
  'tool.function': 'A function tool has a name, a description, parameters as a JSON Schema, and strict.',
  'reasoning.effort': 'reasoning.effort is low, medium or high.',
  'reasoning.summary': 'reasoning.summary is none, auto, detailed or concise.',
  'format.text': 'The format text is plain text, the default.',
  'format.json_object': 'The format json_object gives a JSON object.',
  'format.json_schema':
    'The format json_schema gives JSON that follows a schema, given under json_schema with name and strict.',

  // The response object
  'response.id': 'id is a unique identifier that begins with resp_.',
  'response.object': 'object is always "response".',
  'response.created_at': 'created_at is the Unix time of creation.',
  'response.model': 'model is the model that was used.',
  'response.status': 'status is the state of the response.',
  'response.output': 'output is the array of output items.',
  'response.output_text': 'output_text is all output text, joined.',
  'response.usage': 'usage counts input, output and total tokens.',
  'response.error': 'error says what went wrong where the status is failed.',
  'response.incomplete_details': 'incomplete_details says why where the status is incomplete.',
  'response.metadata': 'metadata is the metadata of the request.',
  'response.service_tier': 'service_tier is the tier that was used.',
  'status.queued': 'queued: a background response waits.',
  'status.in_progress': 'in_progress: the response is being made.',
  'status.completed': 'completed: the response has ended well.',
  'status.incomplete': 'incomplete: the response was truncated.',
  'status.failed': 'failed: the response has ended with an error.',
  'status.cancelled': 'cancelled: the response was cancelled.',
  'output.message': 'An output message has an id, the role assistant, a status, and content of output_text parts.',
  'output.function_call': 'An output function call has an id, a call_id, a name, arguments as text, and a status.',
  'output.reasoning': 'An output reasoning item has an id, content, and a summary of summary_text parts.',

  // Streaming
  'stream.sse': 'A stream is sent as server-sent events with JSON after data:.',
  'stream.sequence': 'Events are numbered by sequence_number from 0.',
  'stream.order': 'Events come in the order created, in progress, items with their deltas, and the end.',
  'stream.done': 'A stream ends with data: [DONE].',
  'event.response.created': 'response.created: the response object was made.',
  'event.response.in_progress': 'response.in_progress: work has begun.',
  'event.response.output_item.added': 'response.output_item.added: an output item begins.',
  'event.response.output_item.done': 'response.output_item.done: an output item is complete.',
  'event.response.content_part.added': 'response.content_part.added: a content part begins.',
  'event.response.content_part.done': 'response.content_part.done: a content part is complete.',
  'event.response.output_text.delta': 'response.output_text.delta: a piece of text.',
  'event.response.output_text.done': 'response.output_text.done: the text is complete.',
  'event.response.function_call_arguments.delta': 'response.function_call_arguments.delta: a piece of arguments.',
  'event.response.function_call_arguments.done': 'response.function_call_arguments.done: the call is complete.',
  'event.response.completed': 'response.completed: the response has ended well.',
  'event.response.incomplete': 'response.incomplete: the response was truncated.',
  'event.response.failed': 'response.failed: the response has failed.',

  // Threads
  'thread.chain': 'Responses chain into conversations of several turns.',
  'thread.history': 'The model sees what was said before in the thread.',
  'thread.auth': 'A thread can be gone on with only by those who authenticate as its owner.',
  'thread.store': 'Only stored responses can be gone on with.',

  // Background
  'background.accepted': 'A background request is answered at once with 202, status queued and an empty output.',
  'background.poll': 'Polling shows the end: completed, failed or incomplete.',
  'background.rejects-stream': 'background cannot be combined with stream.',
  'background.auth': 'Background requests and polling need authentication.',
  'background.limit': 'A background response may take about 800 seconds.',

  // Retrieve and delete
  'retrieve.same': 'Retrieving gives the full object, in the form that POST gave.',
  'retrieve.404': "A response that does not exist, or is another account's, answers 404.",
  'retrieve.401': 'Retrieving without a valid key answers 401.',
  'delete.answer': 'Deleting answers with the id, object response.deleted and deleted true.',

  // Errors
  'error.form': 'An error has a type, a message, a param and a code.',
  'error.invalid_request_error': 'invalid_request_error has status 400.',
  'error.authentication_error': 'authentication_error has status 401.',
  'error.permission_denied_error': 'permission_denied_error has status 403.',
  'error.not_found_error': 'not_found_error has status 404.',
  'error.rate_limit_error': 'rate_limit_error has status 429.',
  'error.api_error': 'api_error has status 500.',
  'error.server_error': 'server_error has status 503.',
  'code.missing_required_parameter': 'missing_required_parameter: a required parameter is missing.',
  'code.model_not_found': 'model_not_found: the model does not exist.',
  'code.response_not_found': 'response_not_found: the response does not exist.',
  'code.invalid_response_id': 'invalid_response_id: the id is malformed.',
  'code.authentication_required': 'authentication_required: there is no key.',
  'code.invalid_api_key': 'invalid_api_key: the key is invalid or inactive.',

  // Examples
  'example.simple': 'The example of a simple completion works.',
  'example.multi-turn': 'The example of two turns works.',
  'example.streaming': 'The example of a stream works.',
  'example.function-calling': 'The example of function calling works.',
  'example.tool-results': 'The example of submitting tool results works.',
  'example.vision': 'The example of image input works.',
  'example.json-output': 'The example of JSON output works.',
  'example.background': 'The example of background processing works.',

  // Limitations
  'limit.builtin-tools':
    'web_search_preview, file_search, code_interpreter, mcp and image_generation are not available.',
  'limit.deep-research': 'Deep research models are not supported.',
  'limit.tee-streaming': 'Models in trusted hardware do not stream; /v1/chat/completions serves them.',
  'limit.background': 'Background responses may take about 800 seconds.',
  'limit.metadata': 'Metadata has at most 16 keys of 64 characters with values of 512.',

  // Headers
  'header.x-request-id': 'Every answer has a unique X-Request-ID.',
  'header.content-type': 'The content type is application/json or text/event-stream.',
} as const satisfies Record<string, string>

/** The id of a requirement. */
export type RequirementId = keyof typeof REQUIREMENTS
