#!/usr/bin/env bash
# Shows that the foreign buyers and the hostile tools work, without our program: starts the test chain and a seller of a
# few lines, buys with every buyer, and compares balances. Needs what install.sh installs.
#
#     tests/foreign/x402/smoke.sh
set -euo pipefail
folder=$(realpath "${FOREIGN_X402:-${CARGO_TARGET_DIR:-$(dirname "$0")/../../../target}/foreign/x402}")
cd "$(dirname "$0")"
export FOREIGN_X402=$folder CHAIN_MODULES=$folder/chain FOREIGN_MODULES=$folder/node
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# Both end when nobody holds the other end of their standard input any more, so with this script.
mkfifo "$scratch/hold"
RPC_PORT=0 FAC_PORT=0 node ../../../deploy/chain/stack.mjs <"$scratch/hold" >"$scratch/stack" &
exec 3>"$scratch/hold"
first_line() {
    for _ in $(seq 200); do
        if [ -s "$1" ]; then return; fi
        sleep 0.05
    done
    echo "$1 did not start" >&2
    exit 1
}
field() { node -p "JSON.parse(require('fs').readFileSync('$1', 'utf8').trim()).$2"; }
begun=$(date +%s%N)
took() { echo "$((($(date +%s%N) - begun) / 1000000)) ms"; }

first_line "$scratch/stack"
echo "chain up after $(took)"
RPC=$(field "$scratch/stack" rpc)
export RPC
alice=$(field "$scratch/stack" addresses.alice) bob=$(field "$scratch/stack" addresses.bob)
seller=$(field "$scratch/stack" addresses.seller)
alice_key=$(field "$scratch/stack" keys.alice) bob_key=$(field "$scratch/stack" keys.bob)

FACILITATOR=$(field "$scratch/stack" facilitator) PAY_TO=$seller NETWORK=$(field "$scratch/stack" network) \
    USDC=$(field "$scratch/stack" usdc) node seller.mjs <"$scratch/hold" >"$scratch/seller" 3>&- &
first_line "$scratch/seller"
URL=$(field "$scratch/seller" url)

check() {
    if [ "$2" != "$3" ]; then
        echo "$1: $2, where $3 was expected" >&2
        exit 1
    fi
    echo "$1: $2"
}
attack() { node attack.mjs "$@" >"$scratch/said" || { cat "$scratch/said" >&2 && exit 1; }; }
said() { field "$scratch/said" "$1"; }
balance() {
    attack balance "$1"
    said usdc
}
buy() { # CLIENT KEY HOURS
    local start
    start=$(date +%s%N)
    KEY=$2 ./run.sh "$1" POST "$URL" "{\"hours\":$3}" >"$scratch/bought" || { cat "$scratch/bought" >&2 && exit 1; }
    check "$1 after $((($(date +%s%N) - start) / 1000000)) ms" \
        "$(field "$scratch/bought" status) $(field "$scratch/bought" payment_response.success)" "201 true"
}

buy fetch "$alice_key" 1
buy axios "$alice_key" 2
buy httpx "$bob_key" 3
buy requests "$bob_key" 4
buy reqwest "$alice_key" 5
buy v1 "$bob_key" 6
check "seller has" "$(balance "$seller")" 210000
check "alice has" "$(balance "$alice")" 999920000
check "bob has" "$(balance "$bob")" 999870000

# More than a dollar: those with a limit refuse, until they are told otherwise.
for client in fetch httpx requests v1; do
    if KEY=$alice_key ./run.sh $client POST "$URL" '{"hours":101}' >"$scratch/bought"; then
        echo "$client paid more than its limit" >&2
        exit 1
    fi
done
for client in fetch axios httpx requests reqwest v1; do
    MAX_USD=2 buy $client "$alice_key" 101
    if KEY=$alice_key MAX_USD=0.5 ./run.sh $client POST "$URL" '{"hours":51}' >"$scratch/bought"; then
        echo "$client paid more than MAX_USD" >&2
        exit 1
    fi
done
check "seller has" "$(balance "$seller")" $((210000 + 6 * 1010000))

# A seller who refuses is an answer as well.
for client in fetch axios httpx requests reqwest v1; do
    node -e "fetch(process.argv[1], { method: 'POST', body: JSON.stringify({ verify: ['lie-no'] }) })" \
        "$(field "$scratch/stack" facilitator)/fault"
    KEY=$alice_key ./run.sh $client POST "$URL" '{"hours":1}' >"$scratch/bought" || true
    check "$client, refused" "$(field "$scratch/bought" status)" 402
done

# The tools. The offer is taken from the header of a 402.
ask() { # HEADERS: prints the answer as JSON
    node -e "
        fetch(process.argv[1], { method: 'POST', body: JSON.stringify({ hours: 7 }), headers: JSON.parse(process.argv[2]) })
            .then(async got => console.log(JSON.stringify({ status: got.status, body: await got.json(),
                required: Buffer.from(got.headers.get('payment-required') ?? '', 'base64').toString() })))" "$URL" "$1"
}
pay() {
    ask "{\"PAYMENT-SIGNATURE\":\"$1\"}" >"$scratch/paid"
    field "$scratch/paid" status
}
ask '{}' >"$scratch/asked"
field "$scratch/asked" required >"$scratch/offer"
node -p "JSON.stringify($(cat "$scratch/asked").body)" >"$scratch/offer1"
export KEY=$bob_key

attack sign "$scratch/offer"
check "signed and sent by hand" "$(pay "$(said header)")" 201
attack sign "$scratch/offer1"
check "signed for version 1" "$(said name)" X-PAYMENT
for wrong in "--value 1" "--to $alice" "--validBefore 1" "--validAfter 9999999999" "--from $alice" "--key $alice_key"; do
    # shellcheck disable=SC2086
    attack sign "$scratch/offer" $wrong
    check "signed with $wrong" "$(pay "$(said header)")" 402
done

attack sign "$scratch/offer"
header=$(said header) nonce=$(said message.payload.authorization.nonce)
attack broadcast "$header"
check "broadcast before anybody settled" "$(said status)" success
tx=$(said transaction)
attack used "$bob" "$nonce"
check "its nonce is used" "$(said used)" true
attack from-chain "$tx" "$scratch/offer"
node -e "
    const [ours, theirs] = process.argv.slice(1).map(header => JSON.parse(Buffer.from(header, 'base64')).payload);
    require('assert').deepEqual(theirs, ours)" "$header" "$(said header)"
echo "a stranger has the same payment from the chain"

# What the facilitator sent can be read as well.
KEY=$alice_key ./run.sh fetch POST "$URL" '{"hours":7}' >"$scratch/bought"
attack from-chain "$(field "$scratch/bought" payment_response.transaction)" "$scratch/offer"
check "read from the facilitator's transaction" "$(said message.payload.authorization.from)" "$alice"

attack sign "$scratch/offer"
header=$(said header) nonce=$(said message.payload.authorization.nonce)
attack cancel "$nonce"
check "cancelled" "$(said status)" success
check "a cancelled payment" "$(pay "$header")" 402
attack empty
check "emptied" "$(said status)" success
check "bob has" "$(balance "$bob")" 0

now=$(date -u +%Y-%m-%dT%H:%M:%S.000Z)
challenge='{"info":{"domain":"house.example","uri":"https://house.example/leases","version":"1","nonce":"a1b2c3d4e5f67890",
"issuedAt":"'$now'","statement":"Look after my leases"},"supportedChains":[{"chainId":"eip155:84532","type":"eip191"}]}'
node siwx.mjs https://house.example/leases "$challenge" >"$scratch/official"
node siwx.mjs https://house.example/leases "$challenge" --by-hand >"$scratch/said"
check "signed in alike" "$(said proof.signature)" "$(field "$scratch/official" proof.signature)"
if node siwx.mjs https://other.example/ "$challenge" >"$scratch/official"; then
    echo "a challenge of another origin was signed" >&2
    exit 1
fi

# Letting go of their standard input ends them both.
exec 3>&-
wait
echo "all of it after $(took)"
