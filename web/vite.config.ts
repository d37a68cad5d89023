import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { brotliCompressSync, constants } from 'node:zlib'
import { tanstackRouter } from '@tanstack/router-plugin/vite'
import react from '@vitejs/plugin-react'
import { defineConfig, type Plugin } from 'vite'

/** Writes file.br next to every compressible file, so that the server embeds the bytes ready to send. */
function precompress(): Plugin {
  let dir = ''
  return {
    name: 'precompress',
    apply: 'build',
    configResolved(config) {
      dir = config.build.outDir
    },
    closeBundle() {
      for (const f of readdirSync(dir, { recursive: true, encoding: 'utf8' }))
        if (/\.(js|css|html|svg|json|webmanifest|txt)$/.test(f)) {
          const b = readFileSync(join(dir, f))
          writeFileSync(
            join(dir, `${f}.br`),
            brotliCompressSync(b, {
              params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: b.length },
            }),
          )
        }
    },
  }
}

const house = process.env.INNKEEPER ?? 'http://127.0.0.1:8080'
const proxy = { '/api': { target: house, ws: true }, '/healthz': house, '/readyz': house }

export default defineConfig({
  resolve: { alias: { '~': new URL('./src', import.meta.url).pathname } },
  plugins: [tanstackRouter({ target: 'react', autoCodeSplitting: true }), react(), precompress()],
  build: {
    target: 'baseline-widely-available',
    assetsInlineLimit: 0,
    sourcemap: false,
    manifest: true,
    chunkSizeWarningLimit: 700,
    rolldownOptions: {
      output: {
        codeSplitting: {
          groups: [
            {
              name: 'react',
              test: /node_modules\/(react|react-dom|scheduler|use-sync-external-store|@tanstack)\//,
              priority: 3,
            },
            // What every page needs, as one file: the small ones of all routes among it would name each other at length.
            { name: 'shell', tags: ['$initial'], priority: 2 },
            // What most pages share.
            {
              name: 'common',
              test: /@mantine\/|\/src\/(api|components|features|lib)\//,
              minShareCount: 45,
              priority: 1,
            },
            // So small that asking for each of them would take longer than having some too many.
            { name: 'icons', test: /@tabler\/icons-react\//, minShareCount: 3 },
          ],
        },
      },
    },
  },
  server: { port: 5173, proxy },
  preview: { port: 4173, proxy },
})
