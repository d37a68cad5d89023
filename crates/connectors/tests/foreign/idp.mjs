// A sign-in provider with its own login and consent forms. Prints its issuer.
//
//     idp.mjs REDIRECT_URI          (FOREIGN_MODULES: where oidc-provider is installed)
import { createRequire } from 'node:module';
import { generateKeyPairSync } from 'node:crypto';
import { createServer } from 'node:http';
import { pathToFileURL } from 'node:url';
import { join } from 'node:path';

const require = createRequire(join(process.env.FOREIGN_MODULES, 'package.json'));
const { Provider } = await import(pathToFileURL(require.resolve('oidc-provider')).href);

const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });

const server = createServer();
server.listen(0, '127.0.0.1', () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const client = (id, more) => ({
    client_id: id, client_secret: 's3cret', redirect_uris: [process.argv[2]],
    response_types: ['code'], grant_types: ['authorization_code'], ...more,
  });
  const provider = new Provider(issuer, {
    clients: [client('desk', {}), client('ec', { id_token_signed_response_alg: 'ES256' }),
      client('shared', { id_token_signed_response_alg: 'HS256' })],
    claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name'] },
    // With true, address and name are told by the userinfo endpoint only, as the standard has it.
    conformIdTokenClaims: process.env.CONFORM === '1',
    pkce: { required: () => true },
    enabledJWA: { idTokenSigningAlgValues: ['RS256', 'ES256', 'HS256'] },
    jwks: { keys: [rsa, ec].map((key) => key.privateKey.export({ format: 'jwk' })) },
    cookies: { keys: ['only for tests'] },
    findAccount: (_, id) => ({
      accountId: id,
      claims: () => ({ sub: id, email: `${id}@guests.example`, email_verified: id !== 'mallory', name: `Zoé ${id}` }),
    }),
  });
  server.on('request', provider.callback());
  console.log(issuer);
});
