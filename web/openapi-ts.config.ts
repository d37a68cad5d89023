import { defineConfig } from '@hey-api/openapi-ts'

// Run through scripts/api.mjs, which says what to read and where to write.
export default defineConfig({
  input: process.env.API_INPUT ?? './openapi.json',
  output: { path: process.env.API_OUTPUT ?? './src/api/gen' },
  plugins: [
    { name: '@hey-api/client-fetch', throwOnError: true },
    { name: '@tanstack/react-query', infiniteQueryOptions: false, mutationOptions: false },
  ],
})
