#!/bin/sh
# Shows what a container for an hour costs and how it is paid: the 402 that every buyer of x402 answers. Buys nothing.
#
#     sh rent.sh https://inn.example
set -eu
house=$1
head=$(mktemp)
trap 'rm -f "$head"' EXIT

# Version 1 of the protocol finds what is asked in the body.
curl --silent --show-error --dump-header "$head" "$house/api/v1/leases" \
    --header 'Content-Type: application/json' \
    --data '{"minutes": 60, "size": {"cores": 1, "memory_mib": 512, "disk_gib": 4}}'
echo

# Version 2 finds it in a header, base64 of JSON. Who pays sends the same request again with PAYMENT-SIGNATURE.
tr -d '\r' <"$head" | awk 'tolower($1) == "payment-required:" { print $2 }' | base64 -d
echo
