# Sourced by tools/run: the demo account, made on the first start, and its virtual phones, made on every start.
# shellcheck shell=bash

# api <method> <path> [json]: a call with the demo's key.
api() {
  curl -fsS -X "$1" "$URL$2" -H "Authorization: Bearer $API_KEY" -H 'Content-Type: application/json' ${3:+-d "$3"}
}

simulator() { curl -fsS -X "$1" "$SIMULATOR$2" -H 'Content-Type: application/json' ${3:+-d "$3"}; }

make_demo() {
  if [[ ! -s $DATA/demo.env ]]; then
    local account sims=() tokens=() channel number
    account=$(curl -fsS -X POST "$URL/v1/accounts" -H "Authorization: Bearer $(cat "$DATA/operator.key")" \
      -H 'Idempotency-Key: demo-account' -H 'Content-Type: application/json' \
      -d '{"display_name":"Demo newsroom","time_zone":"Europe/Vienna","default_language":"en"}')
    API_KEY=$(jq -re .secret <<<"$account")
    channel=$(api POST /v1/channels '{"display_name":"News","keyword":"NEWS","description":"The news of the day","listed":true}' | jq -re .id)
    for number in +43664100001 +43664100002; do
      sims+=("$(api POST /v1/sims "{\"network\":\"NETWORK_WHATSAPP\",\"address\":\"$number\",\"display_name\":\"Demo newsroom\",\"capacity\":50000}" | jq -re .id)")
      tokens+=("$(api POST "/v1/sims/${sims[-1]}/agent-tokens" '{}' | jq -re .token)")
    done
    (umask 077 && printf 'API_KEY=%s\nCHANNEL=%s\nSIMS="%s"\nTOKENS="%s"\n' "$API_KEY" "$channel" "${sims[*]}" "${tokens[*]}" >"$DATA/demo.env")
  fi
  # shellcheck disable=SC1091
  source "$DATA/demo.env"
  local sims=() tokens=() i numbers=(+43664100001 +43664100002)
  read -ra sims <<<"$SIMS"
  read -ra tokens <<<"$TOKENS"
  for i in 0 1; do
    simulator POST /agents "{\"sim_id\":\"${sims[i]}\",\"network\":\"WHATSAPP\",\"address\":\"${numbers[i]}\",\"token\":\"${tokens[i]}\",\"gateway\":\"127.0.0.1:$((PORT + 3))\"}" >/dev/null
  done
  # The virtual phones +4366450000 … +4366450009.
  simulator POST /phones '{"network":"WHATSAPP","address":"+436645000","name":"Anna","count":10}' >/dev/null
}

demo_text() {
  cat <<TEXT
  API key        $API_KEY   (demo account)

Try it: a virtual phone writes in and gets the welcome; then it subscribes to "News" and gets a broadcast.
  curl '$SIMULATOR/phones/WHATSAPP/%2B4366450000000:write' --json '{"to":"+43664100001","text":"News"}'
  curl $URL/v1/broadcasts -H 'Authorization: Bearer $API_KEY' --json '{"content":{"text":{"body":"Hello {{name|you}} 👋"}},"audience":{"channels":["$CHANNEL"]}}'
  curl '$SIMULATOR/phones/WHATSAPP/%2B4366450000000'
TEXT
}
