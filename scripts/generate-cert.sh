#!/bin/bash
# Makes a self-signed certificate for development (S26), valid for a year:
#   scripts/generate-cert.sh [HOSTNAME] [FOLDER]
# martlet makes its own when none is configured; this is for tests of tls.certificate and tls.key.
set -euo pipefail
name=${1:-localhost}
folder=${2:-.}
umask 077
mkdir -p "$folder"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 365 -subj "/CN=$name" \
    -addext "subjectAltName=DNS:$name,DNS:localhost,IP:127.0.0.1,IP:::1" \
    -keyout "$folder/key.pem" -out "$folder/certificate.pem" 2>/dev/null
echo "Made $folder/certificate.pem and $folder/key.pem. Use them with:"
echo "  MARTLET_TLS_CERTIFICATE=$folder/certificate.pem MARTLET_TLS_KEY=$folder/key.pem"
