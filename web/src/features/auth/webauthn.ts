// Passkeys: what the house asks for is JSON with base64url texts; what browsers want, and give, is bytes.

const bytes = (text: string) =>
  Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), (c) => c.charCodeAt(0))
const text = (buffer: ArrayBuffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer)))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replace(/=+$/, '')

type Described = { id: string; type: 'public-key'; transports?: AuthenticatorTransport[] }
type Asked = {
  publicKey: {
    challenge: string
    allowCredentials?: Described[]
    excludeCredentials?: Described[]
    user?: { id: string; name: string; displayName: string }
  } & Record<string, unknown>
}

const described = (list: Described[] | undefined) => list?.map((one) => ({ ...one, id: bytes(one.id) }))

/** Whether this browser has passkeys, here. */
export const hasPasskeys = () => typeof PublicKeyCredential !== 'undefined' && isSecureContext

/** Has the browser make a passkey. */
export async function makePasskey(options: object): Promise<Record<string, unknown>> {
  const { publicKey } = options as Asked
  const made = (await navigator.credentials.create({
    publicKey: {
      ...publicKey,
      challenge: bytes(publicKey.challenge),
      user: { ...publicKey.user, id: bytes(publicKey.user?.id ?? '') },
      excludeCredentials: described(publicKey.excludeCredentials),
    } as unknown as PublicKeyCredentialCreationOptions,
  })) as PublicKeyCredential
  const response = made.response as AuthenticatorAttestationResponse
  return {
    id: made.id,
    rawId: text(made.rawId),
    type: made.type,
    extensions: made.getClientExtensionResults(),
    response: {
      attestationObject: text(response.attestationObject),
      clientDataJSON: text(response.clientDataJSON),
      transports: response.getTransports?.(),
    },
  }
}

/** Has the browser show a passkey. */
export async function showPasskey(options: object, signal?: AbortSignal): Promise<Record<string, unknown>> {
  const { publicKey } = options as Asked
  const shown = (await navigator.credentials.get({
    signal,
    publicKey: {
      ...publicKey,
      challenge: bytes(publicKey.challenge),
      allowCredentials: described(publicKey.allowCredentials),
    } as unknown as PublicKeyCredentialRequestOptions,
  })) as PublicKeyCredential
  const response = shown.response as AuthenticatorAssertionResponse
  return {
    id: shown.id,
    rawId: text(shown.rawId),
    type: shown.type,
    extensions: shown.getClientExtensionResults(),
    response: {
      authenticatorData: text(response.authenticatorData),
      clientDataJSON: text(response.clientDataJSON),
      signature: text(response.signature),
      userHandle: response.userHandle ? text(response.userHandle) : null,
    },
  }
}
