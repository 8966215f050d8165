#!/bin/sh
# Every request the older service's paper names, as curl sends it, against a gateway started with that paper's configuration
# (base.yaml beside this file, unchanged). Each line says what was asked and what came back; the first that is not as the
# paper says ends the script.
#
#   ADMIN_API_KEY=... curls.sh [BASE]        BASE is http://localhost:3010, as in the paper
set -eu
BASE=${1:-http://localhost:3010}
KEY="X-Admin-API-Key: $ADMIN_API_KEY"
JSON="Content-Type: application/json"
ANSWER=$(mktemp)
trap 'rm -f "$ANSWER"' EXIT

# want STATUS TEXT CURL-ARGUMENTS...: the answer has this status, and this text in it.
want() {
  status=$1 text=$2
  shift 2
  got=$(curl --silent --show-error --max-time 40 --output "$ANSWER" --write-out '%{http_code}' --header "$KEY" "$@")
  echo "$got  $*"
  if [ "$got" != "$status" ] || { [ -n "$text" ] && ! grep -q -e "$text" "$ANSWER"; }; then
    echo "wanted $status and \`$text\`; got: $(cat "$ANSWER")" >&2
    exit 1
  fi
}

# Instance management
want 200 '"name":"instance1"' "$BASE/instances"
want 200 '"name":"instance1"' "$BASE/instances?provider_type=azure&model=gpt-4o&status=unknown&name=inst"
want 200 '"data":\[\]' "$BASE/instances?model=gpt-5"
want 200 '"status":"unknown"' "$BASE/instances/instance1"
want 200 '"stats":' "$BASE/instances/instance1"
want 200 '"api_base":"https://example.openai.azure.com"' "$BASE/instances/config/instance1"
want 200 '"max_tpm":240000' "$BASE/instances/config/all"
want 200 '"checks":\[' --request POST "$BASE/instances/verify/instance1?calls=none"
want 200 '"checks":\[' "$BASE/instances/verify/instance1?calls=none"
want 201 '"changed":true' --request POST --header "$JSON" "$BASE/instances/add" --data '{
  "name": "instance2", "provider_type": "azure", "api_key": "key-of-instance-2", "api_base": "https://example2.openai.azure.com",
  "api_version": "2024-08-01-preview", "priority": 50, "weight": 100, "max_tpm": 100000,
  "supported_models": ["gpt-4o-2024-11-20"], "model_deployments": {"gpt-4o-2024-11-20": "gpt4o-november"}}'
want 409 'already' --request POST --header "$JSON" "$BASE/instances/add" --data '{"name": "instance2", "provider_type": "azure"}'
want 422 'reserved' --request POST --header "$JSON" "$BASE/instances/add" --data '{
  "name": "add-many", "provider_type": "azure", "api_key": "key-of-nobody", "api_base": "https://example.openai.azure.com"}'
want 201 '"changed":true' --request POST --header "$JSON" "$BASE/instances/add-many" --data '[
  {"name": "instance3", "provider_type": "azure", "api_key": "key-of-instance-3", "api_base": "https://example3.openai.azure.com", "model_deployments": {"gpt-4": "g4"}},
  {"name": "instance4", "provider_type": "azure", "api_key": "key-of-instance-4", "api_base": "https://example4.openai.azure.com", "model_deployments": {"gpt-4": "g4"}}]'
# All or none: the second one is there already, so the first one is not added.
want 409 'instance3' --request POST --header "$JSON" "$BASE/instances/add-many" --data '[
  {"name": "instance5", "provider_type": "azure", "api_key": "key-of-instance-5", "api_base": "https://example5.openai.azure.com"},
  {"name": "instance3", "provider_type": "azure", "api_key": "key-of-instance-3", "api_base": "https://example3.openai.azure.com"}]'
want 404 'instance5' "$BASE/instances/instance5"
want 200 '"is":"200"' --request PATCH --header "$JSON" "$BASE/instances/instance2" --data '{"priority": 200}'
want 200 '"priority":200' "$BASE/instances/config/instance2"
want 200 '"changed":true' --request DELETE "$BASE/instances/instance2"
want 404 'instance2' "$BASE/instances/instance2"

# Statistics
want 200 '"calls":' "$BASE/stats"
want 200 '"window_seconds":3600' "$BASE/stats/windows"
want 200 '"name":"instance1"' "$BASE/stats/instances"
want 200 '"status":"healthy"' "$BASE/stats/health"
want 200 'since_unix_ms' --request POST "$BASE/stats/reset"

# Configuration
want 200 '"version":"1.2.0"' "$BASE/config"
want 200 '"revision":' --request POST "$BASE/config/reload"

# Admin
want 200 '"layer":"database"' "$BASE/admin/config/sources"
want 200 '"path":"providers.instance1.base_url"' "$BASE/admin/config/instances/instance1/sources"
want 200 '"instance1"' "$BASE/admin/config/effective"
want 200 '"revision":' --request POST "$BASE/admin/config/reload"

# What moved, and what went
want 308 '' "$BASE/verification/instances/instance1"
want 200 '"checks":\[' --location "$BASE/verification/instances/instance1?calls=none"
want 308 '' "$BASE/health/instances/instance1"
want 200 '"status":"unknown"' --location "$BASE/health/instances/instance1"
want 308 '' "$BASE/health/instances"
want 200 '"name":"instance1"' --location "$BASE/health/instances"
want 404 '' "$BASE/verification/instances/test"

# Without the key nothing of it
status=$(curl --silent --output "$ANSWER" --write-out '%{http_code}' "$BASE/admin/config/sources")
[ "$status" = 401 ] || { echo "without a key: $status" >&2; exit 1; }
if curl --silent --header "$KEY" "$BASE/config" "$BASE/instances/config/all" "$BASE/admin/config/sources" | grep -q 'key-of-'; then
  echo "a key is shown" >&2
  exit 1
fi
echo "All as the paper says."
