#!/bin/sh
# Makes the secrets of compose.yaml, in the folder `secrets` beside this file or the one that is given. Files that exist stay.
# The folder is closed to others; the files in it are not, because each container reads them as a user of its own.
set -eu
folder="${1:-$(dirname "$0")/secrets}"
mkdir -p "$folder"
chmod 700 "$folder"
random() { od -An -N24 -tx1 /dev/urandom | tr -d ' \n'; }
# NAME CONTENT
keep() { [ -e "$folder/$1" ] || printf '%s\n' "$2" >"$folder/$1"; chmod 644 "$folder/$1"; }
# Passwords first: what contains them is made of the files.
for name in admin-token cluster-secret watch-secret edge-token postgres-password redis-password rabbitmq-password s3-secret; do
    keep "$name" "$(random)"
done
in_file() { cat "$folder/$1"; }
keep store-url "postgres://oxbow:$(in_file postgres-password)@postgres:5432/oxbow"
keep redis-url "redis://:$(in_file redis-password)@redis:6379/0"
keep amqp-url "amqp://oxbow:$(in_file rabbitmq-password)@rabbitmq:5672"
keep redis.conf "requirepass $(in_file redis-password)"
keep rabbitmq.conf "default_user = oxbow
default_pass = $(in_file rabbitmq-password)"
keep s3.json "{\"identities\":[{\"name\":\"oxbow\",\"credentials\":[{\"accessKey\":\"oxbow\",\"secretKey\":\"$(in_file s3-secret)\"}],\"actions\":[\"Admin\",\"Read\",\"List\",\"Tagging\",\"Write\"]}]}"
# Of the profile `worker`; filled by `oxbow token add`, see docs/9-run/compose.md.
[ -e "$folder/worker-token" ] || : >"$folder/worker-token"
chmod 644 "$folder/worker-token"
