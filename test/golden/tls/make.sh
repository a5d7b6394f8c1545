#!/bin/sh
# Makes the certificates of the TLS tests. They protect nothing: the keys are public.
# Needs OpenSSL 3 (made with 3.0). Good until the year 2125, so that no test fails by date.
set -eu
cd "$(dirname "$0")"
days=36500

authority() { # file, name
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -days $days \
    -subj "/CN=$2" -addext "basicConstraints=critical,CA:TRUE" \
    -addext "keyUsage=critical,keyCertSign" -keyout "$1.key" -out "$1.pem"
}

leaf() { # file, name, authority, usage, more
  openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -subj "/CN=$2" \
    -keyout "$1.key" -out "$1.csr"
  printf "extendedKeyUsage=%s\n%s\n" "$4" "$5" > "$1.ext"
  openssl x509 -req -in "$1.csr" -CA "$3.pem" -CAkey "$3.key" -days $days \
    -extfile "$1.ext" -out "$1.pem"
  rm "$1.csr" "$1.ext"
}

here='subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1'
authority ca "Spoor test authority"
authority other-ca "Another test authority"
leaf server "server one" ca serverAuth "$here"
leaf server-two "server two" ca serverAuth "$here"
leaf client "a client" ca clientAuth ""
leaf stranger "a stranger" other-ca clientAuth ""
rm -f ./*.srl ca.key other-ca.key
