# Sourced by tools/run: the demo account, made on the first start, and its virtual phones, agents and doubles of providers, which
# the simulator must be told of on every start.
# shellcheck shell=bash

# Credentials of the demo's SIMs at providers. They open nothing but the simulator's doubles.
DEMO_META='"app_secret":"demo-app-secret","verify_token":"demo-verify-token"'
DEMO_BOT_TOKEN=1234567:DEMO-DEMO-DEMO-DEMO-DEMO-DEMO-DEMO-
DEMO_CALLBACK_TOKEN=demo-callback-token

# api <method> <path> [json]: a call with the demo's key.
api() {
  curl -fsS -X "$1" "$URL$2" -H "Authorization: Bearer $API_KEY" -H 'Content-Type: application/json' ${3:+-d "$3"}
}

simulator() { curl -fsS -X "$1" "$SIMULATOR$2" -H 'Content-Type: application/json' ${3:+-d "$3"}; }

# provider_sim <driver> <network> <address> <simulator's path> <driver's settings> <double's settings> [callback's query]: a SIM
# at a provider, made if there is none at this address, and its double. The simulator may be at another port than last time.
provider_sim() {
  local driver=$1 network=$2 address=$3 base=$SIMULATOR/$4 sim before callback
  # First: whoever saves a SIM's credentials is told whether the provider takes them.
  simulator POST /doubles "{\"driver\":\"$driver\",\"address\":\"$address\",$6}" >/dev/null
  sim=$(api GET '/v1/sims?page_size=1000' | jq -r --arg address "$address" '.sims[]? | select(.address == $address) | .id')
  if [[ -z $sim ]]; then
    sim=$(api POST /v1/sims "{\"network\":\"NETWORK_$network\",\"address\":\"$address\",\"display_name\":\"Demo newsroom\",\"capacity\":1000,\
\"driver\":{\"$driver\":{\"base_url\":\"$base\",$5}}}" | jq -re .id)
  else
    before=$(api GET "/v1/sims/$sim" | jq -re ".driver.$driver.base_url")
    [[ $before == "$base" ]] ||
      api PATCH "/v1/sims/$sim" "{\"driver\":{\"$driver\":{\"base_url\":\"$base\"}}}" >/dev/null
  fi
  callback=$(api GET "/v1/sims/$sim" | jq -re .driver.callback_url)
  simulator POST "/doubles/${address/+/%2B}:callback?network=$network" "{\"url\":\"$callback${7:-}\"}" >/dev/null
}

# One SIM of each network, and somebody at it.
make_provider_sims() {
  provider_sim whatsapp_cloud WHATSAPP +43664100003 whatsapp \
    "\"phone_number_id\":\"106500000000003\",\"business_account_id\":\"205500000000001\",\"access_token\":\"demo-access-token\",$DEMO_META" \
    "\"sender_id\":\"106500000000003\",\"business_id\":\"205500000000001\",\"token\":\"demo-access-token\",$DEMO_META,\
\"templates\":[{\"name\":\"hello_world\",\"language\":\"en_US\"}]"
  provider_sim telegram TELEGRAM demo_news_bot telegram \
    "\"bot_token\":\"$DEMO_BOT_TOKEN\",\"secret_token\":\"demo-secret-token\"" \
    "\"token\":\"$DEMO_BOT_TOKEN\",\"verify_token\":\"demo-secret-token\",\"strangers\":true"
  provider_sim messenger MESSENGER demo.news messenger \
    "\"page_id\":\"106600000000001\",\"page_token\":\"demo-page-token\",$DEMO_META" \
    "\"sender_id\":\"106600000000001\",\"token\":\"demo-page-token\",$DEMO_META"
  provider_sim sms_kannel SMS +43664100004 kannel \
    "\"username\":\"demo\",\"password\":\"demo-password\",\"callback_token\":\"$DEMO_CALLBACK_TOKEN\"" \
    '"sender_id":"demo","token":"demo-password"' "?token=$DEMO_CALLBACK_TOKEN"
  simulator POST /phones '{"network":"TELEGRAM","address":"4711","name":"Berta"}' >/dev/null
  simulator POST /phones '{"network":"MESSENGER","address":"24000000000001","name":"Cilli"}' >/dev/null
  simulator POST /phones '{"network":"SMS","address":"+4366460000000","name":"Dora"}' >/dev/null
  # The doubles have forgotten who has written before a restart; the product has not.
  simulator POST '/doubles/%2B43664100003:window' '{"phone":"+4366450000001"}' >/dev/null
  simulator POST '/doubles/demo.news:window' '{"phone":"24000000000001"}' >/dev/null
}

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
  make_provider_sims
}

demo_text() {
  cat <<TEXT
  API key        $API_KEY   (demo account)

Try it: a virtual phone writes in and gets the welcome; then it subscribes to "News" and gets a broadcast.
  curl '$SIMULATOR/phones/WHATSAPP/%2B4366450000000:write' --json '{"to":"+43664100001","text":"News"}'
  curl $URL/v1/broadcasts -H 'Authorization: Bearer $API_KEY' --json '{"content":{"text":{"body":"Hello {{name|you}} 👋"}},"audience":{"channels":["$CHANNEL"]}}'
  curl '$SIMULATOR/phones/WHATSAPP/%2B4366450000000'

The same on SIMs at providers, here the simulator's doubles of the WhatsApp Cloud API, Telegram, Messenger and Kannel:
  curl '$SIMULATOR/phones/WHATSAPP/%2B4366450000001:write' --json '{"to":"+43664100003","text":"News"}'
  curl '$SIMULATOR/phones/TELEGRAM/4711:write' --json '{"to":"demo_news_bot","text":"News"}'
  curl '$SIMULATOR/phones/MESSENGER/24000000000001:write' --json '{"to":"demo.news","text":"News"}'
  curl '$SIMULATOR/phones/SMS/%2B4366460000000:write' --json '{"to":"+43664100004","text":"News"}'
The broadcast then reaches these, too; curl '$SIMULATOR/phones/TELEGRAM/4711' and so on shows it.
TEXT
}
