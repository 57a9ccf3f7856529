import { z } from 'zod'
import { chatRequest } from './chat-request.ts'
import { completionRequest } from './completion-request.ts'
import { jsonSchemaOf } from './json-schema.ts'
import { responsesRequest } from './responses-request.ts'
import { rewardRequest } from './rewards.ts'

/** The OpenAPI 3.1 description of the routes; the bodies come from the schemas that check them. */
export function openApiDocument() {
  return {
    openapi: '3.1.0',
    info: {
      title: 'trimtab',
      version: '1',
      description:
        'Inference-time alignment behind the OpenAI API. Replies have the shapes of the OpenAI API reference.',
    },
    paths: {
      '/v1/chat/completions': post('Create a chat completion', 'ChatRequest'),
      '/v1/completions': post('Create a text completion', 'CompletionRequest'),
      '/v1/responses': post('Create a response', 'ResponsesRequest'),
      '/v1/rewards': { ...post('Score answers with a reward', 'RewardRequest'), ...get('List the rewards') },
      '/v1/alignment': get('What the `alignment` object of requests may name, and its limits'),
      '/v1/models': get('List the models'),
      '/v1/models/{id}': {
        get: {
          ...get('Describe a model').get,
          parameters: [{ name: 'id', in: 'path', required: true, schema: { type: 'string' } }],
        },
      },
      '/healthz': get('Whether the server answers'),
      '/metrics': get('Prometheus metrics, as text'),
      '/readyz': get('Whether it can generate, and how busy it is'),
    },
    // Without configured keys none is needed.
    security: [{}, { key: [] }],
    components: {
      securitySchemes: { key: { type: 'http', scheme: 'bearer', description: 'docs/operations.md#keys' } },
      schemas: {
        ChatRequest: jsonSchemaOf(chatRequest),
        ResponsesRequest: jsonSchemaOf(responsesRequest),
        RewardRequest: jsonSchemaOf(rewardRequest),
        CompletionRequest: jsonSchemaOf(completionRequest),
        Error: z.toJSONSchema(errorBody),
      },
    },
  }
}

const errorBody = z.object({
  error: z.object({
    message: z.string(),
    type: z.string(),
    param: z.string().nullable(),
    code: z.string().nullable(),
  }),
})

const failure = {
  description: 'An OpenAI error object; docs/errors.md lists the codes.',
  content: { 'application/json': { schema: { $ref: '#/components/schemas/Error' } } },
}

function get(summary: string) {
  return { get: { summary, responses: { 200: { description: 'OK' }, default: failure } } }
}

function post(summary: string, schema: string) {
  return {
    post: {
      summary,
      requestBody: {
        required: true,
        content: { 'application/json': { schema: { $ref: `#/components/schemas/${schema}` } } },
      },
      responses: {
        200: {
          description: 'JSON, or server-sent events when `stream` is true',
          content: { 'application/json': {}, 'text/event-stream': {} },
        },
        default: failure,
      },
    },
  }
}
